"""Queries at the provider, from the token to the release."""

from dataclasses import replace

import msgspec
import pytest
from sqlalchemy import select

from lib.lab_data import make_tables
from lib.lab_world import AGREEMENT, CHECKER, HOSPITAL, REF, RESEARCHER, Consumer, Provider
from tidegate.access.errors import RoleMissingError
from tidegate.access.model import Actor, Role
from tidegate.db.tables.audit import audit_leaf
from tidegate.db.tables.lab import FAMILY, RUN
from tidegate.kernel.errors import ForbiddenError, WithheldError
from tidegate.kernel.machine import IllegalMoveError
from tidegate.lab.errors import (
    NotTheCheckerError,
    NotTheProviderError,
    QueryInvalidError,
    QueryNotFoundError,
    SealBrokenError,
    TooCloseError,
)
from tidegate.lab.model import QUERY_LIFE, RunState
from tidegate.lab.query import model as q
from tidegate.lab.query.wire import write_query
from tidegate.lab.visits.service import MAX_REFUSALS
from tidegate.policy.model import AgreementState, Constraint, Policy, Rule

pytestmark = pytest.mark.slow

EVERYONE = q.CohortCount(q.Everyone())
BY_SEX = q.CohortCount(q.Everyone(), q.Grouping(q.ColumnOf("person", "male")))


def age_over(value):
    return q.CohortCount(q.Has("person", q.Compare("age", q.Comparison.GE, value)))


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


def test_a_result_that_crosses_the_border_waits_for_a_checker(provider):
    answer = provider.ask(BY_SEX)

    assert RunState.AWAITING_CHECKER == answer.state
    assert [] == provider.sent()


def test_a_cleared_result_is_sent_to_the_asking_node(provider):
    answer = provider.ask(BY_SEX)

    state = provider.releases.clear(answer.id, by=CHECKER)

    assert RunState.RELEASED == state
    assert ["query.released"] == [kind for kind, _ in provider.sent()]


def test_a_refused_result_is_told_with_its_reason_and_kept_nowhere(provider):
    answer = provider.ask(BY_SEX)

    provider.releases.refuse(answer.id, "The table shows too much.", by=CHECKER)

    run = provider.lab.list_runs()[0]
    assert (RunState.REFUSED, "") == (run.state, run.result_sealed)
    assert ["query.closed"] == [kind for kind, _ in provider.sent()]


def test_nobody_clears_their_own_query(provider):
    own = Actor("person:per_c", "Both", frozenset({Role.CHECKER}))
    answer = provider.ask(BY_SEX, ref=f"{HOSPITAL}#per_c")

    with pytest.raises(NotTheCheckerError):
        provider.releases.clear(answer.id, by=own)


def test_nobody_clears_a_result_of_a_study_they_take_part_in(provider):
    answer = provider.ask(BY_SEX)
    provider.gate.study = (REF, f"{HOSPITAL}#per_c")

    with pytest.raises(NotTheCheckerError) as refusal:
        provider.releases.clear(answer.id, by=CHECKER)

    assert "own_study" == refusal.value.code
    assert [] == provider.sent()


def test_only_a_checker_sees_what_waits(provider):
    with pytest.raises(RoleMissingError):
        provider.releases.list_waiting(by=RESEARCHER)


def test_a_result_inside_the_border_leaves_at_once(local):
    assert RunState.RELEASED == local.ask(BY_SEX).state


def test_an_agreement_that_asks_for_review_of_every_result_is_kept(local):
    review = Constraint("https://w3id.org/tidegate/policy/outputReview", "eq", "every")
    policy = Policy((Rule("use", (review,)),))
    local.agreements.agreement = replace(AGREEMENT, policy=policy)

    assert RunState.AWAITING_CHECKER == local.ask(BY_SEX).state


def test_a_cohort_differing_by_few_people_is_refused_with_what_to_change(local):
    local.ask(age_over(20))
    near = next(a for a in range(21, 90) if 0 < under(local, a) < 10)

    answer = local.ask(age_over(near))

    assert (RunState.REFUSED, "too_close_to_earlier_release") == (answer.state, answer.code)
    assert "Change a condition" in answer.reason


