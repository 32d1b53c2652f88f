"""What others wrote is whole, named with its licence, and in the wheel; nothing is loaded from elsewhere."""

import hashlib
import re
import tomllib

import pytest

from froude.cli.app import app
from paths import ROOT

WEB = ROOT / "src" / "froude" / "web"
FILES = tomllib.loads((WEB / "vendored" / "vendored.toml").read_text(encoding="utf-8"))["file"]


@pytest.mark.parametrize("entry", FILES, ids=lambda entry: entry["name"])
def test_a_vendored_file_is_the_one_that_is_named(entry):
    data = (WEB / "vendored" / entry["name"]).read_bytes()
    assert hashlib.sha256(data).hexdigest() == entry["sha256"]
    assert entry["licence"] in ("0BSD", "MIT")
    words = {"0BSD": "Zero-Clause BSD", "MIT": "MIT License"}[entry["licence"]]
    assert words in (WEB / "vendored" / entry["licence_file"]).read_text(encoding="utf-8")


def test_every_vendored_file_is_listed():
    there = {path.name for path in (WEB / "vendored").iterdir()} - {"vendored.toml"}
    assert there == {name for entry in FILES for name in (entry["name"], entry["licence_file"])}


def test_pages_load_what_is_there_and_nothing_else():
    texts = [path.read_text(encoding="utf-8") for path in (WEB / "templates").iterdir()]
    loaded = {name for text in texts for name in re.findall(r'(?:src|href)="/files/([^"]+)"', text)}
    assert loaded <= {path.name for folder in ("static", "vendored") for path in (WEB / folder).iterdir()}
    assert not any(re.search(r'(?:src|href)="(?:https?:)?//', text) for text in texts)


def test_the_wheel_takes_all_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"] == {"packages": ["src/froude"]}
    assert "ui" in {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}


def test_without_its_libraries_the_command_says_what_to_install(refused, monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "uvicorn", None)
    assert refused("ui", tmp_path) == "uvicorn is missing, which shows pages: pip install 'froude[ui]'"


def test_a_folder_that_is_not_there_is_refused(refused, tmp_path):
    pytest.importorskip("uvicorn")
    assert "is not there: give a folder, a study or a table" in refused("ui", tmp_path / "nowhere")


pytest_plugins = ["door"]
