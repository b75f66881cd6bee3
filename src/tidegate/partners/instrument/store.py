"""Impact assessments, transfer mechanisms and the export ledger in SQL."""

from sqlalchemy import ColumnElement, Connection, func, insert, or_, select, update

from tidegate.db.tables.partners import EXPORT, IMPACT_ASSESSMENT, MECHANISM
from tidegate.partners import records
from tidegate.partners.errors import InstrumentNotFoundError
from tidegate.partners.instrument.rules import Exported, line_of
from tidegate.partners.model import ImpactAssessment, TransferMechanism

_IN_EFFECT, _ENDED = "in_effect", "ended"


def add_assessment(conn: Connection, assessment: ImpactAssessment) -> None:
    """Keep an impact assessment."""
    records.add(
        conn,
        IMPACT_ASSESSMENT,
        assessment.id,
        assessment,
        project_id=assessment.project_id,
    )


def list_assessments(conn: Connection, project_id: str) -> tuple[ImpactAssessment, ...]:
    """Return the impact assessments of a study, oldest first."""
    condition = IMPACT_ASSESSMENT.c.project_id == project_id
    return records.listing(conn, IMPACT_ASSESSMENT, ImpactAssessment, condition)


def add_mechanism(conn: Connection, mechanism: TransferMechanism) -> None:
    """Keep a transfer mechanism."""
    records.add(
        conn,
        MECHANISM,
        mechanism.id,
        mechanism,
        counterparty=mechanism.counterparty,
        state=_IN_EFFECT,
    )


def get_mechanism(conn: Connection, mechanism_id: str) -> TransferMechanism:
    """Return the transfer mechanism; raise InstrumentNotFoundError."""
    found = records.find(conn, MECHANISM, TransferMechanism, mechanism_id)
    if found is None:
        raise InstrumentNotFoundError("No transfer mechanism has that id.", mechanism=mechanism_id)
    return found


def save_mechanism(conn: Connection, mechanism: TransferMechanism) -> None:
    """Replace a transfer mechanism that is still in effect."""
    state = _IN_EFFECT if mechanism.ended_at is None else _ENDED
    records.change(conn, MECHANISM, mechanism.id, mechanism, expect=_IN_EFFECT, state=state)


def list_mechanisms(conn: Connection, counterparty: str = "") -> tuple[TransferMechanism, ...]:
    """Return the mechanisms with a counterparty, or all, oldest first."""
    conditions = (MECHANISM.c.counterparty == counterparty,) if counterparty else ()
    return records.listing(conn, MECHANISM, TransferMechanism, *conditions)


def count_export(
    conn: Connection, export: Exported, *, recipient: str, sensitive: bool, year: int, at: str
) -> bool:
    """Add an export to the year's ledger; return whether its upper bound grew."""
    line = _line(year, recipient, export.dataset_id, sensitive=sensitive)
    found = conn.execute(select(EXPORT.c.people, EXPORT.c.population).where(*line)).one_or_none()
    if found is None:
        conn.execute(
            insert(EXPORT).values(
                year=year,
                recipient=recipient,
                dataset_id=export.dataset_id,
                sensitive=int(sensitive),
                people=export.people,
                population=export.population,
                first_at=at,
                last_at=at,
            )
        )
        return True
    conn.execute(
        update(EXPORT)
        .where(*line)
        .values(
            people=found.people + export.people,
            population=max(found.population, export.population),
            last_at=at,
        )
    )
    return bool(found.people < max(found.population, export.population))


def list_exports(conn: Connection, year: int, *, sensitive: bool) -> tuple[Exported, ...]:
    """Return what was counted in a year."""
    rows = conn.execute(
        select(EXPORT.c.dataset_id, EXPORT.c.people, EXPORT.c.population)
        .where(EXPORT.c.year == year, EXPORT.c.sensitive == int(sensitive))
        .order_by(EXPORT.c.dataset_id, EXPORT.c.recipient)
    )
    return tuple(Exported(row.dataset_id, row.people, row.population) for row in rows)


def find_first_export(conn: Connection, recipient: str, dataset_id: str) -> str | None:
    """Return when a dataset, in any version, was first exported to a recipient, or None."""
    any_version = EXPORT.c.dataset_id.startswith(line_of(dataset_id, "v")[:-1], autoescape=True)
    return conn.execute(
        select(func.min(EXPORT.c.first_at)).where(
            EXPORT.c.recipient == recipient, or_(EXPORT.c.dataset_id == dataset_id, any_version)
        )
    ).scalar()


def _line(
    year: int, recipient: str, dataset_id: str, *, sensitive: bool
) -> tuple[ColumnElement[bool], ...]:
    return (
        EXPORT.c.year == year,
        EXPORT.c.recipient == recipient,
        EXPORT.c.dataset_id == dataset_id,
        EXPORT.c.sensitive == int(sensitive),
    )
