"""`tidegate strategy …`: how this node answers in negotiations, offer by offer."""

from pathlib import Path
from typing import Any

import click
import msgspec

from tidegate.cli.dataset_commands import acting
from tidegate.cli.people_options import as_option
from tidegate.connector.negotiation.model import ChosenStrategy, Strategy
from tidegate.connector.negotiation.strategy import AUTOMATIC, PRESETS, read_strategy
from tidegate.kernel.errors import InvalidError

HOME = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    required=True,
    help="The node's directory.",
)
AS = as_option()
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Answer with one line of JSON.")
SUBJECT = click.argument("subject", metavar="OFFER_OR_DATASET")


@click.group()
def strategy() -> None:
    """See and set how negotiations are answered."""


@strategy.command("list")
@HOME
@AS_JSON
def list_set(home: Path, as_json: bool) -> None:
    """List the strategies that were set. For everything else, `automatic` holds."""
    with acting(home, "") as (house, _):
        found = house.negotiation.list_strategies()
    if as_json:
        _say_json(found)
        return
    for one in found:
        click.echo(f"{one.subject}  {one.strategy.name}  ({one.set_by}, {one.set_at})")


@strategy.command()
@SUBJECT
@HOME
@AS_JSON
def show(subject: str, home: Path, as_json: bool) -> None:
    """Show the strategy of an offer or dataset.

    As provider of an offer, as consumer of a dataset.
    """
    with acting(home, "") as (house, _):
        _say(house.negotiation.find_strategy(subject) or AUTOMATIC, as_json)


@strategy.command("set")
@SUBJECT
@click.argument("which", metavar="NAME_OR_FILE")
@HOME
@AS
@AS_JSON
def set_one(subject: str, which: str, home: Path, person: str, as_json: bool) -> None:
    """Set a strategy by name or from a JSON file of your own.

    Ready-made: automatic, accept, offer-first, manual, refuse, wait.
    """
    chosen = PRESETS.get(which) or _read(Path(which))
    with acting(home, person) as (house, by):
        _say(house.negotiation.set_strategy(subject, chosen, by=by), as_json)


@strategy.command()
@SUBJECT
@HOME
@AS
@AS_JSON
def clear(subject: str, home: Path, person: str, as_json: bool) -> None:
    """Let the usual strategy hold again."""
    with acting(home, person) as (house, by):
        _say(house.negotiation.clear_strategy(subject, by=by), as_json)


def _read(path: Path) -> Strategy:
    if not path.is_file():
        raise InvalidError(
            f"{path} is neither a file nor one of {', '.join(PRESETS)}.", code="strategy_unknown"
        )
    return read_strategy(path.read_bytes())


def _say(one: Strategy, as_json: bool) -> None:
    if as_json:
        _say_json(one)
        return
    click.echo(one.name)
    for each in one.reactions:
        pause = f" after {each.after_ms} ms" if each.after_ms else ""
        click.echo(f"  as {each.side} on {each.on}: {each.act}{pause}")


def _say_json(answer: Strategy | tuple[ChosenStrategy, ...]) -> None:
    built: Any = msgspec.to_builtins(answer)
    click.echo(msgspec.json.encode(built).decode())
