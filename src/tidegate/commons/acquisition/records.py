"""Read CSV as a stream of records (RFC 4180), in bounded memory, and say what is wrong with each.

Records that cannot be read are handed on with a reason instead of being dropped; reading goes on
with the next line. A quoted field may hold line ends; a quote that never closes costs one line, not
the rest of the file.
"""

import re
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO

from tidegate.kernel.values import dataclass

MAX_FIELD = 1024 * 1024
MAX_RECORD = 4 * 1024 * 1024
MAX_LINES = 1000
KEPT_OF_REJECT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Reject:
    """One record that was received and cannot be accepted."""

    line: int
    reason: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the file writes its records."""

    encoding: str = "utf-8"
    delimiter: str = ","


class BrokenRecordError(ValueError):
    """The record is not CSV; the message is the reason code."""


class RecordReader:
    """Yields the fields of each record, or a Reject."""

    def __init__(self, file: BinaryIO, dialect: Dialect, width: int = 0) -> None:
        self._file = file
        self._encoding = dialect.encoding
        self._delimiter = dialect.delimiter
        self._width = width
        self._waiting: deque[bytes] = deque()
        self._line = 0
        self._field = _field_pattern(dialect.delimiter)

    def header(self) -> list[str]:
        """Read the first record; raise BrokenRecordError if it cannot be the names of columns."""
        first = next(self, None)
        if first is None:
            raise BrokenRecordError("empty_file")
        if isinstance(first, Reject):
            raise BrokenRecordError(f"header_{first.reason}")
        self._width = len(first)
        return first

    def __iter__(self) -> Iterator[list[str] | Reject]:
        """Yield what is left of the file."""
        return self

    def __next__(self) -> list[str] | Reject:
        """Return the next record, or stop at the end of the file."""
        line = self._next_line()
        if line is None:
            raise StopIteration
        number = self._line
        try:
            return self._record(line)
        except BrokenRecordError as broken:
            return Reject(number, str(broken), line[:KEPT_OF_REJECT])

    def _record(self, line: bytes) -> list[str]:
        if len(line) > MAX_RECORD:
            raise BrokenRecordError("record_too_long")
        plain = b'"' not in line
        fields = self._text(line).split(self._delimiter) if plain else self._quoted(line)
        if len(line) > MAX_FIELD and any(len(field) > MAX_FIELD for field in fields):
            raise BrokenRecordError("field_too_long")
        return self._counted(fields) if plain else fields

    def _counted(self, fields: list[str]) -> list[str]:
        if not self._width or len(fields) == self._width:
            return fields
        if fields == [""]:
            raise BrokenRecordError("empty_line")
        raise BrokenRecordError(
            "too_few_fields" if len(fields) < self._width else "too_many_fields"
        )

    def _quoted(self, line: bytes) -> list[str]:
        """Join lines until the quotes close; on failure give all but the first line back."""
        joined, more = line, deque[bytes]()
        try:
            while joined.count(b'"') % 2:
                following = self._next_line()
                if following is None or len(more) >= MAX_LINES:
                    more.extend([] if following is None else [following])
                    raise BrokenRecordError("unterminated_quote")
                more.append(following)
                joined += following
                if len(joined) > MAX_RECORD:
                    raise BrokenRecordError("unterminated_quote")
            return self._counted(self._fields(self._text(joined)))
        except BrokenRecordError:
            self._line -= len(more)
            self._waiting.extendleft(reversed(more))
            raise

    def _fields(self, text: str) -> list[str]:
        fields, at = [], 0
        while True:
            match = self._field.match(text, at)
            if match is None:
                raise BrokenRecordError("stray_quote")
            quoted = match[1]
            fields.append(match[2] if quoted is None else quoted.replace('""', '"'))
            at = match.end()
            if at == len(text):
                return fields
            at += 1

    def _text(self, line: bytes) -> str:
        if b"\x00" in line:
            raise BrokenRecordError("nul_byte")
        try:
            text = line.decode(self._encoding)
        except UnicodeDecodeError:
            raise BrokenRecordError("undecodable_bytes") from None
        text = text.removesuffix("\n").removesuffix("\r")
        if "\r" in text and '"' not in text:
            raise BrokenRecordError("bare_carriage_return")
        return text

    def _next_line(self) -> bytes | None:
        line = self._waiting.popleft() if self._waiting else self._read_line()
        if not line:
            return None
        self._line += 1
        return line

    def _read_line(self) -> bytes:
        line = self._file.readline(MAX_RECORD + 1)
        if len(line) > MAX_RECORD and not line.endswith(b"\n"):
            while (rest := self._file.readline(MAX_RECORD)) and not rest.endswith(b"\n"):
                continue
        return line


def _field_pattern(delimiter: str) -> re.Pattern[str]:
    d = re.escape(delimiter)
    return re.compile(rf'"([^"]*(?:""[^"]*)*)"(?={d}|\Z)|([^"{d}]*)(?={d}|\Z)')
