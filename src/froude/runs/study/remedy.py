"""What helps where something of a study is damaged: the command that made it, where its plan says which that was."""

from __future__ import annotations

import shlex
from pathlib import Path

from froude.documents.bytes_of_files import bytes_of
from froude.documents.document_error import DocumentError
from froude.documents.json_text import parse_json

PLAN = "plan.json"
_LONGEST = 120  # characters of a command that a line shows


def command_of(folder: Path) -> str | None:
    """Return the command that made the study in a folder, without --study, or None if its plan does not tell it."""
    try:
        plan = parse_json(bytes_of(folder / PLAN))
    except (OSError, DocumentError):
        return None
    command = plan.get("command") if isinstance(plan, dict) else None
    return command if isinstance(command, str) and command.startswith("froude ") else None


def again(folder: Path) -> str | None:
    """Return what goes on with the study in a folder: the command that made it, by name where that is long."""
    command = command_of(folder)
    if command is None:
        return None
    where = f"--study {shlex.quote(str(folder))}"
    if len(command) > _LONGEST or not command.isprintable():
        return f"the command in its {PLAN}, with {where},"
    return f"{command} {where}"


def remedy(folder: Path) -> str:
    """Return what to do about a damaged document of a study."""
    command = again(folder)
    return f"{command} makes it again" if command else "restore it from a copy, or begin anew with another --study"
