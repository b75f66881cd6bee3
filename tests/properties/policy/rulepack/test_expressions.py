"""Conditions are parsed whole or not at all, and answer true, false or unknown by name."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.policy.rulepack.evaluation import Unknown, evaluate
from tidegate.policy.rulepack.expressions import All, Any, Field, Holds, Not

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
