"""Write a version's tables as one parcel: a plain archive of Parquet tables and their codebook.

People are named anew for each agreement: under another agreement the same person has another name,
so that two recipients cannot join what they were given (pseudonyms are re-keyed per agreement).
"""

import hashlib
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

MEDIA_TYPE = "application/zip"
CODEBOOK = "codebook.json"
_LONG_AGO = (1980, 1, 1, 0, 0, 0)

Rename = Callable[[str], str]


class Out(Protocol):
    """What a parcel's clear bytes are written to."""

    def write(self, data: "bytes | memoryview", /) -> object:
        """Take more bytes."""
        ...


class Hashing:
    """Hands bytes on and hashes them; says so little of a file that nobody seeks in it."""

    def __init__(self, out: Out) -> None:
        self._out = out
        self._hash = hashlib.sha256()

    def write(self, data: "bytes | memoryview", /) -> int:
        """Take more bytes."""
        self._hash.update(data)
        self._out.write(data)
        return len(data)

    def flush(self) -> None:
        """Do nothing: what was written has been handed on."""

    @property
    def sha256(self) -> str:
        """Return the SHA-256 (hex) of everything that was written."""
        return self._hash.hexdigest()


def write_parcel(
    out: Out,
    tables: Mapping[str, Iterable[Any]],
    codebook: bytes,
    named: Mapping[str, frozenset[str]],
    rename: Rename,
) -> str:
    """Write the archive; return its SHA-256. `named` are the columns that name people, by table."""
    hashing = Hashing(out)
    with zipfile.ZipFile(hashing, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]
        with archive.open(_entry(CODEBOOK), "w") as member:
            member.write(codebook)
        for name, batches in tables.items():
            with archive.open(_entry(f"{name}.parquet"), "w", force_zip64=True) as member:
                _write_table(member, batches, named.get(name, frozenset()), rename)
    return hashing.sha256


def _entry(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name, _LONG_AGO)


def _write_table(
    member: Any, batches: Iterable[Any], named: frozenset[str], rename: Rename
) -> None:
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy: loaded when rows are touched

    writer = None
    for batch in _renamed(batches, named, rename):
        if writer is None:
            writer = pq.ParquetWriter(member, batch.schema, compression="zstd")
        writer.write_batch(batch)
    if writer is not None:
        writer.close()


def _renamed(batches: Iterable[Any], named: frozenset[str], rename: Rename) -> Iterator[Any]:
    import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched

    for batch in batches:
        columns = []
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if name in named:
                words = column.cast(pa.string()).dictionary_encode()
                fresh = [rename(one) for one in words.dictionary.to_pylist()]
                taken = pa.array(fresh, pa.string()).take(words.indices)
                columns.append(taken)
            else:
                columns.append(column)
        yield pa.record_batch(columns, names=batch.schema.names)
