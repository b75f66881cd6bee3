"""`tidegate person add | list | link | token | disable`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from tidegate.access.model import Actor, Person, Role
from tidegate.kernel.errors import NotFoundError

if TYPE_CHECKING:
    from tidegate.access.service import AccessService

HOME = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The directory of the node.",
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Answer with one line of JSON.")
BY = click.option(
    "--by", "acting", default="", help="E-mail or id of the operator who acts; default: the first."
)
WHO = click.argument("who")


@click.group()
def person() -> None:
    """See and add people, give them ways in, shut them out."""


@person.command()
@HOME
@click.option("--name", required=True, help="The person's name.")
@click.option("--email", required=True, help="Their e-mail address; they sign in with it.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice([each.value for each in Role]),
    help="What they may be asked to do; repeat for several.",
)
@BY
@AS_JSON
def add(
    home: Path, name: str, email: str, roles: tuple[str, ...], acting: str, as_json: bool
) -> None:
    """Add a person."""
    from tidegate.node.build import open_node  # noqa: PLC0415 - heavy, needed only here

    with open_node(home) as node:
        access = node.house.access
        by = _operator(access, acting)
        added = access.add_person(name, email, frozenset(Role(each) for each in roles), by=by)
    click.echo(msgspec.json.encode(added).decode() if as_json else _line(added))


@person.command("list")
@HOME
@AS_JSON
def list_people(home: Path, as_json: bool) -> None:
    """List everybody at the node."""
    from tidegate.node.build import open_node  # noqa: PLC0415 - heavy, needed only here

    with open_node(home) as node:
        people = node.house.access.list_people()
    if as_json:
        click.echo(msgspec.json.encode(people).decode())
        return
    for one in people:
        click.echo(_line(one))


@person.command()
@HOME
@WHO
@click.option("--minutes", type=click.IntRange(1, 60 * 24 * 7), help="How long it works.")
@BY
@AS_JSON
def link(home: Path, who: str, minutes: int | None, acting: str, as_json: bool) -> None:
    """Print a one-time sign-in link for WHO (e-mail or id)."""
    from tidegate.node.build import open_node  # noqa: PLC0415 - heavy, needed only here

    with open_node(home) as node:
        access = node.house.access
        by = _operator(access, acting)
        secret = access.issue_link(_find(access, who).id, by=by, minutes=minutes)
        address = f"{node.settings.base_url}/sign-in/link/{secret}"
    click.echo(json.dumps({"link": address}) if as_json else address)


@person.command()
@HOME
@WHO
@click.option("--label", default="", help="What the token is for.")
@click.option("--days", type=click.IntRange(1, 366), help="How long it works; default 90.")
@BY
@AS_JSON
def token(home: Path, who: str, label: str, days: int | None, acting: str, as_json: bool) -> None:
    """Print a new bearer token for WHO (e-mail or id). It is shown this once."""
    from tidegate.node.build import open_node  # noqa: PLC0415 - heavy, needed only here

    with open_node(home) as node:
        access = node.house.access
        by = _operator(access, acting)
        secret = access.issue_token(_find(access, who).id, by=by, label=label, days=days)
    click.echo(json.dumps({"token": secret}) if as_json else secret)


@person.command()
@HOME
@WHO
@click.option("--reason", required=True, help="Why; it stands in the evidence.")
@BY
@AS_JSON
def disable(home: Path, who: str, reason: str, acting: str, as_json: bool) -> None:
    """Shut WHO (e-mail or id) out. Sessions, tokens and links end at once."""
    from tidegate.node.build import open_node  # noqa: PLC0415 - heavy, needed only here

    with open_node(home) as node:
        access = node.house.access
        by = _operator(access, acting)
        disabled = access.disable_person(_find(access, who).id, reason, by=by)
    click.echo(msgspec.json.encode(disabled).decode() if as_json else _line(disabled))


def _operator(access: "AccessService", acting: str) -> Actor:
    """Return the operator in whose name the command acts."""
    return access.actor_of(acting) if acting else access.first_operator()


def _find(access: "AccessService", who: str) -> Person:
    found = access.find_by_email(who) if "@" in who else access.find_person(who)
    if found is None:
        raise NotFoundError(
            "Nobody of this node has that e-mail or id; see `tidegate person list`.",
            code="person_not_found",
        )
    return found


def _line(one: Person) -> str:
    roles = ",".join(sorted(role.value for role in one.roles))
    return f"{one.id}  {one.state.value:8}  {one.name}  <{one.email}>  {roles}"
