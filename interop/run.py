"""`make interop`: Tidegate and Eclipse EDC beside each other, one line for each thing tried.

The exit code is 0 only when every cell is good. ARGS names areas to run (all without); logs are
left in var/interop/run.
"""

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / one) for one in ("interop", "src", "tests")]

from sqlalchemy.engine import make_url  # noqa: E402

from lib.postgres import running_postgres  # noqa: E402
from tidegate_interop import (  # noqa: E402, F401 - after the path is set; cells register themselves
    cells_catalogue,
    cells_faults,
    cells_held,
    cells_negotiation,
    cells_pushed,
    cells_transfer,
)
from tidegate_interop.assembly import Assembly, AssemblyError, assemble  # noqa: E402
from tidegate_interop.data import DataServer  # noqa: E402
from tidegate_interop.matrix import CELLS, World, line, run_cells  # noqa: E402
from tidegate_interop.node import Node  # noqa: E402
from tidegate_interop.process import Edc  # noqa: E402

LOGS = ROOT / "var" / "interop" / "run"
FREE_POLICIES = {"edc.policy.validation.enabled": "false"}  # offers EDC itself could not keep
ROWS = os.urandom(3 * 1024 * 1024)


@contextmanager
def world_of(made: Assembly, *, with_sql: bool) -> Iterator[World]:
    """Yield both connectors, running; whatever happens they are stopped."""
    shutil.rmtree(LOGS, ignore_errors=True)
    with ExitStack() as stack:
        data = DataServer(ROWS)
        stack.callback(data.stop)
        node = Node(LOGS / "node")
        stack.callback(node.stop)
        node.start()
        edc = Edc("eclipse", LOGS / "edc", made.memory, memory="512m", more=FREE_POLICIES)
        stack.callback(edc.stop)
        edc.start()
        world = World(edc, node, data)
        peers = {edc.name: edc.dsp}
        if with_sql:
            sql = Edc(
                "eclipse-sql",
                LOGS / "edc-sql",
                made.sql,
                database=stack.enter_context(database()),
                memory="512m",
                more=FREE_POLICIES,
            )
            stack.callback(sql.stop)
            sql.start()
            world.sql, peers[sql.name] = sql, sql.dsp
        node.knows(peers)
        yield world


@contextmanager
def database() -> Iterator[tuple[str, str, str]]:
    """Yield a PostgreSQL of its own as EDC is told of one: JDBC address, user, password."""
    with running_postgres() as url:
        parts = make_url(url)
        address = f"jdbc:postgresql://{parts.host}:{parts.port}/{parts.database}"
        yield address, parts.username or "", parts.password or ""


def main() -> int:
    """Run the cells; print the matrix; return 0 only when all are good."""
    wanted = set(sys.argv[1:])
    cells = [one for one in CELLS if not wanted or one.area in wanted]
    try:
        made = assemble()
    except AssemblyError as problem:
        print(problem)
        return 2
    print(f"Tidegate beside {made.words}\n")
    # Told to end, it ends what it started first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    needs_sql = any(one.area == cells_faults.REMEMBERS for one in cells)
    with world_of(made, with_sql=needs_sql) as world:
        results = run_cells(world, cells)
    bad = [one for one in results if not one.is_good]
    print(f"\n{made.words}")
    for one in bad:
        print(line(one))
    print(f"interop: {len(results) - len(bad)} passed, {len(bad)} failed")
    return 1 if bad or not results else 0


if __name__ == "__main__":
    sys.exit(main())
