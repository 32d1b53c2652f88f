"""A damaged checkpoint is said, set aside, and its trunk trained from the start to the same losses; none is left."""

import contextlib
import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from froude.engines import Event, Notice, RunFinished
from froude.runs import Study
from froude.tank import trainer
from froude.tank.checkpoint import load_checkpoint, save_checkpoint
from tiny import outcome, random_corpus, train, trunk

PLANNED = trunk(steps=(20, 32))


class Killed(BaseException):
    """Stands for the end of a process."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the trunk gives when nothing disturbs it."""
    return train(tmp_path_factory.mktemp("whole"), PLANNED)


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study whose trunk was killed after its first run."""
    study = Study.create(tmp_path_factory.mktemp("half"), {})

    def die(event: Event) -> None:
        if isinstance(event, RunFinished):
            raise Killed

    with contextlib.suppress(Killed):
        trainer.train_trunk(PLANNED, random_corpus(), study, die)
    return study.path


def checkpoint_of(study: Path) -> Path:
    return study / "trunks" / f"{PLANNED.id}.pt"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip_a_weight(path: Path) -> None:
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)


def of_another(path: Path) -> None:
    other = trunk(steps=(20, 32), seed=7)
    save_checkpoint(path, other, trainer.start(other, random_corpus()).snapshot())


def of_pytorch_alone(path: Path) -> None:
    snapshot = load_checkpoint(path, PLANNED)
    assert snapshot is not None
    buffer = io.BytesIO()
    torch.save({**snapshot, "step": 1}, buffer)
    path.write_bytes(buffer.getvalue())


def replace_by(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.unlink()
        make(path)

    return damage


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut": cut,
    "empty": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "flipped": flip_a_weight,
    "of another": of_another,
    "of PyTorch alone": of_pytorch_alone,
    "pipe": replace_by(os.mkfifo),
    "folder": replace_by(os.mkdir),
    "dangling": replace_by(lambda path: path.symlink_to("nowhere")),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_said_and_costs_no_loss(
    half: Path, whole: dict[str, Any], tmp_path: Path, damage: str
) -> None:
    study, heard = Study.open(shutil.copytree(half, tmp_path / "s")), []
    DAMAGES[damage](checkpoint_of(study.path))
    trainer.train_trunk(PLANNED, random_corpus(), study, heard.append)
    (note,) = [event.text for event in heard if isinstance(event, Notice)]
    assert note.startswith(f"trunks/{PLANNED.id}.pt was damaged (")
    assert outcome(study.path) == whole
    assert not os.path.lexists(checkpoint_of(study.path))


def test_a_whole_checkpoint_is_gone_on_from_without_a_word(half: Path, whole: dict[str, Any], tmp_path: Path) -> None:
    study, heard = Study.open(shutil.copytree(half, tmp_path / "s")), []
    trainer.train_trunk(PLANNED, random_corpus(), study, heard.append)
    assert not [event for event in heard if isinstance(event, Notice)]
    assert outcome(study.path) == whole


def test_one_left_after_the_last_run_is_removed(half: Path, whole: dict[str, Any], tmp_path: Path) -> None:
    study = Study.open(shutil.copytree(half, tmp_path / "s"))
    left = checkpoint_of(study.path).read_bytes()
    trainer.train_trunk(PLANNED, random_corpus(), study)
    checkpoint_of(study.path).write_bytes(left)
    trainer.train_trunk(PLANNED, random_corpus(), study)
    assert outcome(study.path) == whole
    assert not checkpoint_of(study.path).exists()
