"""Where logs lie: files below a source, what a run is called by its place, and the configurations beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from froude.documents.bytes_of_files import bytes_of
from froude.documents.document_error import DocumentError
from froude.errors import InputError
from froude.runs.study.documents import SETTINGS

MOST_FOLDERS = 2000
"""Folders that are looked into to tell whether a source is of a kind."""
CONFIGURATIONS = (
    *("config.json", "config.yaml", "config.yml", "hparams.yaml", "hyperparameters.yaml", "model_config.yaml"),
    *("args.json", "args.yaml", "params.json", "train_config.json", "axolotl_config.yaml", "training_args.yaml"),
)
"""Files beside a log that say what the run was set to."""
_EVERYDAY = ("metrics", "log", "logs", "trainer_log", "summary", "history", "main", "train", "train_log", "progress")


def is_file(source: Path) -> bool:
    """Whether there is a file at the path; a name that no file can have is none."""
    try:
        return source.is_file()
    except (OSError, ValueError):
        return False


def is_folder(source: Path) -> bool:
    """Whether there is a folder at the path; a name that none can have is none."""
    try:
        return source.is_dir()
    except (OSError, ValueError):
        return False


def files_below(source: Path, is_one: Callable[[str], bool], most: int | None = None) -> Iterator[Path]:
    """Yield the files whose names `is_one` takes: the source itself, or all below it, folder by folder, sorted.

    Hidden folders, links to folders and studies of Froude's are left out; `most` folders are looked into.
    """
    if is_file(source):
        yield from [source] if is_one(source.name) else []
        return
    if not is_folder(source):
        return
    for i, (folder, folders, names) in enumerate(os.walk(source)):
        if most is not None and i >= most:
            return
        if SETTINGS in names:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(names) if is_one(name))


def place_of(path: Path, source: Path) -> str:
    """Return where a file or folder lies below its source, or below the folder of a source that is a file."""
    base = source.parent if is_file(source) else source
    return Path(os.path.relpath(path, base)).as_posix()


def name_of(path: Path, source: Path) -> str:
    """Return what a run is called by its log: the file's name, or where many logs are called so the folder's place."""
    stem = path.name.split(".")[0]
    if stem not in _EVERYDAY:
        return stem
    place = place_of(path.parent, source)
    return path.resolve().parent.name if place == "." else place


def body_of(path: Path) -> bytes:
    """Return the bytes of a log. InputError where it cannot be read."""
    try:
        return bytes_of(path, 2**40)
    except DocumentError as error:
        raise InputError(f"{str(path)!r} is no log that can be read, {error}: give a plain file") from None
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read ({error.strerror}): check the path and its rights") from None


def json_of(body: bytes | str) -> Any:
    """Return the value of a JSON text, NaN allowed. ValueError for what is none."""
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):  # which is fast and does not know NaN
        return json.loads(body)


def configuration_beside(folder: Path, skip: str = "") -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return what the files of configurations in a folder say, and notes of those that cannot be read.

    One stands alone; of several each stands under its name without ending.
    """
    documents: dict[str, Any] = {}
    notes: list[str] = []
    for name in sorted({*CONFIGURATIONS} & {*_names_in(folder)} - {skip}):
        try:
            document = _document(folder / name)
        except (InputError, ValueError, RecursionError) as error:
            notes.append(f"{name} cannot be read ({str(error).splitlines()[0]}) and was left out")
            continue
        if isinstance(document, Mapping) and document:
            documents[name.split(".")[0]] = dict(document)
    return (next(iter(documents.values())) if len(documents) == 1 else documents), tuple(notes)


def _names_in(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _document(path: Path) -> Any:
    """The value in a JSON or YAML file. ValueError or InputError where there is none."""
    body = body_of(path)
    if path.suffix == ".json":
        return json_of(body)
    import yaml

    try:
        return yaml.load(body, _plain_loader())  # which makes no object
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None


@cache
def _plain_loader() -> Any:
    """What reads objects of Python that a trainer wrote into YAML as their plain values, without making them."""
    import yaml

    class Loader(yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader):  # pyright: ignore
        pass

    def plain(loader: Any, _: str, node: Any) -> Any:
        if isinstance(node, yaml.MappingNode):
            return loader.construct_mapping(node, deep=True)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        return loader.construct_scalar(node)

    Loader.add_multi_constructor("", plain)
    return Loader
