"""What is said of published constants in the place of a fit."""

from __future__ import annotations

from typing import Any

from froude.answers.answer import Answer, Table
from froude.answers.law_texts import constant_text
from froude.fitting import PublishedFit


def answer_of_published_fit(fit: PublishedFit) -> Answer:
    """The constants, what they were fitted to, and what is not known of their errors."""
    return Answer(
        headline=f"{fit.name}: {fit.law.formula}",
        tables=(
            Table(
                title="",
                columns=("constant", "value"),
                rows=tuple((name, constant_text(value)) for name, value in fit.params.items()),
            ),
        ),
        notes=fit.notes,
        warnings=fit.warnings,
        data=_to_dict(fit),
    )


def _to_dict(fit: PublishedFit) -> dict[str, Any]:
    origin = fit.origin_of_constants
    return {
        "law": fit.law.name,
        "constants": fit.constants,
        "params": dict(fit.params),
        "unit": fit.law.unit,
        "data": origin.data,
        "tokenizer": origin.tokenizer,
        "n": origin.n,
        "ranges": {x: list(ends) for x, ends in {**fit.law.domain, **origin.ranges}.items()},
        "warnings": list(fit.warnings),
        **fit.origin,
    }
