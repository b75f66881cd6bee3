"""A partnership is active only with both signatures, and each side can end it."""

from dataclasses import replace

import pytest

from lib import partners_world as story
from lib.partners_world import AUTHORITY, FACULTY, HMB, HOSPITAL, LEGAL, RESEARCHER, terms
from tidegate.access.errors import RoleMissingError
from tidegate.kernel.errors import ConflictError, InvalidError
from tidegate.kernel.machine import IllegalMoveError
from tidegate.partners.errors import (
    NotPartyError,
    PartnershipInvalidError,
    PartnershipNotFoundError,
    SignatureInvalidError,
)
from tidegate.partners.model import PartnershipState
from tidegate.partners.records import MessageInvalidError, to_plain


@pytest.fixture
def world(tmp_path):
    world = story.staged(tmp_path, story.found_space)
    yield world
    world.close()


@pytest.fixture
def ours(world):
    return world.faculty.partnerships


@pytest.fixture
def theirs(world):
    return world.hospital.partnerships


@pytest.fixture
def proposed(ours):
    return ours.propose(terms(), by=LEGAL)


def test_both_sides_sign(world, ours, theirs, proposed):
    world.deliver()
    assert PartnershipState.PROPOSED is theirs.get_partnership(proposed.id).state

    theirs.sign(proposed.id, by=LEGAL)
    world.deliver()

    signed = ours.get_partnership(proposed.id)
    assert PartnershipState.ACTIVE is signed.state
    assert (FACULTY.did, HOSPITAL.did) == tuple(one.did for one in signed.signatures)
    assert signed == theirs.get_partnership(proposed.id)


def test_purposes_and_moments_are_written_in_one_form(ours):
    partnership = ours.propose(terms(scopes=("HMB",), starts="2026-01-01T08:00:00+08:00"), by=LEGAL)

    assert (HMB,) == partnership.scopes
    assert "2026-01-01T00:00:00.000Z" == partnership.starts


@pytest.mark.parametrize(
    "changes",
    [
        {"title": " "},
        {"programme": ""},
        {"seats": ()},
        {"scopes": ()},
        {"scopes": ("curiosity",)},
        {"required_training": ("",)},
        {"expires": "2025-01-01T00:00:00Z"},
        {"expires": "soon"},
        {"parties": (FACULTY.did, FACULTY.did)},
        {"parties": (HOSPITAL.did, FACULTY.did)},
    ],
)
def test_terms_that_make_no_sense_are_refused(ours, changes):
    with pytest.raises(InvalidError):
        ours.propose(terms(**changes), by=LEGAL)


def test_only_the_legal_office_binds(world, ours, theirs, proposed):
    world.deliver()

    with pytest.raises(RoleMissingError):
        ours.propose(terms(), by=RESEARCHER)
    with pytest.raises(RoleMissingError):
        theirs.sign(proposed.id, by=RESEARCHER)
    with pytest.raises(RoleMissingError):
        theirs.end(proposed.id, "no", by=RESEARCHER)


def test_a_stranger_gets_no_proposal(ours):
    with pytest.raises(NotPartyError):
        ours.propose(terms(parties=(FACULTY.did, "did:web:x")), by=LEGAL)


def test_the_proposer_cannot_sign_for_the_other(ours, proposed):
    with pytest.raises(IllegalMoveError):
        ours.sign(proposed.id, by=LEGAL)


def test_either_side_ends_it_for_both(world, ours, theirs, proposed):
    world.deliver()
    theirs.sign(proposed.id, by=LEGAL)
    world.deliver()

    theirs.end(proposed.id, "programme over", by=LEGAL)
    world.deliver()

    assert PartnershipState.ENDED is ours.get_partnership(proposed.id).state
    assert "programme over" == ours.get_partnership(proposed.id).ended_reason
    with pytest.raises(IllegalMoveError):
        ours.end(proposed.id, "again", by=LEGAL)


def test_ending_needs_a_reason(ours, proposed):
    with pytest.raises(PartnershipInvalidError):
        ours.end(proposed.id, " ", by=LEGAL)


def test_a_signature_after_the_end_changes_nothing(world, ours, theirs, proposed):
    world.deliver()
    theirs.sign(proposed.id, by=LEGAL)
    ours.end(proposed.id, "changed our mind", by=LEGAL)
    world.deliver()

    assert PartnershipState.ENDED is ours.get_partnership(proposed.id).state
    assert PartnershipState.ENDED is theirs.get_partnership(proposed.id).state


