"""Every machine of the room, over every state, action and actor."""

import itertools

import pytest

from tidegate.kernel.machine import IllegalMoveError
from tidegate.partners.application.rules import APPLICATION, PERMIT
from tidegate.partners.model import (
    ApplicationState,
    MemberState,
    PartnershipState,
    PermitState,
    ProjectState,
)
from tidegate.partners.partnership.rules import PARTNERSHIP
from tidegate.partners.project.rules import PROJECT
from tidegate.partners.space.rules import MEMBERSHIP

A, P = ApplicationState, PartnershipState
TABLE = {
    MEMBERSHIP.name: {(MemberState.ACTIVE, "revoke", "authority"): MemberState.REVOKED},
    PARTNERSHIP.name: {
        (P.PROPOSED, "sign", "counterpart"): P.ACTIVE,
        (P.PROPOSED, "end", "counterpart"): P.ENDED,
        (P.PROPOSED, "end", "proposer"): P.ENDED,
        (P.ACTIVE, "end", "counterpart"): P.ENDED,
        (P.ACTIVE, "end", "proposer"): P.ENDED,
    },
    PROJECT.name: {(ProjectState.LIVE, "close", "lead"): ProjectState.CLOSED},
    APPLICATION.name: {
        (A.SUBMITTED, "approve", "committee"): A.APPROVED,
        (A.SUBMITTED, "refuse", "committee"): A.REFUSED,
        (A.SUBMITTED, "refuse", "rules"): A.REFUSED,
        (A.SUBMITTED, "withdraw", "applicant"): A.WITHDRAWN,
        (A.APPROVED, "withdraw", "applicant"): A.WITHDRAWN,
    },
    PERMIT.name: {
        (PermitState.LIVE, "end", "committee"): PermitState.ENDED,
        (PermitState.LIVE, "end", "applicant"): PermitState.ENDED,
    },
}
MACHINES = (MEMBERSHIP, PARTNERSHIP, PROJECT, APPLICATION, PERMIT)


def cases():
    for machine in MACHINES:
        states = type(machine.start)
        actions = sorted({move.action for move in machine.moves})
        actors = sorted({move.by for move in machine.moves})
        for state, action, by in itertools.product(states, actions, actors):
            yield pytest.param(
                machine, state, action, by, id=f"{machine.name}-{state}-{action}-{by}"
            )


@pytest.mark.parametrize(("machine", "state", "action", "by"), tuple(cases()))
def test_a_move_is_in_the_table_or_refused(machine, state, action, by):
    target = TABLE[machine.name].get((state, action, by))

    if target is not None:
        assert target is machine.step(state, action, by=by).target
        return
    with pytest.raises(IllegalMoveError):
        machine.step(state, action, by=by)


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_state_is_reached_and_only_endings_are_final(machine):
    states = set(type(machine.start))

    assert states == {machine.start, *(move.target for move in machine.moves)}
    assert machine.start not in machine.final()
