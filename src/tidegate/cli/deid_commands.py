"""`tidegate deid table | verify | propose | report`: anonymise a table with no node at all."""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

import click

from tidegate.deid.files.model import FileOrder, Outcome, Progress
from tidegate.deid.recipe.model import Role, TableRecipe
from tidegate.deid.recipe.service import document as recipe_document
from tidegate.deid.recipe.service import read as read_recipe
from tidegate.deid.tables.model import Method
from tidegate.kernel.errors import InvalidError

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
_NEW = click.Path(path_type=Path, dir_okay=False)
_LANGUAGES = ("en", "zh-Hant", "zh-Hans")
_IN_LANGUAGE = click.option(
    "--language",
    type=click.Choice(_LANGUAGES),
    default="en",
    show_default=True,
    help="Of page and PDF.",
)
_FORCE = click.option("--force", is_flag=True, help="Replace files that are there.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Answer with one line of JSON.")


@click.group()
def deid() -> None:
    """Anonymise tables and verify them; no node."""


@deid.command()
@click.argument("file", type=_FILE)
@click.option("--out", type=_NEW, required=True, help="The anonymised table to write.")
@click.option("--report", type=_NEW, required=True, help="The report to write, as JSON.")
@click.option("--recipe", "recipe_file", type=_FILE, help="A recipe, in place of the options.")
@click.option("--qi", metavar="COLUMNS", default="", help="Quasi-identifiers: a,b,c.")
@click.option("--sensitive", metavar="COLUMNS", default="", help="Sensitive columns: a,b.")
@click.option("--k", type=click.IntRange(2), help="The smallest class; 11 if nothing is said.")
@click.option("--l", "distinct_l", metavar="L", default="", help="Distinct l-diversity.")
@click.option("--entropy-l", metavar="L", default="", help="Entropy l-diversity.")
@click.option("--recursive-l", metavar="C,L", default="", help="Recursive (c,l)-diversity.")
@click.option("--t", metavar="T", default="", help="t-closeness.")
@click.option(
    "--distance",
    type=click.Choice(["equal", "ordered", "hierarchical"]),
    default="equal",
    help="The distance of t-closeness.",
)
@click.option("--delta", metavar="LEAST,MOST", default="", help="Delta-presence.")
@click.option(
    "--risk", metavar="ATTACKER=MOST", multiple=True,
    help="A largest risk, as in prosecutor=0.09; also journalist, marketer.",
)  # fmt: skip
@click.option(
    "--population", type=_FILE, help="People the journalist knows, with the same columns."
)
@click.option("--suppression", default="", help="The share of records that may be left out.")
@click.option(
    "--method", type=click.Choice([each.value for each in Method]), help="Local if not said."
)
@click.option(
    "--hierarchy", metavar="COLUMN=KIND", multiple=True,
    help="A kind (icd10, place, date, …) or a file of leaf;level;…;*; guessed if not said.",
)  # fmt: skip
@click.option(
    "--weight", metavar="COLUMN=N", multiple=True, help="How much a column's loss counts."
)
@click.option("--empty", metavar="COLUMNS", default="", help="Columns whose values go.")
@click.option("--remove", metavar="COLUMNS", default="", help="Columns that go.")
@click.option("--pseudonymise", metavar="COLUMNS", default="", help="Columns to give keyed names.")
@click.option("--key-file", type=_FILE, help="The key of pseudonyms: a file of 32 bytes or more.")
@click.option(
    "--keep",
    metavar="COLUMNS",
    default="",
    help="Columns that identify nobody, whatever they look like.",
)
@click.option("--keep-order", is_flag=True, help="Leave the records in the received order.")
@click.option(
    "--delimiter", default="", help="Between fields; found in the first line if not said."
)
@click.option(
    "--regression", metavar="Y~A+B", multiple=True,
    help="A model to fit before and after: y~a+b, or y=event~a+b. Of named columns.",
)  # fmt: skip
@click.option(
    "--survival", metavar="TIME,STATUS=EVENT", multiple=True,
    help="A survival curve to draw before and after; ,COLUMN for one each. Of named columns.",
)  # fmt: skip
@click.option(
    "--targets", type=click.IntRange(0), default=500, show_default=True,
    help="Records each attack is tried on; 0 for no attack.",
)  # fmt: skip
@click.option("--html", type=_NEW, help="Also write the report as a page.")
@click.option("--pdf", type=_NEW, help="Also write the report as PDF.")
@_IN_LANGUAGE
@_FORCE
@AS_JSON
def table(file: Path, out: Path, report: Path, as_json: bool, **said: Any) -> None:
    """Anonymise FILE, verify it, write a report.

    FILE is CSV in UTF-8 with a line of names; the published file keeps the names and their order.
    Columns that look like direct identifiers are emptied and named; --keep leaves one as it is.
    Nothing is published that the independent verifier does not bear out.
    """
    from tidegate.cli.deid_recipes import (  # noqa: PLC0415 - loads numpy and pyarrow
        measures_from_options,
        recipe_from_file,
        recipe_from_options,
    )
    from tidegate.deid.files.service import check_free, publish  # noqa: PLC0415 - numpy, pyarrow

    check_free(_named(said["html"], said["pdf"]), may_replace=said["force"])
    if said["recipe_file"] is not None:
        recipe = recipe_from_file(said)
    else:
        recipe, notes = recipe_from_options(file, said)
        for note in notes:
            click.echo(note, err=True)
    order = FileOrder(
        source=file,
        out=out,
        report=report,
        recipe=recipe,
        key=said["key_file"].read_bytes() if said["key_file"] else b"",
        population=said["population"],
        may_replace=said["force"],
        delimiter=said["delimiter"],
        measures=measures_from_options(said),
    )
    outcome = publish(order, _tool(), _progress())
    _pages(outcome.report, said)
    _tell(outcome, as_json)


