"""SQL of the audit room. Leaves are read here; only the journal writes them."""

from collections.abc import Iterator

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from tidegate.audit.checkpoint import (
    Cosignature,
    SignedCheckpoint,
    read_checkpoint,
    read_statement,
)
from tidegate.audit.model import LeafView, read_leaf
from tidegate.db.tables.audit import (
    audit_attachment,
    audit_checkpoint,
    audit_head,
    audit_leaf,
    audit_seen,
    audit_witness,
)

_LEAF = select(audit_leaf.c.position, audit_leaf.c.hash, audit_leaf.c.body)
_BATCH = 1_000


def count_leaves(conn: Connection) -> int:
    """Return how many leaves are stored."""
    last = conn.execute(select(func.max(audit_leaf.c.position))).scalar()
    return 0 if last is None else int(last) + 1


def find_leaf(conn: Connection, position: int) -> LeafView | None:
    """Return the leaf at a position of the log."""
    row = conn.execute(_LEAF.where(audit_leaf.c.position == position)).first()
    return None if row is None else _view(row.position, row.hash, row.body)


def list_subject_leaves(conn: Connection, subjects: tuple[str, ...]) -> tuple[LeafView, ...]:
    """Return every leaf of the subjects, in the order of the log."""
    query = _LEAF.where(audit_leaf.c.subject.in_(subjects)).order_by(audit_leaf.c.position)
    return tuple(_view(row.position, row.hash, row.body) for row in conn.execute(query))


def list_leaves(
    conn: Connection, before: int | None, limit: int, event: str = ""
) -> tuple[LeafView, ...]:
    """Return the newest leaves before a position, newest first; of one event, if named."""
    query = _LEAF.order_by(audit_leaf.c.position.desc()).limit(limit)
    if before is not None:
        query = query.where(audit_leaf.c.position < before)
    if event:
        query = query.where(audit_leaf.c.event == event)
    return tuple(_view(row.position, row.hash, row.body) for row in conn.execute(query))


def list_subjects(conn: Connection, part: str, limit: int) -> tuple[tuple[str, int], ...]:
    """Return subjects that contain `part`, with the number of their leaves."""
    query = (
        select(audit_leaf.c.subject, func.max(audit_leaf.c.number).label("number"))
        .where(audit_leaf.c.subject.contains(part, autoescape=True))
        .group_by(audit_leaf.c.subject)
        .order_by(audit_leaf.c.subject)
        .limit(limit)
    )
    return tuple((row.subject, row.number) for row in conn.execute(query))


def find_last_at(conn: Connection, subject: str, event: str) -> str | None:
    """Return when an event last happened to a subject."""
    query = select(func.max(audit_leaf.c.at)).where(
        audit_leaf.c.subject == subject, audit_leaf.c.event == event
    )
    found: str | None = conn.execute(query).scalar()
    return found


def each_leaf(conn: Connection, size: int) -> Iterator[str]:
    """Yield the canonical text of the first `size` leaves, in order."""
    for start in range(0, size, _BATCH):
        query = select(audit_leaf.c.body).where(
            audit_leaf.c.position >= start, audit_leaf.c.position < min(start + _BATCH, size)
        )
        yield from conn.execute(query.order_by(audit_leaf.c.position)).scalars()


def advance_heads(conn: Connection, start: int, stop: int) -> None:
    """Bring the stored heads of all subjects up to the first `stop` leaves."""
    newest: dict[str, dict[str, str | int]] = {}
    query = select(audit_leaf.c.subject, audit_leaf.c.number, audit_leaf.c.hash).where(
        audit_leaf.c.position >= start, audit_leaf.c.position < stop
    )
    for row in conn.execute(query.order_by(audit_leaf.c.position)):
        newest[row.subject] = {"subject": row.subject, "number": row.number, "hash": row.hash}
    if newest:
        old = delete(audit_head).where(audit_head.c.subject == bindparam("old"))
        conn.execute(old, [{"old": subject} for subject in newest])
        conn.execute(insert(audit_head), list(newest.values()))


def list_heads(conn: Connection) -> tuple[tuple[str, int, str], ...]:
    """Return subject, number and hash of every head, as of the newest checkpoint."""
    query = select(audit_head.c.subject, audit_head.c.number, audit_head.c.hash)
    return tuple((row.subject, row.number, row.hash) for row in conn.execute(query))


