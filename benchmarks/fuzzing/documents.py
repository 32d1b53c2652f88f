"""Documents that Froude reads: saved fits, machines, models, cases of calibration, experiments on growth."""

import json
import random

from fuzzing import odd
from fuzzing.inputs import Input, Material, Words, chance
from fuzzing.words import GROWN, options


def fit_input(rng: random.Random, material: Material) -> Input:
    """A saved fit, one place of it changed, asked for a forecast, an optimum or a plan."""
    name = rng.choice([name for name in material.files if name.startswith("fit_")])
    body = material.files[name]
    if chance(rng, 0.72):
        value = json.loads(body)
        for _ in range(rng.choice((1, 1, 1, 2))):
            value = odd.damaged_json(rng, value)
        body = odd.json_bytes(value)
    elif chance(rng, 0.6):
        body = odd.damaged_bytes(rng, body)
    at = "C=1e22" if "power" in name else rng.choice(("N=7B,D=300B", "N=1e9,D=2e10"))
    words = rng.choice(
        (
            ("predict", "fit.json", "--at", at),
            ("predict", "fit.json", "--at", at),
            ("predict", "fit.json", "--at", at, "--of", "mean"),
            ("predict", "fit.json", "--at", at, "--json"),
            ("predict", "fit.json", "--at", at, "--against", "N=1B,D=20B"),
            ("register", "fit.json", "--at", at, "--out", "forecast.json"),
            ("report", "fit.json", "--at", at, "--out", "page.html"),
            ("optimal", "fit.json", "--at", "C=1e24"),
            ("plan", "train", "--machine", "8 x h100", "--budget", "1e20FLOP", "--fit", "fit.json"),
        )
    )
    return Input(kind="fit file", commands=(words,), files={"fit.json": body})


OURS = """devices = 4
[chip]
title = "ours"
peaks = { bf16 = "200 TFLOP/s" }
memory = "32 GiB"
bandwidth = "1 TB/s"
power = "300 W"
[node]
devices = 4
link = "PCIe 25 GB/s"
fabric = "Ethernet 100 Gb/s"
host = { memory = "64 GiB", link = "PCIe 20 GB/s" }
"""
MACHINES = (
    'devices = 8\nchip = "h100"\n',
    'chip = "a100-80"\ndevices = 16\nprice = "$2 per hour"\nfabric = "InfiniBand 400 Gb/s"\n',
    OURS,
)


def machine_input(rng: random.Random, material: Material) -> Input:
    """A machine in TOML, some lines of it changed."""
    text = rng.choice((*MACHINES, material.files["machine.toml"].decode()))
    body = _damaged_toml(rng, text)
    words = rng.choice(
        (
            ("machine", "show", "m.toml"),
            ("machine", "show", "m.toml", "--json"),
            ("cost", "train", "--model", "gpt2", "--machine", "m.toml"),
            ("plan", "train", "--model", "gpt2", "--tokens", "1B", "--machine", "m.toml"),
        )
    )
    return Input(kind="machine", commands=(words,), files={"m.toml": body})


def _damaged_toml(rng: random.Random, text: str) -> bytes:
    for _ in range(rng.choice((0, 1, 1, 1, 2))):
        text = odd.damaged_toml(rng, text)
    body = text.encode()
    return odd.damaged_bytes(rng, body) if chance(rng, 0.08) else body


def model_input(rng: random.Random, material: Material) -> Input:
    """A configuration of a model as Hugging Face, Llama or Froude write it, or a description, some of it changed."""
    how = rng.random()
    if how < 0.15:
        name, body = "model.toml", _damaged_toml(rng, material.files["model.toml"].decode())
    elif how < 0.25:
        return Input(kind="model", commands=(("cost", "model", _description(rng)),))
    else:
        value = json.loads(material.files["models.json"])
        chosen = rng.choice(list(value))
        name, value = ("params.json" if chosen == "params" else "config.json"), value[chosen]
        for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
            value = odd.damaged_json(rng, value)
        body = odd.json_bytes(value)
        body = odd.damaged_bytes(rng, body) if chance(rng, 0.08) else body
    words = rng.choice(
        (
            ("cost", "model", name),
            ("cost", "model", name),
            ("cost", "model", name, "--json"),
            ("cost", "train", "--model", name, "--machine", "8 x h100"),
            ("plan", "train", "--model", name, "--tokens", "1B", "--machine", "8 x h100"),
        )
    )
    return Input(kind="model", commands=(words,), files={name: body})


NEEDED = {"layers": "12", "hidden": "768", "heads": "12", "vocab": "50k"}
OPTIONAL = {
    **{"kv_heads": "4", "mlp_width": "3072", "context": "1k", "gated": "true", "tied": "false", "experts": "8"},
    **{"active_experts": "2", "positions": "rotary", "norm": "rms"},
}


def _description(rng: random.Random) -> str:
    kept = NEEDED | {key: value for key, value in OPTIONAL.items() if chance(rng, 0.3)}
    key = rng.choice(list(kept))
    kept[key] = odd.damaged_word(rng, kept[key]) if chance(rng, 0.6) else kept[key]
    text = ",".join(f"{key}={value}" for key, value in kept.items())
    return odd.damaged_word(rng, text) if chance(rng, 0.15) else text


CASES = """[[case]]
name = "chinchilla, above 1e21 FLOP"
study = "chinchilla_epoch"
where = "D > 8.15e8"
why = "a sketch"
hold_out = "C > 1e21"

[[case]]
name = "over-training"
study = "overtraining_mlfoundations"
file = "models_loss_and_downstream.csv"
columns = { loss = "loss_c4_val" }
hold_out = "C > 4e19"
x = "C"
"""


