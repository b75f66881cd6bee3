"""The life of an agreement over every state, action and actor."""

from itertools import product

import pytest

from tidegate.access.errors import RoleMissingError
from tidegate.access.model import Actor, Role, system_actor
from tidegate.kernel.machine import IllegalMoveError
from tidegate.policy.errors import (
    AgreementChangeRefusedError,
    AgreementCorruptError,
    UseWithheldError,
)
from tidegate.policy.model import AgreementState
from tidegate.policy.odrl import seal
from tidegate.policy.rules import (
    AGREEMENT_LIFE,
    CLOCK,
    change,
    check_may_change,
    check_performs,
    may_change,
)
from unit.policy.policies import FACULTY, HOSPITAL, agreement, good_facts

AT = "2026-03-02T09:00:00.000Z"
ACTIVE, SUSPENDED, ENDED = AgreementState
LEGAL = {
    ("suspend", ACTIVE, "side"): SUSPENDED,
    ("suspend", SUSPENDED, "side"): SUSPENDED,
    ("resume", SUSPENDED, "side"): ACTIVE,
    ("end", ACTIVE, "side"): ENDED,
    ("end", SUSPENDED, "side"): ENDED,
    ("end", ACTIVE, "clock"): ENDED,
    ("end", SUSPENDED, "clock"): ENDED,
}


@pytest.mark.parametrize(
    ("action", "state", "by"),
    list(product(("suspend", "resume", "end"), AgreementState, ("side", "clock", "stranger"))),
)
def test_exactly_the_moves_of_the_table_exist(action, state, by):
    target = LEGAL.get((action, state, by))

    if target is None:
        with pytest.raises(IllegalMoveError):
            AGREEMENT_LIFE.step(state, action, by=by)
    else:
        assert AGREEMENT_LIFE.step(state, action, by=by).target is target


def test_an_ended_agreement_never_moves_again():
    assert AGREEMENT_LIFE.final() == {ENDED}


def suspended(*sides):
    whole = seal(agreement())
    for side in sides:
        whole = change(whole, "suspend", side=side, reason="r", at=AT)
    return whole


def test_the_side_that_suspended_resumes():
    resumed = change(suspended(HOSPITAL), "resume", side=HOSPITAL, reason="r", at=AT)

    assert (resumed.state, resumed.suspended_by) == (ACTIVE, ())


def test_the_other_side_cannot_resume():
    with pytest.raises(AgreementChangeRefusedError, match="Only the side"):
        change(suspended(HOSPITAL), "resume", side=FACULTY, reason="r", at=AT)


def test_while_the_other_side_suspends_it_stays_suspended():
    both = suspended(HOSPITAL, FACULTY)

    once = change(both, "resume", side=HOSPITAL, reason="r", at=AT)

    assert (once.state, once.suspended_by) == (SUSPENDED, (FACULTY,))
    assert change(once, "resume", side=FACULTY, reason="r", at=AT).state is ACTIVE


def test_the_end_keeps_moment_and_reason():
    ended = change(suspended(HOSPITAL), "end", side=CLOCK, reason="expired", at=AT)

    assert (ended.state, ended.ended_at, ended.ended_reason) == (ENDED, AT, "expired")


@pytest.mark.parametrize("role", Role)
def test_who_may_change_an_agreement(role):
    actor = Actor("person:per_1", "A", frozenset({role}))
    allowed = role in {Role.STEWARD, Role.LEGAL, Role.COMMITTEE, Role.OPERATOR}

    assert may_change(actor) is allowed
    if not allowed:
        with pytest.raises(RoleMissingError):
            check_may_change(actor)


def test_the_node_itself_may_change_an_agreement():
    assert may_change(system_actor("end_expired"))


def test_a_changed_agreement_performs_nothing():
    with pytest.raises(AgreementCorruptError, match="differs"):
        check_performs(agreement(digest="0" * 64), good_facts())


def test_only_the_one_it_was_made_with_performs():
    with pytest.raises(UseWithheldError, match="another participant"):
        check_performs(seal(agreement()), good_facts(assignee=None))


@pytest.mark.parametrize("action", ["suspend", "end"])
def test_a_suspended_or_ended_agreement_performs_nothing(action):
    stopped = change(seal(agreement()), action, side=HOSPITAL, reason="the study ended", at=AT)

    with pytest.raises(UseWithheldError) as refused:
        check_performs(stopped, good_facts())

    assert refused.value.code == f"agreement_{stopped.state}"
