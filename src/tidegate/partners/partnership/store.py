"""Partnerships in SQL."""

from sqlalchemy import Connection

from tidegate.db.tables.partners import PARTNERSHIP
from tidegate.partners import records
from tidegate.partners.errors import PartnershipNotFoundError
from tidegate.partners.model import Partnership, PartnershipState


def find_partnership(conn: Connection, partnership_id: str) -> Partnership | None:
    """Return the partnership, or None."""
    return records.find(conn, PARTNERSHIP, Partnership, partnership_id)


def get_partnership(conn: Connection, partnership_id: str) -> Partnership:
    """Return the partnership; raise PartnershipNotFoundError."""
    found = find_partnership(conn, partnership_id)
    if found is None:
        raise PartnershipNotFoundError("No partnership has that id.", partnership=partnership_id)
    return found


def list_partnerships(conn: Connection) -> tuple[Partnership, ...]:
    """Return every partnership, oldest first."""
    return records.listing(conn, PARTNERSHIP, Partnership)


def list_between(conn: Connection, one: str, other: str) -> tuple[Partnership, ...]:
    """Return the partnerships of two institutions, oldest first."""
    return tuple(p for p in list_partnerships(conn) if {one, other} == set(p.parties))


def list_counterparts(conn: Connection, did: str) -> tuple[str, ...]:
    """Return the other institutions of this one's active partnerships."""
    active = (p for p in list_partnerships(conn) if p.state is PartnershipState.ACTIVE)
    return tuple(sorted({party for p in active for party in p.parties} - {did}))


def add_partnership(conn: Connection, partnership: Partnership) -> None:
    """Insert a partnership."""
    records.add(conn, PARTNERSHIP, partnership.id, partnership, state=partnership.state.value)


def save_partnership(
    conn: Connection, partnership: Partnership, *, expect: PartnershipState
) -> None:
    """Replace a partnership still in the state `expect`."""
    state = partnership.state.value
    records.change(conn, PARTNERSHIP, partnership.id, partnership, expect=expect.value, state=state)
