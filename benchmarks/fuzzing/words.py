"""Options of every command, quantities, laws and questions to the atlas: words alone, beside plain files."""

import random
from collections.abc import Mapping, Sequence

from fuzzing import odd
from fuzzing.inputs import Input, Material, Words, chance
from fuzzing.tables import QUICK, condition, plain_table

COUNTS = ("1", "2", "4", "8", "16", "64")
SWITCH = ""  # in place of values: an option that takes none
FITTED: Mapping[str, Sequence[str]] = {
    "--law": ("power", "chinchilla", "chinchilla-tied", "power-floor"),
    "--y": ("loss", "lr"),
    "--columns": ("N=N,D=D", "loss=loss", "batch=lr"),
    "--flops": ("auto", "6nd", "column", "exact", "exact,context=2048", "exact,vocab=50k"),
    "--draws": ("20", "25", "40"),
    "--seed": ("0", "1", "12345"),
    "--json": (SWITCH,),
}
STARTED = {"--starts": ("1", "2", "3"), "--x": ("N", "D", "C")}
LAYOUT: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(("--micro-batch", "--tp", "--pp", "--interleave", "--cp", "--ep", "--local-steps"), COUNTS),
    "--seq-len": ("128", "1024", "2048", "8k"),
    "--global-batch": ("8", "64", "512"),
    "--zero": ("0", "1", "2", "3"),
    "--shard": ("0", "2", "8"),
    "--schedule": ("gpipe", "1f1b", "zero-bubble"),
    "--context-by": ("ring", "ulysses"),
    "--recompute": ("none", "selective", "operators", "full", "optimal"),
    "--recomputed": ("0.5", "1", "0.1"),
    "--attention": ("unfused", "flash", "flash-2", "flash-3"),
    "--precision": ("bf16", "fp8", "fp32", "fp16"),
    "--compress": ("1", "4", "100"),
    "--price-per-device-hour": ("2", "0.5", "$3"),
    **dict.fromkeys(
        ("--offload-optimizer", "--offload-parameters", "--offload-activations"), ("device", "host", "nvme")
    ),
    **dict.fromkeys(
        ("--sequence-parallel", "--fused-loss", "--compiled", "--no-overlap", "--overlap-tensor"), (SWITCH,)
    ),
    "--json": (SWITCH,),
}
FIXED = (
    "tensor=8",
    "zero=3",
    "pipeline=2,zero=1",
    "recompute=full",
    "micro_batch=2",
    "context=2",
    "sequence_parallel=true",
)
PLANNED: Mapping[str, Sequence[str]] = {
    "--tokens": ("1B", "300M", "15T"),
    "--budget": ("1e20FLOP", "$300", "2 days", "1e19 FLOP"),
    "--law": ("chinchilla", "chinchilla:hoffmann-2022", "chinchilla:besiroglu-2024"),
    "--target-loss": ("3", "2.5", "4"),
    "--inference-tokens": ("1B", "100B"),
    "--data-limit": ("10B", "1T"),
    "--quantile": ("0.5", "0.9"),
    "--seq-len": ("512", "1024", "2k"),
    "--global-batch": ("64", "256"),
    "--fix": FIXED,
    "--precision": ("bf16", "fp8"),
    "--price-per-device-hour": ("2", "$1"),
    "--pareto": (SWITCH,),
    "--emit": ("torchtitan", "megatron", "deepspeed", "fsdp"),
    "--out": ("job.toml", "job.sh"),
    "--page": ("plan.html",),
    "--json": (SWITCH,),
}
MACHINES = ("8 x h100", "h100", "64 x a100-80", "1024 x h100", "2 x v100", "16 x mi300x")
MODELS = ("gpt2", "llama-2-7b", "gpt3-175B", "layers=12,hidden=768,heads=12,vocab=50k", "mixtral-8x7b", "1.3B")
SEARCHED: Mapping[str, Sequence[str]] = {
    "--domain": ("language", "vision"),
    "--role": ("law", "serve", "compress", "kernel"),
    "--lever": ("bits", "batch"),
    "--cost": ("memory", "time"),
    "--hardware": ("A100", "TPU"),
    "--priority": ("1", "2", "3"),
    "--runnable": ("cpu-now", "model-only", "record-only"),
    "--limit": ("1", "10", "100"),
    "--json": (SWITCH,),
}
DRAWN: Mapping[str, Sequence[str]] = {
    "--by": ("role", "hardware", "bits", "batch"), "--unit": ("x", "%", "points"), "--role": ("law", "serve"),
    "--lever": ("bits",), "--priority": ("1", "2"), "--json": (SWITCH,),
}  # fmt: skip
GROWN: Mapping[str, Sequence[str]] = {
    "--minutes": ("0.002", "0.004"), "--repeats": ("1", "2"), "--seed": ("0", "3"), "--study": ("kept",),
    "--page": ("page.html",), "--quality": ("(\\d+)", "nothing"), "--prepare": ("true {n}",), "--json": (SWITCH,),
}  # fmt: skip
PLACES = (
    *(
        "fit.json",
        "a/b.json",
        "missing/b.json",
        "",
        ".",
        "..",
        "runs.csv",
        "a" * 300 + ".json",
        "a\nb.json",
        "$x$.json",
        "é.json",
    ),
    *(
        "\x1b[31m.json",
        "\udcff.json",
        "%s.json",
        "fit.txt",
        "fit",
        "-",
        "fit.json/x",
        "runs.csv/fit.json",
        " ",
        "[red].json",
    ),
)
"""Where --out may write: never outside the folder of the input but for a name that is refused."""


