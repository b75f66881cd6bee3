"""Tables that do not fit into memory: spooled to disk as leaves, parted, recoded part by part.

A first pass writes the leaves of all columns to files that are mapped into memory. A sample is cut
top-down (as Mondrian does, but only until parts are of a size that memory holds), every record
finds its part, and each part is recoded by itself with the same engine. What holds in every part
holds in the whole: classes never cross parts, and classes of two parts that publish the same
labels only become larger. For t-closeness a part must reach t less its own distance from the whole
table; the earth mover's distance is a metric, so the triangle inequality gives the rest.

Parting a sample and recoding the parts apart is how Mondrian is spread over machines (De Capitani
di Vimercati et al., "Scalable distributed data anonymization for large datasets", IEEE Transactions
on Big Data, 2023); here one process works the parts in turn.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from tidegate.deid.errors import RecipeInvalidError
from tidegate.deid.tables import engine, kernels, labels
from tidegate.deid.tables.labels import Ladder
from tidegate.deid.tables.model import (
    SUPPRESSED,
    Criterion,
    DeltaPresence,
    Method,
    QuasiColumn,
    Question,
    SensitiveColumn,
    TableInput,
    TCloseness,
)
from tidegate.deid.tables.parting import Parting, part
from tidegate.deid.tables.privacy import Pairs, Tally, columns_of, distances, failing
from tidegate.deid.tables.recoded import Recoded, unified
from tidegate.deid.tables.spooling import mapped, room, unnamed
from tidegate.kernel.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Codes: TypeAlias = NDArray[np.int32]
    Leaves: TypeAlias = NDArray[np.unsignedinteger]

Batch: TypeAlias = "tuple[Codes, ...]"

PART_ROWS = 1_000_000
"""Records that are recoded at once."""

SAMPLE_ROWS = 200_000
_STEP = 1 << 18


@dataclass(frozen=True, slots=True)
class Stream:
    """A table as batches: the leaves of the quasi-identifiers, then the sensitive values' numbers.

    `empty` has the columns with no records; `batches` gives them anew at each call.
    """

    empty: TableInput
    batches: Callable[[], Iterable[Batch]]


def anonymise(
    stream: Stream,
    question: Question,
    folder: Path,
    progress: engine.Progress = engine.silent,
    *,
    part_rows: int | None = None,
) -> Recoded:
    """Recode a stream with the same guarantee as a table, by files without a name in `folder`.

    Parts have `part_rows` records, or PART_ROWS if it is not given.

    Raises RecipeInvalidError for what only a whole table can be asked (one level a column, and
    delta-presence), NotAnonymousError as the engine does.
    """
    _check(question)
    for one in stream.empty.quasi:
        engine.check_hierarchy(one.hierarchy)
    columns, rows = _spool(stream, folder)
    table = _table(stream.empty, [column[:: _stride(rows)] for column in columns])
    progress(0.1, "part")
    parting = part(table, max(1, round((part_rows or PART_ROWS) * table.rows / max(rows, 1))))
    tally, places = _place(stream.empty, columns, parting, folder, question)
    joined = parting.joined(lambda own: _bears(own, tally, question.criteria))
    return _recode(_Spool(stream.empty, columns, places, joined), question, folder, progress)


def may_ask(question: Question) -> bool:
    """Tell whether a stream can be asked this, and not only a whole table."""
    is_whole = any(isinstance(one, DeltaPresence) for one in question.criteria)
    return question.method is not Method.FULL_DOMAIN and not is_whole


def stream_of(table: TableInput) -> Stream:
    """Give a table whose columns are mapped from files in batches."""
    none = np.zeros(0, np.uint8)
    columns = [one.codes for one in table.quasi] + [one.codes for one in table.sensitive]

    def batches() -> Iterator[Batch]:
        for start in range(0, table.rows, _STEP):
            yield tuple(codes[start : start + _STEP] for codes in columns)

    return Stream(_table(table, [none for _ in columns]), batches)


def _check(question: Question) -> None:
    if not may_ask(question):
        raise RecipeInvalidError(
            "A stream is recoded part by part, so that one level a column and delta-presence "
            "cannot be promised; recode locally, or recode the whole table in memory.",
            code="stream_method",
        )


def _stride(rows: int) -> int:
    return max(1, rows // SAMPLE_ROWS)


def _spool(stream: Stream, folder: Path) -> "tuple[list[Leaves], int]":
    """Write the leaves of every column to a file of its own, each number as narrow as may be."""
    most = _most(stream.empty)
    kinds = [np.min_scalar_type(max(leaves - 1, 0)) for _, leaves in most]
    rows = 0
    with ExitStack() as stack:
        files = [stack.enter_context(unnamed(folder)) for _ in most]
        for batch in stream.batches():
            rows += len(batch[0])
            for file, codes, (name, leaves), kind in zip(files, batch, most, kinds, strict=True):
                if len(codes) != len(batch[0]) or not _are_leaves(codes, leaves):
                    raise RecipeInvalidError(
                        f"The column {name} has values that are not in its hierarchy; extend the "
                        "hierarchy.",
                        code="codes_misfit",
                    )
                file.write(np.ascontiguousarray(codes, kind).tobytes())
        columns = [mapped(file, kind) for file, kind in zip(files, kinds, strict=True)]
    if not rows:
        raise RecipeInvalidError(
            "There is nothing to anonymise: the stream has no record.", code="table_empty"
        )
    return columns, rows


def _most(empty: TableInput) -> list[tuple[str, int]]:
    """Return each column's name and how many different numbers it may have."""
    quasi = [(one.name, len(one.hierarchy.leaves)) for one in empty.quasi]
    return quasi + [(one.name, len(one.values)) for one in empty.sensitive]


