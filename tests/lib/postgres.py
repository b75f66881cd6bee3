"""A real PostgreSQL server for tests: made in a directory of its own, stopped at the end."""

import os
import pwd
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from lib.serving import free_port


def binaries() -> Path:
    """Return the newest installed PostgreSQL's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: p.parts[-3])
    assert found, "PostgreSQL is missing; `make test` installs it as root or says how"
    return found[-1].parent


@contextmanager
def running_postgres() -> Iterator[str]:
    """Start a server on loopback; yield its URL for SQLAlchemy with psycopg.

    Its directory is not below pytest's own, which every other run of pytest closes to the server.
    """
    with TemporaryDirectory(prefix="tidegate-postgres-") as folder:
        Path(folder).chmod(0o777)
        with _serving(Path(folder)) as url:
            yield url


@contextmanager
def _serving(place: Path) -> Iterator[str]:
    data, as_user, port = place / "pg", _another_user(), free_port()

    def run(name: str, *arguments: str) -> None:
        subprocess.run(
            [*as_user, str(binaries() / name), *arguments],
            check=True,
            capture_output=True,
            cwd="/",
        )

    run("initdb", "-D", str(data), "-U", "tidegate", "--auth=trust", "-E", "UTF8", "--no-sync")
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={place}"
    run("pg_ctl", "-D", str(data), "-l", str(place / "pg.log"), "-o", options, "-w", "start")
    try:
        run("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "tidegate", "tidegate")
        yield f"postgresql+psycopg://tidegate@127.0.0.1:{port}/tidegate"
    finally:
        run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")


def _another_user() -> list[str]:
    """PostgreSQL refuses to run as root: then take the user that its package made."""
    if os.getuid() != 0:
        return []
    pwd.getpwnam("postgres")
    return ["runuser", "-u", "postgres", "--"]
