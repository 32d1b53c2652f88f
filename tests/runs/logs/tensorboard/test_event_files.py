"""Event files of TensorBoard are read without its library: whole, torn, continued, with their configuration."""

import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from froude.errors import InputError
from froude.runs.logs.logged_run import LoggedRun
from froude.runs.logs.tensorboard.crc32c import masked_crc32c as fast_sum
from froude.runs.logs.tensorboard.folder import TensorBoardReader
from tracker_logs import event_file, masked_crc32c, message, scalar, text_event


def read(path: Path) -> dict[str, LoggedRun]:
    assert TensorBoardReader().recognises(path)
    return {run.id: run for run in TensorBoardReader().logs(path)}


def points(run: LoggedRun, tag: str) -> list[tuple[float, float]]:
    series = run.series[tag]
    assert series.x == "step"
    return list(zip(series.at.tolist(), series.values.tolist(), strict=True))


def events(name: int, *number: int) -> str:
    return ".".join(["events.out.tfevents", str(name), "host", *map(str, number)])


def value_event(step: int, *fields: tuple) -> bytes:
    return message((1, 1.5), (2, step), (5, message((1, message(*fields)))))


# Certified: RFC 3720, appendix B.4, masked as TensorFlow does it.
@pytest.mark.parametrize(
    ("data", "crc"),
    [(bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43), (bytes(range(32)), 0x46DD794E), (b"123456789", 0xE3069283)],
)
def test_sums_are_those_of_the_standard(data, crc):
    masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32
    assert masked_crc32c(data) == masked
    assert fast_sum(np.frombuffer(data, np.uint8), np.array([0]), np.array([len(data)])).tolist() == [masked]


def test_sums_of_many_lengths_are_those_taken_bit_by_bit():
    data = np.random.default_rng(0).bytes(40_000)
    begins = np.array([0, 7, 100, 5, 0, 11, 3000])
    sizes = np.array([1, 3, 1023, 1024, 1025, 30_001, 8192])
    sums = fast_sum(np.frombuffer(data, np.uint8), begins, sizes)
    assert sums.tolist() == [masked_crc32c(data[b : b + s]) for b, s in zip(begins, sizes, strict=True)]


def test_scalars_are_read_under_the_folder_of_their_file(tmp_path):
    event_file(tmp_path / "a" / events(1), [scalar("loss", i, 4 - 0.5 * i) for i in range(3)])
    event_file(tmp_path / "b" / "c" / events(1), [scalar("loss", 0, 1.0), scalar("acc", 2**40, 0.5)])
    runs = read(tmp_path)
    assert {id: run.name for id, run in runs.items()} == {"a": "a", "b/c": "b/c"}
    assert points(runs["a"], "loss") == [(0, 4), (1, 3.5), (2, 3)]
    assert points(runs["b/c"], "acc") == [(2**40, 0.5)]
    assert (runs["a"].state, runs["a"].notes) == ("unknown", ())
    (alone,) = read(tmp_path / "a").values()
    assert (alone.id, alone.name) == (".", "a")


@pytest.mark.parametrize(
    ("tensor", "value"),
    [
        (message((1, 1), (2, b""), (5, struct.pack("<f", 0.1))), float(np.float32(0.1))),
        (message((1, 1), (4, struct.pack("<f", -2.5))), -2.5),
        (message((1, 2), (6, struct.pack("<d", 0.1))), 0.1),
        (message((1, 2), (4, struct.pack("<d", 1e300))), 1e300),
        (message((1, 9), (10, b"\x96\x01")), 150.0),
        (message((1, 3), (7, 2**64 - 3)), -3.0),
        (message((1, 9), (2, message((2, message((1, 1))))), (4, struct.pack("<q", 2**40))), 2.0**40),
    ],
)
def test_a_tensor_of_one_number_is_a_scalar(tmp_path, tensor, value):
    event_file(tmp_path / events(1), [value_event(7, (1, "x"), (8, tensor)), value_event(8, (1, "x"), (8, tensor))])
    assert points(read(tmp_path)["."], "x") == [(7, value), (8, value)]


