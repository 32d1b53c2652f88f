"""What a person watching `froude pilot` sees, and what a program reads of it."""

import io
import json
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from froude import PilotResult
from froude.cli.command_story import CommandStoryTeller
from froude.cli.progress import Bars, TrainingWork
from froude.cli.story import StoryTeller
from froude.engines import Progress, RunFinished
from froude.pilots.command.ladder import PilotLadder, Rung
from froude.pilots.command.scale import FirstRun
from froude.pilots.command.settings import FIRST_TOKENS, RATIO
from froude.pilots.events import (
    ChapterStarted,
    FirstRunReady,
    ForecastReady,
    LadderReady,
    PilotEvent,
    PilotFinished,
    PlanReady,
    TrainingEnded,
    TrainingStarted,
)
from froude.sweeps.events import SweepStarted
from froude.tank import Design, PilotRecipe, Trunk
from froude.tank.design import decoder_of

pytest_plugins = ["door"]

RECIPE = PilotRecipe(corpus="c")
SMALL = RECIPE.trunk(decoder_of(16, 64), [600_000, 1_200_000], 0)
LARGE = RECIPE.trunk(decoder_of(32, 64), [600_000, 1_200_000], 0)
TARGET = RECIPE.trunk(decoder_of(64, 64), [6_000_000], 4)
DESIGN = Design(pilots=(LARGE, SMALL), target=TARGET, pilot_seconds=60, target_seconds=90)
FORECAST = {
    "law": "chinchilla", "predicted": 1.6401, "interval": [1.6, 1.68], "level": 0.9,
    "warnings": ["a warning"],
    "choice": [
        {"law": "chinchilla", "held_out_error": 0.012, "cuts": 3},
        {"law": "kaplan-joint", "held_out_error": math.nan, "cuts": 0},
    ],
}  # fmt: skip


RESULT = PilotResult(
    target={"N": 98304, "D": 6e6, "C": 4e12}, predicted=1.64, interval=(1.6, 1.68), measured=1.6,
    compute_ratio=8.4, params_ratio=4.0, pilots=17, diverged=1, pilot_seconds=130.0, target_seconds=120.0,
    validation_halving={"ratio_change": 0.001}, study=Path("s"), report=Path("s/report.html"),
)  # fmt: skip


def progress(trunk: Trunk, run_tokens: int, tokens: int) -> Progress:
    """A worker's event of progress."""
    return Progress(run=trunk.run_id(run_tokens), tokens=tokens, loss=2.5, tokens_per_s=41234.5)


def story(*events: PilotEvent, terminal: bool = False, check: bool = True) -> str:
    """What the story teller writes of these events."""
    out = io.StringIO()
    with StoryTeller(check=check, console=Console(file=out, width=80, force_terminal=terminal)) as teller:
        for event in events:
            teller.hear(event)
    return out.getvalue()


