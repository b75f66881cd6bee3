"""What a peer says again under another id: how often, and what may not be said again at all."""

import pytest

from lib.boundaries import negotiate_to, prepare_negotiation
from lib.dsp_nodes import FACULTY, HOSPITAL, STEWARD, make_pair, pump
from tidegate.connector.http.model import Answer
from tidegate.connector.messages import store as messages
from tidegate.connector.messages.model import MessageState
from tidegate.connector.messages.read import read
from tidegate.connector.messages.store import write_body
from tidegate.connector.messages.wire import ContractAgreementMessage
from tidegate.connector.negotiation import repeating
from tidegate.connector.negotiation.errors import NegotiationRacedError
from tidegate.connector.negotiation.model import Step
from tidegate.connector.negotiation.repeating import MOST_AGREEMENTS, Repeating


@pytest.fixture
def stage(tmp_path):
    made = prepare_negotiation(*make_pair(tmp_path))
    yield made
    for node in (made.hospital, made.faculty):
        node.ground.close()


def last_said(stage, place):
    """Return the last message posted to that place, with the address it went to."""
    log = stage.hospital.network.log
    return next((url, said) for _, url, said, _ in reversed(log) if url.endswith(place))


def say_again(stage, place, number=1, **changed):
    url, said = last_said(stage, place)
    sender, to = (FACULTY, HOSPITAL) if stage.hospital.base in url else (HOSPITAL, FACULTY)
    return stage.hospital.network.post(
        url,
        said | {"@id": f"urn:uuid:{number}"} | changed,
        authorization=f"Bearer {sender}>{to}",
    )


def newer(stage, number):
    agreement = last_said(stage, "/agreement")[1]["agreement"]
    return {"agreement": agreement | {"@id": f"urn:uuid:a{number}"}}


def test_a_repeat_is_counted_with_the_message_it_repeats(stage):
    negotiate_to(stage, "REQUESTED")

    answers = [say_again(stage, "/request", number) for number in (1, 2)]

    assert [201, 201] == [one.status for one in answers]
    (kept,) = stage.desk("provider").list_messages(stage.pid("provider"))
    assert (kept.attempts, kept.state) == (3, MessageState.ACCEPTED)
    assert 1 == stage.leaves("provider", "negotiation.requested")


def test_a_request_for_the_same_terms_is_a_repeat_only_when_our_answer_was_not_taken(stage):
    negotiate_to(stage, "OFFERED")
    terms = {"permission": [{"action": "use"}]}
    stage.desk("consumer").counter(stage.pid("consumer"), terms, by=STEWARD)
    stage.settle(20.0)
    asked = last_said(stage, "/request")
    early = say_again(stage, "/request")
    stage.hospital.network.answers_instead = [Answer(409)]
    stage.desk("provider").approve(stage.pid("provider"), by=STEWARD)
    pump(stage.hospital)
    stage.hospital.network.log.append(("POST", *asked, 200))

    late = say_again(stage, "/request", 2)

    assert [400, 200] == [early.status, late.status]


def accept_between(stage, monkeypatch, module, looked_at):
    """Have our acceptance acknowledged as soon as that was looked at for the first time."""
    look, looks = getattr(module, looked_at), []

    def accept_after(*args, **more):
        looks.append(look(*args, **more))
        if len(looks) == 1:
            pump(stage.hospital, stage.faculty, seconds=20.0)
        return looks[-1]

    monkeypatch.setattr(module, looked_at, accept_after)


def offered_and_accepted(stage, *answers):
    """Return the negotiation, offered, with our acceptance queued; the first tries end so."""
    negotiate_to(stage, "OFFERED")
    stage.desk("consumer").approve(stage.pid("consumer"), by=STEWARD)
    stage.hospital.network.answers_instead = list(answers)
    if answers:
        pump(stage.faculty)


@pytest.mark.parametrize(
    ("answers", "module", "looked_at"),
    [
        ((), messages, "was_accepted"),
        ((Answer(409),), messages, "find_last_taken"),
        ((Answer(409),), repeating, "_said_before"),
    ],
    ids=["on its way", "tried, before it is looked at", "tried, after it was looked at"],
)
def test_an_offer_said_again_is_refused_once_our_acceptance_is_taken_in_the_same_moment(
    stage, monkeypatch, answers, module, looked_at
):
    offered_and_accepted(stage, *answers)
    accept_between(stage, monkeypatch, module, looked_at)

    answer = say_again(stage, "/offers")

    assert 400 == answer.status
    assert "ACCEPTED" == stage.desk("consumer").get(stage.pid("consumer")).state
    assert 1 == stage.taken("consumer", "offer")


def test_an_offer_said_again_is_a_repeat_while_our_acceptance_was_not_taken(stage):
    offered_and_accepted(stage, Answer(409))

    answer = say_again(stage, "/offers")

    assert (200, "OFFERED") == (answer.status, answer.body["state"])


def test_an_agreement_made_anew_replaces_the_one_that_was_not_verified(stage):
    negotiate_to(stage, "AGREED")

    answer = say_again(stage, "/agreement", **newer(stage, 1))

    one = stage.desk("consumer").get(stage.pid("consumer"))
    assert (200, "urn:uuid:a1", "AGREED") == (answer.status, one.agreement_id, one.state)
    assert 2 == stage.leaves("consumer", "negotiation.agreed")


def test_no_provider_makes_agreements_anew_without_end(stage):
    negotiate_to(stage, "AGREED")

    answers = [
        say_again(stage, "/agreement", number, **newer(stage, number))
        for number in range(1, MOST_AGREEMENTS + 1)
    ]

    assert [200] * (MOST_AGREEMENTS - 1) + [400] == [one.status for one in answers]


def test_an_agreement_made_anew_waits_for_what_happens_at_the_same_moment(stage):
    negotiate_to(stage, "AGREED")
    room, before = stage.faculty.negotiation, stage.desk("consumer").get(stage.pid("consumer"))
    said = last_said(stage, "/agreement")[1] | newer(stage, 1)
    heard = read(write_body(said).encode(), ContractAgreementMessage)
    peer = stage.faculty.identity.authenticate(f"Bearer {HOSPITAL}>{FACULTY}")
    record = room.list_messages(before.pid)[-1]
    stage.desk("consumer").terminate(before.pid, "No more.", by=STEWARD)
    stage.settle()
    answering = Repeating(room._desk)

    assert answering.is_renewal(before, Step.AGREE, heard)
    with pytest.raises(NegotiationRacedError):
        answering.renew(peer, before, record, heard)
