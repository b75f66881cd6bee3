"""Ask for access, decide on what was asked, and end what was granted."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tidegate.access.model import Actor, Role, person_ref
from tidegate.access.rules import check_has_role
from tidegate.audit.journal import Journal, Tx
from tidegate.kernel.clock import Clock, iso
from tidegate.kernel.ids import Ids
from tidegate.partners.application import rules, store
from tidegate.partners.application.messages import (
    PermitEndedMessage,
    SubmittedMessage,
    WithdrawnMessage,
)
from tidegate.partners.application.outcomes import end_permit_of, send_decided
from tidegate.partners.application.receiver import ApplicationReceiver
from tidegate.partners.application.screening import Obstacle, find_obstacle
from tidegate.partners.errors import (
    ApplicationInvalidError,
    ApplicationNotFoundError,
    ApplicationRefusedError,
    NotPartyError,
)
from tidegate.partners.model import (
    Application,
    ApplicationState,
    Permit,
    PermitState,
)
from tidegate.partners.project import rules as project_rules
from tidegate.partners.project import store as project_store
from tidegate.partners.project.service import ProjectService
from tidegate.partners.reading import may_read
from tidegate.partners.records import to_plain
from tidegate.partners.training import rules as training_rules
from tidegate.partners.training import store as training_store


class ApplicationService:
    """Applications this institution makes or decides, and the permits that follow."""

    def __init__(self, journal: Journal, clock: Clock, ids: Ids, self_did: str) -> None:
        self.journal = journal
        self.clock = clock
        self.ids = ids
        self.self_did = self_did
        projects = ProjectService(journal, clock, ids, self_did)
        self.receiver = ApplicationReceiver(journal, clock, self_did, projects)

    def get_application(self, application_id: str) -> Application:
        """Return the application; raise ApplicationNotFoundError."""
        return self.journal.read(store.get_application, application_id)

    def list_applications(self) -> tuple[Application, ...]:
        """Return every application made or received here, oldest first."""
        return self.journal.read(store.list_applications)

    def list_applications_for(self, by: Actor) -> tuple[Application, ...]:
        """Return the applications a person may read: their own, or all where it is their office."""
        return tuple(one for one in self.list_applications() if self._may_read(by, one))

    def get_application_for(self, application_id: str, *, by: Actor) -> Application:
        """Return an application the person may read; any other is unknown to them."""
        application = self.get_application(application_id)
        if not self._may_read(by, application):
            raise ApplicationNotFoundError(
                "No application has that id.", application=application_id
            )
        return application

    def list_permits_for(self, by: Actor) -> tuple[Permit, ...]:
        """Return the permits a person may read: their own, or all where it is their office."""
        return tuple(one for one in self.list_permits() if may_read(by, self._ref(by), one.people))

    def _may_read(self, by: Actor, application: Application) -> bool:
        people = (application.applicant, *application.people, *application.project.people)
        return may_read(by, self._ref(by), people)

    def get_permit(self, permit_id: str) -> Permit:
        """Return the permit; raise PermitNotFoundError."""
        return self.journal.read(store.get_permit, permit_id)

    def list_permits(self) -> tuple[Permit, ...]:
        """Return every permit granted or received here, oldest first."""
        return self.journal.read(store.list_permits)

    def find_permit_of(self, application_id: str) -> Permit | None:
        """Return the permit an application led to, or None."""
        return self.journal.read(store.find_permit_of, application_id)

    # The applicant

    def submit(
        self,
        project_id: str,
        dataset_id: str,
        provider: str,
        *,
        people: tuple[str, ...],
        purposes: tuple[str, ...],
        months: int,
        by: Actor,
        variables: tuple[str, ...] = (),
    ) -> Application:
        """Apply for access to a dataset; refused at once when a required training is missing.

        Raises ApplicationRefusedError with the code `training_missing`, `partnership_missing` or
        `provider_not_member`; the refusal is in the evidence.
        """
        check_has_role(by, Role.RESEARCHER)
        project = self.journal.read(project_store.get_project, project_id)
        project_rules.check_is_live(project)
        if project.home != self.self_did:
            raise NotPartyError("The institution a study is run from applies for it.")
        application = rules.normal_application(
            Application(
                id=self.ids.new("app"),
                project=replace(project, legal_basis=()),
                dataset_id=dataset_id,
                provider=provider,
                applicant=self._ref(by),
                people=people,
                purposes=purposes,
                variables=variables,
                months=months,
                state=ApplicationState.SUBMITTED,
                submitted_at=iso(self.clock.now()),
            )
        )
        obstacle = self._obstacle(application)
        if obstacle is not None:
            self._refuse_at_once(application, obstacle, by)
        why = {"project": project_id, "dataset": dataset_id, "provider": provider}
        with self.journal.write(
            by=by.id, did="application.submitted", to=f"application:{application.id}", why=why
        ) as tx:
            store.add_application(tx.connection, application)
            self._send_submitted(tx, application)
        return application

    def withdraw(self, application_id: str, reason: str, *, by: Actor) -> Application:
        """Take an application back; a permit it led to ends with it."""
        application = self.get_application(application_id)
        rules.check_is_applicant(self._ref(by), application)
        move = rules.APPLICATION.step(application.state, "withdraw", by="applicant")
        withdrawn = replace(application, state=move.target, reason=reason)
        with self.journal.write(
            by=by.id,
            did="application.withdrawn",
            to=f"application:{application_id}",
            why={"reason": reason},
        ) as tx:
            store.save_application(tx.connection, withdrawn, expect=application.state)
            end_permit_of(tx, withdrawn, reason)
            if application.provider != self.self_did:
                body = to_plain(WithdrawnMessage(application_id, reason))
                tx.send(to=application.provider, kind="application.withdrawn", body=body)
        return withdrawn

    # The committee of the provider

    def approve(
        self, application_id: str, reason: str, *, by: Actor, months: int | None = None
    ) -> Permit:
        """Grant what was asked, for the asked term or a shorter one; the permit starts now."""
        application = self._to_decide(application_id, by)
        if not reason.strip():
            raise ApplicationInvalidError("A decision needs its reasons.")
        _check_no_obstacle(self._obstacle(application))
        term = application.months if months is None else months
        if not 1 <= term <= application.months:
            raise ApplicationInvalidError("A permit can be shorter than asked, never longer.")
        permit = self._permit(application, term)
        decided = self._decided(application, "approve", by, reason)
        why = {"permit": permit.id, "until": permit.valid_until, "reason": reason}
        with self.journal.write(
            by=by.id, did="application.approved", to=f"application:{application_id}", why=why
        ) as tx:
            _check_no_obstacle(find_obstacle(tx.connection, application, self.self_did, tx.at))
            store.save_application(tx.connection, decided, expect=application.state)
            store.add_permit(tx.connection, permit)
            tx.note(
                did="permit.granted", to=f"permit:{permit.id}", why={"people": len(permit.people)}
            )
            send_decided(tx, decided, permit, self.self_did)
        return permit

    def refuse(self, application_id: str, reason: str, *, by: Actor) -> Application:
        """Say no, with reasons the applicant will read."""
        application = self._to_decide(application_id, by)
        if not reason.strip():
            raise ApplicationInvalidError("A decision needs its reasons.")
        decided = self._decided(application, "refuse", by, reason)
        with self.journal.write(
            by=by.id,
            did="application.refused",
            to=f"application:{application_id}",
            why={"reason": reason},
        ) as tx:
            store.save_application(tx.connection, decided, expect=application.state)
            send_decided(tx, decided, None, self.self_did)
        return decided

    def end_permit(self, permit_id: str, reason: str, *, by: Actor) -> Permit:
        """End a permit before its term; whatever runs under it stops."""
        check_has_role(by, Role.COMMITTEE)
        permit = self.get_permit(permit_id)
        if permit.provider != self.self_did:
            raise NotPartyError("A permit is ended by the institution that granted it.")
        move = rules.PERMIT.step(permit.state, "end", by="committee")
        now = iso(self.clock.now())
        ended = replace(permit, state=move.target, ended_at=now, ended_reason=reason)
        with self.journal.write(
            by=by.id, did="permit.ended", to=f"permit:{permit_id}", why={"reason": reason}
        ) as tx:
            store.save_permit(tx.connection, ended, expect=permit.state)
            tx.announce("permit.ended", permit=permit_id)
            if permit.grantee != self.self_did:
                body = to_plain(PermitEndedMessage(permit_id, reason, now))
                tx.send(to=permit.grantee, kind="permit.ended", body=body)
        return ended

    # What other nodes say; the receiver explains each

    def receive_submitted(self, sender: str, body: Mapping[str, Any]) -> None:
        """Take in an application of another institution."""
        self.receiver.receive_submitted(sender, body)

    def receive_decided(self, sender: str, body: Mapping[str, Any]) -> None:
        """Take in the provider's decision."""
        self.receiver.receive_decided(sender, body)

    def receive_withdrawn(self, sender: str, body: Mapping[str, Any]) -> None:
        """Take in that the applicant wants it no more."""
        self.receiver.receive_withdrawn(sender, body)

    def receive_permit_ended(self, sender: str, body: Mapping[str, Any]) -> None:
        """Take in that the provider ended a permit."""
        self.receiver.receive_permit_ended(sender, body)

    # What the above share

    def _obstacle(self, application: Application) -> Obstacle | None:
        with self.journal.reading() as conn:
            return find_obstacle(conn, application, self.self_did, iso(self.clock.now()))

    def _refuse_at_once(self, application: Application, obstacle: Obstacle, by: Actor) -> None:
        self.journal.note(
            by=by.id,
            did="application.refused",
            to=f"project:{application.project.id}",
            why={"reason": obstacle.code, "dataset": application.dataset_id, **obstacle.details},
        )
        raise ApplicationRefusedError(obstacle.message, code=obstacle.code, **obstacle.details)

    def _send_submitted(self, tx: Tx, application: Application) -> None:
        if application.provider == self.self_did:
            return  # the committee of this same node decides
        people = {application.applicant, *application.people}
        trainings = training_store.list_of(tx.connection, sorted(people))
        current = tuple(one for one in trainings if training_rules.is_current(one, tx.at))
        body = to_plain(SubmittedMessage(application, current))
        tx.send(to=application.provider, kind="application.submitted", body=body)

    def _to_decide(self, application_id: str, by: Actor) -> Application:
        application = self.get_application(application_id)
        rules.check_may_decide(by, self._ref(by), application)
        if application.provider != self.self_did:
            raise NotPartyError("An application is decided by the institution that has the data.")
        return application

    def _decided(
        self, application: Application, action: str, by: Actor, reason: str
    ) -> Application:
        move = rules.APPLICATION.step(application.state, action, by="committee")
        return replace(
            application,
            state=move.target,
            decided_by=self._ref(by),
            decided_at=iso(self.clock.now()),
            reason=reason.strip(),
        )

    def _permit(self, application: Application, months: int) -> Permit:
        now = iso(self.clock.now())
        return Permit(
            id=self.ids.new("prm"),
            application_id=application.id,
            project_id=application.project.id,
            people=application.people,
            purposes=application.purposes,
            variables=application.variables,
            dataset_id=application.dataset_id,
            provider=application.provider,
            grantee=application.grantee,
            valid_from=now,
            valid_until=rules.add_months(now, months),
            state=PermitState.LIVE,
        )

    def _ref(self, actor: Actor) -> str:
        return person_ref(self.self_did, actor.person_id)


def _check_no_obstacle(obstacle: Obstacle | None) -> None:
    if obstacle is not None:
        raise ApplicationRefusedError(obstacle.message, code=obstacle.code, **obstacle.details)
