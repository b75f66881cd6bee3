"""Rows: ask for them under an agreement, watch them arrive, read the copy, stop."""

import time
from collections.abc import Iterator, Mapping
from urllib.parse import quote, urlencode

import msgspec

from tidegate_client.connector import Transfer
from tidegate_client.errors import NodeError
from tidegate_client.transport import Transport

PULL = "HttpData-PULL"
PUSH = "HttpData-PUSH"
_FINAL = frozenset({"COMPLETED", "TERMINATED"})


class Progress(msgspec.Struct, frozen=True):
    """How far the rows of a transfer are: bytes moved of all, and what hinders them."""

    transfer: str
    state: str
    name: str
    moved: int
    total: int
    sha256: str
    tries_without_progress: int
    problem: str
    started_at: str
    ended_at: str
    copy: str

    @property
    def percent(self) -> int:
        """Return how much has moved, in whole hundredths; 0 while the total is unknown."""
        return 0 if self.total <= 0 else min(100, self.moved * 100 // self.total)


class Frame(msgspec.Struct, frozen=True):
    """What a question about rows is about: an answer counts for exactly this."""

    agreement_id: str
    agreement_digest: str
    version_id: str
    recipient: str
    seat: str
    pack_hash: str


class RuleAsked(msgspec.Struct, frozen=True):
    """A rule that leaves rows to a person; `title` by language, `missing` a fact it lacks."""

    rule: str
    title: Mapping[str, str]
    source: str
    missing: str = ""


class Approval(msgspec.Struct, frozen=True):
    """A question about the rows of an agreement, and its answer."""

    id: str
    digest: str
    frame: Frame
    rules: tuple[RuleAsked, ...]
    state: str
    dataset_id: str
    asked_at: str
    transfer: str = ""
    receipt: str = ""
    answered_by: str = ""
    answered_at: str = ""
    reason: str = ""


class ScriptStep(msgspec.Struct, frozen=True):
    """One act of this node in a transfer, some time after it may be taken."""

    act: str
    after_ms: int = 0
    on: str = ""
    code: str = ""
    reason: str = ""


class TransferScript(msgspec.Struct, frozen=True):
    """What this node does, step by step, with transfers of an agreement or dataset."""

    name: str
    steps: tuple[ScriptStep, ...] = ()


class Rows:
    """Transfers that move rows."""

    def __init__(self, transport: Transport) -> None:
        self._http = transport

    def ask(self, agreement_id: str, *, push: bool = False) -> Transfer:
        """Ask for the rows of an agreement; the node fetches them, or with `push` is sent them."""
        body = {"agreement_id": agreement_id, "format": PUSH if push else PULL}
        return self._http.post("/transfers", body, Transfer)

    def approvals(self, *, agreement_id: str = "", state: str = "") -> tuple[Approval, ...]:
        """Return what people are asked about rows, and what they answered."""
        query = urlencode({"agreement": agreement_id, "state": state})
        return self._http.get(f"/rows-approvals?{query}", tuple[Approval, ...])

    def approve(self, approval_id: str, reason: str) -> Approval:
        """As the provider's legal officer: let exactly the rows leave that were asked about."""
        return self._answer(approval_id, "approve", reason)

    def refuse(self, approval_id: str, reason: str) -> Approval:
        """As the provider's legal officer: let the rows stay; who asked is told the reason."""
        return self._answer(approval_id, "refuse", reason)

    def withdraw(self, approval_id: str, reason: str) -> Approval:
        """Take an approval back: what runs under it stops at once."""
        return self._answer(approval_id, "withdraw", reason)

    def _answer(self, approval_id: str, answer: str, reason: str) -> Approval:
        path = f"/rows-approvals/{quote(approval_id, safe='')}/{answer}"
        return self._http.post(path, {"reason": reason}, Approval)

    def progress(self, pid: str) -> Progress:
        """Return how far the rows are; raises NodeError until they have begun to move."""
        return self._http.get(f"/transfers/{quote(pid, safe=':')}/progress", Progress)

    def wait(self, pid: str, *, seconds: float = 600.0, pause: float = 0.2) -> Transfer:
        """Return the transfer once it is over; raises NodeError when it takes longer."""
        end = time.monotonic() + seconds
        path = f"/transfers/{quote(pid, safe=':')}"
        while True:
            one = self._http.get(path, _Page).transfer
            if one.state in _FINAL:
                return one
            if time.monotonic() > end:
                raise NodeError(
                    504, "unavailable", "rows_slow", "The rows are still moving; look at them.", {}
                )
            time.sleep(pause)

    def read(self, pid: str) -> Iterator[bytes]:
        """Yield the copy a transfer brought, piece by piece; whoever reads it is in evidence."""
        return self._http.stream(f"/transfers/{quote(pid, safe=':')}/content")

    def cancel(self, pid: str, reason: str) -> Transfer:
        """End a transfer; what has arrived of an unfinished copy is destroyed."""
        path = f"/transfers/{quote(pid, safe=':')}/terminate"
        return self._http.post(path, {"reason": reason}, Transfer)

    def get_script(self, subject: str) -> TransferScript:
        """Return the script in force for an agreement or dataset."""
        return self._http.get(f"/transfer-scripts/{quote(subject, safe=':')}", TransferScript)

    def set_script(self, subject: str, script: TransferScript) -> TransferScript:
        """Set what the node does, step by step, with transfers of an agreement or dataset."""
        path = f"/transfer-scripts/{quote(subject, safe=':')}"
        return self._http.put(path, script, TransferScript)


class _Page(msgspec.Struct, frozen=True):
    transfer: Transfer
    messages: tuple[Mapping[str, object], ...] = ()
