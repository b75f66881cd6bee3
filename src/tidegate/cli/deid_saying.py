"""What the commands of `tidegate deid` share: options, progress, words, and a report's pages."""

import json
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from tidegate.deid.files.model import Outcome, Progress
from tidegate.kernel.errors import InvalidError

FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
NEW = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
_LANGUAGES = ("en", "zh-Hant", "zh-Hans")
IN_LANGUAGE = click.option(
    "--language",
    type=click.Choice(_LANGUAGES),
    default="en",
    show_default=True,
    help="Of page and PDF.",
)
FONT = click.option("--font", type=FILE, help="A font with the report's characters, for the PDF.")
FORCE = click.option("--force", is_flag=True, help="Replace files that are there.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Answer with one line of JSON.")


def named(*places: Path | None) -> list[Path]:
    """Return the places that were named."""
    return [place for place in places if place is not None]


def tool() -> str:
    """Return the name and version that stand in reports."""
    return f"tidegate {version('tidegate')}"


def show_progress() -> Progress:
    """Return a progress line on standard error; steps of five per cent where nobody watches.

    That loops are compiled first is said whatever the share, since nothing moves meanwhile.
    """
    shown = [-1]
    is_watched = sys.stderr.isatty()

    def show(share: float, words: str) -> None:
        step = int(share * 100) if is_watched else int(share * 20) * 5
        if step <= shown[0] and not words.startswith("compiling"):
            return
        shown[0] = step
        line = f"{step:3d}% {words}"
        click.echo(
            f"\r{line:<30}" if is_watched and step < 100 else line,
            err=True,
            nl=not is_watched or step == 100,
        )

    return show


def tell(outcome: Outcome, as_json: bool) -> None:
    """Say what was published, in lines or in one line of JSON."""
    told = outcome.report
    if as_json:
        picked = ("criteria", "classes", "risks", "suppression", "output")
        click.echo(json.dumps({"out": str(outcome.out)} | {key: told[key] for key in picked}))
        return
    click.echo(
        f"{outcome.out}: {outcome.published} of {outcome.received} records in"
        f" {told['classes']['count']} classes, the smallest of {told['classes']['smallest']};"
        f" {outcome.suppressed} left out."
    )
    print_criteria(told["criteria"])
    for risk in told["risks"]:
        click.echo(f"  {risk['attacker']}: at most {risk['greatest']}, on average {risk['mean']}")
    for one in told.get("attacks", ()):
        click.echo(
            f"  {one['attack']}: {one['rate']} succeed ({one['low']} to {one['high']}),"
            f" {one['baseline']} without the table"
        )


def print_criteria(criteria: list[dict[str, Any]]) -> None:
    """Print each criterion: what was asked, what was counted, whether that is enough."""
    for one in criteria:
        about = f" of {one['column']}" if one["column"] else ""
        verdict = "holds" if one["holds"] else "DOES NOT HOLD"
        name = one["criterion"]
        click.echo(f"  {name}{about}: asked {one['asked']}, achieved {one['achieved']}, {verdict}")


def read_report(path: Path) -> str:
    """Return a report's text. Raises InvalidError if it is none."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InvalidError(
            f"{path} is not UTF-8 text; give the file that --report wrote.", code="report_not_json"
        ) from None


def pages_of(told: dict[str, Any], said: dict[str, Any]) -> Iterator[tuple[Path, bytes]]:
    """Yield what pages of a report were asked for, each with its place."""
    if said["html"] is None and said["pdf"] is None:
        return
    from functools import partial  # noqa: PLC0415 - only here

    from tidegate.deid.reports.service import html_of, page_of, pdf_of  # noqa: PLC0415
    from tidegate.kernel.text import Language  # noqa: PLC0415
    from tidegate.web.messages import words  # noqa: PLC0415

    page = page_of(told, said["language"], partial(words, Language(said["language"])))
    if said["html"] is not None:
        yield said["html"], html_of(page).encode()
    if said["pdf"] is not None:
        yield said["pdf"], pdf_of(page, said["font"])
