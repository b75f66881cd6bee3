"""One version, open in the engine: its tables in DuckDB's memory, and the list of its people."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tidegate.catalogue.model import Codebook, Table
from tidegate.lab.analysis import PersonRows
from tidegate.lab.errors import CodebookMismatchError, QueryMemoryError
from tidegate.lab.query.axes import Axis, groupings_of, places_of
from tidegate.lab.query.compiler import PEOPLE, PERSON_INDEX
from tidegate.lab.query.model import KaplanMeier, Query
from tidegate.lab.query.rules import is_one_row_a_person

Arrow = Any  # pyarrow publishes no types mypy can follow
Roster = npt.NDArray[np.uint64]
_ARRIVING, _INDEXED = "rows as they arrive", "rows with the place of their person"
_PLACE = f'"{PERSON_INDEX}"'
_SETTINGS = (
    "SET memory_limit = '{memory_mb}MB'",
    "SET threads = {threads}",
    "SET enable_external_access = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET lock_configuration = true",
)


class Session:
    """One version, open: its tables in the engine and the list of its people."""

    def __init__(
        self,
        tables: Mapping[str, Arrow],
        codebook: Codebook,
        *,
        roster_key: bytes,
        threads: int = 2,
        memory_mb: int = 2048,
    ) -> None:
        self.codebook = codebook
        self._connection = duckdb.connect(":memory:", config={"temp_directory": ""})
        with within_memory():
            self.roster = self._load(tables, roster_key)
            for setting in _SETTINGS:
                self._connection.execute(setting.format(memory_mb=memory_mb, threads=threads))

    @property
    def people(self) -> int:
        """Return how many people the version has."""
        return len(self.roster)

    def cursor(self) -> Any:
        """Return a handle on the tables for one query; it can be interrupted by itself."""
        return self._connection.cursor()

    def close(self) -> None:
        """Forget the tables."""
        self._connection.close()

    def _load(self, tables: Mapping[str, Arrow], key: bytes) -> Roster:
        """Load the tables, each row with the place of its person in the roster.

        The roster holds a keyed hash of every person key, sorted, so that people can be matched
        between versions of a dataset and their order says nothing.
        """
        described = [table for table in self.codebook.tables if table.person_key]
        missing = [table.name for table in described if table.name not in tables]
        if missing:
            raise CodebookMismatchError(f"The version has no table {missing[0]}.")
        for table in described:
            self._connection.register(_ARRIVING, tables[table.name])
            self._connection.execute(f'CREATE TABLE {_quoted(table.name)} AS FROM "{_ARRIVING}"')
            self._connection.unregister(_ARRIVING)
        keys = self._keys(described)
        hashes = np.array([_hashed(name, key) for name in keys], dtype=np.uint64)
        order = np.argsort(hashes)
        place = np.empty(len(keys), dtype=np.int32)
        place[order] = np.arange(len(keys), dtype=np.int32)
        arriving = pa.table({"person": keys, PERSON_INDEX: place})
        self._connection.register(_ARRIVING, arriving)
        people = _quoted(PEOPLE)
        self._connection.execute(f'CREATE TABLE {people} AS FROM "{_ARRIVING}" ORDER BY {_PLACE}')
        self._connection.unregister(_ARRIVING)
        for table in described:
            self._index(table)
        self._connection.execute(f"ALTER TABLE {people} DROP COLUMN person")
        return hashes[order]

    def _keys(self, tables: list[Table]) -> list[str]:
        parts = " UNION ".join(
            f"SELECT CAST({_quoted(table.person_key)} AS VARCHAR) AS person"  # noqa: S608 - quoted
            f" FROM {_quoted(table.name)}"
            for table in tables
        )
        rows = self._connection.execute(parts).fetchall()
        return [str(row[0]) for row in rows if row[0] is not None]

    def _index(self, table: Table) -> None:
        name, key, people = _quoted(table.name), _quoted(table.person_key), _quoted(PEOPLE)
        columns = ", ".join(
            f"t.{_quoted(column.name)}"
            for column in table.columns
            if column.name != table.person_key
        )
        listed = f", {columns}" if columns else ""
        self._connection.execute(
            f'CREATE TABLE "{_INDEXED}" AS SELECT p.{_PLACE}{listed} FROM {name} t'  # noqa: S608
            f" JOIN {people} p ON CAST(t.{key} AS VARCHAR) = p.person"
        )
        self._connection.execute(f"DROP TABLE {name}")
        self._connection.execute(f'ALTER TABLE "{_INDEXED}" RENAME TO {name}')
        if is_one_row_a_person(table):
            found = self._connection.execute(
                f"SELECT count(*) = count(DISTINCT {_PLACE}) FROM {name}"  # noqa: S608
            ).fetchone()
            if not found[0]:
                raise CodebookMismatchError(
                    f"{table.name} has several rows a person, and its codebook says one; acquire"
                    " the data again."
                )


def rows_of(
    columns: Mapping[str, Any], query: Query, axes: tuple[Axis, ...], codebook: Codebook
) -> PersonRows:
    """Return what a query brought, a person an entry."""
    groups = []
    for place, (grouping, axis) in enumerate(zip(groupings_of(query), axes, strict=True)):
        places = np.array(places_of(grouping, axis, codebook), dtype=np.int64)
        groups.append(places[np.asarray(columns[f"g{place}"], dtype=np.int64)])
    index = np.asarray(columns[PERSON_INDEX], dtype=np.int64)
    if not isinstance(query, KaplanMeier):
        return PersonRows(index, tuple(groups))
    day = np.ma.filled(np.ma.asarray(columns["day"], dtype=np.float64), np.nan)
    event = np.ma.filled(np.ma.asarray(columns["event"]), False)  # noqa: FBT003 - numpy's order
    return PersonRows(index, tuple(groups), day, event.astype(np.bool_))


@contextmanager
def within_memory() -> Iterator[None]:
    """Say in words that the engine's memory is not enough; it may not spill to the disk."""
    try:
        yield
    except duckdb.OutOfMemoryException:
        raise QueryMemoryError(
            "The data or the query need more memory than this node gives; ask for fewer groups or"
            " conditions.",
            code="query_memory",
        ) from None


def _hashed(name: str, key: bytes) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8, key=key).digest(), "big")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