def add_checkpoint(conn: Connection, signed: SignedCheckpoint, by: str) -> None:
    """Insert a checkpoint that `by` asked for."""
    point = signed.checkpoint
    row = {
        "number": point.number,
        "size": point.size,
        "at": point.at,
        "asked_by": by,
        "sha256": point.sha256,
        "body": point.canonical().decode(),
        "signature": signed.signature,
    }
    conn.execute(insert(audit_checkpoint), row)


_CHECKPOINT = select(audit_checkpoint.c.body, audit_checkpoint.c.signature)


def find_latest_checkpoint(conn: Connection) -> SignedCheckpoint | None:
    """Return the newest checkpoint."""
    row = conn.execute(_CHECKPOINT.order_by(audit_checkpoint.c.number.desc()).limit(1)).first()
    return None if row is None else _signed(row.body, row.signature)


def find_checkpoint(conn: Connection, number: int) -> SignedCheckpoint | None:
    """Return one checkpoint."""
    row = conn.execute(_CHECKPOINT.where(audit_checkpoint.c.number == number)).first()
    return None if row is None else _signed(row.body, row.signature)


def list_checkpoints(conn: Connection) -> tuple[SignedCheckpoint, ...]:
    """Return every checkpoint, oldest first."""
    rows = conn.execute(_CHECKPOINT.order_by(audit_checkpoint.c.number))
    return tuple(_signed(row.body, row.signature) for row in rows)


def add_witness(conn: Connection, cosigned: Cosignature, credential: str, at: str) -> None:
    """Insert another node's cosignature over one of our checkpoints."""
    statement = cosigned.statement
    row = {
        "sha256": statement.sha256,
        "witness": statement.witness,
        "checkpoint": statement.number,
        "body": statement.canonical().decode(),
        "signature": cosigned.signature,
        "credential": credential,
        "received_at": at,
    }
    conn.execute(insert(audit_witness), row)


def has_witness(conn: Connection, sha256: str) -> bool:
    """Tell whether a statement is stored already."""
    query = select(audit_witness.c.sha256).where(audit_witness.c.sha256 == sha256)
    return conn.execute(query).first() is not None


def list_witnesses(conn: Connection) -> tuple[tuple[Cosignature, str], ...]:
    """Return every cosignature with its witness's credential, in the order of checkpoints."""
    query = select(
        audit_witness.c.body, audit_witness.c.signature, audit_witness.c.credential
    ).order_by(audit_witness.c.checkpoint, audit_witness.c.sha256)
    return tuple(
        (Cosignature(read_statement(row.body.encode()), row.signature), row.credential)
        for row in conn.execute(query)
    )


def find_newest_witness(conn: Connection, witness: str) -> Cosignature | None:
    """Return the newest cosignature one witness gave us."""
    query = (
        select(audit_witness.c.body, audit_witness.c.signature)
        .where(audit_witness.c.witness == witness)
        .order_by(audit_witness.c.checkpoint.desc(), audit_witness.c.received_at.desc())
        .limit(1)
    )
    row = conn.execute(query).first()
    return None if row is None else Cosignature(read_statement(row.body.encode()), row.signature)


def find_seen(conn: Connection, log: str) -> SignedCheckpoint | None:
    """Return the newest checkpoint of another log that we cosigned."""
    query = select(audit_seen.c.body, audit_seen.c.signature).where(audit_seen.c.log == log)
    row = conn.execute(query).first()
    return None if row is None else _signed(row.body, row.signature)


def save_seen(conn: Connection, signed: SignedCheckpoint, at: str) -> None:
    """Remember the newest checkpoint of another log."""
    point = signed.checkpoint
    conn.execute(delete(audit_seen).where(audit_seen.c.log == point.log))
    row = {"log": point.log, "size": point.size, "body": point.canonical().decode()}
    conn.execute(insert(audit_seen), {**row, "signature": signed.signature, "seen_at": at})


def find_attachment(conn: Connection, sha256: str) -> tuple[str, bytes] | None:
    """Return media type and content of an attached document."""
    query = select(audit_attachment.c.media_type, audit_attachment.c.body).where(
        audit_attachment.c.sha256 == sha256
    )
    row = conn.execute(query).first()
    return None if row is None else (row.media_type, bytes(row.body))


def _view(position: int, digest: str, body: str) -> LeafView:
    return LeafView(position, digest, read_leaf(body.encode()))


def _signed(body: str, signature: str) -> SignedCheckpoint:
    return SignedCheckpoint(read_checkpoint(body.encode()), signature)
