"""Laws: published numbers, changes of unit, and what is derived from a signature."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from froude.errors import InputError
from froude.laws import Law, all_laws, get_law, law
from froude.laws.formula import symbol
from froude.laws.kinds import Exponent, NatsPerToken, Params, Scale

EVERY_LAW = [pytest.param(each, id=each.name) for each in all_laws()]


def typical(each: Law, seed: int = 0) -> dict[str, float]:
    """Parameters of a law that are neither 0 nor 1, valid for inputs near 1."""
    rng = np.random.default_rng(seed)
    return {name: float(kind.draw(rng, 1, 2.0)[0]) for name, kind in each.kinds.items()}


@pytest.mark.parametrize(
    ("constants", "loss"),
    [("hoffmann-2022", 1.93665), ("hoffmann-2022-tex", 1.92084), ("besiroglu-2024", 1.97388)],
)
def test_chinchilla_constants_give_the_published_loss_at_70b_and_1_4t(constants: str, loss: float) -> None:
    chinchilla = get_law("chinchilla")
    # The reference is given to five digits.
    assert chinchilla(N=70e9, D=1.4e12, **chinchilla.published[constants]) == pytest.approx(loss, abs=5e-6)


@pytest.mark.parametrize(("n_params", "loss"), [(1e8, 2.830), (1e9, 2.376), (1e10, 1.994)])
def test_kaplan_constants_give_the_published_loss_of_parameters(n_params: float, loss: float) -> None:
    alone = get_law("power", x="N")
    joint = get_law("kaplan-joint")
    assert alone(N=n_params, **alone.published["kaplan-2020"]) == pytest.approx(loss, abs=1.5e-3)
    # With endless data the joint law is the law of parameters alone.
    endless = joint(N=n_params, D=1e40, **joint.published["kaplan-2020-limits"])
    assert endless == pytest.approx(loss, abs=1.5e-3)


def test_ten_times_the_data_lowers_the_error_of_hestness_word_model_to_0_859() -> None:
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


@pytest.mark.parametrize("each", EVERY_LAW)
@given(factor=st.floats(1e-12, 1e12), seed=st.integers(0, 1000))
def test_a_change_of_unit_changes_no_value(each: Law, factor: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    parameters = typical(each, seed)
    inputs = {x: np.exp(rng.normal(0, 1, 5)) for x in each.inputs}
    factors = {x: factor**k for x, k in zip(each.inputs, (1.0, -0.5), strict=False)}
    elsewhere = {x: values / factors[x] for x, values in inputs.items()}
    before = each(**inputs, **parameters)
    after = each(**elsewhere, **each.rescaled(parameters, factors))
    # Powers of 1e12 to the exponents cost some digits.
    np.testing.assert_allclose(after, before, rtol=1e-9)


@pytest.mark.parametrize("each", EVERY_LAW)
def test_a_law_broadcasts_over_leading_axes(each: Law) -> None:
    parameters = typical(each)
    inputs = {x: np.array([0.5, 1.0, 3.0]) for x in each.inputs}
    tall = {name: np.full((4, 1), value) for name, value in parameters.items()}
    values = each(**inputs, **tall)
    assert values.shape == (4, 3)
    np.testing.assert_allclose(values[2], each(**inputs, **parameters), rtol=1e-15)


@pytest.mark.parametrize("each", EVERY_LAW)
def test_the_formula_as_printed_computes_the_law(each: Law) -> None:
    parameters, inputs = typical(each), dict.fromkeys(each.inputs, 2.5)
    spelled = each.formula.replace("^", "**").replace("·", "*")
    assert _value_of(spelled, {**parameters, **inputs}) == pytest.approx(each(**inputs, **parameters), rel=1e-12)


def _value_of(expression: str, names: dict[str, float]) -> float:
    import ast
    import operator

    rules = {ast.Add: operator.add, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Pow: operator.pow}

    def value(node: ast.AST) -> float:
        if isinstance(node, ast.BinOp):
            return rules[type(node.op)](value(node.left), value(node.right))
        if isinstance(node, ast.UnaryOp):
            return -value(node.operand)
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
    assert each.summary.endswith(".")
    assert each.wrong_when.endswith(".")
    assert each.source
    assert each.unit
    for over in each.choices or {each.inputs[0]: None}:
        taken = each.over(over) if each.choices else each
        for constants in taken.published.values():
            assert tuple(sorted(constants)) == tuple(sorted(each.parameters))
    assert set(each.trust) <= set(each.published)


def test_an_unknown_law_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InputError, match=r"'chinchila'.*did you mean chinchilla"):
        get_law("chinchila")
    with pytest.raises(InputError, match="there are power, power-floor, chinchilla"):
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
    make = law(source="s", wrong_when="w.", carries={})
    with pytest.raises(TypeError, match="annotate A"):

        @make
        def unmarked(N: Params, *, A: float) -> NatsPerToken:
            return A * N


def test_a_unit_carried_to_an_unknown_power_makes_no_law() -> None:
    make = law(source="s", wrong_when="w.", carries={"A": {"N": "beta"}})
    with pytest.raises(TypeError, match="makes no sense"):

        @make
        def wrong(N: Params, *, A: Scale, alpha: Exponent) -> NatsPerToken:
            return A * N**-alpha
