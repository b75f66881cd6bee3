"""Queries as JSON: read strictly, written canonically, named by their hash."""

from typing import Any

import msgspec

from tidegate.kernel.canonical import canonical_json, sha256_hex
from tidegate.lab.errors import QueryInvalidError
from tidegate.lab.query.model import Query

MAX_BYTES = 64 * 1024
_DECODER = msgspec.json.Decoder(Query)


def read_query(document: object) -> Query:
    """Read a query from a decoded JSON document; raise QueryInvalidError naming the place."""
    try:
        query: Query = msgspec.convert(document, Query)
    except RecursionError:
        raise QueryInvalidError("The query is nested too deeply.", code="query_depth") from None
    except msgspec.ValidationError as problem:
        raise QueryInvalidError(
            f"The query does not fit the language: {problem}.", code="query_malformed"
        ) from None
    return query


def parse_query(content: bytes) -> Query:
    """Read a query from JSON bytes; raise QueryInvalidError naming the place."""
    if len(content) > MAX_BYTES:
        raise QueryInvalidError(
            f"A query has at most {MAX_BYTES} bytes; ask a simpler one.", code="query_size"
        )
    try:
        query: Query = _DECODER.decode(content)
    except msgspec.ValidationError as problem:
        raise QueryInvalidError(
            f"The query does not fit the language: {problem}.", code="query_malformed"
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise QueryInvalidError("The query is not valid JSON.", code="query_malformed") from None
    return query


def write_query(query: Query) -> dict[str, Any]:
    """Return the JSON document of a query."""
    document: dict[str, Any] = msgspec.to_builtins(query)
    return document


def query_bytes(query: Query) -> bytes:
    """Return the canonical JSON bytes of a query."""
    return canonical_json(write_query(query))


def query_hash(query: Query) -> str:
    """Return the SHA-256 that names a query in evidence."""
    return sha256_hex(query_bytes(query))
