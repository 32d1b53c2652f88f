"""Are runs that do not belong together noticed, and are those left in peace that do?

Command: python benchmarks/mixtures.py (a few minutes)

Every case of mixture_cases.py is fitted as `froude fit` fits it, without the bootstrap, and what it warns of is read.
Noticed is a mixture where a warning says so, or where the fit is refused for it; named, where the warning names the
column that parts the runs, or one that parts them alike. Writes tables of docs/evidence.md.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from froude.errors import InputError
from froude.fitting.diagnostics import diagnose
from froude.fitting.estimation import measure_alike, solve
from froude.fitting.evidence import FitEvidence
from froude.fitting.options import FitOptions
from mixture_cases import STARTS, Case, Table, cases_of, is_held_out, read_tables
from record import record

KINDS = {
    "unmixed": "unmixed",
    "ends": "unmixed: ends of trainings",
    "two": "two values of a column",
    "all": "all values of a column",
    "small and large": "a column that changes between small and large runs",
    "bits": "bits beside nats",
    "checkpoints": "checkpoints beside the ends of trainings",
}


@dataclass(frozen=True)
class Verdict:
    """What came of a case: whether it is a mixture that counts, was noticed, and its column, if it has one, named."""

    study: str
    kind: str
    mixed: bool
    counts: bool
    noticed: bool
    named: bool | None
    said: str


def judge(case: Case) -> Verdict:
    """The verdict on a case."""
    said = " ".join(warnings_of(case))
    columns = [case.column] if case.column else []
    columns += [name for name in case.runs.columns if case.label is not None and _parts_alike(case, name)]
    return Verdict(
        study=case.study,
        kind=case.kind,
        mixed=case.label is not None,
        counts=case.counts,
        noticed=bool(said),
        named=any(f"{name} = " in said or f"--by {name}" in said for name in columns) if case.column else None,
        said=said,
    )


def warnings_of(case: Case) -> tuple[str, ...]:
    """What a fit of the case says of runs that do not belong together; why it is refused, where it is."""
    try:
        measured = measure_alike([case.law], case.runs, "loss")[0]
    except InputError as error:
        return (str(error),)
    problem, minima = solve(case.law, measured, STARTS, np.random.default_rng(0))
    evidence = FitEvidence(case.runs, "loss", measured, problem, minima, minima, FitOptions())
    return diagnose(evidence, ("mixtures",))


def _parts_alike(case: Case, name: str) -> bool:
    """Whether a column's values go with the parts of a mixture one for one."""
    values = [str(value) for value in case.runs[name].tolist()]
    labels = [] if case.label is None else case.label.tolist()
    return bool(labels) and len({*zip(values, labels, strict=True)}) == len({*values}) == len({*labels})


def main() -> None:
    """Judges every case, and records how many are noticed by kind and by study."""
    verdicts = [judge(case) for table in read_tables() for case in _shown(table)]
    command = "python benchmarks/mixtures.py"
    judged = [each for each in verdicts if not each.mixed or each.counts]
    alike = [each for each in verdicts if each.mixed and not each.counts]
    held_out = [each for each in judged if is_held_out(each.study)]
    rows = [
        _row("all that belong together", [each for each in judged if not each.mixed], held_out),
        *(_row(title, [e for e in judged if e.kind == kind], held_out) for kind, title in KINDS.items()),
        _row("all mixtures", [each for each in judged if each.mixed], held_out),
    ]
    note = (
        f"Of {len(alike)} more mixtures, whose parts differ by less than matters, {_share(alike)} are noticed. "
        "The rule that cuts the cases was committed before the first of them was judged (c078648)."
    )
    record("mixtures", command, rows, notes=[note], cases=[vars(each) for each in verdicts])
    record("mixtures_studies", command, [_study_row(study, judged) for study in dict.fromkeys(v.study for v in judged)])


def _shown(table: Table) -> list[Case]:
    cases = list(cases_of(table))
    print(f"{table.study}: {len(cases)} cases", file=sys.stderr)
    return cases


def _row(title: str, verdicts: Sequence[Verdict], held_out: Sequence[Verdict]) -> dict[str, str]:
    others = [each for each in verdicts if each in held_out]
    named = [each for each in verdicts if each.named is not None]
    return {
        "runs": title,
        "cases": str(len(verdicts)),
        "noticed": _share(verdicts),
        "column named, where there is one": _share(named, "named"),
        "of studies that no threshold was chosen on": str(len(others)),
        "noticed of these": _share(others),
    }


def _study_row(study: str, judged: Sequence[Verdict]) -> dict[str, str]:
    own = [each for each in judged if each.study == study]
    unmixed, mixed = ([each for each in own if each.mixed is wanted] for wanted in (False, True))
    return {
        "study": f"`{study}`",
        "thresholds chosen on it": "no" if is_held_out(study) else "yes",
        "unmixed": str(len(unmixed)),
        "false alarms": _share(unmixed),
        "mixtures": str(len(mixed)),
        "noticed": _share(mixed),
    }


def _share(verdicts: Sequence[Verdict], what: str = "noticed") -> str:
    return f"{np.mean([bool(getattr(each, what)) for each in verdicts]):.0%}" if verdicts else ""


if __name__ == "__main__":
    main()
