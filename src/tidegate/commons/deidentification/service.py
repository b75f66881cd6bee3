"""De-identify a version's intake into tables of its own, and have a second person sign the risk."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import msgspec

from tidegate.access.model import Actor
from tidegate.audit.journal import Journal, Tx
from tidegate.catalogue.model import Classification, Codebook, QualityProfile
from tidegate.catalogue.service import CatalogueService
from tidegate.commons import rules, store
from tidegate.commons.acquisition.intake import describe
from tidegate.commons.acquisition.profile import TableProfile
from tidegate.commons.approval import require_second_person
from tidegate.commons.deidentification.beside import (
    check_none_since,
    check_same_names,
    list_beside,
)
from tidegate.commons.errors import NotReadyError
from tidegate.commons.lifecycle import LIFECYCLE
from tidegate.commons.model import (
    NO_TEXT,
    ColumnNote,
    Descriptor,
    Holding,
    Stage,
    TableObject,
)
from tidegate.commons.parquet import TableDeposit, read_batches, writing_table
from tidegate.commons.vault.model import StoredObject
from tidegate.commons.vault.service import Vault
from tidegate.deid.model import (
    Batches,
    Progress,
    Recipe,
    Recount,
    RiskReport,
    RunResult,
    part,
    silently,
)
from tidegate.deid.recipe.model import USUAL_K
from tidegate.deid.releases.model import ReleaseVerdict
from tidegate.deid.service import DeidService
from tidegate.kernel.canonical import Json, canonical_json, sha256_hex
from tidegate.kernel.clock import Clock, iso, parse_iso
from tidegate.kernel.errors import TidegateError
from tidegate.kernel.failpoint import failpoint
from tidegate.kernel.ids import Ids

REPORT_TYPE = "application/vnd.tidegate.deid-report+json"
RISK_REPORT_TYPE = "application/vnd.tidegate.risk-report+json"
_WRITTEN = 0.85
"""The share of the work that is done once the tables are written; then they are verified."""


def _nothing(tx: Tx) -> None:
    del tx


class DeidentificationService:
    """Runs recipes over holdings."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        ids: Ids,
        *,
        vault: Vault,
        deid: DeidService,
        catalogue: CatalogueService,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._vault = vault
        self._deid = deid
        self._catalogue = catalogue

    def default_recipe(self, version_id: str, k: int = USUAL_K) -> Recipe:
        """Draw the usual recipe for a version from its codebook."""
        return self._deid.default_recipe(self._catalogue.get_version(version_id).codebook, k)

    def read_recipe(self, version_id: str, document: Mapping[str, Any]) -> Recipe:
        """Read a written recipe for a version; raise RecipeInvalidError."""
        return self._deid.read_recipe(document, self._catalogue.get_version(version_id).codebook)

    def deidentify(
        self,
        version_id: str,
        recipe: Recipe,
        project_id: str,
        *,
        by: Actor,
        progress: Progress = silently,
        within: Callable[[Tx], None] = _nothing,
    ) -> RiskReport:
        """Write the de-identified tables and their risk report; running again replaces both.

        `within` is called inside the one write that changes the holding. Raises NotBorneOutError
        if the independent verifier does not find in what was written what the recipe asks,
        ReleaseRefusedError if another version of the dataset and this one together would tell too
        few people apart.
        """
        holding = self.check_may(version_id, project_id, by=by)
        move = LIFECYCLE.step(holding.stage, "deidentify", by="steward")
        with self._vault.intents.hold(version_id), self._sweeping(version_id):
            if version_id not in self._vault.keys.names():
                self._vault.keys.create(version_id)
            codebook = self._catalogue.get_version(version_id).codebook
            run, tables = self._run(holding, codebook, recipe, project_id, progress)
            written = {table.table: self._batches(table) for table in tables}
            progress(_WRITTEN, "verify")
            count = self._deid.recount(recipe, run, written)
            beside = self._journal.read(list_beside, holding)
            members, verdict = self._remember(holding, beside, run, recipe)
            report = self._report(holding, recipe, (run, count, verdict), project_id, by)
            objects = {table.table: table.stored.cipher_sha256 for table in holding.intake}
            paper = self._deid.write_document(recipe, run, count, verdict, objects)
            failpoint("deidentify.commit")
            moved = replace(
                holding,
                stage=move.target,
                revision=holding.revision + 1,
                tables=tables,
                report=report,
                members=members,
                paper=self._keep(version_id, paper) if paper else None,
            )
            progress(1.0, "done")
            self._save(holding, moved, beside, recipe, by, paper, within)
            replaced = (*(table.stored for table in holding.tables), holding.members, holding.paper)
            for old in replaced:
                if old is not None:
                    self._vault.delete(old.path)
        return report

    def check_may(self, version_id: str, project_id: str, *, by: Actor) -> Holding:
        """Return the holding that somebody may de-identify now, for this project.

        Raises RoleMissingError, SecondPersonError where no person acts, IllegalMoveError in
        another stage, NotReadyError under another project than the dataset's other versions.
        """
        rules.check_role(by, rules.STEWARDS, "de-identify data")
        rules.check_person(by, "de-identify data")
        holding = self._journal.read(store.get_holding, version_id)
        LIFECYCLE.step(holding.stage, "deidentify", by="steward")
        check_same_names(self._journal.read(list_beside, holding), project_id)
        return holding

    @contextmanager
    def _sweeping(self, version_id: str) -> Iterator[None]:
        """Remove what a block that fails had written, so that no later one leaves it behind."""
        try:
            yield
        except TidegateError:
            kept = self._journal.read(store.get_holding, version_id)
            objects = frozenset(one.path for one in kept.objects())
            keys = frozenset({version_id, *(one.key for one in kept.objects())})
            self._vault.tidy(version_id, objects, keys)
            raise

    def _report(
        self,
        holding: Holding,
        recipe: Recipe,
        done: tuple[RunResult, Recount, ReleaseVerdict | None],
        project_id: str,
        by: Actor,
    ) -> RiskReport:
        run, count, verdict = done
        report = self._deid.report(
            recipe,
            run,
            count,
            id=self._ids.new("risk"),
            version_id=holding.version_id,
            project_id=project_id,
            author=by.id,
            created_at=iso(self._clock.now()),
        )
        if verdict is None:
            return report
        earlier = verdict.releases[:-1]
        return replace(report, releases=earlier, releases_smallest=verdict.smallest)

    def find_report(self, version_id: str) -> RiskReport | None:
        """Return the risk report of a version, or None before it was de-identified."""
        return self._journal.read(store.get_holding, version_id).report

    def read_document(self, version_id: str) -> bytes:
        """Return the report of a version as others can check it (`tidegate-deid-report/1`).

        Raises NotReadyError before there is one. It holds no value of a person.
        """
        holding = self._journal.read(store.get_holding, version_id)
        if holding.paper is None:
            raise NotReadyError(
                "There is no report of this version; de-identify it first.",
                code="risk_report_missing",
            )
        return self._read(holding.paper)

    def accepts(self, report: RiskReport) -> bool:
        """Tell whether a report's greatest risk may be signed."""
        return self._deid.accepts(report)

    def sign_risk_report(self, version_id: str, report_id: str, *, by: Actor) -> RiskReport:
        """Sign, as a second person, the risk report of that id; refuse a risk above the threshold.

        Raises ReportChangedError where another one stands now: nobody signs what was not read.
        """
        rules.check_role(by, rules.APPROVERS, "sign a risk report")
        holding = self._journal.read(store.get_holding, version_id)
        report = holding.report
        if holding.stage is not Stage.DEIDENTIFIED or report is None or report.signed_by:
            raise NotReadyError(
                "There is no unsigned risk report; de-identify the version first.",
                code="risk_report_missing",
            )
        require_second_person(self._journal, version_id, report.author, by, "sign a risk report")
        rules.check_same_report(report, report_id)
        if not self.accepts(report):
            raise NotReadyError(
                f"The greatest risk {report.risk_max} is above the threshold {report.threshold};"
                " de-identify again with a larger k.",
                code="risk_above_threshold",
            )
        signed = replace(report, signed_by=by.id, signed_at=iso(self._clock.now()))
        document = msgspec.json.decode(msgspec.json.encode(signed))
        content = canonical_json(document)
        moved = replace(holding, report=signed, revision=holding.revision + 1)
        with self._journal.write(
            by=by.id,
            did="version.risk_signed",
            to=f"version:{version_id}",
            why={
                "report": signed.id,
                "sha256": sha256_hex(content),
                "document": sha256_hex(self._read(holding.paper)) if holding.paper else "",
                "risk_max": signed.risk_max,
                "threshold": signed.threshold,
                "author": signed.author,
            },
        ) as tx:
            tx.attach(RISK_REPORT_TYPE, content)
            store.save_holding(tx.connection, moved, expect=holding.revision)
        return signed

    def rule_facts(
        self, holding: Holding, classification: Classification
    ) -> dict[str, str | int | bool]:
        """Return the facts the rules ask about de-identification; risks in parts per million."""
        report = holding.report
        if report is None or not report.signed_by:
            return {"report": False}
        age = self._clock.now() - parse_iso(report.created_at)
        return {
            "report": True,
            "residual_risk": self._deid.parts_per_million(report.risk_max),
            "threshold": self._deid.parts_per_million(report.threshold),
            "age_months": age.days // 30,
            "author": report.author,
            "checker": report.signed_by,
            "key_destroyed": bool(holding.intake_destroyed_at) and not classification.personal,
        }

    def _remember(
        self, holding: Holding, beside: tuple[Holding, ...], run: RunResult, recipe: Recipe
    ) -> tuple[StoredObject | None, ReleaseVerdict | None]:
        """Keep who is in which class, once all versions together keep everybody among k."""
        version = holding.version_id
        content = self._deid.remember(run, version, holding.dataset_id)
        if not content:
            return None, None
        earlier = [self._read(one.members) for one in beside if one.members]
        verdict = self._deid.check_releases(earlier, content, recipe.k) if earlier else None
        return self._keep(version, content), verdict

    def _keep(self, version: str, content: bytes) -> StoredObject:
        with self._vault.writing(f"{version}/{self._ids.new('obj')}", version) as deposit:
            deposit.file.write(content)
        return deposit.stored

    def _read(self, stored: StoredObject) -> bytes:
        with self._vault.open(stored) as file:
            return bytes(file.read())

    def _run(
        self,
        holding: Holding,
        codebook: Codebook,
        recipe: Recipe,
        project_id: str,
        progress: Progress,
    ) -> tuple[RunResult, tuple[TableObject, ...]]:
        deposits: list[TableDeposit] = []
        version = holding.version_id

        @contextmanager
        def open_sink(table: str, schema: Any) -> Iterator[TableDeposit]:
            path = f"{version}/{self._ids.new('obj')}"
            with writing_table(self._vault, path, version, table, schema) as deposit:
                deposits.append(deposit)
                yield deposit

        sources = {table.table: self._batches(table) for table in holding.intake}
        told = part(progress, 0.0, _WRITTEN)
        run = self._deid.run(recipe, codebook, project_id, sources, open_sink, told)
        return run, tuple(deposit.done for deposit in deposits)

    def _batches(self, table: TableObject) -> Batches:
        return lambda: read_batches(self._vault, table.stored)

    def _save(
        self,
        holding: Holding,
        moved: Holding,
        beside: tuple[Holding, ...],
        recipe: Recipe,
        by: Actor,
        paper: bytes,
        within: Callable[[Tx], None],
    ) -> None:
        report = moved.report
        record = self._catalogue.get_version(holding.version_id)
        why: dict[str, Json] = {
            "recipe": sha256_hex(canonical_json(self._deid.recipe_document(recipe)))
        }
        if report is not None:
            why |= {"report": report.id, "k": report.k_achieved, "suppressed": report.suppressed}
        if paper:
            why["document"] = sha256_hex(paper)
        with self._journal.write(
            by=by.id, did="version.deidentified", to=f"version:{holding.version_id}", why=why
        ) as tx:
            tx.attach("application/json", canonical_json(self._deid.recipe_document(recipe)))
            if paper:
                tx.attach(REPORT_TYPE, paper)
            check_none_since(list_beside(tx.connection, holding), beside)
            store.save_holding(tx.connection, moved, expect=holding.revision)
            staged = replace(record, stage=moved.stage.value)
            self._catalogue.update_version(tx, staged, expect_stage=holding.stage.value)
            within(tx)

    def published_codebook(
        self, holding: Holding, before: Codebook
    ) -> tuple[Codebook, QualityProfile]:
        """Measure the de-identified tables: their codebook and quality replace the intake's."""
        tables, quality = [], []
        for table in holding.tables:
            known = before.find_table(table.table)
            notes = tuple(
                ColumnNote(table.table, c.name, c.role.value, c.identifier_kind, c.unit, c.label)
                for c in (known.columns if known else ())
            )
            profile: TableProfile | None = None
            for batch in read_batches(self._vault, table.stored):
                profile = profile or TableProfile(table.table, tuple(batch.schema.names))
                profile.update(_as_text(batch))
            profile = profile or TableProfile(table.table, tuple(n.column for n in notes))
            described, _ = describe(profile, Descriptor(NO_TEXT, columns=notes), self._deid)
            tables.append(described)
            quality.append(profile.quality())
        return Codebook(tuple(tables)), QualityProfile(tuple(quality))


def _as_text(batch: Any) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched

    columns = [column.cast(pa.string()) for column in batch.columns]
    return pa.record_batch(columns, names=batch.schema.names)
