"""`tidegate space create | file | invite | join | members | revoke | status`."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from tidegate.access.model import Actor, Seat
from tidegate.cli.seats import SeatChoice
from tidegate.kernel.errors import (
    ConflictError,
    CorruptError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    TidegateError,
    UnavailableError,
)
from tidegate.partners.model import SpaceProfile, Standing
from tidegate.settings import read_settings
from tidegate_client.errors import NodeError, UnreachableError

if TYPE_CHECKING:
    from tidegate_client.space import Spaces
    from tidegate_client.transport import Transport

OPERATOR = Actor(id="system:cli", name="the command line of this home")
KINDS = (ConflictError, CorruptError, ForbiddenError, InvalidError, NotFoundError)
WAIT_SECONDS = 0.2
TOKEN_FILE = "operator.token"  # noqa: S105 - the name of a file, not a secret

HOME = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The directory of the node.",
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Answer with one line of JSON.")


@click.group()
def space() -> None:
    """Found a space, invite, join, see and revoke members."""


@space.command()
@HOME
@click.option("--name", required=True, help="The space's name.")
@click.option(
    "--profile",
    default="loopback",
    show_default=True,
    type=click.Choice([each.value for each in SpaceProfile]),
    help="loopback: all nodes on this machine, plain http; tls: every node has a certificate.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Where to write space.json, the trust file that members and verifiers need.",
)
@AS_JSON
def create(home: Path, name: str, profile: str, out: Path, as_json: bool) -> None:
    """Found a space on the authority's node in HOME."""
    from tidegate.node.build import open_node  # noqa: PLC0415 - heavy, needed only here
    from tidegate.policy.rulepack.service import shipped_hashes  # noqa: PLC0415 - reads the packs

    with open_node(home) as node:
        file = node.house.joining.create_space(
            name, SpaceProfile(profile), by=OPERATOR, rule_packs=shipped_hashes()
        )
    out.write_text(json.dumps(file, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    if as_json:
        click.echo(json.dumps(file, ensure_ascii=False))
        return
    click.echo(f"Founded {name} ({file['space']}, profile {profile}).")
    click.echo(f"  trust file {out}: give it to members and to those who check evidence")
    click.echo(f"Next: tidegate space invite --home {home} --name … --seat …")


@space.command("file")
@HOME
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Where to write space.json.",
)
def write_file(home: Path, out: Path) -> None:
    """Write the trust file as the node in HOME knows it now.

    It holds the authority's key history.
    """
    from tidegate.node.build import open_node  # noqa: PLC0415 - heavy, needed only here

    with open_node(home) as node:
        file = node.house.joining.space_file()
    out.write_text(json.dumps(file, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    changes = len(file["keys"].get("history", []))
    click.echo(f"{out}: {file['name']}, with {changes} changes of the authority's key.")


@space.command()
@HOME
@click.option("--name", required=True, help="The institution's name.")
@click.option("--seat", required=True, type=SeatChoice(), help="Its legal seat; CN is CN-OTHER.")
@click.option("--ciio/--no-ciio", default=None, help="Runs critical information infrastructure.")
@click.option("--foreign-controlled/--not-foreign-controlled", default=None)
@click.option(
    "--control-test",
    type=click.Choice(["cn_controlled", "foreign_controlled", "unknown"]),
    help="Who controls it, for the rules on human genetic resources.",
)
@AS_JSON
def invite(
    home: Path,
    name: str,
    seat: str,
    ciio: bool | None,
    foreign_controlled: bool | None,
    control_test: str | None,
    as_json: bool,
) -> None:
    """Make a one-time code that admits one institution.

    What is not stated about its standing stays unknown, and rules that ask for it refuse.
    """
    from tidegate.node.build import open_node  # noqa: PLC0415 - heavy, needed only here

    with open_node(home) as node:
        standing = Standing(ciio, foreign_controlled, control_test or "")
        code = node.house.joining.invite(name, Seat(seat), by=OPERATOR, standing=standing)
    if as_json:
        click.echo(json.dumps({"name": name, "seat": seat, "code": code}, ensure_ascii=False))
        return
    click.echo(f"Code for {name} ({seat}), shown once: {code}")
    click.echo("Next, at the institution: tidegate space join --home … space.json --code …")


@space.command()
@HOME
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--code", required=True, help="The one-time code from the authority.")
@click.option("--wait", default=20, show_default=True, help="Seconds to wait for credentials.")
@AS_JSON
def join(home: Path, file: Path, code: str, wait: int, as_json: bool) -> None:
    """Join the space of FILE (space.json). The node in HOME must be running."""
    spaces = _running(home)
    try:
        spaces.join(_read_file(file), code)
        status = spaces.wait_until_ready(
            lambda: time.sleep(WAIT_SECONDS), tries=int(wait / WAIT_SECONDS)
        )
    except NodeError as problem:
        raise in_words(problem, home) from None
    if as_json:
        click.echo(msgspec.json.encode(status).decode())
        return
    click.echo(status.words)
    for credential in status.credentials:
        click.echo(f"  {credential.type} until {credential.valid_until}")


@space.command()
@HOME
@AS_JSON
def members(home: Path, as_json: bool) -> None:
    """List the members of the space as the node in HOME knows them."""
    from tidegate.node.build import open_node  # noqa: PLC0415 - heavy, needed only here

    with open_node(home) as node:
        found = node.house.joining.status().members
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    for member in found:
        click.echo(f"{member.state:8} {member.role:12} {member.seat:9} {member.name}  {member.did}")


@space.command()
@HOME
@click.option("--did", required=True, help="The member's DID.")
@click.option("--reason", required=True, help="Why; every member is told.")
@AS_JSON
def revoke(home: Path, did: str, reason: str, as_json: bool) -> None:
    """Revoke a membership for good, at the authority's node in HOME."""
    from tidegate.node.build import open_node  # noqa: PLC0415 - heavy, needed only here

    with open_node(home) as node:
        member = node.house.joining.revoke(did, reason, by=OPERATOR)
    if as_json:
        click.echo(msgspec.json.encode(member).decode())
        return
    click.echo(f"Revoked {member.name}; running nodes refuse it from now on.")


@space.command()
@HOME
@AS_JSON
def status(home: Path, as_json: bool) -> int:
    """Say where the node in HOME stands. Exits with 1 while it cannot prove a membership."""
    from tidegate.node.build import open_node  # noqa: PLC0415 - heavy, needed only here

    with open_node(home) as node:
        found = node.house.joining.status()
    click.echo(msgspec.json.encode(found).decode() if as_json else found.words)
    return 0 if found.is_ready else 1


def _running(home: Path) -> "Spaces":
    from tidegate_client.space import Spaces  # noqa: PLC0415 - the HTTP client, needed only here

    return Spaces(transport_of(home))


def transport_of(home: Path) -> "Transport":
    """Return the way to the running node of this home, as its operator."""
    from tidegate_client.transport import Transport  # noqa: PLC0415 - the HTTP client, needed here

    settings = read_settings(home)
    path = home / TOKEN_FILE
    if not path.is_file():
        raise NotFoundError(
            f"{path} is missing; it is made by `tidegate init` and holds the operator's token. "
            "Make a new token with `tidegate person token` and put it there (mode 0600).",
            code="operator_token_missing",
        )
    token = path.read_text(encoding="utf-8").strip()
    return Transport(settings.base_url, token)


def _read_file(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise InvalidError(f"{file} is not JSON; get space.json from the authority.") from None
    if not isinstance(found, dict):
        raise InvalidError(f"{file} is no space.json; get it from the authority.")
    return found


def in_words(problem: NodeError, home: Path) -> TidegateError:
    """Return the refusal of a running node as this command line says it."""
    if isinstance(problem, UnreachableError) and problem.status == 0:
        return UnavailableError(
            f"The node in {home} is not running, and others must be able to reach it. "
            f"Start it with `tidegate serve --home {home}`, then try again.",
            code="node_not_running",
        )
    kind: type[TidegateError] = next(
        (each for each in KINDS if each.kind == problem.kind), UnavailableError
    )
    return kind(problem.message, code=problem.code or "join_failed")
