"""What may be asked: every name, type and category against the codebook, and how complex.

Values that the codebook does not list are refused without saying whether anybody has them: a
codebook folds small categories away, and an answer would unfold them.
"""

import re
from datetime import date
from difflib import get_close_matches
from itertools import pairwise

from tidegate.catalogue.model import OTHER_CATEGORY, Codebook, Column, ColumnRole, Table
from tidegate.lab.errors import QueryInvalidError
from tidegate.lab.query.model import (
    All,
    Any,
    Between,
    CohortCount,
    ColumnOf,
    Compare,
    Comparison,
    Condition,
    CrossTable,
    EventRows,
    EventWhen,
    Grouping,
    Has,
    KaplanMeier,
    Missing,
    Not,
    OneOf,
    Picked,
    PickedIs,
    Query,
    RowAll,
    RowAny,
    RowNot,
    RowTest,
    Value,
    Whether,
)

MAX_DEPTH = 8
MAX_WORDS = 60
MAX_VALUES = 40
MAX_GROUPS = 40
MAX_CELLS = 400
MAX_AT_LEAST = 1000
MAX_EVERY = 3660
_DECIMAL = re.compile(r"-?\d{1,15}(\.\d{1,9})?")
_HIDDEN = frozenset({ColumnRole.DIRECT_IDENTIFIER, ColumnRole.PERSON_KEY})
_NUMBERS = frozenset({"integer", "number"})
_ORDERED = _NUMBERS | {"date"}


def check_query(query: Query, codebook: Codebook) -> None:
    """Raise QueryInvalidError unless the codebook answers every name and the size is in bounds."""
    Reader(codebook).read(query)


def is_one_row_a_person(table: Table) -> bool:
    """Tell whether the codebook says each person has exactly one row in the table."""
    column = table.find_column(table.person_key)
    return column is not None and column.missing == 0 and column.distinct == table.rows


def group_values(column: Column) -> tuple[str, ...]:
    """Return the values of a column that may head a group, from the codebook alone."""
    if column.type == "boolean":
        return ("false", "true")
    listed = tuple(c.value for c in column.categories if c.value != OTHER_CATEGORY)
    if listed or column.type != "integer" or column.minimum is None or column.maximum is None:
        return listed
    low, high = int(column.minimum), int(column.maximum)
    return tuple(str(n) for n in range(low, high + 1)) if high - low < MAX_GROUPS else ()


class Reader:
    """Reads one query against one codebook, counting words and depth on the way."""

    def __init__(self, codebook: Codebook) -> None:
        self._codebook = codebook
        self._words = 0

    def read(self, query: Query) -> None:
        """Check a whole query."""
        self.condition(query.cohort)
        if isinstance(query, CohortCount):
            if query.by is not None:
                self.grouping(query.by)
        elif isinstance(query, CrossTable):
            cells = self.grouping(query.rows) * self.grouping(query.columns)
            if cells > MAX_CELLS:
                raise _invalid(
                    f"The table would have more than {MAX_CELLS} cells; use wider bands.",
                    "query_cells",
                )
        else:
            self.survival(query)

    def survival(self, query: KaplanMeier) -> None:
        """Check a survival query: a number for time, an event, a sane width of steps."""
        column = self.variable(query.time)
        if column.type not in _NUMBERS:
            raise _invalid(f"Time needs a number of days; {column.name} is {column.type}.", "type")
        if isinstance(query.event, EventWhen):
            self.condition(query.event.condition)
        else:
            self._event_rows(query.event)
        if query.by is not None:
            self.grouping(query.by)
        if not 1 <= query.every <= MAX_EVERY:
            raise _invalid(f"`every` lies between 1 and {MAX_EVERY} days.", "query_every")

    def _event_rows(self, event: EventRows) -> None:
        table = self.table(event.table)
        day = self.column(table, event.day)
        if day.type not in _NUMBERS:
            raise _invalid(f"The day of an event is a number; {day.name} is {day.type}.", "type")
        self.row_test(event.where, table)

    def condition(self, condition: Condition, depth: int = 1) -> None:
        """Check a condition on people."""
        self._count(depth)
        if isinstance(condition, All | Any):
            _check_parts(condition.parts)
            for part in condition.parts:
                self.condition(part, depth + 1)
        elif isinstance(condition, Not):
            self.condition(condition.part, depth + 1)
        elif isinstance(condition, Has):
            self.row_test(condition.where, self.table(condition.table), depth + 1)
            if not 1 <= condition.at_least <= MAX_AT_LEAST:
                raise _invalid(f"`at_least` lies between 1 and {MAX_AT_LEAST}.", "query_at_least")
        elif isinstance(condition, PickedIs):
            self.variable(condition.picked)
            table = self.table(condition.picked.table)
            self.row_test(condition.test, table, depth + 1, only=condition.picked.value)

    def row_test(
        self, test: RowTest | None, table: Table, depth: int = 1, *, only: str = ""
    ) -> None:
        """Check a test on the rows of a table; `only` is the one column it may name."""
        if test is None:
            return
        self._count(depth)
        if isinstance(test, RowAll | RowAny):
            _check_parts(test.parts)
            for part in test.parts:
                self.row_test(part, table, depth + 1, only=only)
        elif isinstance(test, RowNot):
            self.row_test(test.part, table, depth + 1, only=only)
        else:
            if only and test.column != only:
                raise _invalid(
                    f"The test of a picked value names {only}, not {test.column}.", "query_picked"
                )
            _check_values(test, self.column(table, test.column))

    def variable(self, variable: ColumnOf | Picked) -> Column:
        """Check a variable and return the column its value comes from."""
        self._count(1)
        table = self.table(variable.table)
        if isinstance(variable, Picked):
            by = self.column(table, variable.by)
            if by.type not in _ORDERED:
                raise _invalid(f"First and last need an order; {by.name} is {by.type}.", "type")
            self.row_test(variable.where, table)
            return self.column(table, variable.value)
        if not is_one_row_a_person(table):
            raise _invalid(
                f"{table.name} has several rows a person; pick the first or last value of it.",
                "query_rows",
                table=table.name,
            )
        return self.column(table, variable.column)

    def grouping(self, grouping: Grouping) -> int:
        """Check a grouping and return how many groups it makes."""
        if isinstance(grouping.of, Whether):
            self.condition(grouping.of.condition)
            if grouping.bands:
                raise _invalid("Yes and no have no bands.", "query_bands")
            return 2
        column = self.variable(grouping.of)
        if grouping.bands:
            return _check_bands(column, grouping.bands)
        groups = len(group_values(column))
        if not 0 < groups <= MAX_GROUPS:
            raise _invalid(
                f"{column.name} has no list of at most {MAX_GROUPS} categories in the codebook; "
                "give bands.",
                "query_bands",
                column=column.name,
            )
        return groups + 2

    def table(self, name: str) -> Table:
        """Return a table that can be asked about people."""
        table = self._codebook.find_table(name)
        if table is None or not table.person_key:
            raise _invalid(
                f"The codebook has no table {name!r} that names people.",
                "unknown_table",
                table=name,
            )
        return table

    def column(self, table: Table, name: str) -> Column:
        """Return a column that may be asked about."""
        column = table.find_column(name)
        if column is None:
            asked = [one.name for one in table.columns if one.role not in _HIDDEN]
            near = ", ".join(get_close_matches(name, asked))
            raise _invalid(
                f"{table.name} has no column {name!r}" + (f"; near it: {near}." if near else "."),
                "unknown_column",
                column=name,
            )
        if column.role in _HIDDEN:
            raise _invalid(
                f"{name} of {table.name} tells people apart and cannot be asked about.",
                "hidden_column",
                column=name,
            )
        return column

    def _count(self, depth: int) -> None:
        self._words += 1
        if depth > MAX_DEPTH:
            raise _invalid(f"Conditions nest at most {MAX_DEPTH} deep.", "query_depth")
        if self._words > MAX_WORDS:
            raise _invalid(f"A query has at most {MAX_WORDS} conditions.", "query_words")


