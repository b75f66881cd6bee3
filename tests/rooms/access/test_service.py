"""Ways in: who may open them, how long they last, and what closes them."""

from dataclasses import replace

import pyotp
import pytest

from lib.partners_world import quick_ground
from tidegate.access.errors import (
    EmailTakenError,
    LastOperatorError,
    LinkRefusedError,
    NotYourselfError,
    PasswordWeakError,
    PersonDisabledError,
    PersonInvalidError,
    PersonNotFoundError,
    RoleMissingError,
    SessionEndedError,
    SignInBusyError,
    SignInRefusedError,
    TermInvalidError,
    TokenNotFoundError,
    TokenRefusedError,
    TooManyAttemptsError,
)
from tidegate.access.model import AccessSettings, PersonState, Role, system_actor
from tidegate.access.passwords import Passwords
from tidegate.access.service import AccessService

CHEAP = AccessSettings(argon2_memory_kib=8, argon2_passes=1, argon2_lanes=1)
PASSWORD = "the river runs to the sea"
INIT = system_actor("init")


@pytest.fixture
def ground(tmp_path):
    ground = quick_ground(tmp_path, "did:web:localhost%3A7001")
    yield ground
    ground.close()


@pytest.fixture
def access(ground):
    return AccessService(ground.journal, ground.clock, ground.ids, ground.keys, ground.did, CHEAP)


@pytest.fixture
def operator(access):
    return access.add_person("Olga", "olga@example.org", frozenset({Role.OPERATOR}), by=INIT)


@pytest.fixture
def rex(access, operator):
    return access.add_person(
        "Rex", "Rex@Example.org", frozenset({Role.RESEARCHER}), by=operator.as_actor()
    )


def code(ground, enrolment, steps=0):
    return pyotp.TOTP(enrolment.secret).at(int(ground.clock.now().timestamp()) + 30 * steps)


@pytest.fixture
def enrolment(ground, access, rex):
    access.set_password(rex.id, PASSWORD, by=rex.as_actor())
    enrolment = access.enrol_totp(rex.id, by=rex.as_actor())
    access.confirm_totp(rex.id, code(ground, enrolment), by=rex.as_actor())
    ground.clock.advance(seconds=60)
    return enrolment


# People


def test_the_node_makes_its_first_operator(access, operator):
    assert (operator,) == access.list_people()


def test_the_node_makes_no_second_operator(access, operator):
    with pytest.raises(RoleMissingError):
        access.add_person("Eve", "eve@example.org", frozenset({Role.OPERATOR}), by=INIT)


def test_the_node_makes_nobody_but_an_operator(access):
    with pytest.raises(RoleMissingError):
        access.add_person("Eve", "eve@example.org", frozenset({Role.CHECKER}), by=INIT)


def test_only_an_operator_adds_people(access, rex):
    with pytest.raises(RoleMissingError):
        access.add_person("Eve", "eve@example.org", frozenset({Role.RESEARCHER}), by=rex.as_actor())


def test_an_address_belongs_to_one_person(access, operator, rex):
    with pytest.raises(EmailTakenError):
        access.add_person(
            "Rex II", "rex@example.ORG", frozenset({Role.RESEARCHER}), by=operator.as_actor()
        )


@pytest.mark.parametrize(
    ("name", "email", "roles"),
    [
        ("", "a@example.org", {Role.TRAINER}),
        ("A", "nobody", {Role.TRAINER}),
        ("A", "a@example.org", set()),
        ("A" * 201, "a@example.org", {Role.TRAINER}),
    ],
)
def test_a_person_needs_a_name_an_address_and_a_role(access, operator, name, email, roles):
    with pytest.raises(PersonInvalidError):
        access.add_person(name, email, frozenset(roles), by=operator.as_actor())


def test_a_person_is_found_by_id_and_address(access, rex):
    assert rex == access.get_person(rex.id)
    assert rex == access.find_by_email("REX@example.org")
    assert access.find_person("per_none") is None
    with pytest.raises(PersonNotFoundError):
        access.get_person("per_none")


def test_a_reference_names_the_institution_and_the_person(ground, access, rex):
    assert f"{ground.did}#{rex.id}" == access.ref_of(rex.id)


