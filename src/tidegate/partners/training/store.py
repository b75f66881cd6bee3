"""Training credentials in SQL, own and received."""

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection, insert, select

from tidegate.db.tables.partners import TRAINING, TRAINING_REVOCATION
from tidegate.partners import records
from tidegate.partners.errors import TrainingNotFoundError
from tidegate.partners.model import TrainingCredential


def find_training(conn: Connection, training_id: str) -> TrainingCredential | None:
    """Return the credential, or None."""
    return records.find(conn, TRAINING, TrainingCredential, training_id)


def get_training(conn: Connection, training_id: str) -> TrainingCredential:
    """Return the credential; raise TrainingNotFoundError."""
    found = find_training(conn, training_id)
    if found is None:
        raise TrainingNotFoundError("No training credential has that id.", training=training_id)
    return found


def list_trainings(conn: Connection) -> tuple[TrainingCredential, ...]:
    """Return every credential, oldest first."""
    return records.listing(conn, TRAINING, TrainingCredential)


def list_of(conn: Connection, people: Iterable[str]) -> tuple[TrainingCredential, ...]:
    """Return the credentials of these people, oldest first."""
    refs = tuple(people)
    return records.listing(conn, TRAINING, TrainingCredential, TRAINING.c.person_ref.in_(refs))


def put_training(conn: Connection, training: TrainingCredential) -> None:
    """Keep a credential as it is now."""
    records.put(
        conn,
        TRAINING,
        training.id,
        training,
        person_ref=training.person_ref,
        state="issued" if training.revoked_at is None else "revoked",
    )


def keep_statement(conn: Connection, training: TrainingCredential) -> None:
    """Keep what another institution stated, unless it is known: no statement undoes a revocation.

    A revocation that arrived before the statement holds from the first moment.
    """
    if find_training(conn, training.id) is not None:
        return
    at = find_revocation(conn, training.issuer, training.id)
    put_training(conn, training if at is None else replace(training, revoked_at=at))


def find_revocation(conn: Connection, issuer: str, training_id: str) -> str | None:
    """Return when an issuer was heard to revoke a credential, or None."""
    table = TRAINING_REVOCATION
    asked = select(table.c.received_at).where(
        table.c.issuer == issuer, table.c.training_id == training_id
    )
    return conn.execute(asked).scalar_one_or_none()


def add_revocation(conn: Connection, issuer: str, training_id: str, at: str) -> None:
    """Keep that an issuer revoked a credential, known here or not yet; twice is once."""
    records.check_key(training_id)
    if find_revocation(conn, issuer, training_id) is None:
        values = {"issuer": issuer, "training_id": training_id, "received_at": at}
        conn.execute(insert(TRAINING_REVOCATION).values(**values))
