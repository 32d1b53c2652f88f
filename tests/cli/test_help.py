"""What `--help` shows: one screen of commands by what a user wants, and of each what it takes and how it is called."""

import shlex

import pytest
import typer

from froude.cli.app import app
from froude.cli.help import PANELS, parts_of

pytest_plugins = ["door"]


def commands() -> dict[str, object]:
    """Every command that does something, by its words."""
    groups = getattr(typer.main.get_command(app), "commands")  # noqa: B009, typer does not say that it has them
    inner = {name: getattr(group, "commands", {}) for name, group in groups.items()}
    flat = {name: group for name, group in groups.items() if not inner[name]}
    return flat | {f"{name} {leaf}": one for name in groups for leaf, one in inner[name].items()}


COMMANDS = commands()


@pytest.fixture
def helped(cli, monkeypatch):
    """The lines of a command's help in so many columns."""

    def lines(words: str, width: int = 80) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(width))
        done = cli(*words.split(), "--help")
        assert (done.code, done.err) == (0, "")
        return done.out.splitlines()

    return lines


def test_help_is_one_screen_of_commands_by_what_a_user_wants(helped):
    lines = helped("")
    assert len(lines) <= 40
    assert [line for line in lines if line in PANELS] == list(PANELS)
    listed = [line.split()[0] for line in lines if line.startswith("  ") and not line.startswith("  -")]
    assert {name.split()[0] for name in COMMANDS} <= {*listed}


@pytest.mark.parametrize("words", ["", "plan", "cost", "machine", "atlas", *COMMANDS])
@pytest.mark.parametrize("width", [60, 80, 120])
def test_help_keeps_to_its_width_and_cuts_nothing(helped, words, width):
    lines = helped(words, width)
    _, examples = parts_of(getattr(COMMANDS.get(words, typer.main.get_command(app)), "help"))  # noqa: B009
    whole = [line for line in lines if line.startswith("  --") or line.strip() in examples or len(line.split()) == 1]
    assert [line for line in lines if len(line) > width and line not in whole] == []
    assert not any(line.endswith("…") for line in lines[1:] if line not in whole)


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_has_an_example_that_it_takes(words):
    _, examples = parts_of(getattr(COMMANDS[words], "help"))  # noqa: B009
    assert examples
    for example in examples:
        name, *rest = shlex.split(example)
        assert name == "froude"
        for word in words.split():  # `atlas search` may go without its second one
            rest = rest[1:] if rest[:1] == [word] else rest
        getattr(COMMANDS[words], "make_context")(words, rest).close()  # noqa: B009


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_prints_json_if_asked(words):
    options = [option for param in getattr(COMMANDS[words], "params") for option in param.opts]  # noqa: B009
    assert "--json" in options


def test_examples_and_marks_are_taken_out_of_a_text():
    text = 'Do *this* with `that`.\n\nMore. Examples: `a b` and\n`c "d"`\n\nA last one.'
    assert parts_of(text) == (["Do this with that.", "More.", "A last one."], ["a b", 'c "d"'])
