"""The documents of a study, read and checked, and what to do about one that is damaged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from froude.documents.bytes_of_files import bytes_of
from froude.documents.checking import as_type
from froude.documents.document_error import DocumentError
from froude.documents.json_text import parse_json
from froude.errors import InputError, shown
from froude.runs.study.remedy import remedy
from froude.runs.study.run_file import reason_of

SETTINGS = "study.json"
"""The file that makes a folder a study."""
FORMAT = 1


@final
@dataclass(frozen=True, kw_only=True)
class _Settings:
    """What study.json holds."""

    format: int
    settings: dict[str, Any]


def read_document(path: Path, kind: Any = Any) -> Any:
    """Return a JSON document, converted to this type; numbers may be NaN. Raises OSError and DocumentError.

    One whose type is a dictionary keeps the keys that the type does not name.
    """
    document = parse_json(bytes_of(path), finite=False)
    converted = as_type(document, kind)
    return document if isinstance(converted, dict) else converted


def read_settings(folder: Path) -> dict[str, Any]:
    """Return the settings of the study in a folder.

    Raises OSError and DocumentError if they cannot be read, InputError if they are of another format.
    """
    document = read_document(folder / SETTINGS, _Settings)
    if document.format != FORMAT:
        raise InputError(
            f"{str(folder)!r} is a study of format {shown(document.format)}, not {FORMAT}: use the froude that wrote it"
        )
    return document.settings


def unreadable(folder: Path, name: str, error: OSError | DocumentError) -> InputError:
    """Return the error that says why a document of a study cannot be read, and what makes it again."""
    return InputError(f"{str(folder / name)!r} cannot be read ({reason_of(error)}): {remedy(folder)}")