def options(rng: random.Random, known: Mapping[str, Sequence[str]], most: int = 3, valid: float = 0.62) -> Words:
    """Some options of a command, each with a value that is valid in this share of cases."""
    words: list[str] = []
    for name in rng.sample(list(known), min(len(known), rng.randint(1, most))):
        value = rng.choice(known[name])
        if name in ("--out", "--page", "--docs"):
            value = rng.choice((value, value, rng.choice(PLACES)))
        elif value and not chance(rng, valid):
            value = odd.damaged_word(rng, value)
        words += [name] if not value and known[name] == (SWITCH,) else [name, value]
    return tuple(words)


def option_input(rng: random.Random) -> Input:
    """A command on plain files with odd values of its options, or odd words in other places."""
    name, body = plain_table()
    words = rng.choice(
        (
            ("fit", name, *QUICK, "--law", "power", *options(rng, {**FITTED, **STARTED, "--out": ("fit.json",)})),
            ("fit", name, "--law", "power", "--draws", "20", *options(rng, STARTED, 1)),
            ("backtest", name, "--draws", "20", "--hold-out", "N > 2e8", *options(rng, FITTED)),
            ("compare", name, f"./{name}", "--draws", "20", "--at", "C=1e24", *options(rng, FITTED, 2)),
            ("optimal", name, "--draws", "20", "--at", "C=1e24", *options(rng, FITTED, 2)),
        )
    )
    if chance(rng, 0.12):
        words = strange_words(rng, words)
    return Input(kind="option", commands=(words,), files={name: body})


def strange_words(rng: random.Random, words: Words) -> Words:
    """The words of a command with one left out, doubled, exchanged or added."""
    at = rng.randrange(len(words))
    before, after = words[:at], words[at:]
    return rng.choice(
        (
            *(before, before + after[1:], (*before, *after[:1], *after), (*before, odd.word(rng), *after[1:])),
            *((*words, odd.word(rng)), (*before, "--" + odd.word(rng), *after), (*words, "--help")),
        )
    )


def cost_input(rng: random.Random) -> Input:
    """What a training costs, in odd layouts."""
    model, machine = rng.choice(MODELS), rng.choice(MACHINES)
    model = odd.damaged_word(rng, model) if chance(rng, 0.12) else model
    machine = odd.damaged_word(rng, machine) if chance(rng, 0.12) else machine
    words: Words = ("cost", "train", "--model", model, "--machine", machine, *options(rng, LAYOUT, 4, 0.75))
    return Input(kind="cost", commands=(strange_words(rng, words) if chance(rng, 0.05) else words,))


