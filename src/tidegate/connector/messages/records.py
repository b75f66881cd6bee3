"""What negotiations and transfers do alike with their messages: keep them, and say what became.

Everything here happens inside the caller's write, so that a message, the step it takes and the
evidence of both commit together.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from tidegate.audit.journal import Tx
from tidegate.connector.messages import store
from tidegate.connector.messages.errors import MessageRefusedError
from tidegate.connector.messages.model import Direction, MessageRecord, MessageState, Side
from tidegate.kernel.errors import TidegateError
from tidegate.kernel.text import printable

MOST_REFUSALS_KEPT = 50
"""Refused messages kept with one process; every refusal is in the evidence."""


class Process(Protocol):
    """A negotiation or a transfer, as far as its messages go."""

    @property
    def pid(self) -> str:
        """Our id of it."""
        ...

    @property
    def peer_pid(self) -> str:
        """The peer's id of it; empty until the peer has said it."""
        ...

    @property
    def side(self) -> Side:
        """Which side this node is on."""
        ...


class Paired(Protocol):
    """A message that names both pids."""

    @property
    def provider_pid(self) -> Any:
        """The provider's pid."""
        ...

    @property
    def consumer_pid(self) -> Any:
        """The consumer's pid."""
        ...


def check_pids(one: Process, message: Paired, name: str) -> None:
    """Raise MessageRefusedError unless a message names the pids of this process, called `name`."""
    ours, theirs = message.provider_pid, message.consumer_pid
    if one.side is Side.CONSUMER:
        ours, theirs = theirs, ours
    if ours != one.pid or (one.peer_pid and theirs != one.peer_pid):
        raise MessageRefusedError(
            f"The pids in the message are not those of this {name}.", code="pid_mismatch"
        )


def heard_record(
    identifier: str,
    process: str,
    action: str,
    said: Mapping[str, Any],
    *,
    kept: Mapping[str, Any],
    at: str,
) -> MessageRecord:
    """Return the record of a message that was taken; `kept` is what is kept of what was said."""
    return MessageRecord(
        id=identifier,
        process=process,
        position=0,
        direction=Direction.IN,
        type=str(said["@type"]),
        action=action,
        message_id=printable(str(said.get("@id", "")), 400),
        body=kept,
        state=MessageState.ACCEPTED,
        attempts=1,
        created_at=at,
        changed_at=at,
        outcome="Taken.",
    )


def queued_record(
    identifier: str, process: str, action: str, body: Mapping[str, Any], *, at: str
) -> MessageRecord:
    """Return the record of a message of ours that is on its way."""
    return MessageRecord(
        id=identifier,
        process=process,
        position=0,
        direction=Direction.OUT,
        type=str(body["@type"]),
        action=action,
        message_id=str(body["@id"]),
        body=body,
        state=MessageState.QUEUED,
        attempts=0,
        created_at=at,
        changed_at=at,
    )


def refused_record(record: MessageRecord, problem: TidegateError) -> MessageRecord:
    """Return the record of a message that was refused, with the reason."""
    return replace(record, state=MessageState.REFUSED, code=problem.code, outcome=problem.message)


def append(tx: Tx, record: MessageRecord) -> None:
    """Keep a message as the newest of its process."""
    position = store.next_position(tx.connection, record.process)
    store.insert_message(tx.connection, replace(record, position=position))


def append_refused(tx: Tx, record: MessageRecord) -> None:
    """Keep a refused message, unless as many of this process are kept as there may be."""
    if store.count_refused(tx.connection, record.process) < MOST_REFUSALS_KEPT:
        append(tx, record)


def acknowledge(tx: Tx, message: str, words: str) -> None:
    """Settle a message of ours that the peer has."""
    store.settle_message(
        tx.connection, message, state=MessageState.ACKNOWLEDGED, outcome=words, code="", at=tx.at
    )


def abandon(tx: Tx, message: str, words: str, code: str = "overtaken") -> None:
    """Settle a message of ours that is not said any more."""
    store.settle_message(
        tx.connection, message, state=MessageState.ABANDONED, outcome=words, code=code, at=tx.at
    )
