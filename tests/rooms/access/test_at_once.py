"""Two things done to people at the same moment: neither undoes what the other has decided."""

import pyotp
import pytest

from lib.interleaving import act_after
from lib.partners_world import quick_ground
from tidegate.access import entry_store, store
from tidegate.access.errors import (
    EmailTakenError,
    LastOperatorError,
    SignInRefusedError,
    TooManyAttemptsError,
)
from tidegate.access.model import AccessSettings, Role, system_actor
from tidegate.access.service import AccessService

CHEAP = AccessSettings(argon2_memory_kib=8, argon2_passes=1, argon2_lanes=1)
OLD, NEW = "the river runs to the sea", "the tide turns twice a day"
INIT = system_actor("init")
OPERATOR = frozenset({Role.OPERATOR})


@pytest.fixture
def ground(tmp_path):
    ground = quick_ground(tmp_path, "did:web:localhost%3A7001")
    yield ground
    ground.close()


@pytest.fixture
def access(ground):
    return AccessService(ground.journal, ground.clock, ground.ids, ground.keys, ground.did, CHEAP)


@pytest.fixture
def olga(access):
    return access.add_person("Olga", "olga@example.org", OPERATOR, by=INIT)


@pytest.fixture
def otto(access, olga):
    return access.add_person("Otto", "otto@example.org", OPERATOR, by=olga.as_actor())


@pytest.fixture
def enrolment(ground, access, olga):
    access.set_password(olga.id, OLD, by=olga.as_actor())
    return access.enrol_totp(olga.id, by=olga.as_actor())


def code(ground, enrolment):
    return pyotp.TOTP(enrolment.secret).at(int(ground.clock.now().timestamp()))


def confirmed(ground, access, olga, enrolment):
    access.confirm_totp(olga.id, code(ground, enrolment), by=olga.as_actor())
    ground.clock.advance(seconds=60)


def operators(access):
    return {each.name for each in access.list_people() if Role.OPERATOR in each.roles}


def test_two_operators_who_demote_each_other_leave_one(monkeypatch, access, olga, otto):
    trainer = frozenset({Role.TRAINER})
    act_after(
        monkeypatch,
        store,
        "count_operators",
        lambda: access.change_roles(olga.id, trainer, by=otto.as_actor()),
    )

    with pytest.raises(LastOperatorError):
        access.change_roles(otto.id, trainer, by=olga.as_actor())

    assert {"Otto"} == operators(access)


def test_two_operators_who_disable_each_other_leave_one(monkeypatch, access, olga, otto):
    act_after(
        monkeypatch,
        store,
        "count_operators",
        lambda: access.disable_person(olga.id, "Left.", by=otto.as_actor()),
    )

    with pytest.raises(LastOperatorError):
        access.disable_person(otto.id, "Left.", by=olga.as_actor())

    assert otto.as_actor() == access.actor_of(otto.id)


def test_an_address_given_to_two_at_once_belongs_to_the_first(monkeypatch, access, olga):
    given = ("rex@example.org", frozenset({Role.RESEARCHER}))
    act_after(
        monkeypatch,
        store,
        "find_by_email",
        lambda: access.add_person("Rex", *given, by=olga.as_actor()),
    )

    with pytest.raises(EmailTakenError):
        access.add_person("Rex II", *given, by=olga.as_actor())


def test_a_password_set_while_a_second_factor_is_confirmed_stays(
    monkeypatch, ground, access, olga, enrolment
):
    act_after(
        monkeypatch,
        store,
        "get_credential",
        lambda: access.set_password(olga.id, NEW, by=olga.as_actor()),
    )
    access.confirm_totp(olga.id, code(ground, enrolment), by=olga.as_actor())
    ground.clock.advance(seconds=60)

    assert access.sign_in(olga.email, NEW, code(ground, enrolment))
    with pytest.raises(SignInRefusedError):
        access.sign_in(olga.email, OLD, code(ground, enrolment))


def test_a_second_factor_begun_anew_while_the_first_is_confirmed_is_not_confirmed(
    monkeypatch, ground, access, olga, enrolment
):
    act_after(
        monkeypatch,
        store,
        "get_credential",
        lambda: access.enrol_totp(olga.id, by=olga.as_actor()),
    )

    with pytest.raises(SignInRefusedError):
        access.confirm_totp(olga.id, code(ground, enrolment), by=olga.as_actor())

    assert not access.get_person(olga.id).has_totp


def test_no_session_of_the_old_password_begins_while_a_new_one_is_set(
    monkeypatch, ground, access, olga, enrolment
):
    confirmed(ground, access, olga, enrolment)
    act_after(
        monkeypatch,
        store,
        "get_credential",
        lambda: access.set_password(olga.id, NEW, by=olga.as_actor()),
    )

    with pytest.raises(SignInRefusedError):
        access.sign_in(olga.email, OLD, code(ground, enrolment))


def test_a_code_used_meanwhile_signs_in_nobody_else(monkeypatch, ground, access, olga, enrolment):
    confirmed(ground, access, olga, enrolment)
    first = act_after(
        monkeypatch,
        entry_store,
        "find_failures",
        lambda: access.sign_in(olga.email, OLD, code(ground, enrolment)),
    )

    with pytest.raises(SignInRefusedError):
        access.sign_in(olga.email, OLD, code(ground, enrolment))

    assert olga.as_actor() == access.actor_for_session(first[0].token)


def test_guesses_that_were_begun_together_are_no_more_than_one_after_another(
    monkeypatch, ground, access, olga, enrolment
):
    confirmed(ground, access, olga, enrolment)

    def guess():
        for _ in range(access.settings.free_failures):
            with pytest.raises(SignInRefusedError):
                access.sign_in(olga.email, "not the password at all", code(ground, enrolment))

    act_after(monkeypatch, access.passwords, "matches", guess)

    with pytest.raises(TooManyAttemptsError):
        access.sign_in(olga.email, OLD, code(ground, enrolment))
