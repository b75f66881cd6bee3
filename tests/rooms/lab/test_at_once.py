"""A query, and what ends or answers it in the same moment."""

from dataclasses import replace

import msgspec
import pytest

from lib.interleaving import act_after
from lib.lab_world import AGREEMENT, CHECKER, HOSPITAL, REF, RESEARCHER, Consumer, Provider
from tidegate.kernel.errors import ConflictError, WithheldError
from tidegate.lab.errors import AskedRacedError
from tidegate.lab.model import RunState
from tidegate.lab.query import model as q
from tidegate.lab.query.wire import write_query
from tidegate.lab.requests import store as asked_store
from tidegate.lab.visits import store
from tidegate.lab.visits.service import MAX_REFUSALS
from tidegate.policy.model import AgreementState

pytestmark = pytest.mark.slow

BY_SEX = q.CohortCount(q.Everyone(), q.Grouping(q.ColumnOf("person", "male")))
TINY = q.CohortCount(q.Has("person", q.OneOf("age", (20,))))


@pytest.fixture
def provider(tmp_path):
    made = Provider(tmp_path)
    yield made
    made.open.forget("ver_one", "the test is over")
    made.ground.close()


@pytest.fixture
def local(provider):
    provider.assessor.cross_border = False
    return provider


@pytest.fixture
def consumer(provider, tmp_path):
    made = Consumer(tmp_path / "faculty", provider)
    yield made
    made.ground.close()


def end_agreement(provider):
    over = replace(AGREEMENT, state=AgreementState.ENDED, ended_reason="The study is over.")
    provider.agreements.agreement = over
    provider.lab.on_agreement_closed(AGREEMENT.id)


def close_gate(provider):
    provider.gate.refuse = WithheldError("The permit has ended.", code="permit_ended")


def close_version(provider):
    provider.versions.move("ver_one", "quarantined")
    provider.lab.on_version_closed("ver_one")


def stop_visit(provider):
    provider.transfers.running = False
    provider.lab.on_visit_stopped("tp_1")


ENDINGS = {
    end_agreement: (RunState.REFUSED, "agreement_ended"),
    close_gate: (RunState.REFUSED, "permit_ended"),
    close_version: (RunState.REFUSED, "version_not_stored"),
    stop_visit: (RunState.STOPPED, "query_stopped"),
}


@pytest.mark.parametrize("end", ENDINGS)
@pytest.mark.parametrize("cross_border", [False, True], ids=["released", "held"])
def test_what_ends_while_a_result_is_judged_lets_none_leave_or_wait(provider, end, cross_border):
    provider.assessor.cross_border = cross_border
    provider.assessor.meanwhile = lambda: end(provider)

    answer = provider.ask(BY_SEX)

    run = provider.lab.list_runs()[0]
    assert ENDINGS[end] == (answer.state, answer.code)
    assert ("", "", []) == (run.result_sealed, run.pending_sealed, provider.sent())


@pytest.mark.parametrize("end", [end_agreement, close_gate, close_version])
def test_what_ends_while_a_checker_clears_a_result_lets_it_not_leave(provider, end):
    answer = provider.ask(BY_SEX)
    provider.assessor.meanwhile = lambda: end(provider)

    with pytest.raises((WithheldError, ConflictError)):
        provider.releases.clear(answer.id, by=CHECKER)

    assert "query.released" not in [kind for kind, _ in provider.sent()]


def test_a_visit_that_is_over_keeps_no_checker_from_clearing_its_result(provider):
    answer = provider.ask(BY_SEX)
    stop_visit(provider)

    assert RunState.RELEASED is provider.releases.clear(answer.id, by=CHECKER)


def test_a_request_sent_twice_at_once_runs_once(monkeypatch, local):
    first = act_after(
        monkeypatch, store, "find_request", lambda: local.ask(BY_SEX, request="the same")
    )

    again = local.ask(BY_SEX, request="the same")

    assert first[0].id == again.id
    assert [first[0].id] == [run.id for run in local.lab.list_runs()]
    assert 999 == local.agreements.uses_left


def test_a_refused_request_sent_twice_at_once_is_refused_once(monkeypatch, local):
    local.gate.refuse = WithheldError("Your training is missing.", code="training_missing")
    first = act_after(
        monkeypatch, store, "find_request", lambda: local.ask(BY_SEX, request="the same")
    )

    again = local.ask(BY_SEX, request="the same")

    assert (first[0].id, "training_missing") == (again.id, again.code)


@pytest.mark.parametrize("when", ["while it is let in", "while it runs"])
def test_queries_asked_at_once_bring_no_further_refusals(monkeypatch, local, when):
    for _ in range(MAX_REFUSALS - 1):
        assert "cohort_too_small" == local.ask(TINY).code
    place = (store, "count_refused") if when == "while it is let in" else (local.engine, "ask")
    other = act_after(monkeypatch, *place, lambda: local.ask(TINY))

    codes = {local.ask(TINY).code, other[0].code}

    assert {"cohort_too_small", "refusals_spent"} == codes


def submit(consumer):
    return consumer.queries.submit(AGREEMENT.id, write_query(BY_SEX), by=RESEARCHER)


def deliver(provider, consumer):
    """Carry the provider's messages to the consumer."""
    receive = {
        "query.released": consumer.queries.receive_query_released,
        "query.closed": consumer.queries.receive_query_closed,
    }
    for kind, payload in provider.sent():
        receive[kind](HOSPITAL, msgspec.json.decode(payload["body"]))


def test_a_result_that_comes_before_the_answer_is_taken_in_stays(monkeypatch, provider, consumer):
    def clear():
        provider.releases.clear(provider.lab.list_runs()[0].id, by=CHECKER)
        deliver(provider, consumer)

    act_after(monkeypatch, asked_store, "get_asked", clear)

    asked = submit(consumer)

    assert RunState.RELEASED is asked.state
    assert 400 == consumer.queries.get_result(asked.id, by=RESEARCHER).total


def test_a_result_that_comes_while_its_agreement_ends_is_told_to_be_destroyed(
    monkeypatch, provider, consumer
):
    asked = submit(consumer)
    provider.releases.clear(asked.remote_id, by=CHECKER)
    act_after(monkeypatch, asked_store, "list_asked_under", lambda: deliver(provider, consumer))

    with pytest.raises(AskedRacedError):
        consumer.queries.on_agreement_ended(AGREEMENT.id)
    consumer.queries.on_agreement_ended(AGREEMENT.id)

    found = consumer.queries.get(asked.id, by=RESEARCHER)
    assert (RunState.RELEASED, "") == (found.state, found.derived_id)
    assert found.destroyed_at


@pytest.mark.parametrize("what", ["the agreement ends", "the version is destroyed"])
def test_a_query_taken_back_while_all_are_stopped_keeps_no_other_from_being_stopped(
    monkeypatch, provider, what
):
    first, second = provider.ask(BY_SEX), provider.ask(q.CohortCount(q.Everyone()))
    ends = what == "the agreement ends"
    act_after(
        monkeypatch,
        store,
        "list_waiting_under" if ends else "list_waiting_of",
        lambda: provider.lab.withdraw(f"{REF}@ver_one", "tp_1", first.id),
    )

    if ends:
        end_agreement(provider)
    else:
        provider.lab.on_version_destroyed("ver_one")

    states = {run.id: run.state for run in provider.lab.list_runs()}
    assert {first.id: RunState.WITHDRAWN, second.id: RunState.STOPPED} == states
    assert not provider.engine._sessions
