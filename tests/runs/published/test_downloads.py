"""Originals of published tables, fetched from a server on this machine: whole and right, or not at all."""

import errno
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import polars as pl
import pytest

from froude import InputError, get_law
from froude.runs import PublishedTable, get_published
from froude.runs.published.downloads import cached_files, recorded_sums, sha256_of
from planted import CHINCHILLA

pytest_plugins = ["door"]

AGENTS = "instruct_llm_agent_eval.csv"


class Host:
    """A code host on this machine: `answers` maps "repository/commit/path" to bytes or to what a request meets."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes | Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: list[str] = []
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = unquote(self.path.removeprefix("/"))
                host.asked.append(path)
                answer = host.answers.get(path)
                if callable(answer):
                    answer(self)
                elif answer is None:
                    self.send_error(404)
                else:
                    send(self, answer, len(answer))

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def has(self, table: PublishedTable, bodies: dict[str, bytes]) -> None:
        """Serves these files of the table's repository at its commit."""
        self.answers |= {f"{table.repository}/{table.commit}/{path}": body for path, body in bodies.items()}


def send(handler: BaseHTTPRequestHandler, body: bytes, length: int) -> None:
    """Answers with a body, and says how long it is."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(length))
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def host(tmp_path, monkeypatch, published) -> Iterator[Host]:  # published has read FROUDE_PUBLISHED by then
    """A code host that has nothing yet, to which downloads go; the cache is empty."""
    host = Host()
    monkeypatch.setenv("FROUDE_PUBLISHED_URL", host.url)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("FROUDE_PUBLISHED", raising=False)
    yield host
    host.server.shutdown()
    host.server.server_close()


def files_in(folder: Path) -> list[str]:
    """Every file below a folder, hidden ones too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# --- originals as their repositories have them -----------------------------------------------------------


def points(rows: int = 245) -> dict[str, bytes]:
    """The original of chinchilla_epoch, with losses that follow the law exactly."""
    N = np.geomspace(6e7, 1.6e10, rows)
    C = np.geomspace(1e18, 1e22, rows)[np.random.default_rng(0).permutation(rows)]
    loss = get_law("chinchilla")(N=N, D=C / (6 * N), **CHINCHILLA)
    text = "Model Size,Training FLOP,loss\n" + "".join(f"{n},{c},{y}\n" for n, c, y in zip(N, C, loss, strict=True))
    return {"data/svg_extracted_data.csv": text.encode()}


def curves() -> dict[str, bytes]:
    """The 27 originals of multipowerlaw_curves, of 6265 rows in all, with the line ends of another system."""
    table = get_published("multipowerlaw_curves")
    bodies = {}
    for i, path in enumerate(table.file().original.files()):
        steps = range(2176, 2176 + 128 * (233 if i == 0 else 232), 128)
        bodies[path] = ("step,lr,loss\r\n" + "".join(f"{s},0.0003,{3 + i + 1 / s}\r\n" for s in steps)).encode()
    return bodies


def models() -> dict[str, bytes]:
    """The 208 originals of the models of overtraining_mlfoundations, and the list of tasks."""
    bodies = {"exp_data/eval_metadata.csv": b"Eval Task,#shots,Random baseline,Description\n" + b'a,0,25,"b, c"\n' * 51}
    for i, filling in enumerate(get_published("overtraining_mlfoundations").file().original.fillings()):
        name = filling["name"]
        result = [{"loss": i + j / 10, "loss_tokens_lower_95": 0.0, "val_data": ["x"]} for j in range(8)]
        settings = {"params": 1000 + i, "tokens": 20 * (1000 + i), "lr": 3e-3}
        body = {"name": name, "dataset_name": "rpj", "hyperparameters": settings, "results": result}
        scores = {"name": "elsewhere", "eval_metrics": {"icl": {"hellaswag": i / 104, "copa": 0.5}}}
        bodies[f"exp_data/models/{name}.json"] = json.dumps(body).encode()
        bodies[f"exp_data/evals/evaluation_{name}_heavy.json"] = json.dumps(scores).encode()
    return bodies


