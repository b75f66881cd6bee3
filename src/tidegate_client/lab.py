"""Queries that visit data at other nodes, and the checker's inbox."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

from tidegate_client.transport import Transport

Document: TypeAlias = Mapping[str, Any]
Value: TypeAlias = bool | int | str


class Asked(msgspec.Struct, frozen=True):
    """One of my queries."""

    id: str
    agreement_id: str
    dataset_id: str
    provider: str
    query: str
    query_hash: str
    state: str
    submitted_at: str
    answered_at: str | None = None
    remote_id: str = ""
    reason_code: str = ""
    reason: str = ""
    result_hash: str = ""
    destroyed_at: str | None = None


class MyQuery(msgspec.Struct, frozen=True):
    """One of my queries, with its result where there is one."""

    asked: Asked
    result: Document | None = None


class WaitingRelease(msgspec.Struct, frozen=True):
    """A result that waits for a checker, as it would leave."""

    id: str
    agreement_id: str
    dataset_id: str
    version_id: str
    peer_did: str
    person_ref: str
    query: str
    submitted_at: str
    receipt_id: str
    result: Document


class Decided(msgspec.Struct, frozen=True):
    """Where a release stands after the checker's word."""

    id: str
    state: str


class _Queries(msgspec.Struct, frozen=True):
    queries: tuple[Asked, ...]


class _Inbox(msgspec.Struct, frozen=True):
    waiting: tuple[WaitingRelease, ...]


class Queries:
    """My queries: ask, list, look, draw, take back."""

    def __init__(self, http: Transport) -> None:
        self._http = http

    def submit(self, agreement_id: str, query: Document) -> MyQuery:
        """Ask a query under an agreement; a refusal comes back with its reason."""
        body = {"agreement_id": agreement_id, "query": query}
        return self._http.post("/queries", body, MyQuery)

    def list_mine(self) -> tuple[Asked, ...]:
        """Return my queries, newest first."""
        return self._http.get("/queries", _Queries).queries

    def get(self, query_id: str) -> MyQuery:
        """Return one of my queries, with its result where there is one."""
        return self._http.get(f"/queries/{query_id}", MyQuery)

    def plot(self, query_id: str, language: str = "en") -> bytes:
        """Return the result drawn as SVG."""
        return self._http.download(f"/queries/{query_id}/plot?language={language}")

    def withdraw(self, query_id: str) -> MyQuery:
        """Take a query back while it waits for a checker."""
        return self._http.post(f"/queries/{query_id}/withdraw", {}, MyQuery)


class Releases:
    """The checker's inbox: what waits, clear, refuse."""

    def __init__(self, http: Transport) -> None:
        self._http = http

    def list_waiting(self) -> tuple[WaitingRelease, ...]:
        """Return the results that wait, oldest first."""
        return self._http.get("/releases", _Inbox).waiting

    def get(self, release_id: str) -> WaitingRelease:
        """Return one result that waits."""
        return self._http.get(f"/releases/{release_id}", WaitingRelease)

    def clear(self, release_id: str) -> Decided:
        """Let a result leave."""
        return self._http.post(f"/releases/{release_id}/clear", {}, Decided)

    def refuse(self, release_id: str, reason: str) -> Decided:
        """Keep a result from leaving; the asker is told the reason."""
        return self._http.post(f"/releases/{release_id}/refuse", {"reason": reason}, Decided)


# The words of the query language, as functions that return its JSON.


def everyone() -> Document:
    """Mean all people of the version."""
    return {"kind": "everyone"}


def has(table: str, where: Document | None = None, *, at_least: int = 1) -> Document:
    """Mean people with at least so many rows in the table that pass the test."""
    return {"kind": "has", "table": table, "where": where, "at_least": at_least}


def compare(column: str, op: str, value: Value) -> Document:
    """Mean rows whose column compares so (eq, ne, lt, le, gt, ge); write a decimal as text."""
    return {"kind": "compare", "column": column, "op": op, "value": value}


def between(column: str, low: int | str, high: int | str) -> Document:
    """Mean rows whose column lies between two values, both included."""
    return {"kind": "between", "column": column, "low": low, "high": high}


def one_of(column: str, *values: Value) -> Document:
    """Mean rows whose column has one of the values."""
    return {"kind": "in", "column": column, "values": list(values)}


def missing(column: str) -> Document:
    """Mean rows whose column is empty."""
    return {"kind": "missing", "column": column}


def all_of(*parts: Document) -> Document:
    """Join parts: all of them must hold."""
    return {"kind": "and", "parts": list(parts)}


def any_of(*parts: Document) -> Document:
    """Join parts: one of them must hold."""
    return {"kind": "or", "parts": list(parts)}


def none_of(part: Document) -> Document:
    """Turn a part around: it must not hold."""
    return {"kind": "not", "part": part}


def picked(table: str, end: str, *, by: str, value: str, where: Document | None = None) -> Document:
    """Pick the value a person has at the `first` or `last` `by` among their rows."""
    return {"kind": "picked", "table": table, "end": end, "by": by, "value": value, "where": where}


def picked_is(value: Document, test: Document) -> Document:
    """Mean people whose picked value passes the test."""
    return {"kind": "picked_is", "picked": value, "test": test}


def column(table: str, name: str) -> Document:
    """Take a column of a table with one row a person."""
    return {"kind": "column", "table": table, "column": name}


def whether(condition: Document) -> Document:
    """Sort people into yes and no by whether the person meets the condition."""
    return {"kind": "whether", "condition": condition}


def grouped(variable: Document, *bands: int | str) -> Document:
    """Sort people into groups by a variable, at cut points if given."""
    return {"of": variable, "bands": list(bands)}


def count(cohort: Document, by: Document | None = None) -> Document:
    """Ask how many people are in the cohort, by group if asked."""
    return {"kind": "count", "cohort": cohort, "by": by}


def cross_table(cohort: Document, rows: Document, columns: Document) -> Document:
    """Ask how many people of the cohort fall in each pair of groups."""
    return {"kind": "cross_table", "cohort": cohort, "rows": rows, "columns": columns}


def event_when(condition: Document) -> Document:
    """Say that the event has happened at the end of follow-up for people who meet the condition."""
    return {"kind": "when", "condition": condition}


def event_rows(table: str, day: str, where: Document | None = None) -> Document:
    """Say that the event is a person's first matching row, on its day."""
    return {"kind": "rows", "table": table, "day": day, "where": where}


def kaplan_meier(
    cohort: Document,
    time: Document,
    event: Document,
    by: Document | None = None,
    *,
    every: int = 30,
) -> Document:
    """Ask for the share of the cohort without the event, over days of follow-up."""
    return {
        "kind": "kaplan_meier",
        "cohort": cohort,
        "time": time,
        "event": event,
        "by": by,
        "every": every,
    }
