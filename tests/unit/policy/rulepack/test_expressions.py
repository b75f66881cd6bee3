"""Conditions are parsed whole or not at all, and answer true, false or unknown by name."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.policy.errors import RulepackInvalidError
from tidegate.policy.rulepack.evaluation import Unknown, evaluate
from tidegate.policy.rulepack.expressions import All, Any, Field, Holds, Not, fields, parse

SETS = {"GOOD": ("a", "b")}
INPUTS = {
    "x": {
        "ok": True,
        "bad": False,
        "n": 5,
        "t": "a",
        "risk": "0.05",
        "many": ("a", "c"),
        "gone": None,
    }
}


def answer(text, inputs=None):
    return evaluate(parse(text, SETS), INPUTS if inputs is None else inputs)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("always", True),
        ("false", False),
        ("x.ok", True),
        ("not x.ok", False),
        ("x.ok and x.bad", False),
        ("x.ok or x.bad", True),
        ("x.bad or x.bad", False),
        ("x.ok and (x.bad or x.n = 5)", True),
        ("x.bad and x.ok or x.ok", True),
        ("x.n >= 5 and x.n <= 5 and x.n > 4 and x.n < 6 and x.n != 4", True),
        ("x.n > 5", False),
        ("x.risk <= 0.05", True),
        ("x.risk < 0.049", False),
        ("x.n > -1", True),
        ("x.t = 'a'", True),
        ("x.t in ['b', 'c']", False),
        ("x.t in GOOD", True),
        ("x.t not in GOOD", False),
        ("x.t in x.many", True),
        ("x.n in [4, 5]", True),
        ("x.ok in [1, 2]", False),
        ("x.ok = true", True),
        ("x.ok != false", True),
        ("not (x.ok and x.bad)", True),
    ],
)
def test_a_condition_over_known_inputs_is_true_or_false(text, expected):
    assert answer(text) is expected


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("x.none", ("x.none",)),
        ("y.none", ("y.none",)),
        ("x.gone", ("x.gone",)),
        ("not x.none", ("x.none",)),
        ("x.none and x.ok", ("x.none",)),
        ("x.none or x.bad or y.none", ("x.none", "y.none")),
        ("x.none = 1", ("x.none",)),
        ("x.none < y.none", ("x.none", "y.none")),
        ("x.none in GOOD", ("x.none",)),
        ("x.t in y.none", ("y.none",)),
        ("x.t", ("x.t (of another kind)",)),
        ("x.t < 3", ("x.t (of another kind)",)),
        ("x.ok >= 1", ("x.ok (of another kind)",)),
        ("x.ok = 1", ("x.ok (of another kind)",)),
        ("x.many > 3", ("x.many (of another kind)",)),
        ("x.t in x.n", ("x.n (of another kind)",)),
    ],
)
def test_a_missing_or_useless_input_is_named(text, missing):
    assert answer(text) == Unknown(missing)


@pytest.mark.parametrize("text", ["x.none and x.bad", "x.bad and x.none"])
def test_a_missing_input_that_cannot_matter_is_not_asked_for(text):
    assert answer(text) is False


@pytest.mark.parametrize("text", ["x.none or x.ok", "x.ok or x.none"])
def test_a_missing_alternative_that_cannot_matter_is_not_asked_for(text):
    assert answer(text) is True


@pytest.mark.parametrize(
    "text",
    [
        "",
        "and",
        "x.ok and",
        "x.ok x.ok",
        "(x.ok",
        "'a'",
        "5",
        "x.t in",
        "x.t in [",
        "x.t in ['a'",
        "x.t in [x.ok]",
        "x.t not GOOD",
        "x.t in BAD",
        "__import__('os')",
        "x.ok; x.ok",
        "x",
        "x.y.z",
        'x.t = "a"',
        "x.n + 1 = 6",
    ],
)
def test_anything_else_is_no_condition(text):
    with pytest.raises(RulepackInvalidError, match="cannot be read"):
        parse(text, SETS)


def test_a_condition_tells_which_inputs_it_reads():
    tree = parse("a.b = 1 and (not c.d or e.f in g.h) and 'k' in GOOD and always", SETS)

    assert [str(one) for one in fields(tree)] == ["a.b", "c.d", "e.f", "g.h"]


leaves = st.sampled_from(["p", "q", "r"]).map(lambda name: Holds(Field("x", name)))
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(All, st.tuples(inner, inner)),
        st.builds(Any, st.tuples(inner, inner)),
    ),
    max_leaves=8,
)


def naive(tree, known):
    """Kleene's tables with None for unknown."""
    match tree:
        case Holds(Field(_, name)):
            return known.get(name)
        case Not(inner):
            return {True: False, False: True, None: None}[naive(inner, known)]
        case All((left, right)):
            both = [naive(left, known), naive(right, known)]
            return False if False in both else None if None in both else True
        case Any((left, right)):
            both = [naive(left, known), naive(right, known)]
            return True if True in both else None if None in both else False


@settings(max_examples=150)
@given(trees, st.dictionaries(st.sampled_from(["p", "q", "r"]), st.booleans()))
def test_three_valued_logic_is_kleenes(tree, known):
    found = evaluate(tree, {"x": known})

    assert (None if isinstance(found, Unknown) else found) is naive(tree, known)


@settings(max_examples=60)
@given(trees, st.dictionaries(st.sampled_from(["p", "q", "r"]), st.booleans()), st.booleans())
def test_a_known_answer_never_depends_on_what_is_missing(tree, known, rest):
    found = evaluate(tree, {"x": known})

    if not isinstance(found, Unknown):
        assert evaluate(tree, {"x": dict.fromkeys("pqr", rest) | known}) is found