# --- downloads that go well ------------------------------------------------------------------------------


def test_a_downloaded_table_is_read_under_the_registered_names(host):
    table = get_published("chinchilla_epoch")
    host.has(table, points())
    (left,) = table.download()
    path = table.cache / "data" / "svg_extracted_data.csv"
    assert (left.path, left.n_bytes, table.find(), table.place()) == (path, path.stat().st_size, path, "cached")
    assert left.verdict == "SHA-256 recorded, none was known of the original"
    assert files_in(table.cache) == ["SHA256SUMS", "data/svg_extracted_data.csv"]
    digest = sha256_of(path.read_bytes())
    assert (table.cache / "SHA256SUMS").read_text() == f"{digest}  data/svg_extracted_data.csv\n"
    runs = table.read()
    assert (len(runs), runs.columns, runs.derived) == (245, ("N", "C", "loss", "D"), ("D = C/(6·N)",))
    law = get_law("chinchilla")(N=runs["N"], D=runs["D"], **CHINCHILLA)
    assert runs["loss"] == pytest.approx(law, rel=1e-12)
    assert runs.notes == ("chinchilla_fig4.csv is read from its original, data/svg_extracted_data.csv",)


def test_the_address_is_base_repository_commit_and_path(host):
    table = get_published("chinchilla_epoch")
    path = "epoch-research/analyzing-chinchilla/92258837425e1b5f2851d624287f0120583a3d0e/data/svg_extracted_data.csv"
    host.answers[f"mirror/{path}"] = next(iter(points().values()))
    table.download(host.url + "/mirror/")
    assert host.asked == [f"mirror/{path}"]


def test_what_was_downloaded_is_not_fetched_again(host):
    table = get_published("chinchilla_epoch")
    host.has(table, points())
    table.download()
    host.answers.clear()
    assert [left.verdict for left in table.download()] == ["already here, unchanged"]
    assert len(host.asked) == 1


def test_the_folder_of_tables_comes_before_the_cache(host, tmp_path, monkeypatch):
    table = get_published("chinchilla_epoch")
    host.has(table, points())
    table.download()
    monkeypatch.setenv("FROUDE_PUBLISHED", str(tmp_path / "tables"))
    here = tmp_path / "tables" / "chinchilla_epoch" / "chinchilla_fig4.csv"
    here.parent.mkdir(parents=True)
    assert table.place() == "cached"
    here.write_text("N,D,C,loss\n1e9,2e10,1.2e20,2.5\n")
    assert (table.place(), table.find(), len(table.read())) == ("here", here, 1)


def test_curves_of_27_files_become_one_table_that_says_which_is_which(host):
    table = get_published("multipowerlaw_curves")
    bodies = curves()
    host.has(table, bodies)
    watched: list[str] = []
    (left,) = table.download(watch=watched.append)
    assert watched == list(bodies)
    assert (left.path, left.n_bytes) == (table.cache, sum(map(len, bodies.values())))
    runs = table.read()
    assert (len(runs), set(runs.columns)) == (6265, {"loss", "step", "lr", "model_M", "schedule"})
    one = runs.where("model_M = 400 AND schedule = 'wsdld_20000_24000'")
    assert len(one) == 232
    assert one["loss"] == pytest.approx(3 + 26 + 1 / one["step"])


def test_models_of_two_json_files_become_rows(host):
    table = get_published("overtraining_mlfoundations")
    host.has(table, models())
    assert [left.file.name for left in table.download()] == ["models_loss_and_downstream.csv", "eval_metadata.csv"]
    runs = table.read()
    assert len(runs) == 104
    assert set(runs.columns) == {
        *("N", "D", "C", "loss", "name", "train_set", "lr", "acc_hellaswag", "acc_copa"),
        *(f"loss_{n}" for n in ("openlm", "paloma_c4_en", "paloma_ptb", "paloma_redpajama", "de-en")),
        *("loss_paloma_dolma_100_programing_languages", "loss_paloma_falcon-refinedweb"),
        *(f"{c}_lo95tok" for c in table.read().columns if c.startswith("loss_") and not c.endswith("tok")),
        "loss_c4_val_lo95tok",
    }
    assert runs["loss"] == pytest.approx(np.arange(104) + 0.1)
    assert runs["acc_hellaswag"] == pytest.approx(np.arange(104) / 104)
    assert runs["C"] == pytest.approx(6 * runs["N"] * runs["D"])
    assert runs["name"][0] == "c4_original-d=1024_l=24_h=8-0.25"
    assert len(table.read("eval_metadata.csv")) == 51


