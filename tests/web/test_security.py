"""What is refused: other sites, other hosts, ways out of the folder, names that are HTML, huge files, no token."""

from pathlib import Path
from typing import Any

import pytest

from planted import planted, write_csv
from webbed import HEADERS, NASTY, client_of, fill_folder

OWN = "http://127.0.0.1:8765"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill_folder(tmp_path_factory.mktemp("web") / "folder")


@pytest.fixture(scope="module")
def client(folder: Path) -> Any:
    return client_of(folder)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "", "[::2]:8765"])
def test_a_foreign_host_is_refused_and_nothing_else(client, host):
    reply = client.get("/", headers={"host": host})
    assert (reply.status_code, reply.text.count("\n")) == (403, 1)
    assert "runs.csv" not in reply.text


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8765", "[::1]:8765", "LOCALHOST"])
def test_this_machine_is_served_under_all_its_names(client, host):
    assert client.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9", "https://localhost.evil:8765"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_foreign_origin_is_refused_even_with_the_token(client, origin, method):
    reply = client.request(method, "/law?path=runs.csv", headers={**HEADERS, "origin": origin})
    assert (reply.status_code, reply.text) == (403, "froude: a page of another origin may not ask\n")


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_request_that_another_site_embeds_is_refused(client, site):
    assert client.get("/study.json?path=runs.csv", headers={"sec-fetch-site": site}).status_code == 403
    visit = {"sec-fetch-site": site, "sec-fetch-mode": "navigate"}
    assert client.get("/", headers=visit).status_code == 200  # a link that somebody follows computes nothing
    assert client.post("/law?path=runs.csv", headers={**HEADERS, **visit}).status_code == 403


@pytest.mark.parametrize("headers", [{}, {"x-froude-token": ""}, {"x-froude-token": "a-token-of-test"}])
@pytest.mark.parametrize(
    "address", ["/law?path=runs.csv", "/law/forecast.json?path=runs.csv", "/study/verdicts?path=s"]
)
def test_work_without_the_token_is_refused(client, headers, address):
    reply = client.post(address, headers={"origin": OWN, **headers})
    assert (reply.status_code, "needs the token" in reply.text) == (403, True)


def test_every_route_that_is_no_get_is_guarded_by_the_token(client):
    paths = client.get("/openapi.json").json()["paths"]
    posts = [path for path, methods in paths.items() if {*methods} - {"get"}]
    assert len(posts) > 10
    assert {client.post(path).status_code for path in posts} == {403}


@pytest.mark.parametrize(
    "name",
    ["../secret.csv", "a/../../secret.csv", "/etc/passwd", "..", ".hidden.csv", "a\\..\\b", "out.csv", "x\0", "no.csv"],
)
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    inner = tmp_path / "inner"
    inner.mkdir()
    for path in (tmp_path / "secret.csv", inner / ".hidden.csv"):
        write_csv(path, planted())
    (inner / "out.csv").symlink_to(tmp_path / "secret.csv")
    client = client_of(inner)
    for address in ("/study", "/study.json", "/study.csv", "/study/curves.json", "/law"):
        reply = client.get(address, params={"path": name})
        assert reply.status_code == 400 or "1000000000" not in reply.text
        assert "root:" not in reply.text
    assert "out.csv" not in client.get("/index.json").text


@pytest.mark.parametrize("path", ["/files/..%2f..%2fapp.py", "/files/%2e%2e/app.py", "/a/%252e%252e/b", "/..%5capp.py"])
def test_dots_in_an_address_are_refused(client, path):
    reply = client.get(path)
    assert reply.status_code in (400, 404)
    assert "make_app" not in reply.text


def test_a_name_that_is_html_is_shown_as_text(client):
    for address in ("/", f"/study?path={NASTY}", f"/law?path={NASTY}"):
        reply = client.get(address)
        assert reply.status_code == 200
        assert "<b onclick" not in reply.text
        assert "&lt;b onclick" in reply.text
    assert "<script>" not in client.get("/study", params={"path": "<script>alert(1)</script>"}).text


def test_a_huge_file_is_refused(client, folder):
    huge = folder / "huge.csv"
    with huge.open("wb") as file:
        file.truncate(300 * 2**20)
    try:
        reply = client.get("/study.json?path=huge.csv")
        assert (reply.status_code, "larger than 256 MiB" in reply.json()["error"]) == (400, True)
    finally:
        huge.unlink()


@pytest.mark.parametrize("name", ["model", "machine"])
def test_a_model_or_machine_is_no_file_of_the_machine(client, name):
    asked = {"model": "qwen2.5-0.5b", "machine": "8 x h100", "input": "10", "output": "10"}
    for value in ("/etc/passwd", "~/x.toml", "../m.json", "m.toml"):
        reply = client.post("/serving.json", params={**asked, name: value}, headers=HEADERS)
        assert (reply.status_code, "is no name" in reply.json()["error"]) == (400, True)


def test_a_large_body_and_a_long_address_are_refused(client):
    assert client.post("/law", content=b"x" * 70_000, headers=HEADERS).status_code == 413
    assert client.get("/atlas?text=" + "x" * 9000).status_code == 414


def test_every_answer_keeps_its_page_to_itself(client):
    for address in ("/", "/files/page.js", "/study.json?path=runs.csv", "/nowhere"):
        headers = client.get(address).headers
        assert "script-src 'self';" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_an_allowed_host_is_served(folder):
    pytest.importorskip("fastapi")
    from starlette.testclient import TestClient

    from froude.web.app import make_app
    from froude.web.shelf import Shelf

    app: Any = make_app(Shelf.of(folder), hosts=("lab.example",))
    client = TestClient(app, base_url="http://lab.example")
    assert client.get("/").status_code == 200
