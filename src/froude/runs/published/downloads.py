"""Files fetched over HTTP, and the folder that keeps them, each with the SHA-256 it had when it came."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

from froude.errors import InputError
from froude.files import write_file

TIMEOUT_S = 60.0  # of a whole answer
MOST_BYTES = 2**26  # an answer larger than any published table is not the one meant
_PART_BYTES = 2**16
SUMS = "SHA256SUMS"
REMEDY = "check FROUDE_PUBLISHED_URL and the connection, or set FROUDE_PUBLISHED to the folder of the tables"


def cache_folder() -> Path:
    """The folder of everything Froude downloads: `froude` in $XDG_CACHE_HOME, or in ~/.cache."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    return Path(named if os.path.isabs(named) else os.path.expanduser("~/.cache")) / "froude"


def sha256_of(data: bytes) -> str:
    """The SHA-256 of bytes, as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def fetch(url: str, timeout_s: float = TIMEOUT_S) -> bytes:
    """Return what a web address answers, whole.

    Raises InputError, in one line with the address, where there is no such address, no whole answer within
    `timeout_s` seconds, however it comes, an error of the server, or an answer that is empty, cut short or
    far too long.
    """
    if not url.startswith(("https://", "http://")):
        raise InputError(f"{url!r} is no address to download from: set FROUDE_PUBLISHED_URL to one with https://")
    # In a thread, because a server that sends a byte now and then keeps every single read from timing out.
    answer: Future[bytes] = Future()
    gone = threading.Event()
    threading.Thread(target=_answer, args=(url, timeout_s, answer, gone), daemon=True).start()
    try:
        body = answer.result(timeout_s)
    except TimeoutError:
        raise InputError(f"{url} does not answer within {timeout_s:g} s: {REMEDY}") from None
    finally:
        gone.set()
    if not body or len(body) > MOST_BYTES:
        size = f"more than {MOST_BYTES} bytes" if body else "nothing"
        raise InputError(f"{url} answers {size}, which is no published table: {REMEDY}")
    return body


def _answer(url: str, timeout_s: float, answer: Future[bytes], gone: threading.Event) -> None:
    """Sets the answer to what an address answers, or to what went wrong."""
    try:
        answer.set_result(_read(url, timeout_s, gone))
    except BaseException as error:  # raised again by who waits
        answer.set_exception(error)


def _read(url: str, timeout_s: float, gone: threading.Event) -> bytes:
    """The bytes of an answer, a few more than the most at most, while somebody waits for them."""
    import urllib.error
    import urllib.request
    from http.client import HTTPException, IncompleteRead

    body = bytearray()
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as answer:
            while not gone.is_set() and len(body) <= MOST_BYTES and (part := answer.read1(_PART_BYTES)):
                body += part
            missing = 0 if len(body) > MOST_BYTES else answer.length or 0
    except urllib.error.HTTPError as error:
        raise InputError(f"{url} answers {error.code} {error.reason}: {REMEDY}") from None
    except IncompleteRead:
        raise InputError(f"{url} is cut short: {REMEDY}") from None
    except TimeoutError:
        raise
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        if isinstance(reason, TimeoutError):
            raise reason from None
        raise InputError(f"{url} cannot be reached ({reason}): {REMEDY}") from None
    if missing:
        raise InputError(f"{url} ends {missing} bytes early, cut short: {REMEDY}")
    return bytes(body)


def keep(folder: Path, bodies: Mapping[str, bytes]) -> None:
    """Write files (path within `folder` to bytes), each whole or not at all, and then record their SHA-256.

    A file counts as kept once it is recorded, in the file SHA256SUMS that `sha256sum --check` reads.

    Raises InputError, before anything is written, if a file was recorded earlier with another SHA-256; OSError
    if the folder cannot be written.
    """
    known = recorded_sums(folder)
    for path, body in bodies.items():
        if known.get(path, sha256_of(body)) != sha256_of(body):
            raise InputError(
                f"{path!r} has the SHA-256 {sha256_of(body)}, but had {known[path]} when first downloaded: "
                f"remove {str(folder)!r} to take it as it is now"
            )
    for path, body in bodies.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        write_file(folder / path, body)
    sums = known | {path: sha256_of(body) for path, body in bodies.items()}
    write_file(folder / SUMS, "".join(f"{sums[path]}  {path}\n" for path in sorted(sums)).encode())


def cached_files(folder: Path, paths: Sequence[str]) -> dict[str, bytes] | None:
    """Return these files (path to bytes) if all are kept in `folder` and none has changed since, else None."""
    known = recorded_sums(folder)
    try:
        bodies = {path: (folder / path).read_bytes() for path in paths}
    except OSError:
        return None
    return bodies if all(known.get(path) == sha256_of(body) for path, body in bodies.items()) else None


def recorded_sums(folder: Path) -> dict[str, str]:
    """Return the SHA-256 recorded for each path in `folder`; nothing where none is."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return {}
    pairs = (line.split("  ", maxsplit=1) for line in lines)
    return {pair[1]: pair[0] for pair in pairs if len(pair) == 2}
