"""Uses that count twice: in the agreement's ledger, and as an export across the border."""

from dataclasses import replace

from tidegate.audit.journal import Tx
from tidegate.catalogue.model import Table
from tidegate.catalogue.service import CatalogueService
from tidegate.node.answers import Answers
from tidegate.partners.instrument.service import InstrumentService
from tidegate.policy.model import Agreement, UseFacts
from tidegate.policy.service import PolicyService


class CountedUses:
    """The agreements as the lab sees them.

    A query from outside the Mainland on Mainland data is a provision across the border (rule
    XB-23), so its people enter the exporter's ledger of the year in the write that counts the use.
    """

    def __init__(
        self,
        policy: PolicyService,
        instruments: InstrumentService,
        catalogue: CatalogueService,
        answers: Answers,
    ) -> None:
        self._policy = policy
        self._instruments = instruments
        self._catalogue = catalogue
        self._answers = answers

    def get_agreement(self, agreement_id: str) -> Agreement:
        """Return an agreement."""
        return self._policy.get_agreement(agreement_id)

    def check_use(self, agreement: Agreement, facts: UseFacts) -> None:
        """Raise unless the use stays inside the agreement."""
        proven = self._answers.standing_of(agreement.assignee)
        self._policy.check_use(agreement, replace(facts, certifications=proven.certifications))

    def check_still_in_force(self, tx: Tx, agreement_id: str) -> None:
        """Raise, inside the caller's write, unless the agreement is active."""
        self._policy.check_still_in_force(tx, agreement_id)

    def uses_so_far(self, agreement_id: str) -> int:
        """Return how many uses of an agreement were counted."""
        return self._policy.uses_so_far(agreement_id)

    def count_use(self, tx: Tx, agreement_id: str) -> int:
        """Count one use, and the people it may tell of; raise when no use is left."""
        uses = self._policy.count_use(tx, agreement_id)
        agreement = self._policy.get_agreement(agreement_id)
        here = self._answers.seat_of(agreement.assigner)
        there = self._answers.seat_of(agreement.assignee)
        if here is not None and here.is_mainland and (there is None or not there.is_mainland):
            self._count_export(tx, agreement)
        return uses

    def _count_export(self, tx: Tx, agreement: Agreement) -> None:
        version = self._catalogue.get_version(agreement.version_id)
        people = max((_people(table) for table in version.codebook.tables), default=0)
        classification = version.classification
        self._instruments.count_export(
            tx,
            recipient=agreement.assignee,
            dataset_id=agreement.dataset_id,
            version_id=agreement.version_id,
            people=people,
            population=people,
            sensitive=classification is None or classification.sensitive,
        )


def _people(table: Table) -> int:
    key = table.find_column(table.person_key)
    return key.distinct if key is not None else table.rows
