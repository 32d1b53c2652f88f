"""The rules of the house: where imports point, what is public, what a start loads, what documents say."""

import ast
import itertools
import json
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer

import froude
from froude.cli.app import app
from paths import ROOT

SOURCE = ROOT / "src" / "froude"
EXAMPLES = SOURCE / "growth" / "examples"
"""Experiments as a user writes them: run by their path when asked for, never imported; their rules stand below."""

MODULES = sorted(path for path in SOURCE.rglob("*.py") if path.parent != EXAMPLES)
PACKAGES = [path for path in MODULES if path.name == "__init__.py" and path.parent != SOURCE]

FREE = {"errors", "bounds", "files", "documents", "quantity", "host", "result", "provenance", "version", "programs"}
MEASURED = FREE | {"runs", "laws", "cost"}
DECIDED = MEASURED | {"fitting", "planning"}
TOLD = DECIDED | {"growth", "atlas", "answers"}
SHOWN = TOLD | {"drawing"}
MAY_IMPORT = {
    "errors": set(),
    "files": {"errors"},
    "bounds": {"errors"},
    "documents": {"errors"},
    "programs": {"errors"},
    "quantity": {"errors"},
    "host": set(),
    "result": set(),
    "version": set(),
    "provenance": {"result", "version"},
    "runs": FREE | {"cost"},  # a run's configuration says how many parameters it has
    "laws": FREE,
    "cost": FREE,
    "atlas": FREE,
    "engines": FREE,
    "fitting": MEASURED,
    "planning": MEASURED | {"fitting"},
    "tank": FREE | {"runs", "cost", "engines", "answers"},
    "growth": FREE | {"runs"},
    "answers": DECIDED | {"growth", "atlas"},
    "drawing": TOLD,
    "rendering": FREE | {"answers"},
    "reporting": SHOWN,
    "sweeps": FREE | {"runs", "engines", "answers", "fitting"},
    "pilots": SHOWN | {"engines", "tank", "reporting", "sweeps"},
    "froude": SHOWN | {"engines", "tank", "reporting", "rendering", "sweeps", "pilots", "web"},
    "cli": SHOWN | {"engines", "tank", "reporting", "rendering", "sweeps", "pilots", "web", "froude"},
    "web": SHOWN | {"rendering"},
    "__main__": {"cli"},
}
"""The arrows of the design: part of the package → parts it may import. "froude" is the package's own file."""

HEAVY = ("torch", "polars", "narwhals", "pandas", "pyarrow", "scipy", "matplotlib", "jinja2")
TEXTS = {".py", ".md", ".toml", ".j2", ".csv", ".json", ".jsonl", ".svg", ".yml", ".yaml", ".txt", ""}
A_MACHINES_OWN = re.compile(r"(?<![\w.~-])/(?:home|root|Users|work|tmp|mnt|opt)/\w[^\s\"'`)]*")


def part_of(module: str) -> str:
    """The part of the package that a module belongs to: "fit" for "froude.fitting.solver"."""
    return module.split(".")[1] if "." in module else "froude"


WINGS_MAY_IMPORT = {
    "model": set(),
    "machine": {"model"},  # what a size is: a number, or an array of them
    "stack": {"machine"},
    "training": {"model", "machine", "stack"},
    "serving": {"model", "machine", "stack"},
    "papers": {"model", "machine", "stack", "training", "serving"},
}
"""The arrows inside cost: wing → wings it may import."""


