"""The commands put together, and how the program leaves."""

import io
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from froude.cli import (
    atlas,
    backtest,
    calibrate,
    calibrate_cost,
    compare,
    cost,
    cost_serve,
    fit,
    grow,
    import_logs,
    laws,
    machine,
    model,
    optimal,
    pilot,
    plan,
    plan_serve,
    predict,
    published,
    register,
    report,
    simulate_serve,
    stack,
    sweep,
    ui,
    watch,
)
from froude.cli.completion import is_completing
from froude.cli.errors import exit_code_of, silence_stdout
from froude.cli.help import PANELS, HelpCommand, HelpGroup, group_with_default
from froude.cli.render import say, to_stdout
from froude.provenance import by_command

MEASURE, FIT, DECIDE, LOOK_UP = PANELS

COMMANDS = (
    (MEASURE, pilot.pilot, "Train small models, forecast a larger one, train that, compare"),
    (MEASURE, sweep.sweep, "Train any trainer over a space of settings, into a study"),
    (MEASURE, watch.watch, "Where running trainings will end, and which to stop"),
    (MEASURE, grow.grow, "How time, memory and quality of an algorithm grow with size"),
    (MEASURE, import_logs.import_, "Logs of trackers and trainers as runs of a study"),
    (MEASURE, report.report, "Pictures and numbers of runs, a fit or a study, on one page"),
    (FIT, fit.fit, "Fit a law to a table of runs, with intervals"),
    (FIT, predict.predict, "Forecast larger runs from a saved fit"),
    (FIT, optimal.optimal, "The best parameters and tokens for a budget of compute"),
    (FIT, backtest.backtest, "See how well laws predict runs that were held out"),
    (FIT, compare.compare, "Say which of several methods is ahead at a larger size"),
    (FIT, calibrate.calibrate, "See how often forecast intervals hold on published runs"),
    (LOOK_UP, laws.laws, "Laws of scaling: formulas, published constants, search"),
    (LOOK_UP, ui.ui, "Studies, laws, plans and claims as pages in a browser"),
    (LOOK_UP, published.published, "Public tables of runs, and how to get them"),
)
GROUPS = (
    (
        FIT,
        "register",
        "Write a forecast down before it is measured, and score it then",
        {"write": register.write, "score": register.score, "list": register.list_forecasts},
    ),
    (
        DECIDE,
        "plan",
        "The best training for a budget, and the best deployment",
        {"train": plan.train, "serve": plan_serve.serve, "recipes": plan.recipes},
    ),
    (
        DECIDE,
        "cost",
        "Memory, time and price of a training or of serving",
        {
            "train": cost.train,
            "serve": cost_serve.serve,
            "model": model.model,
            "calibrate": calibrate_cost.calibrate_cost,
        },
    ),
    (
        DECIDE,
        "simulate",
        "Serving under load, event by event: percentiles, queue, goodput",
        {"serve": simulate_serve.simulate_serve},
    ),
    (
        DECIDE,
        "machine",
        "Chips and nodes that Froude knows, and this machine measured",
        {"list": machine.list_machines, "show": machine.show_machine, "measure": machine.measure},
    ),
    (
        DECIDE,
        "stack",
        "What frameworks do: kernels, formats and defaults",
        {"list": stack.list_stacks, "show": stack.show_stack},
    ),
    (
        LOOK_UP,
        "atlas",
        "What papers claim about scaling, and what Froude shows of it",
        {
            "search": atlas.search,
            "show": atlas.show,
            "picture": atlas.picture,
            "check": atlas.check,
            "status": atlas.status,
        },
    ),
)
DEFAULTS = {"atlas": "search", "register": "write"}
"""The command of a group that words are of which name none: `froude register fit.json` writes."""

app = typer.Typer(cls=HelpGroup, context_settings={"help_option_names": ["-h", "--help"]})
for panel, function, sentence in COMMANDS:
    app.command(function.__name__.rstrip("_"), cls=HelpCommand, rich_help_panel=panel, short_help=sentence)(function)
for panel, name, sentence, commands in GROUPS:
    default = DEFAULTS.get(name)
    group = typer.Typer(cls=group_with_default(default) if default else HelpGroup, help=f"{sentence}.")
    group.callback()(lambda: None)  # keeps a group of one command a group
    for command, function in commands.items():
        group.command(command, cls=HelpCommand)(function)
    app.add_typer(group, name=name, rich_help_panel=panel, short_help=sentence)


def show_version(wanted: bool) -> None:
    """Prints the version and leaves, if that is wanted."""
    if wanted:
        import froude

        say(froude.__version__)
        raise typer.Exit


@app.callback()
def froude(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=show_version, help="Print the version and leave."),
    ] = False,
) -> None:
    """Measure small trainings, fit laws of scaling, forecast the large one, plan it.

    Example: `froude plan train --machine "1024 x h100" --budget "30 days" --fit fit.json`
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and leaves with its exit code."""
    open_closed_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # letters that a terminal of another encoding has not
    code = run(arguments)
    try:
        sys.stdout.flush()
    except OSError:  # which was told already; Python would tell it once more
        silence_stdout()
    sys.exit(code)


def open_closed_streams() -> None:
    """Lets a standard stream that a shell has closed (`>&-`) lead nowhere, so that no file of ours takes its number."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdout, sys.stderr = sys.stdout or os.fdopen(1, "w"), sys.stderr or os.fdopen(2, "w")


def run(arguments: Sequence[str] | None = None) -> int:
    """The exit code of a command given as words, those of the process by default; no words ask for help.

    0 is done, 1 bad input, 2 wrong usage, 3 no plan, 130 interrupted; what went wrong is one line on stderr. Any
    other error is a bug and raised.
    """
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    command = typer.main.get_command(app)
    # Not app(...): what that makes of an interrupt and of a closed pipe differs between versions of typer.
    try:
        if is_completing():
            command.main(list(sys.argv[1:]), prog_name="froude")  # which answers the shell and leaves
        with by_command(words), command.make_context("froude", words) as context:
            command.invoke(context)
        with to_stdout():  # what a user's own code printed
            pass
    except typer.Exit as leave:
        return leave.exit_code
    except SystemExit as leave:  # a shell has what it asked for
        return int(leave.code or 0)
    except (Exception, KeyboardInterrupt) as error:
        return exit_code_of(error)
    return 0
