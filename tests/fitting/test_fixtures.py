"""Fit files of version 2, made with 0.1.0, are read for ever, and forecast what they forecast then."""

import json

import pytest

from froude import Fit
from paths import ROOT

FIXTURES = ROOT / "tests" / "fixtures"
FORECASTS = json.loads((FIXTURES / "forecasts.json").read_text())
FILES = {"chinchilla": "fit_v2_chinchilla", "auto": "fit_v2_auto", "power-floor": "fit_v2_power_floor"}


@pytest.mark.parametrize("name", FILES)
def test_a_fit_of_version_2_forecasts_what_it_did(name: str) -> None:
    fit = Fit.load(FIXTURES / f"{FILES[name]}.json")
    assert dict(fit.params) == pytest.approx(FORECASTS[f"{name}.params"], rel=1e-9)
    assert fit.drift == pytest.approx(FORECASTS[f"{name}.drift"], rel=1e-9)
    for then in FORECASTS[name]:
        now = fit.predict(of=then["of"], **then["at"])
        assert [now.mean, now.lo, now.hi] == pytest.approx([then["mean"], then["lo"], then["hi"]], rel=1e-9)
        assert now.parts == pytest.approx(then["parts"], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", FILES)
def test_a_fit_of_version_2_is_written_as_it_was_read(name: str, tmp_path) -> None:
    source = FIXTURES / f"{FILES[name]}.json"
    Fit.load(source).save(tmp_path / "again.json")
    new = {"version": 3, "bias": 0.0, "hold_outs": None, "provenance": None}  # which version 2 does not say
    assert json.loads((tmp_path / "again.json").read_text()) == json.loads(source.read_text()) | new
