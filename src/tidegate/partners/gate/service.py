"""Answer whether a person may use a dataset now, and why not."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from tidegate.access.model import institution_of, node_actor, person_id_of
from tidegate.access.service import AccessService
from tidegate.audit.journal import Journal, Tx
from tidegate.kernel.clock import Clock, iso, parse_iso
from tidegate.partners.application import store as application_store
from tidegate.partners.errors import GateClosedError, NotPartyError
from tidegate.partners.gate import inputs, rules
from tidegate.partners.gate.rules import Known
from tidegate.partners.instrument import rules as instrument_rules
from tidegate.partners.instrument import store as instrument_store
from tidegate.partners.model import (
    GateFacts,
    GateQuestion,
    ImpactAssessment,
    Partnership,
    Permit,
    PersonAssertion,
    Project,
    ProjectState,
    TransferMechanism,
)
from tidegate.partners.partnership import rules as partnership_rules
from tidegate.partners.partnership import store as partnership_store
from tidegate.partners.project import store as project_store
from tidegate.partners.space import store as space_store
from tidegate.partners.training import rules as training_rules
from tidegate.partners.training import store as training_store
from tidegate.partners.training.service import TrainingService
from tidegate.policy.model import Agreement


class GateService:
    """The one place that says who may; evaluated anew at every request, nothing is kept."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        self_did: str,
        access: AccessService,
        training: TrainingService,
        work_calendar: instrument_rules.WorkCalendar | None = None,
    ) -> None:
        self.journal = journal
        self.clock = clock
        self.self_did = self_did
        self.access = access
        self.training = training
        self.work_calendar = work_calendar or instrument_rules.WorkCalendar()

    def check(
        self,
        agreement: Agreement,
        person_ref: str,
        *,
        now: datetime | str | None = None,
        project_id: str = "",
    ) -> GateFacts:
        """Return what was found, or raise GateClosedError with the first reason.

        The refusal is in the evidence of the agreement. Call it while no write is open.
        """
        question = question_of(agreement, person_ref, project_id)
        known = self.known(question, now)
        refusal = rules.find_refusal(known)
        if refusal is not None:
            self.journal.note(
                by=node_actor(question.recipient).id,
                did="gate.refused",
                to=f"agreement:{agreement.id}",
                why={"reason": refusal.code, "person": person_ref, **refusal.details},
            )
            raise _closed(refusal)
        return facts_of(known)

    def check_within(self, tx: Tx, agreement: Agreement, person_ref: str) -> None:
        """Raise GateClosedError with the first reason against, inside the caller's write.

        For what takes a while between its check and its end: nothing closes the gate between.
        """
        question = question_of(agreement, person_ref)
        refusal = rules.find_refusal(self._gather(tx.connection, question, tx.now))
        if refusal is not None:
            raise _closed(refusal)

    def admit(self, agreement: Agreement, assertion: PersonAssertion) -> str:
        """Let in a person another node vouches for; return the id of the permit that does.

        `assertion` comes verified. What it certifies is kept, so that later requests of the same
        visit are judged by it. Raises GateClosedError with the first reason against.
        """
        training_rules.check_assertion(assertion)
        if assertion.institution != agreement.assignee:
            raise NotPartyError("The person works at another institution than the agreement's.")
        self.training.remember(assertion.trainings, sender=assertion.institution)
        project_id = assertion.project_id
        return self.check(agreement, assertion.person_ref, project_id=project_id).permit_id

    def assertion_of(self, person_ref: str, agreement: Agreement) -> PersonAssertion:
        """Return what this institution says of its person who uses an agreement."""
        if institution_of(person_ref) != self.self_did:
            raise NotPartyError("An institution vouches for its own people only.")
        person = self.access.get_person(person_id_of(person_ref))
        known = self.known(question_of(agreement, person_ref))
        return self.training.assertion_for(person, known.project.id if known.project else "")

    def find_refusal(
        self, question: GateQuestion, *, now: datetime | str | None = None
    ) -> rules.Refusal | None:
        """Return the first reason against, or None; for screens."""
        return rules.find_refusal(self.known(question, now))

    def facts(self, question: GateQuestion, *, now: datetime | str | None = None) -> GateFacts:
        """Return what is known without judging it, for the rule pack to judge."""
        return facts_of(self.known(question, now))

    def known(self, question: GateQuestion, now: datetime | str | None = None) -> Known:
        """Gather what this node knows about a question, in one consistent view."""
        moment = self.clock.now() if now is None else now
        moment = parse_iso(moment) if isinstance(moment, str) else moment
        with self.journal.reading() as conn:
            return self._gather(conn, question, moment)

    def _gather(self, conn: Connection, question: GateQuestion, moment: datetime) -> Known:
        at, today = iso(moment), instrument_rules.local_day(moment)
        permit = _choose_permit(conn, question, at)
        project = _choose_project(conn, question, permit)
        named = permit.people if permit else ()
        people = (question.person_ref,) if question.person_ref else named
        mechanism = _choose_mechanism(conn, question)
        first = instrument_store.find_first_export(conn, question.recipient, question.dataset_id)
        effect = None if mechanism is None else instrument_rules.read_day(mechanism.effective_on)
        return Known(
            question=question,
            at=at,
            today=today,
            provider=space_store.find_member(conn, question.provider),
            recipient=space_store.find_member(conn, question.recipient),
            partnership=_choose_partnership(conn, question, at),
            trainings=training_store.list_of(conn, people),
            project=project,
            permit=permit,
            holds_papers=question.provider == self.self_did,
            impact_assessment=_choose_assessment(conn, question, project),
            mechanism=mechanism,
            workdays_since_effect=(
                self.work_calendar.working_days(effect, today) if effect is not None else 0
            ),
            first_export_on=instrument_rules.local_day(parse_iso(first)) if first else None,
            exported_sensitive=_exported(conn, today.year, sensitive=True),
            exported_nonsensitive=_exported(conn, today.year, sensitive=False),
        )


