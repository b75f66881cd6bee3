"""`tidegate plane …`: data planes and control planes elsewhere that this node works with."""

import json
from pathlib import Path

import click

from tidegate.cli.dataset_commands import acting
from tidegate.cli.people_options import as_option
from tidegate.connector.signaling.model import Asked, Plane, PlaneKind
from tidegate.kernel.errors import InvalidError

HOME = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    required=True,
    help="The node's directory.",
)
AS = as_option()
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Answer with one line of JSON.")
KIND = click.argument("kind", type=click.Choice([one.value for one in PlaneKind]))
SECRET = click.option(
    "--secret-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    required=True,
    help="Holds the token that this node presents to the plane.",
)
ACCEPTS = click.option(
    "--accepts-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Holds the token that the plane presents; without it one is made and shown once.",
)


@click.group()
def plane() -> None:
    """Register planes elsewhere (Data Plane Signaling)."""


@plane.command("list")
@HOME
@AS
@AS_JSON
def list_planes(home: Path, person: str, as_json: bool) -> None:
    """List what is registered."""
    with acting(home, person) as (house, by):
        found = [_shown(one) for one in house.signaling.list_planes(by=by)]
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    for one in found:
        serves = ", ".join((*one["profiles"], *one["datasets"])) or "nothing"
        waits = ", not approved yet" if one["datasets"] and not one["approved_by"] else ""
        click.echo(
            f"{one['kind']} {one['id']}  {one['endpoint']}  ({serves}{waits})"
            f"  registered {one['registered_at']}"
        )


@plane.command()
@KIND
@click.argument("name")
@click.argument("endpoint")
@click.option(
    "--serves",
    multiple=True,
    help="A transfer profile of a data plane, or a dataset that a control plane may have served.",
)
@SECRET
@ACCEPTS
@HOME
@AS
def add(
    kind: str,
    name: str,
    endpoint: str,
    serves: tuple[str, ...],
    secret_file: Path,
    accepts_file: Path | None,
    home: Path,
    person: str,
) -> None:
    """Register the plane NAME at ENDPOINT, or replace its registration."""
    asked = Asked(
        kind=PlaneKind(kind),
        id=name,
        endpoint=endpoint,
        auth="bearer",
        secret=_secret(secret_file),
        profiles=serves if kind == PlaneKind.DATA else (),
        datasets=serves if kind == PlaneKind.CONTROL else (),
        accepts=_secret(accepts_file) if accepts_file else "",
    )
    with acting(home, person) as (house, by):
        done = house.signaling.register(asked, by=by)
    click.echo(f"Registered {done.plane.kind} {done.plane.id}.")
    if done.plane.datasets and not done.plane.approved_by:
        click.echo("Its datasets open once a legal officer approves them (tidegate plane approve).")
    if done.token:
        click.echo(f"It presents this token, shown only now: {done.token}")


@plane.command()
@click.argument("name")
@click.option("--ground", required=True, help="On what ground its flows may move these data.")
@click.option(
    "--seen",
    required=True,
    metavar="MOMENT",
    help="The moment of the registration that was read, as `tidegate plane list` shows it.",
)
@HOME
@AS
def approve(name: str, ground: str, seen: str, home: Path, person: str) -> None:
    """Open the datasets of the control plane NAME, as they were read.

    Done by a legal officer who did not register it. A registration made since is not approved.
    """
    if not seen.strip():
        raise InvalidError("Say the moment of the registration you read.", code="seen_missing")
    with acting(home, person) as (house, by):
        done = house.signaling.approve(name, ground, by=by, seen=seen.strip())
    click.echo(f"Control plane {name} may have this node serve {', '.join(done.datasets)}.")


@plane.command()
@KIND
@click.argument("name")
@HOME
@AS
def remove(kind: str, name: str, home: Path, person: str) -> None:
    """Forget the plane NAME. Its token opens nothing any more, and its open flows end."""
    with acting(home, person) as (house, by):
        ended = house.signaling.remove(PlaneKind(kind), name, by=by)
    click.echo(f"Removed {kind} {name}; {ended} open flows end.")


def _shown(one: Plane) -> dict[str, str | list[str]]:
    return {
        "kind": one.kind.value,
        "id": one.id,
        "endpoint": one.endpoint,
        "authorization": one.auth.value,
        "profiles": list(one.profiles),
        "datasets": list(one.datasets),
        "registered_at": one.changed_at,
        "approved_by": one.approved_by,
    }


def _secret(path: Path) -> str:
    try:
        found = path.read_text(encoding="utf-8").strip()
    except ValueError:
        raise InvalidError(
            f"{path} is not text in UTF-8; put the token alone into it.", code="secret_not_text"
        ) from None
    if not found:
        raise InvalidError(f"{path} is empty; put the token into it.", code="secret_empty")
    return found
