"""Nodes witness each other's logs, and refuse a log that went back or changed its past."""

from dataclasses import replace
from datetime import timedelta

import pytest

from lib.evidence_world import FACULTY, HOSPITAL, Someone, make_world
from tidegate.audit.checkpoint import sign_checkpoint
from tidegate.audit.errors import (
    EvidenceForbiddenError,
    EvidenceMalformedError,
    ForkError,
    LeafNotFoundError,
    SignatureInvalidError,
)

NOW = timedelta(0)


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    made = make_world(tmp_path_factory.mktemp("space"))
    yield made
    made.close()


@pytest.fixture
def hospital(space):
    space[HOSPITAL].act("version.stored", "version:ver_9")
    return space[HOSPITAL]


@pytest.fixture
def faculty(space):
    return space[FACULTY]


def events(node, subject):
    return [leaf.entry.did for leaf in node.evidence.timeline(subject)]


def test_a_round_gives_cosignatures_of_all_other_members(space, hospital):
    asked = hospital.evidence.request_witnesses(at_least_every=NOW)
    space.deliver()

    newest = hospital.evidence.list_witnesses()[:2]
    assert 2 == asked == len({cosigned.statement.witness for cosigned in newest})
    assert "checkpoint.witnessed" in events(hospital, f"node:{HOSPITAL}")


def test_a_second_round_asks_nobody_before_a_day_has_passed(space, hospital):
    hospital.evidence.request_witnesses(at_least_every=NOW)
    space.deliver()
    hospital.act("version.stored", "version:ver_9")

    assert 0 == hospital.evidence.request_witnesses()
    hospital.ground.clock.advance(days=1)
    assert 2 == hospital.evidence.request_witnesses()
    space.deliver()


def test_a_lost_answer_is_made_good_by_the_next_round(space, hospital):
    hospital.evidence.request_witnesses(at_least_every=NOW)
    space.deliver(lose=("witness.given",))
    hospital.act("version.stored", "version:ver_9")

    hospital.evidence.request_witnesses(at_least_every=NOW)
    space.deliver()

    newest = hospital.evidence.list_witnesses()[0].statement
    assert hospital.evidence.latest_checkpoint().checkpoint.size >= newest.size
    assert newest.number == hospital.evidence.list_witnesses()[1].statement.number


def offer(node, **changes):
    """Make a checkpoint, changed and signed anew by its own node."""
    point = replace(node.evidence.checkpoint_now().checkpoint, **changes)
    return sign_checkpoint(point, node.ground.keys.sign_evidence)


def test_a_fork_is_refused_and_the_refusal_is_evidence(space, hospital, faculty):
    hospital.evidence.request_witnesses(at_least_every=NOW)
    space.deliver()
    size = hospital.evidence.list_witnesses()[0].statement.size

    with pytest.raises(ForkError) as caught:
        faculty.evidence.witness(HOSPITAL, offer(hospital, size=size, root="0" * 64), ())

    assert "fork" == caught.value.code
    assert "witness.refused" == events(faculty, f"node:{HOSPITAL}")[-1]


def test_a_log_that_went_back_is_refused(space, hospital, faculty):
    hospital.evidence.request_witnesses(at_least_every=NOW)
    space.deliver()

    with pytest.raises(ForkError) as caught:
        faculty.evidence.witness(HOSPITAL, offer(hospital, size=1), ())

    assert "rollback" == caught.value.code


def test_the_log_of_another_node_is_not_witnessed_for_a_stranger(hospital, faculty):
    with pytest.raises(ForkError) as caught:
        faculty.evidence.witness("did:web:stranger", offer(hospital), ())

    assert "log_mismatch" == caught.value.code


def test_a_checkpoint_its_node_did_not_sign_is_refused(hospital, faculty):
    forged = replace(offer(hospital), signature=offer(faculty).signature)

    with pytest.raises(SignatureInvalidError):
        faculty.evidence.witness(HOSPITAL, forged, ())


def test_a_refusal_reaches_the_node_that_asked(space, hospital):
    hospital.evidence.receive_witness(FACULTY, {"refused": "fork"})

    assert "checkpoint.refused" == events(hospital, f"node:{HOSPITAL}")[-1]


@pytest.mark.parametrize("body", [{}, {"refused": 1}, {"from": "x"}, {"cosignature": 1, "x": 2}])
def test_answers_of_another_form_are_refused(hospital, body):
    with pytest.raises(EvidenceMalformedError):
        hospital.evidence.receive_witness(FACULTY, body)


@pytest.mark.parametrize(
    "body", [{}, {"checkpoint": 1, "proof": [], "from": 0}, {"checkpoint": {}, "proof": 1}]
)
def test_requests_of_another_form_are_refused(hospital, body):
    with pytest.raises(EvidenceMalformedError):
        hospital.evidence.receive_witness_request(FACULTY, body)


def test_a_cosignature_given_twice_is_kept_once(space, hospital):
    hospital.evidence.request_witnesses(at_least_every=NOW)
    space.deliver()
    cosigned = hospital.evidence.list_witnesses()[0]
    before = len(hospital.evidence.list_witnesses())

    hospital.evidence.store_witness(cosigned.statement.witness, cosigned)

    assert before == len(hospital.evidence.list_witnesses())


def test_a_cosignature_of_another_log_is_refused(space, hospital, faculty):
    hospital.evidence.request_witnesses(at_least_every=NOW)
    space.deliver()
    cosigned = hospital.evidence.list_witnesses()[0]

    with pytest.raises(EvidenceMalformedError):
        faculty.evidence.store_witness(cosigned.statement.witness, cosigned)


def test_every_leaf_and_head_is_proven_under_the_newest_checkpoint(hospital):
    point = hospital.evidence.checkpoint_now().checkpoint

    proofs = [hospital.evidence.inclusion_proof(n) for n in range(point.size)]

    assert {point.root} == {proof.root for proof in proofs}
    assert point.heads == hospital.evidence.head_proof("version:ver_9").root
    assert hospital.evidence.consistency_proof(1, point.size)


def test_a_leaf_newer_than_the_newest_checkpoint_is_not_proven_yet(hospital):
    size = hospital.evidence.checkpoint_now().checkpoint.size
    hospital.act("version.stored", "version:ver_9")

    with pytest.raises(LeafNotFoundError) as caught:
        hospital.evidence.inclusion_proof(size)

    assert "checkpoint_pending" == caught.value.code


def test_what_has_not_grown_is_not_signed_again(hospital):
    assert hospital.evidence.checkpoint_now() == hospital.evidence.checkpoint_now()


def test_only_some_roles_export(hospital, tmp_path):
    with pytest.raises(EvidenceForbiddenError):
        hospital.evidence.export(tmp_path / "x.zip", by=Someone(roles=frozenset({"researcher"})))


def test_absent_leaves_and_chains_are_said_to_be_absent(hospital):
    with pytest.raises(LeafNotFoundError):
        hospital.evidence.get_leaf(10_000)
    with pytest.raises(LeafNotFoundError):
        hospital.evidence.head_proof("version:unknown")
