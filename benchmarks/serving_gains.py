"""Four gains that papers print, from the technique alone: simulated on the paper's model, chip and workload.

`python benchmarks/serving_gains.py` asks of each: the range is the smallest to the largest value printed for that
model, chip and workload. No constant is set by them: kernels are those that ship, lengths, limits, batch sizes and
acceptances are the papers'. Lengths of which only a median and a tail are printed are drawn lognormal, as those that
`LENGTHS` names; where only means are printed every request has them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from froude.cost import get_engine, get_machine, get_model
from froude.cost.serving.constants import serving_constants
from froude.cost.serving.deployment import Deployment
from froude.cost.serving.simulation import Requests, Simulation, simulate
from froude.cost.serving.simulation.drafting import Speculation
from froude.cost.serving.simulation.fleet import gathered, replicas_of, seconds_outside
from froude.cost.serving.simulation.ledger import Ledger
from froude.cost.serving.simulation.pools import simulate_pools
from froude.cost.serving.simulation.replica import Replica
from froude.cost.serving.simulation.scheduling import Scheduling
from record import record

COMMAND = "python benchmarks/serving_gains.py"
SEED, COUNT, ROUNDS = 18, 800, 9

LENGTHS = {"openchat_sharegpt4": (1730, 5696, 415, 834, 8192), "arxiv_summarization": (7059, 12985, 208, 371, 16384)}
"""Median and nine tenths of prompts and of answers, and the most of both (Sarathi-Serve, table 2 and section 5)."""

DECODER = "norm=rms,biased=false,tied=false,gated=true"
YI = f"layers=60,hidden=7168,heads=56,kv_heads=8,mlp_width=20480,vocab=64000,positions=rotary,{DECODER}"
T5 = "hidden={},heads={},layers={},mlp_width={},head_width=64,vocab=32128,positions=none," + DECODER
XXL = (4096, 64, 24, 10240)  # T5's decoders of version 1.1, without what looks at the encoder (as remembered)
SIZES = {"small": (512, 6, 8, 1024), "base": (768, 12, 12, 2048), "large": (1024, 16, 24, 2816)}
TABLE_2 = {  # Leviathan et al., table 2 (as remembered): task, temperature, draft: drafted, acceptance, speedup
    ("EnDe", 0, "small"): (7, 0.75, 3.4),
    ("EnDe", 0, "base"): (7, 0.8, 2.8),
    ("EnDe", 0, "large"): (7, 0.82, 1.7),
    ("EnDe", 1, "small"): (7, 0.62, 2.6),
    ("EnDe", 1, "base"): (5, 0.68, 2.4),
    ("EnDe", 1, "large"): (3, 0.71, 1.4),
    ("CNNDM", 0, "small"): (5, 0.65, 3.1),
    ("CNNDM", 0, "base"): (5, 0.73, 3.0),
    ("CNNDM", 0, "large"): (3, 0.74, 2.2),
    ("CNNDM", 1, "small"): (5, 0.53, 2.3),
    ("CNNDM", 1, "base"): (3, 0.55, 2.2),
    ("CNNDM", 1, "large"): (3, 0.56, 1.7),
}
TOKENS = {"EnDe": (32, 32), "CNNDM": (512, 64)}  # of prompts and answers: a guess


@dataclass(frozen=True, kw_only=True)
class Gain:
    """A technique's gain on one setting, beside the range that is printed for it."""

    technique: str
    setting: str
    source: str
    low: float
    high: float
    found: float

    @property
    def row(self) -> dict[str, str]:
        """As the document shows it."""
        printed = f"{self.low:g}" if self.low == self.high else f"{self.low:g} to {self.high:g}"
        inside = "yes" if self.low <= self.found <= self.high else "no"
        if np.isnan(self.low):
            printed, inside = "", ""
        return {
            "technique": self.technique,
            "setting": self.setting,
            "printed in": self.source,
            "printed": printed,
            "simulated": f"{self.found:.2f}" if np.isfinite(self.found) else "TTFT never kept",
            "inside": inside,
        }


def deployment(model: str, machine: str, engine: str, *, tp: int = 1, pp: int = 1) -> Deployment:
    """A replica in 16 bits; its lengths do not count."""
    return Deployment(
        model=get_model(model),
        machine=get_machine(machine),
        engine=get_engine(engine),
        precision="fp16" if "tpu" not in machine else "bf16",
        kv="bf16",
        tp=tp,
        pp=pp,
        input=512,
        output=128,
    )


def arrivals(rate: float, inputs: np.ndarray, outputs: np.ndarray) -> Requests:
    """The same requests at any rate, their gaps stretched."""
    gaps = np.random.default_rng(SEED).exponential(1.0, len(inputs))
    return Requests(input=inputs, output=outputs, arrival=np.cumsum(gaps) / rate)


