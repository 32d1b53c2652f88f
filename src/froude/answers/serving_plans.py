"""What is said of a plan of serving: the deployment, its latency, what nearly won; or why there is none."""

from __future__ import annotations

from collections.abc import Iterator

from froude.answers.answer import Answer, Fact, Table
from froude.answers.costs import non_empty, sentences_table
from froude.answers.numbers import money, percent
from froude.answers.serving import deployment_text
from froude.planning.serving.ranking import ServingLimits
from froude.planning.serving.serving_plan import NoServingPlan, ServingCandidate, ServingPlan, SimulatedService
from froude.quantity import format_quantity, format_seconds


def answer_of_serving_plan(plan: ServingPlan | NoServingPlan) -> Answer:
    """A plan of serving, or why there is none."""
    if isinstance(plan, NoServingPlan):
        return answer_of_no_serving_plan(plan)
    choice = plan.choice
    chip = choice.deployment.machine.chip.name
    return Answer(
        headline=f"{plan.model.name} for {plan.load.words()}: {choice.devices:,} x {chip}, "
        f"{money(choice.dollars_per_hour)} an hour",
        facts=tuple(_facts(plan)),
        tables=non_empty(_tables(plan)),
        warnings=plan.warnings,
        next_steps=tuple(f"check it: {command}" for command in plan.load_tests.values()),
        data=plan.to_dict(),
    )


def answer_of_no_serving_plan(plan: NoServingPlan) -> Answer:
    """Why no deployment keeps the limits, and the least change after which one does."""
    others = (Fact("or", change) for change in plan.changes)
    looked = f"{plan.ranked:,} deployments in closed form, {plan.simulated:,} of them simulated"
    return Answer(
        headline=f"No plan to serve {plan.model.name} for {plan.load.words()} within {limits_text(plan.limits)}",
        facts=(
            *(Fact("because", reason) for reason in plan.reasons),
            Fact("nearest", plan.nearest),
            *others,
            Fact("compared", looked),
        ),
        tables=non_empty(iter([sentences_table("Assumed", tuple(map(str, plan.assumptions)))])),
        data=plan.to_dict(),
    )


def limits_text(limits: ServingLimits) -> str:
    """The limits, and of how many requests."""
    named = (("TTFT", limits.ttft), ("TPOT", limits.tpot))
    parts = [f"{name} {format_seconds(seconds)}" for name, seconds in named if seconds is not None]
    return f"{', '.join(parts)} at p{100 * limits.at:g}"


def _facts(plan: ServingPlan) -> Iterator[Fact]:
    choice, deployment = plan.choice, plan.choice.deployment
    engine = deployment.engine
    yield Fact("deployment", deployment_text(deployment))
    yield Fact(
        "limits of",
        f"at most {int(engine.sequences):,} requests and {int(engine.chunk):,} tokens an iteration",
    )
    if choice.simulated is not None:
        yield Fact("goodput", _goodput_text(choice.simulated, plan.limits))
    yield Fact(
        "speed",
        f"{choice.tokens_per_user:.3g} tokens/s a user, {format_quantity(choice.tokens_per_device)} a device; "
        f"capacity {choice.capacity:.3g} requests/s",
    )
    yield Fact("aim", "the fewest devices" if plan.objective == "devices" else "the least dollars")
    yield Fact("two pools", _pools_text(plan))
    yield Fact("compared", f"{plan.ranked:,} deployments in closed form, {plan.simulated:,} of them simulated")


def _goodput_text(found: SimulatedService, limits: ServingLimits) -> str:
    """The share of requests within all limits, by the simulation, with its standard error."""
    error = f" ± {percent(found.goodput_error, 1)}" if found.goodput_error else ""
    which = "both limits" if limits.ttft is not None and limits.tpot is not None else "the limit"
    return f"{percent(found.goodput, 1)}{error} of {found.requests:,} simulated requests within {which}"


