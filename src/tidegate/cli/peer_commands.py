"""`tidegate peers doctor`: why another node can or cannot be reached and trusted."""

from pathlib import Path

import click
import msgspec

from tidegate.access.model import Actor
from tidegate.cli.space_commands import AS_JSON, HOME, in_words, transport_of
from tidegate.connector.checkup.model import Checkup, Result
from tidegate_client.errors import NodeError

OPERATOR = Actor(id="system:cli", name="the command line of this home")
MARKS = {Result.OK: "ok  ", Result.FAILED: "FAIL", Result.SKIPPED: "skip"}


@click.group()
def peers() -> None:
    """Look at the other nodes of the space."""


@peers.command()
@click.argument("did")
@HOME
@AS_JSON
def doctor(did: str, home: Path, as_json: bool) -> int:
    """Explain why the node with DID can or cannot be reached.

    Goes step by step, to whether it is trusted.

    Exits 1 when a step failed. A running node examines from its own process.
    """
    found = _examine(did, home)
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
    else:
        for one in found.findings:
            click.echo(f"{MARKS[one.result]}  {one.name.en}: {one.said.en}")
            if one.result is Result.FAILED and one.advice.en:
                click.echo(f"        → {one.advice.en}")
        click.echo(_sum(found))
    return 0 if found.is_well else 1


def _examine(did: str, home: Path) -> Checkup:
    from tidegate.node.logbook import is_locked  # noqa: PLC0415 - heavy, needed only here

    if not is_locked(home / "serve.lock"):
        from tidegate.node.build import open_node  # noqa: PLC0415 - heavy, needed only here

        with open_node(home) as node:
            return node.house.checkup.examine(did, by=OPERATOR, is_served=False)
    from tidegate_client.peers import Peers  # noqa: PLC0415 - the HTTP client, needed only here

    try:
        found = Peers(transport_of(home)).examine(did)
    except NodeError as problem:
        raise in_words(problem, home) from None
    return msgspec.convert(msgspec.to_builtins(found), Checkup)


def _sum(found: Checkup) -> str:
    failed = [one.name.en for one in found.findings if one.result is Result.FAILED]
    if not failed:
        return "This peer can be reached and trusted, as far as this node can see."
    return f"{len(failed)} steps failed; mend first: {failed[0]}."
