"""The main job, told as a story: train small models, forecast a larger one, then train it and compare.

Every chapter leaves its outcome in the study and is skipped when that is there, so that the same call goes on where an
earlier one stopped: corpus, plan, pilots, forecast, target, result, page. What is damaged is said and made again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from froude.engines import get_engine
from froude.errors import InputError
from froude.pilots.events import PilotFinished, Watch, ignore
from froude.pilots.repair import restore_settings
from froude.pilots.result import PilotResult
from froude.pilots.settings import PilotSettings, hash_of_plan
from froude.provenance import Provenance, recorded
from froude.runs import Study, run_id

if TYPE_CHECKING:
    from froude.tank import Device


@recorded
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
    watch: Watch = ignore,
) -> PilotResult:
    """Train pilots, forecast a larger target and, with `check`, train it too; all of it kept in the folder `study`.

    `minutes` is the wall time of the whole on this machine. `corpus` is a folder or file of any bytes, the Python
    sources installed here by default. `plan` is a plan to follow in place of a new one. `engine` names where to train.
    `watch` takes a value of `froude.pilots.events` for each step. Raises InputError on what the caller can put right;
    the same call goes on from where an earlier one stopped.
    """
    settings = PilotSettings(
        minutes=minutes,
        seed=seed,
        corpus=str(corpus) if corpus else None,
        plan=hash_of_plan(plan),
        device=device,
        engine=engine,
    )
    target_device = check_here(plan, device)
    folder = Path(study or Path("froude-studies") / f"pilot-{run_id(settings.to_dict())}")
    restore_settings(folder, settings, plan, watch)
    home = Study.create(folder, settings.to_dict())
    with sole_use(home):
        return run_chapters(home, settings, target_device, plan, check, watch)


def check_here(plan: str | Path | None, device: str) -> Device:
    """The device. InputError where it is not here and for a plan that is none, before a folder is made for them."""
    from froude.tank import choose_device

    chosen = choose_device(device)
    if plan:
        from froude.pilots.plan import read_plan

        read_plan(Path(plan))
    return chosen


@contextmanager
def sole_use(study: Study) -> Iterator[None]:
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


@contextmanager
def without_leftovers(study: Study) -> Iterator[None]:
    """Removes what processes leave that are killed while they write: those of before, and workers at the end."""
    remove_leftovers(study)
    try:
        yield
    finally:
        with suppress(OSError):  # on a disk that may only be read now
            remove_leftovers(study)


def remove_leftovers(study: Study) -> None:
    """Removes hidden files that never took their places."""
    for leftover in study.path.rglob(".*.tmp"):
        leftover.unlink(missing_ok=True)


def run_chapters(
    study: Study, settings: PilotSettings, device: Device, plan: str | Path | None, check: bool, watch: Watch
) -> PilotResult:
    """All chapters, in order."""
    from froude.fitting import Fit
    from froude.pilots.check import compare, score_target
    from froude.pilots.clock import check_clock
    from froude.pilots.corpus import gather_corpus
    from froude.pilots.forecast import write_forecast
    from froude.pilots.plan import make_plan
    from froude.pilots.trainings import train
    from froude.reporting import write_report

    check_clock(study, watch)
    with without_leftovers(study), get_engine(settings.engine)(device.workers) as engine:
        corpus = gather_corpus(study, settings, watch)
        design = make_plan(study, settings, plan, device, engine, corpus, watch)
        train(study, "pilots", design.pilots, engine, watch)
        forecast = write_forecast(study, design, settings.seed, watch)
        if check:
            train(study, "target", (design.target,), engine, watch)
    made = Fit.load(study.path / "fit.json").provenance
    data = made.data_sha256 if made else ()
    result = compare(study, design, forecast, check).stamped(Provenance.now(settings.seed, data))
    study.write_json("result.json", result.to_dict())
    score_target(study, result)
    write_report(study)
    watch(PilotFinished(result=result))
    return result
