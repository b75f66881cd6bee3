"""People and their sign-in links and credentials in SQL."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Join, delete, insert, select, update

from tidegate.access.errors import PersonNotFoundError
from tidegate.access.model import Person, PersonState, Role
from tidegate.db.tables.access import CREDENTIAL, LINK, PERSON, SESSION, TOKEN
from tidegate.kernel.values import dataclass

_COLUMNS = (
    PERSON.c.id,
    PERSON.c.name,
    PERSON.c.email,
    PERSON.c.roles,
    PERSON.c.state,
    PERSON.c.created_at,
    PERSON.c.created_by,
    CREDENTIAL.c.password_hash,
    CREDENTIAL.c.totp_confirmed,
)


@dataclass(frozen=True, slots=True)
class Credential:
    """What a person proves themselves with, as kept."""

    password_hash: str | None
    totp_sealed: str | None
    totp_confirmed: bool


def add_person(conn: Connection, person: Person) -> None:
    """Insert a person."""
    conn.execute(
        insert(PERSON).values(
            id=person.id,
            name=person.name,
            email=person.email,
            roles=_roles_text(person.roles),
            state=person.state.value,
            created_at=person.created_at,
            created_by=person.created_by,
        )
    )


def find_person(conn: Connection, person_id: str) -> Person | None:
    """Return the person, or None."""
    return _one(conn, PERSON.c.id == person_id)


def get_person(conn: Connection, person_id: str) -> Person:
    """Return the person; raise PersonNotFoundError."""
    person = find_person(conn, person_id)
    if person is None:
        raise PersonNotFoundError("Nobody of this node has that id.", person=person_id)
    return person


def find_by_email(conn: Connection, email: str) -> Person | None:
    """Return the person with that e-mail address, or None."""
    return _one(conn, PERSON.c.email == email)


def list_people(conn: Connection) -> tuple[Person, ...]:
    """Return everybody, in the order they were added."""
    rows = conn.execute(
        select(*_COLUMNS).select_from(_joined()).order_by(PERSON.c.created_at, PERSON.c.id)
    )
    return tuple(_person(row) for row in rows)


def count_operators(conn: Connection, besides: str = "") -> int:
    """Count active operators other than `besides`."""
    return sum(
        Role.OPERATOR in p.roles and p.state is PersonState.ACTIVE and p.id != besides
        for p in list_people(conn)
    )


def set_roles(conn: Connection, person_id: str, roles: frozenset[Role]) -> None:
    """Replace a person's roles."""
    conn.execute(update(PERSON).where(PERSON.c.id == person_id).values(roles=_roles_text(roles)))


def disable_person(conn: Connection, person_id: str, at: str, by: str) -> None:
    """Disable a person and take every way in from them."""
    conn.execute(
        update(PERSON)
        .where(PERSON.c.id == person_id)
        .values(state=PersonState.DISABLED.value, disabled_at=at, disabled_by=by)
    )
    conn.execute(delete(SESSION).where(SESSION.c.person_id == person_id))
    conn.execute(delete(LINK).where(LINK.c.person_id == person_id, LINK.c.used_at.is_(None)))
    conn.execute(
        update(TOKEN)
        .where(TOKEN.c.person_id == person_id, TOKEN.c.revoked_at.is_(None))
        .values(revoked_at=at, revoked_by=by)
    )


def get_credential(conn: Connection, person_id: str) -> Credential:
    """Return what the person proves themselves with; empty when nothing was set."""
    row = conn.execute(
        select(
            CREDENTIAL.c.password_hash, CREDENTIAL.c.totp_sealed, CREDENTIAL.c.totp_confirmed
        ).where(CREDENTIAL.c.person_id == person_id)
    ).one_or_none()
    if row is None:
        return Credential(None, None, totp_confirmed=False)
    return Credential(row.password_hash, row.totp_sealed, totp_confirmed=bool(row.totp_confirmed))


def save_credential(conn: Connection, person_id: str, credential: Credential) -> None:
    """Keep what the person proves themselves with."""
    values = {
        "password_hash": credential.password_hash,
        "totp_sealed": credential.totp_sealed,
        "totp_confirmed": int(credential.totp_confirmed),
    }
    done = conn.execute(
        update(CREDENTIAL).where(CREDENTIAL.c.person_id == person_id).values(**values)
    )
    if done.rowcount == 0:
        conn.execute(insert(CREDENTIAL).values(person_id=person_id, **values))


def add_link(
    conn: Connection, secret_hash: str, person_id: str, *, at: str, by: str, until: str
) -> None:
    """Keep a one-time link by the hash of its secret."""
    conn.execute(
        insert(LINK).values(
            secret_hash=secret_hash,
            person_id=person_id,
            issued_at=at,
            issued_by=by,
            expires_at=until,
        )
    )


def find_link_person(conn: Connection, secret_hash: str) -> str | None:
    """Return whom a link is for, used or not, or None."""
    return conn.execute(
        select(LINK.c.person_id).where(LINK.c.secret_hash == secret_hash)
    ).scalar_one_or_none()


def use_link(conn: Connection, secret_hash: str, at: str) -> bool:
    """Mark a live, unused link as used; False when there was none to use."""
    done = conn.execute(
        update(LINK)
        .where(LINK.c.secret_hash == secret_hash, LINK.c.used_at.is_(None), LINK.c.expires_at > at)
        .values(used_at=at)
    )
    return done.rowcount == 1


def _joined() -> Join:
    return PERSON.outerjoin(CREDENTIAL, CREDENTIAL.c.person_id == PERSON.c.id)


def _one(conn: Connection, condition: ColumnElement[bool]) -> Person | None:
    row = conn.execute(select(*_COLUMNS).select_from(_joined()).where(condition)).one_or_none()
    return None if row is None else _person(row)


def _person(row: Any) -> Person:
    return Person(
        id=row.id,
        name=row.name,
        email=row.email,
        roles=frozenset(Role(role) for role in row.roles.split()),
        state=PersonState(row.state),
        has_password=row.password_hash is not None,
        has_totp=bool(row.totp_confirmed),
        created_at=row.created_at,
        created_by=row.created_by,
    )


def _roles_text(roles: frozenset[Role]) -> str:
    return " ".join(sorted(role.value for role in roles))
