"""The main job, told as a story: train small models, forecast a larger one, then train it and compare.

Every chapter leaves its outcome in the study and is skipped when that is there, so that the same call goes on where an
earlier one stopped: corpus, plan, pilots, forecast, target, result, page.
"""

import hashlib
import json
import math
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from froude.errors import InputError
from froude.runs import Runs, Study, run_id

if TYPE_CHECKING:
    from froude.fitting import Fit
    from froude.tank import Design, Device, LocalEngine, PilotRecipe, Trunk

LEVEL = 0.9
FURTHER = (10, 100, 1000)  # times the target's compute
HALVINGS = 1000

Watch = Callable[[str, Mapping[str, Any]], None]


@final
@dataclass(frozen=True, kw_only=True)
class PilotResult:
    """A forecast, and what came of it where the target has been run.

    Losses are nats a byte on the study's validation set; N counts non-embedding parameters, D bytes trained on, C exact
    training FLOPs. `measured` and what follows from it are None until the target has run.
    """

    target: Mapping[str, float]
    predicted: float
    interval: tuple[float, float]
    measured: float | None
    compute_ratio: float
    params_ratio: float
    pilots: int
    diverged: int
    pilot_seconds: float
    target_seconds: float | None
    validation_halving: Mapping[str, float] | None
    study: Path
    report: Path

    @property
    def rel_error(self) -> float | None:
        """|predicted − measured| / measured."""
        return None if self.measured is None else abs(self.predicted - self.measured) / self.measured

    @property
    def inside(self) -> bool | None:
        """Whether the measured loss lies in the interval."""
        return None if self.measured is None else self.interval[0] <= self.measured <= self.interval[1]

    def to_dict(self) -> dict[str, Any]:
        """What `froude pilot --json` prints; what has not been measured is absent."""
        values = {
            "target": dict(self.target),
            "predicted": self.predicted,
            "interval": list(self.interval),
            "level": LEVEL,
            "measured": self.measured,
            "rel_error": self.rel_error,
            "inside": self.inside,
            "compute_ratio": self.compute_ratio,
            "params_ratio": self.params_ratio,
            "pilots": self.pilots,
            "diverged": self.diverged,
            "pilot_seconds": self.pilot_seconds,
            "target_seconds": self.target_seconds,
            "validation_halving": self.validation_halving,
            "study": str(self.study),
            "report": str(self.report),
        }
        return {name: value for name, value in values.items() if value is not None}


def pilot(
    *,
    minutes: float = 5.0,
    seed: int = 0,
    study: str | Path | None = None,
    corpus: str | Path | None = None,
    plan: str | Path | None = None,
    check: bool = True,
    device: str = "auto",
    engine: str = "local",
    watch: Watch = lambda chapter, detail: None,
) -> PilotResult:
    """Train pilots, forecast a larger target and, with `check`, train it too; all of it kept in the folder `study`.

    `minutes` is the wall time of the whole on this machine. `corpus` is a folder or file of any bytes, the Python
    sources installed here by default. `plan` is a plan to follow in place of a new one. `watch(chapter, detail)` hears
    how it goes. Raises InputError on what the caller can mend; the same call goes on from where an earlier one stopped.
    """
    settings = settings_of(minutes, seed, corpus, plan, device, engine)
    check_here(plan, device)
    home = Study.create(study or Path("froude-studies") / f"pilot-{run_id(settings)}", settings)
    with alone_in(home):
        return told(home, plan, check, watch)


def settings_of(
    minutes: float, seed: int, corpus: str | Path | None, plan: str | Path | None, device: str, engine: str
) -> dict[str, Any]:
    """What makes two pilots the same; checked."""
    if not (math.isfinite(minutes) and minutes > 0):
        raise InputError(f"minutes = {minutes:g}: give a positive number")
    if seed < 0:
        raise InputError(f"seed = {seed}: give 0 or more")
    if engine != "local":
        raise InputError(f"no engine {engine!r}: this version has 'local'")
    if corpus and not Path(corpus).exists():
        raise InputError(f"no corpus at {corpus}: name a folder or a file that exists")
    planned = hashlib.sha256(read_plan_file(Path(plan))).hexdigest() if plan else None
    return {
        "kind": "pilot",
        "minutes": minutes,
        "seed": seed,
        "corpus": str(corpus) if corpus else None,
        "plan": planned,
        "device": device,
        "engine": engine,
    }


