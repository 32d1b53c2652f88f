"""Files that a command is told to write: named, and none of them one that it reads."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from froude.errors import InputError
from froude.runs.study.documents import SETTINGS


def output_file(name: str | Path) -> Path:
    """The path that an option names as a file to be written; wrong usage where it is empty or a folder."""
    text = os.fspath(name)
    if os.path.isdir(text) or text.endswith(os.sep):
        raise typer.BadParameter(f"{text!r} is a folder: name a file in it")
    return output_folder(name)


def output_folder(name: str | Path) -> Path:
    """The path that an option names as a folder to be written into; wrong usage where it is empty."""
    text = os.fspath(name)
    if not text.strip() or "\0" in text:
        raise typer.BadParameter(f"{text!r} is no name: give one")
    return Path(name)


def page_file(name: str | Path) -> Path:
    """The path that an option names as a page or a picture to be written; wrong usage for another ending."""
    from froude.drawing.files import check_page_name

    path = output_file(name)
    try:
        check_page_name(path)
    except InputError as error:
        raise typer.BadParameter(str(error)) from None
    return path


PageFile = Annotated[
    Path | None,
    typer.Option(
        "--page",
        metavar="FILE",
        parser=page_file,
        help="Write a page of it, .html, or its picture, .pdf, .svg, .png.",
    ),
]


def refuse_inputs(outputs: Mapping[str, Path | None], inputs: Iterable[str | Path | None] = ()) -> None:
    """InputError where an output, option to path, is a file that the command reads or that another output is.

    The same file under another name, through a link say, is that file. Of a study everything inside it is read.
    """
    wanted = [(option, path) for option, path in outputs.items() if path is not None]
    for number, (option, path) in enumerate(wanted):
        for source in inputs:
            if source is not None and _would_change(path, Path(source)):
                raise InputError(
                    f"{option} {str(path)!r} would change {str(source)!r}, which is read: name another file"
                )
        for other, earlier in wanted[:number]:
            if os.path.realpath(path) == os.path.realpath(earlier) or _is_same(path, earlier):
                raise InputError(f"{other} and {option} both write {str(path)!r}: name another file for one of them")


def _would_change(output: Path, source: Path) -> bool:
    """Whether writing `output` changes `source`, a file or a study's folder."""
    if not os.path.exists(source / SETTINGS):
        return _is_same(output, source)
    inside = Path(os.path.realpath(output)).is_relative_to(os.path.realpath(source))
    return inside or any(_is_same(output, each) for each in source.rglob("*"))


def _is_same(one: Path, other: Path) -> bool:
    """Whether two paths name one regular file."""
    try:
        return os.path.isfile(one) and os.path.samefile(one, other)
    except (OSError, ValueError):
        return False
