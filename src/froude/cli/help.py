"""What `--help` shows: usage, what a command does, examples to be copied, arguments and options, at any width."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from inspect import cleandoc
from typing import Any

from typer.core import TyperCommand, TyperGroup

from froude.cli.render import to_stdout
from froude.cli.show import printable
from froude.rendering.layout import Line, StyledText, columns_of, fold

EXAMPLES = re.compile(r"(?:^|\s)Examples?: (?P<commands>.*)$")
CODE = re.compile(r"`([^`]+)`")
MARKS = re.compile(r"`|(?<!\w)\*(?=\w)|(?<=\w)\*(?!\w)")
"""Marks of Markdown around code and emphasis, which a terminal does not need."""

NAMES_WIDTH = 30
"""Columns of names and options beside their help, at most; below a longer one the help has lines of its own."""

PANELS = ("Measure", "Fit and forecast", "Plan and decide", "Look things up")
"""What a user wants, in the order of the work: each command stands under one of these."""

OWN_WORDS = {
    "install_completion": "Complete in this shell; --show-completion prints how.",
}
"""Help of options that are not ours, in our words."""

UNSAID = ("show_completion", "help")
"""Options of `froude` itself without a line of their own, so that all commands fit on a screen: the help of another
names the one, and who reads this has found the other."""

INDENT, GAP = 2, 2
KINDS = {"integer": "N", "int": "N", "float": "NUMBER", "text": "TEXT", "str": "TEXT", "path": "FILE"}
"""What an option takes, by what versions of typer call it."""


class HelpCommand(TyperCommand):
    """A command whose help reads well at any width."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The words that are left; help and version are shown on the way."""
        with to_stdout():
            return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Writes the help."""
        formatter.write(printable(lambda width: help_lines(self, ctx, width)))


class HelpGroup(TyperGroup):
    """A group of commands whose help reads well at any width."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The words that are left; help and version are shown on the way."""
        with to_stdout():
            return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Writes the help."""
        formatter.write(printable(lambda width: help_lines(self, ctx, width)))


def group_with_default(name: str) -> type[HelpGroup]:
    """A group in which words that name no command are those of one: `froude atlas "KV cache memory"` searches."""

    class GroupWithDefault(HelpGroup):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            """The words after the group's own name, with the default command before them where they name none."""
            is_help = args[:1] in (["-h"], ["--help"])
            return super().parse_args(ctx, args if not args or is_help or args[0] in self.commands else [name, *args])

    return GroupWithDefault


def help_lines(command: Any, ctx: Any, width: int) -> Iterator[Line]:
    """The lines of a command's help."""
    texts, examples = parts_of(command.help or "")
    unsaid = UNSAID if ctx.parent is None else ()
    params = [param for param in command.get_params(ctx) if not (is_hidden(param) or param.name in unsaid)]
    arguments = [param for param in params if param.param_type_name == "argument"]
    yield (StyledText(usage_of(command, ctx, arguments)),)
    for text in texts:
        yield (StyledText(""),)
        yield from ((StyledText(line),) for line in fold(text, width))
    if examples:
        title = "Examples" if len(examples) > 1 else "Example"
        yield from titled(title, ((StyledText(" " * INDENT + one),) for one in examples))
    for title, commands in panels_of(command, ctx).items():
        yield from titled(title, entries([(name, sentence_of(one)) for name, one in commands], width))
    if arguments:
        yield from titled("Arguments", entries([(named(one, ctx), described(one)) for one in arguments], width))
    options = [(named(one, ctx), described(one)) for one in params if one not in arguments]
    yield from titled("Options", entries(options, width))


def is_hidden(param: Any) -> bool:
    """Whether a parameter stands in no help."""
    return getattr(param, "hidden", False)


def parts_of(help_text: str) -> tuple[list[str], list[str]]:
    """The paragraphs of a help text, and the commands that it gives as examples."""
    texts, examples = [], []
    for paragraph in cleandoc(help_text).split("\n\n"):
        text = " ".join(paragraph.split())
        found = EXAMPLES.search(text)
        examples += CODE.findall(found["commands"]) if found else []
        text = text[: found.start()] if found else text
        texts += [MARKS.sub("", text)] if text else []
    return texts, examples


