"""Who may ask: this machine's browser, for pages of this server; work only with the token that its pages hold.

A page of another site that a person has open can send requests to 127.0.0.1 too. It is told by its Origin, by what the
browser says of where a request comes from (Sec-Fetch-Site), by a Host that is a name of its own (DNS rebinding), and by
not having the token, which stands in pages that it cannot read.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, final
from urllib.parse import unquote, urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

OWN_HOSTS = ("127.0.0.1", "localhost", "[::1]")
TOKEN_HEADER = "x-froude-token"
MOST_BODY_BYTES = 64 * 1024
LONGEST_ADDRESS = 8192

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
"""What every answer carries. Plotly writes styles into its pictures, hence 'unsafe-inline' for those alone."""


@final
class AccessGuard:
    """An application that refuses what is not for it before another one sees the request."""

    def __init__(self, app: Any, hosts: tuple[str, ...], token: str) -> None:
        self._app, self._hosts, self._token = app, {host.lower() for host in (*OWN_HOSTS, *hosts)}, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses, or passes on with headers that keep the page to itself."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return

        async def send_guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                own = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message.get("headers", ()), *own]
            await send(message)

        if refusal := self._refusal(scope):
            await _refuse(*refusal, send_guarded)
            return
        await self._app(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """The status and the sentence of a refusal, None where the request is fine."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get("host", "")
        path = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
        if _name_of(host) not in self._hosts:
            return 403, "this host is not known here: open the address that froude ui printed, or give --allow-host"
        if "origin" in headers and urlsplit(headers["origin"]).netloc.lower() != host.lower():
            return 403, "a page of another origin may not ask"
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not _is_visit(scope, headers):
            return 403, "a page of another site may not ask"
        if any(part in (".", "..") for part in unquote(unquote(path)).replace("\\", "/").split("/")):
            return 400, "an address has no . or .. in it"
        if len(path) + len(scope.get("query_string", b"")) > LONGEST_ADDRESS:
            return 414, f"an address has at most {LONGEST_ADDRESS} letters"
        if (
            not headers.get("content-length", "0").isdigit()
            or int(headers.get("content-length", "0")) > MOST_BODY_BYTES
        ):
            return 413, f"a request has at most {MOST_BODY_BYTES // 1024} KiB: nothing is uploaded here"
        if scope["method"] == "POST" and not secrets.compare_digest(
            headers.get(TOKEN_HEADER, "").encode("latin-1"), self._token.encode()
        ):
            return 403, f"work needs the token of an open page in {TOKEN_HEADER}: reload the page"
        return None


def _name_of(host: str) -> str:
    """The name in a Host header, without its port, in small letters."""
    name = host.lower()
    if name.startswith("["):
        return name.partition("]")[0] + "]"
    return name.partition(":")[0]


def _is_visit(scope: Scope, headers: MutableMapping[str, str]) -> bool:
    """Whether a person follows a link to a page, which computes nothing."""
    return scope["method"] == "GET" and headers.get("sec-fetch-mode") == "navigate"


async def _refuse(status: int, text: str, send: Send) -> None:
    body = f"froude: {text}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
