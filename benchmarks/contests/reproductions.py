"""Published numbers that Froude must find again from the published runs. No contests: both see all runs."""

from dataclasses import dataclass
from typing import final

from froude import Runs, get_law, get_published
from froude.fitting import fit
from froude.fitting.procedures.three_approaches import approach_2
from froude.laws.levers.streams import parallel_streams

DRAWS = 20  # of bootstraps that nothing here looks at
PARSCALE = {"loss_stackv2_python": "parscale-2025-stack", "loss_pile": "parscale-2025-pile"}
# Refitted to the authors' points by their recipe; A is the paper's, inside the power.
CONSTANTS = {
    "loss_stackv2_python": {"E": 0.69121, "A": 1.1307e7, "alpha": 0.18936, "k": 0.39346},
    "loss_pile": {"E": 1.28859, "A": 1.9752e8, "alpha": 0.19628, "k": 0.33444},
}
# Porian et al. 2024, arXiv:2406.19146: from Kaplan's settings to Chinchilla's, one change after another.
WALK = {
    "as Kaplan et al.": ("base", "long", "kaplan", "kaplan", 0.834),
    "the head counted": ("base", "long", "kaplan", "standard", 0.701),
    "shorter warm-up": ("base", "short", "kaplan", "standard", 0.604),
    "decay to the end": ("base", "short", "chinchilla", "standard", 0.571),
    "tuned, no decay": ("tuned", "short", "const", "standard", 0.497),
}
SETTINGS = ("hparams", "warmup", "decay", "param_count")


@final
@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """A published number and the one found: their difference, relative or not, is to be at most `bound`."""

    what: str
    published: float
    found: float
    relative: bool
    bound: float

    @property
    def off(self) -> float:
        """How far apart they are."""
        return abs(self.found - self.published) / (abs(self.published) if self.relative else 1.0)

    def row(self) -> dict[str, str]:
        """The reproduction as a line of the table."""
        apart, bound = (f"{each:.3%}" if self.relative else f"{each:.3f}" for each in (self.off, self.bound))
        return {
            "number": self.what,
            "published": f"{self.published:.5g}",
            "found": f"{self.found:.5g}",
            "apart (at most)": f"{apart} ({bound})",
        }


def reproductions() -> list[Reproduction]:
    """ParScale's constants, within 1%, and the walk of the exponent of the best size, within 0.03."""
    return [*(each for column in CONSTANTS for each in parscale(column)), *walk()]


def parscale(column: str) -> list[Reproduction]:
    """The constants of parallel streams, fitted to the losses in a column."""
    runs = get_published("parscale").read("parscale.csv", {"N": "N_nonembed", "loss": column})
    law = get_law("power-floor", "N").replacing(N=parallel_streams)
    found = dict(fit(law, runs, draws=DRAWS).params)
    found["A"] **= 1 / found["alpha"]
    return [
        Reproduction(what=f"ParScale, {column}: {name}", published=value, found=found[name], relative=True, bound=0.01)
        for name, value in CONSTANTS[column].items()
    ]


def walk() -> list[Reproduction]:
    """The exponent a of the best size N ~ C^a on RefinedWeb, one change of settings after another."""
    runs = get_published("resolving_discrepancies").read("isoflop_points.csv").where("dataset = 'rw'")
    return [
        Reproduction(
            what=f"exponent of the best size, {stage}",
            published=published,
            found=approach_2(_under(runs, settings), C=1e18, draws=DRAWS).a,
            relative=False,
            bound=0.03,
        )
        for stage, (*settings, published) in WALK.items()
    ]


def _under(runs: Runs, settings: list[str]) -> Runs:
    return runs.where(" AND ".join(f"{name} = '{value}'" for name, value in zip(SETTINGS, settings, strict=True)))
