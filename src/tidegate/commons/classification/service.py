"""Classify a version: one person proposes, another approves."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy import Connection

from tidegate.access.model import Actor
from tidegate.audit.journal import Journal
from tidegate.catalogue.model import Classification
from tidegate.catalogue.service import CatalogueService
from tidegate.commons import rules, store
from tidegate.commons.approval import require_second_person
from tidegate.commons.errors import NotReadyError, ProposalChangedError
from tidegate.commons.lifecycle import LIFECYCLE
from tidegate.kernel.canonical import Json
from tidegate.kernel.clock import Clock, iso

_SHA256 = re.compile(r"[0-9a-f]{64}")


class ClassificationService:
    """Two people say how protected a version is."""

    def __init__(self, journal: Journal, clock: Clock, *, catalogue: CatalogueService) -> None:
        self._journal = journal
        self._clock = clock
        self._catalogue = catalogue

    def propose(self, version_id: str, proposal: Classification, *, by: Actor) -> Classification:
        """Propose a classification; it replaces an earlier proposal nobody approved."""
        rules.check_role(by, rules.STEWARDS, "propose a classification")
        rules.check_person(by, "propose a classification")
        rules.check_classification(
            proposal.cn_class, proposal.level, proposal.important_status, proposal.hgr
        )
        holding = self._journal.read(store.get_holding, version_id)
        LIFECYCLE.step(holding.stage, "classify", by="approver")
        proposed = replace(proposal, proposed_by=by.id, approved_by="")
        proposed = rules.named(proposed)
        with self._journal.write(
            by=by.id,
            did="version.classification_proposed",
            to=f"version:{version_id}",
            why=_words(proposed),
        ) as tx:
            current = store.get_holding(tx.connection, version_id)  # approved meanwhile?
            LIFECYCLE.step(current.stage, "classify", by="approver")
            store.put_proposal(tx.connection, version_id, proposed, tx.at)
        return proposed

    def find(self, version_id: str) -> Classification | None:
        """Return the proposed or approved classification, or None."""
        return self._journal.read(_found, version_id)

    def get(self, version_id: str, *, by: Actor) -> Classification:
        """Return the proposed or approved classification; NotReadyError where there is none."""
        rules.check_role(by, rules.STEWARDS | rules.APPROVERS, "read a classification")
        self._journal.read(store.get_holding, version_id)
        return _known(self.find(version_id))

    def approve(self, version_id: str, proposal_sha256: str, *, by: Actor) -> Classification:
        """Approve, as a second person, the proposal of that hash; the version is classified.

        Raises ProposalChangedError where another one stands now: nobody approves what was not read.
        """
        rules.check_role(by, rules.APPROVERS, "approve a classification")
        holding = self._journal.read(store.get_holding, version_id)
        proposal = _known(self.find(version_id))
        require_second_person(
            self._journal, version_id, proposal.proposed_by, by, "approve a classification"
        )
        with self._journaled(version_id, proposal_sha256, by):
            _check_same(proposal, proposal_sha256)
        move = LIFECYCLE.step(holding.stage, "classify", by="approver")
        approved = replace(proposal, approved_by=by.id)
        record = self._catalogue.get_version(version_id)
        moved = replace(holding, stage=move.target, revision=holding.revision + 1)
        with (
            self._journaled(version_id, proposal_sha256, by),
            self._journal.write(
                by=by.id, did="version.classified", to=f"version:{version_id}", why=_words(approved)
            ) as tx,
        ):
            _check_same(_known(_found(tx.connection, version_id)), proposal_sha256)
            store.approve_proposal(tx.connection, version_id, approved, iso(self._clock.now()))
            store.save_holding(tx.connection, moved, expect=holding.revision)
            classified = replace(record, stage=move.target.value, classification=approved)
            self._catalogue.update_version(tx, classified, expect_stage=move.source.value)
        return approved

    @contextmanager
    def _journaled(self, version_id: str, named: str, by: Actor) -> Iterator[None]:
        """Leave evidence of an approval of another proposal; a name that is no hash is left out."""
        try:
            yield
        except ProposalChangedError as refusal:
            self._journal.note(
                by=by.id,
                did="version.proposal_refused",
                to=f"version:{version_id}",
                why={"reason": refusal.code, "named": named if _SHA256.fullmatch(named) else ""},
            )
            raise


def _found(conn: Connection, version_id: str) -> Classification | None:
    """Find a classification; proposals of before they were named by their hash get it here."""
    found = store.find_classification(conn, version_id)
    return found and rules.named(found)


def _known(found: Classification | None) -> Classification:
    if found is None:
        raise NotReadyError(
            "Nobody has proposed a classification yet; a steward proposes one first.",
            code="classification_missing",
        )
    return found


def _check_same(proposal: Classification, named: str) -> None:
    if proposal.proposal != named:
        raise ProposalChangedError(
            "The classification proposed now is another one than you name;"
            " read it again, then approve that.",
            code="proposal_changed",
        )


def _words(classification: Classification) -> dict[str, Json]:
    words: dict[str, Json] = {
        "cn_class": classification.cn_class,
        "level": classification.level,
        "personal": classification.personal,
        "sensitive": classification.sensitive,
        "proposed_by": classification.proposed_by,
        "proposal": classification.proposal,
    }
    if classification.approved_by:
        words["approved_by"] = classification.approved_by
    return words
