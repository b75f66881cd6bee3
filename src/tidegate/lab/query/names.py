"""Which columns a query reads: what a permit's list of variables is held against."""

from tidegate.lab.query.axes import groupings_of
from tidegate.lab.query.model import (
    All,
    Any,
    ColumnOf,
    Condition,
    EventWhen,
    Grouping,
    Has,
    KaplanMeier,
    Not,
    Picked,
    PickedIs,
    Query,
    RowAll,
    RowAny,
    RowNot,
    RowTest,
    Whether,
)

Names = set[tuple[str, str]]


def columns_of(query: Query) -> frozenset[tuple[str, str]]:
    """Return every (table, column) that a query names."""
    found = _of_condition(query.cohort)
    for grouping in groupings_of(query):
        found |= _of_grouping(grouping)
    if isinstance(query, KaplanMeier):
        found |= _of_variable(query.time)
        if isinstance(query.event, EventWhen):
            found |= _of_condition(query.event.condition)
        else:
            found.add((query.event.table, query.event.day))
            found |= _of_test(query.event.where, query.event.table)
    return frozenset(found)


def _of_grouping(grouping: Grouping) -> Names:
    if isinstance(grouping.of, Whether):
        return _of_condition(grouping.of.condition)
    return _of_variable(grouping.of)


def _of_variable(variable: ColumnOf | Picked) -> Names:
    if isinstance(variable, ColumnOf):
        return {(variable.table, variable.column)}
    own = {(variable.table, variable.by), (variable.table, variable.value)}
    return own | _of_test(variable.where, variable.table)


def _of_condition(condition: Condition) -> Names:
    if isinstance(condition, All | Any):
        return {name for part in condition.parts for name in _of_condition(part)}
    if isinstance(condition, Not):
        return _of_condition(condition.part)
    if isinstance(condition, PickedIs):
        return _of_variable(condition.picked)
    return _of_test(condition.where, condition.table) if isinstance(condition, Has) else set()


def _of_test(test: RowTest | None, table: str) -> Names:
    if test is None:
        return set()
    if isinstance(test, RowAll | RowAny):
        return {name for part in test.parts for name in _of_test(part, table)}
    if isinstance(test, RowNot):
        return _of_test(test.part, table)
    return {(table, test.column)}
