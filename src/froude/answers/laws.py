"""What is said of a law, and of all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from froude.answers.answer import Answer, Fact, Table
from froude.answers.law_texts import (
    about_family,
    by_family,
    constants_text,
    example_place,
    examples_of,
    inputs_text,
    origin_text,
    outcome_text,
    parameters_text,
    published_constants,
    replaced_text,
    trend_text,
    variants,
    without_constants,
)
from froude.answers.numbers import count
from froude.laws import Law


def answer_of_law(law: Law) -> Answer:
    """One law: formula, inputs with ranges, parameters, claims, source, published constants, test numbers."""
    return Answer(
        headline=f"{law.name}: {law.about}",
        facts=(*_facts(law), *_constants(law), *_examples(law)),
        notes=("what it claims holds whatever the parameters",) if law.trend else (),
        data=[law_to_dict(law)],
    )


def answer_of_laws(laws: Sequence[Law]) -> Answer:
    """Laws by family: the formula of each and a sentence."""
    tables = tuple(
        Table(
            title=f"{family}: {about_family(members[0])}",
            columns=(),
            rows=tuple((law.name, law.formula) for law in members),
            left=(0, 1),
            details=tuple(law.about for law in members),
        )
        for family, members in by_family(laws).items()
    )
    return Answer(
        headline=f"{count(len(laws), 'law')}, by family",
        tables=tables,
        notes=("froude laws NAME shows one whole, --family NAME one family",),
        data=[law_to_dict(law) for law in laws],
    )


def answer_of_law_hits(text: str, laws: Sequence[Law]) -> Answer:
    """The laws that a text is about, best first."""
    return Answer(
        headline=f'{count(len(laws), "law")} on "{text}", best match first',
        tables=(
            Table(
                title="",
                columns=(),
                rows=tuple((law.name, law.formula) for law in laws),
                left=(0, 1),
                details=tuple(law.about for law in laws),
            ),
        ),
        notes=("froude laws NAME shows one whole",),
        data=[law_to_dict(law) for law in laws],
    )


def answer_of_document(document: Path, pictures: Sequence[Path]) -> Answer:
    """Where the document on all laws was written, and its pictures."""
    return Answer(
        headline=f"written: {document} and {count(len(pictures), 'picture')} in {pictures[0].parent}",
        data={"document": str(document), "pictures": [str(path) for path in pictures]},
    )


def law_to_dict(law: Law) -> dict[str, Any]:
    """All that is said of a law, as JSON; `over` is for a law of one input: published constants by input."""
    constants = published_constants(law)
    return {
        "name": law.name,
        "family": law.family,
        "summary": law.about,
        "formula": law.formula,
        "latex": law.latex,
        "inputs": dict(law.input_units),
        "domain": {x: list(ends) for x, ends in law.domain.items()},
        "parameters": {name: kind.name for name, kind in law.kinds.items()},
        "claims": {x: "falls" if sign < 0 else "rises" for x, sign in law.trend.items()},
        "unit": law.unit,
        "residual": law.residual,
        "lever": law.is_lever,
        "members": {member.name: share for member, share in law.members},
        "source": law.source,
        "wrong_when": law.wrong_when,
        "published": {each.name: each.values for each in constants if each.x == law.inputs[0]},
        "trust": dict(law.trust),
        "origins": {name: asdict(origin) for name, origin in law.origins.items()},
        "over": {
            variant.inputs[0]: {each.name: each.values for each in constants if each.x == variant.inputs[0]}
            for variant in variants(law)
            if law.choices
        },
        "examples": [
            {"constants": each.constants, "at": dict(each.at), "gives": float(each.gives)}
            for _, each in examples_of(law)
        ],
    }


def _facts(law: Law) -> Iterator[Fact]:
    yield Fact("family", law.family)
    yield Fact("formula", law.formula)
    yield Fact("inputs", inputs_text(law))
    if law.choices:
        yield Fact("", f"chosen with --x; {law.inputs[0]} by default")
    yield Fact("predicts", f"{outcome_text(law)}; fitted on {law.residual} residuals")
    if law.is_lever:
        yield Fact("replaces", replaced_text(law))
    yield Fact("parameters", parameters_text(law))
    if law.trend:
        yield Fact("claims", trend_text(law))
    yield Fact("wrong when", law.wrong_when)
    yield Fact("source", law.source)


def _constants(law: Law) -> Iterator[Fact]:
    """Every published set of constants, for a law of one input under each input, with what to doubt of it."""
    constants = published_constants(law)
    if not constants:
        yield Fact("published", without_constants(law))
    texts = [origin_text(law.origins[each.name]) if each.name in law.origins else "" for each in constants]
    for i, each in enumerate(constants):
        over = f" over {each.x}" if law.choices else ""
        yield Fact("" if i else "published", f"{each.name}{over}: {constants_text(each.values.items())}")
        if each.doubt:
            yield Fact("", f"({each.doubt})")
        if texts[i] and texts[i] != (*texts[1:], "")[i]:  # once for all that were fitted to the same
            yield Fact("", texts[i])


def _examples(law: Law) -> Iterator[Fact]:
    """Every number that the law must reproduce."""
    for i, (variant, each) in enumerate(examples_of(law)):
        yield Fact("" if i else "tested", f"{each.gives} at {example_place(variant, each)} under {each.constants}")