def test_an_operator_changes_roles(access, operator, rex):
    access.change_roles(rex.id, frozenset({Role.TRAINER}), by=operator.as_actor())

    assert frozenset({Role.TRAINER}) == access.get_person(rex.id).roles


def test_nobody_changes_their_own_roles(access, operator):
    with pytest.raises(NotYourselfError):
        access.change_roles(operator.id, frozenset({Role.LEGAL}), by=operator.as_actor())


def test_the_last_operator_stays(access, operator):
    with pytest.raises(LastOperatorError):
        access.disable_person(operator.id, "leaves", by=operator.as_actor())


# Links


def test_a_link_signs_in_once(access, operator, rex):
    secret = access.issue_link(rex.id, by=operator.as_actor())

    session = access.redeem_link(secret)

    assert rex.as_actor() == access.actor_for_session(session.token)
    with pytest.raises(LinkRefusedError):
        access.redeem_link(secret)


def test_a_link_lasts_half_an_hour(ground, access, operator, rex):
    secret = access.issue_link(rex.id, by=operator.as_actor())

    ground.clock.advance(minutes=30)

    with pytest.raises(LinkRefusedError):
        access.redeem_link(secret)


def test_a_longer_link_lasts_longer(ground, access, operator, rex):
    secret = access.issue_link(rex.id, by=operator.as_actor(), minutes=600)

    ground.clock.advance(minutes=599)

    assert rex.id == access.redeem_link(secret).person_id


def test_an_unknown_link_is_refused(access):
    with pytest.raises(LinkRefusedError):
        access.redeem_link("guess")


def test_a_link_for_another_needs_an_operator(access, operator, rex):
    with pytest.raises(RoleMissingError):
        access.issue_link(operator.id, by=rex.as_actor())


# Sessions


@pytest.fixture
def session(access, rex, operator):
    return access.redeem_link(access.issue_link(rex.id, by=operator.as_actor()))


def test_an_idle_session_ends(ground, access, session):
    ground.clock.advance(minutes=30)

    with pytest.raises(SessionEndedError):
        access.actor_for_session(session.token)


def test_a_session_in_use_stays_awake(ground, access, session):
    for _ in range(5):
        ground.clock.advance(minutes=20)
        access.actor_for_session(session.token)


def test_even_a_session_in_use_ends_after_half_a_day(ground, access, session):
    for _ in range(35):
        ground.clock.advance(minutes=20)
        access.actor_for_session(session.token)
    ground.clock.advance(minutes=20)

    with pytest.raises(SessionEndedError):
        access.actor_for_session(session.token)


def test_signing_out_ends_the_session(access, session):
    access.sign_out(session.token)

    with pytest.raises(SessionEndedError):
        access.actor_for_session(session.token)
    with pytest.raises(SessionEndedError):
        access.sign_out(session.token)


def test_old_sessions_are_swept(ground, access, session):
    ground.clock.advance(hours=1)

    access.prune()

    assert access.prune() == 0


# Tokens


def test_a_token_names_its_person(access, operator, rex):
    secret = access.issue_token(rex.id, by=operator.as_actor(), label="notebook")

    assert rex.as_actor() == access.actor_for_token(secret)


def test_a_revoked_token_is_refused(access, operator, rex):
    secret = access.issue_token(rex.id, by=rex.as_actor())
    (token,) = access.list_tokens(rex.id, by=operator.as_actor())

    access.revoke_token(token.id, by=rex.as_actor())

    with pytest.raises(TokenRefusedError):
        access.actor_for_token(secret)


def test_a_token_ends_by_time(ground, access, rex):
    secret = access.issue_token(rex.id, by=rex.as_actor(), days=2)

    ground.clock.advance(days=2)

    with pytest.raises(TokenRefusedError):
        access.actor_for_token(secret)


def test_an_unknown_token_is_refused(access, operator):
    with pytest.raises(TokenRefusedError):
        access.actor_for_token("tgp_guess")
    with pytest.raises(TokenNotFoundError):
        access.revoke_token("tok_none", by=operator.as_actor())


# Disabling


