"""Anonymise a file: read it, recode it, write it beside, verify it anew, and only then publish it.

Nothing is lost: every received record is published or counted as suppressed. A run that is stopped
leaves no file under the name that was asked for.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tidegate.deid.errors import NotAnonymousError, RecipeInvalidError
from tidegate.deid.files.coding import Coded, encode
from tidegate.deid.files.large import disk_for, recode
from tidegate.deid.files.model import FileOrder, Outcome, Progress, Received, silently
from tidegate.deid.files.places import beside, check_apart, check_free, put, settle, write_whole
from tidegate.deid.files.publishing import texts_of
from tidegate.deid.files.reading import digest_of, iterate_batches, receive
from tidegate.deid.files.releasing import Release, earlier_releases, hold_beside
from tidegate.deid.files.writing import published_names, write_published
from tidegate.deid.hierarchies.model import Counts
from tidegate.deid.hierarchies.service import count
from tidegate.deid.pseudonyms import Pseudonymiser
from tidegate.deid.recipe.model import Action, Role
from tidegate.deid.recipe.question import claimed, only_published, question_of
from tidegate.deid.recipe.service import digest
from tidegate.deid.reports import documents
from tidegate.deid.reports.measures import measure_all
from tidegate.deid.reports.model import Publication
from tidegate.deid.tables.model import (
    SUPPRESSED,
    Question,
    Recoding,
)
from tidegate.deid.verifier.model import Claim, Population, Verdict
from tidegate.kernel.canonical import sha256_hex
from tidegate.kernel.failpoint import failpoint
from tidegate.kernel.values import dataclass

__all__ = ["check_apart", "check_free", "publish", "put", "sample"]

_LEAST_KEY = 32
_SAMPLED = 100_000
_STEPS: Mapping[str, tuple[float, float]] = {
    "reading": (0.0, 0.1),
    "recoding": (0.1, 0.8),
    "writing": (0.8, 0.9),
    "verifying": (0.9, 1.0),
}


def publish(order: FileOrder, tool: str, progress: Progress = silently) -> Outcome:
    """Publish an anonymised file and its report, or nothing.

    Raises FileExistsAlreadyError, TableUnreadableError, RecipeInvalidError, HierarchyError,
    NotAnonymousError (no recoding reaches the criteria), or NotBorneOutError (the verifier found
    the written file wanting; it is deleted).
    """
    _check_places(order)
    folder = disk_for(order.source, order.out)
    names = _pseudonymiser(order)
    with earlier_releases(order) as earlier:
        received = receive(order.source, order.delimiter)
        population = receive(order.population) if order.population else None
        coded = encode(received, order.recipe, population, _part(progress, "reading"), folder)
        question = question_of(coded.recipe, coded.population)
        recoding = recode(coded.table, question, folder, _part(progress, "recoding"))
        release = None
        if earlier is not None:
            recoding, release = hold_beside(earlier, received, coded.table, question, recoding)
        _check_nothing_lost(coded, recoding, question)
        done = _Written(order, received, coded, recoding, population, release)
        told = _put(done, names, tool, progress)
    progress(1.0, "done")
    rows, left = coded.table.rows, int((recoding.classes == SUPPRESSED).sum())
    return Outcome(told, order.out, rows, rows - left, left)


def sample(path: Path, delimiter: str = "") -> tuple[Received, dict[str, Counts]]:
    """Read the first hundred thousand records and count each column's values."""
    received = receive(path, delimiter)
    gathered: dict[str, list[str]] = {name: [] for name in received.names}
    rows = 0
    for batch in iterate_batches(received):
        for name, values in gathered.items():
            values += batch.column(name).slice(0, _SAMPLED - rows).to_pylist()
        rows += batch.num_rows
        if rows >= _SAMPLED:
            break
    return received, {name: count(values) for name, values in gathered.items()}


@dataclass(frozen=True, slots=True)
class _Written:
    order: FileOrder
    received: Received
    coded: Coded
    recoding: Recoding
    population: Received | None
    release: Release | None


def _put(
    done: _Written, names: Pseudonymiser | None, tool: str, progress: Progress
) -> dict[str, Any]:
    """Write everything beside its place, have it verified, and only then give it its name.

    The table is last: a report, or what is kept of a release, without its table is found wanting;
    a table without its report would be taken on trust.
    """
    order, recipe = done.order, done.coded.recipe
    with ExitStack() as held:
        out = held.enter_context(beside(order.out))
        write_published(
            out,
            done.received,
            recipe,
            done.recoding.classes,
            texts_of(done.coded.table, done.recoding, recipe),
            names,
            _part(progress, "writing"),
            keep_formulas=order.keep_formulas,
        )
        failpoint("deid.file_written")
        told, more = _verified(done, out, tool, _part(progress, "verifying"))
        made = [*more, *order.pages(told), (order.report, documents.write(told))]
        named = []
        for place, data in made:
            own = held.enter_context(beside(place))
            write_whole(own, data)
            named.append((own, place))
        failpoint("deid.file_verified")
        for own, place in named:
            own.replace(place)
        settle(*(place.parent for _, place in named))
        failpoint("deid.report_named")
        out.replace(order.out)
        settle(order.out.parent)
    return told


def _check_places(order: FileOrder) -> None:
    read = [place for place in (order.source, order.population) if place is not None]
    made = [place for place in (order.out, order.report, order.covers) if place is not None]
    check_apart(read, made)
    if order.out.suffix == ".parquet":
        raise RecipeInvalidError(
            "The published file is CSV; give it a name that does not end in .parquet.",
            code="files_form",
        )
    check_free(made, may_replace=order.may_replace)