def check_here(plan: str | Path | None, device: str) -> None:
    """InputError for a plan that is none and a device that is not here, before a folder is made for them."""
    from froude.tank import choose_device

    choose_device(device)
    if plan:
        parse_plan(Path(plan))


@contextmanager
def alone_in(study: Study) -> Iterator[None]:
    """Holds the study's lock; InputError where another command holds it."""
    try:
        import filelock
    except ImportError:
        raise InputError("training needs an extra: pip install 'froude[tank]'") from None
    lock = filelock.FileLock(study.path / ".lock")
    try:
        with lock.acquire(timeout=0):
            yield
    except filelock.Timeout:
        raise InputError(f"study {str(study.path)!r} is in use by another command: wait for it or stop it") from None


def told(study: Study, plan: str | Path | None, check: bool, watch: Watch) -> PilotResult:
    """All chapters, in order."""
    from froude.reporting import write_report
    from froude.tank import LocalEngine, choose_device

    for leftover in study.path.rglob(".*.tmp"):
        leftover.unlink(missing_ok=True)  # of a process killed while it wrote, or about to be
    device = choose_device(study.settings["device"])
    with LocalEngine(device.workers) as engine:
        gather_corpus(study, watch)
        design = make_plan(study, plan, device, engine, watch)
        measure(study, "pilots", design.pilots, engine, watch)
        forecast = write_forecast(study, design, watch)
        if check:
            measure(study, "target", (design.target,), engine, watch)
    result = compare(study, design, forecast, check)
    study.write_json("result.json", result.to_dict())
    write_report(study)
    watch("result", result.to_dict())
    return result


def gather_corpus(study: Study, watch: Watch) -> None:
    """Chapter one: the bytes, deduplicated and split."""
    from froude.tank import build_corpus

    folder, source = study.path / "corpus", study.settings["corpus"]
    if not (folder / "manifest.json").exists():
        wanted = int(8e6 * max(1.0, math.sqrt(study.settings["minutes"])))  # data grows as the root of compute
        build_corpus(Path(source) if source else None, wanted_bytes=wanted).save(folder)
    watch("corpus", corpus_summary(study))


def corpus_summary(study: Study) -> dict[str, Any]:
    """The manifest without its lists of files."""
    manifest = study.read_json("corpus/manifest.json")
    return {name: value for name, value in manifest.items() if name not in ("files", "dropped")}


def make_plan(
    study: Study, given: str | Path | None, device: "Device", engine: "LocalEngine", watch: Watch
) -> "Design":
    """Chapter two: the plan, written once and never recomputed."""
    from froude.tank import Design, PilotRecipe, design_pilot, measure_speed

    corpus, settings = corpus_summary(study), study.settings
    if not (study.path / "plan.json").exists():
        recipe = PilotRecipe(
            corpus=corpus["hash"], device=device.name, precision=device.precision, compile=device.compile
        )
        if given:
            design = adapted(parse_plan(Path(given)), recipe)
        else:
            watch("speed", {})
            speed = measure_speed(engine, recipe)
            design = design_pilot(
                minutes=settings["minutes"], workers=device.workers, speed=speed, recipe=recipe, seed=settings["seed"]
            )
        study.write_json("environment.json", environment(device))
        study.write_json("plan.json", plan_document(settings, given, corpus, design))
    design = Design.from_dict(study.read_json("plan.json")["design"])
    longest = max(trunk.tokens[-1] for trunk in (*design.pilots, design.target))
    watch("plan", {"design": design, "repeats": longest > corpus["train_bytes"], **corpus})
    return design


def plan_document(
    settings: Mapping[str, Any], given: str | Path | None, corpus: Mapping[str, Any], design: "Design"
) -> dict[str, Any]:
    """The plan as it is written."""
    return {
        "format": 1,
        "command": command_of(settings, given),
        "minutes": settings["minutes"],
        "seed": settings["seed"],
        "froude": version("froude"),
        "written": now(),
        "corpus": dict(corpus),
        "design": design.to_dict(),
    }


