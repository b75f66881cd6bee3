"""What a provider serves: a parcel in parts, each read decided again, cut when it must end."""

import time
from collections.abc import Generator

from tidegate.access.model import node_actor
from tidegate.commons.model import Parcel
from tidegate.connector.dataplane import store
from tidegate.connector.dataplane.desk import PlaneDesk, evidence
from tidegate.connector.dataplane.errors import DataTokenRefusedError, FlowWithheldError
from tidegate.connector.dataplane.model import DataFlowState, FlowRecord
from tidegate.connector.dataplane.ranges import Part, asked_part, etag_of
from tidegate.connector.dataplane.tokens import token_digest
from tidegate.connector.messages.model import Side
from tidegate.kernel.errors import TidegateError
from tidegate.kernel.values import dataclass

PIECE = 1024 * 1024
SETTLE_SECONDS = 2.0
_ABOUT_TO_START = frozenset({DataFlowState.STARTING, DataFlowState.SUSPENDED})


@dataclass(frozen=True, slots=True)
class Grant:
    """A read that was let in: which part of which parcel."""

    record: FlowRecord
    parcel: Parcel
    part: Part
    is_partial: bool


class Reading:
    """Lets reads in and streams them."""

    def __init__(self, desk: PlaneDesk) -> None:
        self._desk = desk

    def check_token(self, pid: str, token: str) -> FlowRecord:
        """Return the flow a token opens; raise DataTokenRefusedError alike for all that fails."""
        now = self._desk.now()
        with self._desk.journal.reading() as conn:
            opens = store.is_token_of(conn, pid, token_digest(token), now)
            record = store.find_flow(conn, pid) if opens else None
        if record is None:
            raise DataTokenRefusedError(
                "The token opens no data here, or no longer; renew it.", code="token_refused"
            )
        return record

    def _settled(self, pid: str, token: str) -> FlowRecord:
        """`check_token`, and wait a moment for a start that is on its way.

        A consumer can read as soon as it has our start message, which may be before its answer to
        that message has come back and the flow stands as started here.
        """
        end = time.monotonic() + SETTLE_SECONDS
        record = self.check_token(pid, token)
        while record.state in _ABOUT_TO_START and time.monotonic() < end:
            time.sleep(0.02)
            record = self.check_token(pid, token)
        return record

    def open(self, pid: str, token: str, range_header: str, if_range: str) -> Grant:
        """Decide about one read; raise with the reason, which is in the evidence too."""
        record = self._settled(pid, token)
        self._desk.token_used(pid, token_digest(token))
        reader = node_actor(record.flow.peer_did).id
        try:
            self._check_pull(record)
            self._desk.control().check_read(pid)
        except TidegateError as problem:
            self._desk.journal.note(
                by=reader,
                did="flow.read_refused",
                to=f"transfer:{pid}",
                why={**evidence(record), "reason": problem.code},
            )
            raise
        parcel = self._desk.rows.parcel_for(record.flow.version_id, record.flow.agreement_id)
        if parcel.id != record.content:
            raise FlowWithheldError(
                "The content of this transfer is gone; ask for a new one.", code="content_gone"
            )
        part, is_partial = asked_part(
            range_header, if_range, etag_of(parcel.sha256), parcel.stored.size
        )
        return Grant(record, parcel, part, is_partial)

    def stream(self, grant: Grant) -> Generator[bytes]:
        """Yield the part, verified as it is decrypted; stop short when the flow is cut.

        The caller's pace is the reader's: the next piece is decrypted when the last one has left.
        """
        pid, part = grant.record.flow.pid, grant.part
        reader = node_actor(grant.record.flow.peer_did).id
        cut, sent, looked = self._desk.cuts.open(pid), 0, 0
        file = self._desk.rows.open_parcel(grant.parcel)
        try:
            file.seek(part.start)
            self._check_moves(pid)  # what cut it before there was anything to cut
            while sent < part.length:
                if sent - looked >= self._desk.settings.look_every_bytes:
                    looked = sent
                    self._look(grant.record, part.start + sent)
                if cut.is_set():
                    raise _cut()
                piece = file.read(min(PIECE, part.length - sent))
                sent += len(piece)
                yield piece
        finally:
            file.close()
            self._desk.cuts.close(pid, cut)
            self._desk.journal.note(
                by=reader,
                did="flow.read",
                to=f"transfer:{pid}",
                why={**evidence(grant.record), "from": part.start, "sent": sent},
            )
            self._mark(grant.record, part.start + sent)

    def _look(self, record: FlowRecord, moved: int) -> None:
        """Look up whether bytes may still move, and note how far they are."""
        self._check_moves(record.flow.pid)
        self._mark(record, moved)

    def _check_moves(self, pid: str) -> None:
        if not self._desk.control().is_flowing(pid):
            raise _cut()

    def _mark(self, record: FlowRecord, moved: int) -> None:
        found = self._desk.find(record.flow.pid)
        if found is not None and moved > found.moved:
            self._desk.moved(found, moved)

    def _check_pull(self, record: FlowRecord) -> None:
        serves = record.flow.side is Side.PROVIDER and not record.flow.is_push
        if not serves or record.state is not DataFlowState.STARTED:
            raise FlowWithheldError(f"The data flow is {record.state}.", code="flow_not_started")


def _cut() -> FlowWithheldError:
    return FlowWithheldError("The transfer ended while it was read.", code="flow_cut")
