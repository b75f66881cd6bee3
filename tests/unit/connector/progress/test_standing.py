"""What counts as stuck: pure, over every state, side and age."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tidegate.connector.messages.model import Direction, MessageRecord, MessageState, Side
from tidegate.connector.negotiation.machine import FINAL, NEGOTIATION
from tidegate.connector.negotiation.model import NegotiationState
from tidegate.connector.progress.model import NEXT_ACTS, Kind, NextAct, Process, Trouble
from tidegate.connector.progress.rules import _turns, standing
from tidegate.kernel.clock import iso
from tidegate.work.model import Task, TaskState

THEN = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
AT = iso(THEN)
HOUR = THEN + timedelta(hours=1)
SOON = THEN + timedelta(seconds=5)


def process(state="REQUESTED", side=Side.CONSUMER, **changes):
    one = Process(
        kind=Kind.NEGOTIATION,
        pid="urn:uuid:1",
        side=side,
        peer_did="did:web:peer.example",
        state=state,
        is_final=state in {each.value for each in FINAL},
        changed_at=AT,
        turns=_turns(Kind.NEGOTIATION, state),
    )
    return replace(one, **changes)


def message(**changes):
    one = MessageRecord(
        "msg_1", "urn:uuid:1", 0, Direction.OUT, "ContractRequestMessage", "request", "urn:uuid:9",
        {}, MessageState.QUEUED, 0, AT, AT,
    )  # fmt: skip
    return replace(one, **changes)


def task(state=TaskState.WAITING, **changes):
    one = Task(7, "negotiation.deliver", "urn:uuid:1", {}, state, 14, AT, iso(HOUR), None, None)
    return replace(one, **changes)


def troubles(one, messages=(), tasks=(), now=SOON):
    return [each.trouble for each in standing(one, messages, tasks, now).obstacles]


def test_a_process_on_its_way_is_not_stuck():
    assert [] == troubles(process(pending="msg_1"), [message()])
    assert not standing(process(), (), (), SOON).is_stuck


def test_a_message_that_failed_once_is_stuck_at_once_with_its_reason_and_next_try():
    failed = message(attempts=3, code="no_answer", outcome="No answer.")

    (found,) = standing(process(pending="msg_1"), [failed], [task()], SOON).obstacles

    assert (Trouble.FAILING, "No answer.", "no_answer", 3, iso(HOUR)) == (
        found.trouble, found.words, found.code, found.tries, found.next_try_at,
    )  # fmt: skip
    assert NextAct.RETRY is found.acts[0]


def test_a_message_nobody_sends_is_stuck_after_a_minute():
    one, queued = process(pending="msg_1"), [message()]

    assert [] == troubles(one, queued, now=THEN + timedelta(seconds=60))
    assert [Trouble.UNSENT] == troubles(one, queued, now=THEN + timedelta(seconds=61))


def test_waiting_for_a_person_is_stuck_with_the_reason():
    one = process(waiting="person", reason="The terms differ.", reason_code="terms_differ")

    (found,) = standing(one, (), (), SOON).obstacles

    assert (Trouble.PERSON, "The terms differ.", "terms_differ") == (
        found.trouble, found.words, found.code,
    )  # fmt: skip


def test_a_silent_peer_is_stuck_after_ten_minutes():
    one = process("REQUESTED", Side.CONSUMER)

    assert [] == troubles(one, now=THEN + timedelta(minutes=10))
    assert [Trouble.SILENT] == troubles(one, now=THEN + timedelta(minutes=10, seconds=1))


def test_our_turn_that_nothing_takes_is_held_after_a_minute():
    assert [Trouble.HELD] == troubles(process("REQUESTED", Side.PROVIDER), now=HOUR)


def test_a_question_about_rows_waits_for_its_answer_and_is_not_held():
    one = process("REQUESTED", Side.PROVIDER)

    (found,) = standing(one, (), (), HOUR, asked_since=AT).obstacles

    assert (Trouble.APPROVAL, AT, NextAct.ANSWER) == (found.trouble, found.since, found.acts[0])
    failed, ending = message(attempts=1, code="no_answer"), replace(one, pending="msg_1")
    (found,) = standing(ending, [failed], (), HOUR, asked_since=AT).obstacles
    assert Trouble.FAILING is found.trouble
    over = replace(one, is_final=True)
    assert not standing(over, (), (), HOUR, asked_since=AT).is_stuck


def test_our_turn_with_a_planned_reaction_is_not_held():
    assert [] == troubles(process("REQUESTED", Side.PROVIDER), tasks=[task()], now=HOUR)


def test_a_parked_task_is_stuck_even_when_the_process_is_over():
    parked = task(TaskState.PARKED, problem="It refused.", problem_code="message_declined")

    (found,) = standing(process("TERMINATED"), (), [parked], SOON).obstacles

    assert (Trouble.PARKED, 7, "It refused.") == (found.trouble, found.task, found.words)


@pytest.mark.parametrize("state", sorted(FINAL))
def test_what_is_over_is_never_stuck_by_age(state):
    assert [] == troubles(process(state.value), now=HOUR)


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("state", [each for each in NegotiationState if each not in FINAL])
def test_every_open_state_becomes_stuck_for_each_side_sooner_or_later(state, side):
    assert 1 == len(troubles(process(state.value, side), now=HOUR))


@pytest.mark.parametrize("state", [each for each in NegotiationState if each not in FINAL])
def test_whose_turn_it_is_follows_the_machine(state):
    movers = {m.by for m in NEGOTIATION.moves if m.source == state and m.action != "terminate"}

    assert movers == {side.value for side in _turns(Kind.NEGOTIATION, state.value)}


@pytest.mark.parametrize("state", ["STARTED", "SUSPENDED"])
def test_a_transfer_may_rest_where_data_flow_or_are_held(state):
    one = process(state, kind=Kind.TRANSFER, turns=_turns(Kind.TRANSFER, state))

    assert [] == troubles(one, now=HOUR)


def test_a_transfer_that_was_asked_for_and_is_not_answered_is_stuck():
    one = process("REQUESTED", kind=Kind.TRANSFER, turns=_turns(Kind.TRANSFER, "REQUESTED"))

    assert [Trouble.SILENT] == troubles(one, now=HOUR)


def test_every_trouble_has_something_to_do_and_can_be_ended():
    assert set(Trouble) == set(NEXT_ACTS)
    assert all(NextAct.TERMINATE in acts and len(acts) > 1 for acts in NEXT_ACTS.values())
