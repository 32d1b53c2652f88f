"""The document on all laws: `docs/laws.md` and its pictures, written from the laws themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from froude.answers.law_texts import (
    about_family,
    by_family,
    constant_text,
    example_place,
    examples_of,
    published_constants,
    without_constants,
)
from froude.answers.laws import answer_of_law
from froude.drawing.laws import drawing, figure_of, has_picture
from froude.drawing.svg import svg
from froude.files import write_outputs
from froude.laws import Example, Law
from froude.reporting.markdown import markdown_table

DOCUMENT, PICTURES = "laws.md", "laws"
"""The names of the document and, beside it, of the folder of its pictures."""

_HEADS = {
    "inputs": "Inputs",
    "predicts": "Predicts",
    "replaces": "Takes the place of",
    "parameters": "Parameters",
    "claims": "Claims",
    "wrong when": "Wrong when",
    "source": "Source",
}
"""Heads of facts of the answer, and how the document writes them."""

_READING = (
    "A picture shows a law over the range that its source measured, under its first published constants; where none "
    "are published, under values from which a fit might start, so that only its shape says anything. A claim, that a "
    "law falls or rises with an input, holds whatever its parameters and is tested. Test numbers come from the source "
    "or were computed from its constants; the law must give them within one and a half of the last digit."
)
_ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")


def write_documents(laws: Sequence[Law], folder: Path) -> tuple[Path, ...]:
    """Write the document and a picture of each law into a folder; returns the paths written, the document first.

    The same laws give the same bytes. InputError where one cannot be written, and then none is, and without matplotlib.
    """
    drawn = [law for law in laws if has_picture(law)]
    pictures = {folder / picture_of(law.name): svg(figure_of(drawing(law)), law.name) for law in drawn}
    write_outputs(pictures | {folder / DOCUMENT: document(laws).encode()}, make_folders=True)
    return (folder / DOCUMENT, *pictures)


def picture_of(name: str) -> str:
    """The path of a law's picture, seen from the document."""
    return f"{PICTURES}/{name}.svg"


def document(laws: Sequence[Law]) -> str:
    """The whole document in Markdown: a list by family, then every law."""
    families = by_family(laws)
    parts = [
        "# The laws",
        "<sub>Written by `froude laws --docs docs` from the laws themselves. Do not edit.</sub>",
        _opening(laws),
        "\n".join(_contents(families)),
        _READING,
    ]
    for family, members in families.items():
        parts += [f"## Family {family}", about_family(members[0])]
        for law in members:
            parts += _section(law)
    return "\n\n".join(parts) + "\n"


def _opening(laws: Sequence[Law]) -> str:
    n_constants = sum(len(published_constants(law)) for law in laws)
    n_levers = sum(law.is_lever for law in laws)
    return (
        f"{len(laws)} laws, {n_levers} of them levers, whose value takes the place of an input of another law, with "
        f"{n_constants} published sets of constants. `froude laws NAME` shows one on the terminal, "
        "`froude fit runs.csv --law NAME` fits it."
    )


def _contents(families: Mapping[str, Sequence[Law]]) -> Iterator[str]:
    for family, members in families.items():
        links = ", ".join(f"[{law.name}](#{law.name})" for law in members)
        yield f"- [{family}](#family-{family}): {links}"


def _section(law: Law) -> Iterator[str]:
    yield f"### {law.name}"
    yield law.about
    yield from _drawn(law) if has_picture(law) else (_formula(law),)
    yield "\n".join(f"- **{head}**: {text}" for head, text in _facts(law))
    yield _constants(law)
    if examples := examples_of(law):
        yield markdown_table(
            ("constants", "at", "test number", "the law gives"), [_example(*each) for each in examples]
        )


def _formula(law: Law) -> str:
    # A fence, not $$: GitHub's Markdown would take the backslashes and underscores between dollars for its own.
    return f"```math\n{law.latex}\n```"


def _drawn(law: Law) -> Iterator[str]:
    """The formula over the input that the picture is drawn over, the picture and its caption."""
    shown = drawing(law)
    yield _formula(shown.law)
    yield f"![{law.name}: {shown.law.formula}]({picture_of(law.name)})"
    yield f"<sub>{shown.caption}</sub>"


def _facts(law: Law) -> Iterator[tuple[str, str]]:
    for head, text in answer_of_law(law).facts:
        if head in _HEADS:
            linked = _ARXIV.sub(r"[\g<0>](https://arxiv.org/abs/\g<1>)", text) if head == "source" else text
            yield _HEADS[head], linked


def _constants(law: Law) -> str:
    """Published constants as a table, or the sentence that there are none."""
    sets = published_constants(law)
    if not sets:
        return f"{without_constants(law).capitalize()}."
    has_choice, has_doubt = bool(law.choices), any(each.doubt for each in sets)
    heads = ("constants", *(["over"] if has_choice else []), *law.parameters, *(["doubt"] if has_doubt else []))
    return markdown_table(
        heads,
        [
            (
                each.name,
                *([each.x] if has_choice else []),
                *(constant_text(each.values[name]) for name in law.parameters),
                *([each.doubt or ""] if has_doubt else []),
            )
            for each in sets
        ],
    )


def _example(law: Law, example: Example) -> tuple[str, ...]:
    """A test number: under which constants, where, what it is and what the law gives."""
    digits = sum(letter.isdigit() for letter in example.gives.lower().partition("e")[0].lstrip("0."))
    value = law(**example.at, **law.published[example.constants])
    return example.constants, example_place(law, example), example.gives, f"{value:#.{digits + 1}g}"
