"""Where trainings will end, told at 10, 25, 50 and 75% of their way: Froude beside what else one would take.

Whole trainings are held out: in each of FOLDS folds the others of the table are finished and this one runs. Whole
studies are held out too: nothing of a table is known then, and what is taken of other trainings was learned from the
other tables. At most JUDGED trainings of a table are judged, drawn before any is read. The truth is the last row.
Goals are percentiles of the ends of the other trainings. `--learn` writes what ships with the package.
`--sweeps` judges the sweeps alone.
Command: python benchmarks/watch.py
"""

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

import froude.fitting.watching.ends as ends_module
from froude.fitting.watching.course import Course
from froude.fitting.watching.ends import UNSEEN, EndForecast, LearnedEnds, unseen_terms
from froude.fitting.watching.features import curve_features
from record import record
from watch_rivals import ensemble, family_law, last_value, power_law, schedule_law
from watch_sweeps import simulate
from watch_tables import tables

SHARES, FOLDS, JUDGED = (0.1, 0.25, 0.5, 0.75), 10, 40
FEWEST_POINTS = 2  # of a curve at the share: below, nothing can be told of it by any method
PERCENTILES = (20, 40, 60, 80)
Unseen = dict[str, Any]


def learn(given: dict[str, list[Course]]) -> Unseen:
    """What trainings of these tables teach of those of another: constants of the change up to the end, and errors."""
    rows, changes, weights, shares = [], [], [], []
    siblings: dict[float, list[float]] = defaultdict(list)
    for courses in given.values():
        for share in SHARES:
            cuts = [(one, one.until(share)) for one in courses]
            cuts = [(one, cut) for one, cut in cuts if cut is not None and cut.at.size >= FEWEST_POINTS]
            for one, cut in cuts:
                features = curve_features(cut, share)
                rows.append(unseen_terms(features, share))
                changes.append((np.log(one.loss[-1]) - features[0]) / np.log(1 / share))
                weights.append(1 / len(cuts))
                shares.append(share)
            blank = {"shares": SHARES, "constants": [0.0] * 6, "alone": [0.05] * 4, "sibling": [0.01] * 4}
            process = LearnedEnds.learn([one for one, _ in cuts], share, blank).process
            if process is not None:
                siblings[share].append(float(np.median(np.abs(process.left_out)) * 1.48))
    x, y, w, s = np.array(rows), np.array(changes), np.sqrt(weights), np.array(shares)
    ridge = 1e-3 * np.eye(x.shape[1])
    constants = np.linalg.solve((x * w[:, None]).T @ (x * w[:, None]) + ridge, (x * w[:, None]).T @ (y * w))
    off = (x @ constants - y) * np.log(1 / s)
    alone = [float(np.sqrt(np.average(off[s == share] ** 2, weights=w[s == share] ** 2))) for share in SHARES]
    return {
        "shares": list(SHARES),
        "constants": [round(float(value), 4) for value in constants],
        "alone": [round(value, 5) for value in alone],
        "sibling": [round(float(np.median(siblings[share])), 5) for share in SHARES],
    }


def judged(name: str, courses: list[Course], unseen: Unseen) -> list[dict[str, Any]]:
    """Every forecast of a table: one row a training and share."""
    fold = np.random.default_rng(0).permutation(len(courses)) % FOLDS
    chosen = set(np.random.default_rng(1).permutation(len(courses))[:JUDGED].tolist())
    rows = []
    for k in range(FOLDS):
        others = [one for one, f in zip(courses, fold, strict=True) if f != k]
        by_settings = family_law(others)
        goals = np.percentile([one.loss[-1] for one in others], PERCENTILES)
        for share in SHARES:
            known, alone = LearnedEnds.learn(others, share, unseen), LearnedEnds.learn((), share, unseen)
            for i, one in enumerate(courses):
                cut = one.until(share)
                if fold[i] != k or i not in chosen or cut is None or cut.at.size < FEWEST_POINTS:
                    continue
                found, single = known.forecast(one, unseen), alone.forecast(one, unseen)
                rivals = {
                    "last value": last_value(cut), "power law": power_law(cut), "eleven curves": ensemble(cut),
                    "law without curve": by_settings(cut), "schedule law": schedule_law(cut),
                }  # fmt: skip
                truth = float(one.loss[-1])
                rows.append({
                    "table": name, "training": one.name, "share": share, "truth": truth, "goals": goals.tolist(),
                    "froude": _row(found, truth, goals), "froude, study held out": _row(single, truth, goals),
                    **{rival: value for rival, value in rivals.items() if value is not None},
                })  # fmt: skip
    return rows


def _row(found: EndForecast, truth: float, goals: np.ndarray) -> dict[str, Any]:
    low, high = found.interval()
    return {
        "error": abs(found.loss / truth - 1), "inside": bool(low <= truth <= high),
        "half": (high - low) / 2 / truth, "score": _score(low, high, truth),
        "signed": found.loss / truth - 1,
        "reach": [found.probability_below(goal) for goal in goals],
    }  # fmt: skip


def _score(low: float, high: float, truth: float) -> float:
    """The interval score at 90%, relative."""
    return ((high - low) + 20 * max(low - truth, 0) + 20 * max(truth - high, 0)) / truth


RIVALS = ("last value", "power law", "eleven curves", "law without curve", "schedule law")
OURS = ("froude", "froude, study held out")


