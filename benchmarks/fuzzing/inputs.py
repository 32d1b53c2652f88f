"""What is tried: the words of commands, and the files beside which they run."""

import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Special:
    """Something among the files that is no regular file: a FIFO, an empty folder, or a link to `target`."""

    what: Literal["fifo", "folder", "link"]
    target: str = ""


File = bytes | Special
Words = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Input:
    """Commands, run one after the other in a folder that holds these files."""

    kind: str
    commands: tuple[Words, ...]
    files: Mapping[str, File] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Material:
    """What inputs are mutated from: files by name, and those of a small study."""

    files: Mapping[str, bytes]
    study: Mapping[str, bytes]

    @classmethod
    def read(cls, *folders: Path) -> "Material":
        """The files of folders; those in a folder `study` of one make the study."""
        names = {path.relative_to(top).as_posix(): path for top in folders for path in sorted(top.rglob("*"))}
        read = {name: path.read_bytes() for name, path in names.items() if path.is_file()}
        study = {name.removeprefix("study/"): body for name, body in read.items() if name.startswith("study/")}
        return cls(files={name: body for name, body in read.items() if "/" not in name}, study=study)


def write(folder: Path, files: Mapping[str, File]) -> None:
    """Puts files into a folder, and what they lie in."""
    for name, body in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(body, bytes):
            path.write_bytes(body)
        elif body.what == "fifo":
            os.mkfifo(path)
        elif body.what == "folder":
            path.mkdir()
        else:
            path.symlink_to(body.target)


def chance(rng: random.Random, share: float) -> bool:
    """True in this share of draws."""
    return rng.random() < share