def _pseudonymiser(order: FileOrder) -> Pseudonymiser | None:
    if not any(plan.action is Action.PSEUDONYMISE for plan in order.recipe.columns):
        return None
    if len(order.key) < _LEAST_KEY:
        raise RecipeInvalidError(
            f"The recipe makes pseudonyms; give a key of at least {_LEAST_KEY} bytes with"
            " --key-file.",
            code="key_missing",
        )
    return Pseudonymiser(order.key)


def _part(progress: Progress, step: str) -> Progress:
    low, high = _STEPS[step]
    return lambda share, words: progress(low + (high - low) * min(max(share, 0.0), 1.0), words)


def _check_nothing_lost(coded: Coded, recoding: Recoding, question: Question) -> None:
    """Refuse an answer that does not speak about every record, or leaves out too many."""
    left = int((recoding.classes == SUPPRESSED).sum())
    if len(recoding.classes) != coded.table.rows or left > coded.recipe.most_suppressed * (
        coded.table.rows
    ):
        raise NotAnonymousError(
            f"{left} of {coded.table.rows} records would have to be left out, more than the"
            f" recipe's share of {coded.recipe.suppression}; allow more, or ask for less.",
            code="suppression_exceeded",
        )
    if left == coded.table.rows:
        raise NotAnonymousError(
            f"Fewer than {question.k} records fit together, so none can be published; ask for"
            " less, or bring more records.",
            code="nothing_left",
        )


def _verified(
    written: _Written, out: Path, tool: str, progress: Progress
) -> tuple[dict[str, Any], list[tuple[Path, bytes]]]:
    """Verify what stands on the disk by the independent reader.

    Returns the report's document, and what else is to be kept.
    """
    from tidegate.deid.verifier.service import require, verify  # noqa: PLC0415 - numpy, pyarrow

    progress(0.0, "verifying")
    claim = _claim(written, digest_of(out))
    verdict: Verdict = require(verify(out, claim))
    coded, release = written.coded, written.release
    claimed_too, kept = _kept(written, claim)
    publication = Publication(
        recipe=coded.recipe,
        digest=digest(coded.recipe),
        table=coded.table,
        recoding=written.recoding,
        claim=documents.claim_document(claim) | claimed_too,
        received_sha256=digest_of(written.received.path),
        received_columns=written.received.names,
        unknown={name: grown.unknown for name, grown in coded.grown.items()},
        tool=tool,
    )
    progress(0.3, "attacking")
    more = measure_all(
        coded.table,
        written.recoding,
        written.order.measures,
        question=question_of(coded.recipe, coded.population),
        past=release.before(claim.sha256) if release is not None else None,
        k=verdict.smallest,
        seed=int(publication.digest[:8], 16),
    )
    if release is not None:
        more["releases"] = release.section(claim.sha256)
    return documents.assemble(publication, verdict, more), kept


def _kept(written: _Written, claim: Claim) -> tuple[dict[str, Any], list[tuple[Path, bytes]]]:
    """Return what is claimed beyond the file itself, and the files it can be counted again with."""
    order, release = written.order, written.release
    told: dict[str, Any] = {}
    files: list[tuple[Path, bytes]] = []
    if claim.population is not None and order.population is not None:
        covers = documents.covers_of(claim.population.trees)
        told["population"] = {
            "sha256": digest_of(order.population),
            "covers_sha256": sha256_hex(covers),
            "delimiter": claim.population.delimiter,
        }
        if order.covers is not None:
            files.append((order.covers, covers))
    if release is not None:
        told["releases"] = release.claim(claim.sha256)
        packed = release.pack(claim.sha256)
        files += [packed] if packed is not None else []
    return told, files


def _claim(written: _Written, sha256: str) -> Claim:
    coded, recipe = written.coded, written.coded.recipe
    published = written.recoding.classes != SUPPRESSED
    sensitive = {column.name: only_published(column, published) for column in coded.table.sensitive}
    exempt = (Action.EMPTY, Action.PSEUDONYMISE)
    return Claim(
        columns=published_names(recipe, written.received),
        quasi=tuple(plan.name for plan in recipe.of_role(Role.QUASI)),
        criteria=claimed(recipe, sensitive),
        received=coded.table.rows,
        suppressed=int((~published).sum()),
        suppression=recipe.suppression,
        sensitive=tuple(plan.name for plan in recipe.of_role(Role.SENSITIVE)),
        pseudonyms=tuple(
            plan.name for plan in recipe.columns if plan.action in exempt or plan.role is Role.QUASI
        ),
        population=_population(written),
        sha256=sha256,
        delimiter=written.received.delimiter,
    )


def _population(written: _Written) -> Population | None:
    """Say what each published label covers, in the very texts of the population's file."""
    if written.population is None:
        return None
    trees = {}
    for name, grown in written.coded.grown.items():
        raw = sorted(grown.leaf_of, key=lambda text: (grown.leaf_of[text], text))
        levels = grown.hierarchy.labels
        trees[name] = tuple(
            (text, *(level[grown.leaf_of[text]] for level in levels)) for text in raw
        )
    return Population(
        _batches_of(written.population), trees, delimiter=written.population.delimiter
    )


def _batches_of(received: Received) -> Callable[[], Iterator[Any]]:
    return lambda: iterate_batches(received)
