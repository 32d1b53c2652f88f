"""At every event of a replica nothing is lost: pages, keys, requests; and jumps over iterations change nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from froude.cost.serving.simulation import Requests
from froude.cost.serving.simulation.pages import Pages
from serving_simulated import broken_books, lengths, replica_of

CASES = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10**6),
        "pages": st.integers(26, 90),
        "page": st.sampled_from([1, 16]),
        "prompts": st.sampled_from(["beside", "first"]),
        "chunk": st.integers(8, 200),
        "sequences": st.integers(1, 12),
        "promised": st.sampled_from([0.0, 0.7, 1.0]),
        "swap": st.booleans(),
        "users": st.one_of(st.none(), st.integers(1, 20)),
        "sharing": st.booleans(),
    }
)


def requests_of(case) -> Requests:
    rng = np.random.default_rng(case["seed"])
    prompts, answers = lengths(rng, 40)
    hashes = [[int(one) for one in rng.integers(0, 3, 4)] for _ in prompts]
    hashes = [[sum(h[: i + 1]) * 10 + i for i in range(len(h))] for h in hashes]
    arrival = np.cumsum(rng.exponential(0.02, 40)) if case["users"] is None else None
    return Requests(input=prompts, output=answers, arrival=arrival, users=case["users"], hashes=hashes, block=32)


def replica_for(case):
    names = ("prompts", "chunk", "sequences", "promised", "sharing")
    pages = case["pages"] * (16 if case["page"] == 1 else 1)
    swap = 1e-6 if case["swap"] else None
    own = {name: case[name] for name in names}
    return replica_of(requests_of(case), pages=pages, page=case["page"], swap_seconds=swap, **own)


@settings(max_examples=60, deadline=None)
@given(CASES)
def test_pages_and_tokens_are_conserved_at_every_event(case):
    replica = replica_for(case)
    entered = sum(replica.ledger.input)
    while replica.step():
        assert broken_books(replica) == []
    ledger = replica.ledger
    assert replica.pages.free + replica.cache.held == replica.pages.total
    assert (replica.commitment, replica.contexts, replica.progress, replica.shared) == (0, 0, {}, {})
    times = np.array([ledger.reached, ledger.started, ledger.first, ledger.finished])
    assert np.all(np.diff(times, axis=0) >= 0)  # which NaN is not
    assert sum(ledger.reused) <= entered


@settings(max_examples=30, deadline=None)
@given(CASES)
def test_jumps_end_where_single_iterations_end(case):
    jumping, walking = replica_for(case), replica_for(case)
    jumping.run()
    while walking.step(np.nextafter(walking.now, np.inf)) or walking.inbox:
        if not walking.active and not walking.waiting:
            walking.step()
    assert walking.iteration == jumping.iteration
    assert walking.ledger.evictions == jumping.ledger.evictions
    for name in ("first", "finished"):
        assert getattr(walking.ledger, name) == pytest.approx(getattr(jumping.ledger, name), rel=1e-6)


@given(st.lists(st.integers(1, 100), min_size=1, max_size=9), st.integers(0, 50), st.integers(1, 80))
def test_pages_of_many_iterations_are_those_request_by_request(stored, iteration, count):
    pages = Pages(10**6, 16)
    for tokens in stored:
        pages.join(tokens, iteration)
    assert pages.grown(iteration, count) == sum(pages.of(n + count) - pages.of(n) for n in stored)
    room = pages.grown(iteration, count)
    fitting = pages.fitting(iteration, 200, room)
    assert pages.grown(iteration, fitting) <= room
    assert fitting == 200 or pages.grown(iteration, fitting + 1) > room


SMALL = {
    "seed": 1,
    "pages": 30,
    "page": 16,
    "prompts": "beside",
    "chunk": 64,
    "sequences": 8,
    "promised": 0.0,
    "swap": False,
    "users": 12,
    "sharing": False,
}


def test_a_wrong_page_is_found():
    replica = replica_for(SMALL)
    for _ in range(6):
        replica.step()
    replica.pages.taken += 1
    assert {"pages", "taken"} <= {*broken_books(replica)}


@pytest.mark.parametrize("swap", [False, True])
def test_few_pages_make_requests_leave_and_come_back(swap):
    replica = replica_for({**SMALL, "swap": swap})
    replica.run()
    assert sum(replica.ledger.evictions) > 5


def test_room_for_whole_answers_makes_nobody_leave():
    replica = replica_for({**SMALL, "promised": 1.0})
    replica.run()
    assert sum(replica.ledger.evictions) == 0


def test_shared_blocks_are_not_computed_again():
    replica = replica_for({**SMALL, "pages": 90, "sharing": True})
    replica.run()
    assert sum(replica.ledger.reused) > 500
