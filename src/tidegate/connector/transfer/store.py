"""SQL of transfers, their scripts and addresses, and of the tokens of visits."""

from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from tidegate.connector.messages.errors import ProcessUnknownError
from tidegate.connector.messages.model import Side
from tidegate.connector.transfer.errors import TransferRacedError
from tidegate.connector.transfer.machine import FINAL
from tidegate.connector.transfer.model import (
    VISIT_FORMAT,
    Transfer,
    TransferScript,
    TransferState,
)
from tidegate.db.tables.connector import (
    connector_address,
    connector_script,
    connector_token,
    connector_transfer,
)
from tidegate.db.tables.connector import connector_transfer as table
from tidegate.kernel.values import dataclass

_COLUMNS = tuple(table.c)
# Each runs many times in a transfer, and to build it would cost more than to run it.
_GET = select(*_COLUMNS).where(table.c.pid == bindparam("read_pid"))
_SAVE = update(table).where(
    table.c.pid == bindparam("read_pid"), table.c.revision == bindparam("read_revision")
)


@dataclass(frozen=True, slots=True)
class KeptToken:
    """A token as kept: by hash at the provider, sealed at the consumer."""

    transfer: str
    sealed: str
    expires_at: str


def insert_transfer(conn: Connection, one: Transfer) -> None:
    """Keep a new transfer."""
    conn.execute(insert(table), _values(one))


def save_transfer(conn: Connection, one: Transfer) -> Transfer:
    """Replace the transfer whose revision is the one that was read.

    Raises TransferRacedError when somebody else wrote in between: look again, decide again.
    """
    saved = replace(one, revision=one.revision + 1)
    read = {"read_pid": one.pid, "read_revision": one.revision}
    done = conn.execute(_SAVE, {**_values(saved), **read})
    if done.rowcount != 1:
        raise TransferRacedError("The transfer changed at the same moment; try again.")
    return saved


def get_transfer(conn: Connection, pid: str) -> Transfer:
    """Return a transfer; raise ProcessUnknownError."""
    row = conn.execute(_GET, {"read_pid": pid}).first()
    if row is None:
        raise ProcessUnknownError("There is no such transfer.", code="transfer_unknown")
    return _transfer(row)


def find_by_peer(conn: Connection, peer_did: str, peer_pid: str, side: Side) -> Transfer | None:
    """Return the transfer a peer opened under its own pid, or None."""
    row = conn.execute(
        select(*_COLUMNS).where(
            table.c.peer_did == peer_did, table.c.peer_pid == peer_pid, table.c.side == side.value
        )
    ).first()
    return _transfer(row) if row else None


def list_transfers(
    conn: Connection, *, agreement_id: str = "", state: str = "", limit: int = 200
) -> tuple[Transfer, ...]:
    """Return transfers, newest first."""
    query = select(*_COLUMNS).order_by(table.c.created_at.desc(), table.c.pid.desc())
    if agreement_id:
        query = query.where(table.c.agreement_id == agreement_id)
    if state:
        query = query.where(table.c.state == state)
    return tuple(_transfer(row) for row in conn.execute(query.limit(limit)))


def list_open(conn: Connection, agreement_id: str) -> tuple[Transfer, ...]:
    """Return the transfers of an agreement that are not over."""
    query = select(*_COLUMNS).where(
        table.c.agreement_id == agreement_id,
        table.c.state.not_in([state.value for state in FINAL]),
    )
    return tuple(_transfer(row) for row in conn.execute(query.order_by(table.c.created_at)))


def list_unfinished(conn: Connection, side: Side) -> tuple[Transfer, ...]:
    """Return every transfer this node takes part in on that side and that is not over."""
    query = select(*_COLUMNS).where(
        table.c.side == side.value, table.c.state.not_in([state.value for state in FINAL])
    )
    return tuple(_transfer(row) for row in conn.execute(query.order_by(table.c.created_at)))


def find_visit(
    conn: Connection, agreement_id: str, person_ref: str, name: str = VISIT_FORMAT
) -> Transfer | None:
    """Return a person's newest transfer of a format under an agreement, at the consumer."""
    row = conn.execute(
        select(*_COLUMNS)
        .where(
            table.c.agreement_id == agreement_id,
            table.c.person_ref == person_ref,
            table.c.side == Side.CONSUMER.value,
            table.c.format == name,
        )
        .order_by(table.c.created_at.desc(), table.c.pid.desc())
        .limit(1)
    ).first()
    return _transfer(row) if row else None