def _named(*places: Path | None) -> list[Path]:
    return [place for place in places if place is not None]


def _tool() -> str:
    return f"tidegate {version('tidegate')}"


def _progress() -> Progress:
    """Return a progress line on standard error; steps of five per cent where nobody watches."""
    shown = [-1]
    is_watched = sys.stderr.isatty()

    def tell(share: float, words: str) -> None:
        step = int(share * 100) if is_watched else int(share * 20) * 5
        if step <= shown[0]:
            return
        shown[0] = step
        line = f"{step:3d}% {words}"
        click.echo(
            f"\r{line:<30}" if is_watched and step < 100 else line,
            err=True,
            nl=not is_watched or step == 100,
        )

    return tell


def _tell(outcome: Outcome, as_json: bool) -> None:
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
    _print_criteria(told["criteria"])
    for risk in told["risks"]:
        click.echo(f"  {risk['attacker']}: at most {risk['greatest']}, on average {risk['mean']}")
    for one in told.get("attacks", ()):
        click.echo(
            f"  {one['attack']}: {one['rate']} succeed ({one['low']} to {one['high']}),"
            f" {one['baseline']} without the table"
        )


def _print_criteria(criteria: list[dict[str, Any]]) -> None:
    for one in criteria:
        about = f" of {one['column']}" if one["column"] else ""
        verdict = "holds" if one["holds"] else "DOES NOT HOLD"
        name = one["criterion"]
        click.echo(f"  {name}{about}: asked {one['asked']}, achieved {one['achieved']}, {verdict}")


@deid.command()
@click.argument("out", type=_FILE)
@click.option("--report", type=_FILE, required=True, help="The report that was written with it.")
@AS_JSON
def verify(out: Path, report: Path, as_json: bool) -> NoReturn:
    """Count every guarantee of OUT again.

    From the file alone, and compared with what its report says. Exit 0: everything holds. Exit 1:
    something does not. Exit 2: the report cannot be read, or a criterion is about a population
    that is not here.
    """
    import msgspec  # noqa: PLC0415 - only here

    from tidegate.deid.reports.service import check_published  # noqa: PLC0415 - numpy, pyarrow

    checked = check_published(out, report.read_text(encoding="utf-8"))
    if as_json:
        click.echo(msgspec.json.encode(checked.document()).decode())
    else:
        click.echo(f"{out}: {checked.records} records in {checked.classes} classes.")
        _print_criteria(checked.criteria)
        for words in checked.faults:
            click.echo(words)
        for name in checked.unverified:
            click.echo(f"{name} is about a population and cannot be verified from the file alone.")
        click.echo(checked.verdict)
    sys.exit(checked.exit_code)


