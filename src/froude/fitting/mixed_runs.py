"""What is said of runs that do not belong together, and what to do."""

import re
from collections.abc import Iterator

import numpy as np

from froude.fitting.evidence import FitEvidence
from froude.fitting.mixtures import KindOfRuns, MixedRuns
from froude.laws import Law
from froude.runs.headers import normal

_OF_TOKENS = re.compile(r"(^|_)(token|tokeni[sz]er|vocab|vocabulary|bpe)(_|$)")
_NAMED = 3


def mixed_runs(evidence: FitEvidence) -> Iterator[str]:
    """Runs that do not belong together: at equal inputs, groups of them lie off one another by more than noise."""
    if evidence.mixture is not None:
        yield about_mixture(evidence.mixture, evidence.problem.law, evidence.y)


def about_mixture(mixture: MixedRuns, law: Law, y: str) -> str:
    """By how much groups differ, which column names them, and what to do."""
    at = f"at equal {' and '.join(law.inputs)}"
    low, high = mixture.groups[0], mixture.groups[-1]
    if mixture.are_points:
        return (
            f"{high.count} rows look like points along a training before its end, beside the ends of others: they show "
            "what it would be if it ended there, which it did not; fit the ends alone"
        )
    if mixture.column is None:
        known = f"as {mixture.told} tells" if mixture.told else "and no column tells which is which"
        advice = "fit one alone, by --where" if mixture.told else "find what differs, and give it as a column"
        what = "the losses look like bits beside nats; convert them to one unit" if mixture.is_unit else advice
        return (
            f"the runs lie in two groups, {low.count} and {high.count} of them, {_percent(mixture.apart)} apart {at}, "
            f"{known}: {what}"
        )
    largest = max(mixture.groups, key=lambda group: (group.value != "others", group.count))
    name = _quoted(mixture.column)
    unit = "; a loss a token compares between tokenizers only as bits a byte" if _OF_TOKENS.search(normal(name)) else ""
    return (
        f"the runs do not belong together: {_difference(mixture, y, at)}{unit}; fit some, "
        f'--where "{_condition(name, largest)}", or a law to each, --by {mixture.column}'
    )


def _difference(mixture: MixedRuns, y: str, at: str) -> str:
    low, high = mixture.groups[0], mixture.groups[-1]
    if mixture.crosses:
        return f"{y} changes with size in another way for each {mixture.column} ({_listed(mixture)})"
    more = f", of {len(mixture.groups)} groups," if len(mixture.groups) > 2 else ""
    return (
        f"{at} those of {mixture.column} = {high.value}{more} lie {_percent(mixture.apart)} above those of {low.value}"
    )


def _listed(mixture: MixedRuns) -> str:
    values = [group.value for group in mixture.groups]
    return ", ".join(values[:_NAMED]) + (" …" if len(values) > _NAMED else "")


def _condition(name: str, group: KindOfRuns) -> str:
    if group.value in ("True", "False"):
        return name if group.value == "True" else f"NOT {name}"
    return f"{name} IS NULL" if group.value == "NULL" else f"{name} = {group.value}"


def _quoted(column: str) -> str:
    """A column as a condition names it."""
    return column if re.fullmatch(r"[A-Za-z_]\w*", column) else f'"{column}"'


def _percent(difference: float) -> str:
    return f"{np.expm1(difference):.2g}" if difference > 1 else f"{100 * np.expm1(difference):.2g}%"
