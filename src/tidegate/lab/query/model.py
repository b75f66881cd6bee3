"""The words of the query language, as typed values that travel as JSON.

A query names a cohort and one of three analyses. Every condition is about a person: `Has` asks for
rows of theirs in a table, `PickedIs` for the first or last value they have. No word returns rows.
The semantics are two-valued: a comparison with a missing value is false, so that `not` is always
the complement within the people of the version.
"""

from enum import StrEnum
from typing import TypeAlias

import msgspec

Value: TypeAlias = bool | int | str
"""A whole number, truth, text, an ISO date, or a decimal number written as text ("27.5")."""


class Comparison(StrEnum):
    """How a column is compared with a value."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"


class End(StrEnum):
    """Which end of a person's history a value is picked from."""

    FIRST = "first"
    LAST = "last"


class Word(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True):
    """A word of the language; `kind` says which one on the wire."""


class Compare(Word, frozen=True, tag="compare"):
    """A row whose column compares so with the value."""

    column: str
    op: Comparison
    value: Value


class OneOf(Word, frozen=True, tag="in"):
    """A row whose column has one of the values."""

    column: str
    values: tuple[Value, ...]


class Between(Word, frozen=True, tag="between"):
    """A row whose column lies between two values, both included."""

    column: str
    low: Value
    high: Value


class Missing(Word, frozen=True, tag="missing"):
    """A row whose column is empty."""

    column: str


class RowAll(Word, frozen=True, tag="and"):
    """A row that passes every part."""

    parts: "tuple[RowTest, ...]"


class RowAny(Word, frozen=True, tag="or"):
    """A row that passes at least one part."""

    parts: "tuple[RowTest, ...]"


class RowNot(Word, frozen=True, tag="not"):
    """A row that does not pass the part."""

    part: "RowTest"


RowTest: TypeAlias = Compare | OneOf | Between | Missing | RowAll | RowAny | RowNot


class Picked(Word, frozen=True, tag="picked"):
    """The value a person has at the first or last `by` among their rows; on a tie, the smallest."""

    table: str
    end: End
    by: str
    value: str
    where: RowTest | None = None


class ColumnOf(Word, frozen=True, tag="column"):
    """A column of a table that has one row a person."""

    table: str
    column: str


class Everyone(Word, frozen=True, tag="everyone"):
    """All people of the version."""


class Has(Word, frozen=True, tag="has"):
    """People with at least so many rows in the table that pass the test."""

    table: str
    where: RowTest | None = None
    at_least: int = 1


class PickedIs(Word, frozen=True, tag="picked_is"):
    """People whose picked value passes the test; the test names the picked column."""

    picked: Picked
    test: RowTest


class All(Word, frozen=True, tag="and"):
    """People who meet every part."""

    parts: "tuple[Condition, ...]"


class Any(Word, frozen=True, tag="or"):
    """People who meet at least one part."""

    parts: "tuple[Condition, ...]"


class Not(Word, frozen=True, tag="not"):
    """People who do not meet the part."""

    part: "Condition"


Condition: TypeAlias = Everyone | Has | PickedIs | All | Any | Not


class Whether(Word, frozen=True, tag="whether"):
    """Yes or no, by whether the person meets the condition."""

    condition: Condition


class Grouping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A variable that sorts people into groups; `bands` are the cut points of a number."""

    of: ColumnOf | Picked | Whether
    bands: tuple[Value, ...] = ()


class EventWhen(Word, frozen=True, tag="when"):
    """The event has happened at the end of follow-up for people who meet the condition."""

    condition: Condition


class EventRows(Word, frozen=True, tag="rows"):
    """The event is a person's first matching row, on its day; earlier than day 1 means before."""

    table: str
    day: str
    where: RowTest | None = None


class CohortCount(Word, frozen=True, tag="count"):
    """How many people are in the cohort, by group if asked."""

    cohort: Condition
    by: Grouping | None = None


class CrossTable(Word, frozen=True, tag="cross_table"):
    """How many people of the cohort fall in each pair of groups."""

    cohort: Condition
    rows: Grouping
    columns: Grouping


class KaplanMeier(Word, frozen=True, tag="kaplan_meier"):
    """The share of the cohort without the event, over days of follow-up."""

    cohort: Condition
    time: ColumnOf | Picked
    event: EventWhen | EventRows
    by: Grouping | None = None
    every: int = 30
    """Days are rounded up to multiples of this, so that no single person's day shows."""


Query: TypeAlias = CohortCount | CrossTable | KaplanMeier
