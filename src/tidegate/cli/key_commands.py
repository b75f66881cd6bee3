"""`tidegate keys list | rotate`: the identity key of a node and the ones before."""

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
def keys() -> None:
    """See and rotate the key by which a node proves who it is."""


@keys.command(name="list")
@HOME
def list_keys(home: Path) -> None:
    """List this node's keys and the authority's.

    The one that signs, and those before with their end.
    """
    from tidegate.node.build import open_node  # noqa: PLC0415 - heavy, needed only here

    with open_node(home) as node:
        current, former = node.keys.identity_public_jwk(), node.keys.former_keys()
        history = node.house.space.find_keys()
    click.echo(f"signs      {current['kid']}  {current['crv']}")
    for each in former:
        click.echo(f"verifies   {each.jwk['kid']}  {each.jwk['crv']}  until {each.until}")
    for key in history.keys if history is not None else ():
        words = f"believed until {key.until}" if key.until else "signs"
        why = " (compromised)" if key.is_compromised else ""
        click.echo(f"authority  {key.kid}  {words}{why}")


@keys.command()
@HOME
@click.option(
    "--algorithm",
    default="ES256",
    show_default=True,
    type=click.Choice(["ES256", "EdDSA"]),
    help="ES256 is understood by every connector; EdDSA by some.",
)
@click.option(
    "--compromised-since",
    default="",
    metavar="MOMENT",
    help="Somebody else may have had the key since then, such as 2027-01-31T08:00:00Z.",
)
def rotate(home: Path, algorithm: str, compromised_since: str) -> None:
    """Make a new identity key; the node must not be served meanwhile.

    The key before proves nobody's presence from then on. It stays in the DID document, for what it
    signed, until that has expired; with --compromised-since it verifies nothing any more. Members
    are told, and peers look a key up that they do not know.

    At the authority of a space the change is signed into the key history, which members and those
    who check evidence follow from the trust file they have.
    """
    from tidegate.kernel.clock import SystemClock  # noqa: PLC0415 - heavy, needed only here
    from tidegate.node.rotation import rotate_home  # noqa: PLC0415 - heavy

    ring = rotate_home(
        home, algorithm, SystemClock(), by=OPERATOR, compromised_since=compromised_since
    )
    before = ring.former_keys()[0]
    click.echo(f"The node signs with {ring.identity_kid} ({algorithm}) from now on.")
    words = "verifies nothing any more" if compromised_since else f"until {before.until}"
    click.echo(f"  before   {before.jwk['kid']}, {words}")
    click.echo(f"Next: tidegate serve --home {home}")
