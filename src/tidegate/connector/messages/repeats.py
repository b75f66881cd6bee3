"""Messages said again under another id: pure, over what was said.

The protocol tells a repeat by its `@id`. A connector that lost its own step after the message had
gone out (Eclipse EDC does, when the answer overtakes what it writes) says it again under a new one.
"""

from collections.abc import Collection, Mapping
from typing import Any

from tidegate.connector.messages.model import MessageRecord
from tidegate.connector.messages.store import write_body

Document = Mapping[str, Any]

_NAME = frozenset({"@id"})


def is_same_but(one: Document, other: Document, apart: Collection[str]) -> bool:
    """Tell whether two documents are equal in every member that is not named in `apart`."""
    return _without(one, apart) == _without(other, apart)


def says_again(
    last: MessageRecord | None, action: str, said: Document, apart: Collection[str] = ()
) -> bool:
    """Tell whether `said` is, but for its id, what its sender said last: `last`.

    Only the last can be meant: who said another thing since then has stored the one before.
    """
    return (
        last is not None
        and last.action == action
        and is_same_but(last.body, said, _NAME | frozenset(apart))
    )


def _without(document: Document, apart: Collection[str]) -> str:
    return write_body({name: value for name, value in document.items() if name not in apart})
