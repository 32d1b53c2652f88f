import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from froude.errors import InputError
from froude.tank import Corpus, build_corpus
from froude.tank import corpus as module
from tiny import text, write_corpus

RNG = np.random.default_rng(5)
WORDS = [b"alpha", b"beta", b"gamma", b"delta", b"epsilon", b"zeta", b"eta", b"theta"]


def source(seed: int, lines: int = 120) -> list[bytes]:
    """Lines of a program that no other seed shares."""
    rng = np.random.default_rng(seed)
    return [b"%s = %s(%d)" % (*rng.choice(WORDS, 2), rng.integers(10**9)) for _ in range(lines)]


def write_lines(path: Path, lines: list[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\n".join(lines))


def sides(corpus: Corpus) -> dict[str, str]:
    """Side of each file."""
    return {file["name"].partition("/")[2]: file["side"] for file in corpus.manifest["files"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighty files of 5000 bytes."""
    return write_corpus(tmp_path_factory.mktemp("corpus") / "texts")


def test_files_with_the_same_bytes_are_kept_once(tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "texts")
    once = build_corpus(folder)
    shutil.copytree(folder, folder / "vendored" / "again")
    (folder / "empty.txt").touch()
    twice = build_corpus(folder)
    assert twice.hash == once.hash
    assert twice.manifest["kept_bytes"] == once.manifest["kept_bytes"] == 80 * 5000
    assert (twice.manifest["dropped_files"], twice.manifest["dropped_bytes"]) == (80, 80 * 5000)
    assert (once.manifest["dropped_files"], once.manifest["dropped_bytes"]) == (0, 0)


@pytest.mark.parametrize("copies", [1, 80], ids=["one-copy", "more-copies-than-a-line-may-have-to-be-telling"])
def test_a_near_copy_lies_on_the_side_of_its_original(tmp_path: Path, copies: int) -> None:
    for work in range(120 // copies):
        lines = source(work)
        write_lines(tmp_path / f"{work}.py", lines)
        for copy in range(copies):
            changed = list(lines)
            changed[7 + copy : 10 + copy] = source(1000 * work + copy + 500, 3)  # a few lines patched
            write_lines(tmp_path / "vendored" / f"{work}-{copy}.py", [b"# vendored %d" % copy, *changed])
    if copies > 1:
        write_corpus(tmp_path / "others")
    found = sides(build_corpus(tmp_path))
    assert set(found.values()) == {"train", "validation"}
    for work in range(120 // copies):
        assert {found[f"vendored/{work}-{copy}.py"] for copy in range(copies)} == {found[f"{work}.py"]}


def test_files_that_share_a_licence_only_are_told_apart(tmp_path: Path) -> None:
    licence = source(10**6, 120)
    for work in range(60):
        write_lines(tmp_path / f"{work}.py", [*licence, *source(work, 170)])
    manifest = build_corpus(tmp_path).manifest
    assert 0.04 <= manifest["validation_bytes"] / manifest["kept_bytes"] < 0.08


def test_each_file_lies_whole_on_one_side(folder: Path) -> None:
    corpus = build_corpus(folder)
    whole = {side: getattr(corpus, side).tobytes() for side in ("train", "validation")}
    for name, side in sides(corpus).items():
        assert (folder / name).read_bytes() in whole[side]
    assert len(whole["train"]) + len(whole["validation"]) == 80 * 5000
    assert 0.04 <= len(whole["validation"]) / (80 * 5000) < 0.08


@given(order=st.permutations(range(80)))
@settings(max_examples=5)
def test_the_same_files_give_one_corpus_whatever_their_names(folder: Path, order: list[int]) -> None:
    pieces = [module.Piece(name=f"{i}", data=(folder / f"{i:03}.txt").read_bytes()) for i in order]
    shuffled = module.split_corpus(pieces, [], 0, "here")
    original = build_corpus(folder)
    assert shuffled.hash == original.hash
    assert np.array_equal(shuffled.train, original.train)
    assert np.array_equal(shuffled.validation, original.validation)


def test_another_byte_gives_another_hash(folder: Path, tmp_path: Path) -> None:
    other = shutil.copytree(folder, tmp_path / "texts")
    assert build_corpus(other).hash == build_corpus(folder).hash
    data = bytearray((other / "000.txt").read_bytes())
    data[0] ^= 1
    (other / "000.txt").write_bytes(data)
    assert build_corpus(other).hash != build_corpus(folder).hash


def test_one_large_file_is_cut_so_that_part_of_it_can_be_held_out(tmp_path: Path) -> None:
    data = text(np.random.default_rng(0), 300_000)
    (tmp_path / "book.txt").write_bytes(data)
    corpus = build_corpus(tmp_path / "book.txt")
    pieces = {file["name"]: file["bytes"] for file in corpus.manifest["files"]}
    assert sum(pieces.values()) == len(data)
    assert max(pieces.values()) <= 0.02 * len(data)
    assert all(name.startswith("book.txt[") for name in pieces)
    assert 0.03 < len(corpus.validation) / len(data) < 0.07
    held_out = corpus.validation.tobytes()
    assert held_out[:1000] in data


def test_any_bytes_are_a_corpus(tmp_path: Path) -> None:
    for i in range(60):
        (tmp_path / f"{i}.bin").write_bytes(RNG.bytes(6000))
    corpus = build_corpus(tmp_path)
    assert corpus.train.dtype == corpus.validation.dtype == np.uint8
    assert set(np.unique(corpus.train)) == set(range(256))
    assert corpus.manifest["kept_bytes"] == 360_000


def test_what_is_no_readable_file_is_passed_over_and_counted(folder: Path, tmp_path: Path) -> None:
    other = shutil.copytree(folder, tmp_path / "texts")
    os.mkfifo(other / "pipe")
    (other / "dangling").symlink_to(other / "nothing")
    corpus = build_corpus(other)
    assert corpus.hash == build_corpus(folder).hash
    assert corpus.manifest["unreadable_files"] == 2


def few(folder: Path) -> None:
    (folder / "a.txt").write_bytes(RNG.bytes(1000))


def copies(folder: Path) -> None:
    lines = source(0, 300)
    for i in range(60):
        write_lines(folder / f"{i}.txt", [*lines, b"copy number %d" % i])


def absent(folder: Path) -> None:
    folder.rmdir()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (few, "keeps 1000 bytes after deduplication: it needs 262144 or more"),
        (lambda folder: None, "keeps 0 bytes"),
        (copies, "is copies of one file: give files that differ"),
        (absent, "no corpus at .*: name a folder or a file that exists"),
    ],
)
def test_a_corpus_that_cannot_serve_is_refused_in_one_line(tmp_path: Path, make: Any, says: str) -> None:
    (tmp_path / "given").mkdir()
    make(tmp_path / "given")
    with pytest.raises(InputError, match=says) as caught:
        build_corpus(tmp_path / "given")
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "given") in str(caught.value)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Path]:
    """A machine with a standard library and two packages, in its folder, of 400 kB each."""
    library = write_corpus(tmp_path / "lib", seed=1)
    packages = library / "site-packages"
    write_corpus(packages / "anna", seed=2)
    write_corpus(packages / "zoe", seed=3)
    for path in tmp_path.rglob("*.txt"):
        path.rename(path.with_suffix(".py"))
    (library / "notes.txt").write_bytes(RNG.bytes(100))
    paths = {"stdlib": library, "purelib": packages}
    monkeypatch.setattr("froude.tank.corpus.sysconfig.get_paths", lambda: {k: str(v) for k, v in paths.items()})
    return paths


@pytest.mark.parametrize(
    ("wanted", "roots"), [(0, {"stdlib"}), (400_001, {"stdlib", "anna"}), (10**9, {"stdlib", "anna", "zoe"})]
)
def test_the_standard_library_comes_before_packages(
    installed: Mapping[str, Path], wanted: int, roots: set[str]
) -> None:
    corpus = build_corpus(wanted_bytes=wanted)
    names = [file["name"] for file in corpus.manifest["files"]]
    assert {name.removeprefix("packages/").split("/")[0] for name in names} == roots
    assert len(names) == 80 * len(roots)
    assert all(name.endswith(".py") for name in names)


def test_a_machine_without_installed_packages_has_its_standard_library(installed: Mapping[str, Path]) -> None:
    shutil.rmtree(installed["purelib"])
    assert build_corpus(wanted_bytes=10**9).manifest["kept_files"] == 80


def test_a_corpus_is_opened_as_it_was_saved(folder: Path, tmp_path: Path) -> None:
    corpus = build_corpus(folder)
    corpus.save(tmp_path)
    loaded = Corpus.load(tmp_path)
    assert loaded.manifest == corpus.manifest
    assert np.array_equal(loaded.train, corpus.train)
    assert np.array_equal(loaded.validation, corpus.validation)
