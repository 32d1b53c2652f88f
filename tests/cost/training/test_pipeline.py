"""Schedules of a pipeline: closed forms against simulation, published bubbles and memory, what a timeline holds."""

import itertools
from collections import defaultdict

import numpy as np
import pytest

from froude.cost.training.layout import Flow, Schedule
from froude.cost.training.pipeline.closed_form import bubble_seconds, in_flight, is_legal, pipeline_seconds
from froude.cost.training.pipeline.events import simulate
from froude.errors import InputError

Size = tuple[Schedule, int, int, int]
"""Schedule, stages, interleave, micro-batches."""

SCHEDULES: tuple[Schedule, ...] = ("gpipe", "1f1b", "zero-bubble")
SIZES: list[Size] = [
    (schedule, p, v, m)
    for schedule, p, v, m in itertools.product(SCHEDULES, (1, 2, 4, 7), (1, 2, 3), (1, 3, 4, 8, 14, 19))
    if is_legal(Flow(schedule, p, v, m))
]
LARGE: list[Size] = [("gpipe", 64, 1, 512), ("1f1b", 64, 1, 512), ("1f1b", 64, 3, 512), ("zero-bubble", 64, 1, 512)]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_closed_forms_of_equal_stages_are_exact(schedule: Schedule):
    sizes = [size for size in SIZES if size[0] == schedule]
    for size, send, share in itertools.product(sizes, (0.0, 0.1, 0.5), (0.3, 0.5)):
        forward, backward = 0.8, 2.0
        sent = min(send, (forward + backward) / size[2] / 2)  # interleaved sends beyond half a chunk are not claimed
        seconds = pipeline_seconds(Flow(*size), forward, backward, sent, weight_share=share)
        simulated = simulate(Flow(*size), forward, backward, sent, weight_share=share).makespan_seconds
        if size[2] == 1 or sent < forward / size[2]:
            assert seconds == pytest.approx(simulated, rel=1e-12), (size, sent, share)
        else:
            assert seconds == pytest.approx(simulated, rel=0.02), (size, sent, share)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_closed_forms_of_slower_ends_are_within_two_percent(schedule: Schedule):
    worst = 0.0
    ends = itertools.product((1.0, 1.05, 1.1), (1.0, 1.1, 1.3))
    sizes = [
        size for size in itertools.product((schedule,), (2, 4, 8), (1, 3), (4, 8, 16, 32)) if is_legal(Flow(*size))
    ]
    for size, (first, last), share in itertools.product(sizes, ends, (0.0, 0.02, 0.05)):
        if size[3] < size[1]:
            continue
        send = share * 3.0 / size[2]  # of a chunk
        forward = np.ones(size[1])
        forward[0], forward[-1] = first, last
        seconds = pipeline_seconds(Flow(*size), 1.0, 2.0, send, first=first, last=last)
        simulated = simulate(Flow(*size), forward, 2 * forward, send).makespan_seconds
        worst = max(worst, abs(seconds / simulated - 1))
    assert worst < 0.02


@pytest.mark.parametrize("size", LARGE)
def test_closed_forms_hold_for_64_stages_and_512_micro_batches(size: Size):
    forward = np.ones(64)
    forward[0], forward[-1] = 1.05, 1.2
    simulated = simulate(Flow(*size), forward, 2 * forward, 0.02)
    assert pipeline_seconds(Flow(*size), 1.0, 2.0, 0.02, first=1.05, last=1.2) == pytest.approx(
        simulated.makespan_seconds, rel=0.02
    )
    assert max(simulated.peak_in_flight) == pytest.approx(in_flight(Flow(*size)))


def test_bubbles_are_the_published_shares():
    # Narayanan et al. 2021, arXiv:2104.04473, section 2.2: (p − 1)/m, and v times less interleaved.
    ideal = 32 * 3.0
    assert bubble_seconds(Flow("gpipe", 8, 1, 32), 1.0, 2.0, 0.0) / ideal == pytest.approx(7 / 32)
    assert bubble_seconds(Flow("1f1b", 8, 1, 32), 1.0, 2.0, 0.0) / ideal == pytest.approx(7 / 32)
    assert bubble_seconds(Flow("1f1b", 8, 4, 32), 1.0, 2.0, 0.0) / ideal == pytest.approx(7 / 32 / 4)
    # Qi et al. 2024, arXiv:2401.10241, table 2: (p − 1)(F + B − W), a third of 1F1B's where F = B = W.
    assert bubble_seconds(Flow("zero-bubble", 8, 1, 32), 1.0, 2.0, 0.0) / ideal == pytest.approx(7 / 32 / 3)
    assert bubble_seconds(Flow("zero-bubble", 8, 1, 32), 1.0, 1.8, 0.0, weight_share=0.25) == pytest.approx(
        7 * (1 + 0.9)
    )


