"""Certify that people have passed a course, and know it of other institutions' people."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tidegate.access.model import Actor, Person, PersonState, node_actor, person_ref
from tidegate.audit.journal import Journal
from tidegate.kernel.clock import Clock, iso, parse_iso
from tidegate.kernel.ids import Ids
from tidegate.kernel.values import dataclass
from tidegate.partners.errors import TrainingInvalidError
from tidegate.partners.model import PersonAssertion, TrainingCredential
from tidegate.partners.partnership import store as partnership_store
from tidegate.partners.records import from_plain, to_plain
from tidegate.partners.training import rules, store


@dataclass(frozen=True, slots=True)
class RevocationMessage:
    """What an institution tells its partners of a credential that no longer counts."""

    training: str
    reason: str


class TrainingService:
    """Training credentials: this institution's own, and those other institutions stated."""

    def __init__(self, journal: Journal, clock: Clock, ids: Ids, self_did: str) -> None:
        self.journal = journal
        self.clock = clock
        self.ids = ids
        self.self_did = self_did

    def issue(self, person: str, course: str, expires: str, *, by: Actor) -> TrainingCredential:
        """Certify that a person of this institution passed a course, until a moment."""
        rules.check_may_issue(by, person_ref(self.self_did, by.person_id), person, self.self_did)
        now, until = iso(self.clock.now()), iso(parse_iso(expires))
        if not course.strip() or until <= now:
            raise TrainingInvalidError("A training credential needs a course and a time to come.")
        training = TrainingCredential(
            id=self.ids.new("trn"),
            person_ref=person,
            course=course.strip(),
            issued_at=now,
            expires_at=until,
            issuer=self.self_did,
        )
        why = {"training": training.id, "course": training.course, "until": until}
        with self.journal.write(
            by=by.id, did="training.issued", to=f"person:{person}", why=why
        ) as tx:
            store.put_training(tx.connection, training)
        return training

    def revoke(self, training_id: str, reason: str, *, by: Actor) -> TrainingCredential:
        """Take a credential back and tell every partner."""
        training = self.journal.read(store.get_training, training_id)
        own = person_ref(self.self_did, by.person_id)
        rules.check_may_issue(by, own, training.person_ref, self.self_did)
        _check_not_revoked(training)
        revoked = replace(training, revoked_at=iso(self.clock.now()))
        message = to_plain(RevocationMessage(training_id, reason))
        with self.journal.write(
            by=by.id,
            did="training.revoked",
            to=f"person:{training.person_ref}",
            why={"training": training_id, "reason": reason},
        ) as tx:
            _check_not_revoked(store.get_training(tx.connection, training_id))
            store.put_training(tx.connection, revoked)
            for did in partnership_store.list_counterparts(tx.connection, self.self_did):
                tx.send(to=did, kind="training.revoked", body=message)
            tx.announce("training.revoked", person=training.person_ref)
        return revoked

    def list_trainings(self, person: str = "") -> tuple[TrainingCredential, ...]:
        """Return the credentials of a person, or all that are known here."""
        if person:
            return self.journal.read(store.list_of, (person,))
        return self.journal.read(store.list_trainings)

    def assertion_for(self, person: Person, project_id: str) -> PersonAssertion:
        """Return what this institution vouches for about one of its people in a study."""
        if person.state is not PersonState.ACTIVE:
            raise TrainingInvalidError("This person may no longer act for the institution.")
        ref = person_ref(self.self_did, person.id)
        now = iso(self.clock.now())
        trainings = self.journal.read(store.list_of, (ref,))
        return PersonAssertion(
            person_ref=ref,
            name=person.name,
            institution=self.self_did,
            trainings=tuple(one for one in trainings if rules.is_current(one, now)),
            project_id=project_id,
        )

    def remember(self, trainings: tuple[TrainingCredential, ...], *, sender: str) -> None:
        """Keep what another institution stated of its people, as a verified assertion says it."""
        for training in trainings:
            rules.check_statement(training, sender)
            if self.journal.read(store.find_training, training.id) is not None:
                continue  # known; and a revocation is not undone by an older statement
            with self.journal.write(
                by=node_actor(sender).id,
                did="training.received",
                to=f"person:{training.person_ref}",
                why={"training": training.id, "course": training.course},
            ) as tx:
                store.keep_statement(tx.connection, training)

    def receive_revoked(self, sender: str, body: Mapping[str, Any]) -> None:
        """Learn that a partner took a credential back, one stated here or one still to be stated.

        Messages and statements come by different ways, so a revocation may arrive first. It is
        kept under the sender's name: nobody revokes the credential of another institution.
        """
        message = from_plain(body, RevocationMessage)
        with self.journal.reading() as conn:
            training = store.find_training(conn, message.training)
            heard = store.find_revocation(conn, sender, message.training)
        if (training is None and heard) or (training and training.revoked_at is not None):
            return  # delivered before
        if training is not None:
            rules.check_statement(training, sender)
        with self.journal.write(
            by=node_actor(sender).id,
            did="training.revoked",
            to=f"person:{training.person_ref}" if training else f"node:{sender}",
            why={"training": message.training, "reason": message.reason},
        ) as tx:
            store.add_revocation(tx.connection, sender, message.training, tx.at)
            known = store.find_training(tx.connection, message.training)  # stated meanwhile?
            if known is not None and known.issuer == sender and known.revoked_at is None:
                store.put_training(tx.connection, replace(known, revoked_at=tx.at))
                tx.announce("training.revoked", person=known.person_ref)


def _check_not_revoked(training: TrainingCredential) -> None:
    if training.revoked_at is not None:
        raise TrainingInvalidError("This training credential was revoked before.")
