"""`froude atlas`: what papers claim about scaling, searched, shown whole, and checked by arithmetic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from froude.cli.completion import complete_papers
from froude.cli.options import Json
from froude.cli.outputs import output_file
from froude.cli.render import print_json, say
from froude.cli.show import present
from froude.errors import InputError, visible

Role = Annotated[str | None, typer.Option(help="law, serve, compress, kernel, …")]
Lever = Annotated[str | None, typer.Option(help="A part of what is set: bits, batch, …")]
Priority = Annotated[int | None, typer.Option(min=1, max=4, help="1 is the most important.")]


def search(
    words: Annotated[list[str] | None, typer.Argument(metavar="TEXT", help="What the record should be about.")] = None,
    domain: Annotated[str | None, typer.Option(help="language, vision, systems, …")] = None,
    role: Role = None,
    lever: Lever = None,
    cost: Annotated[str | None, typer.Option(help="memory, compute, time, communication, …")] = None,
    hardware: Annotated[str | None, typer.Option(help="A part of a name: A100, TPU, CPU, …")] = None,
    priority: Priority = None,
    runnable: Annotated[
        str | None, typer.Option(metavar="cpu-now|model-only|record-only", help="How far it runs here.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Records at most.")] = 10,
    json: Json = False,
) -> None:
    """Find what papers claim: each claim with its baseline and conditions. ≤ is "up to", ≥ "at least", ≈ "about".

    Example: `froude atlas "KV cache memory" --role serve`
    """
    from froude.answers.atlas import answer_of_hits
    from froude.atlas import search_atlas

    text = " ".join(words or ())
    facets = {"domain": domain, "role": role, "lever": lever, "cost": cost, "hardware": hardware, "runnable": runnable}
    if not text and not priority and not any(facets.values()):
        raise InputError('atlas search has neither text nor facet: give one, as in froude atlas "KV cache memory"')
    hits = search_atlas(text, **facets, priority=priority, limit=limit)
    if not hits and not json:
        raise InputError(f"atlas has nothing on {text!r} with these facets: give fewer words or fewer facets")
    present(answer_of_hits(hits), json)


def show(
    name: Annotated[str, typer.Argument(metavar="ID", autocompletion=complete_papers, help="Of the record.")],
    json: Json = False,
) -> None:
    """Show one record whole: its claims, its lever, and what would show that Froude reproduces it.

    Example: `froude atlas show kivi`
    """
    from froude.answers.atlas import answer_of_record
    from froude.atlas import atlas_record, atlas_status, check_atlas

    record = atlas_record(name)
    (status,) = atlas_status([record])
    present(answer_of_record(record, check_atlas([record]), status), json)


def check(
    every: Annotated[bool, typer.Option("--all", help="List what holds by itself too: ends and shares.")] = False,
    json: Json = False,
) -> None:
    """Check the claims by arithmetic: ratios and cuts against their ends, FLOPs against 6·N·D, gains against bounds.

    Example: `froude atlas check --all`
    """
    from froude.answers.atlas import answer_of_findings
    from froude.atlas import check_atlas

    present(answer_of_findings(check_atlas(), every), json)


def picture(
    words: Annotated[list[str], typer.Argument(metavar="WORDS", help="Of what is claimed: any is enough.")],
    out: Annotated[Path, typer.Option(metavar="FILE.svg", parser=output_file, help="The picture.")],
    by: Annotated[str, typer.Option(metavar="role|hardware|bits|batch", help="What claims are grouped by.")] = "role",
    unit: Annotated[str, typer.Option(help="x for ratios, %, points, …")] = "x",
    role: Role = None,
    lever: Lever = None,
    priority: Priority = None,
    json: Json = False,
) -> None:
    """Draw claims of one kind beside each other: "up to" as a bound, ideal gains hollow.

    Example: `froude atlas picture speed throughput --by bits --out speed.svg`
    """
    from froude.answers.atlas import answer_of_claims
    from froude.atlas import search_atlas
    from froude.atlas.selection import select_claims
    from froude.reporting.atlas.claims import write_claims_picture

    hits = search_atlas(role=role, lever=lever, priority=priority, limit=None)
    answer = answer_of_claims(select_claims([hit.record for hit in hits], about=" ".join(words), unit=unit, by=by))
    path = write_claims_picture(answer, out)
    print_json(answer.to_dict() | {"picture": str(path)}) if json else say(f"{answer.headline}: {visible(str(path))}")


def status(
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the page docs/atlas.md.")] = False,
    json: Json = False,
) -> None:
    """Show how far each paper has come: works, modelled or recorded, and the evidence.

    A paper *works* where a check that runs in the project shows what its row asks, is *modelled* where its numbers are
    reproduced or a good part of that is shown, and otherwise *recorded*.
    Example: `froude atlas status`
    """
    from froude.answers.atlas import answer_of_status
    from froude.atlas import atlas_status, status_page

    rows = atlas_status()
    if markdown:
        say(status_page(rows), end="")
        return
    present(answer_of_status(rows), json)
