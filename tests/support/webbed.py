"""A folder as the pages show it, a client that asks them in this process, and a server for a real browser."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import froude
from froude.runs import Study
from piloted import plant
from planted import planted, write_csv

TOKEN = "a-token-of-tests"
HEADERS = {"x-froude-token": TOKEN}
NASTY = "<b onclick=alert(1)>bold.csv"
"""The name of a table that is HTML."""


def fill_folder(folder: Path) -> Path:
    """A folder with a study, tables, a saved fit and forecasts on record."""
    folder.mkdir(exist_ok=True)
    plant(folder / "pilots")
    write_csv(folder / "runs.csv", planted())
    write_csv(folder / NASTY, planted(seed=1))
    for name, seed, factor in (("adam.csv", 2, 1.0), ("muon.csv", 3, 0.99)):
        columns = planted(seed=seed)
        write_csv(folder / name, {"C": 6 * columns["N"] * columns["D"], "loss": factor * columns["loss"]})
    froude.fit("chinchilla", folder / "runs.csv", draws=50).save(folder / "fit.json")
    (folder / "forecasts").mkdir()
    froude.register_forecast(folder / "fit.json", folder / "forecasts" / "large.json", N=7e9, D=1e12)
    froude.score_forecast(folder / "forecasts" / "large.json", 2.05)
    return folder


def start_run(study: Study, width: int, tokens: int, end_step: int, loss: Any, upto: int) -> Any:
    """A run under way in a study: a writer that has written steps up to some point; `loss` of the step is its curve."""
    writer = study.writer({"width": width, "D": tokens, "seed": 7, "lr": 0.008, "total_steps": end_step}).__enter__()
    for step in range(1, upto + 1):
        writer.step(step=step, tokens=20_000 * step, loss=float(loss(step)), lr=0.008, seconds=float(step))
    return writer


def client_of(folder: Path, raises: bool = True) -> Any:
    """What asks the pages of a folder in this process. Skipped without FastAPI."""
    pytest.importorskip("fastapi")
    testing = pytest.importorskip("starlette.testclient")
    from froude.web.app import make_app
    from froude.web.shelf import Shelf

    app: Any = make_app(Shelf.of(folder), token=TOKEN)
    return testing.TestClient(app, base_url="http://127.0.0.1:8765", raise_server_exceptions=raises)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a server of a folder's pages, in a thread of this process."""
    uvicorn = pytest.importorskip("uvicorn")
    from froude.web.app import make_app
    from froude.web.server import _listen
    from froude.web.shelf import Shelf

    app: Any = make_app(Shelf.of(folder), token=TOKEN)
    with _listen(0) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def text_of(html: str) -> str:
    """The words of a page, without scripts."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", re.sub(r"<script.*?</script>", " ", html, flags=re.S)))
