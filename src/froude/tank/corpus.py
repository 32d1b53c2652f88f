"""The corpus: bytes of files, deduplicated, split into train and validation by file.

Files with the same content are dropped first. Files that share most of their distinct lines (a vendored near-copy) stay
on one side of the split. The split depends on content alone, so the same files give the same manifest on any machine.
"""

import hashlib
import json
import os
import stat
import sysconfig
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import combinations, pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, final, get_args

import msgspec
import numpy as np

from froude.documents.bytes_of_files import bytes_of
from froude.documents.checking import as_type
from froude.documents.document_error import DocumentError
from froude.documents.json_text import parse_json
from froude.errors import InputError, shown
from froude.files import write_file

Side = Literal["train", "validation"]
SIDES: tuple[Side, ...] = get_args(Side)
MANIFEST = "manifest.json"

VALIDATION_SHARE = 0.04  # of the bytes kept
SMALLEST_CORPUS_BYTES = 256 * 1024  # below it, neither side can be measured
LARGEST_PIECE_SHARE = 0.02  # a file above this share of the corpus is cut into contiguous pieces
LARGEST_WORK_SHARE = 0.03  # of validation that one work may be: a loss that hangs on a few works is no law's loss
SKETCH = 32  # smallest line hashes kept a file: estimates the Jaccard similarity within about 0.09
SAME_WORK = 0.5  # Jaccard similarity of distinct lines from which two files count as near-copies
SHORTEST_LINE = 12  # shorter lines ("else:", "return x") say nothing about origin
COMMON_LINE = 64  # a line in more files than this, of a licence say, is compared between neighbours only


@final
@dataclass(frozen=True, kw_only=True)
class Piece:
    """A file, or a contiguous part of a large one."""

    name: str
    data: bytes

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the bytes, hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


@final
@dataclass(frozen=True, kw_only=True)
class FileEntry:
    """A piece as the manifest has it."""

    name: str
    bytes: Annotated[int, msgspec.Meta(ge=0)]
    sha256: str
    side: Side


@final
@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a manifest must hold; `files` are in the order of their bytes, side by side."""

    hash: str
    kept_files: int
    kept_bytes: int
    train_bytes: int
    validation_bytes: int
    dropped_files: int
    dropped_bytes: int
    unreadable_files: int
    files: tuple[FileEntry, ...]

    def on(self, side: Side) -> list[FileEntry]:
        """The files of one side."""
        return [file for file in self.files if file.side == side]


@final
@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Two byte arrays (uint8, one dimension) and the manifest that says where each byte came from."""

    train: np.ndarray
    validation: np.ndarray
    manifest: Mapping[str, Any]

    @property
    def hash(self) -> str:
        """SHA-256 over content and side of every file kept: equal corpora have equal hashes."""
        return self.manifest["hash"]

    def save(self, folder: Path) -> None:
        """Writes `train.bin`, `validation.bin` and, last, `manifest.json`, each atomically."""
        folder.mkdir(parents=True, exist_ok=True)
        write_file(folder / "train.bin", self.train.tobytes())
        write_file(folder / "validation.bin", self.validation.tobytes())
        write_file(folder / MANIFEST, json.dumps(self.manifest, indent=1).encode())

    @staticmethod
    def load(folder: Path) -> "Corpus":
        """Opens a saved corpus, whose bytes stay on disk until they are used, and checks them against its manifest.

        OSError where it is not there or cannot be read, DocumentError where it is damaged.
        """
        manifest = parse_json(bytes_of(folder / MANIFEST))
        checked = as_type(manifest, Manifest)
        sides = {side: bytes_on_disk(folder / f"{side}.bin", checked.on(side)) for side in SIDES}
        if content_hash(checked.files) != checked.hash:
            raise DocumentError("its manifest's hash is not that of its files")
        return Corpus(manifest=manifest, **sides)


