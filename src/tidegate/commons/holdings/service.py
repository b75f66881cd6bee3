"""Store, open, archive and check what the node holds; say to the rules what it is."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tidegate.access.model import Actor, system_actor
from tidegate.audit.journal import Journal
from tidegate.catalogue.service import CatalogueService
from tidegate.commons import events, rules, store
from tidegate.commons.custody.model import Act, Custody
from tidegate.commons.custody.rules import RULES, next_for, since
from tidegate.commons.deidentification.service import DeidentificationService
from tidegate.commons.errors import NotReadyError, ObjectMissingError
from tidegate.commons.holdings import facts, package
from tidegate.commons.lifecycle import ASIDE, LIFECYCLE, READABLE, stage_before
from tidegate.commons.model import Holding, Stage
from tidegate.commons.parquet import read_table
from tidegate.commons.vault.service import Vault
from tidegate.kernel.canonical import Json, sha256_hex
from tidegate.kernel.clock import Clock, iso
from tidegate.kernel.failpoint import failpoint

_SIDE_MOVES = {
    Act.RESTRICT: "version.restricted",
    Act.UNRESTRICT: "version.unrestricted",
    Act.SUSPEND: "version.suspended",
    Act.RESUME: "version.resumed",
    Act.RECALL: "version.recalled",
    Act.QUARANTINE: "version.quarantined",
    Act.RELEASE: "version.released_from_quarantine",
}
CHECKER = system_actor("commons.check_fixity")


class HoldingsService:
    """Keeps what was de-identified, encrypted, whole and known."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        *,
        vault: Vault,
        catalogue: CatalogueService,
        deidentification: DeidentificationService,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._vault = vault
        self._catalogue = catalogue
        self._deidentification = deidentification

    def get_holding(self, version_id: str) -> Holding:
        """Return a holding; raise HoldingUnknownError."""
        return self._journal.read(store.get_holding, version_id)

    def list_holdings(self) -> tuple[Holding, ...]:
        """Return every holding of this node, oldest first."""
        return self._journal.read(store.list_holdings)

    def custody(self, version_id: str, *, by: Actor) -> Custody:
        """Return a version as its keepers see it; raise RoleMissingError for anybody else."""
        rules.check_role(by, rules.KEEPERS, "look after a version")
        return self._judged(self._journal.read(store.get_custody, version_id))

    def list_waiting(self, *, by: Actor) -> tuple[Custody, ...]:
        """Return the versions that wait for an act of this person, those who wait longest first."""
        if not by.roles & rules.APPROVERS:
            return ()
        found = map(self._judged, self._journal.read(store.list_open_custody))
        waiting = [(act, one) for one in found if (act := next_for(by, one)) is not None]
        return tuple(one for act, one in sorted(waiting, key=lambda each: since(*each)))

    def _judged(self, custody: Custody) -> Custody:
        report = custody.holding.report
        is_signable = report is not None and self._deidentification.accepts(report)
        return replace(custody, is_signable=is_signable)

    def store(self, version_id: str, *, by: Actor) -> Holding:
        """Keep the signed de-identified tables; the key of the identified intake is destroyed."""
        rules.check_role(by, rules.STEWARDS, "store a version")
        holding = self.get_holding(version_id)
        move = LIFECYCLE.step(holding.stage, "store", by="steward")
        rules.check_signed(holding)
        record = self._catalogue.get_version(version_id)
        codebook, quality = self._deidentification.published_codebook(holding, record.codebook)
        quality = replace(quality, checks=record.quality.checks)
        moved = replace(holding, stage=move.target, revision=holding.revision + 1)
        objects: list[Json] = [table.stored.cipher_sha256 for table in holding.tables]
        with self._journal.write(
            by=by.id, did="version.stored", to=f"version:{version_id}", why={"objects": objects}
        ) as tx:
            store.save_holding(tx.connection, moved, expect=holding.revision)
            kept = replace(record, stage=move.target.value, codebook=codebook, quality=quality)
            self._catalogue.update_version(tx, kept, expect_stage=move.source.value)
            tx.announce(events.STORED, version=version_id, dataset=holding.dataset_id)
        failpoint("store.intake")
        return self._destroy_intake(moved, by)

    def finish_interrupted(self) -> int:
        """Destroy the intake keys of versions that were stored when the process was killed."""
        waiting = [h for h in self.list_holdings() if _intake_is_due(h)]
        for holding in waiting:
            self._destroy_intake(holding, system_actor("commons.recover"))
        return len(waiting)

    def open_tables(
        self, version_id: str, *, by: Actor, why: Mapping[str, Json]
    ) -> Mapping[str, Any]:
        """Decrypt a stored version's tables in memory (Arrow tables by name), with evidence."""
        holding = self.get_holding(version_id)
        rules.check_readable(holding, READABLE)
        tables = {table.table: read_table(self._vault, table.stored) for table in holding.tables}
        self._journal.note(
            by=by.id, did="version.opened", to=f"version:{version_id}", why=dict(why)
        )
        return tables

    def archive(self, version_id: str, *, by: Actor) -> Holding:
        """Archive a version: fixity checked, a manifest of the package kept beside the objects."""
        rules.check_role(by, rules.STEWARDS, "archive a version")
        holding = self.get_holding(version_id)
        move = LIFECYCLE.step(holding.stage, "archive", by="steward")
        if not self.check_fixity(version_id, by=by):
            raise NotReadyError(
                "The objects are not what was stored; the version is in quarantine now.",
                code="fixity_failed",
            )
        holding = self.get_holding(version_id)
        record = self._catalogue.get_version(version_id)
        content = package.manifest(holding, record, archived_at=iso(self._clock.now()))
        with self._vault.intents.hold(version_id):
            stored = package.write(self._vault, version_id, content)
            moved = replace(
                holding, stage=move.target, revision=holding.revision + 1, manifest=stored
            )
            with self._journal.write(
                by=by.id,
                did="version.archived",
                to=f"version:{version_id}",
                why={"manifest": sha256_hex(content)},
            ) as tx:
                tx.attach(package.MEDIA_TYPE, content)
                store.save_holding(tx.connection, moved, expect=holding.revision)
                staged = replace(record, stage=move.target.value)
                self._catalogue.update_version(tx, staged, expect_stage=move.source.value)
                tx.announce(events.CLOSED, version=version_id, dataset=holding.dataset_id)
            if holding.manifest is not None and holding.manifest.path != stored.path:
                self._vault.delete(holding.manifest.path)
        return moved

    def check_fixity(self, version_id: str, *, by: Actor = CHECKER) -> bool:
        """Hash the objects again; a version whose objects changed goes into quarantine.

        Other acts may go on meanwhile: what they replaced or destroyed on purpose is not missing.
        """
        if not by.is_system:
            rules.check_role(by, rules.KEEPERS, "check fixity")
        holding = self.get_holding(version_id)
        changed = [one.path for one in holding.objects() if not self._is_whole(one)]
        why: dict[str, Json] = {"objects": len(holding.objects()), "changed": list(changed)}
        with self._journal.write(
            by=by.id, did="version.fixity_checked", to=f"version:{version_id}", why=why
        ) as tx:
            current = store.get_holding(tx.connection, version_id)
            checked = replace(current, fixity_checked_at=tx.at)
            store.save_holding(tx.connection, checked, expect=current.revision)
        wrong = set(changed) & {one.path for one in checked.objects()}
        if wrong and checked.stage in {Stage.STORED, Stage.ARCHIVED}:
            self._move(checked, Act.QUARANTINE, "system", CHECKER, "fixity check failed")
        return not wrong

    def check_all_fixity(self) -> int:
        """Check every stored or archived version; return how many were found changed."""
        kept = {Stage.STORED, Stage.ARCHIVED, Stage.RESTRICTED, Stage.SUSPENDED}
        due = [h.version_id for h in self.list_holdings() if h.stage in kept]
        return sum(not self.check_fixity(version_id) for version_id in due)

    def move_aside(self, version_id: str, action: str, reason: str, *, by: Actor) -> Holding:
        """Restrict, unrestrict, suspend, resume, recall, quarantine or release a version.

        What comes back from aside is stored or archived, as it was before.
        """
        act = next((one for one in _SIDE_MOVES if one == action), None)
        rule = RULES[act] if act else None
        if act is None or rule is None or rule.move is None:
            raise NotReadyError(f"There is no act {action!r}.", code="act_unknown")
        rules.check_role(by, rule.roles, f"{action} a version")
        rules.check_reason(reason)
        return self._move(self.get_holding(version_id), act, rule.move[1], by, reason)

    def rule_facts(self, version_id: str) -> Mapping[str, Mapping[str, str | int | bool]]:
        """Return what the rules ask about a dataset and its de-identification; unknown = absent."""
        holding = self.get_holding(version_id)
        record = self._catalogue.get_version(version_id)
        publisher = self._catalogue.get_dataset(record.dataset_id).publisher
        classification = record.classification
        dataset = facts.dataset_facts(
            holding, classification, publisher.seat, at=iso(self._clock.now())
        )
        if classification is None:
            return {"dataset": dataset, "deid": {"report": False}}
        deid = self._deidentification.rule_facts(holding, classification)
        return {"dataset": dataset, "deid": deid}

    def _is_whole(self, stored: Any) -> bool:
        try:
            return self._vault.check(stored)
        except ObjectMissingError:
            return self._vault.keys.is_destroyed(stored.key)  # destroyed, and so not missing

    def _move(
        self, holding: Holding, action: Act, actor_kind: str, by: Actor, reason: str
    ) -> Holding:
        back = stage_before(holding)
        move = LIFECYCLE.step(holding.stage, action, by=actor_kind, to=back)
        record = self._catalogue.get_version(holding.version_id)
        moved = replace(
            holding,
            stage=move.target,
            revision=holding.revision + 1,
            aside_from=move.source if move.target in ASIDE else None,
        )
        with self._journal.write(
            by=by.id,
            did=_SIDE_MOVES[action],
            to=f"version:{holding.version_id}",
            why={"reason": reason, "stage": move.target.value},
        ) as tx:
            store.save_holding(tx.connection, moved, expect=holding.revision)
            staged = replace(record, stage=move.target.value)
            self._catalogue.update_version(tx, staged, expect_stage=move.source.value)
            if move.target not in READABLE:
                about = {"version": holding.version_id, "dataset": holding.dataset_id}
                tx.announce(events.CLOSED, **about)
        return moved

    def _destroy_intake(self, holding: Holding, by: Actor) -> Holding:
        """Destroy the key of the identified rows, then their objects; safe to do again."""
        keys = {table.stored.key for table in (*holding.intake, *holding.quarantine)}
        for key in sorted(keys):
            self._vault.keys.destroy(key)
        for table in (*holding.intake, *holding.quarantine):
            self._vault.delete(table.stored.path)
        with self._journal.write(
            by=by.id,
            did="version.intake_key_destroyed",
            to=f"version:{holding.version_id}",
            why={"keys": len(keys)},
        ) as tx:
            current = store.get_holding(tx.connection, holding.version_id)
            done = replace(
                current,
                intake=(),
                quarantine=(),
                intake_destroyed_at=tx.at,
                revision=current.revision + 1,
            )
            store.save_holding(tx.connection, done, expect=current.revision)
        return done


def _intake_is_due(holding: Holding) -> bool:
    kept = {Stage.STORED, Stage.ARCHIVED, Stage.RESTRICTED, Stage.SUSPENDED, Stage.QUARANTINED}
    return holding.stage in kept and bool(holding.intake)
