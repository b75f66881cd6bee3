"""What a consumer takes in: bytes in order from one sender, hashed, kept when they are whole."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace

from tidegate.access.model import node_actor
from tidegate.commons.vault.service import Draft
from tidegate.connector.dataplane.desk import PlaneDesk, ended, evidence
from tidegate.connector.dataplane.errors import (
    ContentChangedError,
    ContentTooLargeError,
    DiskLowError,
    FlowBusyError,
    FlowWithheldError,
    OffsetRefusedError,
)
from tidegate.connector.dataplane.limits import check_disk, check_size
from tidegate.connector.dataplane.model import DataFlowState, FlowRecord
from tidegate.connector.messages.model import Side
from tidegate.kernel.errors import TidegateError


class Receiving:
    """Holds the drafts of copies that arrive, one writer each."""

    def __init__(self, desk: PlaneDesk) -> None:
        self._desk = desk
        self._guard = threading.Lock()
        self._drafts: dict[str, Draft] = {}
        self._busy: set[str] = set()
        self._leaving: dict[str, list[Draft]] = {}

    @contextlib.contextmanager
    def writing(self, pid: str) -> Iterator[None]:
        """Hold a flow for one writer; raise FlowBusyError while another has it."""
        with self._guard:
            if pid in self._busy:
                raise FlowBusyError("Another call sends these bytes now; ask how far it is.")
            self._busy.add(pid)
        try:
            yield
        finally:
            with self._guard:
                self._busy.discard(pid)
                left = self._leaving.pop(pid, [])
            for draft in left:
                draft.close()

    def draft(self, record: FlowRecord) -> Draft:
        """Return the draft of a flow's copy; after a restart, what is on disk is read again.

        One is opened at a time: a sender that asks how far it is while it sends has one draft.
        Raises FlowWithheldError where the flow is over: what was dropped is not begun again.
        """
        pid = record.flow.pid
        with self._guard:
            known = self._drafts.get(pid)
            if known is None:
                self._check_open(pid)
                known = self._drafts[pid] = self._desk.rows.open_arrival(record.content)
        return known

    def get(self, pid: str) -> FlowRecord:
        """Return a flow as it stands now; raise FlowUnknownError."""
        return self._desk.get(pid)

    def opened(self, pid: str) -> threading.Event:
        """Return the event that is set when a push must stop."""
        return self._desk.cuts.open(pid)

    def closed(self, pid: str, cut: threading.Event) -> None:
        """Forget the event: the call has ended."""
        self._desk.cuts.close(pid, cut)

    def forget(self, pid: str) -> None:
        """Let go of a draft in memory; what is on disk stays.

        The file of a draft that is being written is closed by its writer, so that no byte of it
        can go to a file that was opened under the same number meanwhile.
        """
        with self._guard:
            draft = self._drafts.pop(pid, None)
            if draft is not None and pid in self._busy:
                self._leaving.setdefault(pid, []).append(draft)
                return
        if draft is not None:
            draft.close()

    def drop(self, record: FlowRecord) -> None:
        """Let go of a draft and destroy what arrived, on disk too; under the guard of `draft`."""
        self.forget(record.flow.pid)
        with self._guard:
            self._desk.rows.drop_arrival(record.content)

    def _check_open(self, pid: str) -> FlowRecord:
        current = self._desk.get(pid)
        if current.state in {DataFlowState.COMPLETED, DataFlowState.TERMINATED}:
            raise FlowWithheldError(f"The data flow is {current.state}.", code="flow_stopped")
        return current

    # --- how much is taken in

    def check_room(self, record: FlowRecord, held: int) -> None:
        """Raise unless what is declared of a copy fits this node's limit and its disk."""
        settings = self._desk.settings
        check_size(settings, held, record.total)
        check_disk(settings, held, record.total, self._desk.rows.free_bytes())

    def check_more(self, record: FlowRecord, draft: Draft, count: int) -> None:
        """Raise unless `count` more bytes of a copy may be written; the disk is asked at times."""
        settings, size = self._desk.settings, draft.size + count
        check_size(settings, size, record.total)
        if draft.size // settings.look_every_bytes != size // settings.look_every_bytes:
            check_disk(settings, size, record.total, self._desk.rows.free_bytes())

    def take_none(self, record: FlowRecord, problem: TidegateError) -> None:
        """Destroy what arrived of a copy that does not fit; what never can fit ends the flow.

        A disk that stays full is no news each time a sender tries: without a byte nothing is noted.
        """
        pid = record.flow.pid
        current = self._desk.get(pid)
        if current.state is not DataFlowState.STARTED:
            return
        if isinstance(problem, DiskLowError) and self.draft(current).size == 0:
            return
        self._desk.journal.note(
            by=node_actor(record.flow.peer_did).id,
            did="flow.refused",
            to=f"transfer:{pid}",
            why={**evidence(current), "reason": problem.code},
        )
        self.start_over(current)
        if isinstance(problem, ContentTooLargeError):
            self._desk.control().flow_failed(pid, problem.code, problem.message)

    def start_over(self, record: FlowRecord) -> FlowRecord:
        """Throw away what arrived, and begin a copy of another name."""
        self.drop(record)
        arrival = self._desk.rows.new_arrival()
        return self._desk.save(replace(record, content=arrival, moved=0, total=-1, sha256=""))

    # --- a push to us

    def open_push(self, record: FlowRecord) -> int:
        """Return how many bytes of a push have arrived; raise unless it may go on."""
        flow = record.flow
        if flow.side is not Side.CONSUMER or not flow.is_push:
            raise FlowWithheldError("Nothing is sent to this address.", code="flow_not_push")
        if record.state is DataFlowState.COMPLETED:
            return record.total
        if record.state is DataFlowState.PREPARED:
            raise FlowBusyError(
                "The transfer has not started here yet; send again in a moment.",
                code="flow_not_started",
            )
        if record.state is DataFlowState.SUSPENDED:
            raise FlowBusyError(
                "The transfer is held; send again once it goes on.", code="flow_held"
            )
        if record.state is not DataFlowState.STARTED or not self._desk.control().is_flowing(
            flow.pid
        ):
            raise FlowWithheldError(f"The data flow is {record.state}.", code="flow_stopped")
        if self._desk.rows.find_arrival(record.content) is not None:
            self.finish_kept(record)
            return record.total
        held = self.draft(record).size
        if 0 <= record.total == held:  # the last call was cut before it looked whether all is here
            with self.writing(flow.pid):
                self.finish(record, tell_control=False)
        return held

    def begin(self, record: FlowRecord, start: int, total: int, sha256: str) -> FlowRecord:
        """Check where the bytes of a push begin, and what they are said to be.

        A sender that begins anew at zero is taken at its word, and what came before is dropped.
        """
        held = self.draft(record).size
        promised = sha256 or record.sha256
        changed = bool(sha256 and record.sha256 and sha256 != record.sha256)
        if start == 0 and (held > 0 or changed):
            record, held = self.start_over(record), 0
        elif changed:
            raise ContentChangedError(
                "The content is another one than what was begun; begin again at byte 0.",
                code="content_changed",
            )
        if start != held:
            raise OffsetRefusedError(
                f"{held} bytes have arrived; the next ones begin there, not at {start}.",
                code="offset_refused",
                received=str(held),
            )
        if held and 0 <= record.total != total >= 0:
            raise ContentChangedError(
                f"The content was declared with {record.total} bytes, now with {total}; begin again"
                " at byte 0.",
                code="content_changed",
            )
        known = replace(record, sha256=promised, total=total if total >= 0 else record.total)
        try:
            self.check_room(known, held)
        except (ContentTooLargeError, DiskLowError) as problem:
            self.take_none(known, problem)
            raise
        return self._desk.save(known)

    def take(
        self, record: FlowRecord, draft: Draft, pieces: bytes, end: int, cut: threading.Event
    ) -> None:
        """Take more bytes of a push, up to `end` (-1 if not said); raise once it must stop.

        What comes beyond what was declared, or fits no more, destroys what came before it.
        """
        if cut.is_set():
            raise FlowWithheldError("The transfer ended while it was sent.", code="flow_cut")
        try:
            if 0 <= end < draft.size + len(pieces):
                raise ContentChangedError(
                    "More bytes came than were declared.", code="content_longer"
                )
            self.check_more(record, draft, len(pieces))
        except TidegateError as problem:
            self.take_none(record, problem)
            raise
        draft.write(pieces)

    def pause(self, pid: str, draft: Draft, since: int) -> FlowRecord:
        """Note how far a push is that began at `since`; its tokens live on where bytes came.

        Where the flow was stopped meanwhile, its draft may be gone: nothing is noted then.
        """
        record = self._desk.get(pid)
        with self._guard:
            is_held = self._drafts.get(pid) is draft
        if not is_held or record.state is not DataFlowState.STARTED or draft.size <= since:
            return record
        self._desk.prolong(pid)
        return self._desk.moved(record, draft.size)

    # --- the end of either way

    def finish(self, record: FlowRecord, *, tell_control: bool) -> FlowRecord:
        """Check the hash of a whole copy, keep it, and leave evidence.

        Raises ContentChangedError where the bytes are not what was promised; nothing is kept then.
        """
        pid = record.flow.pid
        if self._check_open(pid).state is not DataFlowState.STARTED:
            raise FlowWithheldError("The transfer was stopped meanwhile.", code="flow_cut")
        draft = self.draft(record)
        found, size = draft.sha256, draft.size
        if record.sha256 and found != record.sha256:
            self._refuse(record, found)
        known = self._desk.rows.find_arrival(record.content)
        if known is None:
            self._desk.rows.keep_arrival(
                record.content,
                draft,
                source=record.flow.dataset_id,
                agreement_id=record.flow.agreement_id,
                provider=record.flow.peer_did,
                name=record.name or f"{record.flow.dataset_id}.bin",
                tell=self._desk.reports_to(record.flow.peer_did),
            )
        self.forget(pid)
        current = self._desk.get(pid)
        if current.state is not DataFlowState.STARTED:
            return current  # stopped while it was kept: it ends as it was told, or goes on later
        whole = replace(current, sha256=found, total=size, moved=size)
        saved = ended(self._desk, whole, by=node_actor(record.flow.peer_did).id)
        if tell_control:
            self._desk.control().flow_completed(pid)
        return saved

    def finish_kept(self, record: FlowRecord) -> None:
        """Finish what a killed process had kept already."""
        whole = replace(record, moved=record.total)
        ended(self._desk, whole, by=node_actor(record.flow.peer_did).id)
        if not record.flow.is_push:
            self._desk.control().flow_completed(record.flow.pid)

    def _refuse(self, record: FlowRecord, found: str) -> None:
        pid = record.flow.pid
        self._desk.journal.note(
            by=node_actor(record.flow.peer_did).id,
            did="flow.refused",
            to=f"transfer:{pid}",
            why={**evidence(record), "found": found},
        )
        problem = ContentChangedError(
            "The bytes that arrived do not have the promised SHA-256; nothing of them was kept.",
            code="digest_wrong",
        )
        self.start_over(record)
        self._desk.control().flow_failed(pid, problem.code, problem.message)
        raise problem
