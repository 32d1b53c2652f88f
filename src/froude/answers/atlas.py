"""What the atlas answers: records found, one record whole, what arithmetic says of claims, and what Froude shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from froude.answers.answer import Answer, Fact, Picture, Table
from froude.answers.numbers import count
from froude.atlas import (
    Finding,
    Hit,
    Record,
    Status,
    atlas_status,
    check_atlas,
    count_levels,
    record_to_dict,
)
from froude.atlas.page import why_not
from froude.atlas.selection import ClaimRow
from froude.atlas.status import LEVELS

CLAIMS_OF_A_HIT = 4
"""Claims shown below a record that a search returns; the record itself has them all."""

ALONE = ("ends", "share of 100%")
"""Rules that look at one claim alone."""

VERDICTS = {
    "contradicts": "no rounding reconciles the numbers",
    "exceeds": "more than what the record names gives at best",
    "holds": "rules that tie claims to others; --all has those of one claim alone",
}


def answer_of_hits(hits: Sequence[Hit]) -> Answer:
    """The answer of a search: each record with what it is about and its first claims."""
    return Answer(
        headline=count(len(hits), "record"),
        tables=tuple(_hit(hit.record) for hit in hits),
        data=[{"score": hit.score, **describe_record(hit.record)} for hit in hits],
    )


def answer_of_record(record: Record, findings: Sequence[Finding], status: Status) -> Answer:
    """The answer of one record whole: its claims, what arithmetic says of them, and what Froude shows."""
    checks = [finding.to_dict() for finding in findings]
    return Answer(
        headline=f"{record.id}: {record.title}",
        facts=(*_record_facts(record, findings), *_status_facts(status)),
        data=describe_record(record) | {"checks": checks} | status.to_dict() | {"lacks": why_not(status)},
    )


def answer_of_one_record(record: Record) -> Answer:
    """A record with all that is known of it: its checks and its status."""
    return answer_of_record(record, check_atlas([record]), atlas_status([record])[0])


def answer_of_hit(hit: Hit) -> Answer:
    """One record that a search found."""
    return Answer(
        headline=f"{hit.record.id}: {hit.record.title}",
        tables=(replace(_hit(hit.record), title=""),),
        data={"score": hit.score, **describe_record(hit.record)},
    )


def answer_of_finding(finding: Finding) -> Answer:
    """One rule applied to one claim."""
    facts = {"rule": finding.rule, "stated": finding.stated, "numbers": finding.numbers, "note": finding.note or ""}
    return Answer(
        headline=f"{finding.record}: {finding.quantity}, {finding.verdict}",
        facts=tuple(Fact(head, text) for head, text in facts.items() if text),
        data=finding.to_dict(),
    )


def answer_of_one_status(status: Status) -> Answer:
    """How far one row has come."""
    return Answer(
        headline=f"{status.record.id}: {status.level}", facts=tuple(_status_facts(status)), data=status.to_dict()
    )


def answer_of_findings(findings: Sequence[Finding], every: bool = False) -> Answer:
    """The answer of a check: what does not hold, then what ties claims together; with `every`, claims alone too."""
    verdicts = Counter(finding.verdict for finding in findings)
    return Answer(
        headline=", ".join(f"{verdicts[verdict]} {verdict}" for verdict in VERDICTS),
        tables=tuple(_findings(findings, verdict, every) for verdict in VERDICTS),
        data={"findings": [finding.to_dict() for finding in findings], "counts": dict(verdicts)},
    )


def answer_of_status(rows: Sequence[Status]) -> Answer:
    """The answer of the status of records: how many are how far, and which have evidence."""
    levels = tuple(reversed(LEVELS))
    tally = count_levels(rows)
    shown = [row for row in rows if row.level != "recorded"]
    return Answer(
        headline=", ".join(f"{tally['all'].get(level, 0)} {level}" for level in levels),
        tables=(
            Table(
                title="What Froude shows of the papers",
                columns=("papers", *levels),
                rows=tuple((kind, *(str(n.get(level, 0)) for level in levels)) for kind, n in tally.items()),
            ),
            Table(
                title="Papers with evidence",
                columns=("row", "status", "checks"),
                rows=tuple((row.record.id, row.level, str(len(row.evidence))) for row in shown),
                left=(0, 1),
            ),
        ),
        data={"rows": [row.to_dict() for row in rows], "counts": {kind: dict(n) for kind, n in tally.items()}},
    )


def answer_of_claims(rows: Sequence[ClaimRow]) -> Answer:
    """The answer of claims side by side: a table and a picture of them."""
    papers = len({row.record.id for row in rows})
    return Answer(
        headline=f"{count(len(rows), 'claim')} of {count(papers, 'paper')}",
        tables=tuple(_claims(group, list(members)) for group, members in groupby(rows, key=lambda row: row.group)),
        pictures=(Picture(name="claims", title="Claims side by side", view=tuple(rows)),),
        data={"claims": [_claim_data(row) for row in rows], "papers": papers},
    )


def describe_record(record: Record) -> dict[str, Any]:
    """All that is said of a record, as JSON; each claim with its sentence."""
    data = record_to_dict(record)
    claims = [one | {"sentence": claim.sentence} for one, claim in zip(data["claims"], record.claims, strict=True)]
    return data | {"hardware": list(record.hardware), "claims": claims}


def record_kind(record: Record) -> str:
    """What a record is, in a line: domain, role, priority, how far it runs, and the hardware it names."""
    parts = (record.domain, record.role, f"priority {record.priority}", record.runnable, ", ".join(record.hardware))
    return " · ".join(part for part in parts if part)


def _hit(record: Record) -> Table:
    lines = [record_kind(record), *(claim.sentence for claim in record.claims[:CLAIMS_OF_A_HIT])]
    if len(record.claims) > CLAIMS_OF_A_HIT:
        lines.append(f"{len(record.claims)} claims in all: froude atlas show {record.id}")
    return Table(
        title=f"{record.id}: {record.title}", columns=(), rows=tuple(("", line) for line in lines), left=(0, 1)
    )


def _record_facts(record: Record, findings: Iterable[Finding]) -> Iterator[Fact]:
    yield Fact("kind", record_kind(record))
    yield Fact("axis", record.axis)
    if record.lever:
        yield Fact("lever", record.lever)
    for i, claim in enumerate(record.claims):
        yield Fact("" if i else "claims", claim.sentence)
        if claim.note:
            yield Fact("", f"! {claim.note}")
    if not record.claims:
        yield Fact("claims", "none with a number or a direction")
    for i, one in enumerate(one for one in findings if one.verdict != "holds" or one.rule not in ALONE):
        yield Fact("" if i else "checked", f"{one.verdict}: {one.quantity}, {one.numbers}")
    yield Fact("works when", record.works_when)


def _status_facts(status: Status) -> Iterator[Fact]:
    """How far Froude has come with a record, and what its checks found."""
    yield Fact("status", status.level)
    if why := why_not(status):
        yield Fact("not shown" if status.evidence else "why", why)
    for i, one in enumerate(status.evidence):
        outcome = f": {one.found}" if one.found else ""
        yield Fact("" if i else "checks", f"{'passed' if one.passed else 'FAILED'} {one.date} {one.check}{outcome}")


def _findings(findings: Iterable[Finding], verdict: str, every: bool) -> Table:
    rows = []
    for one in findings:
        if one.verdict == verdict and (verdict != "holds" or every or one.rule not in ALONE):
            rows.append((one.record, one.quantity))
            rows.append(("", f"{one.rule}: {one.numbers}"))
            rows += [("", one.note)] if one.note else []
    return Table(title=f"{verdict}: {VERDICTS[verdict]}", columns=(), rows=tuple(rows), left=(0, 1))


def _claims(group: str, rows: Sequence[ClaimRow]) -> Table:
    cells = tuple((row.record.id, row.claim.size, row.claim.sentence) for row in rows)
    return Table(title=group, columns=("paper", "value", "claim"), rows=cells, left=(0, 2))


def _claim_data(row: ClaimRow) -> dict[str, Any]:
    ends = {"low": row.low, "high": row.high, "unit": row.claim.unit}
    return {"id": row.record.id, "group": row.group, **ends, "sentence": row.claim.sentence}