def largest_rate(holds: Callable[[float], bool], low: float, high: float) -> float:
    """The largest rate that holds, by halving in logarithms."""
    if not holds(low):
        return 0.0
    for _ in range(ROUNDS):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def drawn_lengths(name: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Prompts and answers of a workload, those that are too long together drawn again."""
    prompt, prompt_tail, answer, answer_tail, most = LENGTHS[name]
    rng, found = np.random.default_rng(SEED), np.empty((0, 2))
    while len(found) < count:
        normal = rng.standard_normal((4 * count, 2)) / 1.2816  # of which a tenth is above one
        pairs = np.array([prompt, answer]) * np.array([prompt_tail / prompt, answer_tail / answer]) ** normal
        found = np.vstack([found, pairs[pairs.sum(axis=1) <= most]])
    whole = np.maximum(np.rint(found[:count]), 2).astype(int)
    return whole[:, 0], whole[:, 1]


def token_gaps(one: Deployment, requests: Requests, scheduling: Scheduling) -> tuple[Simulation, float]:
    """The simulation, and the seconds within which 99 of 100 tokens follow the one before.

    An iteration that decodes gives each request that runs a token; what went by since its last one is added.
    """
    constants, ledger = serving_constants(), Ledger(requests)
    outside = seconds_outside(one, constants)
    (replica,) = replicas_of(one, requests, constants, ledger, scheduling=scheduling)
    assert isinstance(replica, Replica)
    assert requests.arrival is not None
    replica.inbox.extend(zip((requests.arrival + outside).tolist(), range(len(requests)), strict=True))
    gaps, stalled = [], 0.0
    while True:
        now, iteration, running = replica.now, replica.iteration, replica.pages.decoding
        if not replica.step():
            break
        count, spent = replica.iteration - iteration, replica.now - now
        if not running:
            continue
        if count:
            gaps.append((spent / count + stalled, running))
            gaps.append((spent / count, running * (count - 1)))
            stalled = 0.0
        else:
            stalled += spent
    values, weights = np.array(gaps).T
    order = np.argsort(values)
    place = np.searchsorted(np.cumsum(weights[order]), 0.99 * weights.sum())
    return gathered(one, requests, ledger, [replica], outside), float(values[order][place])


def chunked_prefill() -> list[Gain]:
    """Sarathi-Serve: the load at which P99 of gaps keeps its limit and the median request waits no 2 s."""
    rows = []
    for model, machine, tp, name, limit, budget, low, high, source in (
        ("mistral-7b", "1 x a100-80", 1, "openchat_sharegpt4", 0.1, 512, 2.6, 3.5, "abstract; section 5.2"),
        (YI, "2 x a100-80", 2, "openchat_sharegpt4", 0.2, 512, 3.7, 3.7, "abstract; section 5.1"),
        (YI, "2 x a100-80", 2, "openchat_sharegpt4", 1.0, 2048, 1.65, 1.65, "figure 12; section 5.2"),
    ):
        lengths = drawn_lengths(name, COUNT)

        def most(engine: str, scheduling: Scheduling, setting: tuple = (model, machine, tp, lengths, limit)) -> float:
            model, machine, tp, lengths, limit = setting
            one = deployment(model, machine, engine, tp=tp)

            def holds(rate: float) -> bool:
                found, gap = token_gaps(one, arrivals(rate, *lengths), scheduling)
                return gap <= limit and float(np.median(found.waited)) <= 2.0

            return largest_rate(holds, 0.02, 20.0)

        before = max(most("vllm@0.6", Scheduling(sequences=batch)) for batch in (32, 64, 128))
        after = most("vllm@0.8", Scheduling(sequences=128, chunk=budget))
        label = "Yi-34B" if model == YI else "Mistral-7B"
        rows.append(
            Gain(
                technique="chunked prefill without stalls",
                setting=f"{label}, {machine}, {name}, P99 gap ≤ {limit:g} s, budget {budget}: requests/s, over vLLM",
                source=f"Sarathi-Serve, {source}",
                low=low,
                high=high,
                found=after / before if before else np.inf,
            )
        )
    return rows


APART = (  # model, lengths, devices of a replica, limits on TTFT and TPOT, the printed range and where it stands
    ("opt-13b", "512 + 64 tokens", (512, 64), 1, (0.4, 0.04), (2.1, 2.1), "section 1, figure 1"),
    ("opt-13b", "ShareGPT's means", (755, 200), 1, (0.25, 0.1), (2.0, 4.6), "section 6.2, of three models"),
    ("opt-66b", "HumanEval's means", (171, 98), 4, (0.125, 0.2), (5.7, 5.7), "section 6.3, figure 9a"),
    ("opt-66b", "LongBench's means", (1738, 91), 4, (15.0, 0.15), (4.3, 4.3), "section 6.3, figure 9b"),
    ("opt-13b", "512 + 64 tokens, ten times as long", (512, 64), 1, (4.0, 0.4), None, "none: the edge should vanish"),
)


def apart() -> list[Gain]:
    """DistServe: requests/s of a device of which nine tenths keep both limits, the best of pools over one."""
    rows = []
    for model, name, lengths, tp, limits, printed, source in APART:
        one = deployment(model, "8 x a100-80", "vllm@0.6", tp=tp)
        before = goodput_rate(lambda requests, one=one: simulate(one, requests), lengths, limits, tp)
        after = 0.0
        for first, second in ((1, 1), (2, 1), (1, 2), (3, 1)):
            prompts, answers = replace(one, dp=first), replace(one, dp=second)
            found = goodput_rate(
                lambda requests, pools=(prompts, answers): simulate_pools(*pools, requests),
                lengths,
                limits,
                tp * (first + second),
            )
            after = max(after, found)
        low, high = (np.nan, np.nan) if printed is None else printed
        rows.append(
            Gain(
                technique="prefill and decode apart",
                setting=f"{model}, a100-80, {name}, TTFT ≤ {limits[0]:g} s, TPOT ≤ {limits[1]:g} s: "
                f"requests/s of a device, {after:.2g} over {before:.2g}",
                source=f"DistServe, {source}",
                low=low,
                high=high,
                found=after / before if before else np.inf,
            )
        )
    return rows


def goodput_rate(
    serve: Callable[[Requests], Simulation], lengths: tuple[int, int], limits: tuple[float, float], devices: int
) -> float:
    """The most requests/s of a device of which nine tenths keep both limits, the first tenth left out."""
    inputs, outputs = (np.full(COUNT * devices, n) for n in lengths)

    def holds(rate: float) -> bool:
        return serve(arrivals(rate * devices, inputs, outputs)).goodput(*limits, warm_up=0.1) >= 0.9

    return largest_rate(holds, 0.01, 40.0)


def continuous() -> list[Gain]:
    """Anyscale: tokens/s of 1000 requests at once, over the static batches of 4 of the published benchmark's code.

    That draws answers above its limit again, and runs every batch as long as the longest answer of all.
    """
    rng = np.random.default_rng(SEED)
    lengths = np.rint(rng.exponential(128, 2000))
    outputs = np.maximum(lengths[lengths <= 1536][:1000], 1).astype(int)
    inputs, zeros = np.full(1000, 512), np.zeros(1000)
    one = deployment("opt-13b", "1 x a100-40", "vllm@0.6")
    asked = Requests(input=inputs, output=outputs, arrival=zeros)
    longest = Requests(input=inputs, output=np.full(1000, outputs.max()), arrival=zeros)
    still = replace(one, engine=get_engine("static"))
    static = simulate(still, longest, scheduling=Scheduling(sequences=4)).seconds
    rows = []
    for name, promised in (("whole answers reserved", 1.0), ("paged", 0.0)):
        found = simulate(one, asked, scheduling=Scheduling(promised=promised))
        rows.append(
            Gain(
                technique="continuous over static batching",
                setting=f"OPT-13B, a100-40, 512 tokens, answers exponential of mean 128 up to 1536, {name}: tokens/s",
                source="Anyscale 2023, text: 8 (TGI, Ray) and 23 (vLLM)",
                low=8,
                high=23,
                found=static / found.seconds,
            )
        )
    return rows


def speculation() -> list[Gain]:
    """Leviathan et al.: seconds a token of one request at a time, without over with drafts, by table 2's acceptance."""
    rows = []
    target = deployment(T5.format(*XXL), "1 x tpu-v4", "vllm@0.8")
    for (task, temperature, draft), (drafted, acceptance, own) in TABLE_2.items():
        printed = [value for (other, _, _), (_, _, value) in TABLE_2.items() if other == task]
        prompt, answer = TOKENS[task]
        alone = Requests(input=np.full(200, prompt), output=np.full(200, answer), users=1)
        small = get_model(T5.format(*SIZES[draft]))
        speculated = Speculation(drafted=drafted, acceptance=acceptance, draft=small)
        before, after = (simulate(target, alone, speculation=how, seed=SEED).tpot.mean() for how in (None, speculated))
        rows.append(
            Gain(
                technique="speculation against acceptance",
                setting=f"T5-XXL, tpu-v4, {task}, temperature {temperature}, T5-{draft} drafts {drafted}, "
                f"{acceptance:g} accepted, for which {own:g} is printed: tokens/s",
                source="Leviathan et al., table 2",
                low=min(printed),
                high=max(printed),
                found=before / after,
            )
        )
    return rows


def main() -> None:
    """Simulates, prints and records."""
    gains = []
    for ask in (continuous, speculation, apart, chunked_prefill):
        for gain in ask():
            gains.append(gain)
            print(" | ".join(gain.row.values()), flush=True)
    record("serving_gains", COMMAND, [gain.row for gain in gains])


if __name__ == "__main__":
    main()
