"""The commands put together, and how the program leaves."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from froude.cli import (
    atlas,
    backtest,
    calibrate,
    compare,
    cost,
    fit,
    grow,
    laws,
    machine,
    model,
    pilot,
    plan,
    predict,
    published,
    report,
)
from froude.cli.completion import is_completing
from froude.cli.errors import exit_code_of

app = typer.Typer(
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
MEASURE, BELIEVE, DECIDE = "Measure and check", "Fit and forecast", "Plan and decide"
app.command(rich_help_panel=MEASURE)(pilot.pilot)
app.command(rich_help_panel=MEASURE)(report.report)
app.command(rich_help_panel=BELIEVE)(fit.fit)
app.command(rich_help_panel=BELIEVE)(predict.predict)
app.command(rich_help_panel=BELIEVE)(backtest.backtest)
app.command(rich_help_panel=BELIEVE)(compare.compare)
app.command(rich_help_panel=BELIEVE)(laws.laws)
app.command(rich_help_panel=BELIEVE)(calibrate.calibrate)
app.command(rich_help_panel=MEASURE)(published.published)
app.command(rich_help_panel=MEASURE)(grow.grow)

atlases = typer.Typer(
    cls=atlas.SearchByDefault,
    rich_markup_mode="markdown",
    help="What papers claim about scaling: searched, shown, checked by arithmetic, and by what Froude itself shows.",
)
atlases.command("search")(atlas.search)
atlases.command("show")(atlas.show)
atlases.command("picture")(atlas.picture)
atlases.command("check")(atlas.check)
atlases.command("status")(atlas.status)
app.add_typer(atlases, name="atlas", rich_help_panel=BELIEVE)
plans = typer.Typer(rich_markup_mode="markdown", help="The best way to spend a budget, or to make one training.")
plans.callback()(lambda: None)  # keeps `train` a command of its own
plans.command("train")(plan.train)
app.add_typer(plans, name="plan", rich_help_panel=DECIDE)
costs = typer.Typer(rich_markup_mode="markdown", help="What a model and its training cost, before it runs.")
costs.command("train")(cost.train)
costs.command("model")(model.model)
app.add_typer(costs, name="cost", rich_help_panel=DECIDE)
machines = typer.Typer(rich_markup_mode="markdown", help="Machines to plan for: known chips, files, and this machine.")
machines.command("list")(machine.list_machines)
machines.command("show")(machine.show_machine)
machines.command("measure")(machine.measure)
app.add_typer(machines, name="machine", rich_help_panel=DECIDE)


def show_version(wanted: bool) -> None:
    """Prints the version and leaves, if that is wanted."""
    if wanted:
        import froude

        print(froude.__version__)
        raise typer.Exit


@app.callback()
def froude(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=show_version, help="Print the version and leave."),
    ] = False,
) -> None:
    """Measure small trainings, fit the laws of scaling, forecast the large one with an honest interval.

    Start with `froude pilot`: in about five minutes it trains small models on this machine, writes down what
    a larger one will reach, trains that one too, and shows whether the forecast was right. Then bring your
    own runs: `froude fit runs.csv --out fit.json` and `froude predict fit.json --at N=70B,D=1.4T`, and ask what the
    large training takes: `froude plan train --machine "1024 x h100" --budget "30 days" --fit fit.json`.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and leaves with its exit code."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """The exit code of a command given as words, those of the process by default; no words ask for help.

    0 is done, 1 bad input, 2 wrong usage, 130 interrupted; what went wrong is one line on stderr. Any other
    error is a bug and raised.
    """
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    command = typer.main.get_command(app)
    # Not app(...): what that makes of an interrupt and of a closed pipe differs between versions of typer.
    try:
        if is_completing():
            command.main(list(sys.argv[1:]), prog_name="froude")  # which answers the shell and leaves
        with command.make_context("froude", words) as context:
            command.invoke(context)
        sys.stdout.flush()
    except typer.Exit as leave:
        return leave.exit_code
    except SystemExit as leave:  # a shell has what it asked for
        return int(leave.code or 0)
    except (Exception, KeyboardInterrupt) as error:
        return exit_code_of(error)
    return 0
