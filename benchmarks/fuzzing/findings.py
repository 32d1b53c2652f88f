"""What is wrong with what came of an input, each fault once for every site."""

import re
import signal
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_GROWN = 200e6
LONGEST = 400
CODES = range(4)
KINDS = ("traceback", "hang", "signal", "memory", "exit code", "error output", "control characters", "files")
STRAY = re.compile(r"^.*\.py:\d+: \w*Warning: .*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A fault: of which kind, where in Froude, of which input, by which command, in words."""

    kind: str
    site: str
    index: int
    command: str
    text: str
    traceback: str = ""


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One input: of which kind it was, whether it was accepted, and what was found."""

    kind: str
    accepted: bool
    findings: tuple[Finding, ...]


def judge(index: int, reports: Sequence[Mapping[str, Any]]) -> Tried:
    """What the reports of an input show."""
    kind, command, findings, accepted = "?", (), [], True
    for report in reports:
        if "begins" in report:
            kind, command = report["kind"], tuple(report["begins"])
            continue
        accepted = accepted and report.get("code") == 0
        shown = " ".join(("froude", *command))
        findings += [Finding(index=index, command=shown, **fault) for fault in faults(report, command)]
    return Tried(kind=kind, accepted=accepted, findings=tuple(findings))


def faults(report: Mapping[str, Any], command: Sequence[str]) -> Iterable[dict[str, str]]:
    """Kind, site and text of everything wrong with a report."""
    if report.get("hangs"):
        yield {"kind": "hang", "site": report["site"], "text": "no answer in 10 s"}
        return
    if "died" in report:
        code = report["died"]
        name = signal.Signals(-code).name if code < 0 else f"ended the process with {code}"
        yield {"kind": "signal", "site": report["site"], "text": name}
        return
    where = report["refused"] or " ".join(command[:2])
    if report["escapes"]:
        yield {"kind": "control characters", "site": where, "text": "printed as they were given"}
    if report["files"]:
        yield {"kind": "files", "site": where, "text": report["files"]}
    if report["grown"] > MOST_GROWN:
        yield {"kind": "memory", "site": where, "text": f"{report['grown'] / 1e6:.0f} MB"}
    if error := report["error"]:
        yield {
            "kind": "traceback",
            "site": error["site"],
            "text": f"{error['type']}: {error['text']}",
            "traceback": error["traceback"],
        }
    elif report["code"] not in CODES:
        yield {"kind": "exit code", "site": where, "text": str(report["code"])}
    elif complaint := of_output(report["code"], report["stderr"]):
        yield {"kind": "error output", "site": where, "text": complaint}


def of_output(code: int, printed: str) -> str | None:
    """What is wrong with what a command printed on stderr; None if nothing is. Exit code 3 is an answer: on stdout."""
    if stray := STRAY.search(printed):
        return f"a stray warning: {stray.group()}"
    lines = printed.splitlines()
    if code in (1, 2) and len(lines) != 1:
        return f"{len(lines)} lines: {printed[:200]}"
    long = max(map(len, lines), default=0)
    return f"{long} characters: {max(lines, key=len)[:100]}…" if long > LONGEST else None


@dataclass(frozen=True, kw_only=True)
class Summary:
    """All that was tried: numbers by kind, and findings by kind and site."""

    seed: int
    seconds: float
    tried: Sequence[Tried]

    @property
    def accepted(self) -> float:
        """The share of inputs that was accepted."""
        return sum(one.accepted for one in self.tried) / max(1, len(self.tried))

    def groups(self) -> list[list[Finding]]:
        """Findings of one kind at one site together, by kind, the most frequent first."""
        groups: dict[tuple[str, str], list[Finding]] = {}
        for finding in sorted((f for one in self.tried for f in one.findings), key=lambda finding: finding.index):
            groups.setdefault((finding.kind, finding.site), []).append(finding)
        return sorted(groups.values(), key=lambda group: (KINDS.index(group[0].kind), -len(group), group[0].site))

    def counts(self) -> dict[str, tuple[int, int]]:
        """Findings and sites by kind of finding."""
        groups = self.groups()
        return {
            kind: (sum(len(g) for g in groups if g[0].kind == kind), sum(g[0].kind == kind for g in groups))
            for kind in KINDS
        }

    def to_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        of_kind = Counter(one.kind for one in self.tried)
        accepted = Counter(one.kind for one in self.tried if one.accepted)
        return {
            "seed": self.seed,
            "inputs": len(self.tried),
            "seconds": round(self.seconds, 1),
            "accepted": round(self.accepted, 4),
            "kinds": {kind: {"inputs": n, "accepted": accepted[kind]} for kind, n in of_kind.most_common()},
            "counts": {kind: {"findings": n, "sites": sites} for kind, (n, sites) in self.counts().items()},
            "findings": [
                {
                    "kind": g[0].kind,
                    "site": g[0].site,
                    "count": len(g),
                    "replay": f"{self.seed}:{g[0].index}",
                    "command": g[0].command[:300],
                    "text": g[0].text,
                }
                for g in self.groups()
            ],
        }

    def lines(self) -> list[str]:
        """As the terminal shows it."""
        lines = []
        for group in self.groups():
            first = group[0]
            lines.append(f"{first.kind:<18} {len(group):>4}  {self.seed}:{first.index:<6} {first.site}")
            lines.append(f"                          {clean(first.text)[:160]}")
            lines.append(f"                          {clean(first.command)[:160]}")
        of_kind = self.to_dict()["kinds"]
        lines += [
            f"{kind:<12} {one['inputs']:>6} inputs, {one['accepted'] / one['inputs']:.0%} accepted"
            for kind, one in of_kind.items()
        ]
        found = ", ".join(f"{n} × {kind} at {sites} sites" for kind, (n, sites) in self.counts().items())
        return [*lines, f"{len(self.tried)} inputs in {self.seconds:.0f} s, {self.accepted:.0%} accepted: {found}"]


def clean(text: str) -> str:
    """A text in which nothing but plain letters is left, for a terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