def under(provider, age):
    return sum(row["age"] < age for row in provider.tables["ver_one"]["person"])


@pytest.mark.parametrize("kind", ["count", "curve of a cohort", "curve by a condition"])
def test_a_refusal_does_not_tell_whether_anybody_has_a_rare_value(local, kind):
    answers = [local.ask(_without(kind, age)) for age in (150, _rare_age(local))]

    assert 1 == len({(answer.state, answer.code, answer.reason) for answer in answers})
    assert RunState.REFUSED == answers[0].state


def test_who_tries_conditions_to_hear_which_are_refused_is_stopped_for_a_day(local):
    tiny = q.CohortCount(q.Has("person", q.OneOf("age", (20,))))
    codes = [local.ask(tiny).code for _ in range(MAX_REFUSALS + 1)]
    local.ground.clock.advance(seconds=86_401)

    assert ["cohort_too_small"] * MAX_REFUSALS + ["refusals_spent"] == codes
    assert RunState.RELEASED == local.ask(BY_SEX).state


def _rare_age(provider):
    ages = [row["age"] for row in provider.tables["ver_one"]["person"]]
    return next(age for age in ages if 0 < ages.count(age) < 10)


def _without(kind, age):
    rare = q.Has("person", q.Compare("age", q.Comparison.EQ, age))
    if kind == "count":
        return q.CohortCount(q.Not(rare))
    sick = q.EventWhen(q.Has("person", q.Compare("status", q.Comparison.EQ, 1)))
    time = q.ColumnOf("person", "futime")
    if kind == "curve of a cohort":
        return q.KaplanMeier(q.Not(rare), time, sick, every=90)
    return q.KaplanMeier(q.Everyone(), time, sick, q.Grouping(q.Whether(rare)), every=90)


def _curve():
    sick = q.EventWhen(q.Has("person", q.Compare("status", q.Comparison.EQ, 1)))
    return q.KaplanMeier(q.Everyone(), q.ColumnOf("person", "futime"), sick, every=90)


def test_a_waiting_result_is_compared_again_when_it_is_cleared(provider):
    low = next(
        a
        for a in range(22, 80)
        if 0 < under(provider, a + 1) - under(provider, a) < 10 <= under(provider, a)
    )
    high = low + 1
    first, second = provider.ask(age_over(low)), provider.ask(age_over(high))
    provider.releases.clear(first.id, by=CHECKER)

    with pytest.raises(TooCloseError):
        provider.releases.clear(second.id, by=CHECKER)


def test_versions_of_a_dataset_are_compared_person_by_person(tmp_path):
    one = make_tables(people=200)
    two = {name: [row for row in rows if row["id"] > 3] for name, rows in one.items()}
    provider = Provider(tmp_path, {"ver_one": one, "ver_two": two})
    provider.assessor.cross_border = False

    first = provider.ask(EVERYONE)
    second = provider.ask(EVERYONE, version="ver_two")

    assert RunState.RELEASED == first.state
    assert (RunState.REFUSED, "too_close_to_earlier_release") == (second.state, second.code)
    provider.ground.close()


def test_the_ledger_of_releases_outlives_the_process(local, tmp_path):
    local.ask(age_over(20))
    near = next(a for a in range(21, 90) if 0 < under(local, a) < 10)
    local.open.forget("ver_one", "restart")

    assert "too_close_to_earlier_release" == local.ask(age_over(near)).code


def test_a_tiny_cohort_is_refused(local):
    tiny = q.CohortCount(q.Has("person", q.OneOf("age", (20,))))

    assert "cohort_too_small" == local.ask(tiny).code


@pytest.mark.parametrize("where", ["gate", "agreements"])
def test_the_first_reason_against_is_the_answer(local, where):
    getattr(local, where).refuse = WithheldError("No training.", code="training_missing")

    answer = local.ask(BY_SEX)

    assert (RunState.REFUSED, "training_missing") == (answer.state, answer.code)
    assert 0 == local.holdings.opened