def command_of(settings: Mapping[str, Any], given: str | Path | None) -> str:
    """The command line with these settings, without options that are at their defaults."""
    usual = {"minutes": 5.0, "seed": 0, "corpus": None, "device": "auto"}
    options = {name: settings[name] for name, value in usual.items() if settings[name] != value}
    if given:
        options["plan"] = given
    return shlex.join(
        ["froude", "pilot", *(word for name, value in options.items() for word in (f"--{name}", str(value)))]
    )


def read_plan_file(path: Path) -> bytes:
    """The bytes of a plan file."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"plan {str(path)!r} cannot be read ({error.strerror}): give a plan.json of a study") from None


def parse_plan(path: Path) -> "Design":
    """The design in a plan file."""
    from froude.tank import Design

    try:
        document = json.loads(read_plan_file(path))
        if document["format"] != 1:
            raise InputError(f"plan {str(path)!r} has format {document['format']}, not 1: use the froude that wrote it")
        return Design.from_dict(document["design"])
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{str(path)!r} is no plan: give a plan.json of a study") from None


def adapted(design: "Design", recipe: "PilotRecipe") -> "Design":
    """The same design on this machine's corpus and device."""
    from dataclasses import replace

    here = {name: getattr(recipe, name) for name in ("corpus", "device", "precision", "compile")}
    return replace(
        design,
        pilots=tuple(replace(trunk, **here) for trunk in design.pilots),
        target=replace(design.target, **here),
    )


def environment(device: "Device") -> dict[str, Any]:
    """The machine and the versions."""
    import platform

    from froude.host import cores, memory_bytes, processor_name

    return {
        "froude": version("froude"),
        "python": platform.python_version(),
        "torch": version("torch"),
        "numpy": version("numpy"),
        "platform": platform.platform(),
        "processor": processor_name(),
        "cores": cores(),
        "memory_bytes": memory_bytes(),
        "device": device.name,
    }


def measure(study: Study, chapter: str, trunks: "tuple[Trunk, ...]", engine: "LocalEngine", watch: Watch) -> None:
    """Chapters three and five: trains what is not finished, one task a trunk."""
    finished = study.finished()
    left = [trunk for trunk in trunks if any(trunk.run_id(tokens) not in finished for tokens in trunk.tokens)]
    watch(chapter, {"trunks": trunks, "left": left, "finished": finished})
    if not left:
        return
    begin = time.monotonic()
    tasks = [{"do": "train", "trunk": trunk.to_dict(), "study": str(study.path)} for trunk in left]
    try:
        engine.run(tasks, lambda task, event: watch("event", event))
    finally:
        add_seconds(study, chapter, time.monotonic() - begin)
        watch(f"{chapter} end", {})


def add_seconds(study: Study, chapter: str, seconds: float) -> None:
    """Adds to the wall seconds a chapter has taken so far, over all sessions."""
    spent = spent_seconds(study)
    study.write_json("seconds.json", {**spent, chapter: spent.get(chapter, 0.0) + seconds})


def spent_seconds(study: Study) -> dict[str, float]:
    """Wall seconds by chapter."""
    return study.read_json("seconds.json") if (study.path / "seconds.json").exists() else {}


def write_forecast(study: Study, design: "Design", watch: Watch) -> dict[str, Any]:
    """Chapter four: the law, chosen by holding out the largest pilots, and its forecast; written before the target."""
    if not (study.path / "forecast.json").exists():
        study.write_json("forecast.json", forecast_document(study, design))
    document = study.read_json("forecast.json")
    watch("forecast", document)
    return document


def forecast_document(study: Study, design: "Design") -> dict[str, Any]:
    """Fits, chooses and forecasts; the fit is saved beside it."""
    from froude.fitting import choose

    runs = pilot_runs(study, design)
    at = target_of(design)
    chosen = choose(runs, cluster="trunk", level=LEVEL, seed=study.settings["seed"])
    chosen.fit.save(study.path / "fit.json")
    forecast = chosen.fit.predict(N=at["N"], D=at["D"])
    return {
        "written": now(),
        "law": chosen.fit.law.name,
        "at": at,
        "predicted": forecast.mean,
        "interval": [forecast.lo, forecast.hi],
        "level": LEVEL,
        "parts": forecast.parts,
        "choice": [
            {**row, "predicted": each.fit.predict(N=at["N"], D=at["D"]).mean}
            for row, each in zip(chosen.to_dict(), chosen.candidates, strict=True)
        ],
        "further": [further(chosen.fit, factor, at) for factor in FURTHER],
        "warnings": list(chosen.fit.warnings),
        "pilots": chosen.fit.n,
        "diverged": chosen.fit.diverged,
        **ratios(runs, design),
    }


