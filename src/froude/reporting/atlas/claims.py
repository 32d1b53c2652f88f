"""The picture of claims side by side, as a file."""

from __future__ import annotations

from pathlib import Path

from froude.answers import Answer
from froude.drawing.claims import claims_chart
from froude.drawing.svg import svg
from froude.errors import InputError
from froude.files import write_outputs


def write_claims_picture(answer: Answer, path: Path) -> Path:
    """Write the picture of `answer_of_claims` as SVG and return its path. InputError where the name is no picture's."""
    if path.suffix != ".svg":
        raise InputError(f"{str(path)!r} is no picture: give a name that ends in .svg")
    (picture,) = answer.pictures
    write_outputs({path: svg(claims_chart(picture.view), path.stem)})
    return path
