"""guidellm itself against a server of known latencies: what it writes is read back (`-m loadtests`, with its extra)."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from froude.runs.load_tests.known_readers import load_test_points
from froude.runs.load_tests.point import ServingPoint
from openai_server import MODEL, Pace, serving

pytestmark = pytest.mark.loadtests

PACE = Pace(first_seconds=0.05, chunk_seconds=0.02, chunk_tokens=3, failing=7)
TOKENS, REQUESTS = 12, 20


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> tuple[ServingPoint, ...]:
    """The points of a run with two numbers of users."""
    folder = tmp_path_factory.mktemp("guidellm")
    prompts = [{"prompt": "ship " * 32, "output_tokens_count": TOKENS}] * (2 * REQUESTS)
    (folder / "prompts.jsonl").write_text("".join(json.dumps(one) + "\n" for one in prompts))
    with serving(PACE) as url:
        words = [
            *("run", "--backend", f"kind=openai_http,target={url},model={MODEL},max_tokens={TOKENS}"),
            *("--data", f"kind=json_file,path={folder / 'prompts.jsonl'}"),
            *("--profile", json.dumps({"kind": "concurrent", "streams": [1, 2]})),
            *("--constraint", f"kind=max_requests,count={REQUESTS}", "--label", "machine=1 x h100"),
            *("--output", f"kind=json,path={folder / 'report.json'}", "--disable-console"),
        ]
        offline = {"HF_HUB_OFFLINE": "1", "GUIDELLM__MAX_WORKER_PROCESSES": "1"}
        subprocess.run([sys.executable, "-m", "guidellm", *words], env=os.environ | offline, check=True, timeout=600)
    return load_test_points(folder / "report.json")


def test_guidellm_tells_of_each_number_of_users(points: tuple[ServingPoint, ...]) -> None:
    assert [point.concurrency for point in points] == [1, 2]
    assert [point.stated for point in points] == [{"model": MODEL, "machine": "1 x h100"}] * 2
    assert [point.output for point in points] == [TOKENS] * 2
    for point in points:
        assert (point.requests or 0) + (point.failed or 0) == REQUESTS
        assert point.failed in (2, 3)


def test_latencies_of_guidellm_are_those_of_the_server(points: tuple[ServingPoint, ...]) -> None:
    chunks = TOKENS // PACE.chunk_tokens
    least = (chunks - 1) * PACE.chunk_seconds / (TOKENS - 1)
    for point in points:
        assert (point.ttft.mean or 0) >= PACE.first_seconds
        assert (point.tpot.mean or 0) >= least
        assert np.isclose(point.e2e.mean or 0, (point.ttft.mean or 0) + (TOKENS - 1) * (point.tpot.mean or 0))
        assert point.ttft.percentiles[50] >= PACE.first_seconds


def test_guidellm_counts_the_first_token_in_its_time_per_token(points: tuple[ServingPoint, ...]) -> None:
    for point in points:
        (note,) = (note for note in point.notes if note.startswith("time_per_output_token_ms"))
        assert note.endswith("it counts the first token's time")
