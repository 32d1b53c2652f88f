"""Plain text that trainers print: nanoGPT, Megatron-LM, llm.c, modded-nanogpt, torchtitan and torchtune."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from froude.errors import InputError
from froude.runs.cells.decoding import unpacked
from froude.runs.logs.logged_run import LoggedRun
from froude.runs.logs.places import MOST_FOLDERS, body_of, configuration_beside, files_below, is_file, name_of, place_of
from froude.runs.logs.series_of_rows import series_of_rows
from froude.runs.readers.reader import path_of

Values = dict[str, Any]
_ENDINGS = (".log", ".txt", ".out")
_HEAD = 256 * 1024  # bytes of a file, and lines of a text, by which its kind is told
_MOST_LINES = 5000
_N = r"[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|nan|inf)"
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@final
@dataclass(frozen=True, kw_only=True)
class TextFormat:
    """How a trainer prints: each `lines` pattern and what it gives a step; `settings` patterns name a key and a value.

    A pattern has a group `step` and, by name, a metric for each further group; or a group `pairs` that `split` reads.
    """

    trainer: str
    lines: tuple[re.Pattern[str], ...]
    metrics: Mapping[str, str]
    settings: re.Pattern[str] | None = None
    split: Callable[[str], Values] | None = None

    def values(self, line: str) -> Values | None:
        """What a line says of a step, None if it says nothing."""
        for pattern in self.lines:
            if match := pattern.search(line):
                groups = match.groupdict()
                values: Values = {"step": int(groups.pop("step"))}
                if self.split is not None and "pairs" in groups:
                    values |= self.split(groups.pop("pairs"))
                return values | {self.metrics[k]: float(v) for k, v in groups.items() if v is not None}
        return None


def _pairs(text: str, between: str, sign: str) -> Values:
    values: Values = {}
    for part in text.split(between):
        name, found, value = part.rpartition(sign)
        if found and re.fullmatch(_N, value.strip(), re.IGNORECASE):
            values[name.strip()] = float(value)
    return values


def _line(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace("<n>", _N), re.IGNORECASE)


FORMATS: tuple[TextFormat, ...] = (
    TextFormat(  # karpathy/nanoGPT, train.py
        trainer="nanoGPT",
        lines=(
            _line(r"^iter (?P<step>\d+): loss (?P<loss><n>), time"),
            _line(r"^step (?P<step>\d+): train loss (?P<train><n>), val loss (?P<val><n>)\s*$"),
        ),
        metrics={"loss": "loss", "train": "train/loss", "val": "val/loss"},
        settings=re.compile(
            r"^(?P<key>tokens per iteration|number of parameters)(?: will be)?: (?P<value>[\d.,]+[MB]?)$"
        ),
    ),
    TextFormat(  # NVIDIA/Megatron-LM, megatron/training/training.py and arguments.py
        trainer="Megatron-LM",
        lines=(
            _line(r"\biteration\s+(?P<step>\d+)/\s*\d+ \|(?P<pairs>.*)$"),
            _line(r"\bvalidation loss at iteration (?P<step>\d+) \| lm loss value: (?P<val><n>)"),
        ),
        metrics={"val": "lm loss validation"},
        settings=re.compile(r"^(?:\[[^\]]*\]:)?\s*(?P<key>[a-z]\w+) \.{3,} (?P<value>.+)$"),
        split=lambda text: _pairs(text, "|", ":"),
    ),
    TextFormat(  # karpathy/llm.c, train_gpt2.cu and main.log
        trainer="llm.c",
        lines=(
            _line(r"^s:(?P<step>\d+) tel:(?P<val><n>)\s*$"),
            _line(r"^s:(?P<step>\d+) trl:(?P<train><n>)(?: lr:(?P<lr><n>))?(?: norm:(?P<norm><n>))?\s*$"),
        ),
        metrics={"val": "val/loss", "train": "train/loss", "lr": "lr", "norm": "grad_norm"},
    ),
    TextFormat(  # KellerJordan/modded-nanogpt, train_gpt.py
        trainer="modded-nanogpt",
        lines=(
            _line(r"^step:(?P<step>\d+)/\d+ val_loss:(?P<val><n>) "),
            _line(r"^step:(?P<step>\d+)/\d+ train_loss:(?P<train><n>) "),
        ),
        metrics={"val": "val_loss", "train": "train_loss"},
    ),
    TextFormat(  # pytorch/torchtitan, torchtitan/components/metrics.py
        trainer="torchtitan",
        lines=(
            _line(r"\bvalidate step:\s*(?P<step>\d+)\s+loss:\s*(?P<val><n>)"),
            _line(r"\bstep:\s*(?P<step>\d+)\s+loss:\s*(?P<train><n>)\s+(?:grad_norm:\s*(?P<norm><n>)\s+)?memory:"),
        ),
        metrics={"val": "validation_metrics/loss", "train": "loss_metrics/global_avg_loss", "norm": "grad_norm"},
    ),
    TextFormat(  # pytorch/torchtune, torchtune/training/metric_logging.py
        trainer="torchtune",
        lines=(_line(r"^Step (?P<step>\d+) \| (?P<pairs>\S+:\S.*)$"),),
        metrics={},
        split=lambda text: _pairs(text, " ", ":"),
    ),
)
"""What is known; each with where its lines are printed."""


@final
@dataclass(frozen=True, kw_only=True)
class TextLogReader:
    """Reads text logs of known trainers, a run a file, and folders of them."""

    kinds: tuple[str, ...] = (
        "text logs of known trainers",
        f"text that {', '.join(each.trainer for each in FORMATS)} print",
    )

    def recognises(self, source: object) -> bool:
        """Whether it is a text with two lines of one known kind, or a folder with one below."""
        path = path_of(source)
        return path is not None and any(_format_of(file) for file in files_below(path, _may_be, MOST_FOLDERS))

    def logs(self, source: Any) -> Iterator[LoggedRun]:
        """Yield a run for each text."""
        path = Path(source)
        found = False
        for file in files_below(path, _may_be):
            if not (is_file(path) or file.stat().st_size <= _HEAD or _format_of(file)):
                continue
            text = _text_of(file)
            known = _format_in(text.rpartition("\n")[0])
            if known is not None or is_file(path):
                found = True
                yield _run(file, path, text, known)
        if not found:
            raise InputError(f"{str(path)!r} holds no text log that is known: give {self.kinds[1]}")


def _may_be(name: str) -> bool:
    return name.lower().removesuffix(".gz").endswith(_ENDINGS)


def _format_of(file: Path) -> TextFormat | None:
    """The format of a text, told by its head."""
    try:
        if file.name.endswith(".gz"):
            return _format_in(_text_of(file))
        with file.open("rb") as opened:
            return _format_in(_COLOURS.sub("", opened.read(_HEAD).decode(errors="replace")))
    except (InputError, OSError):
        return None


def _text_of(file: Path) -> str:
    """The text in a file without colours. InputError where it cannot be read."""
    try:
        return _COLOURS.sub("", unpacked(body_of(file)).decode(errors="replace"))
    except InputError as error:
        raise InputError(f"{str(file)!r} {error}") from None


def _format_in(text: str) -> TextFormat | None:
    """The format of which a text has the most lines, two at least."""
    lines = text.splitlines()[:_MOST_LINES]
    counts = [sum(any(pattern.search(line) for pattern in each.lines) for line in lines) for each in FORMATS]
    most = max(counts)
    return FORMATS[counts.index(most)] if most >= 2 else None


def _run(file: Path, source: Path, text: str, known: TextFormat | None) -> LoggedRun:
    whole, _, rest = text.rpartition("\n")
    notes = (
        [f"{file.name}: line {whole.count(chr(10)) + 2 if whole else 1} is cut short and was left out"] if rest else []
    )
    if known is None:
        notes.append(f"{file.name} is empty" if not text.strip() else f"{file.name} holds no line of a step")
    beside, unread = configuration_beside(file.absolute().parent)
    lines = whole.splitlines()
    settings = dict(_settings(known, lines)) if known is not None else {}
    rows = [values for line in lines if known is not None and (values := known.values(line)) is not None]
    return LoggedRun(
        id=place_of(file, source),
        name=name_of(file, source),
        state="unknown",
        config={**beside, **settings},
        summary={},
        series=series_of_rows(rows, "step"),
        notes=(*notes, *unread),
    )


def _settings(known: TextFormat, lines: list[str]) -> Iterator[tuple[str, Any]]:
    for line in lines:
        if known.settings is not None and (match := known.settings.search(line)):
            yield match["key"].replace(" ", "_"), match["value"].replace(",", "")
