"""`tidegate evidence export | verify | show`."""

import json
import sys
from pathlib import Path
from typing import Any, NoReturn

import click
import msgspec

from tidegate.audit.bundle.model import Life, LifeEvent, Report
from tidegate.cli.people_options import as_option
from tidegate.kernel.text import printable

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
HOME = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    required=True,
    help="The node's directory.",
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Answer with one line of JSON.")
_LONGEST_LINE = 4000
_SHOWN_WHY = 6  # reasons on a line of the life report; --json has them all


@click.group()
def evidence() -> None:
    """Export a node's evidence, verify a bundle, read the log."""


@evidence.command()
@click.argument("bundle", type=click.Path(path_type=Path, dir_okay=False))
@HOME
@click.option("--include", multiple=True, type=_FILE, help="Another node's bundle to merge in.")
@as_option(does="exports")
@AS_JSON
def export(bundle: Path, home: Path, include: tuple[Path, ...], person: str, as_json: bool) -> None:
    """Write the evidence of the node in HOME to BUNDLE.

    It is verified before it gets its name.
    """
    from tidegate.cli.dataset_commands import acting  # noqa: PLC0415 - opens a node, needed here

    with acting(home, person) as (house, actor):
        report = house.evidence.export(bundle, by=actor, include=include)
    leaves = sum(log.leaves for log in report.logs)
    answer = {"bundle": str(bundle), "logs": len(report.logs), "leaves": leaves}
    words = f"{bundle}: {leaves} leaves of {len(report.logs)} logs, {report.members} members."
    click.echo(json.dumps(answer) if as_json else words)


@evidence.command()
@click.argument("bundle", type=_FILE)
@click.option("--trust", type=_FILE, help="The space's trust file, space.json.")
@AS_JSON
def verify(bundle: Path, trust: Path | None, as_json: bool) -> NoReturn:
    """Verify BUNDLE offline and tell the life of each dataset version.

    Exit 0: verified. Exit 1: something was changed or is missing; the member is named. Exit 2:
    consistent, but unauthenticated, since no trust file was given; or the one that was given
    cannot be read, and nothing was verified.
    """
    from tidegate.audit.bundle.service import verify_files  # noqa: PLC0415 - signatures, only here

    report = verify_files(bundle, trust)
    if as_json:
        click.echo(json.dumps({"verdict": report.verdict, **msgspec.to_builtins(report)}))
    else:
        _print(report)
    sys.exit(report.exit_code)


@evidence.command()
@HOME
@click.argument("subject", default="")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 500))
@AS_JSON
def show(home: Path, subject: str, limit: int, as_json: bool) -> None:
    """Show the chain of SUBJECT, or the newest leaves. SUBJECT is as in version:ver_….

    A subject that nothing is about is said to be unknown, with exit code 3.
    """
    from tidegate.cli.dataset_commands import acting  # noqa: PLC0415 - opens a node, needed here

    with acting(home, "") as (house, actor):
        house.evidence.check_may_read(actor)
        leaves = (
            house.evidence.get_chain(subject)
            if subject
            else house.evidence.list_leaves(limit=limit)
        )
    for leaf in leaves:
        entry = leaf.entry
        if as_json:
            click.echo(entry.canonical().decode())
        else:
            _say(
                f"{leaf.position:>7}  {entry.at}  {entry.did}  {entry.to} #{entry.number}"
                f"  by {entry.by}  {_reasons(entry.why)}"
            )


def _say(line: str) -> None:
    """Print a line of what nodes wrote themselves, which must not look like others of ours."""
    click.echo(printable(line, _LONGEST_LINE))


def _print(report: Report) -> None:
    for log in report.logs:
        by = f"; {log.witnessed} witnessed by {', '.join(log.witnesses)}" if log.witnesses else ""
        _say(
            f"{log.name} ({log.did}): {log.leaves} leaves about {log.subjects} subjects,"
            f" {log.checkpoints} checkpoints{by}."
        )
    for life in report.lives:
        _print_life(life)
    for remark in report.remarks:
        _say(f"Remark: {remark}")
    for flaw in report.flaws:
        _say(f"{flaw.member}: {flaw.problem}")
    click.echo(f"\n{report.verdict}" if not report.flaws else f"{report.verdict}: see above")


def _print_life(life: Life) -> None:
    click.echo("")
    _say(f"The life of {life.version} at {life.keeper}")
    for event in life.events:
        _say(f"  {_line(event)}")
    click.echo("")


def _line(event: LifeEvent) -> str:
    premis = f" [{event.premis}]" if event.premis else ""
    return (
        f"{event.at}  {event.event}{premis}  {event.subject} #{event.number}"
        f"  at {event.node}, leaf {event.position}, by {event.by}  {_reasons(event.why)}"
    ).rstrip()


def _reasons(why: Any) -> str:
    """Show the first plain reasons of a leaf; hashes are cut, nested ones left to --json."""
    plain = [
        f"{name}={_cut(value)}"
        for name, value in why.items()
        if isinstance(value, str | int) and value != ""
    ]
    more = "…" if len(plain) > _SHOWN_WHY else ""
    return " ".join(plain[:_SHOWN_WHY]) + more


def _cut(value: str | int) -> str:
    text = str(value)
    is_hash = len(text) == 64 and set(text) <= set("0123456789abcdef")
    return f"{text[:12]}…" if is_hash else text
