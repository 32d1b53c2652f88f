"""What loss is expected of a training: a law with published constants, or a fit with its draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, final

import numpy as np

from froude.errors import InputError
from froude.fitting.fits import Fit
from froude.laws import Law, get_law

DEFAULT_SETS: Mapping[str, str] = MappingProxyType({"chinchilla": "besiroglu-2024"})
"""Published constants taken where nobody says which, by law; of other laws the first. Those of Hoffmann et al. are
rounded, which alone moves the best tokens per parameter by half (Besiroglu et al. 2024, arXiv:2404.10102)."""

REPETITION, REPETITION_SET = "repeated-tokens", "muennighoff-2023"
_BOUNDLESS = 1e40  # parameters or tokens, where nothing is left to gain


def _none() -> Mapping[str, Any]:
    return MappingProxyType({})


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class LossModel:
    """A law of parameters and tokens with numbers, and how it is read.

    `params` are its constants, `draws` those of a fit's refits by name, each (draws, 1), empty for published constants.
    There are `unique` tokens of data (inf: enough); more are repeats, worth less (`lever` with `lever_params`) unless
    the law itself takes U. `quantile` is that of the draws to be planned for, nan for the law's own value. `fit` holds
    the fit, if there is one; `name` says the law and its constants.
    """

    law: Law
    params: Mapping[str, float]
    name: str
    unique: float = np.inf
    quantile: float = np.nan
    draws: Mapping[str, np.ndarray] = field(default_factory=_none)
    fit: tuple[Fit, ...] = ()

    def effective(self, D: Any) -> Any:
        """What D tokens are worth where some of them are repeats (Muennighoff et al. 2023, arXiv:2305.16264, eq. 5)."""
        if not np.isfinite(self.unique) or "U" in self.law.inputs:
            return np.asarray(D, dtype=float)
        lever = get_law(REPETITION)
        return lever(D=D, U=np.minimum(D, self.unique), **lever.published[REPETITION_SET])

    def at(self, N: Any, D: Any) -> dict[str, Any]:
        """The law's inputs for N parameters and D tokens seen."""
        own = {"U": np.minimum(D, self.unique)} if "U" in self.law.inputs else {}
        return {"N": np.asarray(N, dtype=float), "D": self.effective(D), **own}

    def loss(self, N: Any, D: Any) -> np.ndarray:
        """The loss planned for, of the broadcast shape of N and D: the law's value, or the quantile of its draws."""
        at = self.at(N, D)
        if np.isnan(self.quantile):
            return np.asarray(self.law(**at, **self.params))
        with np.errstate(all="ignore"):
            drawn = self.law(**{x: np.asarray(v)[None] for x, v in at.items()}, **self._tall(np.ndim(N * D)))
        return np.nanquantile(drawn, self.quantile, axis=0)

    def tokens_for(self, N: float, loss: float) -> float:
        """The fewest tokens after which N parameters reach a loss; inf where none do."""
        if self.loss(N, _BOUNDLESS) >= loss:
            return float("inf")
        low, high = 0.0, np.log(_BOUNDLESS)
        while high - low > 1e-9 * high:
            middle = (low + high) / 2
            low, high = (low, middle) if self.loss(N, np.exp(middle)) <= loss else (middle, high)
        return float(np.exp(high))

    def floor(self, N: float = _BOUNDLESS) -> float:
        """The loss that no number of tokens passes below, of N parameters or of any."""
        return float(self.loss(N, _BOUNDLESS))

    def forecast(self, N: float, D: float) -> dict[str, Any]:
        """What JSON says of the loss: of a fit with its interval, of published constants without one."""
        said = {"loss": float(self.loss(N, D)), "unit": self.law.unit, "law": self.name}
        if not self.fit:
            return {**said, "interval": None, "level": None}
        made = self.fit[0].predict(**self.at(N, D))
        if not np.isnan(self.quantile):
            said |= {"quantile": self.quantile, "law_value": made.mean}
        return {**said, "interval": [made.lo, made.hi], "level": made.level}

    def assumptions(self) -> tuple[str, ...]:
        """A sentence for each thing that the forecast takes for granted."""
        said = [f"law: {self.name}"]
        if not self.fit:
            said.append("forecast: published constants come without draws, so the loss has no interval of its own")
        if np.isfinite(self.unique) and "U" not in self.law.inputs:
            lever = get_law(REPETITION)
            half = lever.published[REPETITION_SET]["R_D"]
            said.append(
                f"repeats: worth less with a constant of {half:.3g} repetitions ({lever.source}); wrong when "
                + lever.wrong_when.rstrip(".")
            )
        return tuple(said)

    def _tall(self, ndim: int) -> dict[str, np.ndarray]:
        return {name: values.reshape(-1, *(1,) * ndim) for name, values in self.draws.items()}


def believe(source: Fit | Law | str, *, unique_tokens: float | None = None, quantile: float | None = None) -> LossModel:
    """The belief of a fit, a law, or a law's name, "chinchilla" or "chinchilla:hoffmann-2022" with its constants.

    InputError for a law that is none of parameters and tokens, for unknown constants, for a quantile of a law without
    draws, and for numbers out of range.
    """
    if unique_tokens is not None and not (np.isfinite(unique_tokens) and unique_tokens > 0):
        raise InputError(f"data limit {unique_tokens:g}: give the unique tokens there are, above 0")
    if quantile is not None and not 0 < quantile < 1:
        raise InputError(f"quantile {quantile:g}: give a share between 0 and 1, such as 0.9")
    made = _of_fit(source) if isinstance(source, Fit) else _of_law(source)
    if quantile is not None and not made.fit:
        raise InputError(f"quantile {quantile:g}: {made.name} has no draws; give a fit that froude fit --out saved")
    _check(made.law)
    return replace(
        made,
        unique=np.inf if unique_tokens is None else float(unique_tokens),
        quantile=np.nan if quantile is None else quantile,
    )


def _of_fit(source: Fit) -> LossModel:
    if not source.converged:
        raise InputError(f"the fit of {source.law.name} did not converge: fit again with more starts or runs")
    draws = {name: source.draws[:, k] for k, name in enumerate(source.law.parameters)}
    name = f"{source.law.name} fitted to {source.n} runs"
    return LossModel(law=source.law, params=source.params, name=name, draws=draws, fit=(source,))


def _of_law(source: Law | str) -> LossModel:
    name, _, constants = source.partition(":") if isinstance(source, str) else (source.name, "", "")
    law = get_law(name) if isinstance(source, str) else source
    _check(law)
    sets = law.published
    if not sets:
        raise InputError(f"{law.name} has no published constants: give a fit that froude fit --out saved")
    chosen = constants or DEFAULT_SETS.get(law.name, next(iter(sets)))
    if chosen not in sets:
        raise InputError(f"{law.name} has no constants {chosen!r}: give one of {', '.join(sets)}")
    return LossModel(law=law, params=sets[chosen], name=f"{law.name}:{chosen}")


def _check(law: Law) -> None:
    if not {"N", "D"} <= set(law.inputs) <= {"N", "D", "U"}:
        takes = " and ".join(law.inputs)
        raise InputError(f"{law.name} is a law of {takes}: a budget is planned by a law of N and D, as chinchilla is")
    if law.is_lever or any(sign > 0 for sign in law.trend.values()):
        raise InputError(f"{law.name} gives a {law.unit}, no loss: plan by a law of loss, as chinchilla is")
