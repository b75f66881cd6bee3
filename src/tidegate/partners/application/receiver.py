"""Take in what other nodes say about applications and permits; every message may come twice."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tidegate.access.model import node_actor
from tidegate.audit.journal import Journal, Tx
from tidegate.kernel.clock import Clock, iso
from tidegate.partners.application import rules, store
from tidegate.partners.application.messages import (
    DecidedMessage,
    PermitEndedMessage,
    SubmittedMessage,
    WithdrawnMessage,
)
from tidegate.partners.application.outcomes import end_permit_of, send_decided
from tidegate.partners.application.screening import find_obstacle
from tidegate.partners.errors import ApplicationInvalidError, NotPartyError
from tidegate.partners.model import Application, ApplicationState, Permit, PermitState
from tidegate.partners.project import rules as project_rules
from tidegate.partners.project import store as project_store
from tidegate.partners.project.service import ProjectService
from tidegate.partners.records import from_plain
from tidegate.partners.training import rules as training_rules
from tidegate.partners.training import store as training_store


class ApplicationReceiver:
    """The other half of the applications: what arrives from the counterpart's node."""

    def __init__(
        self, journal: Journal, clock: Clock, self_did: str, projects: ProjectService
    ) -> None:
        self.journal = journal
        self.clock = clock
        self.self_did = self_did
        self.projects = projects

    def receive_submitted(self, sender: str, body: Mapping[str, Any]) -> None:
        """Take in an application; refuse it at once when a requirement is not met."""
        message = from_plain(body, SubmittedMessage)
        application = message.application
        self._check_submitted(sender, message)
        known = self.journal.read(store.find_application, application.id)
        if known is not None:
            if known.grantee != sender:
                raise NotPartyError("Another institution made an application with this id.")
            return  # delivered before
        why = {"project": application.project.id, "dataset": application.dataset_id}
        with self.journal.write(
            by=node_actor(sender).id,
            did="application.received",
            to=f"application:{application.id}",
            why=why,
        ) as tx:
            self._keep_papers(tx, sender, message)
            self._keep_screened(tx, application)

    def receive_decided(self, sender: str, body: Mapping[str, Any]) -> None:
        """Take in the provider's decision, and the permit when it is a yes."""
        message = from_plain(body, DecidedMessage)
        application = self.journal.read(store.get_application, message.application)
        if application.provider != sender or application.grantee != self.self_did:
            raise NotPartyError("An application is decided by the institution it was sent to.")
        if application.state is not ApplicationState.SUBMITTED:
            return  # delivered before, or withdrawn while the decision was on its way
        approved = message.state is ApplicationState.APPROVED
        action, event = ("approve", "approved") if approved else ("refuse", "refused")
        if approved is (message.permit is None):
            raise ApplicationInvalidError("A yes comes with a permit, and nothing else does.")
        if message.permit is not None:
            rules.check_permit_matches(message.permit, application, iso(self.clock.now()))
        move = rules.APPLICATION.step(application.state, action, by="committee")
        decided = replace(
            application,
            state=move.target,
            decided_by=message.decided_by,
            decided_at=message.decided_at,
            reason=message.reason,
        )
        with self.journal.write(
            by=node_actor(sender).id,
            did=f"application.{event}",
            to=f"application:{application.id}",
            why={"reason": message.reason},
        ) as tx:
            store.save_application(tx.connection, decided, expect=application.state)
            if message.permit is not None:
                self._keep_permit(tx, message.permit)
            tx.announce("application.decided", application=application.id)

    def receive_withdrawn(self, sender: str, body: Mapping[str, Any]) -> None:
        """Learn that the applicant wants it no more; a permit ends with it."""
        message = from_plain(body, WithdrawnMessage)
        application = self.journal.read(store.get_application, message.application)
        if application.grantee != sender or application.provider != self.self_did:
            raise NotPartyError("An application is withdrawn by the institution that made it.")
        if application.state in {ApplicationState.WITHDRAWN, ApplicationState.REFUSED}:
            return  # nothing is left to withdraw
        move = rules.APPLICATION.step(application.state, "withdraw", by="applicant")
        withdrawn = replace(application, state=move.target, reason=message.reason)
        with self.journal.write(
            by=node_actor(sender).id,
            did="application.withdrawn",
            to=f"application:{application.id}",
            why={"reason": message.reason},
        ) as tx:
            store.save_application(tx.connection, withdrawn, expect=application.state)
            end_permit_of(tx, withdrawn, message.reason)

    def receive_permit_ended(self, sender: str, body: Mapping[str, Any]) -> None:
        """Learn that the provider ended a permit before its term."""
        message = from_plain(body, PermitEndedMessage)
        permit = self.journal.read(store.get_permit, message.permit)
        if permit.provider != sender:
            raise NotPartyError("A permit is ended by the institution that granted it.")
        if permit.state is PermitState.ENDED:
            return  # delivered before
        move = rules.PERMIT.step(permit.state, "end", by="committee")
        ended = replace(
            permit, state=move.target, ended_at=message.ended_at, ended_reason=message.reason
        )
        with self.journal.write(
            by=node_actor(sender).id,
            did="permit.ended",
            to=f"permit:{permit.id}",
            why={"reason": message.reason},
        ) as tx:
            store.save_permit(tx.connection, ended, expect=permit.state)
            tx.announce("permit.ended", permit=permit.id)

    def _check_submitted(self, sender: str, message: SubmittedMessage) -> None:
        application = message.application
        if application.grantee != sender or application.provider != self.self_did:
            raise NotPartyError("An application comes from the institution that asks.")
        is_new = application.state is ApplicationState.SUBMITTED and not application.decided_by
        if not is_new or rules.normal_application(application) != application:
            raise ApplicationInvalidError("The application is not in normal form.")
        if application.project.legal_basis:
            raise ApplicationInvalidError("The legal basis is recorded by the one who exports.")
        self.projects.check_snapshot(sender, application.project)
        for approval in application.project.ethics:
            if approval.site == sender:
                project_rules.check_approval(approval)
        for training in message.trainings:
            training_rules.check_statement(training, sender)

    def _keep_papers(self, tx: Tx, sender: str, message: SubmittedMessage) -> None:
        project = message.application.project
        known = project_store.find_project(tx.connection, project.id)
        if known is None or known.revision < project.revision:
            project_store.put_project(tx.connection, project)
        for approval in project.ethics:
            is_known = project_store.find_ethics(tx.connection, approval.id) is not None
            if approval.site == sender and approval.project_id == project.id and not is_known:
                project_store.add_ethics(tx.connection, approval)
        for training in message.trainings:
            training_store.keep_statement(tx.connection, training)

    def _keep_screened(self, tx: Tx, application: Application) -> None:
        obstacle = find_obstacle(tx.connection, application, self.self_did, tx.at)
        if obstacle is None:
            store.add_application(tx.connection, application)
            return
        move = rules.APPLICATION.step(application.state, "refuse", by="rules")
        refused = replace(
            application,
            state=move.target,
            decided_by=self.self_did,
            decided_at=tx.at,
            reason=obstacle.message,
        )
        store.add_application(tx.connection, refused)
        why = {"reason": obstacle.code, **obstacle.details}
        tx.note(did="application.refused", to=f"application:{application.id}", why=why)
        send_decided(tx, refused, None, self.self_did)

    def _keep_permit(self, tx: Tx, permit: Permit) -> None:
        store.add_permit(tx.connection, permit)
        tx.note(did="permit.granted", to=f"permit:{permit.id}", why={"people": len(permit.people)})
