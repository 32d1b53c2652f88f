"""What loss is expected of a training: by a fit or by published constants, where data may run short."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from froude.bounds import MOST_SPENT, positive_number, share
from froude.errors import InputError
from froude.fitting.fits import Fit
from froude.fitting.forecasting import correction
from froude.fitting.published_fit import PublishedFit, usual_constants
from froude.fitting.size_draws import expected_loss
from froude.fitting.sources import FitSource, read_source
from froude.fitting.tokens import BOUNDLESS, about_repeats, inputs_for, tokens_reaching
from froude.laws import Law

LossSource = FitSource | Law
"""What may give the loss: a fit, the file of one, or a law with published constants, or the name of one."""


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class LossModel:
    """A law of parameters and tokens with numbers, and how it is read.

    There are `unique` tokens of data, or enough where that is None; more are repeats, worth less. `quantile` is that of
    the fit's draws to be planned for, None for the law's own value.
    """

    fit: Fit | PublishedFit
    unique: float | None = None
    quantile: float | None = None

    @property
    def law(self) -> Law:
        """The law of the loss."""
        return self.fit.law

    @property
    def name(self) -> str:
        """The law and its constants, or how many runs it was fitted to."""
        fit = self.fit
        return fit.name if isinstance(fit, PublishedFit) else f"{fit.law.name} fitted to {fit.n} runs"

    def at(self, N: Any, D: Any) -> dict[str, Any]:
        """The law's inputs for N parameters and D tokens seen."""
        return inputs_for(self.law, N, D, self.unique)

    def loss(self, N: Any, D: Any) -> np.ndarray:
        """The loss planned for, of the broadcast shape of N and D: what is forecast, or the quantile of its draws."""
        if self.quantile is None or not isinstance(self.fit, Fit):
            return expected_loss(self.fit, N, D, self.unique)
        at = self.at(N, D)
        with np.errstate(all="ignore"):
            drawn = self.law(**{x: np.asarray(v)[None] for x, v in at.items()}, **self._tall(np.ndim(N * D)))
        return np.exp(correction(self.fit, at)) * np.nanquantile(drawn, self.quantile, axis=0)

    def tokens_for(self, N: float, loss: float) -> float | None:
        """The fewest tokens after which N parameters reach a loss; None where no number of them is enough."""
        return tokens_reaching(lambda D: self.loss(N, D), loss)

    def floor(self, N: float = BOUNDLESS) -> float:
        """The loss that no number of tokens passes below, of N parameters or of any."""
        return float(self.loss(N, BOUNDLESS))

    def forecast(self, N: float, D: float) -> dict[str, Any]:
        """What JSON says of the loss, with its interval."""
        value = {"loss": float(self.loss(N, D)), "unit": self.law.unit, "law": self.name}
        forecast = self.fit.predict(**self.at(N, D))
        if self.quantile is not None:
            value |= {"quantile": self.quantile, "law_value": forecast.mean}
        warnings = list(forecast.warnings)
        return {**value, "interval": [forecast.lo, forecast.hi], "level": forecast.level, "warnings": warnings}

    def assumptions(self) -> tuple[str, ...]:
        """A sentence for each thing that the forecast takes for granted."""
        sentences = [f"law: {self.name}"]
        if isinstance(self.fit, PublishedFit):
            sentences += [f"law: {sentence}" for sentence in self.fit.notes]
        if self.unique is not None and "U" not in self.law.inputs:
            sentences.append(about_repeats())
        return tuple(sentences)

    def _tall(self, ndim: int) -> dict[str, np.ndarray]:
        return {name: self.fit.draws[:, k].reshape(-1, *(1,) * ndim) for k, name in enumerate(self.law.parameters)}


def loss_model_of(
    source: LossSource,
    *,
    unique_tokens: float | None = None,
    quantile: float | None = None,
) -> LossModel:
    """The loss by a fit, the file of one, a law, or a law's name with published constants: "chinchilla:hoffmann-2022".

    InputError for a law that is none of parameters and tokens, for unknown constants, for a quantile of a law without
    draws, and for numbers out of range.
    """
    if unique_tokens is not None:
        positive_number("data limit", unique_tokens, MOST_SPENT)
    if quantile is not None:
        share("quantile", quantile)
    fit = usual_constants(source) if isinstance(source, Law) else read_source(source)
    _check(fit.law)
    if isinstance(fit, Fit) and not fit.converged:
        raise InputError(f"the fit of {fit.law.name} did not converge: fit again with more starts or runs")
    model = LossModel(fit=fit)
    if quantile is not None and not isinstance(fit, Fit):
        raise InputError(f"quantile {quantile:g}: {model.name} has no draws; give a fit that froude fit --out saved")
    return replace(model, unique=None if unique_tokens is None else float(unique_tokens), quantile=quantile)


def _check(law: Law) -> None:
    if not {"N", "D"} <= set(law.inputs) <= {"N", "D", "U"}:
        takes = " and ".join(law.inputs)
        raise InputError(f"{law.name} is a law of {takes}: a budget is planned by a law of N and D, as chinchilla is")
    if law.is_lever or any(sign > 0 for sign in law.trend.values()):
        raise InputError(f"{law.name} gives a {law.unit}, no loss: plan by a law of loss, as chinchilla is")
