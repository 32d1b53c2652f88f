"""`froude grow`: how time, memory and quality of an algorithm or a command grow with size."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from froude.cli.options import Json, Seed
from froude.cli.render import print_json
from froude.cli.show import show
from froude.errors import InputError

if TYPE_CHECKING:
    from froude.answers import Answer
    from froude.growth import Experiment

Commands = Annotated[
    list[str] | None,
    typer.Option(metavar="'PROGRAM … {n} …'", help="Instead of FILE: a program, once for each to compare. No shell."),
]
Prepare = Annotated[
    str | None,
    typer.Option(metavar="'PROGRAM … {n} …'", help="With --command: run untimed before each repetition."),
]
Quality = Annotated[
    str | None,
    typer.Option(metavar="REGEX", help="With --command: its first group finds a number in what is printed."),
]


def grow(
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="A Python file that declares EXPERIMENT. It is run.")
    ] = None,
    command: Commands = None,
    sizes: Annotated[
        str | None, typer.Option(metavar="N,N,…", help="With --command: the sizes put in place of {n}.")
    ] = None,
    prepare: Prepare = None,
    quality: Quality = None,
    minutes: Annotated[float, typer.Option(help="Budget on the wall; methods stop growing where it ends.")] = 1.0,
    repeats: Annotated[int, typer.Option(help="Repetitions of each method at each size, with data of their own.")] = 5,
    study: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Keep every timing here; those kept are not made again.")
    ] = None,
    page: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write a page of it with pictures.")] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Run an algorithm over growing sizes: the exponent of its time, its memory and quality, and where methods cross.

    Examples: `froude grow examples/growth/fft_convolution.py --page growth.html`

    `froude grow --command "sort -n {n}.txt" --prepare "sh -c 'shuf -i 1-{n} > {n}.txt'" --sizes 1k,3k,10k,30k,100k`
    """
    from froude.answers.growth import answer_of_growth
    from froude.answers.numbers import count
    from froude.growth import grow as grow_experiment
    from froude.host import cores, processor_name

    machine = f"{processor_name()}, {count(cores(), 'core')}"
    experiment = parse_experiment(file, command or [], sizes, prepare, quality)
    watch = print_progress if sys.stderr.isatty() else lambda progress: None
    try:
        result = grow_experiment(
            experiment, seconds=60 * minutes, repeats=repeats, seed=seed, study=study, machine=machine, watch=watch
        )
        answer = answer_of_growth(result)
        if not json:  # before the page, which may fail
            show(answer)
        if page is not None:
            write_page(answer, page, file, study)
    except KeyboardInterrupt:
        if study is None:
            raise KeyboardInterrupt("what was timed is lost; with --study FOLDER it is kept") from None
        raise
    if json:
        print_json(answer.to_dict() | ({"page": str(page)} if page is not None else {}))
    elif page is not None:
        print(f"written: {page}")


def parse_experiment(
    file: str | None, commands: list[str], sizes: str | None, prepare: str | None, quality: str | None
) -> Experiment:
    """The experiment of a file or of commands. InputError for both, for neither, and for what belongs to the other."""
    from froude.growth import load_experiment
    from froude.growth.command import command_experiment, parse_sizes

    if file is not None and commands:
        raise InputError(f"both {file!r} and --command are given: give one of them")
    if commands:
        if sizes is None:
            raise InputError("--command has no sizes: give them, as in --sizes 1k,10k,100k,1M")
        return command_experiment(commands, parse_sizes(sizes), prepare=prepare, quality=quality)
    if file is None:
        raise InputError("nothing to grow: give a FILE that declares EXPERIMENT, or --command and --sizes")
    options = {"--sizes": sizes, "--prepare": prepare, "--quality": quality}
    if other := [name for name, value in options.items() if value]:
        raise InputError(f"{other[0]} belongs to --command: {file!r} declares its own")
    return load_experiment(file)


def write_page(answer: Answer, page: Path, file: str | None, study: str | None) -> None:
    """The page, with what was measured and where it is kept."""
    from froude import __version__
    from froude.reporting.growth.page import write_growth_page

    kept = {} if study is None else {"kept in": study}
    write_growth_page(answer, page, {"experiment": file or "commands", **kept, "froude": __version__})


def print_progress(progress: str) -> None:
    """One line of progress on stderr."""
    print(progress, file=sys.stderr)