def _are_leaves(codes: "Codes", leaves: int) -> bool:
    return not len(codes) or (int(codes.min()) >= 0 and int(codes.max()) < leaves)


def _table(empty: TableInput, leaves: "list[Leaves]") -> TableInput:
    codes = [np.asarray(mine).astype(np.int32) for mine in leaves]
    quasi = tuple(
        QuasiColumn(one.name, mine, one.hierarchy, one.weight)
        for one, mine in zip(empty.quasi, codes, strict=False)
    )
    held = codes[len(quasi) :]
    sensitive = tuple(
        SensitiveColumn(one.name, mine, one.values, one.hierarchy)
        for one, mine in zip(empty.sensitive, held, strict=True)
    )
    return TableInput(quasi, sensitive)


def _place(
    empty: TableInput,
    columns: "list[Leaves]",
    parting: Parting,
    folder: Path,
    question: Question,
) -> "tuple[Tally, NDArray[np.uint16]]":
    """Write the part of every record to a file, and count values by part."""
    rows, quasi = len(columns[0]), len(empty.quasi)
    places = room(folder, np.uint16, rows)
    sizes = np.zeros(parting.count, np.int64)
    named = [
        (column, columns[quasi + at], np.zeros((parting.count, len(column.values)), np.int64))
        for at, column in enumerate(empty.sensitive)
        if column.name in columns_of(question.criteria)
    ]
    for start in range(0, rows, _STEP):
        mine = slice(start, start + _STEP)
        place = parting.place([np.asarray(column[mine]) for column in columns[:quasi]])
        places[mine] = place
        sizes += np.bincount(place, minlength=parting.count)
        for column, codes, counts in named:
            width = len(column.values)
            both = place.astype(np.int64) * width + codes[mine]
            counts += np.bincount(both, minlength=counts.size).reshape(counts.shape)
    return Tally(sizes, {c.name: _pairs(c, counts) for c, _, counts in named}), places


def _pairs(column: SensitiveColumn, counts: "NDArray[np.int64]") -> Pairs:
    places, values = np.nonzero(counts)
    return Pairs(column, places, values, counts[places, values])


