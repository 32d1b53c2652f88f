"""A user's whole vocabulary: flat, complete, and the same verbs as the command line has."""

from importlib import import_module

import pytest
import typer

import froude
from froude.cli.app import app
from paths import ROOT

VERBS = {
    "pilot": ("pilot",),
    "import": ("import_runs",),
    "report": ("write_report", "fit_report"),
    "fit": ("fit", "choose", "sweep_optima"),
    "predict": ("predict",),
    "optimal": ("compute_optimal", "optimal", "approaches"),
    "backtest": ("backtest",),
    "compare": ("compare", "fit_methods", "rank"),
    "register write": ("register_forecast",),
    "register score": ("score_forecast",),
    "register list": ("registered_forecasts",),
    "laws": ("all_laws", "get_law", "search_laws"),
    "calibrate": ("calibrate",),
    "published": ("published_tables", "get_published"),
    "grow": ("grow", "growth_examples", "get_growth_example"),
    "atlas search": ("search_atlas",),
    "atlas show": ("atlas_record",),
    "atlas picture": ("search_atlas",),
    "atlas check": ("check_atlas",),
    "atlas status": ("atlas_status",),
    "plan train": ("plan_training",),
    "plan serve": ("plan_serving", "serving_script"),
    "plan recipes": ("get_recipe", "known_recipes"),
    "cost train": ("train_cost", "fine_tune_cost"),
    "cost serve": ("serve_cost",),
    "simulate serve": ("simulate_serving",),
    "cost calibrate": ("calibrate_cost",),
    "cost model": ("get_model", "model_catalogue"),
    "machine list": ("known_chips",),
    "stack list": ("known_stacks",),
    "sweep": ("sweep", "log"),
    "ui": ("serve_pages",),
    "watch": ("watch",),
    "stack show": ("get_stack",),
    "machine show": ("get_machine",),
    "machine measure": ("measure_machine",),
}
"""The functions of `froude` behind every command."""


def commands() -> list[str]:
    """Every command, groups with what is in them."""
    groups = getattr(typer.main.get_command(app), "commands")  # noqa: B009, typer does not say that it has them
    return [
        f"{name} {inner}".strip() for name, group in groups.items() for inner in getattr(group, "commands", {"": None})
    ]


def test_every_command_has_its_functions_in_the_vocabulary():
    assert sorted(commands()) == sorted(VERBS)
    assert [name for names in VERBS.values() for name in names if name not in froude.__all__] == []


@pytest.mark.parametrize("name", froude.__all__)
def test_a_name_of_the_vocabulary_is_there_and_is_no_module(name):
    value = getattr(froude, name)
    assert callable(value)
    with pytest.raises(ModuleNotFoundError):
        import_module(f"froude.{name}")


def test_every_module_imports_by_its_path():
    folder = ROOT / "src"
    examples = folder / "froude" / "growth" / "examples"  # run by their path, as a user's own are
    for path in sorted(each for each in (folder / "froude").rglob("*.py") if each.parent != examples):
        parts = path.relative_to(folder).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name != "froude.__main__":
            assert import_module(name).__name__ == name