def test_a_missing_fact_refuses_and_is_named(local):
    local.assessor.missing = "flow.legal_storage_signoff"

    answer = local.ask(BY_SEX)

    assert "rules_default_deny" == answer.code
    assert "flow.legal_storage_signoff" in answer.reason


def test_the_rules_are_told_which_columns_are_read(local):
    local.ask(BY_SEX)

    assert ("person.male",) == local.assessor.asked[0][2]


def test_a_spent_agreement_answers_nothing(local):
    local.agreements.uses_left = 0

    assert "uses_spent" == local.ask(BY_SEX).code


def test_the_end_of_the_agreement_is_the_first_reason_before_any_gate(local):
    local.gate.refuse = WithheldError("The permit has ended.", code="permit_ended")
    local.agreements.agreement = replace(
        AGREEMENT, state=AgreementState.ENDED, ended_reason="The study is over."
    )

    answer = local.ask(BY_SEX)

    assert (RunState.REFUSED, "agreement_ended") == (answer.state, answer.code)
    assert "The study is over." in answer.reason


def test_a_refused_query_counts_as_no_use(local):
    local.gate.refuse = WithheldError("No.", code="no")
    before = local.agreements.uses_left

    local.ask(BY_SEX)

    assert before == local.agreements.uses_left


def test_the_same_request_runs_once(local):
    first, again = local.ask(BY_SEX, request="ask_x"), local.ask(BY_SEX, request="ask_x")

    assert first == again
    assert 1 == len(local.lab.list_runs())


def test_a_query_outside_the_codebook_is_refused_with_the_name(local):
    answer = local.ask(q.CohortCount(q.Has("person", q.Missing("heigth"))))

    assert "heigth" in answer.reason


def test_another_persons_query_is_unknown(provider):
    answer = provider.ask(BY_SEX)

    with pytest.raises(QueryNotFoundError):
        provider.lab.get_answer("did:web:other#p@ver_one", "tp_1", answer.id)


@pytest.mark.parametrize("document", [{}, {"id": 3, "query": {}}, {"id": "", "query": {}}])
def test_a_malformed_request_is_an_error(provider, document):
    with pytest.raises(QueryInvalidError):
        provider.lab.submit(f"{REF}@ver_one", "tp_1", document)


def test_ending_the_agreement_stops_what_waits_and_forgets_the_tables(provider):
    answer = provider.ask(BY_SEX)

    provider.lab.on_agreement_closed(AGREEMENT.id)
    provider.ask(BY_SEX)

    assert RunState.STOPPED == provider.lab.get_answer(f"{REF}@ver_one", "tp_1", answer.id).state
    assert 2 == provider.holdings.opened


def test_destroying_a_version_destroys_what_was_released_from_it(local):
    local.ask(BY_SEX)

    local.lab.on_version_destroyed("ver_one")

    with pytest.raises(WithheldError):
        local.open.seal_of("ver_one")


@pytest.mark.parametrize("stage", ["suspended", "restricted", "quarantined", "archived"])
def test_a_version_that_is_not_stored_cannot_be_visited(local, stage):
    local.versions.move("ver_one", stage)

    with pytest.raises(Exception, match="only stored data"):
        local.ask(BY_SEX)


def test_a_closed_version_leaves_memory(local):
    local.ask(BY_SEX)

    local.lab.on_version_closed("ver_one")
    local.ask(EVERYONE)

    assert 2 == local.holdings.opened


def test_an_agreement_that_ends_while_a_result_is_judged_releases_nothing(local):
    """The end comes after the last look at the agreement and before the release is written."""

    def end():
        over = replace(AGREEMENT, state=AgreementState.ENDED, ended_reason="The study is over.")
        local.agreements.agreement = over

    local.assessor.meanwhile = end

    answer = local.ask(BY_SEX)

    assert (RunState.REFUSED, "agreement_ended") == (answer.state, answer.code)
    assert [] == local.sent()


def test_the_events_of_a_step_are_as_many_as_the_agreement_asks_of_a_cell(local):
    cell = Constraint("https://w3id.org/tidegate/policy/minimumCell", "gteq", "40")
    local.agreements.agreement = replace(AGREEMENT, policy=Policy((Rule("use", (cell,)),)))

    local.ask(_curve())

    settled = local.released()
    assert settled.shield.min_events == 40
    assert all(step.events >= 40 for curve in settled.curves for step in curve.steps or ())