def _pools_text(plan: ServingPlan) -> str:
    """What prefill and decode apart would take."""
    pools = plan.two_pools
    if pools is None:
        return "prefill and decode apart keep no limits on as many devices, in closed form"
    verdict = "fewer" if pools.devices < plan.choice.devices else "no fewer"
    return (
        f"{pools.devices:,} devices, {verdict}: {pools.prefill_dp:,} x tp {pools.prefill_tp} for prompts, "
        f"{pools.decode_dp:,} x tp {pools.decode_tp} for answers (means in closed form, not simulated)"
    )


def _tables(plan: ServingPlan) -> Iterator[Table]:
    yield _latency(plan)
    yield _runners_up(plan)
    yield sentences_table("What binds", plan.binding)
    yield _frontier(plan)
    yield _formats(plan)
    yield sentences_table("Assumed", tuple(map(str, plan.assumptions)))


def _latency(plan: ServingPlan) -> Table:
    """Simulated percentiles, the limits, and the model's own interval around the one that is limited."""
    found, rows = plan.choice.simulated, []
    for name, title, limit in (
        ("ttft", "first token (TTFT)", plan.limits.ttft),
        ("tpot", "each later token (TPOT)", plan.limits.tpot),
    ):
        values = getattr(found, name)
        rows.append(
            (
                title,
                *(format_seconds(values[share]) for share in ("mean", "p50", "p95", "p99")),
                "" if limit is None else format_seconds(limit),
            )
        )
    return Table(
        title=f"Latency, simulated; limits are at p{100 * plan.limits.at:g}",
        columns=("", "mean", "p50", "p95", "p99", "limit"),
        rows=tuple(rows),
    )


def _runners_up(plan: ServingPlan) -> Table:
    rows = [_row(plan.choice), *(_row(one.candidate) for one in plan.runners_up)]
    return Table(
        title=f"Runners-up; TTFT and TPOT at p{100 * plan.limits.at:g}, simulated",
        columns=("devices", "$/hour", "TTFT", "TPOT", "goodput", "deployment"),
        rows=tuple(rows) if plan.runners_up else (),
        left=(5,),
        details=("the plan", *(one.why for one in plan.runners_up)),
    )


def _row(one: ServingCandidate) -> tuple[str, ...]:
    found = one.simulated
    simulated = ("", "", "") if found is None else (
        format_seconds(found.ttft["limit"]),
        format_seconds(found.tpot["limit"]),
        percent(found.goodput, 1),
    )  # fmt: skip
    return (f"{one.devices:,}", f"{one.dollars_per_hour:,.2f}", *simulated, _label(one))


def _label(one: ServingCandidate) -> str:
    """Chip, engine, format and parallelism in a few words."""
    deployment = one.deployment
    sizes = {name: int(getattr(deployment, name)) for name in ("tp", "pp", "dp")}
    if int(deployment.model.experts) > 1:
        sizes["ep"] = int(deployment.ep)
    divided = " ".join(f"{name}{value}" for name, value in sizes.items() if value > 1) or "one device"
    kv = "" if deployment.kv in ("bf16", deployment.precision) else f", kv {deployment.kv}"
    return f"{deployment.machine.chip.name}, {deployment.engine.name}, {deployment.precision}{kv}, {divided}"


def _frontier(plan: ServingPlan) -> Table:
    """Tokens a second of a user against those of a device, in closed form."""
    return Table(
        title="Frontier: no deployment gives a user and a device more tokens/s at once (closed form)",
        columns=("a user", "a device", "devices", "within limits", "deployment"),
        rows=tuple(
            (
                f"{one.tokens_per_user:.3g}",
                format_quantity(one.tokens_per_device),
                f"{one.devices:,}",
                "yes" if one.keeps else "no",
                f"{one.chip}, {one.engine}, {one.precision}, tp {one.tp}, pp {one.pp}, dp {one.dp}",
            )
            for one in plan.frontier
        ),
        left=(3, 4),
    )


def _formats(plan: ServingPlan) -> Table:
    """What the formats that were admitted lose, how far to believe it, and where it is from."""
    return Table(
        title=f"Formats that lose at most {percent(plan.quality_limit, 1)} of quality",
        columns=("format", "loses", "trust"),
        rows=tuple((name, percent(one.share, 1), one.trust) for name, one in plan.losses.items()),
        left=(0, 2),
        details=tuple(one.source for one in plan.losses.values()),
    )
