"""Queries compiled for the engine: Ibis expressions, written as DuckDB's SQL.

Every table in the engine carries the place of its person in the version's list of people, under a
name that data rarely have; the statement returns one row a person: the index, the codes of the
groups, the time and the event. Counting happens on sets of people afterwards, so that rows are
never counted.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tidegate.catalogue.model import Codebook, Column
from tidegate.lab.query import model as q
from tidegate.lab.query.axes import column_of, groupings_of
from tidegate.lab.query.rules import group_values

PERSON_INDEX = "place of the person"
PEOPLE = "people of the version"
_TYPES = {
    "integer": "int64",
    "number": "float64",
    "string": "string",
    "boolean": "boolean",
    "date": "date",
}
_COMPARE: dict[q.Comparison, Callable[[Any, Any], Any]] = {
    q.Comparison.EQ: lambda a, b: a == b,
    q.Comparison.NE: lambda a, b: a != b,
    q.Comparison.LT: lambda a, b: a < b,
    q.Comparison.LE: lambda a, b: a <= b,
    q.Comparison.GT: lambda a, b: a > b,
    q.Comparison.GE: lambda a, b: a >= b,
}
_FALSE = False
Expr = Any  # an Ibis expression; Ibis publishes no types mypy can follow


def compile_query(query: q.Query, codebook: Codebook) -> str:
    """Return the DuckDB statement of a checked query."""
    import ibis  # noqa: PLC0415 - half a second of import that only a query needs

    return str(ibis.to_sql(build(query, codebook), dialect="duckdb", pretty=False))


def build(query: q.Query, codebook: Codebook) -> Expr:
    """Return the Ibis expression of a checked query, over unbound tables."""
    return Compiler(codebook).query(query)


class Compiler:
    """Turns the words of one query into one expression."""

    def __init__(self, codebook: Codebook) -> None:
        import ibis  # noqa: PLC0415 - half a second of import that only a query needs

        self._ibis = ibis
        self._codebook = codebook
        self._people = ibis.table({PERSON_INDEX: "int32"}, name=PEOPLE)

    def query(self, query: q.Query) -> Expr:
        """Build the one-row-a-person expression of a query."""
        people = self._people
        if not isinstance(query.cohort, q.Everyone):
            people = people.filter(self.condition(query.cohort, people[PERSON_INDEX]))
        columns: list[Callable[[Expr], Expr]] = []
        for place, grouping in enumerate(groupings_of(query)):
            people, code = self._grouped(people, grouping, f"g{place}")
            columns.append(code)
        if isinstance(query, q.KaplanMeier):
            people, extra = self._survival(people, query)
            columns += extra
        return people.select(PERSON_INDEX, *(column(people) for column in columns))

    def condition(self, condition: q.Condition, person: Expr) -> Expr:
        """Build the truth of a condition for a person; never missing."""
        if isinstance(condition, q.Everyone):
            return person.notnull()
        if isinstance(condition, q.Not):
            return ~self.condition(condition.part, person)
        if isinstance(condition, q.All):
            return self._ibis.and_(*(self.condition(part, person) for part in condition.parts))
        if isinstance(condition, q.Any):
            return self._ibis.or_(*(self.condition(part, person) for part in condition.parts))
        if isinstance(condition, q.PickedIs):
            return person.isin(self._picked_people(condition)[PERSON_INDEX])
        return person.isin(self._having(condition)[PERSON_INDEX])

    def _having(self, condition: q.Has) -> Expr:
        rows = self._rows(condition.table, condition.where)
        if condition.at_least == 1:
            return rows.select(PERSON_INDEX)
        counted = rows.group_by(PERSON_INDEX).agg(n=rows.count())
        return counted.filter(counted.n >= condition.at_least)

    def _picked_people(self, condition: q.PickedIs) -> Expr:
        picked = self._picked(condition.picked).rename({condition.picked.value: "v"})
        column = column_of(condition.picked, self._codebook)
        return picked.filter(self._test(condition.test, picked, {column.name: column}))

    def _table(self, name: str) -> Expr:
        table = self._codebook.find_table(name)
        assert table is not None, "a checked query names tables the codebook has"  # noqa: S101
        schema = {
            column.name: _TYPES[column.type]
            for column in table.columns
            if column.name != table.person_key
        }
        return self._ibis.table({PERSON_INDEX: "int32", **schema}, name=name)

    def _rows(self, name: str, where: q.RowTest | None) -> Expr:
        rows = self._table(name)
        if where is None:
            return rows
        table = self._codebook.find_table(name)
        columns = {column.name: column for column in table.columns} if table else {}
        return rows.filter(self._test(where, rows, columns))

    def _test(self, test: q.RowTest, rows: Expr, columns: dict[str, Column]) -> Expr:
        if isinstance(test, q.RowNot):
            return ~self._test(test.part, rows, columns)
        if isinstance(test, q.RowAll):
            return self._ibis.and_(*(self._test(part, rows, columns) for part in test.parts))
        if isinstance(test, q.RowAny):
            return self._ibis.or_(*(self._test(part, rows, columns) for part in test.parts))
        cell = rows[test.column]
        if isinstance(test, q.Missing):
            return cell.isnull()
        return self._compared(test, cell, columns[test.column]).fill_null(_FALSE)

    def _compared(self, test: q.Compare | q.OneOf | q.Between, cell: Expr, column: Column) -> Expr:
        def literal(value: q.Value) -> Expr:
            return self._literal(value, column)

        if isinstance(test, q.OneOf):
            return cell.isin([literal(value) for value in test.values])
        if isinstance(test, q.Between):
            return cell.between(literal(test.low), literal(test.high))
        return _COMPARE[test.op](cell, literal(test.value))

    def _literal(self, value: q.Value, column: Column) -> Expr:
        if column.type == "date":
            return self._ibis.date(str(value))
        if column.type in {"integer", "number"}:
            return self._ibis.literal(float(value) if isinstance(value, str) else int(value))
        return self._ibis.literal(value)

    def _picked(self, picked: q.Picked) -> Expr:
        """Build one row a person: the index and the picked value as `v`."""
        rows = self._rows(picked.table, picked.where)
        rows = rows.select(rows[PERSON_INDEX], o=rows[picked.by], v=rows[picked.value])
        rows = rows.filter(rows.o.notnull(), rows.v.notnull())
        edge = rows.o.min() if picked.end is q.End.FIRST else rows.o.max()
        ends = rows.group_by(PERSON_INDEX).agg(edge=edge)
        there = rows.inner_join(ends, [PERSON_INDEX, rows.o == ends.edge])
        return there.group_by(PERSON_INDEX).agg(v=there.v.min())

    def _value(self, people: Expr, variable: q.ColumnOf | q.Picked, name: str) -> Expr:
        """Join a variable's value to the people under `name`; missing where they have none."""
        if isinstance(variable, q.Picked):
            values = self._picked(variable).rename({name: "v"})
        else:
            table = self._table(variable.table)
            values = table.select(PERSON_INDEX, **{name: table[variable.column]})
        return _beside(people, values)

    def _grouped(
        self, people: Expr, grouping: q.Grouping, name: str
    ) -> tuple[Expr, Callable[[Expr], Expr]]:
        ibis = self._ibis
        if isinstance(grouping.of, q.Whether):
            met = self.condition(grouping.of.condition, people[PERSON_INDEX])
            flagged = people.mutate(**{name: met.ifelse(0, 1).cast("int16")})
            return flagged, lambda table: table[name]
        column = column_of(grouping.of, self._codebook)
        people = self._value(people, grouping.of, name)

        def code(table: Expr) -> Expr:
            cell = table[name]
            if grouping.bands:
                last = len(grouping.bands)
                steps = [
                    (cell < self._literal(cut, column), place)
                    for place, cut in enumerate(grouping.bands)
                ]
                found = ibis.cases((cell.isnull(), last + 2), *steps, else_=last)
            else:
                values = group_values(column)
                steps = [
                    (cell == _as_type(value, column), place) for place, value in enumerate(values)
                ]
                found = ibis.cases((cell.isnull(), len(values) + 1), *steps, else_=len(values))
            return found.cast("int16").name(name)

        return people, code

    def _survival(
        self, people: Expr, query: q.KaplanMeier
    ) -> tuple[Expr, list[Callable[[Expr], Expr]]]:
        people = self._value(people, query.time, "until")
        if isinstance(query.event, q.EventWhen):
            met = self.condition(query.event.condition, people[PERSON_INDEX])
            people = people.mutate(event=met, day=people.until)
        else:
            rows = self._rows(query.event.table, query.event.where)
            rows = rows.filter(rows[query.event.day].notnull())
            first = rows.group_by(PERSON_INDEX).agg(first=rows[query.event.day].min())
            people = _beside(people, first)
            happened = (people.first <= people.until).fill_null(_FALSE)
            day = happened.ifelse(people.first, people.until)
            people = people.mutate(event=happened, day=day)
        return people, [
            lambda table: table.day.cast("float64").name("day"),
            lambda table: table.event,
        ]


def _beside(people: Expr, values: Expr) -> Expr:
    """Left-join values to people, keeping one index column."""
    joined = people.left_join(values, PERSON_INDEX)
    return joined.drop(f"{PERSON_INDEX}_right") if _has_right(joined) else joined


def _has_right(table: Expr) -> bool:
    return f"{PERSON_INDEX}_right" in table.columns


def _as_type(value: str, column: Column) -> Any:
    if column.type == "boolean":
        return value == "true"
    if column.type == "integer":
        return int(value)
    return float(Decimal(value)) if column.type == "number" else value