def _bears(parts: "NDArray[np.int64]", tally: Tally, criteria: tuple[Criterion, ...]) -> bool:
    """Tell whether parts joined into one hold every criterion, with half of t to spare."""
    number = np.zeros(len(tally.sizes), np.int64)
    number[parts] = 1
    sizes = np.bincount(number, tally.sizes, 2).astype(np.int64)
    pairs = {}
    for name, own in tally.pairs.items():
        counts = np.zeros((2, len(own.column.values)), np.int64)
        np.add.at(counts, (number[own.places], own.values), own.counts)
        pairs[name] = _pairs(own.column, counts)
    joined = Tally(sizes, pairs)
    if len(parts) == len(tally.sizes):
        return True
    return not any(failing(_halved(one), joined)[1] for one in criteria)


def _halved(one: Criterion) -> Criterion:
    return TCloseness(one.column, one.t / 2, one.distance) if isinstance(one, TCloseness) else one


@dataclass(frozen=True, slots=True)
class _Spool:
    """The files of a stream, and which parts are recoded together."""

    empty: TableInput
    columns: "list[Leaves]"
    places: "NDArray[np.uint16]"
    joined: "list[NDArray[np.int64]]"


def _recode(spool: _Spool, question: Question, folder: Path, progress: engine.Progress) -> Recoded:
    rows, loops = len(spool.places), kernels.choose()
    classes = room(folder, np.int32, rows)
    whole = _whole(spool, question)
    ladders = tuple(Ladder(column.hierarchy) for column in spool.empty.quasi)
    lows, highs = [], []
    count = done = 0
    for parts in spool.joined:
        mine = np.flatnonzero(np.isin(spool.places, parts.astype(np.uint16)))
        table = _table(spool.empty, [column[mine] for column in spool.columns])
        told = _Part(progress, done / rows, len(mine) / rows)
        own = engine.anonymise(table, _within(question, table, whole), told)
        spans = labels.span(table, own.classes, loops)
        classes[mine] = np.where(own.classes >= 0, spans.classes + count, SUPPRESSED)
        lows.append(spans.low)
        highs.append(spans.high)
        count, done = count + spans.count, done + len(mine)
    low, high = np.concatenate(lows, axis=1), np.concatenate(highs, axis=1)
    return unified(Recoded(classes, low, high, ladders))


@dataclass(frozen=True, slots=True)
class _Part:
    """Says how far all parts are together."""

    progress: engine.Progress
    start: float
    width: float

    def __call__(self, share: float, step: str) -> None:
        self.progress(0.1 + 0.9 * (self.start + self.width * share), step)


def _whole(spool: _Spool, question: Question) -> "dict[str, NDArray[np.int64]]":
    """Return how often each value stands in the whole table, where closeness is asked."""
    quasi = len(spool.empty.quasi)
    return {
        column.name: _counted(spool.columns[quasi + at], len(column.values))
        for at, column in enumerate(spool.empty.sensitive)
        if any(isinstance(c, TCloseness) and c.column == column.name for c in question.criteria)
    }


def _counted(codes: "Leaves", values: int) -> "NDArray[np.int64]":
    counts = np.zeros(values, np.int64)
    for start in range(0, len(codes), _STEP):
        counts += np.bincount(codes[start : start + _STEP], minlength=values)
    return counts


def _within(
    question: Question, table: TableInput, whole: "dict[str, NDArray[np.int64]]"
) -> Question:
    """Return what a part must be asked: t less the part's own distance from the whole.

    Where closeness is asked nothing is left out, as that would move what it compares with.
    """
    criteria: list[Criterion] = []
    for one in question.criteria:
        column = table.find_sensitive(one.column) if isinstance(one, TCloseness) else None
        if isinstance(one, TCloseness) and column is not None:
            inside = np.bincount(column.codes, minlength=len(column.values))
            both = np.stack([inside, whole[one.column] - inside])
            sizes = both.sum(axis=1)
            moved, scale = distances(one.distance, sizes, _pairs(column, both))
            far = float(moved[0]) / (int(sizes[0]) * scale)
            criteria.append(TCloseness(one.column, one.t - far - 1e-9, one.distance))
        else:
            criteria.append(one)
    share = 0.0 if whole else question.suppression
    return Question(tuple(criteria), question.method, share)
