"""`froude grow`: how time, memory and quality of an algorithm or a command grow with size."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from froude.bounds import MOST_REPEATS, MOST_SEED
from froude.cli.completion import complete_examples
from froude.cli.options import Json
from froude.cli.outputs import PageFile, output_folder, refuse_inputs
from froude.cli.render import print_json, say
from froude.cli.show import present, show
from froude.errors import InputError, visible

if TYPE_CHECKING:
    from froude.answers import Answer
    from froude.growth import Experiment, GrowthResult

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


Repeats = Annotated[
    int, typer.Option(min=1, max=MOST_REPEATS, help="Repetitions of each method at each size, with data of their own.")
]
Example = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", autocompletion=complete_examples, help="Instead of FILE: an experiment that ships with Froude."
    ),
]
StudyFolder = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", parser=output_folder, help="Keep every timing here; those kept are not made again."),
]
List = Annotated[bool, typer.Option("--list", help="List the experiments that ship with Froude, and run none.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="With --list: as a list in Markdown.")]


def grow(
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="A Python file that declares EXPERIMENT. It is run.")
    ] = None,
    example: Example = None,
    list_examples: List = False,
    markdown: Markdown = False,
    command: Commands = None,
    sizes: Annotated[
        str | None, typer.Option(metavar="N,N,…", help="With --command: the sizes put in place of {n}.")
    ] = None,
    prepare: Prepare = None,
    quality: Quality = None,
    minutes: Annotated[float, typer.Option(help="Budget on the wall; methods stop growing where it ends.")] = 1.0,
    repeats: Repeats = 5,
    study: StudyFolder = None,
    page: PageFile = None,
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="Seed of the data.")] = 0,
    json: Json = False,
) -> None:
    """Run an algorithm over growing sizes: the exponent of its time, its memory and quality, and where methods cross.

    Examples: `froude grow --list`, `froude grow --example fft_convolution --page growth.html` and
    `froude grow --command "sort -n {n}.txt" --prepare "sh -c 'shuf -i 1-{n} > {n}.txt'" --sizes 1k,3k,10k,30k,100k`
    """
    from froude.answers.growth import answer_of_growth
    from froude.answers.numbers import count
    from froude.growth import grow as grow_experiment
    from froude.host import cores, processor_name

    if list_examples or markdown:
        show_examples(markdown, json, [file, example, *(command or [])])
        return
    refuse_inputs({"--page": page}, [file])
    machine = f"{processor_name()}, {count(cores(), 'core')}"
    experiment = parse_experiment(file, example, command or [], sizes, prepare, quality)
    watch = print_progress if sys.stderr.isatty() else lambda progress: None
    try:
        result = grow_experiment(
            experiment, seconds=60 * minutes, repeats=repeats, seed=seed, study=study, machine=machine, watch=watch
        )
        answer = answer_of_growth(result)
        if not json:  # before the page, which may fail
            show(answer)
        if page is not None:
            write_page(answer, result, page, file or example, study)
    except KeyboardInterrupt:
        if study is None:
            raise KeyboardInterrupt("what was timed is lost; with --study FOLDER it is kept") from None
        raise
    if json:
        print_json(answer.to_dict() | ({"page": str(page)} if page is not None else {}))
    elif page is not None:
        say(f"written: {visible(str(page))}")


def show_examples(markdown: bool, json: bool, others: list[str | None]) -> None:
    """The experiments that ship with Froude. InputError where one is to be run as well."""
    from froude.answers.growth_examples import answer_of_growth_examples, markdown_of_growth_examples
    from froude.growth import growth_examples

    if given := [other for other in others if other]:
        raise InputError(f"--list runs nothing, and {given[0]!r} is given too: give one of them")
    if markdown and not json:
        say(markdown_of_growth_examples(growth_examples()))
    else:
        present(answer_of_growth_examples(growth_examples()), json)


def parse_experiment(
    file: str | None,
    example: str | None,
    commands: list[str],
    sizes: str | None,
    prepare: str | None,
    quality: str | None,
) -> Experiment:
    """The experiment of a file, an example or of commands.

    InputError for two of these, for none, and for what belongs to another.
    """
    from froude.growth import get_growth_example
    from froude.growth.command import command_experiment, parse_sizes

    given = [name for name, value in ((repr(file), file), ("--example", example), ("--command", commands)) if value]
    if len(given) > 1:
        raise InputError(f"both {given[0]} and {given[1]} are given: give one of them")
    if commands:
        if sizes is None:
            raise InputError("--command has no sizes: give them, as in --sizes 1k,10k,100k,1M")
        return command_experiment(commands, parse_sizes(sizes), prepare=prepare, quality=quality)
    if file is None and example is None:
        raise InputError(
            "nothing to grow: give --example NAME (--list shows them), a FILE that declares EXPERIMENT, or --command "
            "and --sizes"
        )
    options = {"--sizes": sizes, "--prepare": prepare, "--quality": quality}
    if other := [name for name, value in options.items() if value]:
        raise InputError(f"{other[0]} belongs to --command: {(file or example)!r} declares its own")
    return get_growth_example(example or "").load() if file is None else load_file(file)


def load_file(file: str) -> Experiment:
    """The experiment that a file declares. InputError where there is none; it names the example that is called so."""
    from froude.growth import growth_examples, load_experiment

    name = Path(file).stem
    if not Path(file).is_file() and any(example.name == name for example in growth_examples()):
        raise InputError(f"{file!r} is no file; it ships with Froude: froude grow --example {name}")
    return load_experiment(file)


def write_page(answer: Answer, result: GrowthResult, page: Path, file: str | None, study: Path | None) -> None:
    """The page, with what was measured and where it is kept; or the picture."""
    from froude import __version__
    from froude.files import write_outputs
    from froude.reporting.page import page_bytes

    kept = {} if study is None else {"kept in": str(study)}
    about = {"experiment": file or "commands", **kept, "froude": __version__}
    write_outputs({page: page_bytes(page, answer, result, about=about)})


def print_progress(progress: str) -> None:
    """One line of progress on stderr."""
    print(visible(progress), file=sys.stderr)
