"""`tidegate init | serve | doctor | migrate`: making, running and examining a node."""

import gc
import json
import shlex
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click

from tidegate.access.model import Participant, Seat
from tidegate.cli.seats import SeatChoice
from tidegate.kernel.errors import InvalidError
from tidegate.kernel.ids import secret_token
from tidegate.kernel.text import has_hidden_characters
from tidegate.settings import (
    NodeRole,
    NodeSettings,
    check_exposure,
    check_is_free,
    did_for,
    read_settings,
    write_settings,
)

_PASSPHRASE = "passphrase"  # noqa: S105 - a file name

HOME = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The directory of the node.",
)


@click.command()
@click.argument("home", type=click.Path(path_type=Path, file_okay=False))
@click.option("--name", required=True, help="The institution's name.")
@click.option("--seat", required=True, type=SeatChoice(), help="Its legal seat; CN is CN-OTHER.")
@click.option("--role", default="participant", type=click.Choice([r.value for r in NodeRole]))
@click.option("--port", default=7400, show_default=True, type=click.IntRange(1, 65535))
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to bind.")
@click.option("--base-url", default="", help="How others reach it; http://localhost:PORT if empty.")
@click.option("--database", default="sqlite:///node.db", show_default=True)
@click.option("--passphrase-file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--tls-certificate", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--tls-key", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--tls-ca", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--operator", default="operator", show_default=True, help="The first person's name.")
@click.option("--json", "as_json", is_flag=True, help="Answer with one line of JSON.")
def init(  # noqa: PLR0913, PLR0917 - one option each
    home: Path,
    name: str,
    seat: str,
    role: str,
    port: int,
    host: str,
    base_url: str,
    database: str,
    passphrase_file: Path | None,
    tls_certificate: Path | None,
    tls_key: Path | None,
    tls_ca: Path | None,
    operator: str,
    as_json: bool,
) -> None:
    """Make a new node in HOME. It gets keys, a database and a first operator."""
    address = base_url.rstrip("/") or f"http://localhost:{port}"
    did = did_for(address)
    check_is_free(home)
    if not name.strip() or has_hidden_characters(name):
        raise InvalidError("Give the institution's name, in characters that can be seen.")
    if (tls_certificate is None) != (tls_key is None):
        raise InvalidError("Give --tls-certificate and --tls-key together, or neither.")
    if not database.startswith(("sqlite:", "postgresql:", "postgresql+psycopg:")):
        raise InvalidError(
            "A node keeps sqlite:///FILE or postgresql://USER@HOST/NAME; give --database so."
        )
    settings = NodeSettings(
        home=home,
        name=name,
        participant=Participant(did, name, Seat(seat)),
        role=NodeRole(role),
        host=host,
        port=port,
        base_url=address,
        database_url=database,
        passphrase_file=(passphrase_file or home / _PASSPHRASE).resolve(),
        tls_certificate=tls_certificate and tls_certificate.resolve(),
        tls_key=tls_key and tls_key.resolve(),
        tls_ca=tls_ca and tls_ca.resolve(),
    )
    check_exposure(settings)
    with _undone_on_failure(home):
        person = _make(settings, operator, own_passphrase=passphrase_file is None)
    answer = {"did": settings.participant.did, "operator": person, "base_url": address}
    if as_json:
        click.echo(json.dumps(answer))
        return
    click.echo(f"Made {name} ({seat}, {role}) in {home}.")
    click.echo(f"  DID        {settings.participant.did}")
    click.echo(f"  operator   {person}; token in {home / 'operator.token'} (mode 0600)")
    if passphrase_file is None:
        click.echo(f"  passphrase {settings.passphrase_file} (mode 0600): keep a copy elsewhere")
    click.echo(f"Next: tidegate serve --home {shlex.quote(str(home))}")


@click.command()
@HOME
def serve(home: Path) -> None:
    """Serve the node in HOME until it is told to stop."""
    gc.disable()  # a start makes what stays; the server turns it on again once it serves
    from tidegate.node.server import run  # noqa: PLC0415 - heavy, needed only here

    run(home)


@click.command()
@HOME
@click.option("--json", "as_json", is_flag=True, help="Answer with one line of JSON.")
def doctor(home: Path, as_json: bool) -> int:
    """Examine the node in HOME. Says what is wrong and what to do about it."""
    from tidegate.node.doctor import examine  # noqa: PLC0415 - heavy, needed only here

    findings = examine(home)
    if as_json:
        click.echo(json.dumps([finding.as_dict() for finding in findings]))
    else:
        for finding in findings:
            click.echo(f"{'ok  ' if finding.is_well else 'FAIL'}  {finding.what}: {finding.words}")
    return 0 if all(finding.is_well for finding in findings) else 1


@click.command()
@HOME
def migrate(home: Path) -> None:
    """Bring the database in HOME to this version's schema."""
    from tidegate.db.migrate import upgrade  # noqa: PLC0415 - heavy, needed only here
    from tidegate.node.build import open_database  # noqa: PLC0415 - heavy, needed only here
    from tidegate.node.lock import home_held  # noqa: PLC0415 - heavy, needed only here

    settings = read_settings(home)
    with home_held(home), closing(open_database(settings)) as database:
        click.echo(f"The database is at schema {upgrade(database)}.")


def _make(settings: NodeSettings, operator: str, *, own_passphrase: bool) -> str:
    """Make the node's files and database; return the id of its first operator."""
    from tidegate.node.build import create_node, open_node  # noqa: PLC0415 - heavy, needed only here

    write_settings(settings)
    if own_passphrase:
        _write_secret(settings.home / _PASSPHRASE, secret_token())
    create_node(read_settings(settings.home))
    with open_node(settings.home) as node:
        person, token = node.house.access.make_first_operator(operator)
    _write_secret(settings.home / "operator.token", token)
    return person.id


def _write_secret(path: Path, secret: str) -> None:
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(secret, encoding="utf-8")


@contextmanager
def _undone_on_failure(home: Path) -> Iterator[None]:
    """Take away what a failed start made, so that the command can be given again."""
    existed = home.exists()
    before = set(home.iterdir()) if existed else set()
    try:
        yield
    except BaseException:
        for made in set(home.iterdir()) - before if home.is_dir() else ():
            if made.is_dir():
                shutil.rmtree(made)
            else:
                made.unlink()
        if not existed and home.is_dir():
            home.rmdir()
        raise
