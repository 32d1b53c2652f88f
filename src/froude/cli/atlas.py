"""`froude atlas`: what papers claim about scaling, searched, shown whole, and checked by arithmetic."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from froude.cli.options import Json
from froude.cli.render import PIPED_WIDTH, facts_grid, print_json, print_table
from froude.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from froude.atlas import Finding, Hit, Record, Status

CLAIMS_OF_A_HIT = 4  # claims shown below a record that was found; show has them all

ALONE = ("ends", "share of 100%")  # rules that look at one claim alone
VERDICTS = (
    ("contradicts", "no rounding reconciles the numbers"),
    ("exceeds", "more than the lever named gives at best"),
    ("holds", "rules that tie claims to others; --all has those of one claim alone"),
)


class SearchByDefault(TyperGroup):
    """A group in which words that name no command are searched for: `froude atlas "KV cache memory"`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The words after the group's own name, with `search` before them where they name none of its commands."""
        is_help = args[:1] in (["-h"], ["--help"])
        return super().parse_args(ctx, args if not args or is_help or args[0] in self.commands else ["search", *args])


def search(
    words: Annotated[list[str] | None, typer.Argument(metavar="TEXT", help="What the record should speak of.")] = None,
    domain: Annotated[str, typer.Option(help="language, vision, systems, …")] = "",
    role: Annotated[str, typer.Option(help="law, serve, compress, kernel, …")] = "",
    lever: Annotated[str, typer.Option(help="A part of what is set: bits, batch, …")] = "",
    cost: Annotated[str, typer.Option(help="memory, compute, time, communication, …")] = "",
    hardware: Annotated[str, typer.Option(help="A part of a name: A100, TPU, CPU, …")] = "",
    priority: Annotated[int, typer.Option(min=0, max=4, help="1 is the most important; 0 admits all.")] = 0,
    runnable: Annotated[str, typer.Option(metavar="cpu-now|model-only|record-only", help="How far it runs here.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Records at most.")] = 10,
    json: Json = False,
) -> None:
    """Find what papers claim: each claim with its baseline and conditions. ≤ is "up to", ≥ "at least", ≈ "about".

    Example: `froude atlas "KV cache memory" --role serve`
    """
    from froude.atlas import search as find

    text = " ".join(words or ())
    facets = {"domain": domain, "role": role, "lever": lever, "cost": cost, "hardware": hardware, "runnable": runnable}
    if not text and not priority and not any(facets.values()):
        raise InputError('atlas search has neither text nor facet: give one, as in froude atlas "KV cache memory"')
    hits = find(text, **facets, priority=priority, limit=limit)
    if json:
        print_json([{"score": hit.score, **described(hit.record)} for hit in hits])
        return
    if not hits:
        raise InputError(f"atlas has nothing on {text!r} with these facets: give fewer words or fewer facets")
    show_hits(hits)


def show(name: Annotated[str, typer.Argument(metavar="ID", help="Of the record.")], json: Json = False) -> None:
    """Show one record whole: its claims, its lever, and what would show that Froude reproduces it."""
    from froude.atlas import check, get, shipped_evidence, status_of

    record = get(name)
    found = check([record])
    (status,) = status_of([record], shipped_evidence())
    if json:
        print_json(described(record) | {"checks": [asdict(one) for one in found]} | status.to_dict())
        return
    show_record(record, found, status)


def check(
    every: Annotated[bool, typer.Option("--all", help="List what holds by itself too: ends and shares.")] = False,
    json: Json = False,
) -> None:
    """Check the claims by arithmetic: ratios and cuts against their ends, FLOPs against 6·N·D, gains against bounds."""
    from froude.atlas import check as findings

    found = findings()
    if json:
        print_json({"findings": [asdict(one) for one in found], "counts": Counter(one.verdict for one in found)})
        return
    show_findings(found, every)


def picture(
    words: Annotated[list[str], typer.Argument(metavar="WORDS", help="Of what is claimed: any is enough.")],
    out: Annotated[Path, typer.Option(metavar="FILE.svg", help="The picture.")],
    by: Annotated[str, typer.Option(metavar="role|hardware|bits|batch", help="What claims are grouped by.")] = "role",
    unit: Annotated[str, typer.Option(help="x for ratios, %, points, …")] = "x",
    role: Annotated[str, typer.Option(help="law, serve, compress, kernel, …")] = "",
    lever: Annotated[str, typer.Option(help="A part of what is set: bits, batch, …")] = "",
    priority: Annotated[int, typer.Option(min=0, max=4, help="1 is the most important; 0 admits all.")] = 0,
) -> None:
    """Draw claims of one kind beside each other: "up to" as a bound, ideal gains hollow.

    Example: `froude atlas picture speed throughput --by bits --out speed.svg`
    """
    from froude.atlas import load
    from froude.atlas import search as find
    from froude.reporting.atlas.claims import picture as draw
    from froude.reporting.atlas.claims import rows_of
    from froude.reporting.style import svg
    from froude.runs import atomic_write

    if out.suffix != ".svg":
        raise InputError(f"{str(out)!r} is no picture: give a name that ends in .svg")
    records = [hit.record for hit in find(role=role, lever=lever, priority=priority, limit=len(load()))]
    rows = rows_of(records, about=" ".join(words), unit=unit, by=by)
    atomic_write(out, svg(draw(rows), out.stem))
    print(f"{len(rows)} claims of {len({row.record.id for row in rows})} papers: {out}")


