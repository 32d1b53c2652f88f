"""The front door of serving: a model, a load and limits of latency, to the deployment that takes least."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from froude.bounds import MOST_DEVICES, finite_number, positive_number, whole_number
from froude.cost.machine.assumption import Assumption, parse_assumptions
from froude.cost.model.catalogue import get_model
from froude.cost.model.model import Model
from froude.cost.serving.constants import serving_constants
from froude.cost.serving.engines import known_engines
from froude.cost.serving.intervals import half_widths, shipped_uncertainty
from froude.errors import InputError, close_names
from froude.planning.serving.infeasible import no_plan
from froude.planning.serving.judging import Judged
from froude.planning.serving.load_tests import load_tests
from froude.planning.serving.neighbours import frontier, latency_curve, two_pools
from froude.planning.serving.quality import QualityLoss, quality_losses
from froude.planning.serving.question import ServingQuestion
from froude.planning.serving.ranking import Objective, RankedDeployments, ServingLimits
from froude.planning.serving.reasons import runners_up, what_binds
from froude.planning.serving.served_load import ServedLoad, read_load
from froude.planning.serving.serving_plan import NoServingPlan, ServingCandidate, ServingPlan
from froude.provenance import recorded
from froude.quantity import format_seconds, read_quantity

USUAL_CHIPS = ("h100",)
MOST = 256
"""Devices that a plan takes at most, where nobody says."""


@recorded
def plan_serving(
    model: Model | str,
    *,
    load: ServedLoad | str,
    input: int | None = None,
    output: int | None = None,
    ttft: float | str | None = None,
    tpot: float | str | None = None,
    at: float | str = "p95",
    chips: Sequence[str] | str = USUAL_CHIPS,
    engines: Sequence[str] | str | None = None,
    objective: Objective = "devices",
    quality_loss: float | str = 0.0,
    lengths: str | None = None,
    prefix_share: float = 0.0,
    max_devices: int = MOST,
    seed: int = 0,
) -> ServingPlan | NoServingPlan:
    """The deployment that serves a load within limits of latency on the fewest devices, or for the least dollars.

    `load` is "200 users" who ask again as soon as they are answered, "20/s" that arrive at random, or a trace, which
    has lengths of its own; else requests have `input` and `output` tokens, or `lengths` "uniform:0.8-1.0" of them, of
    which `prefix_share` of the prompt is the same in all. Of requests the share `at` ("p95") has its first token within
    `ttft`, and another share `at` its later ones every `tpot` (seconds, or "500ms"). Deployments are those of all
    `chips`, of the newest generation of all `engines` that run there, in the formats that lose at most `quality_loss`
    of the model's quality, as published, on up to `max_devices`. All are ranked in closed form, the best simulated
    with `seed`; NoServingPlan has the least change where none keeps the limits.
    InputError for names, numbers and traces that cannot be read, and for formats and engines that no chip has.
    """
    question = ServingQuestion(
        model=get_model(model) if isinstance(model, str) else model,
        load=_load(load, input, output, lengths, prefix_share),
        limits=_limits(ttft, tpot, at),
        chips=_names(chips, "chips"),
        engines=None if engines is None else _engines(_names(engines, "engines")),
        objective=_objective(objective),
        quality_loss=_share(quality_loss),
        most_devices=whole_number("max devices", max_devices, 1, MOST_DEVICES),
        constants=serving_constants(),
        seed=whole_number("seed", seed, 0, 2**32 - 1),
    )
    ranked = question.ranked()
    judged = question.judged(ranked)
    kept = judged.keeping(question.limits, question.objective)
    assumptions = tuple(_assumptions(question, judged))
    if not kept:
        return replace(no_plan(question, ranked, judged), assumptions=assumptions)
    return _plan(question, ranked, judged, kept, assumptions)


def _plan(
    question: ServingQuestion,
    ranked: RankedDeployments,
    judged: Judged,
    kept: list[ServingCandidate],
    assumptions: tuple[Assumption, ...],
) -> ServingPlan:
    choice, limits, constants = kept[0], question.limits, question.constants
    others = [one for one in judged.candidates if one is not choice]
    pools = two_pools(choice, limits, constants, question.most_devices)
    all_widths = half_widths(choice.deployment, constants, shipped_uncertainty())
    widths = {name: all_widths[name] for name in ("ttft", "tpot")}
    return ServingPlan(
        model=question.model,
        load=question.load,
        limits=limits,
        objective=question.objective,
        choice=choice,
        runners_up=runners_up(kept, [one for one in others if one not in kept], limits, question.objective),
        frontier=frontier(ranked, question.load, limits),
        curve=latency_curve(choice, constants),
        two_pools=pools,
        ranked=len(ranked),
        simulated=len(judged.candidates),
        quality_limit=question.quality_loss,
        losses=dict(_losses(ranked)),
        widths=widths,
        binding=what_binds(choice, others, ranked, limits, question.objective),
        assumptions=assumptions,
        load_tests=load_tests(choice.deployment, question.load, limits),
        warnings=tuple(_warnings(question, choice, widths)),
    )


def _losses(ranked: RankedDeployments) -> Iterator[tuple[str, QualityLoss]]:
    """What the formats that were admitted lose, with their sources."""
    losses = quality_losses()
    for precision in dict.fromkeys(group.precision for group in ranked.groups):
        yield f"weights in {precision}", losses["weights"][precision]
    for kv in dict.fromkeys(group.kv for group in ranked.groups):
        yield f"keys and values in {kv}", losses["kv"][kv]


def _warnings(question: ServingQuestion, choice: ServingCandidate, widths: dict[str, float]) -> Iterator[str]:
    """Limits that the model's own error may break, and what else is to be doubted."""
    found, limits = choice.simulated, question.limits
    for name, limit in (("ttft", limits.ttft), ("tpot", limits.tpot)):
        if found is not None and limit is not None:
            high = getattr(found, name)["limit"] * 2.718281828 ** widths[name]
            if high > limit:
                yield (
                    f"{name.upper()} at p{100 * limits.at:g} may be up to {format_seconds(high)} (90% interval of the "
                    f"model), above its limit of {format_seconds(limit)}: check it by the load test"
                )
    if choice.quality_loss > 0:
        yield f"the formats lose {choice.quality_loss:.1%} of quality, as published for other models: evaluate yours"


