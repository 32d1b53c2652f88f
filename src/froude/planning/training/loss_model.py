"""What loss is expected of a training: a law with published constants, or a fit with its draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, final

import numpy as np

from froude.bounds import MOST_SPENT, positive_number, share
from froude.errors import InputError
from froude.fitting.fits import Fit
from froude.fitting.forecasting import correction
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
    There are `unique` tokens of data, or enough where that is None; more are repeats, worth less by the lever
    `REPETITION` unless the law itself takes U. `quantile` is that of the draws to be planned for, None for the law's
    own value. `fit` is the fit, if there is one; `name` says the law and its constants.
    """

    law: Law
    params: Mapping[str, float]
    name: str
    unique: float | None = None
    quantile: float | None = None
    draws: Mapping[str, np.ndarray] = field(default_factory=_none)
    fit: Fit | None = None

    def effective(self, D: Any) -> Any:
        """What D tokens are worth where some of them are repeats (Muennighoff et al. 2023, arXiv:2305.16264, eq. 5)."""
        if self.unique is None or "U" in self.law.inputs:
            return np.asarray(D, dtype=float)
        lever = get_law(REPETITION)
        return lever(D=D, U=np.minimum(D, self.unique), **lever.published[REPETITION_SET])

    def at(self, N: Any, D: Any) -> dict[str, Any]:
        """The law's inputs for N parameters and D tokens seen."""
        own = {"U": D if self.unique is None else np.minimum(D, self.unique)} if "U" in self.law.inputs else {}
        return {"N": np.asarray(N, dtype=float), "D": self.effective(D), **own}

    def loss(self, N: Any, D: Any) -> np.ndarray:
        """The loss planned for, of the broadcast shape of N and D: what is forecast, or the quantile of its draws."""
        at = self.at(N, D)
        corrected = 1.0 if self.fit is None else np.exp(correction(self.fit, at))
        if self.quantile is None:
            return np.asarray(corrected * self.law(**at, **self.params))
        with np.errstate(all="ignore"):
            drawn = self.law(**{x: np.asarray(v)[None] for x, v in at.items()}, **self._tall(np.ndim(N * D)))
        return corrected * np.nanquantile(drawn, self.quantile, axis=0)

    def tokens_for(self, N: float, loss: float) -> float | None:
        """The fewest tokens after which N parameters reach a loss; None where no number of them is enough."""
        if self.loss(N, _BOUNDLESS) >= loss:
            return None
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
        value = {"loss": float(self.loss(N, D)), "unit": self.law.unit, "law": self.name}
        if self.fit is None:
            return {**value, "interval": None, "level": None, "warnings": []}
        forecast = self.fit.predict(**self.at(N, D))
        if self.quantile is not None:
            value |= {"quantile": self.quantile, "law_value": forecast.mean}
        warnings = list(forecast.warnings)
        return {**value, "interval": [forecast.lo, forecast.hi], "level": forecast.level, "warnings": warnings}

    def assumptions(self) -> tuple[str, ...]:
        """A sentence for each thing that the forecast takes for granted."""
        sentences = [f"law: {self.name}"]
        if self.fit is None:
            sentences.append("forecast: published constants come without draws, so the loss has no interval of its own")
        if self.unique is not None and "U" not in self.law.inputs:
            lever = get_law(REPETITION)
            half = lever.published[REPETITION_SET]["R_D"]
            sentences.append(
                f"repeats: worth less with a constant of {half:.3g} repetitions ({lever.source}); wrong when "
                + lever.wrong_when.rstrip(".")
            )
        return tuple(sentences)

    def _tall(self, ndim: int) -> dict[str, np.ndarray]:
        return {name: values.reshape(-1, *(1,) * ndim) for name, values in self.draws.items()}


def loss_model_of(
    source: Fit | Law | str, *, unique_tokens: float | None = None, quantile: float | None = None
) -> LossModel:
    """The loss by a fit, a law, or a law's name, "chinchilla" or "chinchilla:hoffmann-2022" with its constants.

    InputError for a law that is none of parameters and tokens, for unknown constants, for a quantile of a law without
    draws, and for numbers out of range.
    """
    if unique_tokens is not None:
        positive_number("data limit", unique_tokens, MOST_SPENT)
    if quantile is not None:
        share("quantile", quantile)
    model = _of_fit(source) if isinstance(source, Fit) else _of_law(source)
    if quantile is not None and model.fit is None:
        raise InputError(f"quantile {quantile:g}: {model.name} has no draws; give a fit that froude fit --out saved")
    _check(model.law)
    return replace(model, unique=None if unique_tokens is None else float(unique_tokens), quantile=quantile)


def _of_fit(source: Fit) -> LossModel:
    if not source.converged:
        raise InputError(f"the fit of {source.law.name} did not converge: fit again with more starts or runs")
    draws = {name: source.draws[:, k] for k, name in enumerate(source.law.parameters)}
    name = f"{source.law.name} fitted to {source.n} runs"
    return LossModel(law=source.law, params=source.params, name=name, draws=draws, fit=source)


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