def add_token(
    conn: Connection,
    row_id: str,
    transfer: str,
    *,
    digest: str = "",
    sealed: str = "",
    at: str,
    expires_at: str,
) -> None:
    """Keep a token of a visit."""
    conn.execute(
        insert(connector_token),
        {
            "id": row_id,
            "transfer": transfer,
            "digest": digest,
            "sealed": sealed,
            "issued_at": at,
            "expires_at": expires_at,
        },
    )


def find_token(conn: Connection, digest: str) -> KeptToken | None:
    """Return the token with this hash, or None."""
    return _token(conn, connector_token.c.digest == digest)


def newest_token(conn: Connection, transfer: str) -> KeptToken | None:
    """Return the token of a visit that lives longest, or None."""
    return _token(conn, connector_token.c.transfer == transfer)


def end_tokens(conn: Connection, transfer: str, at: str) -> None:
    """End every token of a transfer: a sealed one goes, the hash of one stays as expired.

    By the hash whoever still shows the token hears why it opens nothing.
    """
    table = connector_token
    conn.execute(delete(table).where(table.c.transfer == transfer, table.c.sealed != ""))
    conn.execute(
        update(table)
        .where(table.c.transfer == transfer, table.c.expires_at > at)
        .values(expires_at=at)
    )


def drop_expired_tokens(conn: Connection, before: str) -> None:
    """Forget the tokens that ended before that moment."""
    conn.execute(delete(connector_token).where(connector_token.c.expires_at < before))


def _token(conn: Connection, where: Any) -> KeptToken | None:
    row = conn.execute(
        select(connector_token.c.transfer, connector_token.c.sealed, connector_token.c.expires_at)
        .where(where)
        .order_by(connector_token.c.expires_at.desc())
        .limit(1)
    ).first()
    return KeptToken(row.transfer, row.sealed, row.expires_at) if row else None


def keep_address(conn: Connection, transfer: str, way: str, sealed: str, at: str) -> None:
    """Keep a sealed data address of a transfer in place of an earlier one; `way` is in or out."""
    name = f"{way}:{transfer}"
    conn.execute(delete(connector_address).where(connector_address.c.id == name))
    conn.execute(
        insert(connector_address),
        {"id": name, "transfer": transfer, "sealed": sealed, "kept_at": at},
    )


def find_address(conn: Connection, transfer: str, way: str) -> str:
    """Return a sealed data address, or an empty string."""
    found = conn.execute(
        select(connector_address.c.sealed).where(connector_address.c.id == f"{way}:{transfer}")
    ).scalar()
    return found or ""


def drop_addresses(conn: Connection, transfer: str) -> None:
    """Forget every data address of a transfer."""
    conn.execute(delete(connector_address).where(connector_address.c.transfer == transfer))


def find_script(conn: Connection, *subjects: str) -> TransferScript | None:
    """Return the script of the first of these agreements or datasets that has one, or None."""
    for subject in subjects:
        found = conn.execute(
            select(connector_script.c.body).where(connector_script.c.subject == subject)
        ).scalar()
        if found is not None:
            return msgspec.json.decode(found, type=TransferScript)
    return None


def put_script(conn: Connection, subject: str, script: TransferScript, *, by: str, at: str) -> None:
    """Set the script of an agreement or dataset."""
    conn.execute(delete(connector_script).where(connector_script.c.subject == subject))
    body = msgspec.json.encode(script).decode()
    conn.execute(
        insert(connector_script), {"subject": subject, "body": body, "set_by": by, "set_at": at}
    )


_FIELDS = tuple(
    column.name for column in connector_transfer.c if column.name not in {"side", "state"}
)


def _values(one: Transfer) -> dict[str, Any]:
    return {name: getattr(one, name) for name in _FIELDS} | {
        "side": one.side.value,
        "state": one.state.value,
    }


def _transfer(row: Row[Any]) -> Transfer:
    return Transfer(
        side=Side(row.side),
        state=TransferState(row.state),
        **{name: getattr(row, name) for name in _FIELDS},
    )
