"""Any policy, for what holds of every one."""

from hypothesis import strategies as st

from tidegate.policy import terms
from tidegate.policy.duo import PURPOSES
from tidegate.policy.model import Constraint, Operator, Policy, Rule

_names = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=12)
_dids = st.lists(
    _names.map(lambda name: f"did:web:{name}.example"), min_size=1, max_size=3, unique=True
)
_seats = st.lists(st.sampled_from(["HK", "MO", "CN-GBA9", "OTHER"]), min_size=1, unique=True)
_purposes = st.lists(st.sampled_from([one.iri for one in PURPOSES]), min_size=1, unique=True)
_moments = st.datetimes().map(lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0"))
_whole = st.integers(1, 10**6).map(str)


def _one(left, operators, rights):
    return st.builds(Constraint, st.just(left), st.sampled_from(operators), rights)


_listed = (Operator.IS_ANY_OF,)
_use_constraints = st.one_of(
    _one(terms.RECIPIENT, _listed, _dids.map(tuple)),
    _one(terms.SEAT, (*_listed, Operator.IS_NONE_OF), _seats.map(tuple)),
    _one(terms.PURPOSE, _listed, _purposes.map(tuple)),
    _one(terms.DATE_TIME, (Operator.GTEQ, Operator.LT), _moments),
    _one(terms.COUNT, (Operator.LTEQ, Operator.LT), _whole),
    _one(terms.MINIMUM_CELL, (Operator.GTEQ,), _whole),
    _one(terms.COMPUTE_PLACE, (Operator.EQ,), st.just("in-place")),
    _one(terms.OUTPUT_REVIEW, (Operator.EQ,), st.sampled_from(["every", "cross-border"])),
)
_deletes = st.builds(
    lambda days: Rule(terms.DELETE, (Constraint(terms.DELAY, Operator.LTEQ, f"P{days}D"),)),
    st.integers(1, 99999),
)
_duties = st.lists(st.one_of(_deletes, st.just(Rule(terms.RECORD_USE))), max_size=3).map(tuple)
_permissions = st.builds(
    Rule, st.just("use"), st.lists(_use_constraints, max_size=6).map(tuple), _duties
)
_prohibitions = st.one_of(
    st.sampled_from([Rule(terms.DISTRIBUTE), Rule(terms.REIDENTIFY)]),
    st.builds(Rule, st.just("use"), st.lists(_use_constraints, max_size=3).map(tuple)),
)
policies = st.builds(
    Policy,
    st.lists(_permissions, min_size=1, max_size=3).map(tuple),
    st.lists(_prohibitions, max_size=3).map(tuple),
    _duties,
)
"""Any policy this node understands, sound or contradictory."""