def module_of(path: Path) -> str:
    """The dotted name of a source file."""
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(tree: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    """Every module that source code imports, inside functions too, under its absolute name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            home = module.split(".")[: None if is_package else -1]
            base = home[: len(home) - node.level + 1] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            yield name
            if name == "froude":  # `from froude import fit` may mean the part of that name
                yield from (f"froude.{alias.name}" for alias in node.names if (SOURCE / alias.name).is_dir())


def wrong_arrows(text: str, module: str, is_package: bool = False) -> list[str]:
    """The imports in a module's source that the design does not allow."""
    here = part_of(module)
    imports = imports_of(ast.parse(text), module, is_package)
    ours = [name for name in imports if name.split(".")[0] == "froude"]
    return [name for name in ours if part_of(name) != here and part_of(name) not in MAY_IMPORT[here]]


@pytest.mark.parametrize("path", MODULES, ids=module_of)
def test_imports_follow_the_arrows_of_the_design(path):
    assert wrong_arrows(path.read_text(), module_of(path), path.name == "__init__.py") == []


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ("from froude.fitting import Fit", "froude.runs.table"),
        ("def f():\n    import froude.tank.trainer", "froude.fitting.estimation"),
        ("from ..cost import Decoder", "froude.laws.definition"),
        ("from froude import report", "froude.fitting.estimation"),
        ("if TYPE_CHECKING:\n    from froude.cli import run", "froude.pilots.run"),
    ],
)
def test_an_arrow_against_the_design_is_found_wherever_it_stands(text, module):
    assert wrong_arrows(text, module)


def wrong_wings(text: str, module: str) -> list[str]:
    """The imports in a module of cost that its wing must not have."""
    wing = module.split(".")[2]
    names = [name.split(".") for name in imports_of(ast.parse(text), module, is_package=False)]
    others = [name for name in names if name[:2] == ["froude", "cost"] and name[2:3] != [wing]]
    return [".".join(name) for name in others if name[2:3] == [] or name[2] not in WINGS_MAY_IMPORT[wing]]


@pytest.mark.parametrize("path", sorted((SOURCE / "cost").glob("*/**/*.py")), ids=module_of)
def test_training_and_serving_share_what_a_machine_and_a_model_are(path):
    assert wrong_wings(path.read_text(), module_of(path)) == []


@pytest.mark.parametrize("name", ["froude.cost.training.layout", "froude.cost.papers.softmax", "froude.cost"])
def test_an_import_of_another_wing_is_found(name):
    assert wrong_wings(f"def f():\n    from {name} import x", "froude.cost.serving.iteration")


def test_examples_of_growth_are_no_part_of_the_house():
    names = {module_of(path) for path in EXAMPLES.glob("*.py")}
    assert len(names) > 70
    for path in MODULES:
        imports = {*imports_of(ast.parse(path.read_text()), module_of(path), path.name == "__init__.py")}
        assert [name for name in imports if name.startswith("froude.growth.examples")] == []
    for path in EXAMPLES.glob("*.py"):
        tree = ast.parse(path.read_text())
        assert names & {*imports_of(tree, module_of(path), is_package=False)} == set()
        assert [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level] == []


def test_the_arrows_make_no_circle():
    order: list[str] = []
    while len(order) < len(MAY_IMPORT):
        free = [p for p in MAY_IMPORT if p not in order and MAY_IMPORT[p] <= {*order}]
        assert free, f"in a circle: {set(MAY_IMPORT) - {*order}}"
        order += free


@cache
def names_of_modules() -> frozenset[str]:
    """The dotted names of all source files."""
    return frozenset(map(module_of, MODULES))


def imported_modules(path: Path) -> set[str]:
    """The modules of the package that a file imports: inside functions and for types too; a package is its file."""
    names = names_of_modules()
    imported: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names} & names
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names} & names
            imported |= inner or ({node.module} & names)
    return imported - {module_of(path)}


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that reach each other along arrows."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        left = [start]
        while left:
            for after in arrows.get(left.pop(), set()) - seen:
                seen.add(after)
                left.append(after)
        return seen

    beyond = {module: reached(module) for module in arrows}
    tied = {frozenset(b for b in beyond[a] if a in beyond.get(b, set())) for a in arrows if a in beyond[a]}
    return sorted(sorted(group) for group in tied)


def test_no_modules_import_each_other_in_a_circle():
    arrows = {module_of(path): imported_modules(path) for path in MODULES}
    in_circles = circles(arrows)
    print(f"{len(arrows)} modules, {sum(map(len, arrows.values()))} arrows, {len(in_circles)} circles")
    assert in_circles == []


def test_a_circle_is_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [["b", "c"]]


@pytest.mark.parametrize("path", PACKAGES, ids=module_of)
def test_what_a_package_shows_is_what_it_says_it_shows(path):
    tree = ast.parse(path.read_text())
    shown = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("froude")
        for alias in node.names
    }
    exported = [ast.literal_eval(n.value) for n in tree.body if isinstance(n, ast.Assign) and is_all(n)]
    assert sorted(itertools.chain(*exported)) == sorted(shown)