def _assumptions(question: ServingQuestion, judged: Judged) -> Iterator[Assumption]:
    load = question.load
    if load.users is not None:
        yield Assumption(name="users", value="no time to think", why="each asks again as soon as it is answered")
    elif load.arrival is None:
        yield Assumption(name="arrivals", value="at random", why="nobody gave a trace")
    if load.reused:
        yield Assumption(
            name="prefix reuse", value=f"{load.reused:.0%} of prompts", why="never evicted, in closed form"
        )
    if int(question.model.experts) > 1:
        yield Assumption(
            name="dispatch", value="not priced", why="positions go to experts of other replicas within a node"
        )
    if judged.candidates:
        count = min(one.simulated.requests for one in judged.candidates if one.simulated is not None)
        yield Assumption(
            name="simulation", value=f"from {count:,} requests", why=f"after a warm-up; seed {question.seed}"
        )
    for machine in question.machines:
        kept = [one for one in parse_assumptions(machine.assumed) if one.name != "failures"]
        yield from (replace(one, name=f"{one.name} of {machine.chip.name}") for one in kept)
    yield from parse_assumptions(question.model.assumed)


def _load(
    load: ServedLoad | str, input: int | None, output: int | None, lengths: str | None, prefix_share: float
) -> ServedLoad:
    if isinstance(load, ServedLoad):
        if (input, output, lengths) != (None, None, None) or prefix_share:
            raise InputError("a load has lengths of its own: leave out input, output, lengths and prefix_share")
        return load
    return read_load(load, input=input, output=output, lengths=lengths, prefix_share=prefix_share)


def _limits(ttft: float | str | None, tpot: float | str | None, at: float | str) -> ServingLimits:
    given = {"ttft": ttft, "tpot": tpot}
    if all(one is None for one in given.values()):
        raise InputError("no limit of latency: give --ttft 500ms, --tpot 30ms or both")
    seconds = {
        name: None if one is None else positive_number(name, read_quantity(one, "seconds"))
        for name, one in given.items()
    }
    return ServingLimits(**seconds, at=_percentile(at))


def _percentile(at: float | str) -> float:
    """The share that "p95" or 0.95 says. InputError for what is none between 0.5 and 0.999."""
    text = at.strip().lower().removeprefix("p") if isinstance(at, str) else at
    try:
        value = float(text) / (100 if isinstance(at, str) else 1)
    except ValueError:
        value = 0.0
    if not 0.5 <= value <= 0.999:
        raise InputError(f"at {at!r} is no percentile: give p50 to p99.9")
    return value


def _share(loss: float | str) -> float:
    """A share, "1%" or 0.01."""
    text = loss.strip() if isinstance(loss, str) else loss
    try:
        value = float(text[:-1]) / 100 if isinstance(text, str) and text.endswith("%") else float(text)
    except ValueError:
        raise InputError(f"quality loss {loss!r} is no share: write 1% or 0.01") from None
    return finite_number("quality loss", value, 0.0, 1.0)


def _objective(name: str) -> Objective:
    if name == "devices" or name == "dollars":
        return name
    raise InputError(f"objective {name!r}: take devices or dollars")


def _names(given: Sequence[str] | str, what: str) -> tuple[str, ...]:
    names = given.split(",") if isinstance(given, str) else list(given)
    kept = tuple(dict.fromkeys(name.strip() for name in names if name.strip()))
    if not kept:
        raise InputError(f"no {what} are named: give some, as {'h100,b200' if what == 'chips' else 'vllm,sglang'}")
    return kept


def _engines(names: tuple[str, ...]) -> tuple[str, ...]:
    known = list(dict.fromkeys(one.name for one in known_engines() if one.prompts != "together"))
    for name in names:
        if name not in known:
            near = close_names(name, known) or known
            raise InputError(f"no engine is called {name!r}: take one of {', '.join(near)}")
    return names
