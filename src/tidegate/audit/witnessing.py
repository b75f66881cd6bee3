"""Witnessing: nodes sign each other's checkpoints, so that no node can rewrite its past alone.

A node sends its newest checkpoint with the proof that it continues the one the witness saw before.
The witness answers with its cosignature, with the size it wants the proof to start from, or with
its refusal. Both sides put what they said into their own evidence.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from tidegate.audit import store, witness
from tidegate.audit.checkpoint import (
    Cosignature,
    SignedCheckpoint,
    Statement,
    read_cosignature,
    read_signed_checkpoint,
    sign_statement,
)
from tidegate.audit.encoding import decode_hash
from tidegate.audit.errors import EvidenceMalformedError, ForkError, SignatureInvalidError
from tidegate.audit.journal import Journal
from tidegate.audit.jws import read_jws, read_membership
from tidegate.audit.ledger import prove_consistency, sign_growth
from tidegate.audit.surroundings import Surroundings
from tidegate.kernel.canonical import Json
from tidegate.kernel.clock import Clock, iso, parse_iso
from tidegate.keys.service import KeyRing

REQUESTED, GIVEN = "witness.requested", "witness.given"
_ASKER = "system:evidence.request_witnesses"


class Witnessing:
    """Asks other nodes to witness this log, and witnesses theirs."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        keys: KeyRing,
        self_did: str,
        surroundings: Surroundings,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._keys = keys
        self._did = self_did
        self._surroundings = surroundings

    # -- as the node that asks

    def request_witnesses(self, *, at_least_every: timedelta = timedelta(days=1)) -> int:
        """Ask every other member whose last cosignature or request is that old; count them.

        Pass a zero to ask all of them now.
        """
        with self._journal.upkeep() as tx:
            sign_growth(tx.connection, self._did, self._keys.sign_evidence, at=tx.at, by=_ASKER)
        asked = 0
        for peer in self._surroundings.witnesses():
            if peer != self._did and self._is_due(peer, at_least_every):
                newest = self._journal.read(store.find_newest_witness, peer)
                self._ask(peer, newest.statement.size if newest else 0)
                asked += 1
        return asked

    def receive_answer(self, sender: str, body: Mapping[str, Any]) -> None:
        """Take a witness's answer: its cosignature, the size it wants, or its refusal."""
        if set(body) == {"cosignature", "credential"}:
            self.store_witness(
                sender, read_cosignature(body["cosignature"]), _text(body, "credential")
            )
        elif set(body) == {"from"} and type(body["from"]) is int:
            self._ask(sender, body["from"])
        elif set(body) == {"refused"}:
            why = {"reason": _text(body, "refused"), "witness": sender}
            self._journal.note(
                by=f"node:{sender}", did="checkpoint.refused", to=f"node:{self._did}", why=why
            )
        else:
            raise EvidenceMalformedError("A witness answers with a cosignature or a refusal.")

    def store_witness(self, sender: str, cosigned: Cosignature, credential: str = "") -> None:
        """Keep a cosignature over one of our checkpoints; one we have already changes nothing."""
        statement = cosigned.statement
        if statement.witness != sender or statement.log != self._did:
            raise EvidenceMalformedError("The cosignature is of another witness or another log.")
        cosigned.check(self._key_of(sender))
        ours = self._journal.read(store.find_checkpoint, statement.number)
        if ours is None or _told(ours) != (statement.checkpoint, statement.size, statement.root):
            raise EvidenceMalformedError("The cosignature is over a checkpoint we did not sign.")
        if self._journal.read(store.has_witness, statement.sha256):
            return
        why: dict[str, Json] = {
            "witness": sender,
            "number": statement.number,
            "size": statement.size,
            "statement": statement.sha256,
        }
        with self._journal.write(
            by=f"node:{sender}", did="checkpoint.witnessed", to=f"node:{self._did}", why=why
        ) as tx:
            store.add_witness(tx.connection, cosigned, credential, tx.at)

    # -- as the witness

    def receive_request(self, sender: str, body: Mapping[str, Any]) -> None:
        """Answer a request: cosign, ask for a proof from another size, or refuse."""
        if set(body) != {"checkpoint", "proof", "from"} or type(body["from"]) is not int:
            raise EvidenceMalformedError("A request has checkpoint, proof and from.")
        offered = read_signed_checkpoint(body["checkpoint"])
        proof = _hashes(body["proof"])
        seen = self._journal.read(store.find_seen, sender)
        started = seen.checkpoint.size if seen else 0
        if body["from"] != started and started <= offered.checkpoint.size:
            with self._journal.upkeep() as tx:
                tx.send(to=sender, kind=GIVEN, body={"from": started})
            return
        try:
            self._cosign(sender, offered, proof, answer=True)
        except (ForkError, SignatureInvalidError) as refusal:
            with self._journal.upkeep() as tx:
                tx.send(to=sender, kind=GIVEN, body={"refused": refusal.code})

    def witness(
        self, peer: str, offered: SignedCheckpoint, proof: tuple[bytes, ...]
    ) -> Cosignature:
        """Cosign a peer's checkpoint if it continues the one seen before; record a refusal.

        Raises ForkError for a log that went back or changed its past, SignatureInvalidError for a
        checkpoint its node did not sign.
        """
        return self._cosign(peer, offered, proof, answer=False)

    def _cosign(
        self, peer: str, offered: SignedCheckpoint, proof: tuple[bytes, ...], *, answer: bool
    ) -> Cosignature:
        point = offered.checkpoint
        statement = Statement(
            self._did, peer, point.number, point.size, point.root, point.sha256, ""
        )
        why: dict[str, Json] = {"size": point.size, "number": point.number, "root": point.root}
        try:
            if point.log != peer:
                raise ForkError("A node asks for its own log only.", code="log_mismatch", log=peer)
            offered.check(self._key_of(peer))
            return self._write_cosignature(statement, offered, proof, answer=answer)
        except (ForkError, SignatureInvalidError) as refusal:
            self._journal.note(
                by=f"node:{peer}",
                did="witness.refused",
                to=f"node:{peer}",
                why={**why, "reason": refusal.code, "checkpoint": point.sha256},
            )
            raise

    def _write_cosignature(
        self,
        draft: Statement,
        offered: SignedCheckpoint,
        proof: tuple[bytes, ...],
        *,
        answer: bool,
    ) -> Cosignature:
        now = self._clock.now()
        cosigned = sign_statement(_dated(draft, now), self._keys.sign_evidence)
        statement = cosigned.statement
        why: dict[str, Json] = {
            "size": statement.size,
            "number": statement.number,
            "root": statement.root,
            "checkpoint": statement.checkpoint,
            "statement": statement.sha256,
        }
        peer = statement.log
        with self._journal.write(
            by=f"node:{peer}", did="checkpoint.cosigned", to=f"node:{peer}", why=why
        ) as tx:
            witness.check_continues(store.find_seen(tx.connection, peer), offered, proof)
            store.save_seen(tx.connection, offered, tx.at)
            if answer:
                body = {"cosignature": cosigned.to_json(), "credential": self._own_credential()}
                tx.send(to=peer, kind=GIVEN, body=body)
        return cosigned

    # -- parts

    def _is_due(self, peer: str, at_least_every: timedelta) -> bool:
        latest = self._journal.read(store.find_latest_checkpoint)
        newest = self._journal.read(store.find_newest_witness, peer)
        if latest is None or (newest and newest.statement.number == latest.checkpoint.number):
            return False
        asked = self._journal.read(store.find_last_at, f"node:{peer}", REQUESTED)
        last = max(newest.statement.at if newest else "", asked or "")
        return not last or self._clock.now() - parse_iso(last) >= at_least_every

    def _ask(self, peer: str, start: int) -> None:
        latest, proof = self._journal.read(_latest_with_proof, start)
        point = latest.checkpoint
        body = {"checkpoint": latest.to_json(), "proof": list(proof), "from": start}
        why = {"number": point.number, "size": point.size}
        with self._journal.write(by=_ASKER, did=REQUESTED, to=f"node:{peer}", why=why) as tx:
            tx.send(to=peer, kind=REQUESTED, body=body)

    def _own_credential(self) -> str:
        for credential in self._surroundings.credentials():
            try:
                if read_membership(read_jws(credential.encode())).did == self._did:
                    return credential
            except EvidenceMalformedError:
                continue  # a credential of another kind
        return ""

    def _key_of(self, did: str) -> bytes:
        key = self._surroundings.evidence_key(did)
        if key is None:
            raise SignatureInvalidError(
                "The node is no current member of the space; its evidence is not witnessed.",
                code="not_a_member",
                did=did,
            )
        return key


def _latest_with_proof(conn: Connection, start: int) -> tuple[SignedCheckpoint, tuple[str, ...]]:
    latest = store.find_latest_checkpoint(conn)
    if latest is None or start > latest.checkpoint.size:
        raise ForkError(
            f"A witness saw {start} leaves of this log, more than it has now: the database was put"
            " back. Restore the newest backup before going on.",
            code="rollback",
        )
    return latest, prove_consistency(conn, start, latest.checkpoint.size)


def _told(signed: SignedCheckpoint) -> tuple[str, int, str]:
    point = signed.checkpoint
    return point.sha256, point.size, point.root


def _dated(draft: Statement, now: datetime) -> Statement:
    return replace(draft, at=iso(now))


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body[name]
    if not isinstance(value, str):
        raise EvidenceMalformedError(f"{name} must be a text.")
    return value


def _hashes(value: Any) -> tuple[bytes, ...]:
    if not isinstance(value, list) or not all(isinstance(step, str) for step in value):
        raise EvidenceMalformedError("A proof is a list of hashes.")
    return tuple(decode_hash(step) for step in value)
