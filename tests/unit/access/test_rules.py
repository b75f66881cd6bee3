"""Questions about people: each check has a twin that answers yes or no."""

import pytest

from tidegate.access import rules
from tidegate.access.errors import RoleMissingError
from tidegate.access.model import (
    Actor,
    Person,
    PersonState,
    Role,
    Seat,
    institution_of,
    node_actor,
    person_id_of,
    person_ref,
    system_actor,
)


def person(key="ada", roles=(Role.RESEARCHER,), state=PersonState.ACTIVE):
    return Person(f"per_{key}", key, f"{key}@example.org", frozenset(roles), state)


ADA = person()
OLGA = person("olga", (Role.OPERATOR,))
INIT = system_actor("init")


@pytest.mark.parametrize("role", Role)
def test_a_role_is_held_or_missing(role):
    holder = Actor("person:per_x", "X", frozenset({role}))

    rules.check_has_role(holder, role)
    assert all(rules.has_role(holder, other) is (other is role) for other in Role)


@pytest.mark.parametrize("actor", [rules.ANONYMOUS, INIT, node_actor("did:web:x")])
def test_nobody_else_holds_a_role(actor):
    with pytest.raises(RoleMissingError, match="researcher"):
        rules.check_has_role(actor, Role.RESEARCHER)


@pytest.mark.parametrize(
    ("actor", "roles", "operators", "may"),
    [
        (INIT, {Role.OPERATOR}, 0, True),
        (INIT, {Role.OPERATOR}, 1, False),
        (INIT, {Role.CHECKER}, 0, False),
        (OLGA.as_actor(), {Role.CHECKER}, 1, True),
        (ADA.as_actor(), {Role.CHECKER}, 1, False),
        (rules.ANONYMOUS, {Role.OPERATOR}, 0, False),
    ],
)
def test_who_adds_people(actor, roles, operators, may):
    assert may is rules.may_add_person(actor, roles, operators)


@pytest.mark.parametrize(
    ("actor", "state", "may"),
    [
        (ADA.as_actor(), PersonState.ACTIVE, True),
        (OLGA.as_actor(), PersonState.ACTIVE, True),
        (INIT, PersonState.ACTIVE, True),
        (person("eve").as_actor(), PersonState.ACTIVE, False),
        (OLGA.as_actor(), PersonState.DISABLED, False),
    ],
)
def test_who_gives_a_way_in(actor, state, may):
    assert may is rules.may_help_in(actor, person(state=state))


@pytest.mark.parametrize(
    ("actor", "target", "roles", "others", "may"),
    [
        (OLGA.as_actor(), ADA, {Role.TRAINER}, 0, True),
        (OLGA.as_actor(), OLGA, {Role.TRAINER}, 1, False),
        (ADA.as_actor(), OLGA, {Role.TRAINER}, 1, False),
        (OLGA.as_actor(), person("ole", (Role.OPERATOR,)), {Role.TRAINER}, 1, True),
        (OLGA.as_actor(), person("ole", (Role.OPERATOR,)), {Role.TRAINER}, 0, False),
    ],
)
def test_who_changes_roles(actor, target, roles, others, may):
    assert may is rules.may_change_roles(actor, target, roles, others)


@pytest.mark.parametrize(
    ("actor", "target", "others", "may"),
    [
        (OLGA.as_actor(), ADA, 0, True),
        (OLGA.as_actor(), OLGA, 0, False),
        (OLGA.as_actor(), OLGA, 1, True),
        (ADA.as_actor(), ADA, 1, False),
    ],
)
def test_who_disables(actor, target, others, may):
    assert may is rules.may_disable(actor, target, others)


def test_only_the_person_sets_their_own_proofs():
    assert rules.is_self(ADA.as_actor(), ADA)
    assert not rules.is_self(OLGA.as_actor(), ADA)
    assert not rules.is_self(ADA.as_actor(), person(state=PersonState.DISABLED))


def test_a_reference_comes_apart_as_it_was_made():
    ref = person_ref("did:web:localhost%3A7001", "per_ada")

    assert ("did:web:localhost%3A7001", "per_ada") == (institution_of(ref), person_id_of(ref))


@pytest.mark.parametrize(
    ("seat", "law"),
    [
        (Seat.HK, "HK"),
        (Seat.MO, "MO"),
        (Seat.CN_GBA9, "CN"),
        (Seat.CN_OTHER, "CN"),
        (Seat.OTHER, "OTHER"),
    ],
)
def test_a_seat_is_under_one_law(seat, law):
    assert law == seat.jurisdiction
    assert (law == "CN") is seat.is_mainland


def test_only_a_person_has_a_persons_id():
    assert "per_ada" == ADA.as_actor().person_id
    assert "" == INIT.person_id == node_actor("did:web:x").person_id
    assert INIT.is_system