def test_disabling_a_person_ends_every_way_in_at_once(access, operator, rex, session):
    token = access.issue_token(rex.id, by=rex.as_actor())
    link = access.issue_link(rex.id, by=rex.as_actor())

    access.disable_person(rex.id, "left the hospital", by=operator.as_actor())

    assert PersonState.DISABLED is access.get_person(rex.id).state
    with pytest.raises(SessionEndedError):
        access.actor_for_session(session.token)
    with pytest.raises(TokenRefusedError):
        access.actor_for_token(token)
    with pytest.raises(LinkRefusedError):
        access.redeem_link(link)


def test_a_disabled_person_is_given_no_way_in(access, operator, rex):
    access.disable_person(rex.id, "left the hospital", by=operator.as_actor())

    with pytest.raises(PersonDisabledError):
        access.issue_link(rex.id, by=operator.as_actor())
    with pytest.raises(PersonDisabledError):
        access.set_password(rex.id, PASSWORD, by=rex.as_actor())


@pytest.mark.parametrize("way", ["id", "ref", "email"])
def test_whoever_is_named_as_acting_is_found_and_must_not_be_disabled(access, operator, rex, way):
    named = {"id": rex.id, "ref": f"person:{rex.id}", "email": " REX@example.org "}[way]
    assert rex.as_actor() == access.actor_of(named)

    access.disable_person(rex.id, "left the hospital", by=operator.as_actor())

    with pytest.raises(PersonDisabledError, match="may no longer act"):
        access.actor_of(named)


@pytest.mark.parametrize("named", ["per_none", "nobody@example.org", "", "system:cli"])
def test_nobody_acts_under_a_name_that_is_not_known(access, rex, named):
    with pytest.raises(PersonNotFoundError):
        access.actor_of(named)


def test_the_console_acts_as_the_first_operator_who_is_not_disabled(access, operator):
    second = access.add_person(
        "Ona", "ona@example.org", frozenset({Role.OPERATOR}), by=operator.as_actor()
    )
    assert operator.as_actor() == access.first_operator()

    access.disable_person(operator.id, "left", by=second.as_actor())

    assert second.as_actor() == access.first_operator()


def test_a_node_without_an_operator_has_nobody_to_act_as(access):
    with pytest.raises(PersonNotFoundError, match="no active operator"):
        access.first_operator()


def test_a_disabled_person_cannot_redeem_a_used_link(access, operator, rex):
    link = access.issue_link(rex.id, by=rex.as_actor())
    access.redeem_link(link)
    access.disable_person(rex.id, "left the hospital", by=operator.as_actor())

    with pytest.raises(PersonDisabledError):
        access.redeem_link(link)


def test_a_disabled_person_cannot_sign_in(ground, access, operator, rex, enrolment):
    access.disable_person(rex.id, "left the hospital", by=operator.as_actor())

    with pytest.raises(SignInRefusedError):
        access.sign_in(rex.email, PASSWORD, code(ground, enrolment))


# Password and second factor


def test_password_and_code_together_sign_in(ground, access, rex, enrolment):
    session = access.sign_in("rex@example.org", PASSWORD, code(ground, enrolment))

    assert rex.id == access.actor_for_session(session.token).person_id
    assert access.get_person(rex.id).has_totp


def test_a_code_signs_in_once(ground, access, rex, enrolment):
    access.sign_in(rex.email, PASSWORD, code(ground, enrolment))

    with pytest.raises(SignInRefusedError, match="used already"):
        access.sign_in(rex.email, PASSWORD, code(ground, enrolment))


@pytest.mark.parametrize("steps", [-1, 1])
def test_a_clock_may_be_one_step_off(ground, access, rex, enrolment, steps):
    assert access.sign_in(rex.email, PASSWORD, code(ground, enrolment, steps))


def test_a_code_of_another_time_is_refused(ground, access, rex, enrolment):
    with pytest.raises(SignInRefusedError):
        access.sign_in(rex.email, PASSWORD, code(ground, enrolment, 3))


def test_a_wrong_password_is_refused_in_the_words_of_an_unknown_person(ground, access, enrolment):
    with pytest.raises(SignInRefusedError) as wrong:
        access.sign_in("rex@example.org", "not the password", code(ground, enrolment))
    with pytest.raises(SignInRefusedError) as unknown:
        access.sign_in("who@example.org", PASSWORD, "000000")

    assert wrong.value.message == unknown.value.message


