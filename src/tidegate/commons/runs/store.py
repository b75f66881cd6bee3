"""SQL of the runs: what was asked stands with its evidence, how far it is beside it."""

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from tidegate.commons.errors import RunChangedError
from tidegate.commons.runs.model import Run, RunProgress, RunState
from tidegate.db.tables.commons import commons_run, commons_run_progress


def add_run(conn: Connection, run: Run) -> None:
    """Insert a run; raise RunChangedError while another one of its version waits."""
    open_one = find_latest(conn, run.version_id)
    if open_one is not None and open_one.state is RunState.WAITING:
        raise RunChangedError(
            "This version is being de-identified already; wait until that has ended, or cancel it.",
            code="run_open",
        )
    values = {"id": run.id, "version_id": run.version_id, "state": run.state.value}
    conn.execute(insert(commons_run), {**values, "body": _text(run)})


def end_run(conn: Connection, run: Run) -> None:
    """Save how a run ended; raise RunChangedError if it does not wait any more."""
    table = commons_run
    done = conn.execute(
        update(table)
        .where(table.c.id == run.id, table.c.state == RunState.WAITING.value)
        .values(state=run.state.value, body=_text(run))
    )
    if done.rowcount != 1:
        raise RunChangedError(
            "The run has ended meanwhile; look how it stands.", code="run_ended", run=run.id
        )


def find_run(conn: Connection, run_id: str) -> Run | None:
    """Return a run, or None."""
    row = conn.execute(select(commons_run.c.body).where(commons_run.c.id == run_id)).first()
    return msgspec.json.decode(row.body, type=Run) if row else None


def find_latest(conn: Connection, version_id: str) -> Run | None:
    """Return the newest run of a version, or None."""
    table = commons_run
    query = select(table.c.body).where(table.c.version_id == version_id)
    row = conn.execute(query.order_by(table.c.id.desc()).limit(1)).first()
    return msgspec.json.decode(row.body, type=Run) if row else None


def find_progress(conn: Connection, run_id: str) -> RunProgress:
    """Return how far a run is."""
    table = commons_run_progress
    row = conn.execute(
        select(table.c.done, table.c.step, table.c.tries).where(table.c.run_id == run_id)
    ).first()
    return RunProgress(row.done, row.step, row.tries) if row else RunProgress()


def put_progress(conn: Connection, run_id: str, progress: RunProgress) -> None:
    """Keep how far a run is."""
    table = commons_run_progress
    conn.execute(delete(table).where(table.c.run_id == run_id))
    values = {"done": progress.done, "step": progress.step, "tries": progress.tries}
    conn.execute(insert(table), {"run_id": run_id, **values})


def _text(run: Run) -> str:
    return msgspec.json.encode(run, order="deterministic").decode()