def pilot_runs(study: Study, design: "Design") -> Runs:
    """The finished runs of the plan's pilots."""
    planned = [trunk.run_id(tokens) for trunk in design.pilots for tokens in trunk.tokens]
    runs = study.runs()
    return runs.take(np.isin(runs["id"], planned))


def target_of(design: "Design") -> dict[str, float]:
    """N, D and C of the target."""
    decoder, tokens = design.target.decoder, design.target.tokens[-1]
    return {"N": decoder.n_non_embedding, "D": tokens, "C": decoder.training_flops_per_token * tokens}


def ratios(runs: Runs, design: "Design") -> dict[str, float]:
    """How much larger the target is than the costliest and than the largest pilot."""
    at = target_of(design)
    return {"compute_ratio": at["C"] / float(runs["C"].max()), "params_ratio": at["N"] / float(runs["N"].max())}


def further(fit: "Fit", factor: float, at: Mapping[str, float]) -> dict[str, Any]:
    """What the fit says of `factor` times the target's compute, spent at the target's tokens a parameter."""
    larger = {name: at[name] * math.sqrt(factor) for name in ("N", "D")}
    forecast = fit.predict(N=larger["N"], D=larger["D"])
    return {
        "factor": factor,
        **larger,
        "C": at["C"] * factor,
        "mean": forecast.mean,
        "interval": [forecast.lo, forecast.hi],
    }


def compare(study: Study, design: "Design", forecast: Mapping[str, Any], check: bool) -> PilotResult:
    """Chapter six: forecast against measured, where the target has been run."""
    spent = spent_seconds(study)
    return PilotResult(
        target=forecast["at"],
        predicted=forecast["predicted"],
        interval=tuple(forecast["interval"]),
        measured=measured_loss(study, design) if check else None,
        **{name: forecast[name] for name in ("compute_ratio", "params_ratio", "pilots", "diverged")},
        pilot_seconds=spent.get("pilots", 0.0),
        target_seconds=spent.get("target", 0.0) if check else None,
        validation_halving=halving(study, design, forecast) if check else None,
        study=study.path,
        report=study.path / "report.html",
    )


def measured_loss(study: Study, design: "Design") -> float:
    """The target's loss; NaN if it diverged."""
    runs = study.runs()
    (row,) = np.flatnonzero(runs["id"] == design.target.run_id(design.target.tokens[-1]))
    return float(runs["loss"][row])


def halving(study: Study, design: "Design", forecast: Mapping[str, Any]) -> dict[str, float]:
    """How much a random half of the validation set moves the ratio of the target's to the largest pilot's loss.

    `ratio_change` is the 95% quantile of |ratio of the half / ratio of the whole − 1| over HALVINGS halves; it should
    be below `quarter_half_width`, a quarter of the interval's relative half-width.
    """
    largest = max(design.pilots, key=lambda trunk: (trunk.decoder.n_non_embedding, -trunk.seed))
    ours, theirs = (
        np.load(study.path / "validation" / f"{trunk.run_id(trunk.tokens[-1])}.npy")
        for trunk in (design.target, largest)
    )
    rng, n = np.random.default_rng(0), len(ours)
    halves = np.array([rng.permutation(n)[: n // 2] for _ in range(HALVINGS)])
    ratio = ours[halves].mean(axis=1) / theirs[halves].mean(axis=1)
    change = np.abs(ratio / (ours.mean() / theirs.mean()) - 1)
    lo, hi = forecast["interval"]
    return {
        "ratio_change": float(np.quantile(change, 0.95)),
        "quarter_half_width": (hi - lo) / 8 / forecast["predicted"],
    }


def now() -> str:
    """The time in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
