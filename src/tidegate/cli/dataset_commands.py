"""`tidegate dataset …`: lead data through their life from the node's own machine."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec

from tidegate.access.model import Actor, Role
from tidegate.cli.deid_saying import show_progress
from tidegate.cli.people_options import as_option

if TYPE_CHECKING:
    from tidegate.house import House

F = TypeVar("F", bound=Callable[..., Any])

CONSOLE = Actor("system:console", "the console", frozenset({Role.OPERATOR, Role.STEWARD}))
"""Whoever may read the node's key file may also acquire; two-person steps still take people."""


@contextmanager
def acting(home: Path, person: str) -> Iterator[tuple["House", Actor]]:
    """Open the node in HOME and say who acts: a person, or the console itself.

    Raises PersonDisabledError or PersonNotFoundError for somebody who may not act here.
    """
    from tidegate.node.build import open_node  # noqa: PLC0415 - heavy, needed only here

    with open_node(home) as node:
        yield node.house, node.house.access.actor_of(person) if person else CONSOLE


def _options(command: F) -> F:
    """Add the options every command of the group has."""
    folder = click.Path(path_type=Path, file_okay=False, exists=True)
    command = click.option("--json", "as_json", is_flag=True, help="Answer with JSON.")(command)
    command = as_option()(command)
    return click.option("--home", type=folder, required=True, help="The node's directory.")(command)


def _say(answer: object, as_json: bool) -> None:
    """Print an answer: one line of JSON, or its fields a line each."""
    built = msgspec.to_builtins(answer)
    if as_json:
        click.echo(json.dumps(built, ensure_ascii=False))
        return
    for one in built if isinstance(built, list) else [built]:
        click.echo("\n".join(_lines(one)) + "\n")


def _lines(fields: Mapping[str, object], depth: int = 0) -> Iterator[str]:
    """Say fields a line each; what a field holds stands indented below it."""
    margin = "  " * depth
    for name, value in fields.items():
        if value is None or value in ("", [], (), {}):
            continue
        if isinstance(value, Mapping):
            yield f"{margin}{name}:"
            yield from _lines(value, depth + 1)
        elif isinstance(value, list | tuple):
            if all(isinstance(part, Mapping) for part in value):
                for number, part in enumerate(value, start=1):
                    yield f"{margin}{name} {number}:"
                    yield from _lines(part, depth + 1)
            else:
                yield f"{margin}{name}: {', '.join(map(str, value))}"
        else:
            yield f"{margin}{name}: {_word(value)}"


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


@click.group()
def dataset() -> None:
    """Acquire, classify, de-identify, keep and destroy data."""


@dataset.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--title", default="", help="The dataset's title.")
@click.option("--describe", type=click.Path(path_type=Path, dir_okay=False, exists=True),
              help="A JSON descriptor: titles, keywords, columns, units.")  # fmt: skip
@click.option("--role", "roles", multiple=True, metavar="COLUMN=ROLE[:KIND]",
              help="What a column says about a person, as in name=direct_identifier.")  # fmt: skip
@click.option("--encoding", default="", help="The files' encoding, if it is not UTF-8.")
@click.option("--dataset", "dataset_id", default="", help="Acquire a new version of this dataset.")
@_options
def acquire(  # noqa: PLR0913, PLR0917 - one option each
    files: tuple[Path, ...],
    title: str,
    describe: Path | None,
    roles: tuple[str, ...],
    encoding: str,
    dataset_id: str,
    home: Path,
    person: str,
    as_json: bool,
) -> None:
    """Take files in: CSV, gzip CSV, Parquet. Each becomes a table named after it."""
    document = _document(describe)
    if encoding:
        document["encoding"] = encoding
    with acting(home, person) as (house, actor):
        house.acquisition.recover()
        descriptor = house.acquisition.read_descriptor(document, title=title, roles=roles)
        report = house.acquisition.acquire_files(files, descriptor, by=actor, dataset_id=dataset_id)
    _say(report, as_json)


@dataset.command("list")
@_options
def list_all(home: Path, person: str, as_json: bool) -> None:
    """List the versions this node keeps, with their stages."""
    with acting(home, person) as (house, _):
        titles = {d.id: d.title.en for d in house.catalogue.list_datasets()}
        held = house.holdings.list_holdings()
    rows = [
        {"version": h.version_id, "dataset": h.dataset_id, "stage": h.stage.value,
         "title": titles.get(h.dataset_id, "")}
        for h in held
    ]  # fmt: skip
    _say(rows, as_json)


@dataset.command()
@click.argument("version")
@_options
def show(version: str, home: Path, person: str, as_json: bool) -> None:
    """Show a version. Its codebook, quality, classification and stage."""
    with acting(home, person) as (house, _):
        record = house.catalogue.get_version(version)
    _say(record, as_json)


@dataset.command()
@click.argument("version")
@click.option(
    "--class", "cn_class", required=True, type=click.Choice(["core", "important", "general"])
)
@click.option("--level", required=True, type=click.IntRange(1, 5))
@click.option("--basis", required=True, help="The legal basis, as in consent.")
@click.option("--important-status", default="checked_not_notified", show_default=True)
@click.option("--personal/--not-personal", default=True, show_default=True)
@click.option("--sensitive/--not-sensitive", default=True, show_default=True)
@click.option("--genetic", "hgr", default="none", type=click.Choice(["none", "info", "material"]))
@click.option("--source", default="hospital", show_default=True)
@_options
def classify(version: str, home: Path, person: str, as_json: bool, **said: Any) -> None:
    """Propose how protected a version is. Another person approves."""
    from tidegate.catalogue.model import Classification  # noqa: PLC0415 - used only here

    with acting(home, person) as (house, actor):
        proposed = house.classification.propose(version, Classification(**said), by=actor)
    _say(proposed, as_json)