def test_rows_of_other_benchmarks_are_left_out(host):
    table = get_published("nmt_learning_curves")
    ours = "".join(
        f'NMT,log_perplexity,"6 Enc, 6 Dec",{500000.0 * 2**i},{1 / (i + 1)},{int(i < 50)}\n' for i in range(53)
    )
    text = "Domain,Task,Model,Seen Examples,Loss,Training\nLM,val_loss,1.68e+07,2621440000.0,0.999,1\n" + ours
    host.has(table, {"revisiting_neural_scaling_laws/data/benchmark.lang.csv": text.encode()})
    table.download()
    runs = table.read()
    assert (len(runs), int(np.sum(runs["training"] == 0))) == (53, 3)
    assert runs["D"][0] == 5e5
    assert runs["loss"][3] == 0.25


def test_a_copy_of_the_registered_bytes_is_told_as_such(host):
    table = get_published("regmix")
    header = ",".join(table.file().original.needs)
    body = (header + "\n" + "1,0.5\n" * table.file().rows).encode()
    host.has(table, {table.file().original.paths[0]: body})
    file = replace(table.file(), sha256=sha256_of(body))
    (left,) = replace(table, files=(file,)).download()
    assert left.verdict == "the same bytes as the registered table"


@pytest.mark.parametrize("name", ["multipowerlaw_curves", "steplaw", "nmt_learning_curves"])
def test_an_original_gives_the_registered_numbers(host, published, name):
    table = get_published(name)
    bodies = {}
    for file in table.files:
        frame = pl.read_csv(published(f"{name}/{file.name}"), infer_schema_length=None)
        bodies |= undone(frame, file.original)
    host.has(table, bodies)
    table.download()
    for file in table.files:
        registered = pl.read_csv(published(f"{name}/{file.name}"), infer_schema_length=None)
        runs = table.read(file.name)
        names = {column: role for role, column in file.roles.items()}
        for column in set(file.columns) & set(registered.columns) - {"batch_tokens"}:
            read = names.get(column, "loss (as read)" if column == "loss" else column)
            assert sorted(runs[read].tolist()) == sorted(registered[column].to_list()), column


def undone(frame, original):
    """The files that the registered table was made from, as far as the registry says how."""
    old = {new: old for old, new in original.rename.items() if new in frame.columns}
    if original.where:
        frame = frame.with_columns(Domain=pl.lit("NMT"))
    for filling in original.fillings():
        part = frame.filter(*(pl.col(name) == value for name, value in filling.items())).drop(*filling)
        yield original.paths[0].format(**filling), part.rename(old).write_csv().encode()


# --- downloads that fail ---------------------------------------------------------------------------------


