"""The form of a peer message on the wire."""

from typing import Any

import msgspec

from tidegate.connector.errors import MessageInvalidError


class PeerMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One message from node to node; `id` is what makes a repeat recognisable."""

    id: str
    kind: str
    sender: str = msgspec.field(name="from")
    to: str
    at: str
    body: dict[str, Any]


def read_message(body: object) -> PeerMessage:
    """Read a message strictly; raise MessageInvalidError naming the field that is wrong."""
    try:
        message = msgspec.convert(body, PeerMessage)
    except msgspec.ValidationError as problem:
        raise MessageInvalidError(
            f"The peer message is malformed: {problem}.", code="message_invalid"
        ) from None
    if not 0 < len(message.id) <= 200 or not 0 < len(message.kind) <= 100:
        raise MessageInvalidError(
            "The peer message needs an id and a kind.", code="message_invalid"
        )
    return message
