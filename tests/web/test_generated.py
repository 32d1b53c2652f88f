"""Requests generated from the application's own OpenAPI: whatever is asked, it answers or refuses, and never breaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from webbed import HEADERS, client_of, fill_folder

pytestmark = pytest.mark.pages

EACH = 45
"""Requests of each operation; there are more than 25."""

SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large, HealthCheck.large_base_example)

LIKELY = {
    "path": ["pilots", "runs.csv", "adam.csv", "fit.json", "forecasts/large.json", "chinchilla", "nowhere"],
    "law": ["auto", "chinchilla", "power", "step-law-lr", "no-law"],
    "at": ["C=1e24", "N=7B,D=140B", "C", "=", "N=-1"],
    "where": ["N > 1e9", "loss <", "id = 'a'", "1", "nothing > 2"],
    "columns": ["N=params", "loss=D", "N", "=", "N=N,N=D"],
    "model": ["qwen2.5-0.5b", "llama-3.1-70b", "no-model"],
    "machine": ["8 x h100", "0 x h100", "h100", "1e9 x a100-80"],
    "load": ["8 users", "3/s", "0 users", "-1/s", "1e99 users"],
    "fit": ["fit.json", "chinchilla", "runs.csv"],
    "sort": ["loss", "-N", "id", "none"],
    "record": ["kivi", "none"],
    "x": ["N", "C", "loss"],
    "by": ["id", "none"],
}
NUMBERS = ["1", "1e9", "-1", "0", "nan", "inf", "1e400", "7B", "10 days", "²", "1,000"]


def values_of(name: str) -> st.SearchStrategy[str]:
    """What is asked for under a name: what somebody could mean, numbers of all sorts, and any text."""
    return st.sampled_from([*LIKELY.get(name, []), *NUMBERS]) | st.text(max_size=12)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return client_of(fill_folder(tmp_path_factory.mktemp("web") / "folder"), raises=False)


def ask_all(operation: Any, number: int, note: Callable[[str, str, Any], None]) -> None:
    """Asks an operation what Schemathesis makes of its schema, and what a person would get wrong."""
    choices = settings(max_examples=EACH, deadline=None, phases=[Phase.generate], suppress_health_check=SLOW)
    names = [each.name for each in operation.query]

    @seed(number)
    @choices
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        note(case.method, case.formatted_path, case.query or {})

    @seed(number)
    @choices
    @given(data=st.data())
    def ask_what_is_likely(data: st.DataObject) -> None:
        wanted = [name for name in names if data.draw(st.integers(0, 3))]
        note(operation.method, operation.path, {name: data.draw(values_of(name)) for name in wanted})

    ask()
    ask_what_is_likely()


def test_a_thousand_generated_requests_find_no_error_of_the_server(client):
    schemathesis = pytest.importorskip("schemathesis")
    schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
    statuses: Counter[int] = Counter()
    broken: dict[str, str] = {}
    operations = [result.ok() for result in schema.get_all_operations()]

    def note(method: str, path: str, query: Any) -> None:
        reply = client.request(method, path, params=query, headers=HEADERS)
        statuses[reply.status_code] += 1
        if reply.status_code >= 500:
            broken[f"{method} {path}?{query}"] = reply.text[:300]

    for number, operation in enumerate(operations):
        ask_all(operation, number, note)
    print(dict(statuses), f"{len(operations)} operations")
    assert sum(statuses.values()) >= 1000
    assert {200, 400} <= {*statuses}
    assert broken == {}
