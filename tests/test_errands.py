"""The errands of docs/design.md: a new chip, engine and page are seen everywhere, and the page names what is there.

A new law and a new reader are seen in tests/laws/test_contract.py and tests/runs/readers/test_contract.py.
"""

import functools
import importlib.resources
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

import pytest
import typer

from froude.answers import Answer, Fact, Table
from froude.cli.app import app
from froude.cli.show import present
from froude.cost import get_machine
from froude.cost.machine import known_machines
from froude.engines import ENGINES, EnginePlace, Task, get_engine
from froude.engines.engine import Listener, ignore
from froude.errors import InputError
from froude.reporting import sheet
from pages import Page
from paths import ROOT
from toy_tasks import Square

pytest_plugins = ["door"]

SOURCE = ROOT / "src" / "froude"
DESIGN = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")


# --- the page on the house -------------------------------------------------------------------------------


def test_the_design_names_every_room_once() -> None:
    rooms = [path.parent.relative_to(SOURCE) for depth in ("*", "*/*") for path in SOURCE.glob(f"{depth}/__init__.py")]
    named = re.findall(r"^\| `([\w/]+)` \|", DESIGN, re.MULTILINE)
    assert sorted(named) == sorted(room.as_posix() for room in rooms)


def test_files_and_names_in_the_design_are_there() -> None:
    words = re.findall(r"`([\w./-]+(?:\.(?:py|toml|md|j2|run))?/?)`", DESIGN)
    paths = [word for word in words if "/" in word and "X" not in word]
    missing = [path for path in paths if not any((base / path).exists() for base in (ROOT, SOURCE))]
    assert len(paths) > 30
    assert missing == []
    registries = {"FAMILIES": "laws/catalogue.py", "READERS": "runs/readers/read.py", "ENGINES": "engines/registry.py"}
    for name, path in registries.items():
        assert re.search(rf"^{name}\b", (SOURCE / path).read_text(encoding="utf-8"), re.MULTILINE), name


# --- a chip ----------------------------------------------------------------------------------------------

CHIP = """
[node.toy-box]
title = "a box of toys"
devices = 4
link = "NVLink 300 GB/s"
fabric = "InfiniBand 200 Gb/s"
host = { memory = "256 GiB", link = "PCIe 16 GB/s" }
nvme = { memory = "3.84 TB", link = "PCIe 6.2 GB/s" }
rest = "100 W"
trust = "guess"
source = "nobody"

[chip.toy-9000]
title = "Toy 9000"
also = ["toy"]
peaks = { fp32 = "50 TFLOP/s", bf16 = "400 TFLOP/s" }
special = "1 TFLOP/s"
memory = "64 GiB"
bandwidth = "2 TB/s"
power = "500 W"
price = "$1.50 per hour"
node = "toy-box"
trust = "guess"
source = "nobody"
"""


