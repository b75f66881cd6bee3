"""Files that memory would not hold: their columns stand on disk, and they are recoded in parts.

What is large is decided by the file alone and never by the machine, so that the same file and
recipe give the same bytes wherever they are recoded.
"""

from pathlib import Path

from tidegate.deid.files.model import Progress
from tidegate.deid.tables.model import Question, Recoding, TableInput

LARGE_BYTES = 128 << 20
"""Of larger files the columns are put on disk while they are read."""

LARGE_ROWS = 2_000_000
"""Tables of more records are recoded in parts."""


def disk_for(source: Path, out: Path) -> Path | None:
    """Return the folder of `out` for the columns of a large file, or None for a small one."""
    if source.stat().st_size <= LARGE_BYTES:
        return None
    out.parent.mkdir(parents=True, exist_ok=True)
    return out.parent


def recode(
    table: TableInput, question: Question, folder: Path | None, progress: Progress
) -> Recoding:
    """Recode a table, in parts if it has many records and the question allows it.

    One level a column and delta-presence are about the whole table, so they take memory for all.
    Raises as the engine does.
    """
    from tidegate.deid.tables import engine, streaming  # noqa: PLC0415 - numpy, and the kernels

    if folder is None or table.rows <= LARGE_ROWS or not streaming.may_ask(question):
        return engine.anonymise(table, question, progress)
    stream = streaming.stream_of(table)
    return streaming.anonymise(stream, question, folder, progress).recoding()
