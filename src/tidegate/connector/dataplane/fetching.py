"""The worker of a pull at the consumer: fetch a while, note how far, go on in another task.

Every run asks for what is missing only (Range, with If-Range so that a changed content is never
mixed in). A run ends after some seconds, so that many fetches share the node's few workers.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from tidegate.commons.vault.service import Draft
from tidegate.connector.dataplane import store
from tidegate.connector.dataplane.calling import authorization_of, renewed, wants_renewal
from tidegate.connector.dataplane.desk import Answered, PlaneDesk, queue
from tidegate.connector.dataplane.errors import (
    AddressInvalidError,
    BytesRefusedError,
    ContentChangedError,
    DiskLowError,
    as_refusal,
)
from tidegate.connector.dataplane.model import DataFlowState, FlowRecord, PlaneAddress
from tidegate.connector.dataplane.ranges import etag_of, read_content_range, read_digest
from tidegate.connector.dataplane.receiving import Receiving
from tidegate.kernel.errors import TidegateError
from tidegate.kernel.failpoint import failpoint
from tidegate.kernel.text import whole_number

FETCH = "dataplane.fetch"
STALL_SECONDS = 20.0
SECOND = 1.0


class Fetching:
    """Fetches the copies this node pulls."""

    def __init__(self, desk: PlaneDesk, receiving: Receiving) -> None:
        self._desk = desk
        self._receiving = receiving

    def run(self, pid: str, chain: int) -> None:
        """Fetch for some seconds; queue the next run, or finish."""
        record = self._desk.find(pid)
        if record is None or record.chain != chain or record.state is not DataFlowState.STARTED:
            return
        if self._desk.rows.find_arrival(record.content) is not None:
            self._receiving.finish_kept(record)
            return
        try:
            with self._receiving.writing(pid):
                is_whole = self._some(record)
            current = self._desk.get(pid)
            if is_whole:
                self._receiving.finish(current, tell_control=True)
            else:
                self._again(current, 0.0)
        except ContentChangedError:
            return
        except TidegateError as problem:
            self._missed(self._desk.get(pid), as_refusal(problem))

    def _some(self, record: FlowRecord) -> bool:
        """Fetch until the run's time is over; return whether the content is whole now."""
        address = self._address(record)
        record = self._desk.get(record.flow.pid)  # as a renewal has left it
        draft = self._receiving.draft(record)
        if draft.size and draft.size == record.total:
            return True
        headers = {"accept": "*/*"}
        if draft.size:
            headers["range"] = f"bytes={draft.size}-"
            if record.sha256:
                headers["if-range"] = etag_of(record.sha256)
        authorization = authorization_of(address, is_plain=record.problem == "token_refused")
        with self._desk.http.stream(
            "GET",
            address.endpoint,
            authorization=authorization,
            headers=headers,
            seconds=self._desk.settings.slice_seconds + STALL_SECONDS,
        ) as answer:
            record, draft = self._begin(record, draft, answer)
            return self._read(record, draft, answer)

    def _begin(
        self, record: FlowRecord, draft: Draft, answer: Answered
    ) -> tuple[FlowRecord, Draft]:
        """Judge the first line and headers of an answer; return what is written to."""
        _check_status(answer.status, answer.headers)
        start, total = 0, -1
        if answer.status == 206:
            found = read_content_range(answer.headers.get("content-range", ""))
            if found is None or found[0] != draft.size:
                raise BytesRefusedError("range_wrong", "It gave another range.", again=False)
            start, _, total = found
        else:
            length = whole_number(answer.headers.get("content-length", ""))
            total = -1 if length is None else length
        promised = read_digest(
            answer.headers.get("repr-digest", ""), answer.headers.get("etag", "")
        )
        changed = bool(promised and record.sha256 and promised != record.sha256)
        if draft.size and (start == 0 or changed):
            record = self._receiving.start_over(record)
            draft = self._receiving.draft(record)
            if start:
                raise BytesRefusedError("content_changed", "The content changed.", again=True)
        named = record.name or _name_in(answer.headers)
        known = replace(record, sha256=promised or record.sha256, total=total, name=named)
        self._check(lambda: self._receiving.check_room(known, draft.size), record)
        return (record if known == record else self._desk.save(known)), draft

    def _read(self, record: FlowRecord, draft: Draft, answer: Answered) -> bool:
        pid = record.flow.pid
        cut = self._desk.cuts.open(pid)
        began = marked = time.monotonic()
        try:
            for piece in answer.chunks:
                if cut.is_set():
                    raise BytesRefusedError("flow_cut", "The transfer was stopped.", again=True)
                self._check(partial(self._receiving.check_more, record, draft, len(piece)), record)
                draft.write(piece)
                failpoint("dataplane.fetched_piece")
                now = time.monotonic()
                if now - marked > SECOND:
                    marked = now
                    self._desk.moved(record, draft.size, record.total)
                if now - began > self._desk.settings.slice_seconds:
                    return draft.size == record.total
        finally:
            self._desk.cuts.close(pid, cut)
            self._mark(record, draft)
        if record.total >= 0 and draft.size < record.total:
            raise BytesRefusedError("cut_short", "The answer ended too early.", again=True)
        return True

    def _check(self, question: Callable[[], None], record: FlowRecord) -> None:
        """Ask whether bytes fit; where the disk is what is short, give back what arrived."""
        try:
            question()
        except DiskLowError as problem:
            self._receiving.take_none(record, problem)
            raise
        except ContentChangedError as problem:
            raise BytesRefusedError(problem.code, problem.message, again=False) from None

    def _mark(self, record: FlowRecord, draft: Draft) -> None:
        """Note how far a fetch is, unless what arrived was given back."""
        if self._desk.get(record.flow.pid).content == record.content:
            self._desk.moved(record, draft.size, record.total)

    def _address(self, record: FlowRecord) -> PlaneAddress:
        address = self._desk.unseal(record)
        if address is None:
            raise AddressInvalidError("There is no address to fetch from.", code="address_missing")
        if wants_renewal(self._desk, address, is_refused=record.problem == "token_refused"):
            address = renewed(self._desk, record, address)
        return address

    def _again(self, record: FlowRecord, delay: float) -> None:
        with self._desk.journal.upkeep() as tx:
            queue(tx, FETCH, record, delay)

    def _missed(self, record: FlowRecord, refused: BytesRefusedError) -> None:
        """Wait and try again; give up, in words, when nothing came for very long."""
        if record.state is not DataFlowState.STARTED:
            return
        misses = record.misses + 1
        if not refused.again or misses >= self._desk.settings.most_misses:
            self._desk.control().flow_failed(record.flow.pid, refused.code, refused.message)
            return
        with self._desk.journal.upkeep() as tx:
            missed = replace(record, misses=misses, problem=refused.code)
            saved = store.put_flow(tx.connection, missed, tx.at)
            delay = self._desk.settings.delay_after(misses)
            queue(tx, FETCH, saved, delay)


def _check_status(status: int, headers: Mapping[str, str]) -> None:
    """Raise BytesRefusedError unless bytes follow."""
    if headers.get("content-encoding", "identity").lower() not in {"", "identity"}:
        raise BytesRefusedError("encoding_unknown", "The bytes are encoded.", again=False)
    if status in {200, 206}:
        return
    if status in {401, 403}:
        raise BytesRefusedError("token_refused", f"The provider refuses ({status}).", again=True)
    if status in {404, 410, 416}:
        raise BytesRefusedError(
            "content_gone", f"It has no such bytes ({status}).", again=status == 404
        )
    if status in {408, 425, 429} or status >= 500:
        raise BytesRefusedError("unable", f"It cannot answer now ({status}).", again=True)
    raise BytesRefusedError("refused", f"The provider refuses ({status}).", again=False)


def _name_in(headers: Mapping[str, str]) -> str:
    _, _, name = headers.get("content-disposition", "").partition('filename="')
    clean = name.partition('"')[0].rpartition("/")[2]
    return clean[:200] if clean.isprintable() else ""
