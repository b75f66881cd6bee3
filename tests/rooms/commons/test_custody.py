"""What is offered is what the services let happen, and what they would refuse is not offered."""

from dataclasses import replace

import pytest

from rooms.commons.commons_world import COMMITTEE, GENERAL, RESEARCHER, STEWARD
from tidegate.access.errors import RoleMissingError
from tidegate.access.model import Actor, Role
from tidegate.commons.custody.model import Act
from tidegate.commons.custody.rules import RULES, Rule, acts_for, next_for, since
from tidegate.commons.model import Stage
from tidegate.kernel.errors import TidegateError

OTHER = Actor("person:per_di", "Di Steward", frozenset({Role.STEWARD}))
OPERATOR = Actor("person:per_ed", "Ed Operator", frozenset({Role.OPERATOR}))
AUDITOR = Actor("person:per_fi", "Fi Auditor", frozenset({Role.AUDITOR}))
NOBODY = Actor("system:console", "console", frozenset({Role.STEWARD, Role.COMMITTEE}))
PEOPLE = (STEWARD, OTHER, COMMITTEE, OPERATOR, AUDITOR, RESEARCHER)
SIDE = (
    Act.RECALL,
    Act.RESTRICT,
    Act.UNRESTRICT,
    Act.SUSPEND,
    Act.RESUME,
    Act.QUARANTINE,
    Act.RELEASE,
)


class ReachedError(BaseException):
    """The service has asked everything it asks and begins to write."""


def _tries(commons, version):
    """Return every act as the call of a service."""
    rooms, known = commons, commons.deidentification.find_report(version)
    proposal = commons.classification.find(version)
    tries = {
        Act.PROPOSE: lambda by: rooms.classification.propose(version, GENERAL, by=by),
        Act.APPROVE: lambda by: rooms.classification.approve(
            version, proposal.proposal if proposal else "", by=by
        ),
        Act.DEIDENTIFY: lambda by: _reach(
            rooms.deidentification.check_may(version, "prj_liver", by=by)
        ),
        Act.SIGN: lambda by: rooms.deidentification.sign_risk_report(
            version, known.id if known else "", by=by
        ),
        Act.STORE: lambda by: rooms.holdings.store(version, by=by),
        Act.ARCHIVE: lambda by: rooms.holdings.archive(version, by=by),
        Act.CHECK: lambda by: rooms.holdings.check_fixity(version, by=by),
        Act.REQUEST_DESTRUCTION: lambda by: rooms.destruction.request(version, "over", by=by),
        Act.APPROVE_DESTRUCTION: lambda by: rooms.destruction.approve(version, by=by),
    }
    for act in SIDE:
        tries[act] = lambda by, act=act: rooms.holdings.move_aside(version, act, "x", by=by)
    return tries


def _reach(_holding):
    raise ReachedError


def differing(commons, version, monkeypatch):
    """Try every act as everybody; return where what is offered is not what would happen."""

    def begin(**_):
        raise ReachedError

    tries = _tries(commons, version)
    assert set(Act) == set(tries)
    custody = commons.holdings.custody(version, by=STEWARD)
    found = []
    with monkeypatch.context() as patched:
        patched.setattr(type(commons.ground.journal), "write", lambda _, **said: begin(**said))
        patched.setattr(type(commons.ground.journal), "note", lambda _, **said: None)
        for by in PEOPLE:
            offered = acts_for(by, custody)
            for act, attempt in tries.items():
                try:
                    attempt(by)
                except ReachedError:
                    happens = True
                except TidegateError:
                    happens = False
                if happens is not (act in offered):
                    found.append((custody.holding.stage.value, by.name, act.value, happens))
    return found