@pytest.fixture
def toy_chip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a chip that stands in the table of chips for a while."""
    table = Path(known_machines.__file__).with_name("chips.toml").read_text(encoding="utf-8")
    (tmp_path / "chips.toml").write_text(table + CHIP, encoding="utf-8")
    monkeypatch.setattr(known_machines, "__file__", str(tmp_path / "known_machines.py"))
    known_machines.catalogue.cache_clear()
    yield "toy-9000"
    monkeypatch.undo()
    known_machines.catalogue.cache_clear()


def test_a_chip_in_the_table_is_listed_shown_and_planned_with(toy_chip: str, cli) -> None:
    assert get_machine("8 toy").chip.title == "Toy 9000"
    names = [machine["chip"]["name"] for machine in json.loads(cli("machine", "list", "--json").out)]
    assert names[-1] == toy_chip
    assert toy_chip in cli("machine", "list").out
    shown = cli("machine", "show", toy_chip).out
    assert "a box of toys" in shown
    assert "64 GiB" in shown
    words = ("plan", "train", "--model", "qwen2.5-0.5b", "--machine", f"8 x {toy_chip}", "--tokens", "1B")
    done = cli(*words, "--json")
    assert (done.code, json.loads(done.out)["cost"]["step_seconds"] > 0) == (0, True)


def test_without_its_table_no_such_chip_is_known(refused) -> None:
    assert "no chip is called 'toy-9000'" in refused("machine", "show", "toy-9000")


# --- an engine -------------------------------------------------------------------------------------------


class ToyEngine:
    """An engine that performs tasks in this process, one after another."""

    def __init__(self, n_workers: int, placement: EnginePlace) -> None:
        self.n_workers = n_workers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, tasks: Sequence[Task], listen: Listener = ignore) -> list[Any]:
        """The values of tasks, each told of as it goes."""
        return [task.perform(functools.partial(listen, task)) for task in tasks]


class ReluctantEngine(ToyEngine):
    """An engine that performs nothing and names what it was given."""

    def run(self, tasks: Sequence[Task], listen: Listener = ignore) -> list[Any]:
        """InputError with the kinds of tasks."""
        raise InputError(f"the toy engine was given {', '.join(type(task).__name__ for task in tasks)}")


def test_an_engine_in_the_registry_is_found_by_python_and_the_command(monkeypatch, cli, refused, tmp_path) -> None:
    pilot = ("pilot", "--minutes", "1", "--corpus", SOURCE, "--engine")
    assert "no engine 'toy'" in refused(*pilot, "toy", "--study", tmp_path / "a")
    monkeypatch.setitem(ENGINES, "toy", ToyEngine)
    with get_engine("toy")(3) as engine:
        assert (engine.n_workers, engine.run([Square(3), Square(2)])) == (3, [9, 4])
    monkeypatch.setitem(ENGINES, "toy", ReluctantEngine)
    done = cli(*pilot, "toy", "--study", tmp_path / "b")
    assert done.code == 1
    assert "froude: the toy engine was given MeasureSpeed" in done.err
    assert "'slurm', 'toy'" in refused(*pilot, "none", "--study", tmp_path / "c")


# --- a page ----------------------------------------------------------------------------------------------

TEMPLATE = """{% extends "sheet.html.j2" %}
{% block title %}{{ answer.headline }}{% endblock %}
{% block header %}<h1>{{ answer.headline }}</h1>
{% for head, text in answer.facts %}<p>{{ head }}: {{ text }}</p>{% endfor %}{% endblock %}
{% block sections %}{% for table in answer.tables %}<h2>{{ table.title }}</h2>
<table>{% for row in table.rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}</table>
{% endfor %}{% endblock %}
"""


def answer_of_toys(count: int) -> Answer:
    """The answer of a count of toys."""
    return Answer(
        headline=f"{count} toys",
        facts=(Fact("kept in", "a box"),),
        tables=(Table(title="Toys", columns=("toy", "number"), rows=(("ball", f"{count}"),)),),
        data={"count": count, "kept_in": "a box"},
    )


def toys(
    count: int,
    page: Annotated[Path | None, typer.Option()] = None,
    json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Count toys."""
    answer = answer_of_toys(count)
    if page is not None:
        sheet.write_html(page, sheet.fill("toys.html.j2", {}, kind="toys", name="", answer=answer))
    present(answer, json)


@pytest.fixture
def toy_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A command with an answer and a page, which stand there for a while."""
    pytest.importorskip("jinja2")
    templates = tmp_path / "templates"
    templates.mkdir()
    (templates / "toys.html.j2").write_text(TEMPLATE)
    (templates / "sheet.html.j2").write_text((SOURCE / "reporting" / "sheet.html.j2").read_text(encoding="utf-8"))
    monkeypatch.setattr(importlib.resources, "files", lambda package: templates)
    monkeypatch.setattr(app, "registered_commands", [*app.registered_commands])
    app.command("toys")(toys)
    return "toys"


def test_an_answer_is_the_same_on_terminal_page_and_in_json(toy_command: str, cli, tmp_path: Path) -> None:
    done = cli(toy_command, 3, "--page", tmp_path / "toys.html")
    assert (done.code, done.err) == (0, "")
    data = json.loads(cli(toy_command, 3, "--json").out)
    assert data.pop("provenance")["command"] == f"froude {toy_command} 3 --json"
    assert data == {"count": 3, "kept_in": "a box"}
    page = Page((tmp_path / "toys.html").read_text(encoding="utf-8"))
    assert page.unbalanced == []
    answer = answer_of_toys(3)
    cells = [cell for table in answer.tables for row in table.rows for cell in row]
    for text in (answer.headline, *(text for _, text in answer.facts), *cells):
        assert text in done.out
        assert text in page.text
    assert "Count toys." in cli("--help").out