def table_of(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    """A line for each table and share."""
    lines = []
    for name in dict.fromkeys(row["table"] for row in rows):
        for share in SHARES:
            some = [row for row in rows if row["table"] == name and row["share"] == share]
            if not some:
                continue
            line = {"table": name, "at": f"{share:.0%}", "trainings": str(len(some))}
            for own in OURS:
                errors = [row[own]["error"] for row in some]
                inside, half = np.mean([r[own]["inside"] for r in some]), np.median([r[own]["half"] for r in some])
                line[own] = f"{np.mean(errors):.2%} ({inside:.0%} in ±{half:.2%})"
            for rival in RIVALS:
                errors = [abs(row[rival] / row["truth"] - 1) for row in some if rival in row]
                line[rival] = f"{np.mean(errors):.2%}" if errors else ""
            lines.append(line)
    return lines


def means(rows: list[dict[str, Any]], share: float) -> dict[str, float]:
    """The mean error of each method at a share, tables equally weighted; a rival where it has a value in a table."""
    names = list(dict.fromkeys(row["table"] for row in rows))
    found: dict[str, list[float]] = defaultdict(list)
    for name in names:
        some = [row for row in rows if row["table"] == name and row["share"] == share]
        for own in OURS if some else ():
            found[own].append(float(np.mean([row[own]["error"] for row in some])))
        for rival in RIVALS if some else ():
            errors = [abs(row[rival] / row["truth"] - 1) for row in some if rival in row]
            if errors:
                found[rival].append(float(np.mean(errors)))
    return {key: float(np.mean(values)) for key, values in found.items() if len(values) == len(names)}


def coverage(rows: list[dict[str, Any]], own: str) -> str:
    """Coverage, half-width and score at 90%, beside a constant half-width learned on the other tables."""
    names = list(dict.fromkeys(row["table"] for row in rows))
    parts = []
    for name in names:
        mine = [row for row in rows if row["table"] == name]
        inside = np.mean([row[own]["inside"] for row in mine])
        score, half = np.mean([row[own]["score"] for row in mine]), np.median([row[own]["half"] for row in mine])
        other = np.quantile([abs(row[own]["signed"]) for row in rows if row["table"] != name], inside)
        constant = np.mean([2 * other + 20 * max(abs(row[own]["signed"]) - other, 0) for row in mine])
        parts.append((inside, half, score, constant, np.mean([row[own]["error"] for row in mine])))
    inside, half, score, constant, error = np.mean(parts, axis=0)
    return (
        f"{own}: {inside:.1%} inside 90% intervals, half-width {half:.2%} beside an error of {error:.2%}, "
        f"interval score {score:.2%}, that of a constant half-width {constant:.2%}"
    )


def calls(rows: list[dict[str, Any]], own: str) -> str:
    """Of runs called "stop (99%)" how many reach the goal after all, and how many that miss are called by half-way."""
    made = wrong = missing = caught = 0
    pairs: dict[tuple[str, str, int], list[tuple[float, bool, bool]]] = defaultdict(list)
    for row in rows:
        for g, goal in enumerate(row["goals"]):
            called, reached = row[own]["reach"][g] < 0.01, row["truth"] <= goal
            made, wrong = made + called, wrong + (called and reached)
            pairs[row["table"], row["training"], g].append((row["share"], called, reached))
    for each in pairs.values():
        if not each[0][2]:
            missing += 1
            caught += any(called and share <= 0.5 for share, called, _ in each)
    return (
        f"{own}: of {made} calls to stop {wrong} reached the goal ({wrong / max(made, 1):.2%}); of {missing} pairs of "
        f"a training and a goal that it misses {caught / max(missing, 1):.0%} were called by half of the way"
    )


def main() -> None:
    """Judges forecasts, then sweeps, or writes what is learned."""
    given = tables()
    if "--learn" in sys.argv:
        path = Path(ends_module.__file__).parent / UNSEEN
        path.write_text(json.dumps(learn(given)) + "\n")
        return
    if "--sweeps" not in sys.argv:
        judge_endings(given)
    lines, said = simulate(learn({name: courses for name, courses in given.items() if name != "tank"}))
    record("watch_sweeps", "python benchmarks/watch.py --sweeps", lines, notes=said)


def judge_endings(given: dict[str, list[Course]]) -> None:
    """Judges the forecasts of all tables and records them."""
    rows = []
    for name, courses in given.items():
        unseen = learn({other: values for other, values in given.items() if other != name})
        rows += judged(name, courses, unseen)
        print(*table_of([row for row in rows if row["table"] == name]), sep="\n", flush=True)
    at = {f"{share:.0%}": means(rows, share) for share in SHARES}
    ours = at["25%"]["froude"]
    best = min((key for key in at["25%"] if key not in OURS), key=lambda key: at["25%"][key])
    notes = [
        f"Mean error at 25%, tables equally weighted: {ours:.2%}; of the best rival, {best}, {at['25%'][best]:.2%}: "
        f"a ratio of {ours / at['25%'][best]:.2f}; with the whole study held out "
        f"{at['25%']['froude, study held out']:.2%}.",
        *(f"{coverage(rows, own)}." for own in OURS),
        *(f"{calls(rows, own)}." for own in OURS),
        f"At most {JUDGED} trainings of a table, {FOLDS} folds. The eleven curves are fitted by least squares and "
        "weighted by likelihood, without the MCMC of the paper. Fitted constants: 6 for unseen studies. "
        "Changed after its results were seen, on these tables: the prior deviation beside few trainings, the "
        "correction for the choice of a kernel, and at most 8 degrees of freedom.",
    ]
    print(*notes, sep="\n", flush=True)
    record("watch", "python benchmarks/watch.py", table_of(rows), means=at, notes=notes)


if __name__ == "__main__":
    main()