def test_a_bubble_is_the_time_in_which_the_slowest_device_stands_still():
    forward = np.array([1.0, 1.0, 1.0, 1.4])
    made = simulate(Flow("1f1b", 4, 1, 12), forward, 2 * forward, 0.05)
    busy = sum(event.end - event.start for event in made.events if event.device == 3)
    idle = made.makespan_seconds - busy
    assert bubble_seconds(Flow("1f1b", 4, 1, 12), 1.0, 2.0, 0.05, last=1.4) == pytest.approx(idle)


def test_every_stage_holds_the_micro_batches_that_its_schedule_says():
    for size in SIZES:
        stages = np.arange(size[1])
        assert simulate(Flow(*size), 1.0, 2.0, 0.1).peak_in_flight == pytest.approx(in_flight(Flow(*size), stages)), (
            size
        )


def test_interleaving_costs_the_published_memory_on_the_first_stage():
    # Korthikanti et al. 2022, arXiv:2205.05198, section 4.2.3: 1 + (p − 1)/(p·m) with m interleaved stages.
    assert in_flight(Flow("1f1b", 8, 3, 64)) / in_flight(Flow("1f1b", 8, 1, 64)) == pytest.approx(1 + 7 / (8 * 3))


@pytest.mark.parametrize("size", [("gpipe", 3, 1, 5), ("1f1b", 4, 1, 7), ("1f1b", 4, 2, 8), ("zero-bubble", 4, 1, 9)])
def test_a_timeline_does_all_work_once_in_order_and_one_piece_at_a_time(size: Size):
    schedule, p, v, m = size
    made = simulate(Flow(*size), [1.0, 1.2, 0.9, 1.1][:p], 2.0, 0.25)
    ends = {(e.kind, e.micro_batch, e.chunk * p + e.device): e.end for e in made.events}
    kinds = "FBW" if schedule == "zero-bubble" else "FB"
    assert len(ends) == len(made.events) == len(kinds) * m * p * v
    by_device = defaultdict(list)
    for event in made.events:
        place = event.chunk * p + event.device
        by_device[event.device].append(event)
        before = {"F": ("F", place - 1, 0.25), "B": ("B", place + 1, 0.25), "W": ("B", place, 0.0)}[event.kind]
        if event.kind == "B" and place == p * v - 1:
            before = ("F", place, 0.0)
        if before[1] >= 0:
            assert event.start >= ends[before[0], event.micro_batch, before[1]] + before[2] - 1e-12
    for events in by_device.values():
        assert all(first.end <= then.start for first, then in itertools.pairwise(events))
    assert made.makespan_seconds == max(event.end for event in made.events)


def test_many_layouts_at_once_give_what_each_gives_alone():
    p, v, m = np.array([1, 2, 4, 8]), np.array([1, 2, 1, 3]), np.array([[8], [16]])
    forward, last = np.array([1.0, 1.1, 1.2, 1.3]), np.array([1.0, 1.2, 1.0, 1.1])
    for function in (pipeline_seconds, bubble_seconds):
        many = function(Flow("1f1b", p, v, m), forward, 2.0, 0.01, last=last)
        alone = [
            [function(Flow("1f1b", p[k], v[k], n), forward[k], 2.0, 0.01, last=last[k]) for k in range(4)]
            for n in m[:, 0]
        ]
        np.testing.assert_allclose(np.asarray(many), np.array(alone))
    held = [[in_flight(Flow("1f1b", p[k], v[k], n)) for k in range(4)] for n in m[:, 0]]
    np.testing.assert_allclose(np.asarray(in_flight(Flow("1f1b", p, v, m))), np.array(held))


def test_a_single_stage_has_no_bubble_and_holds_embedding_and_head():
    for schedule in SCHEDULES:
        seconds = pipeline_seconds(Flow(schedule, 1, 1, 6), 1.0, 2.0, 0.5, first=1.1, last=1.2)
        assert seconds == pytest.approx(6 * 3.0 * 1.3)
        assert bubble_seconds(Flow(schedule, 1, 1, 6), 1.0, 2.0, 0.5, first=1.1, last=1.2) == pytest.approx(0)


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (("1f1b", 4, 2, 6), "4 stages, interleave 2 and 6 micro-batches"),
        (("gpipe", 4, 2, 8), "no gpipe pipeline has 4 stages, interleave 2"),
        (("1f1b", np.array([2, 0]), 1, 8), "no 1f1b pipeline has 0 stages"),
    ],
)
def test_a_pipeline_that_does_not_exist_is_refused_by_its_sizes(size: Size, told: str):
    for call in (lambda: in_flight(Flow(*size)), lambda: pipeline_seconds(Flow(*size), 1.0, 2.0, 0.0)):
        with pytest.raises(InputError, match=told):
            call()


def test_times_that_fit_no_pipeline_are_refused():
    with pytest.raises(InputError, match="got 3 times for 4 stages"):
        simulate(Flow("1f1b", 4, 1, 8), [1.0, 2.0, 3.0], 2.0, 0.0)
    with pytest.raises(InputError, match=r"weight_share 0\.7"):
        pipeline_seconds(Flow("zero-bubble", 4, 1, 8), 1.0, 2.0, 0.0, weight_share=0.7)