def is_all(node: ast.Assign) -> bool:
    """Whether a statement assigns `__all__`."""
    return [target.id for target in node.targets if isinstance(target, ast.Name)] == ["__all__"]


@pytest.mark.parametrize("path", MODULES, ids=module_of)
def test_every_public_name_has_a_docstring(path):
    tree = ast.parse(path.read_text())
    public = (ast.FunctionDef, ast.ClassDef)
    outer = [node for node in tree.body if isinstance(node, public)]
    inner = [node for holder in outer if isinstance(holder, ast.ClassDef) for node in holder.body]
    named = [node for node in (*outer, *inner) if isinstance(node, public) and is_public(node.name)]
    assert ast.get_docstring(tree)
    assert [node.name for node in named if not ast.get_docstring(node)] == []


def is_public(name: str) -> bool:
    """Whether a name asks for a docstring; PyTorch names two of its own and says what they do."""
    return not name.startswith("_") and name not in ("forward", "backward")


def test_no_two_classes_have_one_name():
    classes = Counter(
        node.name for path in MODULES for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in classes.items() if count > 1] == []


@pytest.mark.parametrize("start", ["import froude", "from froude.cli import run; run(['--help'])"])
def test_a_start_loads_nothing_heavy(start):
    code = f"import json, sys\n{start}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert "froude" in loaded
    assert [name for name in loaded if name in HEAVY] == []


def tracked_texts() -> list[Path]:
    """Every text file of the repository, but none that git or a tool keeps for itself."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True
    )
    if listed.returncode == 0:
        paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    else:  # a source archive has no git
        paths = [p for top in ("src", "tests", "benchmarks", "docs") for p in (ROOT / top).rglob("*")]
        paths = [*paths, *ROOT.glob("*.*")]
    return [path for path in paths if path.suffix in TEXTS and path.is_file()]


def test_no_file_names_a_place_on_somebodys_machine():
    named = {}
    for path in tracked_texts():
        places = A_MACHINES_OWN.findall(path.read_text(errors="replace"))
        if places:
            named[str(path.relative_to(ROOT))] = places[:3]
    assert named == {}


def test_a_place_on_somebodys_machine_is_seen():
    assert A_MACHINES_OWN.findall("see " + "/".join(["", "home", "me", "runs.csv"]) + " there")
    assert not A_MACHINES_OWN.findall("src/home/me, https://a.org/tmp/x and ~/runs/x")


def test_every_law_is_listed(capsys):
    from froude.cli import run

    assert run(["laws"]) == 0
    words = {word for line in capsys.readouterr().out.splitlines() for word in line.split()[:1]}
    assert {law.name for law in froude.all_laws()} <= words


# --- sizes -----------------------------------------------------------------------------------------------

LONGEST_FILE, LONGEST_FUNCTION, LONGEST_NAME = 500, 60, 69
CODE_FILES = sorted(path for top in ("src", "tests", "benchmarks", "examples") for path in (ROOT / top).rglob("*.py"))
TEST_FILES = [path for path in CODE_FILES if path.is_relative_to(ROOT / "tests")]


@cache
def functions_of(path: Path) -> tuple[tuple[str, int], ...]:
    """The functions of a file, inner ones and methods too, each with its lines."""
    nodes = ast.walk(ast.parse(path.read_text()))
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return tuple((node.name, (node.end_lineno or node.lineno) - node.lineno + 1) for node in functions)


def lengths() -> tuple[dict[str, int], dict[str, int]]:
    """Lines by file and by function, longest first."""
    files, functions = {}, {}
    for path in CODE_FILES:
        name = path.relative_to(ROOT).as_posix()
        files[name] = len(path.read_text().splitlines())
        functions |= {f"{name}::{function}": lines for function, lines in functions_of(path)}
    return tuple(dict(sorted(each.items(), key=lambda item: -item[1])) for each in (files, functions))  # pyright: ignore[reportReturnType]


def test_no_file_and_no_function_is_too_long():
    files, functions = lengths()
    for lines in (files, functions):
        print(*(f"{lines} lines: {name}" for name, lines in itertools.islice(lines.items(), 5)), sep="\n")
    long = {name for name, lines in files.items() if lines > LONGEST_FILE}
    long |= {name for name, lines in functions.items() if lines > LONGEST_FUNCTION}
    assert long == set()


def test_names_of_tests_are_short_enough_to_read():
    names = {name for path in TEST_FILES for name, _ in functions_of(path) if name.startswith("test_")}
    print(*sorted(names, key=len)[-5:], sep="\n")
    assert {name: len(name) for name in names if len(name) > LONGEST_NAME} == {}


def test_every_test_of_before_is_mapped_to_one_that_is_there():
    ids = {f"{path.relative_to(ROOT).as_posix()}::{name}" for path in TEST_FILES for name, _ in functions_of(path)}
    head, *lines = (ROOT / "docs" / "test_names.tsv").read_text(encoding="utf-8").splitlines()
    names = dict(line.split("\t") for line in lines)
    assert head.split("\t") == ["old", "new"]
    assert lines == sorted(lines)
    assert {old: new for old, new in names.items() if new not in ids | {"gone"}} == {}, (
        "say in docs/test_names.tsv where they are now"
    )


# --- documents -------------------------------------------------------------------------------------------

CODE = re.compile(r"^(?P<fence>```+)[^\n]*\n(?P<code>.*?)^(?P=fence)\s*$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(froude [a-z][^`\n]*)`")


def commands_in(text: str) -> list[list[str]]:
    """Every `froude …` command in the code of a Markdown text, as words without the program's name."""
    blocks = [block["code"].replace("\\\n", " ").splitlines() for block in CODE.finditer(text)]
    shown = [words for line in itertools.chain(*blocks) for words in commands_of(line)]
    spoken = [words for line in INLINE.findall(CODE.sub("", text)) for words in commands_of(line)]
    # A sentence may name a command without saying what it is given.
    return shown + [words if len(words) > 1 else [*words, "--help"] for words in spoken]


