"""Pages and their JSON, asked in this process: the numbers are those of every other face."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

import froude
from froude.cost import serve_cost
from froude.runs import Study
from planted import planted, write_csv
from webbed import HEADERS, NASTY, client_of, fill_folder, start_run, text_of

SERVING = "/serving{}?model=qwen2.5-0.5b&machine=8+x+h100&input=1000&output=100&load=8+users"
PAGES = ("/", "/study?path=pilots", "/study?path=runs.csv", "/law", "/law?path=runs.csv&law=power&x=C", "/optimal")
PAGES += (
    "/compare",
    "/forecasts",
    "/plan",
    "/plan-serving",
    "/serving",
    "/atlas",
    "/atlas?text=KV+cache",
    "/atlas?record=kivi",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill_folder(tmp_path_factory.mktemp("web") / "folder")


@pytest.fixture(scope="module")
def client(folder: Path) -> Any:
    return client_of(folder)


def without_origin(data: Any) -> Any:
    """JSON without how it was made, which is another moment each time."""
    return {key: value for key, value in data.items() if key != "provenance"}


@pytest.mark.parametrize("address", PAGES)
def test_a_page_is_html_with_its_menu_and_how_else_to_have_it(client, address):
    reply = client.get(address)
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"].startswith("text/html")
    for name in ("Studies", "Law", "Optimal", "Compare", "Forecasts", "Plan", "Serving", "Atlas"):
        assert f">{name}</a>" in reply.text
    assert "http://" not in reply.text.replace("http://127.0.0.1", "")
    assert "https://" not in text_of(reply.text)


def test_the_folder_lists_what_lies_in_it(client):
    items = {item["name"]: item["kind"] for item in client.get("/index.json").json()["items"]}
    assert items == {
        "pilots": "study", "runs.csv": "table", "adam.csv": "table", "muon.csv": "table", NASTY: "table",
        "fit.json": "fit", "forecasts/large.json": "forecast",
    }  # fmt: skip


def test_an_empty_folder_says_how_to_fill_it(tmp_path):
    assert "froude pilot" in client_of(tmp_path).get("/").text
    assert "froude register fit.json" in client_of(tmp_path).get("/forecasts").text


def test_runs_have_the_json_that_they_have_in_python(client, folder):
    data = client.get("/study.json", params={"path": "runs.csv", "rows": 100}).json()
    assert without_origin(data) == without_origin(froude.read_runs(folder / "runs.csv").to_dict())


def test_runs_sort_filter_and_page(client, folder):
    asked = {"path": "runs.csv", "sort": "-loss", "where": "N < 1e9", "rows": 5, "page": 2}
    data = client.get("/study.json", params=asked).json()
    runs = froude.read_runs(folder / "runs.csv").where("N < 1e9")
    assert data["columns"]["loss"] == sorted(runs["loss"].tolist(), reverse=True)[5:10]
    assert "page 2 of" in text_of(client.get("/study", params=asked).text)


def test_csv_has_every_run_that_the_condition_leaves(client, folder):
    text = client.get("/study.csv", params={"path": "runs.csv", "sort": "loss", "where": "N < 1e9"}).text
    rows = [*csv.DictReader(io.StringIO(text))]
    losses = [float(row["loss"]) for row in rows]
    assert losses == sorted(froude.read_runs(folder / "runs.csv").where("N < 1e9")["loss"].tolist())


def test_several_studies_lie_over_each_other(client):
    page = text_of(client.get("/study?path=pilots&path=runs.csv").text)
    assert "pilots and runs.csv" in page
    assert len(client.get("/study.json?path=pilots&path=runs.csv").json()) == 2


def test_curves_are_those_of_the_study(client, folder):
    curves = client.get("/study/curves.json?path=pilots&rows=100").json()["curves"]
    study = Study.open(folder / "pilots")
    assert {curve["name"] for curve in curves} == study.finished_ids()
    first = study.curve(curves[0]["name"])
    assert curves[0]["y"]["loss"] == first["loss"].tolist()
    assert curves[0]["x"]["tokens"] == first["tokens"].tolist()


def test_nothing_is_computed_before_a_post(client):
    address = "/law{}?path=runs.csv&law=power&x=D"
    before = client.get(address.format(".json"))
    assert (before.status_code, before.json()["state"]) == (202, "not computed")
    assert 'class="loading"' in client.get(address.format("")).text
    fitted = client.post(address.format(""), headers=HEADERS)
    assert fitted.status_code == 200
    assert client.get(address.format(".json")).json()["law"] == "power"
    assert 'class="loading"' not in client.get(address.format("")).text


def test_a_law_and_its_forecast_are_those_of_python(client, folder):
    data = client.post("/law.json?path=runs.csv&law=chinchilla", headers=HEADERS).json()
    fit = froude.fit("chinchilla", froude.read_runs(folder / "runs.csv"))
    assert data["params"] == fit.to_dict()["params"]
    assert data["intervals"] == {name: list(ends) for name, ends in fit.intervals.items()}
    said = client.post("/law/forecast.json?path=runs.csv&law=chinchilla&N=7e9&D=1e12", headers=HEADERS).json()
    forecast = fit.predict(N=7e9, D=1e12).to_dict()
    assert said["forecast"]["mean"] == forecast["mean"]
    assert said["forecast"]["interval"] == forecast["interval"]
    assert said["cost"]["flop"] == pytest.approx(6 * 7e9 * 1e12, rel=1e-12)
    hours = said["cost"]["flop"] / (8 * froude.get_machine("8 x h100").chip.peak_flops["bf16"] * 0.4) / 3600
    assert said["cost"]["seconds"] / 3600 == pytest.approx(hours)


def test_a_target_farther_away_costs_more_and_is_less_sure(client):
    address = "/law/forecast.json?path=runs.csv&law=chinchilla&D=1e12&N={}"
    near, far = (client.post(address.format(N), headers=HEADERS).json() for N in ("1e10", "1e12"))
    assert near["cost"]["dollars"] * 99 < far["cost"]["dollars"]
    widths = [said["forecast"]["interval"][1] - said["forecast"]["interval"][0] for said in (near, far)]
    assert widths[0] < widths[1]


def test_serving_has_the_numbers_of_the_command(client, cli):
    data = client.post(SERVING.format(".json"), headers=HEADERS).json()
    own = serve_cost("qwen2.5-0.5b", "8 x h100", input=1000, output=100, users=8).to_dict()
    assert without_origin(data) == without_origin(json.loads(json.dumps(own)))
    page = text_of(client.get(SERVING.format("")).text)
    assert "froude cost serve --model qwen2.5-0.5b --machine" in page


@pytest.mark.slow
def test_plan_optimal_and_compare_compute(client):
    plan = client.post("/plan.json?machine=8+x+h100&model=qwen2.5-0.5b&tokens=1B", headers=HEADERS).json()
    assert plan["cost"]["step_seconds"] > 0
    best = client.post("/optimal?path=fit.json&budget=1e23,1e24", headers=HEADERS)
    assert (best.status_code, "budget of compute" in best.text) == (200, True)
    published = client.post("/optimal.json?path=chinchilla:besiroglu-2024&budget=1e23", headers=HEADERS)
    assert published.status_code == 200
    asked = "path=adam.csv&path=muon.csv&at=C%3D1e24&law=power-floor"
    compared = client.post(f"/compare?{asked}", headers=HEADERS)
    assert (compared.status_code, "neither for sure" in compared.text or "ahead" in compared.text) == (200, True)


def test_forecasts_on_record_are_shown_with_their_scores(client, folder):
    page = text_of(client.get("/forecasts").text)
    assert "1 registered forecast, 1 of them scored" in page
    own = [each.to_dict() for each in froude.registered_forecasts(folder / "forecasts")]
    assert client.get("/forecasts.json").json()["forecasts"][0]["sha256"] == own[0]["sha256"]


def test_verdicts_follow_a_training_under_way(tmp_path):
    study = Study.create(tmp_path / "s", {"seed": 0})
    for width in (8, 16, 24):
        start_run(study, width, 1, 100, lambda step: 3 + 4 / step**0.5, 100).finish(loss=3.4)
    writer = start_run(study, 32, 1, 100, lambda step: 3.5 + 4 / step**0.5, 30)
    client = client_of(tmp_path)
    assert "running" in client.get("/").text
    assert client.get("/study/progress.json?path=s").json() == [{"name": "s", "finished": 3, "running": 1}]
    states = [each["state"] for each in client.get("/study/curves.json?path=s").json()["curves"]]
    assert sorted(states) == ["finished", "finished", "finished", "running"]
    said = client.post("/study/verdicts?path=s&goal=2", headers=HEADERS)
    assert "stop: it will not reach 2" in text_of(said.text)
    own = froude.watch(tmp_path / "s", goal=2.0)
    data = client.post("/study/verdicts.json?path=s&goal=2", headers=HEADERS).json()
    assert data["stop"] == [run.name for run in own.to_stop]
    writer.finish(loss=4.0)
    assert client.get("/study/progress.json?path=s").json()[0]["running"] == 0


def test_a_table_that_changes_is_read_again(tmp_path):
    write_csv(tmp_path / "t.csv", planted())
    client = client_of(tmp_path)
    assert client.get("/study.json?path=t.csv").json()["n"] == 25
    write_csv(tmp_path / "t.csv", {name: values[:3] for name, values in planted().items()})
    assert client.get("/study.json?path=t.csv").json()["n"] == 3


def test_a_study_without_a_finished_run_says_so(tmp_path):
    Study.create(tmp_path / "s", {"seed": 0})
    reply = client_of(tmp_path).get("/study?path=s")
    assert (reply.status_code, 'role="status"' in reply.text) == (200, True)


pytest_plugins = ["door"]