def _check_parts(parts: tuple[Condition, ...] | tuple[RowTest, ...]) -> None:
    if not parts:
        raise _invalid("`and` and `or` need at least one part.", "query_empty")


def _check_values(test: Compare | OneOf | Between | Missing, column: Column) -> None:
    if isinstance(test, Missing):
        return
    if _needs_order(test) and column.type not in _ORDERED:
        raise _invalid(f"{column.name} is {column.type} and has no order.", "type")
    for value in _values(test):
        check_value(value, column)


def _needs_order(test: Compare | OneOf | Between) -> bool:
    if isinstance(test, Compare):
        return test.op not in {Comparison.EQ, Comparison.NE}
    return isinstance(test, Between)


def _values(test: Compare | OneOf | Between) -> tuple[Value, ...]:
    if isinstance(test, Compare):
        return (test.value,)
    if isinstance(test, Between):
        return (test.low, test.high)
    if not 1 <= len(test.values) <= MAX_VALUES:
        raise _invalid(f"`in` takes between 1 and {MAX_VALUES} values.", "query_values")
    return test.values


def check_value(value: Value, column: Column) -> None:
    """Raise unless the value fits the column's type and, for text, its listed categories."""
    if not _FITS[column.type](value):
        raise _invalid(
            f"A value for {column.name} does not fit: the column is {column.type}"
            " (write a decimal as text, a date as 2026-01-31).",
            "value_type",
            column=column.name,
        )
    if column.type == "string" and value not in group_values(column):
        raise _invalid(
            f"{value!r} is not among the categories of {column.name} in the codebook.",
            "unknown_category",
            column=column.name,
        )


def _check_bands(column: Column, bands: tuple[Value, ...]) -> int:
    if column.type not in _NUMBERS:
        raise _invalid(f"Bands cut numbers; {column.name} is {column.type}.", "type")
    if len(bands) >= MAX_GROUPS:
        raise _invalid(f"At most {MAX_GROUPS} bands.", "query_bands")
    for value in bands:
        check_value(value, column)
    cuts = [float(value) for value in bands]
    if any(low >= high for low, high in pairwise(cuts)):
        raise _invalid("Cut points rise from one band to the next.", "query_bands")
    return len(bands) + 2


def _is_whole(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53


def _is_number(value: Value) -> bool:
    return _is_whole(value) or (isinstance(value, str) and bool(_DECIMAL.fullmatch(value)))


def _is_date(value: Value) -> bool:
    if not isinstance(value, str) or len(value) != 10:
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


_FITS = {
    "integer": _is_number,  # an average of a band may cut whole numbers
    "number": _is_number,
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "date": _is_date,
}


def _invalid(message: str, code: str, **details: str) -> QueryInvalidError:
    return QueryInvalidError(message, code=code, **details)
