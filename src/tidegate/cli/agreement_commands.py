"""`tidegate agreement …`: ask another institution for an agreement on its data."""

from pathlib import Path
from typing import Any

import click
import msgspec

from tidegate.cli.dataset_commands import acting
from tidegate.cli.people_options import as_option
from tidegate.kernel.errors import InvalidError

HOME = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    required=True,
    help="The node's directory.",
)
AS = as_option(required=True)


@click.group()
def agreement() -> None:
    """Ask other institutions for agreements."""


@agreement.command()
@click.argument("provider", metavar="DID")
@click.argument("dataset", metavar="DATASET")
@HOME
@AS
@click.option("--offer", default="", help="One of the dataset's offers; otherwise its first.")
@click.option(
    "--terms",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Ask for these rules instead of the published ones: a JSON file in compact ODRL.",
)
@click.option("--accept", "accepts", multiple=True, metavar="TERM",
              help="A term that rests on a side's word alone, accepted by name.")  # fmt: skip
def ask(
    provider: str,
    dataset: str,
    home: Path,
    person: str,
    *,
    offer: str,
    terms: Path | None,
    accepts: tuple[str, ...],
) -> None:
    """Ask for an agreement; the serving node negotiates. Prints the negotiation.

    Nothing is agreed by itself on other terms than the published ones: people of the provider see
    the difference, and agree, answer with other terms, or refuse.
    """
    wanted = None if terms is None else _read(terms)
    with acting(home, person) as (house, by):
        one = house.negotiation.request(
            provider, dataset, offer, by=by, accepts=accepts, terms=wanted
        )
    click.echo(one.pid)


def _read(file: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError) as problem:
        raise InvalidError(f"The terms in {file} cannot be read: {problem}.") from None
