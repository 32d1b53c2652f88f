"""Chapter one: the corpus, gathered once; a damaged one is gathered again."""

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from froude.documents.document_error import DocumentError
from froude.errors import InputError
from froude.pilots.events import CorpusReady, Watch
from froude.pilots.repair import discard
from froude.pilots.tank.plan import PlanDocument
from froude.pilots.tank.settings import PilotSettings
from froude.runs import Study
from froude.runs.study.documents import read_document
from froude.runs.study.remedy import PLAN
from froude.runs.study.run_file import reason_of
from froude.tank import Corpus, build_corpus
from froude.tank.corpus import MANIFEST

BYTES_OF_A_MINUTE = 8e6  # of the corpus; they grow as the root of the minutes, as data grows with compute


def gather_corpus(study: Study, settings: PilotSettings, watch: Watch) -> Mapping[str, Any]:
    """The bytes to train on, deduplicated and split; the manifest's summary.

    A corpus that is damaged, or not the plan's, is gathered again. InputError where its sources give another now.
    """
    folder, planned = study.path / "corpus", planned_corpus(study)
    fault = fault_of_corpus(folder, planned)
    if fault:
        wanted = int(BYTES_OF_A_MINUTE * max(1.0, math.sqrt(settings.minutes)))
        source = Path(settings.corpus) if settings.corpus else None
        corpus = build_corpus(source, wanted_bytes=wanted)
        if planned and corpus.hash != planned:
            raise InputError(
                f"{str(folder)!r} is damaged ({fault}), and what it was gathered from has changed since: "
                "restore it from a copy, or begin anew with another --study"
            )
        if os.path.lexists(folder / MANIFEST):  # it is written last: without it, gathering was cut short
            discard(study, "corpus", fault, watch)
        corpus.save(folder)
    summary = corpus_summary(Corpus.load(folder))
    watch(CorpusReady(summary=summary))
    return summary


def fault_of_corpus(folder: Path, planned: str | None) -> str | None:
    """Why the corpus in a folder cannot be trained on: it is not there, damaged, or not the planned one; else None."""
    try:
        corpus = Corpus.load(folder)
    except (OSError, DocumentError) as error:
        return reason_of(error)
    return None if planned in (None, corpus.hash) else "it is another than the plan's"


def planned_corpus(study: Study) -> str | None:
    """The hash of the corpus that the study's plan is for; None where it has no plan that is whole."""
    try:
        return read_document(study.path / PLAN, PlanDocument).design.target.corpus
    except (OSError, DocumentError):
        return None


def corpus_summary(corpus: Corpus) -> dict[str, Any]:
    """The manifest without its lists of files."""
    return {name: value for name, value in corpus.manifest.items() if name not in ("files", "dropped")}
