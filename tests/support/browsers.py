"""Chromium without a window, driven by Playwright."""

import importlib
import os
import shutil
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest

REQUIRED = "FROUDE_BROWSER"
"""The variable in the environment by which a browser that is missing fails tests instead of skipping them."""


def chromium() -> Iterator[Any]:
    """A browser; where there is none the test is skipped, or fails where one is required."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    try:
        playwright = importlib.import_module("playwright.sync_api")
    except ImportError:
        playwright = None
    if path is None or playwright is None:
        lacking("no Chromium is installed" if path is None else "playwright is missing: pip install -e '.[browser]'")
    with playwright.sync_playwright() as running:
        launched = running.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


def lacking(what: str) -> NoReturn:
    """Skips a test for want of something, or fails it where a browser is required."""
    (pytest.fail if os.environ.get(REQUIRED) else pytest.skip)(what)
