"""Read and check messages: the same types judge what comes in and what goes out."""

from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any, Generic, TypeVar

import msgspec

from tidegate.connector.errors import MessageInvalidError
from tidegate.connector.http.body import read_json
from tidegate.connector.messages.compacting import compacted
from tidegate.connector.messages.errors import MessageRefusedError
from tidegate.connector.messages.vocabulary import SHAPES
from tidegate.kernel.values import dataclass

LARGEST_MESSAGE = 1024 * 1024

M = TypeVar("M", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Received(Generic[M]):
    """A checked message beside its document in the protocol's compact form, for exact echo.

    `said` is the document as the peer wrote it, where that is another.
    """

    message: M
    document: Mapping[str, Any]
    said: Mapping[str, Any] = field(default_factory=dict)

    @property
    def original(self) -> Mapping[str, Any]:
        """The document as the peer wrote it."""
        return self.said or self.document


def read(body: bytes, kind: type[M]) -> Received[M]:
    """Read a message of that kind; raise MessageRefusedError, naming the place that is wrong."""
    if len(body) > LARGEST_MESSAGE:
        raise MessageRefusedError(
            "The message is larger than one mebibyte.", code="message_too_large"
        )
    try:
        document = read_json(body)
    except MessageInvalidError as problem:
        raise MessageRefusedError(problem.message, code=problem.code) from None
    return hear(document, kind)


def hear(document: Any, kind: type[M]) -> Received[M]:
    """Check what a peer wrote, however its JSON-LD spells it; raise MessageRefusedError."""
    if kind.__name__ not in SHAPES:  # the version document is plain JSON
        return check(document, kind)
    try:
        compact = compacted(document, kind.__name__)
    except RecursionError:
        raise MessageRefusedError(
            "The message is nested too deeply.", code="message_invalid"
        ) from None
    heard = check(compact, kind)
    is_plain = compact == document
    return heard if is_plain else replace(heard, said=_as_object(document))


def _as_object(document: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = document[0] if isinstance(document, list) else document
    return found


def check(document: Any, kind: type[M]) -> Received[M]:
    """Check a document in the compact form; raise MessageRefusedError where it is wrong."""
    if not isinstance(document, dict):
        raise MessageRefusedError(f"A {kind.__name__} is a JSON object.", code="message_invalid")
    try:
        message = msgspec.convert(document, kind, strict=True)
    except msgspec.ValidationError as problem:
        raise MessageRefusedError(
            f"This is no valid {kind.__name__}: {_words(problem)}.", code="message_invalid"
        ) from None
    except RecursionError:
        raise MessageRefusedError(
            "The message is nested too deeply.", code="message_invalid"
        ) from None
    return Received(message, document)


def _words(problem: msgspec.ValidationError) -> str:
    """Name the place, and never repeat what stood there."""
    text = str(problem)
    if "Invalid enum value" in text:
        _, _, place = text.partition(" - ")
        return f"a word that is not known {('- ' + place) if place else ''}".strip()
    return text


def seal(document: Mapping[str, Any], kind: type[M]) -> bytes:
    """Check an outgoing document and write it; raise MessageRefusedError if it is wrong."""
    check(dict(document), kind)
    return msgspec.json.encode(document)
