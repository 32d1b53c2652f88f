"""How often intervals of a difference of two runs hold: pairs of held-out runs of the published calibration cases.

Each case of two inputs is fitted as `froude calibrate` does, by the average of laws and by chinchilla alone; of its
held-out runs 60 pairs are drawn. Cases weigh equally within a study, and studies among each other. Beside the interval
of `predict_difference` stand those without an error of extrapolation, and of two forecasts that share nothing.
Command: FROUDE_PUBLISHED=... python benchmarks/differences.py
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from froude import Difference, InputError, predict_difference
from froude.fitting.calibration import Case, read_cases
from froude.fitting.choice import choose
from froude.fitting.distance import UNSHARED
from record import record

CASES = Path(__file__).with_name("calibration_cases.toml")
LAWS = ("auto", "chinchilla")
PAIRS, DRAWS = 60, 100
LEVEL, DEVIATIONS = 0.9, 1.6449
FACTORS = np.arange(1.0, 2.01, 0.1)

Pair = dict[str, float]
Half = Callable[[Pair], float]


def main() -> None:
    """Judges all cases and records the table."""
    cases = [each for each in read_cases(CASES) if each.x is None and not each.curve]
    rows = []
    for law in LAWS:
        by_study = studies((case, list(pairs_of(case, law))) for case in cases)
        rows += [row(law, name, by_study, half) for name, half in WAYS.items()]
        unseen = [judged([some], with_factor(learned(by_study, study)))[0] for study, some in by_study.items()]
        rows.append(
            {"law": law, "way": "each study by a factor learned on the others", "coverage": float(np.mean(unseen))}
        )
    record("differences", "python benchmarks/differences.py", [*map(shown, rows)], notes=NOTES)


def shown(row: Mapping[str, Any]) -> dict[str, str]:
    """A row as the documents show it."""
    score, half = row.get("interval_score"), row.get("half_width")
    return {
        "law": row["law"],
        "errors of extrapolation": row["way"],
        "90% intervals that hold": f"{row['coverage']:.0%}",
        "mean interval score": "" if score is None else f"{score:.3f}",
        "median half-width": "" if half is None else f"{half:.3f}",
    }


NOTES = (
    "Pairs of held-out runs of the calibration cases of N and D, 60 a case, by fits of 100 draws; 90% intervals of the "
    "difference of one run each. Cases weigh equally within a study and studies among each other. UNSHARED was chosen "
    "on these pairs; the row of factors learned on the other studies says what that is worth.",
)


def pairs_of(case: Case, law: str) -> Iterator[Pair]:
    """What was forecast and measured of pairs of held-out runs; none where the case cannot be fitted."""
    try:
        runs = case.runs()
        runs = runs.take(runs.finite())
        held = runs.mask(case.hold_out)
        fitted = ~held if case.fit is None else runs.mask(case.fit) & ~held
        fit = choose(runs.take(fitted), laws=law, draws=DRAWS, cluster=case.cluster).fit
    except InputError as reason:
        print(f"{case.name}: {reason}")
        return
    large = runs.take(held)
    pairs = [(i, j) for i in range(len(large)) for j in range(i)]
    rng = np.random.default_rng(0)
    for k in rng.permutation(len(pairs))[:PAIRS]:
        places = [{x: float(large[x][row]) for x in fit.law.inputs} for row in pairs[k]]
        measured = float(large["loss"][pairs[k][0]] - large["loss"][pairs[k][1]])
        yield pair_of(predict_difference(fit, *places, of="run"), measured)


def pair_of(each: Difference, measured: float) -> Pair:
    """The error of a difference, and its parts; those of extrapolation shared and not."""
    errors = [one.parts["extrapolation"] * one.mean for one in (each.first, each.second)]
    return {
        "error": measured - each.value,
        "noise": float(np.hypot(each.parts["parameters"], each.parts["residual"])),
        "shared": each.parts["extrapolation"] / UNSHARED,
        "apart": float(np.hypot(*errors)),
        "ends": float(np.hypot(*(one.hi - one.lo for one in (each.first, each.second)))) / 2,
    }


def with_factor(factor: float) -> Half:
    """Half the interval where the shared error of extrapolation is stretched by a factor."""
    return lambda pair: DEVIATIONS * float(np.hypot(pair["noise"], factor * pair["shared"]))


WAYS: Mapping[str, Half] = {
    "Froude": with_factor(UNSHARED),
    "no error of extrapolation": with_factor(0.0),
    "errors of extrapolation that share nothing": lambda pair: (
        DEVIATIONS * float(np.hypot(pair["noise"], pair["apart"]))
    ),
    "two intervals, as if independent": lambda pair: pair["ends"],
}


def studies(pairs: Iterable[tuple[Case, Sequence[Pair]]]) -> dict[str, list[Sequence[Pair]]]:
    """The cases of each study, those without pairs left out."""
    by_study: dict[str, list[Sequence[Pair]]] = {}
    for case, some in pairs:
        if some:
            by_study.setdefault(case.study, []).append(some)
    return by_study


def judged(by_study: Sequence[Sequence[Sequence[Pair]]], half: Half) -> tuple[float, float, float]:
    """Coverage, mean interval score and median half-width, of studies of cases of pairs."""
    by_case = [[[one(pair, half(pair)) for pair in case] for case in study] for study in by_study]
    means = [[(*np.mean(case, axis=0)[:2], np.median(case, axis=0)[2]) for case in study] for study in by_case]
    return tuple(np.mean([np.mean(study, axis=0) for study in means], axis=0).tolist())


def one(pair: Pair, half: float) -> tuple[float, float, float]:
    """Whether a pair lies inside, its interval score, and half the interval."""
    missed = max(abs(pair["error"]) - half, 0.0)
    return float(missed == 0), 2 * half + 2 / (1 - LEVEL) * missed, half


def learned(by_study: Mapping[str, list[Sequence[Pair]]], without: str) -> float:
    """The factor whose coverage of all other studies is nearest to the level."""
    others = [cases for study, cases in by_study.items() if study != without]
    return float(min(FACTORS, key=lambda factor: abs(judged(others, with_factor(factor))[0] - LEVEL)))


def row(law: str, name: str, by_study: Mapping[str, list[Sequence[Pair]]], half: Half) -> dict[str, Any]:
    """A row of the table."""
    coverage, score, width = judged([*by_study.values()], half)
    return {"law": law, "way": name, "coverage": coverage, "interval_score": score, "half_width": width}


if __name__ == "__main__":
    main()