class FullLog(io.StringIO):
    """A log on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_log_on_a_full_disk_ends_no_study():
    with StoryTeller(check=True, console=Console(file=FullLog())) as teller:
        teller.line("page", "is here")


PILOTS = TrainingStarted(chapter="pilots", trunks=DESIGN.pilots, unfinished=DESIGN.pilots, finished=frozenset())


def test_every_finished_run_is_a_line_and_a_diverged_one_says_so():
    first, second = (SMALL.run_id(tokens) for tokens in SMALL.tokens)
    text = story(
        PILOTS,
        RunFinished(run=first, loss=2.34567),
        RunFinished(run=second, loss=None),
        TrainingEnded(chapter="pilots"),
    )
    assert "   pilots  training 4 runs\n" in text
    assert ": loss 2.346\n" in text
    assert "diverged; it is kept, and left\n           out of the fit\n" in text


def test_bars_show_loss_speed_and_time_left_on_a_terminal_only():
    tokens = SMALL.tokens[0]
    events = [
        PlanReady(design=DESIGN, repeats=False),
        PILOTS,
        progress(SMALL, tokens, 1024),
        progress(SMALL, tokens, tokens),
    ]
    watched = story(*events, terminal=True)
    assert "loss 2.500  41.2k tokens/s" in watched
    assert "left" in watched
    assert story(*events).endswith("   pilots  training 4 runs\n")


def test_what_an_earlier_command_finished_is_told():
    finished = frozenset(SMALL.run_id(tokens) for tokens in SMALL.tokens)
    text = story(replace(PILOTS, unfinished=(LARGE,), finished=finished))
    assert "2 of 4 runs are finished already" in text


def test_the_forecast_is_told_with_its_interval_laws_and_warnings():
    text = story(ForecastReady(document=FORECAST))
    assert "1.640 nats/byte, 90% interval 1.600 to 1.680, by chinchilla" in text
    assert "chinchilla 1.2%, kaplan-joint not held out" in " ".join(text.split())
    assert "a warning" in text


def test_where_no_law_could_be_held_out_that_is_told_once():
    choice = [{"law": law, "held_out_error": math.nan, "cuts": 0} for law in ("chinchilla", "kaplan-joint")]
    text = " ".join(story(ForecastReady(document={**FORECAST, "choice": choice})).split())
    assert "held out: of no law, for which the pilots are too few: chinchilla, kaplan-joint" in text


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        (1.633, "1.633 nats/byte: 0.43% off, inside the interval"),
        (1.5, "1.500 nats/byte: 9.33% off, outside the interval"),
        (float("nan"), "the target diverged: there is no loss to compare with"),
    ],
)
def test_the_verdict_is_told(measured, words):
    report = Path("a/" * 60 + "report.html")
    text = story(PilotFinished(result=replace(RESULT, measured=measured, report=report)))
    assert words in text
    assert str(report) in text  # whole, to be copied


def test_time_left_counts_what_comes_after_and_not_what_was_done_before():
    work = TrainingWork([SMALL])
    half = SMALL.tokens[-1] // 2
    work.advance(SMALL, SMALL.tokens[-1], half)  # heard of first: an earlier command may have done it
    assert work.seconds_left(10.0) is None
    work.advance(SMALL, SMALL.tokens[-1], half + half // 2)
    assert work.seconds_left(10.0) == pytest.approx(10.0, rel=1e-6)


def test_the_work_of_trainings_ends_at_their_whole():
    work = TrainingWork([SMALL, LARGE])
    for trunk in (SMALL, LARGE):
        for tokens in trunk.tokens:
            work.advance(trunk, tokens, tokens)
    assert work.sum() == work.total


def test_a_run_that_ends_takes_its_bar_with_it():
    bars = Bars(Console(file=io.StringIO()), [SMALL], 0.0)
    bars.move(SMALL, SMALL.tokens[0], progress(SMALL, SMALL.tokens[0], 1024))
    assert len(bars.progress.tasks) == 2
    bars.finish(SMALL, SMALL.tokens[0])
    bars.stop()
    assert len(bars.progress.tasks) == 1


UNCHECKED = replace(RESULT, measured=None, target_seconds=None, validation_halving=None)
CHECKED_ONLY = {"measured", "rel_error", "inside", "target_seconds"}
PROMISED = {
    "target", "predicted", "interval", "level", "measured", "rel_error", "inside", "compute_ratio",
    "params_ratio", "pilots", "diverged", "pilot_seconds", "target_seconds", "study", "report",
}  # fmt: skip


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Callable[[PilotResult], dict[str, Any]]:
    """Puts a pilot in place that returns a result at once; its options are filled in when it is called."""

    def put(result: PilotResult) -> dict[str, Any]:
        given: dict[str, Any] = {}

        def pilot(*, watch: Any, **options: Any) -> PilotResult:
            given.update(options)
            watch(PilotFinished(result=result))
            return result

        monkeypatch.setattr(sys.modules["froude.pilots.run"], "pilot", pilot)
        return given

    return put


def test_pilot_json_is_one_object_on_stdout_and_the_story_is_on_stderr(cli, pretend):
    pretend(RESULT)
    done = cli("pilot", "--json")
    data = json.loads(done.out.splitlines()[-1])
    assert done.out.count("\n") == 1
    assert set(data) >= PROMISED
    assert (data["rel_error"], data["inside"]) == (pytest.approx(0.025), True)
    assert "inside the interval" in done.err


def test_without_a_check_what_was_not_measured_is_absent(cli, pretend):
    given = pretend(UNCHECKED)
    data = json.loads(cli("pilot", "--no-check", "--json").out)
    assert given["check"] is False
    assert not set(data) & CHECKED_ONLY
    assert set(data) >= PROMISED - CHECKED_ONLY


def test_a_target_that_diverged_is_null_in_json(cli, pretend):
    pretend(replace(RESULT, measured=float("nan")))
    data = json.loads(cli("pilot", "--json").out, parse_constant=lambda name: pytest.fail(name))
    assert (data["measured"], data["rel_error"], data["inside"]) == (None, None, False)


def test_every_option_of_the_pilot_reaches_it(cli, pretend):
    given = pretend(RESULT)
    of_trainer = {
        "train": None, "dial": None, "derived": None, "flops": None, "ratio": RATIO, "first_tokens": FIRST_TOKENS,
        "workers": None, "metrics": None, "columns": None, "resume": None,
    }  # fmt: skip
    words = "--minutes 1.5 --seed 3 --study s --corpus c --plan p --no-check --device cpu --engine local"
    assert cli("pilot", *words.split()).code == 0
    assert given == of_trainer | {
        "minutes": 1.5, "seed": 3, "study": Path("s"), "corpus": "c", "plan": "p", "check": False,
        "device": "cpu", "engine": "local", "needs": None,
    }  # fmt: skip


def test_every_option_of_a_pilot_of_a_trainer_reaches_it(cli, pretend):
    given = pretend(RESULT)
    words = (
        "--command c --dial width=8:16 --set lr=3e-3 --set steps=tokens//512 --flops 1e15 --ratio 30 --workers 2 "
        "--first-tokens 1M --metrics m.csv --columns loss=val_loss --resume=--again"
    )
    assert cli("pilot", *words.split()).code == 0
    assert given | {
        "train": "c", "dial": "width=8:16", "derived": {"lr": "3e-3", "steps": "tokens//512"}, "flops": "1e15",
        "ratio": 30.0, "first_tokens": 1e6, "metrics": "m.csv", "columns": {"loss": "val_loss"}, "workers": 2,
        "resume": "--again",
    } == given  # fmt: skip


def test_the_story_of_a_trainer_is_told_by_its_dial(capsys):
    teller = CommandStoryTeller(check=True, console=Console(width=80, highlight=False))
    rung = Rung(size=64, tokens=4_000_000, seed=0)
    pilots = (Rung(size=32, tokens=1_000_000, seed=0), Rung(size=16, tokens=200_000, seed=0))
    ladder = PilotLadder(pilots=pilots, target=rung, n_params=2e5, pilot_flops=1e12, target_flops=4.8e12)
    run = FirstRun(size=16, tokens=100_000, n_params=12_300, tokens_said=99_840, flops=7e9, seconds=4.2)
    with teller:
        for event in (
            ChapterStarted(chapter="first runs"), FirstRunReady(dial="width", run=run),
            LadderReady(dial="width", ladder=ladder), ChapterStarted(chapter="pilots"),
            SweepStarted(configs={"a": {"width": 16, "lr": 1}, "b": {"width": 32, "lr": 1}}, finished=1),
            RunFinished(run="b", loss=3.25),
        ):  # fmt: skip
            teller.hear(event)
    assert capsys.readouterr().out.splitlines() == [
        "    first  short runs, to find out how parameters and seconds grow with the",
        "           dial",
        "      run  width 16, 99.8k tokens: 12.3k parameters, 4.2 s",
        "     plan  2 pilots of 2 sizes, width 16 to 32: 1e+12 FLOPs",
        "           target of width 64, 200k parameters on 4M tokens: 4.8e+12 FLOPs",
        "   pilots  2 runs, 1 of them finished already",
        "      run  width 32: loss 3.250",
    ]
