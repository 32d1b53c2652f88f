"""Every option of the commands that look up and price, given what no option takes: one line, never a traceback."""

from collections.abc import Iterator
from typing import Any

import pytest
import typer

from froude.cli.app import app

pytest_plugins = ["door"]

VALUES = ("0", "-1", "nan", "inf", "1e300", "9" * 20, "", "abc", "x" * 3000, "\x1b[31m\u202e", "$\\frac{")
GIVEN = {
    ("cost", "train"): ["--model", "gpt2", "--machine", "8 x h100"],
    ("cost", "model"): ["gpt2"],
    ("machine", "show"): ["h100"],
    ("atlas", "search"): ["KV"],
    ("predict",): ["none.json", "--at", "N=7B"],
}


def options_of(path: tuple[str, ...]) -> Iterator[str]:
    """The options of a command that take a value."""
    command: Any = typer.main.get_command(app)
    for name in path:
        command = command.commands[name]
    for param in command.params:
        if param.param_type_name == "option" and not param.is_flag:
            yield max(param.opts, key=len)


@pytest.mark.slow
@pytest.mark.parametrize(("path", "option"), [(path, option) for path in GIVEN for option in options_of(path)])
def test_an_option_that_is_given_anything_ends_in_one_line(cli, tmp_path, monkeypatch, path, option):
    monkeypatch.chdir(tmp_path)
    for value in VALUES:
        done = cli(*path, *GIVEN[path], option, value)
        assert done.code in (0, 1, 2, 3)
        if done.code:
            assert done.err.count("\n") == 1
            assert len(done.err) < 400
            assert done.err.strip().isprintable()
