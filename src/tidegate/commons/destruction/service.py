"""Destroy versions and derived copies so that nobody can bring them back, and say so signed.

The intent is committed first; then the keys go, decryption is seen to fail, the objects go, and the
certificate, the tombstone and the final stage are committed together. A process killed in between
does the rest at its next start: every step can be done again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from tidegate.access.model import Actor, Participant, system_actor
from tidegate.audit.journal import Journal
from tidegate.catalogue.service import CatalogueService
from tidegate.commons import events, rules, store
from tidegate.commons.approval import require_second_person
from tidegate.commons.destruction import certificates
from tidegate.commons.destruction.asking import Questions, check_may_be_requested
from tidegate.commons.errors import (
    HoldingChangedError,
    HoldingUnknownError,
    KeyDestroyedError,
    NotReadyError,
)
from tidegate.commons.lifecycle import LIFECYCLE
from tidegate.commons.model import (
    Certificate,
    CopyState,
    Derived,
    Destruction,
    DestructionState,
    Holding,
)
from tidegate.commons.vault.model import StoredObject
from tidegate.commons.vault.service import Vault
from tidegate.kernel.canonical import Json
from tidegate.kernel.clock import Clock, iso
from tidegate.kernel.errors import CorruptError, TidegateError
from tidegate.kernel.failpoint import failpoint
from tidegate.kernel.ids import Ids
from tidegate.keys.service import KeyRing

CERTIFIED = "destruction.certified"
_TRIES = 5
DESTROYER = system_actor("commons.destroy_derived")


class DestructionService:
    """Ends the life of data, with two people and proof."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        ids: Ids,
        keys: KeyRing,
        *,
        vault: Vault,
        catalogue: CatalogueService,
        participant: Participant,
        asks: Questions,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._keys = keys
        self._vault = vault
        self._catalogue = catalogue
        self._participant = participant
        self._resolve_key = asks.resolve_key
        self._check_agreement = asks.check_agreement

    def request(self, version_id: str, reason: str, *, by: Actor) -> Destruction:
        """Ask for the destruction of a version."""
        rules.check_role(by, rules.APPROVERS, "request a destruction")
        rules.check_person(by, "request a destruction")
        rules.check_reason(reason)
        self._journal.read(check_may_be_requested, version_id)
        destruction = Destruction(
            id=self._ids.new("del"),
            version_id=version_id,
            reason=reason.strip() or "no longer needed",
            state=DestructionState.REQUESTED,
            requested_by=by.id,
            requested_at=iso(self._clock.now()),
        )
        with self._journal.write(
            by=by.id,
            did="version.destruction_requested",
            to=f"version:{version_id}",
            why={"reason": destruction.reason, "destruction": destruction.id},
        ) as tx:
            check_may_be_requested(tx.connection, version_id)
            store.add_destruction(tx.connection, destruction)
        return destruction

    def find(self, version_id: str) -> Destruction | None:
        """Return the latest destruction of a version, or None."""
        return self._journal.read(store.find_destruction, version_id)

    def approve(self, version_id: str, *, by: Actor) -> Certificate:
        """Approve as a second person, and destroy: there is no way back."""
        destruction = self.find(version_id)
        if destruction is None or destruction.state is not DestructionState.REQUESTED:
            raise NotReadyError(
                "Nobody has requested the destruction of this version.", code="not_requested"
            )
        rules.check_role(by, rules.APPROVERS, "approve a destruction")
        require_second_person(
            self._journal, version_id, destruction.requested_by, by, "approve a destruction"
        )
        holding = self._journal.read(store.get_holding, version_id)
        LIFECYCLE.step(holding.stage, "destroy", by="approver")
        approved = replace(
            destruction,
            state=DestructionState.APPROVED,
            approved_by=by.id,
            approved_at=iso(self._clock.now()),
        )
        with self._journal.write(
            by=by.id,
            did="version.destruction_approved",
            to=f"version:{version_id}",
            why={"destruction": approved.id, "requested_by": approved.requested_by},
        ) as tx:
            store.save_destruction(tx.connection, approved, expect=DestructionState.REQUESTED)
        failpoint("destroy.approved")
        return self._carry_out(approved)

    def recover(self) -> int:
        """Carry out what was approved when the process was killed; return how many."""
        waiting = self._journal.read(store.list_destructions, DestructionState.APPROVED)
        for destruction in waiting:
            self._carry_out(destruction)
        return len(waiting)

    def list_certificates(self, subject: str = "") -> tuple[Certificate, ...]:
        """Return the certificates given and received, about one subject (`version:…`) or all."""
        return self._journal.read(store.list_certificates, subject)

    # derived copies

    def keep_derived(
        self,
        content: Iterable[bytes],
        *,
        source: str,
        agreement_id: str,
        provider: str,
        kind: str,
        name: str,
        by: Actor,
    ) -> Derived:
        """Keep something made from a provider's data, under a key that can be destroyed.

        Raises, and keeps nothing, where its agreement has ended: what was kept under it is
        destroyed, and a copy that came afterwards would stay.
        """
        derived_id = self._ids.new("der")
        with self._vault.intents.hold(derived_id):
            with self._vault.all_or_nothing(derived_id):
                self._vault.keys.create(derived_id)
                with self._vault.writing(f"{derived_id}/content", derived_id) as deposit:
                    for piece in content:
                        deposit.file.write(piece)
            derived = Derived(
                id=derived_id,
                source=source,
                agreement_id=agreement_id,
                provider=provider,
                holder=self._participant.did,
                kind=kind,
                name=name,
                state=CopyState.HELD,
                recorded_at=iso(self._clock.now()),
                stored=deposit.stored,
            )
            why: dict[str, Json] = {"agreement": agreement_id, "kind": kind, "source": source}
            try:
                with self._journal.write(
                    by=by.id, did="derived.kept", to=f"derived:{derived_id}", why=why
                ) as tx:
                    self._check_agreement(tx, agreement_id)
                    store.add_derived(tx.connection, derived)
                    if provider != self._participant.did:
                        told = certificates.copy_words(derived)
                        tx.send(to=provider, kind="derived.reported", body=told)
            except TidegateError:
                self._vault.tidy(derived_id, frozenset(), frozenset())
                raise
        return derived

    def open_derived(self, derived_id: str, *, by: Actor) -> bytes:
        """Return a derived copy's content; raise KeyDestroyedError once it was destroyed."""
        derived = self._journal.read(store.find_derived, derived_id)
        if derived is None or derived.holder != self._participant.did:
            raise HoldingUnknownError("This node keeps no such derived copy.")
        if derived.stored is None or derived.state is CopyState.DESTROYED:
            raise KeyDestroyedError("This derived copy was destroyed; its certificate says when.")
        with self._vault.open(derived.stored) as file:
            content = file.read()
        self._journal.note(by=by.id, did="derived.opened", to=f"derived:{derived_id}")
        return content

    def list_derived(self, *, source: str = "", agreement_id: str = "") -> tuple[Derived, ...]:
        """Return what is known to have been made from a source or under an agreement."""
        sources = (source,) if source else ()
        return self._journal.read(store.list_derived, sources=sources, agreement_id=agreement_id)

    def is_emptied(self, agreement_id: str, consumer: str) -> bool:
        """Tell whether the consumer certified that it keeps nothing from an agreement any more.

        What any other member certifies about the agreement counts for nothing.
        """
        known = self.list_derived(agreement_id=agreement_id)
        given = self.list_certificates(f"agreement:{agreement_id}")
        is_certified = any(one.issuer == consumer for one in given)
        return is_certified and all(copy.state is CopyState.DESTROYED for copy in known)

    def destroy_derived(
        self, agreement_id: str, provider: str, reason: str, *, by: Actor = DESTROYER
    ) -> Certificate:
        """Destroy what this node keeps from an agreement and certify it to the provider.

        The duty was agreed with the agreement, so no second person is asked. Safe to do again: a
        second call finds the certificate of the first.
        """
        own = f"agreement:{agreement_id}"
        given = [c for c in self.list_certificates(own) if c.issuer == self._participant.did]
        known = self.list_derived(agreement_id=agreement_id)
        held = [c for c in known if c.holder == self._participant.did and c.state is CopyState.HELD]
        if given and not held:
            return given[-1]
        objects = tuple(copy.stored for copy in held if copy.stored is not None)
        refused = self._erase({stored.key for stored in objects}, objects)
        failpoint("destroy.derived")
        certificate_id = self._ids.new("cert")
        gone = tuple(
            replace(c, state=CopyState.DESTROYED, certificate_id=certificate_id) for c in held
        )
        body = certificates.derived_body(agreement_id, reason, gone, refused)
        certificate = self._sign(certificate_id, body)
        with self._journal.write(
            by=by.id,
            did="derived.destroyed",
            to=own,
            why={"certificate": certificate_id, "copies": len(gone), "reason": reason},
        ) as tx:
            for copy in gone:
                store.save_derived(tx.connection, copy)
            tx.attach(certificates.MEDIA_TYPE, certificate.jws.encode())
            store.add_certificate(tx.connection, certificate)
            tx.send(to=provider, kind=CERTIFIED, body={"certificate": certificate.jws})
        return certificate

    # from peers

    def receive_derived(self, sender: str, body: Mapping[str, Any]) -> None:
        """Take note of a copy a peer made of our data (message `derived.reported`)."""
        wanted = {"id", "kind", "name", "holder", "source", "agreement", "state"}
        if set(body) != wanted or not all(isinstance(body[name], str) for name in wanted):
            raise certificates.CertificateRefusedError("A report of a derived copy is incomplete.")
        if body["holder"] != sender:
            raise certificates.CertificateRefusedError("A node reports only its own copies.")
        derived = Derived(
            id=body["id"],
            source=body["source"],
            agreement_id=body["agreement"],
            provider=self._participant.did,
            holder=sender,
            kind=body["kind"],
            name=body["name"],
            state=CopyState.HELD,
            recorded_at=iso(self._clock.now()),
        )
        with self._journal.write(
            by=f"node:{sender}",
            did="derived.reported",
            to=f"derived:{derived.id}",
            why={"source": derived.source, "agreement": derived.agreement_id},
        ) as tx:
            store.add_derived(tx.connection, derived)

    def receive_certificate(self, sender: str, body: Mapping[str, Any]) -> None:
        """Keep a peer's certificate of destruction (message `destruction.certified`)."""
        certificate = certificates.verify(body.get("certificate"), sender, self._resolve_key)
        if any(known.id == certificate.id for known in self.list_certificates()):
            return
        listed = certificate.body.get("derived")
        named = (
            [str(one.get("id")) for one in listed if isinstance(one, dict)]
            if isinstance(listed, list)
            else []
        )
        with self._journal.write(
            by=f"node:{sender}",
            did="certificate.received",
            to=f"certificate:{certificate.id}",
            why={"subject": certificate.subject, "copies": len(named)},
        ) as tx:
            tx.attach(certificates.MEDIA_TYPE, certificate.jws.encode())
            store.add_certificate(tx.connection, certificate)
            for derived_id in named:
                copy = store.find_derived(tx.connection, derived_id)
                if copy is not None and copy.holder == sender:
                    gone = replace(copy, state=CopyState.DESTROYED, certificate_id=certificate.id)
                    store.save_derived(tx.connection, gone)

    def _carry_out(self, destruction: Destruction) -> Certificate:
        """Destroy what was approved; other acts on the version do not stand in its way."""
        for _ in range(_TRIES - 1):
            try:
                return self._carried_out(destruction)
            except HoldingChangedError:
                continue  # its keys are gone; what there is now goes too
        return self._carried_out(destruction)

    def _carried_out(self, destruction: Destruction) -> Certificate:
        version_id = destruction.version_id
        holding = self._journal.read(store.get_holding, version_id)
        objects = holding.objects()
        keys = {version_id, f"{version_id}.intake"} | {stored.key for stored in objects}
        refused = self._erase(keys, objects)
        for path in self._vault.list(version_id):
            self._vault.delete(path)
        failpoint("destroy.commit")
        made = self._journal.read(store.list_derived, sources=(version_id, holding.dataset_id))
        derived = tuple(copy for copy in made if copy.provider == self._participant.did)
        body = certificates.version_body(
            holding, destruction, derived, keys=len(keys), refused=refused
        )
        certificate = self._sign(self._ids.new("cert"), body)
        self._finish(destruction, holding, certificate, derived)
        return certificate

    def _finish(
        self,
        destruction: Destruction,
        holding: Holding,
        certificate: Certificate,
        derived: tuple[Derived, ...],
    ) -> None:
        move = LIFECYCLE.step(holding.stage, "destroy", by="approver")
        record = self._catalogue.get_version(holding.version_id)
        gone = replace(holding.emptied(), stage=move.target, revision=holding.revision + 1)
        done = replace(destruction, state=DestructionState.DONE, certificate_id=certificate.id)
        others = {copy.holder for copy in derived} - {self._participant.did}
        with self._journal.write(
            by=destruction.approved_by,
            did="version.destroyed",
            to=f"version:{holding.version_id}",
            why={"certificate": certificate.id, "destruction": done.id, "reason": done.reason},
        ) as tx:
            tx.attach(certificates.MEDIA_TYPE, certificate.jws.encode())
            store.save_holding(tx.connection, gone, expect=holding.revision)
            store.save_destruction(tx.connection, done, expect=DestructionState.APPROVED)
            store.add_certificate(tx.connection, certificate)
            staged = replace(record, stage=move.target.value)
            self._catalogue.update_version(tx, staged, expect_stage=move.source.value)
            self._catalogue.tombstone(tx, holding.version_id, done.reason, certificate.id)
            for peer in sorted(others):
                tx.send(to=peer, kind=CERTIFIED, body={"certificate": certificate.jws})
            about = {"version": holding.version_id, "dataset": holding.dataset_id}
            tx.announce(events.DESTROYED, **about)

    def _erase(self, keys: Iterable[str], objects: tuple[StoredObject, ...]) -> int:
        """Destroy keys, see that every object refuses to decrypt, delete the objects."""
        for key in sorted(keys):
            self._vault.keys.destroy(key)
            failpoint("destroy.key")
        refused = sum(self._refuses(stored) for stored in objects)
        if refused != len(objects):
            raise CorruptError(
                "An object can still be decrypted after its key was destroyed; look for copies of"
                " the key vault and destroy them.",
                code="still_readable",
            )
        for stored in objects:
            self._vault.delete(stored.path)
        return refused

    def _refuses(self, stored: StoredObject) -> bool:
        try:
            self._vault.open(stored).close()
        except KeyDestroyedError:
            return True
        return False

    def _sign(self, certificate_id: str, body: Mapping[str, object]) -> Certificate:
        return certificates.sign(
            self._keys,
            body,
            certificate_id=certificate_id,
            issuer=self._participant.did,
            at=iso(self._clock.now()),
        )
