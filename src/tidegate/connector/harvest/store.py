"""SQL of harvest reports."""

from sqlalchemy import Connection, delete, insert, select

from tidegate.connector.harvest.model import HarvestReport
from tidegate.db.tables.connector import connector_harvest as table

_COLUMNS = tuple(table.c)


def put_report(conn: Connection, report: HarvestReport) -> None:
    """Keep the newest report of a peer, with the moment it last went well."""
    good = conn.execute(select(table.c.good_at).where(table.c.did == report.did)).scalar() or ""
    conn.execute(delete(table).where(table.c.did == report.did))
    conn.execute(
        insert(table),
        {
            "did": report.did,
            "name": report.name,
            "state": report.state,
            "datasets": report.datasets,
            "unreadable": report.unreadable,
            "code": report.code,
            "reason": report.reason,
            "started_at": report.started_at,
            "finished_at": report.finished_at,
            "good_at": report.finished_at if report.state == "good" else good,
        },
    )


def list_reports(conn: Connection) -> tuple[HarvestReport, ...]:
    """Return the newest report of every peer, by name."""
    return tuple(
        HarvestReport(
            did=row.did,
            name=row.name,
            state=row.state,
            datasets=row.datasets,
            unreadable=row.unreadable,
            started_at=row.started_at,
            finished_at=row.finished_at,
            good_at=row.good_at,
            code=row.code,
            reason=row.reason,
        )
        for row in conn.execute(select(*_COLUMNS).order_by(table.c.name))
    )
