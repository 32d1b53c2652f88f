"""`froude laws`: what Froude believes, and who said so."""

from typing import Annotated

import typer

from froude.cli.render import Json, print_json, print_table


def laws(
    name: Annotated[str | None, typer.Argument(help="One law, shown whole.")] = None,
    json: Json = False,
) -> None:
    """List the laws; or show one: formula, units, source, published constants, when it is wrong."""
    from froude.laws import all_laws, get_law

    found = [get_law(name)] if name else list(all_laws())
    if json:
        print_json([described(law) for law in found])
    elif name:
        show(described(found[0]))
    else:
        print_table(
            f"{len(found)} laws; `froude laws NAME` shows one",
            ["name", "inputs", "formula", "claims"],
            [[law.name, ", ".join(law.inputs), law.formula, law.summary] for law in found],
        )


def described(law: object) -> dict[str, object]:
    """All that is said of a law, as JSON."""
    names = ("name", "summary", "formula", "latex", "unit", "residual", "source", "wrong_when")
    return {
        **{name: getattr(law, name) for name in names},
        "inputs": dict(law.input_units),  # type: ignore[attr-defined]
        "parameters": list(law.parameters),  # type: ignore[attr-defined]
        "published": {name: dict(values) for name, values in law.published.items()},  # type: ignore[attr-defined]
    }


def show(law: dict) -> None:
    """One law on the terminal."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]{law['name']}[/bold]  {law['summary']}\n")
    console.print(f"  loss = {law['formula']}")
    inputs = ", ".join(f"{name} in {unit}" for name, unit in law["inputs"].items())
    console.print(f"  {inputs}; result in {law['unit']}; fitted on {law['residual']} residuals")
    console.print(f"  source      {law['source']}")
    console.print(f"  wrong when  {law['wrong_when']}")
    if not law["published"]:
        console.print("  published   no constants")
    for name, values in law["published"].items():
        console.print(f"  published   {name}: " + ", ".join(f"{k} = {v:g}" for k, v in values.items()))
