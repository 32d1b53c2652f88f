"""What a study on disk has to tell: its runs, its documents, and what follows from them in numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np

from froude.cost import Decoder
from froude.errors import InputError
from froude.fitting import Fit
from froude.runs import Runs, Study

_BYTE_VOCABULARY = 256
_DOCUMENTS = ("plan", "environment", "forecast", "result")
_WIDTHS = np.unique(np.geomspace(1, 4000, 160).round().astype(int))


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Place:
    """Where a run lies: parameters, tokens and training FLOPs."""

    N: float
    D: float
    C: float


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Story:
    """A study as it stands. A document that is not written yet is an empty mapping, a missing fit no fit.

    `pilots` are all finished runs but the target's, which is in `targets`; `curves` the steps by run id.
    """

    name: str
    pilots: Runs
    targets: Runs
    curves: Mapping[str, Mapping[str, np.ndarray]]
    plan: Mapping[str, Any]
    environment: Mapping[str, Any]
    forecast: Mapping[str, Any]
    result: Mapping[str, Any]
    fits: tuple[Fit, ...]
    place: tuple[Place, ...]

    @cached_property
    def fitted(self) -> Runs:
        """The pilots that did not diverge."""
        return self.pilots.take(~self.pilots.diverged())

    @property
    def n_diverged(self) -> int:
        """How many pilots diverged."""
        return len(self.pilots) - len(self.fitted)

    @cached_property
    def measured(self) -> tuple[float, ...]:
        """The loss measured at the target: one number, NaN where it diverged, or none before it was run."""
        if len(self.targets):
            return (float(self.targets["loss"][0]),)
        return (float(self.result["measured"]),) if "measured" in self.result else ()

    @property
    def unit(self) -> str:
        """What a token is: "byte" for a vocabulary of 256, else "token"."""
        runs = self.pilots if len(self.pilots) else self.targets
        return "byte" if "vocabulary" in runs and runs["vocabulary"][0] == _BYTE_VOCABULARY else "token"

    @property
    def largest(self) -> int:
        """The position in `fitted` of the pilot with the most parameters, and of these the most tokens."""
        return int(np.lexsort((self.fitted["D"], self.fitted["N"]))[-1])


def read_story(study: Study) -> Story:
    """What the study's folder says now. InputError without a finished run, or for a damaged document."""
    runs = study.runs() if study.finished() else Runs.from_columns({"N": [], "D": [], "loss": []})
    if not len(runs):
        raise InputError(f"study {str(study.path)!r} has no finished run: finish at least one, then report again")
    documents = {name: _document(study, f"{name}.json") for name in _DOCUMENTS}
    place = _target_place(documents)
    is_target = np.zeros(len(runs), dtype=bool)
    for at in place:
        there = np.isclose(runs["N"], at.N) & np.isclose(runs["D"], at.D)
        is_target = there & ~there.all()  # what is the only run of a study is told as a pilot
    fit_file = study.path / "fit.json"
    return Story(
        name=study.path.resolve().name,
        pilots=runs.take(~is_target),
        targets=runs.take(is_target),
        curves={str(id): study.curve(str(id)) for id in runs["id"]},
        fits=(Fit.load(fit_file),) if fit_file.exists() else (),
        place=place,
        **documents,
    )


def law_value(fit: Fit, N: Any, D: Any, C: Any) -> np.ndarray:
    """The law's value, without interval, at these parameters, tokens and FLOPs, of their broadcast shape."""
    return np.asarray(fit.law(**_inputs(fit, N, D, C), **fit.params))


def law_band(fit: Fit, N: Any, D: Any, C: Any) -> tuple[np.ndarray, np.ndarray]:
    """The ends of the fit's interval for one run, each of the inputs' broadcast shape."""
    forecast = fit.predict(**_inputs(fit, N, D, C))
    return np.asarray(forecast.lo), np.asarray(forecast.hi)


def flops_a_token(story: Story) -> tuple[Callable[[Any], np.ndarray], str]:
    """Training FLOPs a token as a function of N, and in words how they are counted.

    Exact where the study says what decoder it trains, whose width is then what N varies by; else 6·N.
    """
    decoder = story.plan.get("design", {}).get("target", {}).get("decoder")
    if decoder is None:
        return lambda n: 6.0 * np.asarray(n), "with FLOPs counted as 6·N·D"
    heads = decoder["heads"]
    family = [Decoder(**{**decoder, "width": 2 * heads * int(k)}) for k in _WIDTHS]
    sizes = np.log([d.n_non_embedding for d in family])
    flops = np.log([d.training_flops_per_token for d in family])
    layers, context = decoder["layers"], decoder["context"]
    words = f"with the exact FLOPs of decoders of {layers} layers and context {context}"
    return lambda n: np.exp(np.interp(np.log(n), sizes, flops)), words


def frontier(story: Story, fit: Fit, C: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lowest loss the law allows at each compute C (n,), and the N (n,) that reaches it."""
    flops, _ = flops_a_token(story)
    sizes = np.geomspace(story.fitted["N"].min() / 100, story.fitted["N"].max() * 1e4, 1200)
    D = C[:, None] / flops(sizes)
    losses = np.where(D >= 1, law_value(fit, sizes, np.maximum(D, 1), C[:, None]), np.inf)
    best = losses.argmin(axis=1)
    return losses[np.arange(len(C)), best], sizes[best]


def baselines(story: Story) -> dict[str, float]:
    """What one would say of the target without a law: the largest pilot's loss, a straight line in log C."""
    runs = story.fitted
    named = {"largest pilot's loss": float(runs["loss"][story.largest])}
    if np.ptp(runs["C"]) > 0:
        slope, offset = np.polyfit(np.log(runs["C"]), runs["loss"], 1)
        named["straight line in log C"] = float(offset + slope * np.log(story.place[0].C))
    return named


def _inputs(fit: Fit, N: Any, D: Any, C: Any) -> dict[str, Any]:
    roles = {"N": N, "D": D, "C": C}
    return {x: roles[x] for x in fit.law.inputs}


def _document(study: Study, name: str) -> Mapping[str, Any]:
    return study.read_json(name) if (study.path / name).exists() else {}


def _target_place(documents: Mapping[str, Mapping[str, Any]]) -> tuple[Place, ...]:
    """Where the target lies, from the latest document that says so; nowhere before there is a plan."""
    for name, key in (("result", "target"), ("forecast", "at")):
        if key in documents[name]:
            return (Place(**{role: float(documents[name][key][role]) for role in "NDC"}),)
    trunk = documents["plan"].get("design", {}).get("target")
    if trunk is None:
        return ()
    decoder, tokens = Decoder(**trunk["decoder"]), max(trunk["tokens"])
    return (Place(N=decoder.n_non_embedding, D=tokens, C=decoder.training_flops_per_token * tokens),)
