"""`froude grow`: how time, memory and quality of an algorithm or a command grow with size."""

from __future__ import annotations

import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from froude.cli.options import Json, Seed
from froude.cli.render import print_json, print_notes, print_table
from froude.errors import InputError

if TYPE_CHECKING:
    from froude.growth import Experiment, Grown, JudgedClaim


def grow(
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="A Python file that declares EXPERIMENT. It is run.")
    ] = None,
    command: Annotated[
        list[str] | None,
        typer.Option(
            metavar="'PROGRAM … {n} …'", help="Instead of FILE: a program, once for each to compare. No shell."
        ),
    ] = None,
    sizes: Annotated[
        str | None, typer.Option(metavar="N,N,…", help="With --command: the sizes put in place of {n}.")
    ] = None,
    prepare: Annotated[
        str, typer.Option(metavar="'PROGRAM … {n} …'", help="With --command: run untimed before each repetition.")
    ] = "",
    quality: Annotated[
        str, typer.Option(metavar="REGEX", help="With --command: its first group finds a number in what is printed.")
    ] = "",
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
    from froude.growth import grow as grow_experiment
    from froude.host import cores, processor_name

    machine = f"{processor_name()}, {cores()} {'core' if cores() == 1 else 'cores'}"
    experiment = experiment_of(file, command or [], sizes, prepare, quality)
    watch = tell_watcher if sys.stderr.isatty() else lambda said: None
    try:
        found = grow_experiment(
            experiment, seconds=60 * minutes, repeats=repeats, seed=seed, study=study, machine=machine, watch=watch
        )
        if not json:  # before the page, which may fail
            show(found)
        if page is not None:
            write_page(found, page, file, study)
    except KeyboardInterrupt:
        if study is None:
            raise KeyboardInterrupt("what was timed is lost; with --study FOLDER it is kept") from None
        raise
    if json:
        print_json(found.to_dict() | ({"page": str(page)} if page is not None else {}))
    elif page is not None:
        print(f"written: {page}")


def experiment_of(file: str | None, commands: list[str], sizes: str | None, prepare: str, quality: str) -> Experiment:
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


def write_page(found: Grown, page: Path, file: str | None, study: str | None) -> None:
    """The page, with what was measured and where it is kept."""
    from froude import __version__
    from froude.reporting.growth.page import write_growth_page

    kept = {} if study is None else {"kept in": study}
    write_growth_page(found, page, {"experiment": file or "commands", **kept, "froude": __version__})


def show(found: Grown) -> None:
    """Everything on the terminal."""
    from froude.reporting.growth.words import crossing_sentence, median_heads, median_rows

    about = found.experiment
    print_wrapped(f"{about.title} ({about.source})")
    print()
    print_table("medians of repetitions", median_heads(found), median_rows(found))
    print()
    print_fits(found)
    for crossing in found.crossings:
        print_wrapped(crossing_sentence(crossing, about.size_name))
    if about.expected:
        print_wrapped(f"expected: {about.expected}")
    for judged in found.judged():
        print_claim(judged)
    print_notes(found.notes)


def print_fits(found: Grown) -> None:
    """The exponents of what was measured: time, memory and quality."""
    from froude.reporting.growth.words import CLOSEST, FIELDS, equation, exponents, is_measured

    for measure in FIELDS:
        if not is_measured(found, measure):
            continue
        rows = exponents(getattr(found, measure))
        heads = ["method", "p", "90% interval"]
        if measure == "quality":
            cells = [[row.method, row.p, row.interval or row.reason] for row in rows]
        else:
            heads.append(CLOSEST)
            cells = [[row.method, row.p, row.interval, row.form or row.reason] for row in rows]
        print_table(equation(measure, found), heads, cells)
        print()


def print_claim(judged: JudgedClaim) -> None:
    """Whether a row of the atlas is shown, and each statement of it."""
    verb = "shows" if judged.claim.shows == "works" else "shows a part of"
    print_wrapped(f"{verb} {judged.claim.row}: {'yes' if judged.holds else 'no'}")
    for statement, holds in judged.statements.items():
        print_wrapped(f"  {'✓' if holds else '✗'} {statement}", indent=4)


def print_wrapped(text: str, indent: int = 0) -> None:
    """A sentence, wrapped where a terminal ends, further lines indented."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else len(text) + 1
    print(textwrap.fill(text, width, subsequent_indent=" " * indent, break_on_hyphens=False))


def tell_watcher(said: str) -> None:
    """One line of progress on stderr."""
    print(said, file=sys.stderr)
