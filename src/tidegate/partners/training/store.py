"""Training credentials in SQL, own and received."""

from collections.abc import Iterable

from sqlalchemy import Connection

from tidegate.db.tables.partners import TRAINING
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