def usage_of(command: Any, ctx: Any, arguments: Iterable[Any]) -> str:
    """How a command is called, in a line."""
    names = [named(one, ctx) if one.required else f"[{named(one, ctx)}]" for one in arguments]
    words = ["COMMAND …"] if hasattr(command, "commands") else names
    return " ".join(["Usage:", ctx.command_path, "[OPTIONS]", *words])


def panels_of(command: Any, ctx: Any) -> dict[str, list[tuple[str, Any]]]:
    """The commands of a group under the titles that they stand under; none for a command."""
    panels: dict[str, list[tuple[str, Any]]] = {}
    for name in command.list_commands(ctx) if hasattr(command, "commands") else ():
        one = command.get_command(ctx, name)
        title = getattr(one, "rich_help_panel", None)
        panels.setdefault(title if isinstance(title, str) else "Commands", []).append((name, one))
    return dict(sorted(panels.items(), key=lambda panel: PANELS.index(panel[0]) if panel[0] in PANELS else 0))


def sentence_of(command: Any) -> str:
    """What a command does, in a sentence."""
    if command.short_help:
        return command.short_help
    texts, _ = parts_of(command.help or "")
    return texts[0] if texts else ""


def named(param: Any, ctx: Any) -> str:
    """An argument by its name, an option with all its names and what it takes."""
    if param.param_type_name == "argument":
        return param.metavar or param.name.upper()
    long_first = sorted(param.opts, key=len, reverse=True)
    names = [" / ".join([*long_first, *param.secondary_opts]) if param.secondary_opts else ", ".join(long_first)]
    return " ".join(names if param.is_flag else [*names, taken_by(param, ctx)])


def taken_by(param: Any, ctx: Any) -> str:
    """What an option takes, in a word; versions of typer keep it in different places."""
    if param.metavar:
        return param.metavar
    kind = getattr(param, "type", None)
    text = param.display_type_rich(ctx=ctx) if kind is None else "|".join(getattr(kind, "choices", [kind.name]))
    word = text.strip("<>[]").partition(" ")[0]
    return KINDS.get(word.lower(), word)


def described(param: Any) -> str:
    """What an argument or option means, with its default."""
    text = MARKS.sub("", " ".join((OWN_WORDS.get(param.name) or param.help or "").split()))
    default = param.default
    is_said = getattr(param, "show_default", True) is not False and "[default" not in text
    is_unset = getattr(default, "name", "") == "UNSET"  # by which newer versions of click tell None from nothing
    if default is None or default is False or default == () or is_unset or callable(default) or not is_said:
        return f"{text} [required]" if param.required and param.param_type_name == "option" else text
    shown = param.opts[0].lstrip("-") if default is True else f"{default:g}" if isinstance(default, float) else default
    return f"{text} [default: {shown}]"


def titled(title: str, lines: Iterable[Line]) -> Iterator[Line]:
    """Lines under a title, after an empty one."""
    yield (StyledText(""),)
    yield (StyledText(title, "bold"),)
    yield from lines


def entries(rows: list[tuple[str, str]], width: int) -> Iterator[Line]:
    """Names to the left and what they mean to the right, or below a name that is too long for that."""
    widths = [columns_of(name) for name, _ in rows]
    most = min(NAMES_WIDTH, width // 3)
    column = max((n for n in widths if n <= most), default=most)
    left = INDENT + column + GAP
    for name, text in rows:
        lines = fold(text, width - left)
        beside = columns_of(name) <= column
        first = lines.pop(0) if beside and lines else ""
        lead = " " * INDENT + name
        yield StyledText(lead + " " * (left - columns_of(lead) if first else 0), "cyan"), StyledText(first)
        yield from ((StyledText(" " * left + line),) for line in lines)
