"""Laws: published numbers, changes of unit, and what is derived from a signature."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import designs
from designs import inputs_of, truth_of
from froude.errors import InputError
from froude.laws import Example, Law, all_laws, get_law, law
from froude.laws.formula import symbol
from froude.laws.kinds import Exponent, NatsPerToken, Params, Scale
from froude.laws.lr_history import LearningRates

EVERY_LAW = [pytest.param(each, id=each.name) for each in all_laws()]


def typical(each: Law, seed: int = 0) -> dict[str, float]:
    """Parameters of a law that are neither 0 nor 1, valid for inputs near 1."""
    rng = np.random.default_rng(seed)
    return {name: float(kind.draw(rng, 1, 2.0)[0]) for name, kind in each.kinds.items()}


def near_one(each: Law, values: np.ndarray) -> dict[str, Any]:
    """Inputs (n,) of these values; where a history is wanted, of a rate that falls to a third after as many steps."""
    rates = LearningRates(steps=np.array([0.0, 1.0, 2.0, 9.0]), rates=np.array([0.0, 3.0, 1.0, 1.0]))
    history = rates.changes(np.ceil(values))
    return {x: history if mark.domain == "history" else values for x, mark in each.marks.items()}


TAKEN = [taken for each in all_laws() for taken in ([each.over(x) for x in each.choices] or [each])]


PAPERS = {
    "error-ratio": "dl-scaling-predictable",
    "power-floor": "scaling-laws-autoregressive",
    "farseer": "farseer",
    "overtrained": "overtraining-scaling",
    "step-law-lr": "step-law",
    "step-law-batch": "step-law",
    "kaplan-steps": "unraveling-scaling-laws",
    "critical-batch": "unraveling-scaling-laws",
}
"""Laws → the rows of the atlas whose numbers theirs are."""


@pytest.mark.parametrize(
    ("each", "example"),
    [
        pytest.param(
            each,
            e,
            id=f"{each.name}-{e.constants}-{e.gives}",
            marks=[pytest.mark.atlas(PAPERS[each.name], "modelled")] if each.name in PAPERS else [],
        )
        for each in TAKEN
        for e in each.examples
        if {*e.at} == {*each.inputs}
    ],
)
def test_a_law_reproduces_its_published_numbers(each: Law, example: Example) -> None:
    value = each(**example.at, **each.published[example.constants])
    assert value == pytest.approx(float(example.gives), abs=example.tolerance, rel=0)


@pytest.mark.parametrize("n_params", [1e8, 1e9, 1e10])
def test_kaplans_joint_law_on_endless_data_is_that_of_parameters(n_params: float) -> None:
    alone, joint = get_law("power", x="N"), get_law("kaplan-joint")
    endless = joint(N=n_params, D=1e40, **joint.published["kaplan-2020-limits"])
    assert endless == pytest.approx(alone(N=n_params, **alone.published["kaplan-2020"]), rel=1e-6)


def test_ten_times_the_data_lowers_hestness_word_error_to_0_859() -> None:
    word_model = get_law("power", x="D")
    constants = word_model.published["hestness-2017-word-lm"]
    assert word_model(D=1e9, **constants) / word_model(D=1e8, **constants) == pytest.approx(0.859, abs=5e-4)


def test_kaplan_compute_constant_is_where_the_loss_is_one_nat() -> None:
    compute = get_law("power", x="C")
    assert compute(C=1.6e7 * 8.64e19, **compute.published["kaplan-2020"]) == pytest.approx(1.0, rel=1e-12)


def test_a_varying_exponent_of_weight_zero_is_chinchilla() -> None:
    chinchilla, varying = get_law("chinchilla"), get_law("varying-exponent")
    shared = {"E": 1.7, "A": 300.0, "alpha": 0.3}
    plain = chinchilla(N=1e9, D=2e10, B=1e3, beta=0.35, **shared)
    assert varying(N=1e9, D=2e10, Dc=1e3 ** (1 / 0.35), beta=0.35, kappa=0.0, **shared) == pytest.approx(plain)


COMPOSED = ("chinchilla[D=repeated-tokens]", "chinchilla[N=parallel-streams,D=repeated-tokens]")


@pytest.mark.parametrize("each", [*EVERY_LAW, *(pytest.param(get_law(name), id=name) for name in COMPOSED)])
@settings(max_examples=25)
@given(factor=st.floats(1e-12, 1e12), seed=st.integers(0, 1000))
def test_a_change_of_unit_changes_no_value(each: Law, factor: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    parameters = typical(each, seed)
    inputs = near_one(each, 1 + np.exp(rng.normal(0, 1, 5)))
    # Streams are a pure number.
    units = {unit: factor**k for unit, k in zip(_units_of(each), (1.0, -0.5, 0.25), strict=False)}
    units |= dict.fromkeys(set(each.input_units.values()) - set(_units_of(each)), 1.0)
    factors = {x: units[unit] for x, unit in each.input_units.items()}
    elsewhere = {x: values / factors[x] for x, values in inputs.items()}
    before = each(**inputs, **parameters)
    after = each(**elsewhere, **each.rescale(parameters, factors))
    # What counts as parameters or tokens is counted in the new unit too.
    after = after * (units[each.unit] if each.is_lever else 1.0)
    # Powers of 1e12 to the exponents cost some digits.
    np.testing.assert_allclose(after, before, rtol=1e-9)


def _units_of(each: Law) -> list[str]:
    return list(dict.fromkeys(mark.unit for mark in each.marks.values() if mark.domain != "count"))


@pytest.mark.parametrize("each", EVERY_LAW)
def test_a_law_is_finite_on_its_domain_and_falls_or_rises_where_it_says(each: Law) -> None:
    for taken in [each.over(x) for x in each.choices] or [each]:
        inputs = inputs_of(taken, 200)
        # Constants fitted to curves after a long warm-up say nothing of points before its end.
        published = [] if designs.is_of_curves(taken) else taken.published.values()
        for constants in published or [truth_of(taken)]:
            value = taken(**inputs, **constants)
            assert np.all(np.isfinite(value))
            assert taken.residual == "plain" or np.all(value > 0)
            for x, sign in taken.trend.items():
                more = taken(**{**inputs, x: 1.5 * inputs[x]}, **constants)
                # Saturated terms stay where they are, up to rounding.
                assert np.all(sign * (more - value) >= -1e-12 * np.abs(value)), x


@pytest.mark.parametrize("each", EVERY_LAW)
def test_a_law_broadcasts_over_leading_axes(each: Law) -> None:
    parameters = typical(each)
    inputs = near_one(each, np.array([1.5, 2.0, 3.0]))
    tall = {name: np.full((4, 1), value) for name, value in parameters.items()}
    values = each(**inputs, **tall)
    assert values.shape == (4, 3)
    np.testing.assert_allclose(values[2], each(**inputs, **parameters), rtol=1e-14)


@pytest.mark.parametrize("each", [pytest.param(each, id=each.name) for each in all_laws() if not each.notation])
def test_the_formula_as_printed_computes_the_law(each: Law) -> None:
    parameters, inputs = typical(each), dict.fromkeys(each.inputs, 2.5)
    spelled = each.formula.replace("^", "**").replace("·", "*")
    assert _value_of(spelled, {**parameters, **inputs}) == pytest.approx(each(**inputs, **parameters), rel=1e-12)


def _value_of(expression: str, names: dict[str, float]) -> float:
    import ast
    import operator

    rules = {
        **{ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul},
        **{ast.Div: operator.truediv, ast.Pow: operator.pow},
    }
    functions = {"min": np.minimum, "max": np.maximum, "exp": np.exp, "log": np.log}

    def value(node: ast.AST) -> float:
        if isinstance(node, ast.BinOp):
            return rules[type(node.op)](value(node.left), value(node.right))
        if isinstance(node, ast.UnaryOp):
            return -value(node.operand)
        if isinstance(node, ast.Constant):
            assert isinstance(node.value, int | float)
            return float(node.value)
        if isinstance(node, ast.Call):
            assert isinstance(node.func, ast.Name)
            return functions[node.func.id](*map(value, node.args))
        assert isinstance(node, ast.Name)
        return names[node.id]

    return value(ast.parse(expression, mode="eval").body)


def test_formula_and_latex_read_as_in_the_paper() -> None:
    chinchilla, kaplan = get_law("chinchilla"), get_law("kaplan-joint")
    assert chinchilla.formula == "E + A·N^-alpha + B·D^-beta"
    assert chinchilla.latex == r"E + A N^{-\alpha} + B D^{-\beta}"
    assert kaplan.formula == "((Nc/N)^(alpha_N/alpha_D) + Dc/D)^alpha_D"
    assert get_law("power", x="N").formula == "A·N^-alpha"


def test_a_formula_keeps_the_brackets_that_it_needs() -> None:
    a, b, c = symbol("a"), symbol("b"), symbol("c")
    assert (a - (b - c)).text == "a - (b - c)"
    assert (a - b + c).text == "a - b + c"
    assert (a / (b * c)).text == "a/(b·c)"
    assert ((a * b) ** -c).text == "(a·b)^-c"
    assert np.exp(-(a + b) / 2).text == "exp(-(a + b)/2)"


@pytest.mark.parametrize("each", EVERY_LAW)
def test_every_law_says_what_it_is_and_when_it_is_wrong(each: Law) -> None:
    assert each.about.endswith(".")
    assert each.wrong_when.endswith(".")
    assert each.source
    assert each.unit
    for over in each.choices or {each.inputs[0]: None}:
        taken = each.over(over) if each.choices else each
        for constants in taken.published.values():
            assert tuple(sorted(constants)) == tuple(sorted(each.parameters))
    assert set(each.trust) <= set(each.published)


def test_repetition_and_excess_give_the_published_losses() -> None:
    composed = get_law("chinchilla[N=excess-params,D=repeated-tokens]")
    assert composed.inputs == ("N", "U", "D")
    tied = get_law("chinchilla-tied").published["muennighoff-2023"]
    constants = {**tied, "beta": tied["alpha"], "R_D": 15.387756, "R_N": 5.309743}
    # Computed by the authors' notebook from constants of which seven to nine digits are printed.
    assert composed(N=6.34e9, D=242e9, U=25e9, **constants) == pytest.approx(2.2256440889984477, rel=1e-6)
    assert composed(N=8.67e9, D=178e9, U=25e9, **constants) == pytest.approx(2.2269634075087867, rel=1e-6)


def test_one_stream_and_one_epoch_leave_a_law_as_it_is() -> None:
    composed = get_law("chinchilla[N=parallel-streams,D=repeated-tokens]")
    constants = get_law("chinchilla").published["besiroglu-2024"]
    plain = get_law("chinchilla")(N=1e9, D=2e10, **constants)
    assert composed(N=1e9, D=2e10, U=5e10, P=1.0, k=0.39, R_D=15.4, **constants) == pytest.approx(plain, rel=1e-12)


def test_a_lever_of_another_unit_is_refused() -> None:
    with pytest.raises(InputError, match="repeated-tokens gives tokens and N of chinchilla is in parameters"):
        get_law("chinchilla[N=repeated-tokens]")
    with pytest.raises(InputError, match="chinchilla has no input C to replace"):
        get_law("chinchilla[C=repeated-tokens]")
    with pytest.raises(InputError, match="'D' replaces nothing"):
        get_law("chinchilla[D]")


def test_an_unknown_law_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InputError, match=r"'chinchila'.*did you mean chinchilla"):
        get_law("chinchila")
    with pytest.raises(InputError, match="froude laws lists them"):
        get_law("zzz")


def test_a_law_of_two_inputs_is_not_taken_over_one() -> None:
    with pytest.raises(InputError, match="chinchilla is no law of C alone: it is a law of N and D"):
        get_law("chinchilla", x="C")
    with pytest.raises(InputError, match="power is no law of S alone: it is a law of C or N or D"):
        get_law("power", x="S")


def test_a_value_that_is_missing_or_unknown_is_named() -> None:
    with pytest.raises(InputError, match="power needs a value of alpha"):
        get_law("power")(C=1.0, A=1.0)
    with pytest.raises(InputError, match="power has no beta"):
        get_law("power")(C=1.0, A=1.0, alpha=1.0, beta=1.0)


def test_a_signature_without_kinds_makes_no_law() -> None:
    make = law(source="s", wrong_when="w.", domain={}, carries={})
    with pytest.raises(TypeError, match="annotate A"):

        @make
        def unmarked(N: Params, *, A: float) -> NatsPerToken:
            return A * N


def test_a_unit_carried_to_an_unknown_power_makes_no_law() -> None:
    make = law(source="s", wrong_when="w.", domain={}, carries={"A": {"N": "beta"}})
    with pytest.raises(TypeError, match="makes no sense"):

        @make
        def wrong(N: Params, *, A: Scale, alpha: Exponent) -> NatsPerToken:
            return A * N**-alpha
