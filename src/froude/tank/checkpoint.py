"""The checkpoint of a trunk: its state on disk, after a line with the trunk's name and the hash of the bytes."""

import hashlib
import io
import os
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from froude.documents.bytes_of_files import bytes_of
from froude.documents.document_error import DocumentError
from froude.files import write_file
from froude.tank.trunk import Trunk

LARGEST_BYTES = 2**40


def save_checkpoint(path: Path, trunk: Trunk, snapshot: dict[str, Any]) -> None:
    """Writes a snapshot of the trunk, whole or not at all. OSError where it cannot be written."""
    buffer = io.BytesIO()  # written straight to a full disk, PyTorch hides the system's error behind its own
    torch.save(snapshot, buffer)
    body = buffer.getvalue()
    write_file(path, head_of(trunk, body) + b"\n" + body)


def load_checkpoint(path: Path, trunk: Trunk) -> dict[str, Any] | None:
    """The snapshot in a trunk's checkpoint, None where there is none.

    DocumentError where it is damaged or another trunk's, OSError where it cannot be read.
    """
    if not os.path.lexists(path):
        return None
    head, _, body = bytes_of(path, LARGEST_BYTES).partition(b"\n")
    if head != head_of(trunk, body):
        raise DocumentError("its bytes are not those that were written for this training")
    try:
        return torch.load(io.BytesIO(body), map_location=trunk.device, weights_only=True)
    except (RuntimeError, UnpicklingError, EOFError) as error:  # of another PyTorch
        raise DocumentError(f"this PyTorch cannot read it: {type(error).__name__}") from None


def head_of(trunk: Trunk, body: bytes) -> bytes:
    """The line before the bytes of a checkpoint; PyTorch checks neither whose they are nor that they are unchanged."""
    return f"froude checkpoint of {trunk.id}, SHA-256 {hashlib.sha256(body).hexdigest()}".encode()
