"""What weakens a fit and an average of fits alike: rules that give a sentence each, and say what to do."""

from collections.abc import Iterator

from froude.fitting.checkpoints import WORTH_OF_DECAY
from froude.fitting.evidence import FitEvidence
from froude.fitting.identification import is_interpolated
from froude.fitting.misfit import Misfit
from froude.laws import Law, get_law

_FEWEST_PER_PARAMETER = 2
_SMALL_CHANCE = 1e-6
_SIMPLER = (("chinchilla-tied", None), ("power-floor", "C"), ("power", "C"))
_SIMPLER_OF_ONE = (("power-floor", "x"), ("power", "x"))


def is_overfitted(evidence: FitEvidence) -> bool:
    """Whether there are fewer than two runs for each parameter: what the parameters are is then no question."""
    return evidence.measured.n < _FEWEST_PER_PARAMETER * len(evidence.params)


def few_runs(evidence: FitEvidence) -> Iterator[str]:
    """Fewer than two runs for each parameter: whatever the law, it goes through them."""
    if is_overfitted(evidence):
        n, p = evidence.measured.n, len(evidence.params)
        simpler = _simpler(evidence.problem.law, n)
        remedy = f"a law of fewer parameters ({simpler}) or more runs" if simpler else "more runs"
        if is_interpolated(n, p):
            known = "parameters have no interval, and a forecast's is what runs and laws of other studies erred by"
        else:
            known = "only forecasts near them mean something"
        yield f"{p} parameters are fitted to {n} runs: {known}; take {remedy}"


def _simpler(law: Law, n: int) -> str | None:
    """How to ask for a law of fewer parameters that n runs determine, for one of one size or of N and D that falls."""
    if 1 in law.trend.values():
        return None
    (x, *more) = law.inputs
    listed = _SIMPLER if {*law.inputs} == {"N", "D"} else () if more else _SIMPLER_OF_ONE
    for name, over in listed:
        other, taken = get_law(name), x if over == "x" else over
        known = taken is None or taken in other.choices
        if known and len(other.parameters) < len(law.parameters) and _FEWEST_PER_PARAMETER * len(other.parameters) <= n:
            return f"--law {name}{f' --x {taken}' if taken else ''}"
    return None


def points_of_trainings(evidence: FitEvidence) -> Iterator[str]:
    """Rows that are points of trainings: they show what these would be if they ended there, which they did not."""
    if evidence.trainings is not None:
        x, count = evidence.trainings
        yield (
            f"the rows look like points of {'one training' if count == 1 else f'{count} trainings'} along {x}, whose "
            "learning-rate schedule is not known: one that is planned for another length ends elsewhere; forecasts are "
            f"widened by what {WORTH_OF_DECAY:g} factors e of training change; better fit the ends of trainings"
        )


def pattern(evidence: FitEvidence) -> Iterator[str]:
    """Residuals that follow a curve: the law has another form than the runs."""
    if evidence.misfit is not None:
        yield about_misfit(evidence.misfit, evidence.problem.law, evidence.y)


def about_misfit(misfit: Misfit, law: Law, y: str) -> str:
    """What the law misses, and what to do."""
    along, name = "·".join(misfit.along), "the average" if law.members else law.name
    if misfit.turn is not None:
        falls = law.trend[misfit.along[0]] < 0
        back, way = ("rises", "falls") if falls else ("falls", "rises")
        return (
            f"{y} {back} again beyond {along} = {misfit.turn:.3g}, as with data repeated too often, and {name} "
            f"only {way}: forecasts are widened as if that went on; or fit what is before: "
            f'--where "{along} <= {misfit.turn:.4g}"'
        )
    ends = ["above" if value > 0 else "below" for value in (misfit.at_lowest, misfit.at_highest)]
    where = f"at both ends of {along} {ends[0]} it"
    if ends[0] != ends[1]:
        where = f"at the smallest {along} {ends[0]} it, at the largest {ends[1]}"
    falls = {*law.trend.values()} == {-1} and not law.members
    remedy = "--law auto tries others" if falls else "take another law"
    return (
        f"the residuals have a pattern ({_chance(misfit.chance)}): runs lie off {name} by more than noise, {where}; "
        f"its form is wrong and forecasts are widened as if that went on; {remedy}"
    )


def _chance(p: float) -> str:
    return f"p = {p:.1g}" if p > _SMALL_CHANCE else f"p < {_SMALL_CHANCE:.0e}"


def guessed_inputs(evidence: FitEvidence) -> Iterator[str]:
    """An input that was derived by C = 6·N·D, where C may be counted otherwise."""
    for sentence in evidence.runs.derived:
        role = sentence.partition(" ")[0]
        if role in ("N", "D") and role in evidence.problem.law.inputs and "/(6" in sentence:
            yield (
                f"{sentence} is a guess: it is not what was trained where C counts attention or embeddings, or the "
                f"active parameters of a mixture of experts; give a column {role}"
            )