def test_a_password_alone_does_not_sign_in(access, rex):
    access.set_password(rex.id, PASSWORD, by=rex.as_actor())

    with pytest.raises(SignInRefusedError):
        access.sign_in(rex.email, PASSWORD, "000000")


def test_an_unconfirmed_second_factor_does_not_count(ground, access, rex):
    access.set_password(rex.id, PASSWORD, by=rex.as_actor())
    enrolment = access.enrol_totp(rex.id, by=rex.as_actor())

    with pytest.raises(SignInRefusedError):
        access.sign_in(rex.email, PASSWORD, code(ground, enrolment))


def test_a_wrong_code_does_not_confirm(access, rex):
    with pytest.raises(SignInRefusedError):
        access.confirm_totp(rex.id, "000000", by=rex.as_actor())
    access.enrol_totp(rex.id, by=rex.as_actor())
    with pytest.raises(SignInRefusedError):
        access.confirm_totp(rex.id, "abc", by=rex.as_actor())


def test_guessing_is_throttled_for_a_while(ground, access, rex, enrolment):
    for _ in range(5):
        with pytest.raises(SignInRefusedError):
            access.sign_in(rex.email, "a guess at it", "000000")

    with pytest.raises(TooManyAttemptsError):
        access.sign_in(rex.email, PASSWORD, code(ground, enrolment))

    ground.clock.advance(minutes=15)
    assert access.sign_in(rex.email, PASSWORD, code(ground, enrolment))


def test_a_count_of_guesses_begins_anew_after_its_window(ground, access, rex, enrolment):
    for _ in range(4):
        with pytest.raises(SignInRefusedError):
            access.sign_in(rex.email, "a guess at it", "000000")
    ground.clock.advance(minutes=16)
    with pytest.raises(SignInRefusedError):
        access.sign_in(rex.email, "a guess at it", "000000")

    assert access.sign_in(rex.email, PASSWORD, code(ground, enrolment))


def test_setting_a_password_ends_the_sessions(access, rex, session):
    access.set_password(rex.id, PASSWORD, by=rex.as_actor())

    with pytest.raises(SessionEndedError):
        access.actor_for_session(session.token)


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaa", "rex@example.org", "x" * 201])
def test_a_weak_password_is_refused(access, rex, password):
    with pytest.raises(PasswordWeakError):
        access.set_password(rex.id, password, by=rex.as_actor())


def test_an_operator_cannot_set_anothers_password(access, operator, rex):
    with pytest.raises(NotYourselfError):
        access.set_password(rex.id, PASSWORD, by=operator.as_actor())


@pytest.mark.parametrize("term", [0, -5, 367, 10**9])
def test_no_token_lives_longer_than_a_year_or_not_at_all(access, rex, term):
    with pytest.raises(TermInvalidError):
        access.issue_token(rex.id, by=rex.as_actor(), days=term)


@pytest.mark.parametrize("term", [0, -5, 10**7, 10**12])
def test_no_link_lives_longer_than_a_week_or_not_at_all(access, rex, operator, term):
    with pytest.raises(TermInvalidError):
        access.issue_link(rex.id, by=operator.as_actor(), minutes=term)


@pytest.mark.parametrize("name", ["Li\r\nWei", "Li\u202eieW", "Li\x00", "Li\u2028Wei"])
def test_a_name_that_deceives_who_reads_it_is_refused(access, operator, name):
    with pytest.raises(PersonInvalidError):
        access.add_person(name, "li@example.org", frozenset({Role.STEWARD}), by=operator.as_actor())


def test_an_endless_reason_is_refused(access, rex, operator):
    with pytest.raises(PersonInvalidError):
        access.disable_person(rex.id, "x" * 1001, by=operator.as_actor())
    assert PersonState.ACTIVE == access.get_person(rex.id).state


def test_guesses_beyond_the_turns_there_are_wait_and_then_are_sent_away(ground):
    cheap = replace(CHEAP, argon2_at_once=1, argon2_patience=0.01)
    passwords = Passwords(cheap)
    kept = passwords.hash(PASSWORD)
    with passwords._turn(), pytest.raises(SignInBusyError):
        passwords.matches(kept, PASSWORD)

    assert passwords.matches(kept, PASSWORD)
