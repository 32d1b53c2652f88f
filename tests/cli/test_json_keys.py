"""What `--json` prints: every key that version 0.1.0 printed is still there."""

import json
from pathlib import Path

import pytest

from froude.cli import run
from paths import ROOT
from verbs import VERBS, Verb, given, keys_of

KEYS: dict[str, list[str]] = json.loads((ROOT / "tests" / "fixtures" / "json_keys.json").read_text())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that verbs are given."""
    return given(tmp_path_factory.mktemp("given"), run)


def test_every_verb_has_its_keys_on_record():
    assert {verb.name for verb in VERBS} == {*KEYS}


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_json_keeps_the_keys_of_version_0_1(verb: Verb, folder: Path, capsys, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(folder)
    run([*map(str, verb.words(folder)), "--json"])
    printed = keys_of(json.loads(capsys.readouterr().out.splitlines()[-1]))
    assert {*KEYS[verb.name]} - printed == set()