def commands_of(line: str) -> Iterator[list[str]]:
    """The `froude` commands of one line of shell: after a prompt, after `&&`, before a pipe or a comment."""
    lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:  # an unclosed quote: a line of output or of Python
        return
    for is_cut, group in itertools.groupby(words, key=lambda word: not word.strip("|&;<>")):
        command = list(group)
        if not is_cut and command[0].rpartition("/")[2] == "froude":
            yield command[1:]


def complaint(words: list[str]) -> str:
    """What is wrong with the words of a command; nothing if it would run."""
    program = typer.main.get_command(app)
    commands = getattr(program, "commands")  # noqa: B009, typer does not say that it has them
    name, *rest = words
    if any(words == [option] for param in program.params for option in param.opts):
        return ""
    if name not in commands:
        return f"no command {name!r}"
    try:
        commands[name].make_context(name, rest).close()
    except typer.Exit:  # --help
        return ""
    except Exception as error:  # whose class depends on the version of typer
        return " ".join(map(str, [*error.args, getattr(error, "format_message", str)()]))
    return ""


DOCUMENTS = [path for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")) if path.exists()]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_in_a_document_is_a_real_one(path):
    commands = commands_in(path.read_text())
    assert commands
    assert {" ".join(words): complaint(words) for words in commands if complaint(words)} == {}


def test_a_command_in_a_document_that_is_none_is_found():
    text = (
        "Try `froude laws power` or `froude fit`:\n"
        "```bash\n$ froude fit a.csv --lw power | head  # a comment\n"
        "cd x && .venv/bin/froude fut\nfroude predict f.json \\\n  --at N=1,D=2\nprint('froude it\n```\n"
    )
    commands = commands_in(text)
    assert commands == [
        ["fit", "a.csv", "--lw", "power"],
        ["fut"],
        ["predict", "f.json", "--at", "N=1,D=2"],
        ["laws", "power"],
        ["fit", "--help"],
    ]
    assert ["--lw" in complaint(commands[0]), "'fut'" in complaint(commands[1])] == [True, True]
    assert [complaint(words) for words in commands[2:]] == ["", "", ""]