def closed_port() -> int:
    """A port of this machine on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    """Closes the connection without a word."""
    handler.close_connection = True


def says_nothing(handler: BaseHTTPRequestHandler) -> None:
    """Answers only once the other side has left."""
    handler.rfile.read(1)


def stops_half_way(handler: BaseHTTPRequestHandler) -> None:
    """Promises more than it sends."""
    send(handler, next(iter(points().values()))[:999], 20000)
    handler.close_connection = True


def stops_in_a_chunk(handler: BaseHTTPRequestHandler) -> None:
    """Promises a chunk and sends half of it."""
    handler.protocol_version = "HTTP/1.1"
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"100\r\nModel Size,")
    handler.close_connection = True


FAILURES = {
    "nothing there": (None, "answers 404 Not Found: check FROUDE_PUBLISHED_URL and the connection, or set"),
    "server error": (lambda handler: handler.send_error(500), "answers 500 Internal Server Error: check"),
    "no answer": (hangs_up, "cannot be reached (Remote end closed connection without response): check"),
    "too late": (says_nothing, "does not answer within 0.2 s: check"),
    "cut short": (stops_half_way, "ends 19001 bytes early, cut short: check"),
    "cut short in a chunk": (stops_in_a_chunk, "data.csv is cut short: check"),
    "empty": (b"", "answers nothing, which is no published table: check"),
    "page": (
        b"\n<!DOCTYPE html>\n<html><p>Sign in</p></html>",
        "'data/svg_extracted_data.csv' is an HTML page, no table",
    ),
    "binary": (bytes(range(256)) * 9, "'data/svg_extracted_data.csv' "),
    "other columns": (b"N,D,loss\n1,2,3\n", "is another table than expected: no column 'Model Size': "),
    "too few rows": (next(iter(points(244).values())), "it holds 244 rows, 245 are registered"),
}


@pytest.mark.parametrize("answer", FAILURES)
def test_a_download_that_fails_is_refused_in_one_line_and_leaves_nothing(host, tmp_path, answer):
    table = get_published("chinchilla_epoch")
    body, said = FAILURES[answer]
    if body is not None:
        host.answers[f"{table.repository}/{table.commit}/data/svg_extracted_data.csv"] = body
    with pytest.raises(InputError) as refused:
        table.download(timeout_s=0.2 if answer == "too late" else 60)
    assert said in str(refused.value)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 400
    assert "FROUDE_PUBLISHED_URL" in str(refused.value)
    assert files_in(tmp_path) == []
    assert table.place() == "download"


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("ftp://example.org", "is no address to download from: set FROUDE_PUBLISHED_URL to one with https://"),
        ("example.org", "is no address to download from: set FROUDE_PUBLISHED_URL to one with https://"),
        ("http://127.0.0.1:nine", "cannot be reached (nonnumeric port: 'nine'): check FROUDE_PUBLISHED_URL"),
        ("http://[::1", "cannot be reached (Invalid IPv6 URL): check FROUDE_PUBLISHED_URL"),
    ],
)
def test_an_address_that_is_none_is_refused(host, tmp_path, base, said):
    with pytest.raises(InputError) as refused:
        get_published("chinchilla_epoch").download(base)
    assert said in str(refused.value)
    assert files_in(tmp_path) == []


def test_a_host_that_is_not_there_is_refused(host):
    with pytest.raises(InputError, match=r"cannot be reached \(\[Errno \d+\] Connection refused\): check FROUDE_PUB"):
        get_published("chinchilla_epoch").download(f"http://127.0.0.1:{closed_port()}")


def test_an_endless_answer_is_cut_and_refused(host, monkeypatch):
    monkeypatch.setattr("froude.runs.published.downloads.MOST_BYTES", 1000)
    table = get_published("chinchilla_epoch")
    host.has(table, points())
    with pytest.raises(InputError, match="answers more than 1000 bytes, which is no published table"):
        table.download()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "cannot be read as JSON"),
        (b"[" * 50_000, r"cannot be read as JSON \(it is nested too deeply\)"),
        (b"[1]", "holds a JSON list, no object"),
        (b"<html>", "is an HTML page"),
        (b'{"name": "rpj"}', "is another table than expected: no column 'hyperparameters.params'"),
    ],
)
def test_one_bad_file_of_many_leaves_none(host, tmp_path, body, said):
    table = get_published("overtraining_mlfoundations")
    host.has(table, models() | {"exp_data/models/rpj-open_lm_7b-1.0.json": body})
    with pytest.raises(
        InputError, match=rf"the download is not kept, 'exp_data/models/rpj-open_lm_7b-1\.0\.json' {said}"
    ):
        table.download()
    assert files_in(tmp_path) == []


def test_an_original_of_another_hash_than_the_known_one_is_refused(host, tmp_path):
    table = get_published("obs_scaling")
    bodies = {}
    for file in table.files:
        header = ",".join(f'"{name}"' for name in file.original.needs)
        row = ",".join("a" for _ in file.original.needs)
        bodies[file.original.paths[0]] = (header + "\n" + f"{row}\n" * file.rows).encode()
    host.has(table, bodies)
    with pytest.raises(InputError, match=rf"{AGENTS}: the download is not kept, its SHA-256 is [0-9a-f]+, that of the"):
        table.download()
    assert table.place(AGENTS) == "download"
    assert table.place() == "cached"


def test_an_original_that_changed_since_the_first_download_is_refused(host):
    table = get_published("chinchilla_epoch")
    host.has(table, points())
    table.download()
    path = table.find()
    first = path.read_bytes()
    path.write_bytes(first + b"1,2,3\n")
    assert table.place() == "download"
    host.has(table, {"data/svg_extracted_data.csv": first.replace(b"loss\n", b"loss\n", 1)[:-2] + b"\n"})
    with pytest.raises(InputError, match=rf"but had {sha256_of(first)} when first downloaded: remove '"):
        table.download()
    host.has(table, {"data/svg_extracted_data.csv": first})
    table.download()
    assert path.read_bytes() == first


def test_a_file_that_was_never_recorded_does_not_count(host):
    table = get_published("chinchilla_epoch")
    host.has(table, points())
    table.download()
    (table.cache / "SHA256SUMS").write_bytes(b"\xff no sums\n")
    assert recorded_sums(table.cache) == {}
    assert cached_files(table.cache, table.file().original.files()) is None
    assert table.place() == "download"


def test_a_full_disk_leaves_the_table_as_it_was(host, cli, monkeypatch):
    table = get_published("chinchilla_epoch")
    host.has(table, points())

    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("froude.runs.published.downloads.write_file", full)
    done = cli("published", "chinchilla_epoch", "--download")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("froude: the disk is full: free some space")
    assert table.place() == "download"


def test_a_cache_that_cannot_be_written_is_refused_in_one_line(host, refused, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    host.has(get_published("chinchilla_epoch"), points())
    assert "Not a directory" in refused("published", "chinchilla_epoch", "--download")


# --- the command -----------------------------------------------------------------------------------------


def test_the_command_says_what_came_and_where_it_is(host, cli, monkeypatch):
    table = get_published("chinchilla_epoch")
    host.has(table, points())
    path = table.cache / "data" / "svg_extracted_data.csv"
    monkeypatch.setenv("COLUMNS", "400")
    done = cli("published", "chinchilla_epoch", "--download")
    lines = done.out.splitlines()
    assert (done.code, done.err, len(lines)) == (0, "", 3)
    assert lines[0] == "chinchilla_epoch: 1 file downloaded"
    assert lines[1].startswith("  chinchilla_fig4.csv  ")
    assert lines[1].endswith(" KiB, SHA-256 recorded, none was known of the original")
    assert lines[2].strip() == str(path)
    (listed,) = [line for line in cli("published").out.splitlines() if "chinchilla_epoch" in line]
    assert "cached" in listed.split()
    again = cli("published", "chinchilla_epoch", "--download", "--json").out
    ((found,), said) = ([one["downloaded"] for one in json.loads(again)], json.loads(again)[0])
    assert found == [
        {
            "file": "chinchilla_fig4.csv",
            "path": str(path),
            "bytes": path.stat().st_size,
            "verdict": "already here, unchanged",
        }
    ]
    assert (said["state"], said["files"][0]["path"]) == ("cached", str(path))


def test_the_command_says_what_was_not_downloaded(host, cli):
    host.has(get_published("overtraining_mlfoundations"), models())
    lines = cli("published", "overtraining_mlfoundations", "--download").out.splitlines()
    assert lines[-1] == "hparam_grid.csv: not downloaded, made by hand from JSON at exp_data/"


def test_a_failed_download_is_one_line_of_the_command(host, refused):
    said = refused("published", "steplaw", "--download")
    assert said == (
        f"{host.url}/step-law/steplaw/32a8f4cc50247695fb56cc6c9117abdf67c97763/data/dense_lr_bs_loss.csv answers 404 "
        "Not Found: check FROUDE_PUBLISHED_URL and the connection, or set FROUDE_PUBLISHED to the folder of the tables"
    )
