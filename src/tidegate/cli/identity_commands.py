"""`tidegate sts … | certification …`: who may speak for a node, what members are certified for."""

import json
from pathlib import Path

import click

from tidegate.access.model import Actor

OPERATOR = Actor(id="system:cli", name="the command line of this home")

HOME = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The directory of the node.",
)


@click.group()
def sts() -> None:
    """Let own programs ask for tokens in the node's name. Off until one is added."""


@sts.command(name="add")
@HOME
@click.option("--name", required=True, help="What the program is, for the evidence.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    help="A scope its tokens may grant, such as org.eclipse.dspace.dcp.vc.type:SeatCredential; "
    "any credential of this node when left out.",
)
def add_client(home: Path, name: str, scopes: tuple[str, ...]) -> None:
    """Register a program; its secret is shown once."""
    from tidegate.node.build import open_node  # noqa: PLC0415 - heavy, needed only here

    with open_node(home) as node:
        client, secret = node.house.sts.add_client(name, scopes, by=OPERATOR)
        address = f"{node.settings.base_url}/dcp/sts/token"
    click.echo(f"Registered {client.name}. The secret is shown once:")
    click.echo(f"  client_id     {client.id}")
    click.echo(f"  client_secret {secret}")
    click.echo(f"  token address {address}")


@sts.command(name="list")
@HOME
def list_clients(home: Path) -> None:
    """List the programs that may ask for tokens."""
    from tidegate.node.build import open_node  # noqa: PLC0415 - heavy, needed only here

    with open_node(home) as node:
        found = node.house.sts.list_clients(by=OPERATOR)
    for client in found:
        click.echo(f"{client.id}  {client.name}  {' '.join(client.scopes) or 'any credential'}")
    if not found:
        click.echo("No program is registered; the token service is closed.")


@sts.command(name="remove")
@HOME
@click.option("--client", required=True, help="The client_id, as `tidegate sts list` shows it.")
def remove_client(home: Path, client: str) -> None:
    """Close the token service to a program."""
    from tidegate.node.build import open_node  # noqa: PLC0415 - heavy, needed only here

    with open_node(home) as node:
        node.house.sts.remove_client(client, by=OPERATOR)
    click.echo(f"Removed {client}; it gets no more tokens.")


@click.group()
def certification() -> None:
    """Certify members, so that policies can ask (authority)."""


@certification.command()
@HOME
@click.option("--did", required=True, help="The member's DID.")
@click.option("--scheme", required=True, help="The scheme's name, such as iso-27001.")
@click.option(
    "--until", required=True, help="When the certificate ends, such as 2027-12-31T00:00:00Z."
)
def grant(home: Path, did: str, scheme: str, until: str) -> None:
    """Certify a member; its node is offered the credential."""
    from tidegate.node.build import open_node  # noqa: PLC0415 - heavy, needed only here

    with open_node(home) as node:
        made = node.house.certification.grant(did, scheme, until, by=OPERATOR)
    click.echo(f"Certified {did} for {made.scheme} until {made.ends_at}.")


@certification.command()
@HOME
@click.option("--did", required=True, help="The member's DID.")
@click.option("--scheme", required=True, help="The scheme's name.")
@click.option("--reason", required=True, help="Why; it stands in the evidence.")
def withdraw(home: Path, did: str, scheme: str, reason: str) -> None:
    """End a member's certification now. The credential that says so is revoked."""
    from tidegate.node.build import open_node  # noqa: PLC0415 - heavy, needed only here

    with open_node(home) as node:
        node.house.certification.withdraw(did, scheme, reason, by=OPERATOR)
    click.echo(f"Withdrew {scheme} of {did}; peers see it within two minutes.")


@certification.command(name="list")
@HOME
@click.option("--did", default="", help="One member's only.")
@click.option("--json", "as_json", is_flag=True, help="Answer with one line of JSON.")
def list_certifications(home: Path, did: str, as_json: bool) -> None:
    """List every certification there is or was."""
    from tidegate.node.build import open_node  # noqa: PLC0415 - heavy, needed only here

    with open_node(home) as node:
        found = node.house.certification.list_all(did)
    if as_json:
        rows = [
            {"did": each.holder, "scheme": each.scheme, "until": each.ends_at,
             "withdrawn": each.withdrawn_reason or None}
            for each in found
        ]  # fmt: skip
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for each in found:
        state = f"withdrawn: {each.withdrawn_reason}" if each.withdrawn_at else each.ends_at
        click.echo(f"{each.scheme:20} {each.holder}  {state}")
