"""Growth: exponents and crossings are found in timings, what cannot be timed is refused, and a file runs end to end."""

import json
import math
import re
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

from froude import InputError
from froude.growth import (
    Crossing,
    Experiment,
    Growth,
    Timing,
    Unfitted,
    find_crossing,
    fit_growth,
    grow,
    time_call,
)
from froude.growth.results import analyse_timings
from froude.growth.timing import LEAST_S, peak_of
from froude.runs import read_runs
from grown import TINY

pytest_plugins = ["door", "clocks"]

SIZES = 2.0 ** np.arange(6, 14)
NOISE = 0.03


def noisy(seconds: np.ndarray, repeats: int = 5, seed: int = 0) -> list[list[float]]:
    """Repetitions of these seconds with noise of a few percent."""
    noise = np.random.default_rng(seed).normal(size=(len(seconds), repeats))
    return (seconds[:, None] * np.exp(NOISE * noise)).tolist()


def fitted(seconds: np.ndarray, **options: bool) -> Growth:
    """The fit of noisy repetitions, which there must be."""
    fit = fit_growth(SIZES.tolist(), noisy(seconds), **options)
    assert isinstance(fit, Growth)
    return fit


def by_size(seconds: np.ndarray, seed: int) -> dict[float, list[float]]:
    """Noisy repetitions by size."""
    return dict(zip(SIZES.tolist(), noisy(seconds, seed=seed), strict=True))


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0, 2.807, 3.0])
@pytest.mark.parametrize("constant", [0.0, 3.0])
def test_a_planted_exponent_is_recovered_below_a_constant(exponent, constant):
    start = 1e-6 * SIZES[0] ** exponent
    fit = fitted(constant * start + 1e-6 * SIZES**exponent)
    assert fit.lo <= exponent <= fit.hi
    assert fit.exponent == pytest.approx(exponent, abs=0.15 if exponent > 0.5 else 0.25)


def test_intervals_hold_a_planted_exponent_at_least_as_often_as_they_say():
    holding = 0
    for seed in range(20):
        fit = fit_growth(SIZES.tolist(), noisy(1e-5 + 1e-7 * SIZES**1.5, seed=seed))
        assert isinstance(fit, Growth)
        holding += fit.lo <= 1.5 <= fit.hi
    assert holding >= 18  # nine in ten


def test_one_spoiled_size_does_not_carry_the_exponent_away():
    seconds = 1e-7 * SIZES**2
    seconds[6] *= 4
    assert fitted(seconds).exponent == pytest.approx(2.0, abs=0.02)  # 0.03 without the robust weights


def test_the_unit_of_time_and_of_size_leaves_the_exponent():
    seconds = noisy(1e-4 + 1e-7 * SIZES**2)
    one = fit_growth(SIZES.tolist(), seconds)
    other = fit_growth((1000 * SIZES).tolist(), [[1e3 * s for s in row] for row in seconds])
    assert isinstance(one, Growth)
    assert isinstance(other, Growth)
    assert other.exponent == pytest.approx(one.exponent, abs=1e-6)
    assert other.at(1000 * SIZES) == pytest.approx(1e3 * one.at(SIZES))


def test_a_falling_error_has_its_exponent():
    fit = fitted(0.7 * SIZES**-0.5, floor=False)
    assert fit.exponent == pytest.approx(-0.5, abs=0.03)


@pytest.mark.parametrize(
    ("form", "seconds"),
    [("n", SIZES), ("n log n", SIZES * np.log(SIZES)), ("n²", SIZES**2), ("n³", SIZES**3)],
)
def test_the_form_that_made_the_times_predicts_the_largest_size(form, seconds):
    fit = fit_growth(SIZES.tolist(), (1e-8 * seconds[:, None] * np.ones(3)).tolist())
    assert isinstance(fit, Growth)
    assert form in {fit.form, *fit.alike}
    assert fit.held_out[form] < 1e-9
    assert sum(error < 1e-6 for name, error in fit.held_out.items() if name != "n^p") == 1