def test_ending_one_agreement_leaves_the_queries_of_another_alone(local):
    local.ask(BY_SEX)
    session = local.open.open("ver_one").session
    with local.engine.running("agreement of others", "ver_one", session) as (running, cursor):
        local.lab.on_agreement_closed(AGREEMENT.id)

        assert "" == running.stopped_for
        assert [(1,)] == cursor.execute("SELECT 1").fetchall()


def test_a_version_that_closes_while_it_is_opened_does_not_stay_in_memory(local):
    real = local.holdings.open_tables

    def closing(version_id, *, by, why):
        tables = real(version_id, by=by, why=why)
        local.lab.on_version_closed(version_id)
        return tables

    local.holdings.open_tables = closing

    assert "query_stopped" == local.ask(BY_SEX).code
    local.holdings.open_tables = real
    assert RunState.RELEASED == local.ask(BY_SEX).state


def test_a_version_somebody_asks_is_not_put_aside_for_another(tmp_path):
    one = make_tables(people=60)
    provider = Provider(tmp_path, dict.fromkeys(("ver_one", "ver_two"), one), keep=1)
    session = provider.open.open("ver_one").session
    with provider.engine.running("a", "ver_one", session) as (_, cursor):
        provider.open.open("ver_two")

        assert [(1,)] == cursor.execute("SELECT 1").fetchall()
    provider.ground.close()


def test_a_second_agreement_brings_no_second_number_of_refusals(local):
    tiny = q.CohortCount(q.Has("person", q.OneOf("age", (20,))))
    for _ in range(MAX_REFUSALS):
        local.ask(tiny)
    with local.ground.journal.write(by="system:t", did="query.received", to="query:x") as tx:
        tx.connection.execute(RUN.update().values(agreement_id="an earlier agreement"))

    assert "refusals_spent" == local.ask(tiny).code


def test_ending_a_visit_with_nothing_running_changes_nothing(local):
    local.lab.on_visit_stopped("tp_1")

    assert local.ask(BY_SEX).state is RunState.RELEASED


def test_a_changed_set_of_people_is_found(local):
    local.ask(BY_SEX)
    local.open.forget("ver_one", "restart")
    with local.ground.journal.write(by="system:t", did="query.received", to="query:x") as tx:
        tx.connection.execute(FAMILY.update().values(sealed="AAAA"))

    answer = local.ask(EVERYONE)

    assert "seal_broken" == answer.code
    assert SealBrokenError.kind == "corrupt"


def test_evidence_and_rows_hold_no_value(provider):
    answer = provider.ask(BY_SEX)
    provider.releases.clear(answer.id, by=CHECKER)

    with provider.ground.database.reading() as conn:
        leaves = " ".join(str(tuple(row)) for row in conn.execute(select(audit_leaf)))
        rows = " ".join(str(tuple(row)) for row in conn.execute(select(RUN)))
    assert "query.released" in leaves
    assert '"total"' not in leaves + rows


def test_every_state_by_every_action_moves_only_by_the_table():
    moves = {(m.source, m.action, m.by): m.target for m in QUERY_LIFE.moves}
    for state in RunState:
        for action in {m.action for m in QUERY_LIFE.moves}:
            for by in {m.by for m in QUERY_LIFE.moves}:
                if (state, action, by) in moves:
                    assert moves[state, action, by] == QUERY_LIFE.step(state, action, by=by).target
                else:
                    with pytest.raises(IllegalMoveError):
                        QUERY_LIFE.step(state, action, by=by)


# -- the researcher's side


@pytest.fixture
def consumer(provider, tmp_path):
    made = Consumer(tmp_path / "faculty", provider)
    yield made
    made.ground.close()


def deliver(provider, consumer):
    """Carry the provider's messages to the consumer."""
    for kind, payload in provider.sent():
        body = msgspec.json.decode(payload["body"])
        if kind == "query.released":
            consumer.queries.receive_query_released(HOSPITAL, body)
        else:
            consumer.queries.receive_query_closed(HOSPITAL, body)


