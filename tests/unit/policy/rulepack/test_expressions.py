"""Conditions are parsed whole or not at all, and answer true, false or unknown by name."""

import pytest

from tidegate.policy.errors import RulepackInvalidError
from tidegate.policy.rulepack.evaluation import Unknown, evaluate
from tidegate.policy.rulepack.expressions import fields, parse

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
        ("x.ok in [1, 2]", ("x.ok (of another kind)",)),
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
