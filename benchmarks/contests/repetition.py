"""Training on repeated tokens: runs of at most one epoch, or those and small models, predict all others.

The published law is that of Muennighoff et al. 2023, arXiv:2305.16264, fitted as there: one exponent for parameters and
tokens, logarithms of losses. Its constants of repetition keep their published values where no fitted run repeats a
token.
"""

from collections.abc import Callable, Mapping

import numpy as np

from froude import Fit, Law, Runs, get_law, get_published
from froude.fitting import choose, fit
from froude.laws.levers.repetition import excess_params, repeated_tokens

from .compare import Contest, off, percent
from .ways import best_way, ways

STUDY, FILE = "datablations", "runs.csv"
DRAWS = 20  # of bootstraps that nothing here looks at
TIED = get_law("chinchilla-tied")
R_D = repeated_tokens.published["muennighoff-2023"]
EXCESS = excess_params.published["muennighoff-2023"]
ONE_EPOCH = 1.0001  # epochs are read with seven digits
SHORT = 10  # small runs have at most a tenth of the tokens of the longest that repeats none
SMALL_PARAMS = 3e8  # and, where they repeat tokens, at most about a thirtieth of the largest model's parameters
FEW_EPOCHS = 40.5  # beyond, the authors say, to repeat is worth nothing
ONE, SMALL = "one epoch, at most a tenth of the tokens", "that, and up to 40 epochs of up to 300M parameters"

Curve = Callable[[Runs], np.ndarray]
Constants = Mapping[str, float]


def contests() -> list[Contest]:
    """What repetition does, predicted from single epochs and from small models: up to 40 epochs, and of any number."""
    runs = table()
    single = single_epochs(runs)
    few = single | small_repeated(runs)
    forecasts = {
        ONE: (single, *from_single_epochs(runs.take(single))[:2]),
        SMALL: (few, *from_small_models(runs.take(few))),
    }
    return [
        Contest(
            name=f"repeated tokens, {which}",
            split=split,
            rival="Muennighoff's law, refitted",
            fitted=int(fitted.sum()),
            ours=off(ours(rest), rest["loss"]),
            theirs=off(theirs(rest), rest["loss"]),
            groups=rest["N"],
        )
        for split, (fitted, ours, theirs) in forecasts.items()
        for which, rest in others(runs.take(~fitted)).items()
    ]


def aside() -> str:
    """What keeping more of the published law would have made of the first split."""
    runs = table()
    single = single_epochs(runs)
    kept = from_single_epochs(runs.take(single))[2]
    errors = [percent(off(kept(rest), rest["loss"]).mean()) for rest in others(runs.take(~single)).values()]
    return (
        "Refitted to single epochs, Muennighoff's law moves its best size for so many unique tokens too; with that "
        f"size as published, which is how Froude takes it, its errors would be {' and '.join(errors)}."
    )


def table() -> Runs:
    """The runs that the authors' own notebook reads."""
    return get_published(STUDY).read(FILE).where("used_in_plain_fit")


def others(runs: Runs) -> dict[str, Runs]:
    """The judged runs: up to 40 epochs, and all."""
    return {"up to 40 epochs": runs.take(runs["epochs"] <= FEW_EPOCHS), "any number of epochs": runs}


def single_epochs(runs: Runs) -> np.ndarray:
    """Which runs (runs,) saw no token twice, and at most a tenth of the tokens of the longest such run."""
    return (runs["epochs"] <= ONE_EPOCH) & _short(runs)


def small_repeated(runs: Runs) -> np.ndarray:
    """Which runs (runs,) showed tokens up to 40 times to a small model."""
    return _short(runs) & (runs["epochs"] > ONE_EPOCH) & (runs["epochs"] <= FEW_EPOCHS) & (runs["N"] <= SMALL_PARAMS)


def from_single_epochs(runs: Runs) -> tuple[Curve, Curve, Curve]:
    """Froude's forecast, the rival's, and the rival's with the best size as published."""
    ours, theirs = choose(runs, draws=DRAWS).fit, fit(TIED, runs, draws=DRAWS)
    moved = {**in_excess(theirs), "R_N": EXCESS["R_N"]}
    return (
        lambda new: worn(ours.law, ours.params, new, R_D, EXCESS),
        lambda new: worn(TIED, theirs.params, new, R_D, moved),
        lambda new: worn(TIED, theirs.params, new, R_D, EXCESS),
    )


def from_small_models(runs: Runs) -> tuple[Curve, Curve]:
    """Froude's forecast and the rival's: first a law of single epochs, then what repetition does to it."""
    single = runs["epochs"] <= ONE_EPOCH
    alone, repeated = runs.take(single), runs.take(~single)
    ours, theirs = choose(alone, draws=DRAWS).fit, fit(TIED, alone, draws=DRAWS)
    way = best_way(repeated, ways(lambda N, D: ours.law(N=N, D=D, **ours.params)))
    number = way.fitted(repeated)
    half_life, excess = fitted_repetition(repeated, theirs)
    return lambda new: way.at(new, number), lambda new: worn(TIED, theirs.params, new, half_life, excess)


def worn(law: Law, constants: Constants, runs: Runs, half_life: Constants, excess: Constants) -> np.ndarray:
    """The losses (runs,) under a law of N and D if tokens wear out and parameters in excess count less."""
    return law(
        N=excess_params(N=runs["N"], U=runs["U"], **excess),
        D=repeated_tokens(D=runs["D"], U=runs["U"], **half_life),
        **constants,
    )


def in_excess(base: Fit) -> dict[str, float]:
    """By which constants a fit of the tied law says how many parameters are useful."""
    alpha = base.params["alpha"]
    return {"A": base.params["A"], "alpha": alpha, "B": base.params["B"], "beta": alpha}


def fitted_repetition(runs: Runs, base: Fit) -> tuple[Constants, Constants]:
    """The constants of repetition of the published law, that of single epochs held: the least log residuals."""
    from scipy.optimize import minimize

    def constants(point: np.ndarray) -> tuple[Constants, Constants]:
        return {"R_D": np.exp(point[0])}, {**in_excess(base), "R_N": np.exp(point[1])}

    def misfit(point: np.ndarray) -> float:
        return float(np.abs(np.log(worn(TIED, base.params, runs, *constants(point)) / runs["loss"])).sum())

    bounds = [(np.log(0.1), np.log(1e4))] * 2
    ends = [minimize(misfit, (x, y), method="Nelder-Mead", bounds=bounds) for x in (0.0, 4.0) for y in (0.0, 4.0)]
    return constants(min(ends, key=lambda end: end.fun).x)


def _short(runs: Runs) -> np.ndarray:
    return runs["D"] <= runs["D"][runs["epochs"] <= ONE_EPOCH].max() / SHORT