def test_my_query_waits_and_then_has_its_result(provider, consumer):
    asked = consumer.queries.submit(AGREEMENT.id, write_query(BY_SEX), by=RESEARCHER)
    assert RunState.AWAITING_CHECKER == asked.state
    provider.releases.clear(asked.remote_id, by=CHECKER)

    deliver(provider, consumer)
    deliver(provider, consumer)

    assert RunState.RELEASED == consumer.queries.get(asked.id, by=RESEARCHER).state
    assert 400 == consumer.queries.get_result(asked.id, by=RESEARCHER).total
    assert 1 == len(consumer.queries.list_mine(by=RESEARCHER))


def test_my_refused_query_keeps_its_reason(provider, consumer):
    provider.gate.refuse = WithheldError("Your training is missing.", code="training_missing")

    asked = consumer.queries.submit(AGREEMENT.id, write_query(BY_SEX), by=RESEARCHER)

    assert (RunState.REFUSED, "training_missing") == (asked.state, asked.reason_code)


def test_what_the_checker_refuses_is_told_to_me(provider, consumer):
    asked = consumer.queries.submit(AGREEMENT.id, write_query(BY_SEX), by=RESEARCHER)
    provider.releases.refuse(asked.remote_id, "Ask for wider bands.", by=CHECKER)

    deliver(provider, consumer)

    assert "Ask for wider bands." == consumer.queries.get(asked.id, by=RESEARCHER).reason


def test_i_can_take_a_waiting_query_back(provider, consumer):
    asked = consumer.queries.submit(AGREEMENT.id, write_query(BY_SEX), by=RESEARCHER)

    assert RunState.WITHDRAWN == consumer.queries.withdraw(asked.id, by=RESEARCHER).state


def test_a_result_from_another_node_is_refused(provider, consumer):
    asked = consumer.queries.submit(AGREEMENT.id, write_query(BY_SEX), by=RESEARCHER)
    provider.releases.clear(asked.remote_id, by=CHECKER)
    body = msgspec.json.decode(provider.sent()[0][1]["body"])

    with pytest.raises(NotTheProviderError):
        consumer.queries.receive_query_released("did:web:somebody", body)


def test_a_result_that_was_changed_on_the_way_is_refused(provider, consumer):
    asked = consumer.queries.submit(AGREEMENT.id, write_query(BY_SEX), by=RESEARCHER)
    provider.releases.clear(asked.remote_id, by=CHECKER)
    body = msgspec.json.decode(provider.sent()[0][1]["body"])
    body["result"]["total"] = 5

    with pytest.raises(QueryInvalidError):
        consumer.queries.receive_query_released(HOSPITAL, body)


def test_ending_the_agreement_takes_my_results_away(provider, consumer):
    asked = consumer.queries.submit(AGREEMENT.id, write_query(BY_SEX), by=RESEARCHER)
    provider.releases.clear(asked.remote_id, by=CHECKER)
    deliver(provider, consumer)

    consumer.queries.on_agreement_ended(AGREEMENT.id)

    with pytest.raises(QueryNotFoundError, match="destroyed"):
        consumer.queries.get_result(asked.id, by=RESEARCHER)


def test_a_late_result_is_not_kept(provider, consumer):
    asked = consumer.queries.submit(AGREEMENT.id, write_query(BY_SEX), by=RESEARCHER)
    provider.releases.clear(asked.remote_id, by=CHECKER)
    ended = replace(consumer.agreements.agreement, state=AgreementState.ENDED)
    consumer.agreements.agreement = ended

    deliver(provider, consumer)

    assert {} == consumer.keeper.kept


def test_only_a_researcher_asks(consumer):
    with pytest.raises(ForbiddenError):
        consumer.queries.submit(AGREEMENT.id, write_query(BY_SEX), by=CHECKER)


def test_my_query_is_mine_alone(provider, consumer):
    asked = consumer.queries.submit(AGREEMENT.id, write_query(BY_SEX), by=RESEARCHER)

    with pytest.raises(QueryNotFoundError):
        consumer.queries.get(asked.id, by=CHECKER)
