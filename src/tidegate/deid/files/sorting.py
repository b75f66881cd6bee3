"""Order the published records by what is published, in memory or by way of the disk.

Both ways give the same order: by the texts of the quasi-identifiers, then by all others.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tidegate.deid.tables.model import SUPPRESSED
from tidegate.deid.tables.spooling import unnamed

_ROWS = 50_000
_STEP = 1 << 20


def sort_held(gathered: list[Any], first: Sequence[str]) -> Iterable[Any]:
    """Order record batches that memory holds, by the columns `first` and then by the others."""
    import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched
    import pyarrow.compute as pc  # noqa: PLC0415

    if not gathered:
        return ()
    table = pa.Table.from_batches(gathered)
    rest = [name for name in table.column_names if name not in first]
    places = pc.sort_indices(table, sort_keys=[(name, "ascending") for name in (*first, *rest)])
    return (
        table.take(places.slice(start, _ROWS)).combine_chunks().to_batches()[0]
        for start in range(0, len(places), _ROWS)
    )


def sort_apart(
    recoded: Iterable[tuple[Any, Any]], piles: Any, first: Sequence[str], folder: Path
) -> Iterator[Any]:
    """Order records that memory would not hold: put into piles on disk, sorted pile by pile.

    `recoded` gives the class of each record with the records, `piles` the pile of each class.
    """
    import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched

    with ExitStack() as stack:
        files = [stack.enter_context(unnamed(folder)) for _ in range(int(piles.max()) + 1)]
        writers: list[Any] = []
        for classes, batch in recoded:
            writers = writers or [
                pa.ipc.new_file(pa.PythonFile(f, "w"), batch.schema) for f in files
            ]
            _put(batch, piles[classes], writers)
        for writer in writers:
            writer.close()
        for file in files:
            file.seek(0)
            gathered = pa.ipc.open_file(pa.PythonFile(file, "r")).read_all().to_batches()
            file.truncate(0)
            yield from sort_held(gathered, first)


def _put(batch: Any, piles: Any, writers: list[Any]) -> None:
    """Append each record of a batch to its pile."""
    import numpy as np  # noqa: PLC0415 - heavy: loaded when rows are touched
    import pyarrow as pa  # noqa: PLC0415

    order = np.argsort(piles, kind="stable")
    held, starts = np.unique(piles[order], return_index=True)
    ordered = batch.take(pa.array(order))
    stops = [*starts.tolist()[1:], len(order)]
    for number, start, stop in zip(held.tolist(), starts.tolist(), stops, strict=True):
        writers[number].write_batch(ordered.slice(start, stop - start))


def pile_of(classes: Any, texts: Sequence[Sequence[str]], most: int) -> Any:
    """Return each class's pile: in the order of their texts, a pile begun every `most` records.

    Classes that publish the same are in one pile.
    """
    import numpy as np  # noqa: PLC0415 - heavy: loaded when rows are touched
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    columns = [pa.array(each, pa.large_string()) for each in texts]
    table = pa.table(columns, [str(place) for place in range(len(columns))])
    keys = [(name, "ascending") for name in table.column_names]
    order = pc.sort_indices(table, sort_keys=keys).to_numpy()
    sizes = np.zeros(len(order), np.int64)
    for start in range(0, len(classes), _STEP):
        mine = classes[start : start + _STEP]
        sizes += np.bincount(mine[mine != SUPPRESSED], minlength=len(sizes))
    new = np.zeros(len(order), bool)
    new[:1] = True
    for column in columns:
        ranked = column.take(pa.array(order))
        new[1:] |= pc.not_equal(ranked[1:], ranked[:-1]).to_numpy(zero_copy_only=False)
    before = np.cumsum(sizes[order]) - sizes[order]
    piles = np.empty(len(order), np.int64)
    piles[order] = before[new][np.cumsum(new) - 1] // most
    return np.unique(piles, return_inverse=True)[1].astype(np.int32)
