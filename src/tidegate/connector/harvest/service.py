"""Read the catalogues of the other members, page by page, and say what came of it."""

import re
import threading
from typing import Protocol

from tidegate.access.model import Actor, Participant, Role, system_actor
from tidegate.access.rules import check_has_role
from tidegate.audit.journal import Journal, Tx
from tidegate.catalogue.model import HarvestedDataset
from tidegate.connector.errors import PeerAnswerError
from tidegate.connector.harvest import store
from tidegate.connector.harvest.model import MOST_PAGES, HarvestReport
from tidegate.connector.harvest.reading import buried_in, datasets_in, harvested
from tidegate.connector.http.model import Answer
from tidegate.connector.messages.compose import document
from tidegate.connector.messages.delivery import Courier, Wire
from tidegate.connector.messages.errors import MessageRefusedError
from tidegate.connector.messages.read import hear
from tidegate.connector.messages.wire_catalog import Catalog
from tidegate.kernel.clock import Clock, iso
from tidegate.kernel.errors import TidegateError
from tidegate.partners.model import Member, MemberState

_NEXT = re.compile(r'<([^<>]+)>\s*;\s*rel="?next"?')


class Records(Protocol):
    """Where harvested records go."""

    def put_harvested(
        self, tx: Tx, peer: Participant, datasets: tuple[HarvestedDataset, ...]
    ) -> int:
        """Take over a peer's catalogue in the caller's write."""
        ...


class Members(Protocol):
    """Who is in the space."""

    def list_members(self) -> tuple[Member, ...]:
        """Return every member."""
        ...


class HarvestService:
    """Keeps the space's catalogue view fresh."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        *,
        did: str,
        wire: Wire,
        courier: Courier,
        members: Members,
        records: Records,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._did = did
        self._wire = wire
        self._courier = courier
        self._members = members
        self._records = records
        self._wanted = threading.Event()
        self._turn = threading.Lock()

    def harvest_all(self) -> None:
        """Read every active member's catalogue (periodic job); one failure stops no other.

        Asked for while it runs, it runs once more afterwards, however often it was asked.
        """
        self._wanted.set()
        while self._wanted.is_set() and self._turn.acquire(blocking=False):
            try:
                self._wanted.clear()
                for member in self._peers():
                    self.harvest_member(member, by=system_actor("harvest"))
            finally:
                self._turn.release()

    def harvest(self, did: str = "", *, by: Actor) -> tuple[HarvestReport, ...]:
        """Read one member's catalogue now, or everybody's."""
        check_has_role(by, *Role)
        wanted = [one for one in self._peers() if did in {"", one.did}]
        return tuple(self.harvest_member(one, by=by) for one in wanted)

    def list_reports(self) -> tuple[HarvestReport, ...]:
        """Return what came of the last reading of every peer."""
        return self._journal.read(store.list_reports)

    def _peers(self) -> tuple[Member, ...]:
        return tuple(
            one
            for one in self._members.list_members()
            if one.did != self._did and one.state is MemberState.ACTIVE
        )

    def harvest_member(self, member: Member, *, by: Actor) -> HarvestReport:
        """Read one member's catalogue; what goes wrong is in the report and the evidence."""
        started = iso(self._clock.now())
        try:
            datasets = self.fetch(member.did)
        except TidegateError as problem:
            report = HarvestReport(
                did=member.did,
                name=member.name,
                state="failed",
                datasets=0,
                unreadable=0,
                started_at=started,
                finished_at=iso(self._clock.now()),
                code=problem.code,
                reason=problem.message,
            )
            with self._journal.write(
                by=by.id,
                did="harvest.failed",
                to=f"member:{member.did}",
                why={"reason": problem.code},
            ) as tx:
                store.put_report(tx.connection, report)
            return report
        return self._keep(member, datasets, started, by)

    def _keep(
        self, member: Member, datasets: tuple[HarvestedDataset, ...], started: str, by: Actor
    ) -> HarvestReport:
        unreadable = sum(one.unreadable_offers for one in datasets)
        with self._journal.write(
            by=by.id,
            did="harvest.completed",
            to=f"member:{member.did}",
            why={"datasets": len(datasets), "unreadable": unreadable},
        ) as tx:
            self._records.put_harvested(tx, member.as_participant(), datasets)
            report = HarvestReport(
                did=member.did,
                name=member.name,
                state="good",
                datasets=len(datasets),
                unreadable=unreadable,
                started_at=started,
                finished_at=tx.at,
            )
            store.put_report(tx.connection, report)
        return report

    def fetch(self, did: str) -> tuple[HarvestedDataset, ...]:
        """Read a peer's whole catalogue, following its pages."""
        first = f"{self._courier.address_of(did)}/catalog/request"
        found: dict[str, HarvestedDataset] = {}
        url = first
        for _ in range(MOST_PAGES):
            answer = self._wire.post(
                url,
                document("CatalogRequestMessage"),
                authorization=self._courier.token_for(did),
            ).checked()
            catalog = self._catalog(answer, did)
            for one in (*map(harvested, datasets_in(catalog)), *buried_in(catalog)):
                found.setdefault(one.id, one)
            url = next_page(answer, first)
            if not url:
                return tuple(found.values())
        raise PeerAnswerError("The peer's catalogue has no end.", code="catalogue_endless")

    def _catalog(self, answer: Answer, did: str) -> dict[str, object]:
        try:
            heard = hear(answer.body, Catalog)
        except MessageRefusedError as problem:
            raise PeerAnswerError(
                f"The peer's catalogue is not valid: {problem.message}", code="catalogue_invalid"
            ) from None
        if heard.message.participant_id != did:
            raise PeerAnswerError(
                "The catalogue is another participant's.", code="catalogue_foreign"
            )
        return dict(heard.document)


def next_page(answer: Answer, first: str) -> str:
    """Return the address of the next page, or an empty string; it must be the same door."""
    match = _NEXT.search(answer.headers.get("link", ""))
    if match is None:
        return ""
    if match.group(1).partition("?")[0] != first:
        raise PeerAnswerError("The next page is at another address.", code="catalogue_elsewhere")
    return match.group(1)
