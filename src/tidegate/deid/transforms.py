"""Turn one batch of text columns into its de-identified, typed form."""

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

from tidegate.catalogue.model import Column, Table
from tidegate.deid.identifiers import scrub
from tidegate.deid.model import People, TablePlan
from tidegate.deid.pseudonyms import Pseudonymiser
from tidegate.deid.recipe.model import Action, ColumnPlan, Role
from tidegate.kernel.values import dataclass

Value = str | None
_TYPES = {"integer": "int64", "number": "double", "boolean": "bool", "date": "date32[day]"}


@dataclass(slots=True)
class TableTransform:
    """The de-identification of one table, batch by batch, in constant memory."""

    table: Table
    plan: TablePlan
    names: Pseudonymiser
    people: People | None = None
    """How this table was recoded, if it is the one with quasi-identifiers."""
    left_out: frozenset[str] = frozenset()
    """Person keys whose rows are suppressed."""
    scrubbed: int = field(default=0)
    _seen: int = field(default=0)
    _types: dict[str, Any] = field(default_factory=dict)

    def columns(self) -> tuple[str, ...]:
        """Return the names of the columns that are written."""
        return tuple(plan.name for plan in self._kept())

    def schema(self) -> Any:
        """Return the Arrow schema of the output."""
        import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched

        return pa.schema([pa.field(plan.name, self._type(plan)) for plan in self._kept()])

    def apply(self, batch: Any) -> Any:
        """Return the next batch of the table without suppressed rows and identifiers."""
        import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched

        first, self._seen = self._seen, self._seen + batch.num_rows
        rows = self._rows(batch, first)
        kept = batch if len(rows) == batch.num_rows else batch.take(pa.array(rows, pa.int64()))
        persons = self._persons(kept)
        columns = [
            self._generalised(plan, [first + row for row in rows])
            if plan.role is Role.QUASI
            else self._column(plan, kept.column(plan.name), persons)
            for plan in self._kept()
        ]
        return pa.record_batch(columns, schema=self.schema())

    def _rows(self, batch: Any, first: int) -> list[int]:
        """Return the places of the batch's rows that are published."""
        if self.people is not None:
            classes = self.people.recoding.classes[first : first + batch.num_rows]
            return [row for row, number in enumerate(classes.tolist()) if number >= 0]
        persons = self._persons(batch)
        return [
            row for row in range(batch.num_rows) if not persons or persons[row] not in self.left_out
        ]

    def _kept(self) -> list[ColumnPlan]:
        return [plan for plan in self.plan.columns if plan.action is not Action.REMOVE]

    def _persons(self, batch: Any) -> list[str | None]:
        key = self.table.person_key
        return list(batch.column(key).to_pylist()) if key else []

    def _type(self, plan: ColumnPlan) -> Any:
        if plan.name not in self._types:
            self._types[plan.name] = self._find_type(plan)
        return self._types[plan.name]

    def _find_type(self, plan: ColumnPlan) -> Any:
        import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched

        column = self.table.find_column(plan.name) or Column(plan.name, "string")
        if plan.action in {Action.PSEUDONYMISE, Action.SCRUB}:
            return pa.string()
        known = type_of(column)
        if plan.role is Role.QUASI and not _are_typed(self._texts(plan), known):
            return pa.string()
        return known

    def _texts(self, plan: ColumnPlan) -> tuple[Value, ...]:
        """Return what every class publishes in a quasi-identifier."""
        return dict(self.people.texts)[plan.name] if self.people is not None else ()

    def _generalised(self, plan: ColumnPlan, rows: list[int]) -> Any:
        import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched

        published = as_type(pa.array(self._texts(plan), pa.string()), self._type(plan))
        if self.people is None:  # a table without records has no classes either
            return published
        return published.take(pa.array(self.people.recoding.classes[rows]))

    def _column(self, plan: ColumnPlan, column: Any, people: list[str | None]) -> Any:
        import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched

        if plan.action is Action.KEEP:
            return as_type(column, self._type(plan))
        if plan.action is Action.EMPTY:
            return pa.nulls(len(column), self._type(plan))
        if plan.action is Action.SHIFT_DATE:
            days = zip(column.to_pylist(), people, strict=True)
            return self._array(plan, [self._shifted(day, person) for day, person in days])
        change = self._change(plan)
        values = column.to_pylist()
        answers = {value: None if value is None else change(value) for value in set(values)}
        if plan.action is Action.SCRUB:
            self._count_scrubbed(values, answers)
        return self._array(plan, [answers[value] for value in values])

    def _change(self, plan: ColumnPlan) -> Callable[[str], Value]:
        if plan.action is Action.PSEUDONYMISE:
            kind = plan.kind or "person"
            return lambda value: self.names.pseudonym(value, kind)
        return lambda value: scrub(value)[0]

    def _shifted(self, day: str | None, person: str | None) -> str | None:
        return None if day is None or person is None else self.names.shifted(day, person)

    def _count_scrubbed(
        self, values: list[str | None], answers: Mapping[str | None, Value]
    ) -> None:
        changed = {value for value, now in answers.items() if value is not None and now != value}
        if changed:
            self.scrubbed += sum(scrub(value)[1] for value in values if value and value in changed)

    def _array(self, plan: ColumnPlan, values: list[Value]) -> Any:
        import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched

        return as_type(pa.array(values, pa.string()), self._type(plan))


def type_of(column: Column) -> Any:
    """Return the Arrow type of a codebook's column."""
    import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched

    return pa.type_for_alias(_TYPES.get(column.type, "string"))


def as_type(column: Any, wanted: Any) -> Any:
    """Read a text column as its measured type."""
    import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched
    import pyarrow.compute as pc  # noqa: PLC0415

    if wanted == pa.bool_():
        return pc.equal(pc.utf8_lower(column), "true")
    return column.cast(wanted)


def _are_typed(texts: tuple[Value, ...], wanted: Any) -> bool:
    """Tell whether all labels of a column are values of its own type still."""
    import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched

    if wanted == pa.bool_():
        return {text.lower() for text in texts if text is not None} <= {"true", "false"}
    try:
        as_type(pa.array(texts, pa.string()), wanted)
    except pa.ArrowInvalid:
        return False
    return True