@pytest.mark.parametrize(
    ("sizes", "values", "reason"),
    [
        ([1, 2, 4], [[1.0], [2.0], [4.0]], "3 sizes, 4 are needed"),
        ([1, 2, 4, 8], [[1.0], [2.0], [0.0], [8.0]], "not all values are positive"),
        ([1, 2, 4, 8], [[1.0], [2.0], [math.nan], [8.0]], "not all values are positive"),
        ([1, 2, 4, 8, 16], [[1.0], [1.0], [1.01], [1.05], [1.2]], "flat: "),
    ],
)
def test_no_exponent_is_told_where_none_can_be(sizes, values, reason):
    fit = fit_growth(sizes, values)
    assert isinstance(fit, Unfitted)
    assert fit.reason.startswith(reason)


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.0, 0.03, 0.3])
@pytest.mark.parametrize("k", [4, 6, 8])
def test_what_does_not_change_with_size_is_constant(noise, k):
    for seed in range(10):
        seconds = 1.3e-3 * np.exp(noise * np.random.default_rng(seed).normal(size=(k, 5)))
        fit = fit_growth(SIZES[:k].tolist(), seconds.tolist())
        assert isinstance(fit, Growth)
        assert fit.is_constant
        assert fit.lo <= 0 <= fit.hi
        assert fit.at(1e9) == pytest.approx(1.3e-3, rel=max(noise, 1e-9))


def test_what_grows_by_more_than_its_scatter_is_not_constant():
    for share in (0.2, 0.5, 3.0):
        fit = fit_growth(SIZES.tolist(), noisy(1e-3 * (1 + share * SIZES / SIZES[-1])))
        assert not (isinstance(fit, Growth) and fit.is_constant), share


def test_a_constant_start_is_told_from_the_exponent_of_the_rest():
    sizes = np.array([3e3, 1e4, 3e4, 1e5, 3e5, 1e6])
    for seed in range(5):
        fit = fit_growth(sizes.tolist(), noisy(0.015 + 2e-8 * sizes * np.log(sizes), seed=seed))
        assert isinstance(fit, Growth)
        assert 0.95 <= fit.exponent <= 1.15
        assert fit.a == pytest.approx(0.015, rel=0.1)


def crossing_of(first: np.ndarray, second: np.ndarray) -> Crossing:
    """The crossing of two methods with these seconds."""
    times = by_size(first, 1), by_size(second, 2)
    fits = tuple(fit_growth([*t], [*t.values()]) for t in times)
    return find_crossing(("slow start", "steep"), times, (fits[0], fits[1]))


def test_a_planted_crossing_is_found_with_its_interval():
    crossing = crossing_of(1e-5 * SIZES, 1e-8 * SIZES**2)  # equal at 1000
    assert (crossing.kind, crossing.faster_above) == ("inside", "slow start")
    assert crossing.lo is not None
    assert crossing.hi is not None
    assert crossing.lo <= 1000 <= crossing.hi
    assert crossing.size == pytest.approx(1000, rel=0.1)


def test_a_crossing_past_the_largest_size_is_marked_as_extrapolated():
    crossing = crossing_of(1e-4 * SIZES, 1e-9 * SIZES**2)  # equal at 100 000, measured up to 8192
    assert (crossing.kind, crossing.faster_above) == ("extrapolated", "slow start")
    assert crossing.size == pytest.approx(1e5, rel=0.4)


def test_parallel_times_do_not_cross():
    crossing = crossing_of(1e-6 * SIZES, 3e-6 * SIZES)
    assert (crossing.kind, crossing.faster_above) == ("none", "slow start")
    assert crossing.size is None


def test_times_that_differ_by_noise_alone_do_not_cross():
    assert crossing_of(1e-6 * SIZES, 1e-6 * SIZES).kind == "none"


