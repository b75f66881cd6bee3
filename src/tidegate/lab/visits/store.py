"""SQL of queries at the provider: runs, released sets of people, rosters."""

from collections.abc import Iterable
from dataclasses import fields

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, update

from tidegate.db.tables.lab import FAMILY, ROSTER, RUN
from tidegate.lab.errors import QueryNotFoundError, StaleRunError
from tidegate.lab.model import Run, RunState

_COLUMNS = tuple(RUN.c[field.name] for field in fields(Run))


def add_run(conn: Connection, run: Run) -> None:
    """Insert a run."""
    conn.execute(insert(RUN).values(_values(run)))


def save_run(conn: Connection, run: Run, *, expect: RunState) -> None:
    """Update a run that is still in the expected state; raise StaleRunError otherwise."""
    changed = conn.execute(
        update(RUN).where(RUN.c.id == run.id, RUN.c.state == expect.value).values(_values(run))
    )
    if changed.rowcount != 1:
        raise StaleRunError(
            "The query was moved by somebody else at the same moment; look at it again.",
            code="query_moved",
        )


def get_run(conn: Connection, run_id: str) -> Run:
    """Return a run; raise QueryNotFoundError if there is none."""
    row = conn.execute(select(*_COLUMNS).where(RUN.c.id == run_id)).one_or_none()
    if row is None:
        raise QueryNotFoundError("There is no such query at this node.", query=run_id)
    return _run(row)


def find_request(conn: Connection, peer_did: str, request_id: str) -> Run | None:
    """Return the run a peer asked for under its own id, or None."""
    statement = select(*_COLUMNS).where(RUN.c.peer_did == peer_did, RUN.c.request_id == request_id)
    row = conn.execute(statement).one_or_none()
    return None if row is None else _run(row)


def list_runs(conn: Connection, agreement_id: str = "", *, limit: int = 500) -> tuple[Run, ...]:
    """Return runs, newest first, of one agreement if asked."""
    statement = select(*_COLUMNS).order_by(RUN.c.submitted_at.desc(), RUN.c.id.desc())
    if agreement_id:
        statement = statement.where(RUN.c.agreement_id == agreement_id)
    return tuple(_run(row) for row in conn.execute(statement.limit(limit)))


def count_refused(
    conn: Connection, peer_did: str, version_id: str, codes: Iterable[str], *, since: str
) -> int:
    """Count a peer's runs on a version refused since a moment for one of these reasons."""
    statement = (
        select(func.count())
        .select_from(RUN)
        .where(
            RUN.c.peer_did == peer_did,
            RUN.c.version_id == version_id,
            RUN.c.reason_code.in_(tuple(codes)),
            RUN.c.submitted_at >= since,
        )
    )
    return int(conn.execute(statement).scalar_one())


def count_running(conn: Connection, peer_did: str, version_id: str, *, since: str) -> int:
    """Count a peer's runs on a version that were let in since a moment and have no end yet."""
    statement = (
        select(func.count())
        .select_from(RUN)
        .where(
            RUN.c.peer_did == peer_did,
            RUN.c.version_id == version_id,
            RUN.c.state == RunState.SUBMITTED.value,
            RUN.c.submitted_at >= since,
        )
    )
    return int(conn.execute(statement).scalar_one())


def list_waiting(conn: Connection) -> tuple[Run, ...]:
    """Return the runs that wait for a checker, oldest first."""
    return _waiting(conn, RUN.c.id != "")


def list_waiting_of(conn: Connection, version_id: str) -> tuple[Run, ...]:
    """Return the runs of a version that wait for a checker."""
    return _waiting(conn, RUN.c.version_id == version_id)


def list_waiting_under(conn: Connection, agreement_id: str) -> tuple[Run, ...]:
    """Return the runs of an agreement that wait for a checker."""
    return _waiting(conn, RUN.c.agreement_id == agreement_id)


def versions_under(conn: Connection, agreement_id: str) -> tuple[str, ...]:
    """Return the versions that an agreement's runs were asked of."""
    statement = select(RUN.c.version_id).where(RUN.c.agreement_id == agreement_id).distinct()
    return tuple(str(one) for one in conn.execute(statement).scalars())


def _waiting(conn: Connection, which: ColumnElement[bool]) -> tuple[Run, ...]:
    statement = select(*_COLUMNS).where(RUN.c.state == RunState.AWAITING_CHECKER.value, which)
    return tuple(_run(row) for row in conn.execute(statement.order_by(RUN.c.submitted_at)))


def add_family(conn: Connection, run: Run, sealed: str) -> int:
    """Insert the sealed sets of a release; return their sequence number."""
    values = {
        "run_id": run.id,
        "dataset_id": run.dataset_id,
        "version_id": run.version_id,
        "sealed": sealed,
    }
    found = conn.execute(insert(FAMILY).values(values)).inserted_primary_key
    assert found is not None  # noqa: S101 - SQLAlchemy returns it for a single insert
    return int(found[0])


def last_family(conn: Connection, dataset_id: str) -> int:
    """Return the highest sequence number released on a dataset; 0 if none."""
    statement = select(func.max(FAMILY.c.seq)).where(FAMILY.c.dataset_id == dataset_id)
    return int(conn.execute(statement).scalar() or 0)


def families_after(
    conn: Connection, dataset_id: str, seq: int
) -> tuple[tuple[int, str, str, str], ...]:
    """Return (seq, run, version, sealed sets) of the releases on a dataset after `seq`."""
    statement = (
        select(FAMILY.c.seq, FAMILY.c.run_id, FAMILY.c.version_id, FAMILY.c.sealed)
        .where(FAMILY.c.dataset_id == dataset_id, FAMILY.c.seq > seq)
        .order_by(FAMILY.c.seq)
    )
    return tuple(
        (int(row.seq), row.run_id, row.version_id, row.sealed) for row in conn.execute(statement)
    )


def find_roster(conn: Connection, version_id: str) -> str | None:
    """Return the sealed roster of a version, or None."""
    found = conn.execute(
        select(ROSTER.c.sealed).where(ROSTER.c.version_id == version_id)
    ).scalar_one_or_none()
    return None if found is None else str(found)


def put_roster(conn: Connection, version_id: str, dataset_id: str, sealed: str) -> None:
    """Insert the sealed roster of a version unless it is there."""
    if find_roster(conn, version_id) is None:
        values = {"version_id": version_id, "dataset_id": dataset_id, "sealed": sealed}
        conn.execute(insert(ROSTER).values(values))


def _values(run: Run) -> dict[str, object]:
    return {field.name: getattr(run, field.name) for field in fields(Run)}


def _run(row: Row[tuple[object, ...]]) -> Run:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented accessor
    return Run(**{**values, "state": RunState(values["state"])})