def test_pictures_histograms_and_arrays_are_left_out_and_said(tmp_path):
    array = message((1, 1), (2, message((2, message((1, 2))))), (4, bytes(8)))
    values = [value_event(1, (1, "image"), (4, b"png")), value_event(1, (1, "hist"), (5, b""))]
    event_file(tmp_path / events(1), [*values, value_event(1, (1, "array"), (8, array)), scalar("loss", 1, 2.0)])
    run = read(tmp_path)["."]
    assert [*run.series] == ["loss"]
    assert run.notes == (
        "tags that hold no numbers (histogram, image, tensor) were left out: 'image', 'hist', 'array'",
    )


def test_several_values_of_one_event_are_all_read(tmp_path):
    one, two = (message((1, tag)) + b"\x15" + struct.pack("<f", value) for tag, value in (("a", 1.0), ("b", 2.0)))
    event = message((1, 1.5), (2, 3), (5, message((1, one), (1, two))))
    event_file(tmp_path / events(1), [event, event, scalar("b", 4, 7.0), scalar("b", 5, 8.0)])
    assert points(read(tmp_path)["."], "a") == [(3, 1), (3, 1)]
    assert points(read(tmp_path)["."], "b") == [(3, 2), (3, 2), (4, 7), (5, 8)]


# A run in several files


def test_a_later_file_that_steps_back_replaces_what_was_there(tmp_path):
    event_file(tmp_path / events(20), [scalar("loss", i, 10.0 + i) for i in (3, 4)])
    event_file(tmp_path / events(9), [scalar("loss", i, float(i)) for i in range(6)] + [scalar("val", 5, 1.0)])
    event_file(tmp_path / events(20, 2), [scalar("loss", 5, 7.0)])
    run = read(tmp_path)["."]
    assert points(run, "loss") == [(0, 0), (1, 1), (2, 2), (3, 13), (4, 14), (5, 7)]
    assert points(run, "val") == [(5, 1)]


def test_a_session_that_starts_at_a_step_voids_what_came_after(tmp_path):
    start = message((1, 1.5), (2, 2), (7, message((1, 1))))
    values = [scalar("loss", i, float(i)) for i in range(4)] + [scalar("val", 3, 1.0)]
    event_file(tmp_path / events(1), [*values, start, scalar("loss", 2, 9.0)])
    run = read(tmp_path)["."]
    assert points(run, "loss") == [(0, 0), (1, 1), (2, 9)]
    assert "val" not in run.series


# Configuration


def session(config: dict[str, bytes]) -> bytes:
    pairs = [(1, message((1, name), (2, value))) for name, value in config.items()]
    plugin = message((1, "hparams"), (2, message((3, message(*pairs)))))
    return value_event(0, (1, "_hparams_/session_start_info"), (9, message((1, plugin))))


def test_hyperparameters_are_the_configuration_of_the_run_above(tmp_path):
    values = {
        "lr": message((2, 0.001)),
        "layers": message((2, 12.0)),
        "name": message((3, "gpt")),
        "f": message((4, 1)),
    }
    event_file(tmp_path / "a" / events(1), [scalar("loss", 0, 2.0)])
    event_file(tmp_path / "a" / "1796098249.3153338" / events(2), [session(values), scalar("loss", 0, 1.5)])
    runs = read(tmp_path)
    assert [*runs] == ["a"]
    assert runs["a"].config == {"lr": 0.001, "layers": 12, "name": "gpt", "f": True}
    assert (points(runs["a"], "loss"), runs["a"].summary) == ([(0, 2.0)], {"loss": 1.5})


