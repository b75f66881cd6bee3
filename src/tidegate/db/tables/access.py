"""The tables of the access room: people, what they prove themselves with, and their sessions."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, Table

from tidegate.db.metadata import METADATA, UPKEEP, body, key, number, stamp, text


def _person() -> Column[str]:
    return Column("person_id", String(200), ForeignKey("access_person.id"), nullable=False)


PERSON = Table(
    "access_person",
    METADATA,
    key(),
    text("name"),
    text("email", unique=True),
    text("roles"),
    text("state"),
    stamp("created_at"),
    text("created_by"),
    stamp("disabled_at", nullable=True),
    text("disabled_by", nullable=True),
    CheckConstraint("state IN ('active', 'disabled')", name="state"),
    CheckConstraint("(disabled_at IS NULL) = (disabled_by IS NULL)", name="disabled"),
)

CREDENTIAL = Table(
    "access_credential",
    METADATA,
    Column("person_id", String(200), ForeignKey("access_person.id"), primary_key=True),
    body("password_hash", nullable=True),
    text("totp_sealed", nullable=True),
    Column("totp_confirmed", Integer, nullable=False, default=0),
    CheckConstraint("totp_confirmed IN (0, 1)", name="confirmed"),
)

LINK = Table(
    "access_link",
    METADATA,
    key("secret_hash"),
    _person(),
    stamp("issued_at"),
    text("issued_by"),
    stamp("expires_at"),
    stamp("used_at", nullable=True),
)

TOKEN = Table(
    "access_token",
    METADATA,
    key(),
    text("secret_hash", unique=True),
    _person(),
    text("label"),
    stamp("issued_at"),
    text("issued_by"),
    stamp("expires_at"),
    stamp("revoked_at", nullable=True),
    text("revoked_by", nullable=True),
    CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked"),
)

SESSION = Table(
    "access_session",
    METADATA,
    key(),
    text("secret_hash", unique=True),
    _person(),
    stamp("created_at"),
    stamp("idle_until"),
    stamp("expires_at"),
    Index("ix_access_session_person_id", "person_id"),
    info=UPKEEP,
)

# Wrong guesses by what was guessed at, and the last time step a second factor was used for.
ATTEMPT = Table(
    "access_attempt",
    METADATA,
    key("target"),
    number("failures"),
    stamp("since"),
    info=UPKEEP,
)
TOTP_USE = Table(
    "access_totp_use",
    METADATA,
    key("person_id"),
    number("step"),
    info=UPKEEP,
)
