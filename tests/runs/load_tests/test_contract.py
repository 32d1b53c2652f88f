"""What every reader of load tests promises: the same numbers in seconds, or a line on what is missing or torn."""

from pathlib import Path

import numpy as np
import pytest

from froude.errors import InputError
from froude.runs import read_runs
from froude.runs.load_tests.known_readers import LOAD_TEST_READERS, find_load_test_reader, load_test_points
from froude.runs.load_tests.table import has_serving_rows, serving_table
from load_tests_written import MEMBERS, MODEL, TEST, LoadTestMember

every_member = pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.write.__name__)


def test_every_reader_of_load_tests_is_under_the_contract() -> None:
    assert {*LOAD_TEST_READERS} == {member.reader for member in MEMBERS}


@every_member
def test_a_reader_of_load_tests_knows_its_own_only(member: LoadTestMember, tmp_path: Path) -> None:
    assert all(member.reader.kinds)
    for other in MEMBERS:
        path = other.write(tmp_path)
        assert find_load_test_reader(path) == other.reader
        assert member.reader.recognises(path.read_text()[:10000]) == (member.reader == other.reader)


@every_member
def test_latencies_of_a_load_test_come_back_in_seconds(member: LoadTestMember, tmp_path: Path) -> None:
    (point,) = load_test_points(member.write(tmp_path))
    assert np.isclose(point.ttft.mean or 0, np.mean(TEST.ttft))
    assert np.isclose(point.e2e.mean or 0, np.mean(TEST.e2e))
    assert np.isclose(point.tpot.mean or 0, np.mean(TEST.tpot))
    assert np.isclose(point.ttft.percentiles[99], np.percentile(TEST.ttft, 99))
    assert np.isclose(point.ttft.percentiles[50], np.median(TEST.ttft))
    assert (point.input, point.output, point.concurrency, point.rate) == (512, 101, 2, None)
    assert np.isclose(point.output_tokens_per_second or 0, 4 * 101 / 3)
    assert (point.requests, point.failed) == (4, 1 if member.says_failed else None)


@every_member
def test_a_load_test_is_a_row_of_serving(member: LoadTestMember, tmp_path: Path) -> None:
    (point,) = load_test_points(member.write(tmp_path))
    runs = read_runs(member.write(tmp_path))
    assert has_serving_rows(runs)
    (row,) = serving_table(runs, model=MODEL, machine="h100", engine="vllm", tp=point.stated.get("tp", 1)).points
    assert row.stated["model"] == MODEL
    for name in ("ttft", "tpot", "e2e", "input", "output", "concurrency", "requests", "output_tokens_per_second"):
        assert getattr(row, name) == getattr(point, name), name


@every_member
def test_what_a_load_test_does_not_state_is_asked_for(member: LoadTestMember, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"machine.* not stated: add a column, .*--fix .*machine=…") as refused:
        serving_table(read_runs(member.write(tmp_path)))
    assert len(str(refused.value).splitlines()) == 1


@every_member
def test_a_torn_load_test_is_refused_in_a_line(member: LoadTestMember, tmp_path: Path) -> None:
    path = member.write(tmp_path)
    body = path.read_bytes()
    for place in range(len(body) // 2, len(body), len(body) // 7):
        path.write_bytes(body[:place])
        with pytest.raises(InputError, match=path.name) as refused:
            read_runs(path)
        assert len(str(refused.value).splitlines()) == 1


@every_member
def test_numbers_that_cannot_be_are_refused_in_a_line(member: LoadTestMember, tmp_path: Path) -> None:
    path = member.write(tmp_path)
    body = path.read_text()
    for mean in ('"mean_ttft_ms": ', '"mean": '):
        if mean in body:
            path.write_text(body.replace(mean, f'{mean}"x", "was": '))
            with pytest.raises(InputError, match="where a number from 0 is meant"):
                read_runs(path)
