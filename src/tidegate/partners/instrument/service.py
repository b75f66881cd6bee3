"""Record the exporter's impact assessments and transfer mechanisms, and count what it exports."""

from dataclasses import replace
from datetime import date

from tidegate.access.model import Actor, Role
from tidegate.access.rules import check_has_role
from tidegate.audit.journal import Journal, Tx
from tidegate.kernel.clock import Clock, iso
from tidegate.kernel.ids import Ids
from tidegate.partners.errors import InstrumentInvalidError
from tidegate.partners.instrument import rules, store
from tidegate.partners.model import ImpactAssessment, MechanismKind, TransferMechanism
from tidegate.partners.project import store as project_store
from tidegate.partners.purpose import find_code


class InstrumentService:
    """The papers this institution needs to provide personal data across the Mainland border."""

    def __init__(self, journal: Journal, clock: Clock, ids: Ids, self_did: str) -> None:
        self.journal = journal
        self.clock = clock
        self.ids = ids
        self.self_did = self_did

    # Impact assessments (PIPIA)

    def record_impact_assessment(
        self,
        project_id: str,
        dataset_ids: tuple[str, ...],
        *,
        done_on: str,
        covers_3: bool,
        retention_years: int,
        by: Actor,
    ) -> ImpactAssessment:
        """Record an impact assessment; `covers_3`: legality, impact on rights, the recipient."""
        check_has_role(by, Role.LEGAL)
        self.journal.read(project_store.get_project, project_id)
        assessment = ImpactAssessment(
            id=self.ids.new("pia"),
            project_id=project_id,
            dataset_ids=dataset_ids,
            done_on=done_on,
            covers_3=covers_3,
            retention_years=retention_years,
            recorded_at=iso(self.clock.now()),
            recorded_by=by.id,
        )
        rules.check_assessment(assessment, self._today())
        with self.journal.write(
            by=by.id,
            did="impact_assessment.recorded",
            to=f"instrument:{assessment.id}",
            why={"project": project_id, "done_on": done_on, "covers_3": covers_3},
        ) as tx:
            store.add_assessment(tx.connection, assessment)
        return assessment

    def list_impact_assessments(self, project_id: str) -> tuple[ImpactAssessment, ...]:
        """Return the impact assessments of a study, oldest first."""
        return self.journal.read(store.list_assessments, project_id)

    # Transfer mechanisms

    def record_mechanism(
        self,
        kind: MechanismKind,
        counterparty: str,
        *,
        effective_on: str,
        purposes: tuple[str, ...],
        dataset_ids: tuple[str, ...],
        by: Actor,
        filed_on: str | None = None,
        filing_reference: str = "",
    ) -> TransferMechanism:
        """Record a contract, assessment or certificate that carries data across the border."""
        check_has_role(by, Role.LEGAL)
        mechanism = TransferMechanism(
            id=self.ids.new("mch"),
            kind=MechanismKind(kind),
            counterparty=counterparty,
            effective_on=effective_on,
            filed_on=filed_on,
            filing_reference=filing_reference,
            purposes=purposes,
            dataset_ids=dataset_ids,
            recorded_at=iso(self.clock.now()),
            recorded_by=by.id,
        )
        rules.check_mechanism(mechanism, self._today())
        mechanism = replace(mechanism, purposes=tuple(find_code(p) or p for p in purposes))
        with self.journal.write(
            by=by.id,
            did="mechanism.recorded",
            to=f"instrument:{mechanism.id}",
            why={"kind": mechanism.kind.value, "with": counterparty, "filed_on": filed_on},
        ) as tx:
            store.add_mechanism(tx.connection, mechanism)
        return mechanism

    def file_mechanism(
        self, mechanism_id: str, *, filed_on: str, reference: str, by: Actor
    ) -> TransferMechanism:
        """Record that a mechanism was filed with the regulator."""
        check_has_role(by, Role.LEGAL)
        rules.check_filing(filed_on, reference, self._today())
        mechanism = self._in_effect(mechanism_id)
        filed = replace(mechanism, filed_on=filed_on, filing_reference=reference)
        with self.journal.write(
            by=by.id,
            did="mechanism.filed",
            to=f"instrument:{mechanism_id}",
            why={"filed_on": filed_on, "reference": reference},
        ) as tx:
            store.save_mechanism(tx.connection, filed)
        return filed

    def end_mechanism(self, mechanism_id: str, reason: str, *, by: Actor) -> TransferMechanism:
        """Record that a mechanism no longer carries anything."""
        check_has_role(by, Role.LEGAL)
        mechanism = self._in_effect(mechanism_id)
        ended = replace(mechanism, ended_at=iso(self.clock.now()))
        with self.journal.write(
            by=by.id,
            did="mechanism.ended",
            to=f"instrument:{mechanism_id}",
            why={"reason": reason},
        ) as tx:
            store.save_mechanism(tx.connection, ended)
            tx.announce("mechanism.ended", mechanism=mechanism_id)
        return ended

    def list_mechanisms(self) -> tuple[TransferMechanism, ...]:
        """Return every transfer mechanism, oldest first."""
        return self.journal.read(store.list_mechanisms)

    # The ledger of people exported

    def count_export(
        self,
        tx: Tx,
        *,
        recipient: str,
        dataset_id: str,
        people: int,
        population: int,
        sensitive: bool,
        version_id: str = "",
    ) -> None:
        """Count an export in the ledger of its year, within the write that exports.

        `people` are the distinct people in it, `population` those in the whole dataset, or in
        the version where one is named: versions are added up, as if nobody were in two. Evidence
        is left when the year's upper bound grew; a further use of the same people adds nothing.
        """
        if not 0 <= people <= population:
            raise InstrumentInvalidError("An export cannot hold more people than its dataset.")
        line = rules.line_of(dataset_id, version_id)
        export = rules.Exported(line, people, population)
        year = rules.local_day(tx.now).year
        if store.count_export(
            tx.connection, export, recipient=recipient, sensitive=sensitive, year=year, at=tx.at
        ):
            tx.note(
                did="export.counted",
                to=f"dataset:{dataset_id}",
                why={"year": year, "people": people, "to": recipient},
            )

    def _in_effect(self, mechanism_id: str) -> TransferMechanism:
        mechanism = self.journal.read(store.get_mechanism, mechanism_id)
        if mechanism.ended_at is not None:
            raise InstrumentInvalidError("This transfer mechanism has ended; record a new one.")
        return mechanism

    def _today(self) -> date:
        return rules.local_day(self.clock.now())
