"""The examples of growth that ship with Froude: described without being run, and each does what it says."""

import json
import math
import re
import subprocess
import sys

import numpy as np
import pytest

from froude import InputError, growth_examples
from froude.growth import Experiment, Growth, fit_growth, get_growth_example, load_experiment
from paths import ROOT

pytest_plugins = ["door"]

SLOW = ("model_merging", "tensor_products")
EXAMPLES = [
    pytest.param(example.path, id=example.name, marks=[pytest.mark.slow] if example.name in SLOW else [])
    for example in growth_examples()
]


def example(name: str) -> Experiment:
    """One of the examples that ship with the project."""
    pytest.importorskip("scipy")
    return get_growth_example(name).load()


@pytest.mark.parametrize("path", EXAMPLES)
def test_an_example_states_its_claims_and_runs_at_its_smallest_size(path):
    pytest.importorskip("scipy")
    experiment = load_experiment(path)
    assert experiment.expected
    assert "Expected:" in path.read_text()
    data = experiment.prepare(experiment.sizes[0], np.random.default_rng(0))
    for method in experiment.methods.values():
        result = method(data)
        assert experiment.quality is None or math.isfinite(experiment.quality(data, result))


@pytest.mark.parametrize("name", ["fft_convolution", "radix_sort", "sparse_product"])
def test_the_methods_of_an_example_agree(name):
    experiment = example(name)
    data = experiment.prepare(experiment.sizes[1], np.random.default_rng(1))
    first, second = (method(data) for method in experiment.methods.values())
    assert first == pytest.approx(second, abs=1e-9)


def qualities(name: str, sizes: tuple[float, ...], repeats: int = 5) -> dict[str, float]:
    """The exponents of quality of an example's methods at these sizes, nothing timed."""
    experiment = example(name)
    quality, exponents = experiment.quality, {}
    assert quality is not None
    for method, function in experiment.methods.items():
        values = []
        for size in sizes:
            data = [experiment.prepare(size, np.random.default_rng([turn, int(size)])) for turn in range(repeats)]
            values.append([quality(one, function(one)) for one in data])
        fit = fit_growth(sizes, values, floor=False)
        assert isinstance(fit, Growth)
        exponents[method] = fit.exponent
    return exponents


def test_strassen_multiplies_with_exponent_log2_of_7():
    exponents = qualities("strassen", (32, 64, 128, 256), repeats=1)
    assert exponents == pytest.approx({"schoolbook": 3.0, "Strassen": math.log2(7)}, abs=0.003)  # the search's step


@pytest.mark.parametrize("name", ["pagerank_walks", "monte_carlo_product"])
def test_errors_of_random_estimates_fall_with_exponent_minus_one_half(name):
    for exponent in qualities(name, (300, 1000, 3000, 10000, 30000), repeats=9).values():
        assert exponent == pytest.approx(-0.5, abs=0.06)


def test_a_recycled_subspace_saves_products():
    experiment = example("parametric_krylov")
    data = experiment.prepare(8, np.random.default_rng(0))
    assert experiment.methods["recycled"](data) < 0.9 * experiment.methods["GMRES"](data)


def test_examples_are_described_without_running_them():
    code = (
        "import sys, froude; names = [e.name for e in froude.growth_examples()]; "
        "print(len(names), sorted({'scipy', 'torch', 'sklearn', 'zfpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split(maxsplit=1) == [str(len(EXAMPLES)), "[]\n"]
    for one in growth_examples():
        assert one.about.count(". ") == 0, one.name
        assert 30 < len(one.about) < 120, one.name


def test_an_example_names_its_libraries_and_its_rows():
    assert get_growth_example("block_floating_point").libraries == ("sklearn",)
    assert get_growth_example("Radix-Sort.py").libraries == ()
    assert get_growth_example("strassen").rows == ("ft-strassen",)
    (claim,) = get_growth_example("strassen").load().claims
    assert claim.row == "ft-strassen"


def test_an_example_whose_library_is_missing_says_what_installs_it(monkeypatch):
    monkeypatch.setattr("froude.growth.catalogue.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"'tensor_products' needs e3nn.*: pip install 'froude\[growth\]'"):
        get_growth_example("tensor_products").load()


def test_a_name_that_is_no_example_is_refused_with_the_nearest():
    with pytest.raises(InputError, match="no example 'strasen': did you mean strassen"):
        get_growth_example("strasen")
    with pytest.raises(InputError, match="froude grow --list"):
        get_growth_example("xyzzy")


# --- from the command line -------------------------------------------------------------------------------


def test_the_command_lists_the_examples_and_runs_none(cli):
    done = cli("grow", "--list")
    names = [example.name for example in growth_examples()]
    assert [line.split()[0] for line in done.out.splitlines() if line.split()[:1] and line.split()[0] in names] == names
    listed = json.loads(cli("grow", "--list", "--json").out)["examples"]
    assert listed == [example.to_dict() for example in growth_examples()]


def test_the_command_runs_an_example_by_its_name(cli, tmp_path, monkeypatch):
    sizes = "sizes=(16, 32, 64)"
    path = tmp_path / "radix_sort.py"
    path.write_text(re.sub(r"sizes=[^\n]+,", f"{sizes},", get_growth_example("radix_sort").path.read_text()))
    monkeypatch.setattr("froude.growth.catalogue.FOLDER", tmp_path)
    growth_examples.cache_clear()
    try:
        done = cli("grow", "--example", "radix-sort", "--repeats", "2", "--json")
    finally:
        growth_examples.cache_clear()
    assert {row["size"] for row in json.loads(done.out)["medians"]} == {16, 32, 64}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--list", "mine.py"), "--list runs nothing, and 'mine.py' is given too"),
        (("mine.py", "--example", "strassen"), "both 'mine.py' and --example are given"),
        (("--example", "strassen", "--command", "true {n}"), "both --example and --command are given"),
        (("--example", "strassen", "--sizes", "1,2"), "--sizes belongs to --command: 'strassen' declares its own"),
        (("--example", "nothing-like-it"), "no example 'nothing-like-it': froude grow --list shows all of them"),
        (("examples/growth/strassen.py",), "it ships with Froude: froude grow --example strassen"),
        ((), "nothing to grow: give --example NAME"),
    ],
)
def test_words_that_name_no_one_experiment_are_refused(refused, words, says):
    assert says in refused("grow", *words)


def test_the_page_on_growth_lists_the_examples_as_they_are(cli):
    page = (ROOT / "docs" / "growth.md").read_text()
    listed = cli("grow", "--list", "--markdown").out
    assert listed.count("\n- ") > 70
    assert listed in page, "put the output of froude grow --list --markdown there"


def test_the_experiment_on_the_page_is_one(cli, tmp_path):
    page = (ROOT / "docs" / "growth.md").read_text()
    (code,) = re.findall(r"```python\n(.*?EXPERIMENT.*?)```", page, re.DOTALL)
    (tmp_path / "sorting.py").write_text(code)
    experiment = load_experiment(tmp_path / "sorting.py")
    data = experiment.prepare(10, np.random.default_rng(0))
    assert [list(method(data)) for method in experiment.methods.values()] == [sorted(data)] * 2