def test_what_is_offered_is_what_the_services_let_happen(commons, monkeypatch):
    version = commons.acquire_people().version
    rooms = commons.holdings
    steps = (
        lambda: commons.classification.propose(version, GENERAL, by=STEWARD),
        lambda: commons.approve_classification(version),
        lambda: commons.deidentification.deidentify(
            version, commons.deidentification.default_recipe(version), "prj_liver", by=STEWARD
        ),
        lambda: commons.sign(version),
        lambda: rooms.store(version, by=STEWARD),
        lambda: rooms.move_aside(version, "suspend", "x", by=STEWARD),
        lambda: rooms.move_aside(version, "resume", "x", by=STEWARD),
        lambda: rooms.move_aside(version, "restrict", "x", by=COMMITTEE),
        lambda: rooms.move_aside(version, "unrestrict", "x", by=COMMITTEE),
        lambda: rooms.archive(version, by=STEWARD),
        lambda: rooms.move_aside(version, "quarantine", "x", by=STEWARD),
        lambda: commons.destruction.request(version, "over", by=STEWARD),
        lambda: commons.destruction.approve(version, by=COMMITTEE),
    )
    stages = [rooms.get_holding(version).stage]
    assert [] == differing(commons, version, monkeypatch)
    for step in steps:
        step()
        stages.append(rooms.get_holding(version).stage)
        # A destroyed version has no objects left to hash: nobody needs to be offered that.
        found = differing(commons, version, monkeypatch)
        assert [] == [one for one in found if one[0] != "destroyed" or one[2] != "check"]

    assert set(Stage) - set(stages) == {Stage.PLANNED, Stage.GENERATED}


def test_a_risk_that_is_too_great_is_not_offered_to_be_signed(commons, monkeypatch):
    version = commons.classified()
    recipe = commons.deidentification.read_recipe(version, {"k": 2, "threshold": "1/50"})
    commons.deidentification.deidentify(version, recipe, "prj_liver", by=STEWARD)
    custody = commons.holdings.custody(version, by=COMMITTEE)

    assert Act.SIGN not in acts_for(COMMITTEE, custody)
    assert [] == differing(commons, version, monkeypatch)
    assert Act.DEIDENTIFY is next_for(STEWARD, custody)
    assert custody.holding.report.created_at == since(Act.DEIDENTIFY, custody)


def test_a_version_waits_for_those_who_can_go_on_and_for_nobody_else(commons):
    version = commons.acquire_people().version

    def waits_for(*people):
        return [
            [one.holding.version_id for one in commons.holdings.list_waiting(by=by)]
            for by in people
        ]

    assert [[version], [version], [], []] == waits_for(STEWARD, OTHER, COMMITTEE, AUDITOR)
    commons.classification.propose(version, GENERAL, by=STEWARD)
    assert [[], [version], [version], []] == waits_for(STEWARD, OTHER, COMMITTEE, RESEARCHER)
    commons.approve_classification(version)
    assert [[version], []] == waits_for(STEWARD, COMMITTEE)
    recipe = commons.deidentification.default_recipe(version)
    commons.deidentification.deidentify(version, recipe, "prj_liver", by=STEWARD)
    assert [[], [version], [version]] == waits_for(STEWARD, OTHER, OPERATOR)
    commons.sign(version)
    assert [[version], []] == waits_for(STEWARD, COMMITTEE)
    commons.holdings.store(version, by=STEWARD)
    assert [[], [], []] == waits_for(STEWARD, COMMITTEE, OPERATOR)
    commons.destruction.request(version, "over", by=COMMITTEE)
    assert [[version], []] == waits_for(STEWARD, COMMITTEE)
    commons.destruction.approve(version, by=STEWARD)
    assert [[], []] == waits_for(STEWARD, COMMITTEE)


def test_who_waits_longest_comes_first_and_an_end_stops_the_rest(commons):
    first, second = commons.acquire_people().version, commons.acquire_people().version
    waiting = commons.holdings.list_waiting(by=STEWARD)
    assert [first, second] == [one.holding.version_id for one in waiting]
    assert [one.holding.acquired_at for one in waiting] == sorted(
        since(Act.PROPOSE, one) for one in waiting
    )

    commons.destruction.request(first, "over", by=STEWARD)

    waiting = commons.holdings.list_waiting(by=STEWARD)
    assert [second] == [one.holding.version_id for one in waiting]


def test_only_keepers_look_after_versions(commons):
    version = commons.acquire_people().version

    with pytest.raises(RoleMissingError):
        commons.holdings.custody(version, by=RESEARCHER)
    for by in PEOPLE[:5]:
        assert Stage.ACQUIRED is commons.holdings.custody(version, by=by).holding.stage
    custody = commons.holdings.custody(version, by=NOBODY)
    assert frozenset() == acts_for(NOBODY, custody)


def test_every_act_has_a_rule_that_names_roles():
    assert set(Act) == set(RULES)
    assert all(rule.roles for rule in RULES.values())
    assert replace(Rule(frozenset()), roles=frozenset({Role.STEWARD})).first(None) == ""
