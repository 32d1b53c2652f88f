"""What a study holds that is damaged: it is said, set aside, and then made again as if it had never been there."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from froude.documents.document_error import DocumentError
from froude.engines import Notice
from froude.errors import InputError
from froude.files import set_aside
from froude.pilots.events import Watch
from froude.runs import Study
from froude.runs.study.documents import SETTINGS, read_document, read_settings
from froude.runs.study.folder import write_settings
from froude.runs.study.remedy import command_of
from froude.runs.study.run_file import reason_of


def whole_document(study: Study, name: str, kind: Any, watch: Watch) -> Any:
    """The document of this name as this type; None where there is none, or only a damaged one, which is set aside."""
    path = study.path / name
    if not os.path.lexists(path):
        return None
    try:
        return read_document(path, kind)
    except (OSError, DocumentError) as error:
        discard(study, name, reason_of(error), watch)
        return None


def discard(study: Study, name: str, reason: str, watch: Watch) -> None:
    """Sets aside what is damaged, and says that it is made again. OSError where the folder cannot be written."""
    set_aside(study.path / name)
    watch(Notice(text=f"{name} was damaged ({reason}) and is made again; the old one is beside it"))


def restore_settings(folder: Path, settings: Mapping[str, Any], command: str | None, watch: Watch) -> None:
    """Writes settings that are lost or damaged again, where the study's plan was made by this command, which has them.

    Where it was not, all stays as it is: opening the study says what is wrong with it.
    """
    try:
        read_settings(folder)
    except InputError:
        return
    except (OSError, DocumentError) as error:
        if command is not None and command_of(folder) == command:
            if os.path.lexists(folder / SETTINGS):
                set_aside(folder / SETTINGS)
            write_settings(folder, settings)
            watch(Notice(text=f"{SETTINGS} was damaged ({reason_of(error)}) and is written again from this command"))