def plan_input(rng: random.Random) -> Input:
    """The best training, under odd constraints."""
    model, machine = rng.choice(MODELS[:2]), rng.choice(MACHINES[:3])
    machine = odd.damaged_word(rng, machine) if chance(rng, 0.1) else machine
    aim = rng.choice((("--model", model, "--tokens", "1B"), ("--budget", "1e20FLOP"), ("--budget", "$500")))
    words: Words = ("plan", "train", "--machine", machine, *aim, *options(rng, PLANNED, 3, 0.75))
    return Input(kind="plan", commands=(strange_words(rng, words) if chance(rng, 0.05) else words,))


COUNTED = ("70B", "7e10", "1.4T", "1,024", "15 trillion", "2k", "5e9", ".5T", "70 billion", "1e12 tokens")
SPENT = ("1e21 FLOP", "1e21FLOP", "30 days", "$3M", "12 h", "$500", "2 weeks")
STRANGE = (
    *(
        "5 parsecs",
        "7 b",
        "1 m",
        "1e21 FLOPS",
        "1,234B",
        "$5 days",
        "1e300 YFLOP",
        "1 EB",
        "5.",
        "1e-9 days",
        "1 /s",
        "80 GiB",
    ),
    *("400 Gb/s", "70BB", "B", "$", "7 7", "1e21 flop/s", "-5 days", "0 h", "$-3", "1e-300", "1e300", "1e308B"),
)


def quantity(rng: random.Random, known: Sequence[str]) -> str:
    """One of these quantities, as often as not damaged or of another kind."""
    text = rng.choice(known if chance(rng, 0.75) else STRANGE)
    return odd.damaged_word(rng, text) if chance(rng, 0.4) else text


def quantity_input(rng: random.Random, material: Material) -> Input:
    """A quantity in an odd writing, wherever one belongs."""
    text = quantity(rng, COUNTED)
    fit = rng.choice([name for name in material.files if name.startswith("fit_") and "power" not in name])
    asked = rng.choice((f"N={text},D=1T", f"D=300B,N={text}", f"N=7B , D={text}", text, f"N=1B,D=20B,{text}"))
    words = rng.choice(
        (
            ("predict", fit, "--at", asked),
            ("predict", fit, "--at", asked, "--json"),
            ("register", fit, "--at", asked, "--out", "forecast.json"),
            ("predict", fit, "--at", "N=1B,D=20B", "--at", asked),
            ("optimal", fit, "--at", f"C={quantity(rng, SPENT[:2])}"),
            ("plan", "train", "--machine", "8 x h100", "--model", "gpt2", "--tokens", text),
            ("plan", "train", "--machine", "8 x h100", "--budget", quantity(rng, SPENT)),
            (
                "cost",
                "train",
                "--machine",
                "8 x h100",
                "--model",
                "gpt2",
                "--price-per-device-hour",
                quantity(rng, ("2", "$3")),
            ),
            ("cost", "train", "--machine", f"{quantity(rng, ('8', '1,024', '2k'))} x h100", "--model", "gpt2"),
            (
                "cost",
                "model",
                f"layers=12,hidden={quantity(rng, ('768', '1k'))},heads=12,vocab={quantity(rng, ('50k', '32000'))}",
            ),
            ("grow", "--command", "echo {n}", "--sizes", f"1,2,3,{text}", "--minutes", "0.002", "--repeats", "1"),
        )
    )
    return Input(kind="quantity", commands=(words,), files={fit: material.files[fit]})


NAMES = (
    *(
        "chinchilla",
        "power",
        "power-floor",
        "kaplan-joint",
        "auto",
        "m4",
        "broken-1",
        "amdahl",
        "farseer",
        "multi-power",
        "annealing",
    ),
    *(
        "chinchilla[D=repeated-tokens]",
        "chinchilla:hoffmann-2022",
        "power,power-floor",
        "repeated-tokens",
        "step-law-lr",
        "m3",
    ),
    *(
        "chinchilla[D=repeated-tokens,N=excess-params]",
        "chinchilla[N=float-training]",
        "overtrained",
        "kaplan-steps",
        "uncovered",
    ),
)
STRANGE_LAWS = (
    *(
        "chinchilla[",
        "chinchilla]",
        "chinchilla[]",
        "chinchilla[D]",
        "chinchilla[D=]",
        "chinchilla[=x]",
        "[D=power]",
        "auto[D=power]",
    ),
    *(
        "chinchilla[D=chinchilla]",
        "chinchilla[X=repeated-tokens]",
        "chinchilla[D=repeated-tokens][D=repeated-tokens]",
        "power:nosuch",
    ),
    *(
        "chinchilla[D=repeated-tokens[D=repeated-tokens]]",
        "power[C=power[C=power[C=power]]]",
        ":",
        "chinchilla:",
        ",",
        "auto,auto",
    ),
    *(
        "chinchilla" + "[D=repeated-tokens" * 400 + "]" * 400,
        "power," * 300 + "power",
        "chinchilla[D=repeated-tokens,D=repeated-tokens]",
    ),
)


