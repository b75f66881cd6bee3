"""What SQL may write, and when: nothing goes around the journal.

The guard sees every statement of the writing connection before it runs. Rooms write their tables
only inside `Journal.write`; in `Journal.upkeep` only tables marked as upkeep. Leaves are written by
the journal alone, below this guard; leaves, attachments, checkpoints and cosignatures never change.
"""

import re
from enum import Enum, auto
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Table, TextClause
from sqlalchemy.sql import visitors
from sqlalchemy.sql.dml import Insert, UpdateBase

from tidegate.audit.errors import UngovernedWriteError

_READS = re.compile(r"\s*(select|pragma|begin|savepoint|release|rollback|explain)\b", re.IGNORECASE)
_WRITES = re.compile(
    r"\b(insert|update|delete|replace|truncate|drop|alter|create|copy|merge|attach|vacuum)\b",
    re.IGNORECASE,
)


class Scope(Enum):
    """What the writing connection is being used for at the moment."""

    CLOSED = auto()
    WRITE = auto()
    UPKEEP = auto()


class Guard:
    """Listens to the writing connection and refuses what its present scope does not allow."""

    def __init__(self) -> None:
        self.scope = Scope.CLOSED
        self._targets: WeakKeyDictionary[Any, tuple[tuple[Table, bool], ...] | None] = (
            WeakKeyDictionary()
        )

    def before_cursor_execute(
        self, _connection: Any, _cursor: Any, statement: str, _values: Any, context: Any, _many: Any
    ) -> None:
        """Refuse the statement unless the scope allows it; SQLAlchemy calls this."""
        compiled = getattr(context, "compiled", None)
        targets = self._find_targets(compiled) if compiled is not None else None
        if targets is None:
            _check_text(statement)
            return
        for table, is_insert in targets:
            self._check(table, is_insert=is_insert)

    def _find_targets(self, compiled: Any) -> tuple[tuple[Table, bool], ...] | None:
        if compiled not in self._targets:
            self._targets[compiled] = _targets(compiled.statement)
        return self._targets[compiled]

    def _check(self, table: Table, *, is_insert: bool) -> None:
        name = getattr(table, "name", "this")
        info = getattr(table, "info", {})
        if self.scope is Scope.CLOSED or info.get("append_only") == "journal":
            raise UngovernedWriteError(
                f"Only the journal writes {name}; open journal.write with its reason.",
                code="around_the_journal",
            )
        if "append_only" in info and not is_insert:
            raise UngovernedWriteError(
                f"What stands in {name} is evidence and never changes.", code="append_only"
            )
        if self.scope is Scope.UPKEEP and not info.get("upkeep"):
            raise UngovernedWriteError(
                f"Housekeeping may not write {name}; open journal.write with its reason.",
                code="not_upkeep",
            )


def _targets(statement: Any) -> tuple[tuple[Table, bool], ...] | None:
    """Return the tables a statement writes and whether it only inserts; None for plain text."""
    found: list[tuple[Table, bool]] = []
    for element in visitors.iterate(statement):
        if isinstance(element, TextClause) and element is statement:
            return None
        if isinstance(element, UpdateBase):
            # An upsert changes rows, so it does not count as an insert.
            upserts = getattr(element, "_post_values_clause", None) is not None
            found.append((element.table, isinstance(element, Insert) and not upserts))  # type: ignore[arg-type]
    return tuple(found)


def _check_text(statement: str) -> None:
    if not _READS.match(statement) or _WRITES.search(statement):
        raise UngovernedWriteError(
            "SQL that writes must be built from the tables, so that the journal can see them.",
            code="textual_write",
        )
