"""The command line: each command parses, calls one public function and renders."""

import sys
from collections.abc import Sequence

import typer

from froude.cli import backtest, fit, laws, pilot, predict, report
from froude.cli.errors import exit_code_of

__all__ = ["main"]

app = typer.Typer(
    name="froude",
    help="""Measure small trainings, fit the laws of scaling, forecast the large one with an honest interval.

    Start with `froude pilot`: in five minutes it trains small models on this machine, writes down what a larger one
    will reach, trains that one too, and shows whether the forecast was right. Then bring your own runs: `froude fit`.""",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
MEASURE, BELIEVE = "Measure and check", "Fit and forecast"
app.command(rich_help_panel=MEASURE)(pilot.pilot)
app.command(rich_help_panel=MEASURE)(report.report)
app.command(rich_help_panel=BELIEVE)(fit.fit)
app.command(rich_help_panel=BELIEVE)(predict.predict)
app.command(rich_help_panel=BELIEVE)(backtest.backtest)
app.command(rich_help_panel=BELIEVE)(laws.laws)


@app.callback(invoke_without_command=True)
def version(
    version: bool = typer.Option(False, "--version", help="Print the version and leave."),
) -> None:
    if version:
        import froude

        print(froude.__version__)
        raise typer.Exit


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and leaves with its exit code: 0 done, 1 bad input, 2 wrong usage, 130 interrupted."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """The exit code of one command; what went wrong is one line on stderr."""
    try:
        return app(args=arguments, standalone_mode=False) or 0
    except (Exception, KeyboardInterrupt) as error:
        return exit_code_of(error)