def described(record: Record) -> dict[str, Any]:
    """All that is said of a record, as JSON; each claim with the sentence that `show` prints."""
    from froude.atlas import written

    made = written(record)
    claims = [one | {"sentence": claim.sentence} for one, claim in zip(made["claims"], record.claims, strict=True)]
    return made | {"hardware": list(record.hardware), "claims": claims}


def show_hits(hits: Sequence[Hit]) -> None:
    """Records found: each its title, what it is about, and its first claims."""
    from rich.text import Text

    console = on_screen()
    for i, hit in enumerate(hits):
        record = hit.record
        console.print(Text.assemble("\n" * bool(i), (record.id, "bold"), f"  {record.title}"))
        console.print(Text(f"  {kind(record)}", style="dim"))
        print_lines(console, [claim.sentence for claim in record.claims[:CLAIMS_OF_A_HIT]])
        left = len(record.claims) - CLAIMS_OF_A_HIT
        if left > 0:
            console.print(Text(f"  and {left} more: froude atlas show {record.id}", style="dim"))


def show_record(record: Record, found: Sequence[Finding], status: Status) -> None:
    """One record whole."""
    from rich.padding import Padding
    from rich.text import Text

    console = on_screen()
    console.print(Text.assemble((record.id, "bold"), f"\n{record.title}\n"))
    console.print(Padding(facts_grid([*facts(record, found), *shown(status)]), (0, 0, 0, 2)))


def facts(record: Record, found: Sequence[Finding]) -> Iterator[tuple[str, str]]:
    """What is said of a record, as pairs of head and text."""
    yield "kind", kind(record)
    yield "axis", record.axis
    if record.lever:
        yield "lever", record.lever
    for i, claim in enumerate(record.claims):
        yield "" if i else "claims", claim.sentence
        if claim.note:
            yield "", f"! {claim.note}"
    if not record.claims:
        yield "claims", "none with a number or a direction"
    for i, one in enumerate(one for one in found if one.verdict != "holds" or one.rule not in ALONE):
        yield "" if i else "checked", f"{one.verdict}: {one.quantity}, {one.numbers}"
    yield "works when", record.works_when


def shown(status: Status) -> Iterator[tuple[str, str]]:
    """How far Froude has come with a record, and what its checks found."""
    from froude.atlas.page import why_not

    yield "status", status.level
    if why := why_not(status):
        yield "not shown" if status.evidence else "why", why
    for i, one in enumerate(status.evidence):
        verdict = f": {one.found}" if one.found else ""
        yield "" if i else "checks", f"{'passed' if one.passed else 'FAILED'} {one.date} {one.check}{verdict}"


def kind(record: Record) -> str:
    """What a record is, in a line: domain, role, priority, how far it runs, and the hardware it names."""
    parts = (record.domain, record.role, f"priority {record.priority}", record.runnable, ", ".join(record.hardware))
    return " · ".join(part for part in parts if part)


def show_findings(found: Sequence[Finding], every: bool) -> None:
    """What was checked: all that does not hold, then what ties claims together, then the counts."""
    from rich.text import Text

    console = on_screen()
    for verdict, meaning in VERDICTS:
        console.print(Text.assemble((verdict, "bold"), f": {meaning}"))
        chosen = [one for one in found if one.verdict == verdict]
        if verdict == "holds" and not every:
            chosen = [one for one in chosen if one.rule not in ALONE]
        for one in chosen:
            console.print(Text(f"  {one.record}: {one.quantity}"))
            print_lines(console, [f"  {one.rule}: {one.numbers}", *([f"  {one.note}"] if one.note else [])])
    counts = Counter(one.verdict for one in found)
    console.print(Text(", ".join(f"{counts[verdict]} {verdict}" for verdict, _ in VERDICTS)))


def print_lines(console: Console, lines: Sequence[str]) -> None:
    """Lines set off to the right, wrapped to the width."""
    from rich.padding import Padding
    from rich.text import Text

    for line in lines:
        left = 2 + len(line) - len(line.lstrip())
        console.print(Padding(Text(line.lstrip()), (0, 0, 0, left)))


def on_screen() -> Console:
    """Standard output, as wide as the terminal, or as the other commands where there is none."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)


def status(
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the page docs/atlas.md.")] = False,
    json: Json = False,
) -> None:
    """Show how far each paper has come: works, modelled or recorded, and the evidence.

    A paper *works* where a check that runs in the project shows what its row asks, is *modelled* where its numbers are
    reproduced or a good part of that is shown, and otherwise *recorded*.
    """
    from froude.atlas import counts, load, shipped_evidence, status_of, status_page
    from froude.atlas.status import LEVELS

    rows = status_of(load(), shipped_evidence())
    if markdown:
        print(status_page(rows), end="")
        return
    if json:
        print_json({"rows": [row.to_dict() for row in rows], "counts": counts(rows)})
        return
    print_table(
        "What Froude shows of the papers",
        ["", *reversed(LEVELS)],
        [[kind, *(str(n.get(level, 0)) for level in reversed(LEVELS))] for kind, n in counts(rows).items()],
    )
    print()
    print_table(
        "Rows with evidence",
        ["row", "status", "checks"],
        [[row.record.id, row.level, str(len(row.evidence))] for row in rows if row.level != "recorded"],
    )
