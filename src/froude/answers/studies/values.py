"""What follows from a study's law in numbers: its values and intervals, the frontier, and forecasts without a law."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from froude.answers.studies.record import Place, StudyRecord
from froude.cost import Decoder
from froude.fitting import Fit
from froude.runs import Runs

CURVES_DRAWN = 120
"""Curves of training losses in one picture, at most: of more none can be followed."""

_WIDTHS = np.unique(np.geomspace(1, 4000, 160).round().astype(int))


def law_value(fit: Fit, N: Any, D: Any, C: Any) -> np.ndarray:
    """The law's value, without interval, at these parameters, tokens and FLOPs, of their broadcast shape."""
    return np.asarray(fit.law(**_inputs(fit, N, D, C), **fit.params))


def law_value_at(fit: Fit, place: Place) -> float:
    """The law's value, without interval, at a place."""
    return float(law_value(fit, place.N, place.D, place.C))


def law_band(fit: Fit, N: Any, D: Any, C: Any) -> tuple[np.ndarray, np.ndarray]:
    """The ends of the fit's interval for one run, each of the inputs' broadcast shape."""
    forecast = fit.predict(**_inputs(fit, N, D, C))
    return np.asarray(forecast.lo), np.asarray(forecast.hi)


def flops_per_token(record: StudyRecord) -> Callable[[Any], np.ndarray]:
    """Training FLOPs a token as a function of N.

    Exact where the study says what decoder it trains, whose width is then what N varies by; else 6·N.
    """
    decoder = record.target_decoder
    if decoder is None:
        return lambda n: 6.0 * np.asarray(n)
    family = [Decoder(**{**decoder, "width": 2 * decoder["heads"] * int(k)}) for k in _WIDTHS]
    sizes = np.log([d.n_non_embedding for d in family])
    flops = np.log([d.training_flops_per_token for d in family])
    return lambda n: np.exp(np.interp(np.log(n), sizes, flops))


def frontier(record: StudyRecord, fit: Fit, C: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lowest loss the law allows at each compute C (n,), and the N (n,) that reaches it."""
    flops = flops_per_token(record)
    sizes = np.geomspace(record.fitted["N"].min() / 100, record.fitted["N"].max() * 1e4, 1200)
    D = C[:, None] / flops(sizes)
    losses = np.where(D >= 1, law_value(fit, sizes, np.maximum(D, 1), C[:, None]), np.inf)
    best = losses.argmin(axis=1)
    return losses[np.arange(len(C)), best], sizes[best]


def baselines(record: StudyRecord, target: Place) -> dict[str, float]:
    """What one would forecast without a law: the largest pilot's loss, a straight line in log C."""
    runs = record.fitted
    named = {"largest pilot's loss": float(runs["loss"][record.largest])}
    if np.ptp(runs["C"]) > 0:
        slope, offset = np.polyfit(np.log(runs["C"]), runs["loss"], 1)
        named["straight line in log C"] = float(offset + slope * np.log(target.C))
    return named


def gain_of_doubling(record: StudyRecord, fit: Fit, target: Place, role: str) -> float:
    """The share by which the law's loss at the target falls when its N or D is doubled."""
    N, D = target.N * (1 + (role == "N")), target.D * (1 + (role == "D"))
    doubled = law_value(fit, N, D, flops_per_token(record)(N) * D)
    return 1 - float(doubled) / law_value_at(fit, target)


def _inputs(fit: Fit, N: Any, D: Any, C: Any) -> dict[str, Any]:
    roles = {"N": N, "D": D, "C": C}
    return {x: roles[x] for x in fit.law.inputs}


def trunk_names(runs: Runs) -> np.ndarray:
    """The training that each run is a branch of, (runs,); its own where none says so."""
    ids = runs["id"]
    return np.where([name is None for name in runs["trunk"]], ids, runs["trunk"]) if "trunk" in runs else ids


def drawn_trunks(runs: Runs) -> list[str]:
    """The trainings whose curves are drawn, longest first: all, or of many CURVES_DRAWN of all sizes."""
    longest_first = np.argsort(-runs["D"], kind="stable")
    trunks, first = np.unique(trunk_names(runs)[longest_first], return_index=True)
    if len(trunks) > CURVES_DRAWN:
        by_size = np.argsort(runs["N"][longest_first[first]], kind="stable")
        some = by_size[np.linspace(0, len(trunks) - 1, CURVES_DRAWN).round().astype(int)]
        trunks, first = trunks[some], first[some]
    return trunks[np.argsort(first)].tolist()
