"""Load one file into the vault: rows accepted, rows quarantined, and what was measured."""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from tidegate.catalogue.model import Column, ColumnRole, FileRecord, Table, TableQuality
from tidegate.commons.acquisition.profile import ColumnProfile, TableProfile
from tidegate.commons.acquisition.records import Reject
from tidegate.commons.acquisition.sources import Source, TableReader
from tidegate.commons.model import ColumnNote, Descriptor, TableObject
from tidegate.commons.parquet import TableDeposit, writing_table
from tidegate.commons.vault.service import Vault
from tidegate.deid.service import DeidService
from tidegate.kernel.failpoint import failpoint
from tidegate.kernel.values import dataclass

_AGES = frozenset({"age", "年龄", "年齡"})
_ADULT_CONSENT = 14


@dataclass(frozen=True, slots=True)
class Loaded:
    """One file, loaded."""

    file: FileRecord
    table: Table
    quality: TableQuality
    intake: TableObject
    quarantine: TableObject | None
    quarantined: int
    reasons: tuple[tuple[str, int], ...]
    suggestions: tuple[str, ...]
    has_under14: str


class Loader:
    """Loads files under one version's intake key."""

    def __init__(
        self, vault: Vault, deid: DeidService, new_path: Callable[[], str], key_name: str
    ) -> None:
        self._vault = vault
        self._deid = deid
        self._new_path = new_path
        self._key = key_name

    def load(self, source: Source, descriptor: Descriptor) -> Loaded:
        """Read a file to its end; nothing is accepted that is not in the vault."""
        with TableReader(source, descriptor) as reader:
            profile = TableProfile(reader.name, reader.columns)
            rejects = _Quarantine(self._vault, self._new_path, self._key, reader.name)
            with self._intake(reader) as rows, rejects:
                for batch in reader.batches():
                    rows.write_batch(batch.accepted)
                    profile.update(batch.accepted)
                    rejects.add(batch.rejects)
                    failpoint("acquire.batch")
            size, digest = reader.file_facts()
            received = profile.rows + rejects.count
            file = FileRecord(source.name, received, size, digest, reader.media_type)
        table, suggestions = describe(profile, descriptor, self._deid)
        return Loaded(
            file=file,
            table=table,
            quality=profile.quality(),
            intake=rows.done,
            quarantine=rejects.done,
            quarantined=rejects.count,
            reasons=tuple(sorted(rejects.reasons.items())),
            suggestions=suggestions,
            has_under14=_under14(profile),
        )

    def _intake(self, reader: TableReader) -> Any:
        import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched

        schema = pa.schema([(name, pa.string()) for name in reader.columns])
        return writing_table(self._vault, self._new_path(), self._key, reader.name, schema)


class _Quarantine:
    """Keeps rejected rows, encrypted; the object appears only if there are any."""

    def __init__(self, vault: Vault, new_path: Callable[[], str], key: str, table: str) -> None:
        self._vault = vault
        self._new_path = new_path
        self._key = key
        self._table = table
        self._stack = ExitStack()
        self._deposit: TableDeposit | None = None
        self.count = 0
        self.reasons: Counter[str] = Counter()

    def __enter__(self) -> "_Quarantine":
        return self

    def __exit__(self, *problem: Any) -> None:
        self._stack.__exit__(*problem)

    @property
    def done(self) -> TableObject | None:
        return self._deposit.done if self._deposit else None

    def add(self, rejects: tuple[Reject, ...]) -> None:
        import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched

        if not rejects:
            return
        schema = pa.schema([("line", pa.int64()), ("reason", pa.string()), ("raw", pa.binary())])
        if self._deposit is None:
            self._deposit = self._stack.enter_context(
                writing_table(self._vault, self._new_path(), self._key, self._table, schema)
            )
        columns: list[list[Any]] = [
            [reject.line for reject in rejects],
            [reject.reason for reject in rejects],
            [reject.raw for reject in rejects],
        ]
        arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
        self._deposit.write_batch(pa.record_batch(arrays, schema=schema))
        self.count += len(rejects)
        self.reasons.update(reject.reason for reject in rejects)


def describe(
    profile: TableProfile, descriptor: Descriptor, deid: DeidService
) -> tuple[Table, tuple[str, ...]]:
    """Return the codebook of a table, and which roles were taken from detection."""
    columns, suggestions = [], []
    for column in profile.columns:
        note, suggested = _note(profile.name, column, descriptor, deid)
        suggestions += [f"{profile.name}/{column.name}={suggested}"] if suggested else []
        columns.append(column.describe(note, ColumnRole(note.role)))
    return Table(profile.name, profile.rows, tuple(columns), _person_key(columns)), (*suggestions,)


def _note(
    table: str, column: ColumnProfile, descriptor: Descriptor, deid: DeidService
) -> tuple[ColumnNote, str]:
    """Take the declared role; where nothing is declared, the detected one (fail closed)."""
    said = descriptor.note_for(table, column.name) or ColumnNote(table, column.name)
    if said.role:
        return said, ""
    found = deid.suggest(column.name, column.sample)
    role = found.role if found else _usual_role(column)
    kind = found.kind if found else ""
    suggested = f"{role}:{kind}".rstrip(":") + f" (by {found.reason})" if found else ""
    return ColumnNote(table, column.name, role, kind, said.unit, said.label), suggested


def _usual_role(column: ColumnProfile) -> str:
    if column.type == "date":
        return ColumnRole.DATE.value
    numeric = column.type in {"integer", "number", "boolean"}
    return ColumnRole.MEASURE.value if numeric else ColumnRole.OTHER.value


def _person_key(columns: list[Column]) -> str:
    keys = (column.name for column in columns if column.role is ColumnRole.PERSON_KEY)
    return next(keys, "")


def _under14(profile: TableProfile) -> str:
    ages = [c.least for c in profile.columns if c.name.strip().lower() in _AGES]
    known = [age for age in ages if age is not None]
    return "" if not known else "yes" if min(known) < _ADULT_CONSENT else "no"
