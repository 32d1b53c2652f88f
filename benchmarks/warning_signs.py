"""Do small models foresee the attention logits and gradients of a larger one? The larger one is then really trained.

Models of five widths train a few hundred steps at several learning rates; the trend of each sign with size forecasts
that of a model six times larger than the largest of them. Hidden matrices learn at one rate for every width, as is
standard (there logits grow with size), and once at the tank's own rates ∝ 1/width.
Command: python benchmarks/warning_signs.py
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import torch

from froude import Runs
from froude.cost import Decoder
from froude.fitting.procedures.instability import InstabilityForecast, forecast_instability
from froude.tank import PilotRecipe, Trunk, build_corpus
from froude.tank.coordinates import UNNORMALISED_LR
from froude.tank.trainer import BASE_WIDTH
from froude.tank.warning_signs import warning_signs
from record import record

WIDTHS, LARGE_WIDTH = (16, 24, 32, 48, 64), 160
SEEDS, LARGE_SEEDS = (0, 1, 2), (10, 11)
STEPS = 200
KINDS = {
    "one rate": (UNNORMALISED_LR, False),
    "one rate, × 4": (4 * UNNORMALISED_LR, False),
    "rate ∝ 1/width, × 4": (4 * UNNORMALISED_LR, True),
}
"""The learning rate at BASE_WIDTH, and whether it falls with the width."""
SIGNS = {"attention logit": "attention_logit", "gradient RMS": "gradient_rms"}
THRESHOLD = 1000.0  # logits of the tank's small models at which their loss is worse already


def main() -> None:
    """Trains all models and records the table."""
    torch.set_num_threads(1)
    corpus = build_corpus()
    rows, trained = [], {}
    for name in KINDS:
        small = warning_signs([trunk(name, width, seed) for width in WIDTHS for seed in SEEDS], corpus, [STEPS])
        large = warning_signs([trunk(name, LARGE_WIDTH, seed) for seed in LARGE_SEEDS], corpus, [STEPS])
        rows += rows_of(name, small, large)
        trained[name] = [*small.frame.to_dicts(), *large.frame.to_dicts()]
    record("warning_signs", "python benchmarks/warning_signs.py", rows, notes=NOTES, runs=trained)


NOTES = (
    f"After {STEPS} steps; widths {', '.join(map(str, WIDTHS))} with {len(SEEDS)} seeds each forecast width "
    f"{LARGE_WIDTH}, {(LARGE_WIDTH / WIDTHS[-1]) ** 2:.3g} times the parameters of the widest, on installed Python "
    f"sources. Rates are the tank's at width {BASE_WIDTH}, {UNNORMALISED_LR:g}, times the factor. Intervals are at "
    f"90%. The last column is the size in parameters at which an attention logit of {THRESHOLD:g} is forecast.",
)


def rows_of(name: str, small: Runs, large: Runs) -> Iterable[dict[str, str]]:
    """Each sign at one kind of rate: forecast by the small models, and measured."""
    for sign, column in SIGNS.items():
        found = outlook(small, float(large["N"][0]), column)
        line = {
            "learning rate": name,
            "sign": sign,
            f"width {WIDTHS[0]} → {WIDTHS[-1]}": " → ".join(mean_at(small, w, column) for w in (WIDTHS[0], WIDTHS[-1])),
            f"width {LARGE_WIDTH}, forecast": shown(found),
            f"width {LARGE_WIDTH}, measured": " and ".join(f"{value:.3g}" for value in large[column]),
            "its loss": f"{large['loss'].mean():.2f}",
            f"logit of {THRESHOLD:g} at": crossing(found) if column == "attention_logit" else "",
        }
        print(line, flush=True)
        yield line


def trunk(name: str, width: int, seed: int) -> Trunk:
    """A trunk of the given kind of learning rate."""
    rate, falls = KINDS[name]
    decoder = Decoder(width=width, layers=2, heads=2, context=64)
    planned = PilotRecipe(corpus="").trunk(decoder, [2_000_000], seed)
    return replace(planned, lr=rate if falls else rate * width / BASE_WIDTH)


def outlook(small: Runs, N: float, sign: str) -> InstabilityForecast:
    """What the small models forecast; all are of one kind, whatever their rates."""
    one_kind = Runs.from_columns({**{x: small[x] for x in ("N", "step", sign)}, "kind": np.ones(len(small))})
    return forecast_instability(one_kind, N, sign, per="kind", threshold=THRESHOLD)[0]


def mean_at(runs: Runs, width: int, sign: str) -> str:
    """The geometric mean over seeds at a width."""
    return f"{np.exp(np.log(runs[sign][runs['width'] == width]).mean()):.3g}"


def shown(found: InstabilityForecast) -> str:
    """A forecast with its 90% interval."""
    return f"{found.forecast.mean:.3g} ({found.forecast.lo:.3g} to {found.forecast.hi:.3g})"


def crossing(found: InstabilityForecast) -> str:
    """Where the threshold is crossed, with its 90% interval."""
    size, lo, hi = ("never" if value is None else f"{value:.2g}" for value in found.crossing)
    return f"{size} ({lo} to {hi})"


if __name__ == "__main__":
    main()
