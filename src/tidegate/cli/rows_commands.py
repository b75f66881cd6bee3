"""`tidegate rows …`: ask for the rows of an agreement, watch them arrive, stop them."""

from pathlib import Path

import click
import msgspec

from tidegate.cli.dataset_commands import acting
from tidegate.cli.people_options import as_option
from tidegate.connector.dataplane.model import HTTP_PULL, HTTP_PUSH
from tidegate.connector.transfer.model import TransferScript
from tidegate.kernel.errors import InvalidError

HOME = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    required=True,
    help="The node's directory.",
)
AS = as_option(required=True)
PID = click.argument("pid", metavar="TRANSFER")


@click.group()
def rows() -> None:
    """Move rows under an agreement that allows it."""


@rows.command()
@click.argument("agreement", metavar="AGREEMENT")
@HOME
@AS
@click.option("--push", is_flag=True, help="Have the provider send, rather than fetch.")
def ask(agreement: str, home: Path, person: str, *, push: bool) -> None:
    """Ask the provider for the rows; the serving node does the rest. Prints the transfer."""
    with acting(home, person) as (house, by):
        one = house.transfer.request_rows(agreement, HTTP_PUSH if push else HTTP_PULL, by=by)
    click.echo(one.pid)


@rows.command()
@click.option("--state", default="", help="Only those: asked, approved, refused, withdrawn.")
@HOME
@AS
def approvals(state: str, home: Path, person: str) -> None:
    """List what people are asked about rows, and answered. A line of JSON each."""
    with acting(home, person) as (house, by):
        found = house.approvals.list_approvals(state=state, by=by)
    for one in found:
        click.echo(msgspec.json.encode(one).decode())


@rows.command()
@click.argument("approval", metavar="APPROVAL")
@click.argument("reason")
@HOME
@AS
def approve(approval: str, reason: str, home: Path, person: str) -> None:
    """Let exactly the rows leave that were asked about. Done by the provider's legal officer."""
    with acting(home, person) as (house, by):
        house.approvals.approve(approval, reason, by=by)


@rows.command()
@click.argument("approval", metavar="APPROVAL")
@click.argument("reason")
@HOME
@AS
def refuse(approval: str, reason: str, home: Path, person: str) -> None:
    """Let the rows stay. Done by the provider's legal officer; who asked is told the reason."""
    with acting(home, person) as (house, by):
        house.approvals.refuse(approval, reason, by=by)


@rows.command()
@click.argument("approval", metavar="APPROVAL")
@click.argument("reason")
@HOME
@AS
def withdraw(approval: str, reason: str, home: Path, person: str) -> None:
    """Take an approval back: what runs under it stops at once."""
    with acting(home, person) as (house, by):
        house.approvals.withdraw(approval, reason, by=by)


@rows.command()
@PID
@HOME
def show(pid: str, home: Path) -> None:
    """Show how far the rows of a transfer are, as one line of JSON."""
    with acting(home, "") as (house, _):
        one, found = house.transfer.get(pid), house.dataplane.progress(pid)
    told = {"transfer": one.pid, "state": one.state, "reason": one.reason, "rows": found}
    click.echo(msgspec.json.encode(told).decode())


@rows.command()
@PID
@HOME
@AS
@click.option("--reason", default="Not needed any more.", help="Why, as the peer is told.")
def cancel(pid: str, home: Path, person: str, reason: str) -> None:
    """End a transfer. What has arrived of an unfinished copy is destroyed."""
    with acting(home, person) as (house, by):
        house.transfer.terminate(pid, reason, by=by)


@rows.command()
@click.argument("subject", metavar="AGREEMENT_OR_DATASET")
@click.argument("which", metavar="NAME_OR_FILE")
@HOME
@AS
def script(subject: str, which: str, home: Path, person: str) -> None:
    """Set what this node does with transfers.

    One of automatic, wait, once, refuse, or a JSON file.
    """
    from tidegate.connector.transfer.service import SCRIPTS  # noqa: PLC0415 - needed only here

    chosen = SCRIPTS.get(which) or _read(Path(which), tuple(SCRIPTS))
    with acting(home, person) as (house, by):
        house.transfer.set_script(subject, chosen, by=by)


def _read(path: Path, known: tuple[str, ...]) -> TransferScript:
    if not path.is_file():
        raise InvalidError(
            f"{path} is neither a file nor one of {', '.join(known)}.", code="script_unknown"
        )
    try:
        return msgspec.json.decode(path.read_bytes(), type=TransferScript)
    except (msgspec.ValidationError, msgspec.DecodeError) as problem:
        raise InvalidError(
            f"The script cannot be read: {problem}.", code="script_invalid"
        ) from None
