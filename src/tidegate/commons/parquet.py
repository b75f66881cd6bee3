"""Tables as encrypted Parquet objects, written and read in batches."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tidegate.commons.model import TableObject
from tidegate.commons.vault.model import StoredObject
from tidegate.commons.vault.service import Deposit, Vault

_BATCH_ROWS = 16_384


class TableDeposit:
    """A table being written; `done` is the encrypted object once the block has ended."""

    def __init__(self, table: str, deposit: Deposit, writer: Any) -> None:
        self._table = table
        self._deposit = deposit
        self._writer = writer
        self._rows = 0

    def write_batch(self, batch: Any) -> None:
        """Append one record batch."""
        if batch.num_rows:
            self._writer.write_batch(batch)
            self._rows += batch.num_rows

    @property
    def done(self) -> TableObject:
        """Return what was written; only after the block ended well."""
        return TableObject(self._table, self._rows, self._deposit.stored)


@contextmanager
def writing_table(
    vault: Vault, path: str, key_name: str, table: str, schema: Any
) -> Iterator[TableDeposit]:
    """Encrypt the batches the block writes as one Parquet object."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy: loaded when rows are touched

    with (
        vault.writing(path, key_name) as deposit,
        pq.ParquetWriter(deposit.file, schema, compression="zstd") as writer,
    ):
        yield TableDeposit(table, deposit, writer)


def read_batches(vault: Vault, stored: StoredObject) -> Iterator[Any]:
    """Yield a table's record batches, decrypting as they come."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy: loaded when rows are touched

    with vault.open(stored) as file:
        yield from pq.ParquetFile(file).iter_batches(batch_size=_BATCH_ROWS)


def read_table(vault: Vault, stored: StoredObject) -> Any:
    """Return a whole table, decrypted in memory only."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy: loaded when rows are touched

    with vault.open(stored) as file:
        return pq.ParquetFile(file).read()