def test_texts_of_a_configuration_are_read_and_samples_left_out(tmp_path):
    table = "|param|value|\n|-|-|\n|lr|0.1|\n|name|gpt|"
    texts = {
        "args/text_summary": '{"lr": 0.1, "deep": {"a": [1]}}',
        "hyperparameters/text_summary": table,
        "seq": "1024",
    }
    samples = [text_event("sample", body, step) for step, body in enumerate(("once", "upon"))]
    event_file(tmp_path / events(1), [*(text_event(tag, body) for tag, body in texts.items()), *samples])
    run = read(tmp_path)["."]
    assert run.config == {
        "args": {"lr": 0.1, "deep": {"a": [1]}},
        "hyperparameters": {"lr": 0.1, "name": "gpt"},
        "seq": 1024,
    }
    assert run.notes == ("tags that hold no numbers (text) were left out: 'sample'",)


# Broken files


def long_file(path: Path) -> Path:
    """Scalars of two tags, and records longer than what is summed at once."""
    values = [scalar("loss", i, 900.5 - i) for i in range(300)] + [scalar("lr", i, 0.5 * i) for i in range(300)]
    return event_file(path, [*values[:200], value_event(5, (1, "image"), (4, b"\x07" * 9000)), *values[200:]])


def test_a_file_cut_anywhere_gives_the_values_before_and_says_where(tmp_path):
    path = long_file(tmp_path / events(1))
    body = path.read_bytes()
    for cut in np.random.default_rng(1).integers(1, len(body), 200).tolist():
        path.write_bytes(body[:cut])
        run = read(tmp_path)["."]
        rows = points(run, "loss") if run.series else []
        assert rows == [(i, 900.5 - i) for i in range(len(rows))]
        ends = ("breaks off at byte", "left out: 'image'")
        assert any(end in note for note in run.notes for end in ends) or not is_within_a_record(body, cut)


def is_within_a_record(body: bytes, cut: int) -> bool:
    at = 0
    while at < cut:
        at += struct.unpack_from("<Q", body, at)[0] + 16
    return at != cut


def test_a_broken_byte_never_becomes_a_wrong_number(tmp_path):
    path = long_file(tmp_path / events(1))
    body = path.read_bytes()
    for at in np.random.default_rng(2).integers(0, len(body), 200).tolist():
        flipped = bytearray(body)
        flipped[at] ^= 1 << at % 8
        path.write_bytes(bytes(flipped))
        run = read(tmp_path)["."]
        rows = points(run, "loss") if "loss" in run.series else []
        assert set(rows) <= {(i, 900.5 - i) for i in range(300)}
        assert any("broken" in note or "breaks off" in note for note in run.notes), at


def test_what_is_no_event_file_is_refused(tmp_path):
    path = tmp_path / events(1)
    path.write_bytes(b"no events at all, but bytes")
    with pytest.raises(InputError, match="holds no events"):
        read(path)
    assert "breaks off at byte 0" in read(tmp_path)["."].notes[0]
    path.unlink()
    assert not TensorBoardReader().recognises(tmp_path)
    with pytest.raises(InputError, match="no event file"):
        list(TensorBoardReader().logs(tmp_path))


def test_a_large_record_is_passed_over_and_memory_stays_small(tmp_path):
    path = event_file(tmp_path / events(1), [scalar("loss", 0, 1.0)])
    size = struct.pack("<Q", 40 * 2**20)
    with path.open("ab") as file:
        file.write(size + struct.pack("<I", masked_crc32c(size)))
        file.truncate(file.tell() + 40 * 2**20 + 4)
        file.seek(0, 2)
        event = scalar("loss", 1, 2.0)
        size = struct.pack("<Q", len(event))
        file.write(size + struct.pack("<I", masked_crc32c(size)) + event + struct.pack("<I", masked_crc32c(event)))
    read(tmp_path)
    tracemalloc.start()
    run = read(tmp_path)["."]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert points(run, "loss") == [(0, 1), (1, 2)]
    assert "a record of 40 MiB" in run.notes[0]
    assert peak < 8 * 2**20
