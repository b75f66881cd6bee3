"""`tidegate deid table | verify | propose | report`: anonymise a table with no node at all."""

import json
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from tidegate.cli.deid_saying import (
    AS_JSON,
    FILE,
    FOLDER,
    FONT,
    FORCE,
    IN_LANGUAGE,
    NEW,
    named,
    pages_of,
    print_criteria,
    read_report,
)
from tidegate.cli.deid_table import table
from tidegate.deid.recipe.model import Role, TableRecipe
from tidegate.deid.recipe.service import document as recipe_document
from tidegate.deid.recipe.service import read as read_recipe
from tidegate.kernel.errors import InvalidError


@click.group()
def deid() -> None:
    """Anonymise tables and verify them; no node."""


deid.add_command(table)


@deid.command()
@click.argument("out", type=FILE)
@click.option("--report", type=FILE, required=True, help="The report that was written with it.")
@click.option("--population", type=FILE, help="The people that a criterion is about.")
@click.option("--covers", type=FILE, help="What was written at --covers with that population.")
@click.option("--releases", type=FOLDER, help="The folder where the table's releases are kept.")
@click.option("--key-file", type=FILE, help="The key that they are kept under.")
@AS_JSON
def verify(out: Path, report: Path, as_json: bool, **said: Any) -> NoReturn:
    """Count every guarantee of OUT again.

    From the file alone, and compared with what its report says. Criteria about a population take
    that population's file and the one written at --covers; a release of a table that grows takes
    its folder and key. Exit 0: everything holds. Exit 1: something does not. Exit 2: the report
    cannot be read, or something is open until what it takes is named.
    """
    import msgspec  # noqa: PLC0415 - only here

    from tidegate.deid.reports.model import Besides  # noqa: PLC0415
    from tidegate.deid.reports.service import check_published  # noqa: PLC0415 - numpy, pyarrow

    key = said["key_file"].read_bytes() if said["key_file"] else b""
    besides = Besides(said["population"], said["covers"], said["releases"], key)
    checked = check_published(out, read_report(report), besides)
    if as_json:
        click.echo(msgspec.json.encode(checked.document()).decode())
    else:
        click.echo(f"{out}: {checked.records} records in {checked.classes} classes.")
        print_criteria(checked.criteria)
        for words in (*checked.faults, *checked.unverified):
            click.echo(words)
        click.echo(checked.verdict)
    sys.exit(checked.exit_code)


@deid.command()
@click.argument("file", type=FILE)
@click.option("--out", type=NEW, help="Where to write the recipe; standard output if not said.")
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
    from tidegate.deid.files.service import sample  # noqa: PLC0415 - loads pyarrow
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
    _write_recipe(recipe, file, out, force=force)


def _write_recipe(recipe: TableRecipe, file: Path, out: Path | None, *, force: bool) -> None:
    from tidegate.deid.files.service import check_apart, check_free, put  # noqa: PLC0415

    text = json.dumps(recipe_document(recipe), ensure_ascii=False, indent=2)
    if out is None:
        click.echo(text)
        return
    check_apart((file,), (out,))
    check_free((out,), may_replace=force)
    put(out, f"{text}\n".encode())
    click.echo(str(out))


@deid.command()
@click.argument("before", type=FILE)
@click.argument("after", type=FILE)
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
@click.argument("report", type=FILE)
@click.option("--html", type=NEW, help="Write the report as a page.")
@click.option("--pdf", type=NEW, help="Write the report as PDF.")
@FONT
@IN_LANGUAGE
@FORCE
def report(report: Path, html: Path | None, pdf: Path | None, force: bool, **said: Any) -> None:
    """Write REPORT as a page or as PDF."""
    from tidegate.deid.files.service import check_apart, check_free, put  # noqa: PLC0415
    from tidegate.deid.reports.service import read  # noqa: PLC0415 - only here

    if html is None and pdf is None:
        raise InvalidError("Say --html or --pdf, or both.", code="report_form_missing")
    check_apart(named(report, said["font"]), named(html, pdf))
    check_free(named(html, pdf), may_replace=force)
    told = read(read_report(report))
    for place, page in list(pages_of(told, {"html": html, "pdf": pdf, **said})):
        put(place, page)