def law_input(rng: random.Random) -> Input:
    """A law by an odd name, and searches for laws."""
    law = rng.choice(NAMES if chance(rng, 0.65) else STRANGE_LAWS)
    law = odd.damaged_word(rng, law) if chance(rng, 0.3) else law
    name, body = plain_table()
    words = rng.choice(
        (
            ("laws", law),
            ("laws", law, "--json"),
            ("laws", "--search", law),
            ("laws", "--family", law.partition("-")[0]),
            ("fit", name, *QUICK, "--law", law),
            ("fit", name, *QUICK, "--law", law, "--x", rng.choice(("N", "D", "C", "lr", "x"))),
            ("backtest", name, "--draws", "20", "--law", law, "--hold-out", "N > 2e8"),
            ("plan", "train", "--machine", "8 x h100", "--budget", "1e20FLOP", "--fit", law),
        )
    )
    return Input(kind="law", commands=(words,), files={name: body})


ASKED = (
    "KV cache memory",
    "learning rate",
    "kivi",
    "attention",
    "speed throughput",
    "quantization bits",
    "flash",
    "moe routing",
)


def atlas_input(rng: random.Random) -> Input:
    """A question to the atlas, the registry of tables or the machines."""
    text = rng.choice(ASKED)
    text = odd.damaged_word(rng, text) if chance(rng, 0.4) else text
    words = rng.choice(
        (
            ("atlas", text, *options(rng, SEARCHED, 2)),
            ("atlas", "search", text, *options(rng, SEARCHED)),
            ("atlas", "show", text),
            (
                "atlas",
                "picture",
                text,
                "--out",
                rng.choice(("speed.svg", "speed.svg", *PLACES)),
                *options(rng, DRAWN, 2),
            ),
            ("atlas", rng.choice(("check", "status")), *rng.choice(((), ("--json",), ("--all",), (text,)))),
            ("published", text),
            ("machine", "show", text),
            ("published", rng.choice(("chinchilla_epoch", "steplaw", "regmix")), *rng.choice(((), ("--json",)))),
        )
    )
    return Input(kind="atlas", commands=(words,))


PROGRAMS = (
    "echo {n}",
    "echo {n}",
    "echo {n}",
    "true {n}",
    "true {n}",
    "printf %s {n}",
    "sh -c 'exit 3' {n}",
    "nosuch-program {n}",
    "echo",
    "",
    "echo '{n}",
    "echo {n} {n}",
)


def command_input(rng: random.Random) -> Input:
    """Programs that grow. Only these run: what is odd stands in the other options and after `echo`."""
    program = rng.choice(PROGRAMS) if chance(rng, 0.7) else f"echo {{n}} {odd.word(rng)}"
    sizes = rng.choice(("1,2,3,4", "10,20,40,80", "1k,2k,4k,8k"))
    sizes = odd.damaged_word(rng, sizes) if chance(rng, 0.3) else sizes
    words: Words = ("grow", "--command", program, "--sizes", sizes, "--minutes", "0.002", "--repeats", "1")
    wanted = {name: known for name, known in GROWN.items() if name not in ("--prepare", "--minutes")}
    return Input(kind="growth", commands=((*words, *options(rng, wanted, 2)),))


def hold_out(rng: random.Random) -> str:
    """A condition on the runs of a study."""
    return condition(rng) if chance(rng, 0.3) else "D > 3000"
