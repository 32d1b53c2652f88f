"""Answers of a server on this machine that are too slow, too long, or meant for a terminal."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from socketserver import BaseRequestHandler, ThreadingTCPServer

import pytest

from froude import InputError
from froude.runs.published.downloads import fetch

OK = b"HTTP/1.0 200 OK\r\n\r\n"


@pytest.fixture
def serve() -> Iterator[Callable[[Iterator[bytes]], str]]:
    """Serves parts of one answer, as they come, for as long as somebody listens; the address."""
    servers = []

    def begin(parts: Iterator[bytes]) -> str:
        class Handler(BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    self.request.recv(2**16)
                    for part in parts:
                        self.request.sendall(part)

        server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}/table.csv"

    yield begin
    for server in servers:
        server.shutdown()
        server.socket.close()


def dripping(head: bytes) -> Iterator[bytes]:
    """A byte now and then, so that no single read waits for long."""
    yield head
    while True:
        yield b"1"
        time.sleep(0.02)


def endless() -> Iterator[bytes]:
    """More and more, without a word of how much."""
    yield OK
    while True:
        yield bytes(2**20)


def test_an_answer_that_comes_whole_is_returned(serve):
    assert fetch(serve(iter([OK, b"N,D\n", b"1,2\n"]))) == b"N,D\n1,2\n"


@pytest.mark.parametrize("head", [OK, b"HTTP/1.0 200 O"])
def test_a_server_that_sends_a_byte_now_and_then_is_left_in_time(serve, head):
    with pytest.raises(InputError, match=r"does not answer within 0\.3 s: check"):
        fetch(serve(dripping(head)), timeout_s=0.3)


def test_an_answer_without_end_is_refused(serve):
    with pytest.raises(InputError, match="answers more than 67108864 bytes"):
        fetch(serve(endless()))


@pytest.mark.parametrize("reason", [b"\x1b[31mred\x07", b"x" * 9000, b"a\tb\x00c", "\u202eabc".encode()])
def test_a_reason_of_a_server_is_short_and_orders_nothing(serve, reason):
    with pytest.raises(InputError, match="answers 500 ") as refusal:
        fetch(serve(iter([b"HTTP/1.0 500 " + reason + b"\r\n\r\n"])))
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 400
    assert "FROUDE_PUBLISHED_URL" in str(refusal.value)
