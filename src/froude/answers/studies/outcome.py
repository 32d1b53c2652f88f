"""A forecast and what was measured, in words: the same on the page and while a pilot runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from froude.answers.numbers import loss_text, percent

TANK_UNIT = "nats/byte"
"""Of the losses of Froude's own trainer."""


def forecast_words(forecast: Mapping[str, Any]) -> str:
    """The forecast with its interval and its law: "1.640 nats/byte, 90% interval 1.600 to 1.680, by chinchilla"."""
    predicted = with_unit(loss_text(forecast["predicted"]), forecast.get("loss_unit", TANK_UNIT))
    return f"{predicted}, {forecast['level']:.0%} interval {interval_words(forecast['interval'])}, by {forecast['law']}"


def with_unit(text: str, unit: str) -> str:
    """A number and its unit, where that is known."""
    return f"{text} {unit}" if unit else text


def interval_words(interval: Sequence[float]) -> str:
    """The ends of an interval of losses: "1.600 to 1.680"."""
    return " to ".join(map(loss_text, interval))


def held_out_words(forecast: Mapping[str, Any]) -> str:
    """Each law with its error on the largest pilots: "chinchilla 1.2%, kaplan-joint 2.0%"; or that there is none."""
    if not any(law["cuts"] for law in forecast["choice"]):
        return "of no law, for which the pilots are too few: " + ", ".join(law["law"] for law in forecast["choice"])
    return ", ".join(f"{law['law']} {held_out_error(law)}" for law in forecast["choice"])


def held_out_error(law: Mapping[str, Any]) -> str:
    """The error of one law of the choice on the pilots held out, where they could be."""
    return percent(law["held_out_error"], 1) if law["cuts"] else "not held out"


def measured_words(predicted: float, interval: Sequence[float], measured: float, unit: str = TANK_UNIT) -> str:
    """What was measured, against the forecast: "1.633 nats/byte: 0.43% off, inside the interval"."""
    if not math.isfinite(measured):
        return "the target diverged: there is no loss to compare with"
    return f"{with_unit(loss_text(measured), unit)}: {verdict(predicted, interval, measured)}"


def verdict(predicted: float, interval: Sequence[float], measured: float) -> str:
    """How far off a forecast was, and whether what was measured lies in its interval."""
    low, high = interval
    where = "inside" if low <= measured <= high else "outside"
    return f"{percent(abs(predicted / measured - 1))} off, {where} the interval"
