"""The SQL of the commons. Documents are canonical JSON of the model's dataclasses."""

from typing import TypeVar

import msgspec
from sqlalchemy import Connection, delete, insert, or_, select, update

from tidegate.catalogue.model import Classification
from tidegate.commons import rules
from tidegate.commons.custody.model import Custody
from tidegate.commons.errors import HoldingChangedError, HoldingUnknownError
from tidegate.commons.model import (
    Certificate,
    CopyState,
    Derived,
    Destruction,
    DestructionState,
    Holding,
    Parcel,
    Stage,
    Upload,
)
from tidegate.db.tables.commons import (
    commons_certificate,
    commons_classification,
    commons_derived,
    commons_destruction,
    commons_holding,
    commons_parcel,
    commons_upload,
)

T = TypeVar("T")
_MAY_WAIT = (Stage.ACQUIRED, Stage.CLASSIFIED, Stage.DEIDENTIFIED, Stage.QUARANTINED)


def _text(value: object) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()


def _read(body: str, kind: type[T]) -> T:
    return msgspec.json.decode(body, type=kind)


def add_holding(conn: Connection, holding: Holding) -> None:
    """Insert a new holding."""
    values = {"version_id": holding.version_id, "dataset_id": holding.dataset_id}
    values |= {"stage": holding.stage.value, "body": _text(holding)}
    conn.execute(insert(commons_holding), {**values, "revision": holding.revision})


def save_holding(conn: Connection, holding: Holding, *, expect: int) -> None:
    """Save a changed holding; raise HoldingChangedError if its revision is not `expect`."""
    table = commons_holding
    done = conn.execute(
        update(table)
        .where(table.c.version_id == holding.version_id, table.c.revision == expect)
        .values(stage=holding.stage.value, revision=holding.revision, body=_text(holding))
    )
    if done.rowcount != 1:
        raise HoldingChangedError(
            "The version was changed by somebody else at the same moment; look again and retry.",
            version=holding.version_id,
        )


def find_holding(conn: Connection, version_id: str) -> Holding | None:
    """Return a holding, or None."""
    table = commons_holding
    row = conn.execute(select(table.c.body).where(table.c.version_id == version_id)).first()
    return _read(row.body, Holding) if row else None


def get_holding(conn: Connection, version_id: str) -> Holding:
    """Return a holding; raise HoldingUnknownError where there is none."""
    holding = find_holding(conn, version_id)
    if holding is None:
        raise HoldingUnknownError(f"This node holds no version {version_id}.", version=version_id)
    return holding


def list_holdings(conn: Connection) -> tuple[Holding, ...]:
    """Return every holding, destroyed ones too, oldest first."""
    rows = conn.execute(select(commons_holding.c.body).order_by(commons_holding.c.version_id))
    return tuple(_read(row.body, Holding) for row in rows)


def put_proposal(conn: Connection, version_id: str, proposal: Classification, at: str) -> None:
    """Keep a proposed classification in place of an earlier unapproved one."""
    table = commons_classification
    conn.execute(delete(table).where(table.c.version_id == version_id))
    values = {"version_id": version_id, "proposed_by": proposal.proposed_by, "proposed_at": at}
    conn.execute(insert(table), {**values, "body": _text(proposal)})


def approve_proposal(
    conn: Connection, version_id: str, classification: Classification, at: str
) -> None:
    """Keep the approval of a proposal."""
    table = commons_classification
    done = conn.execute(
        update(table)
        .where(table.c.version_id == version_id, table.c.approved_by.is_(None))
        .values(approved_by=classification.approved_by, approved_at=at, body=_text(classification))
    )
    if done.rowcount != 1:
        raise HoldingChangedError("The proposal was changed at the same moment; look again.")


def find_classification(conn: Connection, version_id: str) -> Classification | None:
    """Return the proposed or approved classification, or None."""
    table = commons_classification
    row = conn.execute(select(table.c.body).where(table.c.version_id == version_id)).first()
    return _read(row.body, Classification) if row else None


