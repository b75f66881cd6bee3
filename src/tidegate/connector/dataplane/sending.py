"""The worker of a push at the provider: ask how far the consumer is, send the next segment.

Between nodes like this one a push goes in segments: HEAD tells how much has arrived
(`Upload-Offset`), PUT with Content-Range (RFC 9110 §14.5) sends what follows. A consumer that
tells nothing is sent the whole content in one request, as other data planes do.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from threading import Event

from tidegate.commons.model import Parcel
from tidegate.connector.dataplane import store
from tidegate.connector.dataplane.calling import authorization_of
from tidegate.connector.dataplane.desk import PlaneDesk, ended, queue
from tidegate.connector.dataplane.errors import (
    AddressInvalidError,
    BytesRefusedError,
    FlowWithheldError,
    as_refusal,
)
from tidegate.connector.dataplane.model import (
    HTTP_SINK,
    DataFlowState,
    FlowRecord,
    PlaneAddress,
)
from tidegate.connector.dataplane.ranges import Part, digest_header
from tidegate.connector.dataplane.reading import PIECE
from tidegate.kernel.errors import TidegateError, UnavailableError
from tidegate.kernel.failpoint import failpoint
from tidegate.kernel.text import whole_number

SEND = "dataplane.send"
ACTOR = "system:dataplane"
SEGMENT_SECONDS = 120.0
WHOLE_SECONDS = 6 * 3600.0


class Sending:
    """Sends the parcels this node pushes."""

    def __init__(self, desk: PlaneDesk) -> None:
        self._desk = desk

    def run(self, pid: str, chain: int) -> None:
        """Send for some seconds; queue the next run, or finish."""
        record = self._desk.find(pid)
        if record is None or record.chain != chain:
            return
        if record.state is DataFlowState.COMPLETED:
            self._desk.control().flow_completed(pid)
            return
        if record.state is not DataFlowState.STARTED:
            return
        try:
            is_whole = self._some(record)
            current = self._desk.get(pid)
            if is_whole:
                self._finish(current)
            else:
                self._again(current)
        except TidegateError as problem:
            self._missed(self._desk.get(pid), as_refusal(problem))

    def _some(self, record: FlowRecord) -> bool:
        address = self._desk.unseal(record)
        if address is None:
            raise AddressInvalidError("There is no address to send to.", code="address_missing")
        pid = record.flow.pid
        began = time.monotonic()
        while time.monotonic() - began < self._desk.settings.slice_seconds:
            self._check_out(pid)
            parcel = self._desk.rows.parcel_for(record.flow.version_id, record.flow.agreement_id)
            if parcel.id != record.content:
                raise FlowWithheldError(
                    "The content of this transfer is gone; ask for a new one.", code="content_gone"
                )
            offset = self._received(record, address)
            if offset == record.total:
                return True
            if offset is None:
                self._put(record, parcel, address, Part(0, record.total, record.total), whole=True)
                return True
            end = min(offset + self._desk.settings.segment_bytes, record.total)
            self._put(record, parcel, address, Part(offset, end, record.total), whole=False)
            self._desk.moved(self._desk.get(pid), end)
            if end == record.total:
                return True
        return False

    def _check_out(self, pid: str) -> None:
        """Raise unless rows may leave now; a stop that is on its way is no failure of the push."""
        control = self._desk.control()
        try:
            control.check_read(pid)
        except UnavailableError:
            raise
        except TidegateError:
            if control.is_flowing(pid):
                raise
            raise BytesRefusedError(
                "flow_cut", "The transfer is held, or about to end.", again=True
            ) from None

    def _received(self, record: FlowRecord, address: PlaneAddress) -> int | None:
        """Ask how much has arrived; None where the consumer does not tell."""
        with self._desk.http.stream(
            "HEAD", address.endpoint, authorization=authorization_of(address, is_plain=False)
        ) as answer:
            told = whole_number(answer.headers.get("upload-offset", ""))
            if answer.status < 300 and told is not None and told <= record.total:
                return told
            if answer.status in {401, 403, 410}:
                raise BytesRefusedError(
                    "token_refused", f"The consumer refuses (HTTP {answer.status}).", again=True
                )
            if answer.status in {408, 425, 429, 503}:
                raise BytesRefusedError(
                    "unable", f"The consumer cannot take it now (HTTP {answer.status}).", again=True
                )
            return None

    def _put(
        self, record: FlowRecord, parcel: Parcel, address: PlaneAddress, part: Part, *, whole: bool
    ) -> None:
        headers = {
            "content-type": parcel.media_type,
            "content-length": str(part.length),
            "repr-digest": digest_header(parcel.sha256),
            "content-disposition": f'attachment; filename="{parcel.name}"',
        }
        if not whole:
            headers["content-range"] = part.content_range()
        headers |= _own_header(address)
        with self._desk.http.stream(
            _method_of(address) if whole else "PUT",
            address.endpoint,
            authorization=authorization_of(address, is_plain=False),
            headers=headers,
            content=self._pieces(record, parcel, part),
            seconds=WHOLE_SECONDS if whole else SEGMENT_SECONDS,
        ) as answer:
            _check_taken(answer.status)

    def _pieces(self, record: FlowRecord, parcel: Parcel, part: Part) -> Iterator[bytes]:
        pid, left, looked = record.flow.pid, part.length, part.length
        cut = self._desk.cuts.open(pid)
        file = self._desk.rows.open_parcel(parcel)
        try:
            file.seek(part.start)
            self._check_moves(pid, cut)  # what cut it before there was anything to cut
            while left:
                if looked - left >= self._desk.settings.look_every_bytes:
                    looked = left
                    self._check_moves(pid, cut)
                    self._desk.moved(self._desk.get(pid), part.end - left)
                if cut.is_set():
                    raise BytesRefusedError("flow_cut", "The transfer was stopped.", again=True)
                piece = file.read(min(PIECE, left))
                left -= len(piece)
                yield piece
                failpoint("dataplane.sent_piece")
        finally:
            file.close()
            self._desk.cuts.close(pid, cut)

    def _check_moves(self, pid: str, cut: Event) -> None:
        if not self._desk.control().is_flowing(pid):
            cut.set()

    def _finish(self, record: FlowRecord) -> None:
        """Note that every byte has left, unless the flow was stopped with the last of them."""
        if record.state is not DataFlowState.STARTED:
            return
        whole = replace(record, moved=record.total)
        ended(self._desk, whole, by=ACTOR)
        self._desk.control().flow_completed(record.flow.pid)

    def _again(self, record: FlowRecord) -> None:
        with self._desk.journal.upkeep() as tx:
            queue(tx, SEND, record)

    def _missed(self, record: FlowRecord, refused: BytesRefusedError) -> None:
        if record.state is not DataFlowState.STARTED:
            return
        misses = record.misses + 1
        if not refused.again or misses >= self._desk.settings.most_misses:
            self._desk.control().flow_failed(record.flow.pid, refused.code, refused.message)
            return
        with self._desk.journal.upkeep() as tx:
            missed = replace(record, misses=misses, problem=refused.code)
            saved = store.put_flow(tx.connection, missed, tx.at)
            queue(tx, SEND, saved, self._desk.settings.delay_after(misses))


def _method_of(address: PlaneAddress) -> str:
    """Return the method a consumer asks for: PUT, unless its address says POST."""
    named = address.properties.get("method", "").upper()
    if named in {"PUT", "POST"}:
        return named
    return "POST" if address.endpoint_type == HTTP_SINK else "PUT"


def _own_header(address: PlaneAddress) -> Mapping[str, str]:
    """Return the header some data planes open their sinks with: any name, any value."""
    name, value = address.properties.get("authKey", ""), address.properties.get("authCode", "")
    forbidden = {"", "host", "authorization", "content-length", "transfer-encoding", "connection"}
    is_token = all(one.isalnum() or one in "-_" for one in name)
    return {} if name.lower() in forbidden or not is_token or not value else {name: value}


def _check_taken(status: int) -> None:
    if status < 300:
        return
    if status in {401, 403, 409} or status in {408, 425, 429} or status >= 500:
        raise BytesRefusedError("unable", f"It cannot take it now ({status}).", again=True)
    raise BytesRefusedError("refused", f"It refuses the content ({status}).", again=False)