@dataset.command()
@click.argument("version")
@_options
def classification(version: str, home: Path, person: str, as_json: bool) -> None:
    """Show a classification. The second person reads it before approving its hash."""
    with acting(home, person) as (house, actor):
        found = house.classification.get(version, by=actor)
    _say(found, as_json)


@dataset.command()
@click.argument("version")
@click.option("--proposal", required=True, help="The hash of the proposal that was read.")
@_options
def approve(version: str, proposal: str, home: Path, person: str, as_json: bool) -> None:
    """Approve a classification as a second person."""
    with acting(home, person) as (house, actor):
        approved = house.classification.approve(version, proposal, by=actor)
    _say(approved, as_json)


@dataset.command("recipe")
@click.argument("version")
@_options
def propose_recipe(version: str, home: Path, person: str, as_json: bool) -> None:
    """Propose a version's recipe. With the reason for each column's role."""
    with acting(home, person) as (house, actor):
        proposed = house.previews.propose(version, by=actor)
    _say(proposed, as_json)


@dataset.command()
@click.argument("version")
@click.option("--recipe", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--against",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A recipe to compare with, instead of the usual one.",
)
@_options
def preview(
    version: str, recipe: Path | None, against: Path | None, home: Path, person: str, as_json: bool
) -> None:
    """Preview a recipe beside another. Nothing is written."""
    document, base = _document(recipe), _document(against)
    with acting(home, person) as (house, actor):
        seen = house.previews.preview(version, document, by=actor, against=base)
    _say(seen, as_json)


@dataset.command()
@click.argument("version")
@click.option("--project", required=True, help="The project under whose key pseudonyms are made.")
@click.option("--recipe", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--background", is_flag=True, help="Let the node that serves do it.")
@_options
def deidentify(
    version: str,
    project: str,
    recipe: Path | None,
    background: bool,
    home: Path,
    person: str,
    as_json: bool,
) -> None:
    """De-identify a version and write its risk report."""
    document = _document(recipe)
    with acting(home, person) as (house, actor):
        if background:
            _say(house.runs.start(version, document, project, by=actor), as_json)
            return
        rooms = house.deidentification
        read = rooms.read_recipe(version, document)
        report = rooms.deidentify(version, read, project, by=actor, progress=show_progress())
    _say(report, as_json)


@dataset.command("run")
@click.argument("version")
@click.option("--cancel", is_flag=True, help="Give up the run that waits.")
@_options
def show_run(version: str, cancel: bool, home: Path, person: str, as_json: bool) -> None:
    """Show how far a de-identification is."""
    with acting(home, person) as (house, actor):
        if cancel:
            house.runs.cancel(version, by=actor)
        view = house.runs.find_latest(version)
    _say(view or [], as_json)


@dataset.command("risk-report")
@click.argument("version")
@_options
def risk_report(version: str, home: Path, person: str, as_json: bool) -> None:
    """Show a risk report. The second person reads it before signing it by its id."""
    with acting(home, person) as (house, _):
        report = house.deidentification.find_report(version)
    _say(report or [], as_json)


@dataset.command()
@click.argument("version")
@click.option("--report", "report_id", required=True, help="The id of the report that was read.")
@_options
def sign(version: str, report_id: str, home: Path, person: str, as_json: bool) -> None:
    """Sign the risk report as a second person."""
    with acting(home, person) as (house, actor):
        report = house.deidentification.sign_risk_report(version, report_id, by=actor)
    _say(report, as_json)


@dataset.command()
@click.argument("version")
@_options
def store(version: str, home: Path, person: str, as_json: bool) -> None:
    """Keep the de-identified tables. The key of the identified rows is destroyed."""
    with acting(home, person) as (house, actor):
        holding = house.holdings.store(version, by=actor)
    _say(holding, as_json)


@dataset.command()
@click.argument("version")
@_options
def archive(version: str, home: Path, person: str, as_json: bool) -> None:
    """Archive a version after a fixity check."""
    with acting(home, person) as (house, actor):
        holding = house.holdings.archive(version, by=actor)
    _say(holding, as_json)


@dataset.command("request-destruction")
@click.argument("version")
@click.option("--reason", required=True)
@_options
def request_destruction(version: str, reason: str, home: Path, person: str, as_json: bool) -> None:
    """Ask for the destruction of a version. Another person approves."""
    with acting(home, person) as (house, actor):
        destruction = house.destruction.request(version, reason, by=actor)
    _say(destruction, as_json)


@dataset.command("approve-destruction")
@click.argument("version")
@_options
def approve_destruction(version: str, home: Path, person: str, as_json: bool) -> None:
    """Approve a destruction as a second person. There is no way back."""
    with acting(home, person) as (house, actor):
        certificate = house.destruction.approve(version, by=actor)
    _say(certificate, as_json)


def _document(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise click.BadParameter(f"{path.name} is not JSON in UTF-8.") from None
    if not isinstance(document, dict):
        raise click.BadParameter(f"{path.name} is not a JSON object.")
    return document