def test_an_unknown_partnership_is_not_found(ours):
    with pytest.raises(PartnershipNotFoundError):
        ours.get_partnership("psh_none")
    with pytest.raises(PartnershipNotFoundError):
        ours.receive_ended(HOSPITAL.did, {"partnership": "psh_none", "reason": "x"})


# What others may say


def test_a_proposal_comes_from_its_first_party(theirs, proposed):
    with pytest.raises(NotPartyError):
        theirs.receive_proposed(AUTHORITY.did, to_plain(proposed))


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "Other programme"},
        {"required_training": ()},
        {"expires": "2030-01-01T00:00:00.000Z"},
    ],
)
def test_changed_terms_break_the_signature(theirs, proposed, changes):
    with pytest.raises(SignatureInvalidError):
        theirs.receive_proposed(FACULTY.did, to_plain(replace(proposed, **changes)))


@pytest.mark.parametrize(
    "changes",
    [
        {"signatures": ()},
        {"state": PartnershipState.ACTIVE},
    ],
)
def test_a_proposal_carries_one_signature(theirs, proposed, changes):
    with pytest.raises(SignatureInvalidError):
        theirs.receive_proposed(FACULTY.did, to_plain(replace(proposed, **changes)))


def test_terms_in_another_form_are_refused(theirs, proposed):
    with pytest.raises(PartnershipInvalidError):
        theirs.receive_proposed(FACULTY.did, to_plain(replace(proposed, scopes=("HMB",))))


def test_a_known_id_with_other_terms_is_refused(world, theirs, proposed):
    world.deliver()

    with pytest.raises(PartnershipInvalidError):
        theirs.receive_proposed(FACULTY.did, to_plain(replace(proposed, title="Other")))


@pytest.mark.parametrize("token", ["", "a.b.c", "not a token"])
def test_a_malformed_signature_is_refused(theirs, proposed, token):
    (signature,) = proposed.signatures
    forged = replace(proposed, signatures=(replace(signature, jws=token),))

    with pytest.raises(SignatureInvalidError):
        theirs.receive_proposed(FACULTY.did, to_plain(forged))


def test_only_the_counterpart_answers_a_proposal(world, ours, theirs, proposed):
    world.deliver()
    theirs.sign(proposed.id, by=LEGAL)
    (message,) = world.hospital.pending("partnership.signed")

    with pytest.raises(NotPartyError):
        ours.receive_signed(AUTHORITY.did, message)
    with pytest.raises(NotPartyError):
        ours.receive_signed(FACULTY.did, message)


def test_a_signature_of_another_institution_is_refused(world, ours, theirs, proposed):
    world.deliver()
    theirs.sign(proposed.id, by=LEGAL)
    (message,) = world.hospital.pending("partnership.signed")
    own = to_plain(proposed.signatures[0])

    with pytest.raises(SignatureInvalidError):
        ours.receive_signed(
            HOSPITAL.did, {**message, "signature": {**message["signature"], "jws": own["jws"]}}
        )
    with pytest.raises(SignatureInvalidError):
        ours.receive_signed(
            HOSPITAL.did, {**message, "signature": {**message["signature"], "did": FACULTY.did}}
        )


def test_a_third_party_cannot_end_it(ours, proposed):
    with pytest.raises(NotPartyError):
        ours.receive_ended(AUTHORITY.did, {"partnership": proposed.id, "reason": "x"})


def test_a_message_with_more_than_its_form_is_refused(ours, proposed):
    with pytest.raises(MessageInvalidError):
        ours.receive_ended(HOSPITAL.did, {"partnership": proposed.id, "reason": "x", "extra": True})


def test_two_who_decide_at_once_do_not_both_win(world, theirs, proposed):
    world.deliver()
    from tidegate.partners.partnership import store

    known = theirs.get_partnership(proposed.id)
    theirs.end(proposed.id, "no", by=LEGAL)

    with (
        pytest.raises(ConflictError),
        theirs.journal.write(by="x", did="partnership.signed", to=f"partnership:{known.id}") as tx,
    ):
        store.save_partnership(tx.connection, known, expect=known.state)