def get_custody(conn: Connection, version_id: str) -> Custody:
    """Return a holding with what was asked about it; raise HoldingUnknownError."""
    return _with_asked(conn, get_holding(conn, version_id))


def list_open_custody(conn: Connection) -> tuple[Custody, ...]:
    """Return the holdings that may wait for a person: on their way, aside, or asked to end."""
    table, asked = commons_holding, commons_destruction
    ending = select(asked.c.version_id).where(asked.c.state == DestructionState.REQUESTED.value)
    wanted = or_(table.c.stage.in_(_MAY_WAIT), table.c.version_id.in_(ending))
    rows = conn.execute(select(table.c.body).where(wanted).order_by(table.c.version_id))
    return tuple(_with_asked(conn, _read(row.body, Holding)) for row in rows.all())


def _with_asked(conn: Connection, holding: Holding) -> Custody:
    table = commons_classification
    row = conn.execute(select(table).where(table.c.version_id == holding.version_id)).first()
    return Custody(
        holding,
        rules.named(_read(row.body, Classification)) if row else None,
        proposed_at=row.proposed_at if row else "",
        approved_at=(row.approved_at or "") if row else "",
        destruction=find_destruction(conn, holding.version_id),
    )


def add_destruction(conn: Connection, destruction: Destruction) -> None:
    """Insert a request for destruction."""
    conn.execute(insert(commons_destruction), _destruction_values(destruction))


def save_destruction(
    conn: Connection, destruction: Destruction, *, expect: DestructionState
) -> None:
    """Save a destruction that moved on; raise HoldingChangedError if it is not in `expect`."""
    table = commons_destruction
    done = conn.execute(
        update(table)
        .where(table.c.id == destruction.id, table.c.state == expect.value)
        .values(_destruction_values(destruction))
    )
    if done.rowcount != 1:
        raise HoldingChangedError("The destruction moved on at the same moment; look again.")


def find_destruction(conn: Connection, version_id: str) -> Destruction | None:
    """Return the latest destruction of a version, or None."""
    table = commons_destruction
    query = select(table).where(table.c.version_id == version_id).order_by(table.c.id.desc())
    row = conn.execute(query.limit(1)).first()
    return _destruction(row._asdict()) if row else None


def list_destructions(conn: Connection, state: DestructionState) -> tuple[Destruction, ...]:
    """Return the destructions in one state, oldest first."""
    table = commons_destruction
    rows = conn.execute(select(table).where(table.c.state == state.value).order_by(table.c.id))
    return tuple(_destruction(row._asdict()) for row in rows)


def add_derived(conn: Connection, derived: Derived) -> None:
    """Insert a derived copy; a report that came before is kept as it was."""
    table = commons_derived
    if conn.execute(select(table.c.id).where(table.c.id == derived.id)).first() is None:
        values = {"id": derived.id, "source": derived.source, "state": derived.state.value}
        values |= {"agreement_id": derived.agreement_id, "body": _text(derived)}
        conn.execute(insert(table), values)


def save_derived(conn: Connection, derived: Derived) -> None:
    """Save what became of a derived copy."""
    conn.execute(
        update(commons_derived)
        .where(commons_derived.c.id == derived.id)
        .values(state=derived.state.value, body=_text(derived))
    )


def find_derived(conn: Connection, derived_id: str) -> Derived | None:
    """Return a derived copy, or None."""
    query = select(commons_derived.c.body).where(commons_derived.c.id == derived_id)
    row = conn.execute(query).first()
    return _read(row.body, Derived) if row else None


def list_derived(
    conn: Connection, *, sources: tuple[str, ...] = (), agreement_id: str = ""
) -> tuple[Derived, ...]:
    """Return derived copies of some sources, or under one agreement, or all."""
    table = commons_derived
    query = select(table.c.body).order_by(table.c.id)
    if sources:
        query = query.where(table.c.source.in_(sources))
    if agreement_id:
        query = query.where(table.c.agreement_id == agreement_id)
    return tuple(_read(row.body, Derived) for row in conn.execute(query))


