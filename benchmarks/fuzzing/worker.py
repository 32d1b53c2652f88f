"""A process that runs inputs through the command line and tells what came of each: one line of JSON a message.

Imports of Froude happen here alone, from whichever checkout PYTHONPATH names.
"""

import contextlib
import faulthandler
import json
import os
import re
import resource
import shutil
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from fuzzing.drawing import draw
from fuzzing.inputs import Input, Material, write

MOST_MEMORY = 6 * 2**30
MOST_WRITTEN = 2**30
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
STACK = "stack.txt"
"""Where a worker that is killed or dies leaves where it was."""

Tell = Callable[[dict[str, Any]], None]


def main() -> None:
    """Runs each input whose number stands in a line of stdin: `worker.py SEED MATERIAL FOLDER`."""
    seed, material, place = int(sys.argv[1]), Material.read(Path(sys.argv[2])), Path(sys.argv[3])
    orders, channel = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_WRITTEN, MOST_WRITTEN))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with open(place / STACK, "w") as stack:
        faulthandler.enable(stack, all_threads=False)
        faulthandler.register(STOP, stack, all_threads=False)
        serve(orders, channel, lambda index: draw(seed, index, material), place)


STOP = 10  # SIGUSR1, by which a worker says where it is


def serve(orders: Iterable[str], channel: IO[str], drawn: Callable[[int], Input], place: Path) -> None:
    """Performs inputs one by one, each in a fresh folder, and writes a line for each command and after each input."""

    def tell(message: dict[str, Any]) -> None:
        channel.write(json.dumps(message) + "\n")
        channel.flush()

    catch_refusals()
    for line in orders:
        index = int(line)
        folder = Path(tempfile.mkdtemp(dir=place))
        try:
            perform(drawn(index), folder, place, tell)
        finally:
            os.chdir(place)
            shutil.rmtree(folder, ignore_errors=True)
        tell({"done": index})


def perform(given: Input, folder: Path, place: Path, tell: Tell) -> None:
    """Runs the commands of an input in a folder, until one is refused; tells of each what came of it."""
    write(folder, given.files)
    for words in given.commands:
        os.chdir(folder)
        before = bodies(folder)
        tell({"begins": words, "kind": given.kind})
        outcome = attempt(words, place)
        kept = given.kind == "study" or "--study" in words  # whose files the command keeps
        tell({**outcome, "files": None if kept else damage(before, bodies(folder), outcome["code"])})
        if outcome["code"] != 0:
            return


def bodies(folder: Path) -> dict[str, int]:
    """What the plain files below a folder hold, as a number each."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(folder).as_posix(): hash(path.read_bytes()) for path in paths}


def damage(before: dict[str, int], after: dict[str, int], code: int | None) -> str | None:
    """What a command did to files that it should have left alone: changed one, or left one behind and failed."""
    changed = [name for name, body in before.items() if after.get(name) != body]
    new = [name for name in after if name not in before]
    if changed:
        return f"changed {changed[0]!a}"
    return f"left {new[0]!a} behind" if new and code != 0 else None


def attempt(words: tuple[str, ...], place: Path) -> dict[str, Any]:
    """What came of one command: exit code or error, what it printed on stderr, how much its memory grew."""
    from froude.cli import run

    REFUSALS.clear()
    error, code = None, None
    before = reset_peak()
    with open(place / "out.txt", "w+b") as out, open(place / "err.txt", "w+b") as err, into(out, err):
        try:
            with warnings.catch_warnings():  # each is shown again in every command
                code = run(list(words))
        except SystemExit as leave:
            code = leave.code if isinstance(leave.code, int) else int(leave.code is not None)
        except BaseException as caught:
            error = described(caught)
    printed, shown = ((place / name).read_bytes().decode("utf-8", "replace") for name in ("err.txt", "out.txt"))
    return {
        "code": code,
        "error": error,
        "refused": REFUSALS[-1] if REFUSALS else None,
        "stderr": printed[:20000],
        "escapes": any(map(CONTROL.search, (printed, shown))),
        "grown": peak() - before,
    }


@contextlib.contextmanager
def into(*files: IO[bytes]) -> Iterator[None]:
    """A context in which what the process prints on stdout and stderr goes into two files, whoever prints it."""
    for number, file in enumerate(files, 1):
        os.dup2(file.fileno(), number)
    sys.stdout = open(1, "w", encoding="utf-8", errors="strict", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


REFUSALS: list[str] = []
"""Where the errors were raised that the command in progress answered by a line and an exit code."""


def catch_refusals() -> None:
    """Remembers where an error was raised whenever the command line makes it a sentence."""
    from froude.cli import app

    answer = getattr(app, "exit_code_of")  # noqa: B009, which it imports for itself

    def remembered(error: BaseException) -> int:
        REFUSALS.append(site(error))
        return answer(error)

    setattr(app, "exit_code_of", remembered)  # noqa: B010


def described(error: BaseException) -> dict[str, str]:
    """An error that nothing answered: its type, its text, and where in Froude it came from."""
    try:
        text = str(error)
    except Exception as other:
        text = f"(no text: {type(other).__name__})"
    shown = "".join(traceback.format_tb(error.__traceback__))
    return {"type": type(error).__name__, "text": text[:300], "site": site(error), "traceback": shown[-6000:]}


def site(error: BaseException) -> str:
    """The innermost line of Froude that an error passed, as file:line; the innermost of all where there is none."""
    import froude

    top = str(Path(froude.__file__).parent) + os.sep
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    ours = [(name, line) for name, line in frames if name.startswith(top)] or frames or [("?", 0)]
    name, line = ours[-1]
    return f"{name.removeprefix(top)}:{line}"


def reset_peak() -> int:
    """Makes the peak of resident memory what it is now, and returns that, in bytes."""
    with contextlib.suppress(OSError):  # where it cannot be reset it is that of the whole life: growth is found once
        Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak() -> int:
    """The peak of resident memory, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