def test_timings_become_fits_and_crossings_of_every_pair():
    sizes = tuple(SIZES.tolist())
    seconds = {"a": 1e-5 * SIZES, "b": 1e-8 * SIZES**2, "c": 1e-7 * SIZES}
    experiment = Experiment(
        title="t", source="s", sizes=sizes, methods=dict.fromkeys(seconds, len), prepare=lambda size, rng: size
    )
    timings = [
        Timing(method=name, size=size, repetition=0, cpu_seconds=s, wall_seconds=s, calls=1)
        for name, column in seconds.items()
        for size, s in zip(sizes, column.tolist(), strict=True)
    ]
    result = analyse_timings(experiment, timings)
    exponents = {name: round(fit.exponent, 2) for name, fit in result.time.items() if isinstance(fit, Growth)}
    assert exponents == {"a": 1.0, "b": 2.0, "c": 1.0}
    assert [(c.first, c.second, c.kind) for c in result.crossings] == [
        ("a", "b", "inside"),
        ("a", "c", "none"),
        ("b", "c", "none"),
    ]
    assert result.quality == {}


# --- timing ----------------------------------------------------------------------------------------------


def test_a_short_call_is_repeated_until_it_can_be_timed(clock):
    calls = []
    sample = time_call(lambda: calls.append(clock.works(1e-4)) or len(calls))
    assert 1e-4 * sample.calls >= LEAST_S
    assert sample.result == len(calls) >= sample.calls
    assert sample.cpu_seconds == pytest.approx(1e-4, rel=1e-3)


def test_a_call_as_quick_as_a_few_empty_ones_is_too_fast_to_time(clock):
    with pytest.raises(InputError, match="too fast to time: give larger sizes"):
        time_call(lambda: clock.works(5 * clock.EMPTY_CALL_S))
    slower = time_call(lambda: clock.works(15 * clock.EMPTY_CALL_S))
    assert slower.cpu_seconds == pytest.approx(15 * clock.EMPTY_CALL_S, rel=1e-3)


def test_a_call_that_waits_is_not_timed(clock):
    with pytest.raises(InputError, match="too little to time"):
        time_call(lambda: clock.waits(0.6))


def test_peak_memory_is_that_of_the_arrays_a_method_makes():
    experiment = Experiment(
        title="t", source="s", sizes=(1e5, 1e6), methods={"zeros": lambda n: np.ones(n).sum()},
        prepare=lambda size, rng: int(size),
    )  # fmt: skip
    result = grow(experiment, repeats=1)
    assert [t.peak_bytes for t in result.timings] == pytest.approx([8e5, 8e6], rel=0.1)
    assert not tracemalloc.is_tracing()


def product_of_tensors(x: torch.Tensor) -> torch.Tensor:
    """Two of x's size at once: the product goes when its rectified copy is there."""
    return (x @ x).relu().sum()


def layers(x: torch.Tensor) -> torch.Tensor:
    """Three of x's size at once: what a layer is given, its multiple, and the sigmoid of that."""
    for _ in range(5):
        x = (1.5 * x).sigmoid()
    return x


def layers_for_a_gradient(x: torch.Tensor) -> torch.Tensor:
    """Six: the sigmoids of all five layers are kept, and the last multiple."""
    return layers(x.requires_grad_())


def arrays_and_tensors(x: torch.Tensor) -> torch.Tensor:
    """One of x's size in NumPy, and one that PyTorch makes of it."""
    return torch.from_numpy(np.ones(tuple(x.shape), np.float32)) + 1


@pytest.mark.parametrize(
    ("method", "times"), [(product_of_tensors, 2), (layers, 3), (layers_for_a_gradient, 6), (arrays_and_tensors, 2)]
)
def test_peak_memory_is_that_of_the_tensors_a_method_makes(method, times):
    x = torch.ones(1000, 1000)
    assert peak_of(lambda: method(x)) == pytest.approx(times * x.nbytes, abs=0.1 * x.nbytes)
    assert peak_of(lambda: x.detach().sum()) == pytest.approx(0, abs=0.1 * x.nbytes), "what was there does not count"


