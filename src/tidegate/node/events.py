"""Every room's declared events in one table: the journal refuses an event that is not here."""

import importlib
from collections.abc import Mapping
from pathlib import Path

import tidegate
from tidegate.audit.premis import EVENT_TYPES
from tidegate.kernel.errors import ConflictError

EVENTS: Mapping[str, str | None] = {"node.started": None}
"""What the node itself puts into evidence: which code serves from now on."""


class EventTwiceError(ConflictError):
    """Two rooms declare the same event."""


class EventTypeUnknownError(ConflictError):
    """A room declares an event of a type that PREMIS does not have."""


def all_events() -> Mapping[str, str | None]:
    """Return every declared event with its PREMIS event type, or None where PREMIS has none."""
    root = Path(tidegate.__file__).parent
    gathered: dict[str, str | None] = dict(EVENTS)
    for path in sorted(root.glob("**/events.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if parts[0] == "node":
            continue
        declared: Mapping[str, str | None] = importlib.import_module(
            ".".join(("tidegate", *parts))
        ).EVENTS
        twice = gathered.keys() & declared.keys()
        if twice:
            raise EventTwiceError(f"Two rooms declare {', '.join(sorted(twice))}; rename one.")
        unknown = {code for code in declared.values() if code} - EVENT_TYPES.keys()
        if unknown:
            raise EventTypeUnknownError(
                f"{path.parent.name} declares events of the types {', '.join(sorted(unknown))};"
                " PREMIS 3 has no such codes."
            )
        gathered.update(declared)
    return gathered
