"""What a peer says again under another id, because it lost its own step after it had spoken.

Eclipse EDC writes its step once our answer is there, and loses it where our next message comes in
between; it then says the same again, a start with an address made anew. The provider that a
consumer lets go on answers with such a start, too. See docs/decisions/0016.
"""

from typing import Any

from sqlalchemy import Connection

from tidegate.connector.messages import store as messages
from tidegate.connector.messages.model import MessageRecord, Side
from tidegate.connector.messages.read import Received
from tidegate.connector.messages.repeats import says_again
from tidegate.connector.transfer import store
from tidegate.connector.transfer.address import heard_address, seal_address, without_secrets
from tidegate.connector.transfer.desk import Desk
from tidegate.connector.transfer.errors import TransferRacedError
from tidegate.connector.transfer.machine import TRANSFER
from tidegate.connector.transfer.model import VISIT_FORMAT, Step, Transfer, TransferState
from tidegate.connector.transfer.outgoing import Outgoing

_LED_TO = {Step(move.action): move.target for move in TRANSFER.moves}
_MADE_ANEW = ("dataAddress",)


class Repeating:
    """Answers what is said again."""

    def __init__(self, desk: Desk, outgoing: Outgoing) -> None:
        self._desk = desk
        self._outgoing = outgoing

    def take_again(self, one: Transfer, step: Step, heard: Received[Any]) -> bool:
        """Count the peer's last message once more, if this is it, and tell whether it is.

        Only in the state that message led to, and nothing changes but the address rows are fetched
        from: a later one is the one that opens. A suspension is never it: a start in between may
        be on its way still, and would undo what this one asks for. Raises TransferRacedError where
        the provider goes on as we asked, and we have not seen its answer yet.
        """
        if step is Step.SUSPEND:
            return False
        with self._desk.journal.reading() as conn:
            if _said_before(conn, one.pid, step, heard) is None:
                return False
        with self._desk.journal.upkeep() as tx:
            # Our own message may have been acknowledged since: what counts is what stands now.
            last = _said_before(tx.connection, one.pid, step, heard)
            if last is None:
                return False
            messages.count_again(tx.connection, last.id)
            address = heard_address(heard.message.data_address) if _may_move(one, step) else None
            if address is not None:
                seal_address(self._desk, tx, one.pid, "in", address)
                self._outgoing.tell_plane(tx, one, Step.START)
        return True


def _may_move(one: Transfer, step: Step) -> bool:
    """Tell whether the address may be another one when this is said again."""
    return step is Step.START and one.side is Side.CONSUMER and one.format != VISIT_FORMAT


def _said_before(
    conn: Connection, pid: str, step: Step, heard: Received[Any]
) -> MessageRecord | None:
    """Return the message that is said again here, as everything stands in this one view."""
    one = store.get_transfer(conn, pid)
    last = messages.find_last_taken(conn, pid)
    apart = _MADE_ANEW if _may_move(one, step) else ()
    if not says_again(last, step.value, without_secrets(heard.document), apart):
        return None
    if one.state is not _LED_TO[step]:
        ours = messages.find_message(conn, one.pending) if one.pending else None
        resumes = one.state is TransferState.SUSPENDED and bool(apart)
        if resumes and ours is not None and ours.action == Step.START.value:
            raise TransferRacedError("Our own start is not answered yet; send it again.")
        return None
    return last
