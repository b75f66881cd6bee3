"""Policies, agreements and uses for the tests of this room."""

from hypothesis import strategies as st

from tidegate.policy import terms
from tidegate.policy.duo import PURPOSES
from tidegate.policy.model import Agreement, Constraint, Operator, Policy, Rule, UseFacts
from tidegate.policy.vocabulary import research_policy

HOSPITAL = "did:web:hospital.example"
FACULTY = "did:web:faculty.example"


def story_policy(**changes):
    return research_policy(
        **{
            "assignees": (FACULTY,),
            "seats": ("HK",),
            "purposes": ("HMB",),
            "until": "2027-01-01T00:00:00Z",
            "max_uses": 3,
            "delete_within_days": 30,
            "review": "cross-border",
        }
        | changes
    )


def agreement(**changes):
    fields = {
        "id": "urn:uuid:7d9f2c1e-0000-4000-8000-000000000001",
        "role": "provider",
        "dataset_id": "ds_1",
        "version_id": "ver_1",
        "assigner": HOSPITAL,
        "assignee": FACULTY,
        "policy": story_policy(),
        "offer_id": "offer_1",
        "signed_at": "2026-03-02T08:00:00Z",
    }
    return Agreement(**fields | changes)


def good_facts(**changes):
    fields = {
        "assignee": FACULTY,
        "seat": "HK",
        "purpose": "DS",
        "at": "2026-03-02T08:00:00Z",
        "uses_so_far": 0,
        "place": "in-place",
        "minimum_cell": 10,
        "logged": True,
    }
    return UseFacts(**fields | changes)


_dids = st.lists(
    st.from_regex(r"\Adid:web:[a-z]{1,12}\.example\Z"), min_size=1, max_size=3, unique=True
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
