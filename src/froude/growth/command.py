"""Commands as methods: programs run over growing sizes, and what their processes used."""

from __future__ import annotations

import functools
import hashlib
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from froude.errors import InputError
from froude.growth.experiment import Experiment
from froude.growth.timing import GRAINS, Sample, is_enough
from froude.programs import last_line, running, words_of
from froude.quantity import parse_quantity

SIZE = "{n}"
"""What stands for the size in a command."""

GRAIN_S = 1e-6  # of what a system says a process used
HIDDEN = 1.1  # times the peak of a program that does nothing, up to which a peak may be that of who starts it
LONGEST_NAME = 28  # letters of a method's name, so that a table of them fits a terminal


@final
@dataclass(frozen=True, kw_only=True)
class Command:
    """A program with its arguments, in which {n} stands for the size; other braces mean nothing.

    Called with a size it runs, as often as the clock needs, and returns a `Sample`: CPU seconds of the process and its
    children, seconds on the wall, resident memory at its peak, None below some 10 MB, and what it printed.
    InputError where it fails.
    """

    words: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Command:
        """The command that a line of a shell writes. InputError where it needs a shell, or its program is not found."""
        return cls(words=words_of(text))

    def at(self, size: float) -> list[str]:
        """The words at a size, which is written without a point where it is whole."""
        digits = str(int(size)) if float(size).is_integer() else repr(size)
        return [word.replace(SIZE, digits) for word in self.words]

    @property
    def depends_on_size(self) -> bool:
        """Whether a size stands in it."""
        return any(SIZE in word for word in self.words)

    def __call__(self, size: float) -> Sample:
        """A sample of it at a size."""
        samples: list[Sample] = []
        while True:
            samples.append(run(self.at(size)))
            cpu, wall = (sum(getattr(s, name) for s in samples) for name in ("cpu_seconds", "wall_seconds"))
            if is_enough(cpu, wall, GRAINS * GRAIN_S):
                break
        return Sample(
            cpu_seconds=cpu / len(samples), wall_seconds=wall / len(samples), calls=len(samples),
            result=samples[-1].result, peak_bytes=_own_peak(max(s.peak_bytes or 0.0 for s in samples)),
        )  # fmt: skip


def command_experiment(
    commands: Sequence[str], sizes: Sequence[float], *, prepare: str | None = None, quality: str | None = None
) -> Experiment:
    """The experiment whose methods are commands, which get nothing but the size.

    `prepare` is a command run untimed before each repetition; `quality` a regular expression whose first group, or all
    of it without one, is a number in what a command prints. InputError where one of them cannot be read, a command is
    given twice, or does not depend on size.
    """
    parsed = {" ".join(text.split()): Command.parse(text) for text in commands}
    before = [Command.parse(prepare)] if prepare else []
    fixed = [text for text, one in parsed.items() if not any(each.depends_on_size for each in (one, *before))]
    if fixed:
        raise InputError(f"command {fixed[0]!r} is the same at every size: write {SIZE} where the size goes")
    if len(parsed) < len(commands):
        raise InputError(f"{len(commands)} commands, of which {len(parsed)} differ: give each once")
    methods = dict(zip(short_names([*parsed.values()]), parsed.values(), strict=True))
    first = f"; before each repetition: {prepare}" if prepare else ""
    identity = "\0".join([*parsed, prepare or "", quality or ""])
    return Experiment(
        title=" against ".join(methods),
        source=" · ".join(parsed) + first,
        sizes=tuple(sizes),
        methods=methods,
        prepare=functools.partial(_prepare, before),
        quality=functools.partial(number_in, _pattern(quality)) if quality else None,
        version=hashlib.sha256(identity.encode()).hexdigest()[:16],
    )


def parse_sizes(text: str) -> tuple[float, ...]:
    """The sizes that "1e3,1e4,100k" writes. InputError where one is no number."""
    return tuple(_size(part.strip(), text) for part in text.split(","))


def _size(part: str, text: str) -> float:
    try:
        return parse_quantity(part)
    except InputError:
        raise InputError(f"{part!r} in sizes {text!r} is no number: write them as in 1k,10k,100k,1M") from None


def run(words: Sequence[str]) -> Sample:
    """Run a program once, nothing on its standard input; its result is what it printed. InputError where it fails.

    The program and what it started end with this process, however that ends, and where this call is interrupted.
    """
    with running(words) as program:
        # What it prints is read even if nobody wants it: some programs do less where nobody does.
        printed, complaints = program.process.communicate()
        usage = program.usage()
    if usage is None:
        raise InputError(_failure(words, "does not start", complaints))
    if usage.code:
        raise InputError(_failure(words, usage.ending, complaints))
    return Sample(
        cpu_seconds=usage.cpu_seconds, wall_seconds=usage.wall_seconds, calls=1, result=printed,
        peak_bytes=usage.peak_bytes,
    )  # fmt: skip


def number_in(pattern: re.Pattern[str], size: Any, printed: bytes) -> float:
    """The number that a pattern first finds in what a command printed. InputError where there is none."""
    text = printed.decode(errors="replace")
    match = pattern.search(text)
    try:
        return float(match[min(1, pattern.groups)]) if match else _refuse(pattern, printed)
    except (TypeError, ValueError):
        return _refuse(pattern, printed)


def short_names(commands: Sequence[Command]) -> list[str]:
    """The first words of each command that no other begins with; numbered where cutting long ones makes two alike."""
    names = [_beginning(one, [other for other in commands if other is not one]) for one in commands]
    cut = [name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…" for name in names]
    return [name if cut.count(name) == 1 else f"{i}: {name}" for i, name in enumerate(cut, 1)]


def _beginning(command: Command, others: Sequence[Command]) -> str:
    words = command.words
    lengths = range(1, len(words) + 1)
    enough = next((k for k in lengths if all(other.words[:k] != words[:k] for other in others)), len(words))
    return " ".join(words[:enough])


def _prepare(before: Sequence[Command], size: float, rng: np.random.Generator) -> float:
    for command in before:
        run(command.at(size))
    return size


def _own_peak(peak: float) -> float | None:
    return peak if peak > HIDDEN * _least_peak() else None


@functools.cache
def _least_peak() -> float:
    return run(["true"]).peak_bytes or 0.0


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text, re.MULTILINE)
    except re.error as error:
        raise InputError(
            f"quality {text!r} is no regular expression ({error}): write one as in 'error: (.*)'"
        ) from None


def _refuse(pattern: re.Pattern[str], printed: bytes) -> float:
    raise InputError(f"quality {pattern.pattern!r} finds no number in what is printed ({last_line(printed)})")


def _failure(words: Sequence[str], ending: str, complaints: bytes) -> str:
    return f"{shlex.join(words)!r} {ending} ({last_line(complaints)}): fix it or the sizes"