def _closed(refusal: rules.Refusal) -> GateClosedError:
    return GateClosedError(refusal.message, code=refusal.code, **refusal.details)


def question_of(agreement: Agreement, person_ref: str, project_id: str = "") -> GateQuestion:
    """Return the question that using an agreement raises."""
    return GateQuestion(
        provider=agreement.assigner,
        recipient=agreement.assignee,
        dataset_id=agreement.dataset_id,
        purposes=agreement.purposes,
        person_ref=person_ref,
        project_id=project_id,
    )


def facts_of(known: Known) -> GateFacts:
    """Return what the gate found, ready for the rule pack."""
    return GateFacts(
        question=known.question,
        at=known.at,
        partnership_id=known.partnership.id if known.partnership else "",
        project_id=known.project.id if known.project else "",
        purpose=known.project.purpose if known.project else "",
        permit_id=known.permit.id if known.permit else "",
        people=known.people,
        variables=known.permit.variables if known.permit else (),
        rule_inputs=inputs.rule_inputs(known),
        study=known.project.people if known.project else (),
    )


def _choose_permit(conn: Connection, question: GateQuestion, at: str) -> Permit | None:
    """Take the permit that fits best: live, of the asked study, naming the person, newest."""
    permits = application_store.list_permits_for(
        conn, question.dataset_id, question.provider, question.recipient
    )
    fitting = [
        one for one in permits if not question.project_id or one.project_id == question.project_id
    ]
    return max(
        fitting,
        key=lambda one: (
            not question.person_ref or question.person_ref in one.people,
            one.is_live_at(at),
            one.id,
        ),
        default=None,
    )


def _choose_project(
    conn: Connection, question: GateQuestion, permit: Permit | None
) -> Project | None:
    if permit is not None:
        return project_store.find_project(conn, permit.project_id)
    projects = (
        one
        for one in project_store.list_projects(conn)
        if one.home == question.recipient
        and question.dataset_id in one.dataset_ids
        and question.project_id in {"", one.id}
    )
    return max(
        projects,
        key=lambda one: (
            one.state is ProjectState.LIVE,
            not question.person_ref or question.person_ref in one.people,
            one.id,
        ),
        default=None,
    )


def _choose_partnership(conn: Connection, question: GateQuestion, at: str) -> Partnership | None:
    """Take the oldest partnership in force, as the screening of applications does, or any."""
    between = partnership_store.list_between(conn, question.provider, question.recipient)
    in_force = [one for one in between if partnership_rules.is_in_force(one, at)]
    return next(iter(in_force or reversed(between)), None)


def _choose_assessment(
    conn: Connection, question: GateQuestion, project: Project | None
) -> ImpactAssessment | None:
    if project is None:
        return None
    assessments = instrument_store.list_assessments(conn, project.id)
    return _newest(one for one in assessments if question.dataset_id in one.dataset_ids)


def _choose_mechanism(conn: Connection, question: GateQuestion) -> TransferMechanism | None:
    """Take the newest mechanism with the recipient in effect, one for this dataset first."""
    mechanisms = instrument_store.list_mechanisms(conn, question.recipient)
    in_effect = [one for one in mechanisms if one.ended_at is None]
    for_dataset = [one for one in in_effect if question.dataset_id in one.dataset_ids]
    return next(reversed(for_dataset or in_effect), None)


def _newest(assessments: Iterable[ImpactAssessment]) -> ImpactAssessment | None:
    return max(assessments, key=lambda one: one.id, default=None)


def _exported(conn: Connection, year: int, *, sensitive: bool) -> int:
    exports = instrument_store.list_exports(conn, year, sensitive=sensitive)
    return instrument_rules.most_people(exports)
