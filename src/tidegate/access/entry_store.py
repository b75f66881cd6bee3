"""Sessions, bearer tokens and wrong guesses in SQL."""

from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from tidegate.access.model import ApiToken, Session
from tidegate.db.tables.access import ATTEMPT, SESSION, TOKEN, TOTP_USE

_TOKEN_COLUMNS = (
    TOKEN.c.id,
    TOKEN.c.person_id,
    TOKEN.c.label,
    TOKEN.c.issued_at,
    TOKEN.c.expires_at,
    TOKEN.c.revoked_at,
)


def add_session(conn: Connection, session: Session, secret_hash: str) -> None:
    """Keep a session by the hash of its secret."""
    conn.execute(
        insert(SESSION).values(
            id=session.id,
            secret_hash=secret_hash,
            person_id=session.person_id,
            created_at=session.created_at,
            idle_until=session.idle_until,
            expires_at=session.expires_at,
        )
    )


def find_session(conn: Connection, secret_hash: str) -> Session | None:
    """Return the session behind a secret, without the secret, or None."""
    row = conn.execute(
        select(
            SESSION.c.id,
            SESSION.c.person_id,
            SESSION.c.created_at,
            SESSION.c.idle_until,
            SESSION.c.expires_at,
        ).where(SESSION.c.secret_hash == secret_hash)
    ).one_or_none()
    if row is None:
        return None
    return Session(row.id, "", row.person_id, row.created_at, row.idle_until, row.expires_at)


def extend_session(conn: Connection, session_id: str, idle_until: str) -> None:
    """Move the moment an idle session ends."""
    conn.execute(update(SESSION).where(SESSION.c.id == session_id).values(idle_until=idle_until))


def end_session(conn: Connection, session_id: str) -> None:
    """Forget a session."""
    conn.execute(delete(SESSION).where(SESSION.c.id == session_id))


def end_sessions(conn: Connection, person_id: str) -> None:
    """Forget every session of a person."""
    conn.execute(delete(SESSION).where(SESSION.c.person_id == person_id))


def add_token(conn: Connection, token: ApiToken, secret_hash: str, by: str) -> None:
    """Keep a bearer token by the hash of its secret."""
    conn.execute(
        insert(TOKEN).values(
            id=token.id,
            secret_hash=secret_hash,
            person_id=token.person_id,
            label=token.label,
            issued_at=token.created_at,
            issued_by=by,
            expires_at=token.expires_at,
        )
    )


def find_token(conn: Connection, secret_hash: str) -> ApiToken | None:
    """Return the token behind a secret, or None."""
    row = conn.execute(
        select(*_TOKEN_COLUMNS).where(TOKEN.c.secret_hash == secret_hash)
    ).one_or_none()
    return None if row is None else _token(row)


def find_token_by_id(conn: Connection, token_id: str) -> ApiToken | None:
    """Return the token with that id, or None."""
    row = conn.execute(select(*_TOKEN_COLUMNS).where(TOKEN.c.id == token_id)).one_or_none()
    return None if row is None else _token(row)


def list_tokens(conn: Connection, person_id: str) -> tuple[ApiToken, ...]:
    """Return a person's tokens, oldest first."""
    rows = conn.execute(
        select(*_TOKEN_COLUMNS).where(TOKEN.c.person_id == person_id).order_by(TOKEN.c.id)
    )
    return tuple(_token(row) for row in rows)


def revoke_token(conn: Connection, token_id: str, at: str, by: str) -> None:
    """Mark a token as revoked."""
    conn.execute(
        update(TOKEN)
        .where(TOKEN.c.id == token_id, TOKEN.c.revoked_at.is_(None))
        .values(revoked_at=at, revoked_by=by)
    )


def find_failures(conn: Connection, target: str) -> tuple[int, str]:
    """Return how often a target was guessed wrong, and since when."""
    row = conn.execute(
        select(ATTEMPT.c.failures, ATTEMPT.c.since).where(ATTEMPT.c.target == target)
    ).one_or_none()
    return (0, "") if row is None else (row.failures, row.since)


def count_failure(conn: Connection, target: str, at: str, window_start: str) -> None:
    """Count a wrong guess; a count that began before `window_start` begins anew."""
    conn.execute(delete(ATTEMPT).where(ATTEMPT.c.target == target, ATTEMPT.c.since <= window_start))
    done = conn.execute(
        update(ATTEMPT).where(ATTEMPT.c.target == target).values(failures=ATTEMPT.c.failures + 1)
    )
    if done.rowcount == 0:
        conn.execute(insert(ATTEMPT).values(target=target, failures=1, since=at))


def clear_failures(conn: Connection, target: str) -> None:
    """Forget the wrong guesses at a target."""
    conn.execute(delete(ATTEMPT).where(ATTEMPT.c.target == target))


def use_step(conn: Connection, person_id: str, step: int) -> bool:
    """Use up a time step of a second factor; False when it or a later one was used before."""
    done = conn.execute(
        update(TOTP_USE)
        .where(TOTP_USE.c.person_id == person_id, TOTP_USE.c.step < step)
        .values(step=step)
    )
    if done.rowcount == 1:
        return True
    known = conn.execute(select(TOTP_USE.c.step).where(TOTP_USE.c.person_id == person_id)).first()
    if known is None:
        conn.execute(insert(TOTP_USE).values(person_id=person_id, step=step))
    return known is None


def prune(conn: Connection, at: str, window_start: str) -> int:
    """Forget sessions past their time and counts past their window; return how many."""
    sessions = conn.execute(
        delete(SESSION).where((SESSION.c.expires_at <= at) | (SESSION.c.idle_until <= at))
    )
    attempts = conn.execute(delete(ATTEMPT).where(ATTEMPT.c.since <= window_start))
    return sessions.rowcount + attempts.rowcount


def _token(row: Any) -> ApiToken:
    return ApiToken(
        id=row.id,
        person_id=row.person_id,
        label=row.label,
        created_at=row.issued_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