def test_methods_see_the_same_data_and_repetitions_other_data():
    seen: dict[str, list[float]] = {"a": [], "b": []}

    def quality(data: tuple[float, np.ndarray], result: tuple[str, float]) -> float:
        seen[result[0]].append(result[1])
        return result[1]

    experiment = Experiment(
        title="t", source="s", sizes=(1, 2), prepare=lambda size, rng: rng.normal(size=1000), quality=quality,
        methods={"a": lambda data: ("a", float(np.sort(data)[0])), "b": lambda data: ("b", float(np.sort(data)[0]))},
    )  # fmt: skip
    grow(experiment, repeats=2)
    assert seen["a"] == seen["b"]
    assert len({*seen["a"]}) == 4


def test_a_method_stops_growing_where_the_budget_ends():
    experiment = Experiment(
        title="t", source="s", sizes=(1e4, 1e5, 1e12), methods={"sum": lambda n: sum(range(n))},
        prepare=lambda size, rng: int(size),
    )  # fmt: skip
    result = grow(experiment, seconds=60, repeats=1)  # of the hours that the last would take
    assert [t.size for t in result.timings] == [1e4, 1e5]
    assert len(result.notes) == 1
    assert result.notes[0].startswith("sum stops before n = 1e+12: about ")


# --- refusals --------------------------------------------------------------------------------------------


def file_of(folder: Path, text: str) -> Path:
    """A Python file with this text."""
    path = folder / "study.py"
    path.write_text(text)
    return path


def test_a_file_that_is_not_there_is_refused(refused, tmp_path):
    assert "is no file: give a Python file that declares EXPERIMENT" in refused("grow", tmp_path / "none.py")


@pytest.mark.parametrize("minutes", ["0", "nan", "inf", "-1"])
def test_no_budget_is_refused(refused, tmp_path, minutes):
    assert "seconds = " in refused("grow", file_of(tmp_path, TINY), "--minutes", minutes)


@pytest.mark.parametrize("option", ["--repeats", "--seed"])
def test_no_repetitions_and_no_seed_are_refused(refused, tmp_path, option):
    line = refused("grow", file_of(tmp_path, TINY), option, "-1", code=2)
    assert line.startswith(f"Invalid value for '{option}': ")
    assert "-1" in line


# --- the command -----------------------------------------------------------------------------------------


def test_a_small_experiment_runs_end_to_end_and_its_timings_are_runs(cli, tmp_path):
    words = ("grow", file_of(tmp_path, TINY), "--repeats", "2", "--minutes", "5", "--study", tmp_path / "kept")
    done = cli(*words, "--json")
    assert (done.code, done.err) == (0, "")
    data = json.loads(done.out)
    assert data["title"] == "sums of squares"
    assert len(data["timings"]) == 20
    assert set(data["time"]) == set(data["quality"]) == {"loop", "NumPy"}
    assert [(c["first"], c["second"]) for c in data["crossings"]] == [("loop", "NumPy")]
    runs = read_runs(tmp_path / "kept")
    assert len(runs) == 20
    assert sorted(runs["cpu_seconds"]) == sorted(t["cpu_seconds"] for t in data["timings"])
    again = json.loads(cli(*words, "--json").out)  # nothing is timed again
    assert again == data


def test_the_terminal_shows_times_exponents_and_crossings(cli, tmp_path):
    done = cli("grow", file_of(tmp_path, TINY), "--repeats", "2", "--minutes", "5")
    assert (done.code, done.err) == (0, "")
    for said in (
        "sums of squares\n  source      a test\n",
        "CPU seconds = a + b·n^p",
        "sum = b·n^p",
        "90% interval",
        "loop and NumPy",
    ):
        assert said in done.out


