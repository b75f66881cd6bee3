"""A naive twin of the query language: the same words over lists of rows in plain Python."""

from math import ceil

from tidegate.lab.query import model as q
from tidegate.lab.query.axes import groupings_of
from tidegate.lab.query.rules import group_values

OPS = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}


class Twin:
    """Answers who is in a cohort and in which group, by looking at every row."""

    def __init__(self, tables, codebook):
        self.tables = tables
        self.codebook = codebook
        keys = {t.name: t.person_key for t in codebook.tables}
        self.rows = {
            name: [(str(row[keys[name]]), row) for row in rows] for name, rows in tables.items()
        }
        self.people = sorted({person for rows in self.rows.values() for person, _ in rows})

    def cohort(self, condition):
        return {person for person in self.people if self.meets(person, condition)}

    def meets(self, person, condition):
        match condition:
            case q.Everyone():
                return True
            case q.Not(part=part):
                return not self.meets(person, part)
            case q.All(parts=parts):
                return all(self.meets(person, part) for part in parts)
            case q.Any(parts=parts):
                return any(self.meets(person, part) for part in parts)
            case q.PickedIs(picked=picked, test=test):
                value = self.picked(person, picked)
                return value is not None and self.passes({picked.value: value}, test, picked.table)
            case q.Has(table=table, where=where, at_least=least):
                return len(self.matching(person, table, where)) >= least

    def matching(self, person, table, where):
        return [
            row
            for owner, row in self.rows[table]
            if owner == person and (where is None or self.passes(row, where, table))
        ]

    def passes(self, row, test, table):  # noqa: PLR0911 - one answer a word
        match test:
            case q.RowNot(part=part):
                return not self.passes(row, part, table)
            case q.RowAll(parts=parts):
                return all(self.passes(row, part, table) for part in parts)
            case q.RowAny(parts=parts):
                return any(self.passes(row, part, table) for part in parts)
        cell, kind = row[test.column], self.column(table, test.column).type
        if isinstance(test, q.Missing):
            return cell is None
        if cell is None:
            return False
        if isinstance(test, q.OneOf):
            return any(cell == typed(value, kind) for value in test.values)
        if isinstance(test, q.Between):
            return typed(test.low, kind) <= cell <= typed(test.high, kind)
        return OPS[test.op](cell, typed(test.value, kind))

    def picked(self, person, picked):
        rows = [
            row
            for row in self.matching(person, picked.table, picked.where)
            if row[picked.by] is not None and row[picked.value] is not None
        ]
        if not rows:
            return None
        end = (min if picked.end is q.End.FIRST else max)(row[picked.by] for row in rows)
        return min(row[picked.value] for row in rows if row[picked.by] == end)

    def value(self, person, variable):
        if isinstance(variable, q.Picked):
            return self.picked(person, variable)
        rows = self.matching(person, variable.table, None)
        return rows[0][variable.column] if rows else None

    def code(self, person, grouping):
        """Return the engine's code of a person's group."""
        if isinstance(grouping.of, q.Whether):
            return 0 if self.meets(person, grouping.of.condition) else 1
        value = self.value(person, grouping.of)
        name = getattr(grouping.of, "column", None) or grouping.of.value
        column = self.column(grouping.of.table, name)
        if grouping.bands:
            known = len(grouping.bands) + 1
            if value is None:
                return known + 1
            return sum(value >= typed(cut, column.type) for cut in grouping.bands)
        values = group_values(column)
        if value is None:
            return len(values) + 1
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return values.index(text) if text in values else len(values)

    def answer(self, query):
        """Return {person: (codes, day, event)} for the cohort."""
        found = {}
        for person in self.cohort(query.cohort):
            codes = tuple(self.code(person, grouping) for grouping in groupings_of(query))
            if isinstance(query, q.KaplanMeier):
                found[person] = (codes, *self.follow(person, query))
            else:
                found[person] = (codes,)
        return found

    def follow(self, person, query):
        until = self.value(person, query.time)
        if isinstance(query.event, q.EventWhen):
            return until, self.meets(person, query.event.condition)
        event = query.event
        days = [row[event.day] for row in self.matching(person, event.table, event.where)]
        days = [day for day in days if day is not None]
        if days and until is not None and min(days) <= until:
            return min(days), True
        return until, False

    def column(self, table, name):
        return self.codebook.find_table(table).find_column(name)


def typed(value, kind):
    """Return a query's value as the column's own type."""
    if kind in {"integer", "number"} and isinstance(value, str):
        return float(value)
    return value


def kaplan_meier(days, events):
    """The textbook estimator: [(day, at risk, events, survival)] at each day with events."""
    survival, steps = 1.0, []
    for day in sorted({d for d, e in zip(days, events, strict=True) if e}):
        at_risk = sum(d >= day for d in days)
        dead = sum(d == day and e for d, e in zip(days, events, strict=True))
        survival *= 1 - dead / at_risk
        steps.append((day, at_risk, dead, survival))
    return steps


def grid(day, every):
    """Round a day up to the grid."""
    return ceil(day / every)
