"""`tidegate deid table`: publish a file anonymised and verified, or publish nothing."""

from pathlib import Path
from typing import Any

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
    show_progress,
    tell,
    tool,
)
from tidegate.deid.files.model import FileOrder, Mend, Series
from tidegate.deid.recipe.model import TableRecipe
from tidegate.deid.tables.model import Method
from tidegate.kernel.errors import InvalidError


@click.command()
@click.argument("file", type=FILE)
@click.option("--out", type=NEW, required=True, help="The anonymised table to write.")
@click.option("--report", type=NEW, required=True, help="The report to write, as JSON.")
@click.option("--recipe", "recipe_file", type=FILE, help="A recipe, in place of the options.")
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
@click.option("--population", type=FILE, help="People the journalist knows, with the same columns.")
@click.option("--covers", type=NEW, help="Write what is needed to verify with that population.")
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
@click.option("--key-file", type=FILE, help="The key of pseudonyms and releases: 32 bytes or more.")
@click.option(
    "--releases", type=FOLDER,
    help="A table that grows: the folder where its releases are kept, and checked together.",
)  # fmt: skip
@click.option("--person", metavar="COLUMN", default="", help="Who a record is about, for that.")
@click.option("--first-release", is_flag=True, help="No release is kept in the folder yet.")
@click.option(
    "--mend", type=click.Choice([each.value for each in Mend if each]), default=None,
    help="Change a release, and no more than is needed, that may not stand beside the earlier ones:"
    " leave records out, or publish classes as one.",
)  # fmt: skip
@click.option(
    "--keep",
    metavar="COLUMNS",
    default="",
    help="Columns that identify nobody, whatever they look like.",
)
@click.option("--keep-formulas", is_flag=True, help="Publish cells that a spreadsheet would run.")
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
    help="Records each attack is tried on; 0 for no attack, as for more than 2,000,000 records.",
)  # fmt: skip
@click.option("--html", type=NEW, help="Also write the report as a page.")
@click.option("--pdf", type=NEW, help="Also write the report as PDF.")
@FONT
@IN_LANGUAGE
@FORCE
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
    from tidegate.deid.files.service import (  # noqa: PLC0415 - numpy, pyarrow
        check_apart,
        check_free,
        publish,
    )
    from tidegate.deid.reports.service import check_printable  # noqa: PLC0415

    pages = named(said["html"], said["pdf"])
    _check_pages(file, out, report, said, check_apart)
    check_free(pages, may_replace=said["force"])
    if said["recipe_file"] is not None:
        recipe = recipe_from_file(said)
    else:
        recipe, notes = recipe_from_options(file, said)
        for note in notes:
            click.echo(note, err=True)
    if said["pdf"] is not None:
        check_printable(said["language"], _names_in(recipe), said["font"])
    if said["population"] is not None and said["covers"] is None:
        click.echo(_NO_COVERS, err=True)
    order = FileOrder(
        source=file,
        out=out,
        report=report,
        recipe=recipe,
        key=said["key_file"].read_bytes() if said["key_file"] else b"",
        population=said["population"],
        covers=said["covers"],
        series=_series(said),
        may_replace=said["force"],
        delimiter=said["delimiter"],
        measures=measures_from_options(said),
        pages=lambda told: pages_of(told, said),
        keep_formulas=said["keep_formulas"],
    )
    tell(publish(order, tool(), show_progress()), as_json)


_NO_COVERS = (
    "What is about the population can be verified later only with the file that --covers writes;"
    " none is written."
)


def _series(said: dict[str, Any]) -> Series | None:
    asked = [name for name in ("person", "first_release", "mend") if said[name]]
    if said["releases"] is None:
        if asked:
            raise InvalidError(
                f"--{asked[0].replace('_', '-')} is about a table that grows; name the folder where"
                " its releases are kept with --releases.",
                code="releases_missing",
            )
        return None
    if not said["person"]:
        raise InvalidError(
            "Releases are held beside each other person by person; name the column that tells"
            " people apart with --person.",
            code="person_role",
        )
    return Series(
        said["releases"], said["person"], is_first=said["first_release"],
        mend=Mend(said["mend"] or ""),
    )  # fmt: skip


def _check_pages(
    file: Path, out: Path, report: Path, said: dict[str, Any], check_apart: Any
) -> None:
    """Refuse to write over anything that is read, or two things to one place."""
    read = named(file, said["population"], said["recipe_file"], said["key_file"], said["font"])
    trees = [Path(one.rpartition("=")[2]) for one in said["hierarchy"]]
    read += [path for path in trees if path.is_file()]
    check_apart(read, [out, report, *named(said["covers"], said["html"], said["pdf"])])


def _names_in(recipe: TableRecipe) -> str:
    """Return the texts of a recipe that a report shows."""
    return recipe.name + "".join(plan.name for plan in recipe.columns)