def bytes_on_disk(path: Path, files: Sequence["FileEntry"]) -> np.ndarray:
    """The bytes of one side, in place. OSError where they are not there, DocumentError where they are others."""
    whole = sum(file.bytes for file in files)
    status = path.stat()
    if not stat.S_ISREG(status.st_mode) or status.st_size != whole or not whole:
        raise DocumentError(f"{path.name} has not the {whole} bytes of its manifest")
    data, end = np.memmap(path, dtype=np.uint8, mode="c"), 0
    for file in files:
        begin, end = end, end + file.bytes
        if hashlib.sha256(data[begin:end].data).hexdigest() != file.sha256:
            raise DocumentError(f"{path.name} has not the bytes of {shown(file.name)}")
    return data


def build_corpus(source: Path | None = None, *, wanted_bytes: int = 0) -> Corpus:
    """The corpus of a folder or file, or of the Python sources installed here.

    The default takes the whole standard library, then installed packages one by one until `wanted_bytes` are kept; a
    `source` is taken whole. Raises InputError where there are too few bytes to train and validate on.
    """
    roots = [(source.name, source)] if source else installed_sources()
    pieces: dict[str, Piece] = {}
    dropped, unreadable, kept_bytes = [], 0, 0
    for label, root in roots:
        if label.startswith("packages/") and kept_bytes >= wanted_bytes:
            break
        for piece in read_files(label, root, suffix="" if source else ".py"):
            if piece is None:
                unreadable += 1
            elif piece.digest in pieces:
                dropped.append(piece)
            elif piece.data:
                pieces[piece.digest] = piece
                kept_bytes += len(piece.data)
    return split_corpus(list(pieces.values()), dropped, unreadable, named=str(source or "installed Python sources"))


def installed_sources() -> Iterator[tuple[str, Path]]:
    """Label and place of the Python sources on this machine: the standard library, then package by package."""
    paths = sysconfig.get_paths()
    yield "stdlib", Path(paths["stdlib"])
    packages = Path(paths["purelib"])
    for place in sorted(packages.iterdir()) if packages.is_dir() else ():
        if place.is_dir() or place.suffix == ".py":
            yield f"packages/{place.name}", place


def read_files(label: str, root: Path, suffix: str) -> Iterator[Piece | None]:
    """Every file under `root` in the order of its name, `label/…` its name; None stands for one that cannot be read."""
    if not root.exists():
        raise InputError(f"no corpus at {root}: name a folder or a file that exists")
    for path in [root] if root.is_file() else sorted(walk(root, suffix)):
        name = label if path == root else f"{label}/{path.relative_to(root).as_posix()}"
        try:
            yield Piece(name=name, data=path.read_bytes()) if path.is_file() else None  # a pipe would wait for ever
        except OSError:
            yield None


def walk(root: Path, suffix: str) -> Iterator[Path]:
    """Files below `root` that end in `suffix`, leaving out packages inside the standard library and hidden folders."""
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in ("site-packages", "dist-packages") and name[0] != "."]
        yield from (Path(folder, name) for name in files if name.endswith(suffix))


def split_corpus(pieces: list[Piece], dropped: list[Piece], unreadable: int, named: str) -> Corpus:
    """Train and validation from deduplicated pieces: whole groups of near-copies, in the order of their hashes."""
    total = sum(len(piece.data) for piece in pieces)
    if total < SMALLEST_CORPUS_BYTES:
        raise InputError(
            f"the corpus at {named} keeps {total} bytes after deduplication: it needs {SMALLEST_CORPUS_BYTES} or more"
        )
    parts = [part for piece in pieces for part in cut(piece, int(total * LARGEST_PIECE_SHARE))]
    pieces = sorted(parts, key=lambda piece: piece.digest)
    groups = near_copies(pieces)
    largest = largest_held_out(groups, total)
    validation: list[Piece] = []
    train: list[Piece] = []
    for group in groups:
        bytes_held = sum(len(piece.data) for piece in validation)
        side = validation if bytes_held < VALIDATION_SHARE * total and group_bytes(group) <= largest else train
        side.extend(group)
    if not train or not validation:
        raise InputError(f"the corpus at {named} is copies of one file: give files that differ, to hold some out")
    sides: dict[Side, list[Piece]] = {"train": train, "validation": validation}
    return Corpus(manifest=manifest_of(sides, dropped, unreadable), **{k: joined(v) for k, v in sides.items()})