def test_a_study_of_another_seed_is_not_continued(cli, refused, tmp_path):
    words = ("grow", file_of(tmp_path, TINY), "--repeats", "1", "--minutes", "5", "--study", tmp_path / "kept")
    assert cli(*words).code == 0
    assert "seed" in refused(*words, "--seed", "1")


def test_timings_of_other_code_are_not_taken_for_those_of_a_file(cli, refused, tmp_path):
    words = ("grow", file_of(tmp_path, TINY), "--repeats", "1", "--minutes", "5", "--study", tmp_path / "kept")
    assert cli(*words).code == 0
    file_of(tmp_path, TINY.replace("x * x", "x ** 2"))
    assert "version" in refused(*words)


def sum_of(sizes: tuple[float, ...]) -> Experiment:
    """A method that adds up so many thousand numbers."""
    return Experiment(
        title="t",
        source="s",
        sizes=sizes,
        methods={"sum": lambda n: sum(range(n))},
        prepare=lambda size, rng: int(size),
    )


def test_rounds_over_all_sizes_only_lower_the_seconds_and_need_every_size():
    result = grow(sum_of((1e3, 1e4)), repeats=1)
    least = result.fastest("sum", rounds=2)
    assert [*least] == [1e3, 1e4]
    assert all(0 < least[t.size] <= t.cpu_seconds for t in result.timings)
    with pytest.raises(InputError, match="'sum' at 10000 was not measured: give more time or smaller sizes"):
        analyse_timings(result.experiment, result.timings[:1]).fastest("sum")


def test_timings_of_two_machines_do_not_mix(tmp_path):
    experiment, kept = sum_of((1e3, 1e4)), tmp_path / "kept"
    first = grow(experiment, repeats=1, study=kept, machine="this one, 2 cores")
    assert {t.machine for t in first.timings} == {"this one, 2 cores"}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", str(t.date)) for t in first.timings)
    assert grow(experiment, repeats=1, study=kept, machine="another, 9 cores").timings == first.timings
    with pytest.raises(InputError, match=r"timed on this one, 2 cores, and this is another, 9 cores.*another folder"):
        grow(experiment, repeats=2, study=kept, machine="another, 9 cores")
    assert len(grow(experiment, repeats=2, study=kept, machine="this one, 2 cores").timings) == 4


def test_a_study_that_names_no_machine_is_taken_up_and_the_reader_is_told(tmp_path):
    experiment = sum_of((1e3, 1e4))
    grow(experiment, repeats=1, study=tmp_path / "kept")
    result = grow(experiment, repeats=2, study=tmp_path / "kept", machine="this one, 2 cores")
    assert [t.machine for t in result.timings] == [None, "this one, 2 cores"] * 2
    assert result.notes == ("2 of 2 timings kept do not say on which machine they were made",)


def test_the_page_of_a_study_of_growth_is_asked_of_grow(cli, refused, tmp_path):
    words = ("grow", file_of(tmp_path, TINY), "--repeats", "1", "--minutes", "5", "--study", tmp_path / "kept")
    assert cli(*words).code == 0
    said = refused("report", tmp_path / "kept")
    assert "keeps timings of growth ('sums of squares'): give its froude grow again, with --study" in said
    assert said.endswith("--page FILE.html; nothing kept is timed again")


def test_a_crossing_knows_the_fewest_repetitions_that_it_rests_on():
    times = [dict(zip(SIZES, [list(row) for row in seconds], strict=True)) for seconds in (
        noisy(1e-5 * SIZES, repeats=5), noisy(1e-8 * SIZES**2, repeats=2, seed=1))]  # fmt: skip
    fits = [fit_growth([*t], [*t.values()]) for t in times]
    crossing = find_crossing(("slow start", "steep"), (times[0], times[1]), (fits[0], fits[1]))
    assert (crossing.kind, crossing.repetitions, crossing.is_certain) == ("inside", 2, False)


def test_growth_loads_nothing_heavy():
    code = "import sys, froude.growth; print(sorted({'scipy', 'polars', 'torch', 'matplotlib'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
