"""The blocks of README.md and docs/questions.md: what a command or a line of Python is said to print, and prints now.

`python tests/support/readme.py` writes the blocks of both again. That of `froude pilot`, which trains for minutes,
is what `python benchmarks/pilot.py --story` recorded; `python tests/support/readme.py --pilot FILE` compares what a
shorter one printed with it, line by line with numbers masked.
"""

import ast
import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCUMENTS = (README, ROOT / "docs" / "questions.md")
FENCED = re.compile(r"^```(?P<kind>console|pycon)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
NUMBER = re.compile(r"\d[\d,.]*(?:e[+-]?\d+)?")
PILOT = "froude pilot"


@dataclass(frozen=True)
class Block:
    """A fenced block of commands with what they print; `kind` is console or pycon, its text lies from begin to end."""

    kind: str
    text: str
    begin: int
    end: int

    @property
    def is_pilot(self) -> bool:
        """Whether it is the block that trains for minutes."""
        return self.text.startswith(f"$ {PILOT}")


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a document, in order."""
    for found in FENCED.finditer(text):
        yield Block(found["kind"], found["text"], found.start("text"), found.end("text"))


def recorded_story() -> str:
    """The pilot's block as its benchmark recorded it."""
    rows = json.loads((ROOT / "benchmarks" / "results" / "pilot_story.json").read_text())["rows"]
    return "".join(f"{row['line']}\n" for row in rows)


def performed(text: str, folder: Path) -> Iterator[tuple[Block, str]]:
    """Every block with what it is when its commands are run one after the other in a folder; the pilot's as recorded.

    The folder gets the repository's examples, as a clone has them.
    """
    (folder / "examples").symlink_to(ROOT / "examples")
    names: dict[str, Any] = {}
    for block in blocks(text):
        if block.is_pilot:
            yield block, recorded_story()
        else:
            yield block, (shell if block.kind == "console" else python)(block.text, folder, names)


def shell(text: str, folder: Path, _: object = None) -> str:
    """A console block with what its commands print now."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "COLUMNS": "80"}
    parts = []
    for lines in commands(text, "$ ", "> "):
        command = "\n".join(line[2:] for line in lines)
        done = subprocess.run(
            ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        parts.append("\n".join(lines) + "\n" + done.stdout + done.stderr)
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def python(text: str, folder: Path, names: dict[str, Any]) -> str:
    """A block of Python with what its lines show now."""
    parts = []
    for lines in commands(text, ">>> ", "... "):
        source, printed = "\n".join(line[4:] for line in lines), io.StringIO()
        with contextlib.chdir(folder), contextlib.redirect_stdout(printed):
            if isinstance(ast.parse(source).body[-1], ast.Expr):
                print(repr(eval(source, names)))
            else:
                exec(source, names)
        parts.append("\n".join(lines) + "\n" + printed.getvalue())
    return "".join(parts)


def commands(text: str, first: str, more: str) -> Iterator[list[str]]:
    """The lines of every command of a block, with their marks."""
    lines: list[str] = []
    for line in text.splitlines():
        if lines and line.startswith(more):
            lines.append(line)
            continue
        if lines:
            yield lines
        lines = [line] if line.startswith(first) else []
    if lines:
        yield lines


def words_and_numbers(text: str) -> tuple[list[str], list[float]]:
    """A text's lines with numbers masked, blanks and rules as one, and its numbers in order."""
    numbers = [float(found.replace(",", "").rstrip(".")) for found in NUMBER.findall(text)]
    lines = [re.sub(r"\s+|─+|[▏▎▍▌▋▊▉█]+", " ", NUMBER.sub("#", line)).strip() for line in text.splitlines()]
    return lines, numbers


def story(text: str) -> list[str]:
    """The lines of a pilot's story with numbers, laws and paths masked and without those of single runs and doubts."""
    told: list[str] = []
    for line in text.splitlines():
        head, rest = line[:11].strip(), line[11:].strip()
        if head:
            told.append(f"{head} {rest}")
        elif told:
            told[-1] += f" {rest}"
    return [masked(line) for line in told if not line.startswith(("run ", "$"))]


def masked(line: str) -> str:
    """A line of a story without what differs from pilot to pilot."""
    line = re.sub(r"(?<=written down) .*", "", line)
    line = re.sub(r"(?<=manifest )\w+|(?<=page ).*", "#", line)
    line = re.sub(r"\b(?:kaplan-floor|varying-exponent|chinchilla-tied|chinchilla)\b", "LAW", line)
    line = re.sub(r"\d[\d,.]*(?: ?[KMGT]iB| ?[kMBT]\b| s\b| min\b|%)?", "#", line)
    line = re.sub(r"LAW #(?:(?: \+|,) LAW #)*|LAW(?=;)", "LAWS", line)
    return line.replace("outside the interval", "inside the interval")


def write(document: Path) -> None:
    """A document with every block as it is now."""
    text = document.read_text()
    with tempfile.TemporaryDirectory() as folder:
        for block, now in reversed(list(performed(text, Path(folder)))):
            text = text[: block.begin] + now + text[block.end :]
    document.write_text(text)


def compare_pilot(printed: Path) -> int:
    """Says where the story of a pilot differs from the README's, and returns how many lines do."""
    (block,) = (each for each in blocks(README.read_text()) if each.is_pilot)
    ours, theirs = story(block.text), story(printed.read_text())
    different = [(a, b) for a, b in zip(ours, theirs, strict=False) if a != b]
    for a, b in different:
        print(f"README: {a}\nnow:    {b}")
    if len(ours) != len(theirs):
        print(f"README has {len(ours)} lines, the pilot {len(theirs)}")
    return len(different) + abs(len(ours) - len(theirs))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--pilot"]:
        sys.exit(compare_pilot(Path(sys.argv[2])) > 0)
    for each in DOCUMENTS:
        write(each)