def add_parcel(conn: Connection, parcel: Parcel) -> None:
    """Insert a parcel."""
    values = {"id": parcel.id, "agreement_id": parcel.agreement_id, "state": parcel.state.value}
    values |= {"version_id": parcel.version_id, "body": _text(parcel)}
    conn.execute(insert(commons_parcel), values)


def save_parcel(conn: Connection, parcel: Parcel) -> None:
    """Save what became of a parcel."""
    conn.execute(
        update(commons_parcel)
        .where(commons_parcel.c.id == parcel.id)
        .values(state=parcel.state.value, body=_text(parcel))
    )


def get_parcel(conn: Connection, parcel_id: str) -> Parcel | None:
    """Return a parcel by its id, or None."""
    query = select(commons_parcel.c.body).where(commons_parcel.c.id == parcel_id)
    row = conn.execute(query).first()
    return _read(row.body, Parcel) if row else None


def find_parcel(conn: Connection, agreement_id: str, version_id: str) -> Parcel | None:
    """Return the parcel of a version for an agreement that is still held, or None."""
    held = list_parcels(conn, agreement_id=agreement_id, version_id=version_id)
    return next((one for one in held if one.state is CopyState.HELD), None)


def list_parcels(
    conn: Connection, *, agreement_id: str = "", version_id: str = ""
) -> tuple[Parcel, ...]:
    """Return parcels made for an agreement, from a version, or all, oldest first."""
    table = commons_parcel
    query = select(table.c.body).order_by(table.c.id)
    if agreement_id:
        query = query.where(table.c.agreement_id == agreement_id)
    if version_id:
        query = query.where(table.c.version_id == version_id)
    return tuple(_read(row.body, Parcel) for row in conn.execute(query))


def add_certificate(conn: Connection, certificate: Certificate) -> None:
    """Insert a certificate; one that was received before is kept as it was."""
    table = commons_certificate
    if conn.execute(select(table.c.id).where(table.c.id == certificate.id)).first() is None:
        values = {"id": certificate.id, "subject": certificate.subject, "jws": certificate.jws}
        values |= {"issuer": certificate.issuer, "issued_at": certificate.issued_at}
        conn.execute(insert(table), {**values, "body": _text(certificate.body)})


def list_certificates(conn: Connection, subject: str = "") -> tuple[Certificate, ...]:
    """Return the certificates about one subject, or all."""
    table = commons_certificate
    query = select(table).order_by(table.c.issued_at, table.c.id)
    if subject:
        query = query.where(table.c.subject == subject)
    return tuple(
        Certificate(
            id=row.id,
            subject=row.subject,
            issuer=row.issuer,
            issued_at=row.issued_at,
            body=_read(row.body, dict),
            jws=row.jws,
        )
        for row in conn.execute(query)
    )


def add_upload(conn: Connection, upload: Upload) -> None:
    """Insert an upload."""
    values = {"id": upload.id, "person": upload.person, "received_at": upload.received_at}
    conn.execute(insert(commons_upload), {**values, "body": _text(upload)})


def list_uploads(conn: Connection, *, before: str = "") -> tuple[Upload, ...]:
    """Return the uploads waiting, or those received before a moment."""
    query = select(commons_upload.c.body).order_by(commons_upload.c.id)
    if before:
        query = query.where(commons_upload.c.received_at < before)
    return tuple(_read(row.body, Upload) for row in conn.execute(query))


def remove_upload(conn: Connection, upload_id: str) -> None:
    """Forget an upload."""
    conn.execute(delete(commons_upload).where(commons_upload.c.id == upload_id))


def _destruction_values(destruction: Destruction) -> dict[str, str | None]:
    return {
        "id": destruction.id,
        "version_id": destruction.version_id,
        "state": destruction.state.value,
        "reason": destruction.reason,
        "requested_by": destruction.requested_by,
        "requested_at": destruction.requested_at,
        "approved_by": destruction.approved_by or None,
        "approved_at": destruction.approved_at or None,
        "certificate_id": destruction.certificate_id,
    }


def _destruction(row: dict[str, str | None]) -> Destruction:
    known = {name: value or "" for name, value in row.items() if name != "state"}
    return Destruction(**known, state=DestructionState(row["state"] or ""))
