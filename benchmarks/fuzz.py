"""The command line under attack: thousands of inputs, valid and damaged, and everything that goes wrong with them.

Inputs are tables (text, JSON, JSONL, Parquet, compressed), conditions, options, quantities, laws, fit files, machines
and models, layouts and plans, questions to the atlas, files that grow, cases of calibration, and studies. Each is drawn
from the seed and its number alone, most are mutated gently from something valid. They run in process, in workers that
are killed where they hang and started anew every few hundred inputs. Nothing is trained, nothing downloaded.

Asked, of 10,000 inputs: no traceback, no hang over 10 s, no segfault, no memory grown by 200 MB, exit codes 0 to 3 and
one line under 400 characters with each but 0; a quarter of the inputs accepted. The same program finds at least 100
tracebacks at 40 sites in commit 287644d (`git worktree add ../before 287644d`, then `--source ../before`).
The exit code is 1 where anything is found. `--replay SEED:INDEX` runs one input, shows it, and keeps its files.
Command: python benchmarks/fuzz.py --inputs 10000 --seed 1
"""

import argparse
import contextlib
import json
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from fuzzing.drawing import draw
from fuzzing.findings import Summary, Tried, judge
from fuzzing.inputs import Material, write
from fuzzing.tables import QUICK
from fuzzing.workers import Setting, run_all
from record import record

ROOT = Path(__file__).parent.parent
LAWS = ("chinchilla", "power", "chinchilla-tied")
LEAST_ACCEPTED, MANY = 0.25, 200


def gather(source: Path, folder: Path) -> None:
    """What inputs are mutated from, into a folder: examples, fits of former versions and of `source`, a study."""
    examples, fixtures = ROOT / "examples", ROOT / "tests" / "fixtures"
    copies = [
        *(examples / name for name in ("runs.csv", "machine.toml", "model.toml")),
        Path(__file__).parent / "fuzzing" / "models.json",
    ]
    for path in (*copies, *fixtures.glob("fit_*.json")):
        shutil.copy(path, folder)
    shutil.copytree(fixtures / "study_0_1_0", folder / "study")
    setting = Setting(source=source, seed=0, material=folder)
    for law in LAWS:
        words = ("fit", "runs.csv", "--law", law, *QUICK, "--out", f"fit_now_{law}.json")
        done = subprocess.run(
            [sys.executable, "-m", "froude", *words], cwd=folder,
            env=setting.environment(folder), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise SystemExit(f"{source} fits nothing to mutate: {done.stderr.strip()[-300:]}")


def attack(setting: Setting, indices: Sequence[int], n_workers: int) -> Summary:
    """Runs inputs of these numbers and judges each; an interrupt ends it early."""
    begin = time.monotonic()
    tried: list[Tried] = []
    with contextlib.suppress(KeyboardInterrupt):  # what was found until then is told
        for index, reports in run_all(setting, indices, n_workers, progress(len(indices))):
            tried.append(judge(index, reports))
    return Summary(seed=setting.seed, seconds=time.monotonic() - begin, tried=tried)


def progress(n: int) -> Callable[[int], None]:
    """A watcher that writes how far it is, where a person looks."""

    def watch(done: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done} of {n}", end="\n" if done == n else "", file=sys.stderr, flush=True)

    return watch


def replay(setting: Setting, index: int) -> Summary:
    """Runs one input, prints its commands and what came of them, and keeps its files in a folder that is named."""
    given = draw(setting.seed, index, Material.read(setting.material))
    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{setting.seed}-{index}-"))
    write(folder, given.files)
    print(
        f"{given.kind}, in {folder}:", *(f"  froude {shlex.join(words)!a}"[:2000] for words in given.commands), sep="\n"
    )
    ((_, reports),) = run_all(setting, range(index, index + 1), 1, lambda _: None)
    for report in reports:
        print(json.dumps({key: value for key, value in report.items() if key != "error"})[:1500])
        if report.get("error"):
            print(report["error"].pop("traceback") + f"{report['error']['type']}: {report['error']['text']!a}")
            report["error"]["traceback"] = ""
    return Summary(seed=setting.seed, seconds=0.0, tried=[judge(index, reports)])


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--inputs", type=int, default=10000)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--source", type=Path, default=ROOT, help="a checkout whose src is attacked")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--replay", metavar="SEED:INDEX")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--record", action="store_true", help="keep the counts in benchmarks/results, a row a commit")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Attacks and tells what was found; the exit code."""
    options = parse(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="fuzz-material-") as folder:
        source = options.source.resolve()
        gather(source, Path(folder))
        if options.replay:
            seed, _, index = options.replay.partition(":")
            summary = replay(Setting(source=source, seed=int(seed), material=Path(folder)), int(index))
        else:
            setting = Setting(source=source, seed=options.seed, material=Path(folder))
            summary = attack(setting, range(options.first, options.first + options.inputs), options.workers)
    if options.record:
        keep(summary, source)
    return tell(summary, options.json)


def keep(summary: Summary, source: Path) -> None:
    """Writes the counts beside those of other commits, into `results/fuzz.json` and its table in the documents."""
    attacked = subprocess.run(
        ["git", "describe", "--always", "--dirty=+"], cwd=source, capture_output=True, text=True, check=True
    ).stdout.strip()
    path = ROOT / "benchmarks" / "results" / "fuzz.json"
    earlier = json.loads(path.read_text())["rows"] if path.exists() else []
    counts = {kind: f"{n} at {sites}" if n else "0" for kind, (n, sites) in summary.counts().items()}
    row = {"attacked commit": attacked, "inputs": f"{len(summary.tried):,}", "accepted": f"{summary.accepted:.0%}"}
    rows = [each for each in earlier if each["attacked commit"] != attacked] + [row | counts]
    record("fuzz", f"python benchmarks/fuzz.py --inputs {len(summary.tried)} --seed {summary.seed} --record", rows)


def tell(summary: Summary, as_json: bool) -> int:
    """Prints what was found; 1 if anything was, or too few of many inputs were accepted."""
    print(json.dumps(summary.to_dict(), indent=1) if as_json else "\n".join(summary.lines()))
    too_few = len(summary.tried) >= MANY and summary.accepted < LEAST_ACCEPTED
    return int(bool(summary.groups()) or too_few)


if __name__ == "__main__":
    sys.exit(main())
