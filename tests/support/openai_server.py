"""A small server that speaks the streaming API of OpenAI, with known latencies: what load tests are tried against."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, final

MODEL = "meta-llama/Llama-3.1-8B-Instruct"


@final
@dataclass(frozen=True, kw_only=True)
class Pace:
    """How the server answers: seconds to the first token and between chunks of so many tokens; every so many-th request
    fails, none where that is 0."""

    first_seconds: float = 0.05
    chunk_seconds: float = 0.01
    chunk_tokens: int = 1
    failing: int = 0


class _Handler(BaseHTTPRequestHandler):
    """Answers /health, /v1/models and /v1/chat/completions, the last token by token."""

    protocol_version = "HTTP/1.1"
    pace: ClassVar[Pace]
    asked: ClassVar[Iterator[int]]

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a test's output is its own."""

    def do_GET(self) -> None:
        """That it lives, and which model it serves."""
        self._answer(200, {"object": "list", "data": [{"id": MODEL, "object": "model"}]})

    def do_POST(self) -> None:
        """A completion, streamed: chunks of text, then how many tokens they were."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.pace.failing and next(self.asked) % self.pace.failing == 0:
            self._answer(500, {"error": {"message": "out of order"}})
            return
        tokens = body.get("max_completion_tokens") or body.get("max_tokens") or 16
        words = len(json.dumps(body.get("messages", body.get("prompt"))).split())
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        time.sleep(self.pace.first_seconds)
        for sent in range(0, tokens, self.pace.chunk_tokens):
            if sent:
                time.sleep(self.pace.chunk_seconds)
            self._event({"choices": [{"index": 0, "delta": {"content": "word " * self.pace.chunk_tokens}}]})
        usage = {"prompt_tokens": words, "completion_tokens": tokens, "total_tokens": words + tokens}
        self._event({"choices": [], "usage": usage})
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def _event(self, event: dict[str, Any]) -> None:
        whole = {"id": "1", "object": "chat.completion.chunk", "model": MODEL, **event}
        self.wfile.write(b"data: " + json.dumps(whole).encode() + b"\n\n")
        self.wfile.flush()

    def _answer(self, status: int, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving(pace: Pace) -> Iterator[str]:
    """The address of a server of this pace, while it runs."""
    handler = type("Handler", (_Handler,), {"pace": pace, "asked": iter(range(1, 10**6))})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