def calibrate_input(rng: random.Random) -> Input:
    """Cases of calibration, some lines changed; the tables they name are not there, so that nothing long begins."""
    body = _damaged_toml(rng, CASES)
    words: Words = ("calibrate", "cases.toml", "--out", rng.choice(("out.md", "out.md", "missing/out.md", "", ".")))
    words = (*words, *rng.choice(((), ("--json",), ("--learned", "learned.json"), ("--learned", ""))))
    return Input(kind="calibrate", commands=(words,), files={"cases.toml": body})


EXPERIMENT = """from froude import growth
import numpy as np
EXPERIMENT = growth.Experiment(
    title="sorting", source="a sketch", size_name="n", quality_name="first", expected="linear",
    sizes=(1e4, 2e4, 4e4, 8e4),
    methods={"sort": np.sort, "sums": lambda data: np.cumsum(data)},
    prepare=lambda size, rng: rng.random(int(size)),
    quality=lambda data, result: float(result[0]),
)
"""
THROWN = "(_ for _ in ()).throw(Odd())"
SURE = "import numpy as np\n"
PARTS = {
    'title="sorting"': (
        "title=7",
        "title=None",
        'title="a" * 3000',
        'title="$x$ \\\\alpha [red]"',
        'title="\\x1b[2J"',
        'title=""',
    ),
    'source="a sketch"': ("source=None", "source=3", 'source="a\\nb"'),
    'size_name="n"': (
        'size_name="$n"',
        'size_name="\\\\frac"',
        "size_name=None",
        'size_name="a" * 500',
        'size_name="x^{"',
    ),
    'quality_name="first"': ('quality_name="$"', "quality_name=3", 'quality_name="[/]"'),
    "sizes=(1e4, 2e4, 4e4, 8e4)": (
        *("sizes=()", "sizes=(1,)", "sizes=(4, 2)", "sizes=(0, 1)", "sizes=(-1, 1)", 'sizes=("a", "b")', "sizes=None"),
        *("sizes=(1, float('nan'))", "sizes=(1, float('inf'))", "sizes=(1, 2, 10**400)", "sizes=5", "sizes=[1e4, 2e4]"),
        *("sizes=np.array([1e2, 2e2, 4e2, 8e2])", "sizes=(1, None)", "sizes=(1e4, 2e4, 3e4)"),
    ),
    '"sort": np.sort': (
        *('"sort": None', '"": np.sort', "3: np.sort", '"a" * 300: np.sort', '"$x_$": np.sort', '"[red]": np.sort'),
        *(
            '"s": lambda data: 1 / 0',
            '"s": lambda data: [][1]',
            '"s": lambda: 1',
            '"\\udcff": np.sort',
            "None: np.sort",
        ),
        *('"s": lambda data: exit()', f'"s": lambda data: {THROWN}', '"s": lambda data: data[:0]', '"s\\nt": np.sort'),
    ),
    "prepare=lambda size, rng: rng.random(int(size))": (
        *(
            "prepare=None",
            "prepare=lambda size: 1",
            "prepare=lambda size, rng: 1 / 0",
            "prepare=lambda size, rng: exit(3)",
        ),
        *(
            "prepare=lambda size, rng: None",
            f"prepare=lambda size, rng: {THROWN}",
            "prepare=lambda size, rng: rng.random(size)",
        ),
    ),
    "quality=lambda data, result: float(result[0])": (
        "quality=None",
        "quality=3",
        *(
            f"quality=lambda data, result: {value}"
            for value in ('"a"', "float('nan')", "1 / 0", "None", "10**400", "[1]")
        ),
        *(
            f"quality=lambda data, result: {value}"
            for value in ("-1e308", "1j", "exit('bye')", THROWN, "True", "np.ones(2)")
        ),
    ),
    "import numpy as np": (
        *(
            "import nosuch",
            "def f(",
            "\0",
            SURE + "raise SystemExit",
            SURE + "raise SystemExit('bye')",
            SURE + "raise Odd()",
        ),
        *(SURE + "1 / 0", SURE + "exit(7)", SURE + "raise BaseException('x')", SURE + "raise MemoryError"),
        *(SURE + "raise ValueError('\\udcff \\x1b[31m' + 'a' * 3000)", SURE + "def f(): f()\nf()"),
        SURE + "raise ExceptionGroup('x', [ValueError('y')])",
    ),
    "EXPERIMENT =": ("OTHER =", "EXPERIMENT = 3\nOTHER =", "class EXPERIMENT: pass\nOTHER ="),
}
ODD = "class Odd(Exception):\n    def __str__(self):\n        raise RuntimeError('no text')\n    __repr__ = __str__\n"


def experiment_input(rng: random.Random) -> Input:
    """A Python file that declares an experiment, parts of it odd."""
    text = EXPERIMENT
    for part in rng.sample(list(PARTS), rng.choice((0, 0, 1, 1, 1, 2))):
        text = text.replace(part, rng.choice(PARTS[part]))
    body = (ODD + text).encode("utf-8", "surrogatepass")
    body = odd.damaged_bytes(rng, body) if chance(rng, 0.04) else body
    name = rng.choice(("g.py",) * 9 + ("g.txt", "a b.py", "os.py"))
    wanted = {key: GROWN[key] for key in ("--seed", "--study", "--page", "--json", "--repeats")}
    words: Words = ("grow", name, "--minutes", "0.002", "--repeats", "1", *options(rng, wanted, 2, 0.8))
    return Input(kind="growth", commands=(words,), files={name: body})