def largest_held_out(groups: list[list[Piece]], total: int) -> float:
    """The most bytes a group may have to enter validation: half of all groups may in any case."""
    return max(
        LARGEST_WORK_SHARE * VALIDATION_SHARE * total, float(np.median([group_bytes(group) for group in groups]))
    )


def group_bytes(group: list[Piece]) -> int:
    """Bytes of a group of near-copies."""
    return sum(len(piece.data) for piece in group)


def cut(piece: Piece, largest: int) -> Iterator[Piece]:
    """The piece itself, or contiguous parts of at most `largest` bytes."""
    if len(piece.data) <= largest:
        yield piece
        return
    count = -(-len(piece.data) // largest)
    for i in range(count):
        part = piece.data[i * largest : (i + 1) * largest]
        yield Piece(name=f"{piece.name}[{i + 1}/{count}]", data=part)


def joined(pieces: Iterable[Piece]) -> np.ndarray:
    """All bytes in order, uint8."""
    return np.frombuffer(bytearray().join(piece.data for piece in pieces), dtype=np.uint8)


def manifest_of(sides: Mapping[Side, list[Piece]], dropped: list[Piece], unreadable: int) -> dict[str, Any]:
    """What was kept, on which side, what was dropped, and one hash over it."""
    files = [
        FileEntry(name=piece.name, bytes=len(piece.data), sha256=piece.digest, side=side)
        for side, pieces in sides.items()
        for piece in pieces
    ]
    return {
        "hash": content_hash(files),
        "kept_files": len(files),
        "kept_bytes": sum(file.bytes for file in files),
        "train_bytes": sum(len(piece.data) for piece in sides["train"]),
        "validation_bytes": sum(len(piece.data) for piece in sides["validation"]),
        "dropped_files": len(dropped),
        "dropped_bytes": sum(len(piece.data) for piece in dropped),
        "unreadable_files": unreadable,
        "files": [asdict(file) for file in files],
        "dropped": [piece.name for piece in dropped],
    }


def content_hash(files: Iterable[FileEntry]) -> str:
    """SHA-256 over content and side of every file, in order."""
    return hashlib.sha256("\n".join(f"{file.sha256} {file.side}" for file in files).encode()).hexdigest()


def near_copies(pieces: list[Piece]) -> list[list[Piece]]:
    """Groups of pieces linked by near-copies, in the order of their first piece; most groups hold one."""
    sketches = [sketch(piece.data) for piece in pieces]
    parent = list(range(len(pieces)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, j in candidates(sketches):
        if similarity(sketches[i], sketches[j]) >= SAME_WORK:
            parent[root(i)] = root(j)
    groups = defaultdict(list)
    for i, piece in enumerate(pieces):
        groups[root(i)].append(piece)
    return list(groups.values())


def sketch(data: bytes) -> np.ndarray:
    """The SKETCH smallest hashes of the distinct, telling lines: a bottom-k sketch (Broder 1997), sorted uint32."""
    lines = {line for line in map(bytes.strip, data.split(b"\n")) if len(line) >= SHORTEST_LINE}
    hashes = np.fromiter(map(zlib.crc32, lines), dtype=np.uint32, count=len(lines))
    with np.errstate(over="ignore"):
        return np.unique(hashes * np.uint32(2654435761))[:SKETCH]


def candidates(sketches: list[np.ndarray]) -> Iterator[tuple[int, int]]:
    """Pairs of pieces that share a quarter of their sketches."""
    holders = defaultdict(list)
    for i, values in enumerate(sketches):
        for value in values.tolist():
            holders[value].append(i)
    shared: dict[tuple[int, int], int] = defaultdict(int)
    for files in holders.values():
        for pair in combinations(files, 2) if len(files) <= COMMON_LINE else pairwise(files):
            shared[pair] += 1
    for (i, j), count in shared.items():
        if 4 * count >= min(len(sketches[i]), len(sketches[j])):
            yield i, j


def similarity(a: np.ndarray, b: np.ndarray) -> float:
    """Jaccard similarity of the two line sets, estimated from the smallest hashes of their union."""
    union = np.union1d(a, b)[:SKETCH]
    return float(np.isin(union, np.intersect1d(a, b)).mean()) if len(union) else 0.0