@deid.command()
@click.argument("file", type=_FILE)
@click.option("--out", type=_NEW, help="Where to write the recipe; standard output if not said.")
@click.option(
    "--k", type=click.IntRange(2), default=11, show_default=True, help="Of the proposed recipe."
)
@click.option(
    "--delimiter", default="", help="Between fields; found in the first line if not said."
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def propose(file: Path, out: Path | None, k: int, delimiter: str, force: bool) -> None:
    """Propose a recipe for FILE.

    A role for every column, from its name and values, for a person to correct and confirm.
    """
    from tidegate.deid.files.service import check_free, sample  # noqa: PLC0415 - loads pyarrow
    from tidegate.deid.recipe.service import propose as propose_roles  # noqa: PLC0415
    from tidegate.deid.recipe.service import recipe_of  # noqa: PLC0415

    _, columns = sample(file, delimiter)
    proposals = propose_roles(columns)
    recipe = recipe_of(proposals, k)
    for each in proposals:
        kind = f" ({each.plan.kind})" if each.plan.kind else ""
        click.echo(f"{each.plan.name}: {each.plan.role.value}{kind}, by {each.reason}", err=True)
    if not recipe.of_role(Role.QUASI):
        click.echo("No column looks like a quasi-identifier; give some that role.", err=True)
    _write_recipe(recipe, out, force=force, check=check_free)


def _write_recipe(recipe: TableRecipe, out: Path | None, *, force: bool, check: Any) -> None:
    text = json.dumps(recipe_document(recipe), ensure_ascii=False, indent=2)
    if out is None:
        click.echo(text)
        return
    check((out,), may_replace=force)
    out.write_text(text + "\n", encoding="utf-8")
    click.echo(str(out))


@deid.command()
@click.argument("before", type=_FILE)
@click.argument("after", type=_FILE)
def compare(before: Path, after: Path) -> None:
    """Say where two recipes differ, line by line."""
    from tidegate.deid.recipe.service import compare as compare_recipes  # noqa: PLC0415 - only here

    recipes = [read_recipe(path.read_text(encoding="utf-8")) for path in (before, after)]
    found = compare_recipes(recipes[0], recipes[1])
    for each in found:
        click.echo(f"{each.where}: {each.before or '—'} → {each.after or '—'}")
    if not found:
        click.echo("The recipes are the same.")


@deid.command()
@click.argument("report", type=_FILE)
@click.option("--html", type=_NEW, help="Write the report as a page.")
@click.option("--pdf", type=_NEW, help="Write the report as PDF.")
@click.option("--font", type=_FILE, help="A font with the language's characters, for the PDF.")
@_IN_LANGUAGE
@_FORCE
def report(report: Path, html: Path | None, pdf: Path | None, force: bool, **said: Any) -> None:
    """Write REPORT as a page or as PDF."""
    from tidegate.deid.files.service import check_free  # noqa: PLC0415 - numpy, pyarrow
    from tidegate.deid.reports.service import read  # noqa: PLC0415 - only here

    if html is None and pdf is None:
        raise InvalidError("Say --html or --pdf, or both.", code="report_form_missing")
    check_free(_named(html, pdf), may_replace=force)
    told = read(report.read_text(encoding="utf-8"))
    _pages(told, {"html": html, "pdf": pdf, **said})


def _pages(told: dict[str, Any], said: dict[str, Any]) -> None:
    if said["html"] is None and said["pdf"] is None:
        return
    from functools import partial  # noqa: PLC0415 - only here

    from tidegate.deid.reports.service import html_of, page_of, pdf_of  # noqa: PLC0415
    from tidegate.kernel.text import Language  # noqa: PLC0415
    from tidegate.web.messages import words  # noqa: PLC0415

    page = page_of(told, said["language"], partial(words, Language(said["language"])))
    if said["html"] is not None:
        said["html"].write_text(html_of(page), encoding="utf-8")
    if said["pdf"] is not None:
        said["pdf"].write_bytes(pdf_of(page, said.get("font")))
