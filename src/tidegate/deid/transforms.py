"""Turn one batch of text columns into its de-identified, typed form."""

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

from tidegate.catalogue.model import Table
from tidegate.deid.identifiers import scrub
from tidegate.deid.ladder import Value
from tidegate.deid.model import Action, ColumnRule
from tidegate.deid.pseudonyms import Pseudonymiser
from tidegate.kernel.values import dataclass


@dataclass(slots=True)
class TableTransform:
    """The de-identification of one table, batch by batch, in constant memory."""

    table: Table
    rules: tuple[ColumnRule, ...]
    names: Pseudonymiser
    mappings: Mapping[str, Mapping[Value, Value]]
    left_out: frozenset[str] = frozenset()
    """Person keys whose rows are suppressed."""
    scrubbed: int = field(default=0)

    def schema(self) -> Any:
        """Return the Arrow schema of the output."""
        import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched

        return pa.schema([pa.field(rule.column, self._type(rule)) for rule in self._kept()])

    def apply(self, batch: Any, skip: frozenset[int] = frozenset()) -> Any:
        """Return the batch without suppressed rows (`skip`: their places) and identifiers."""
        import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched

        persons = self._persons(batch)
        rows = [
            row
            for row in range(batch.num_rows)
            if row not in skip and (not persons or persons[row] not in self.left_out)
        ]
        kept = batch if len(rows) == batch.num_rows else batch.take(pa.array(rows, pa.int64()))
        people = self._persons(kept)
        columns = [self._column(rule, kept.column(rule.column), people) for rule in self._kept()]
        return pa.record_batch(columns, schema=self.schema())

    def _kept(self) -> list[ColumnRule]:
        return [rule for rule in self.rules if rule.action is not Action.REMOVE]

    def _persons(self, batch: Any) -> list[str | None]:
        key = self.table.person_key
        return list(batch.column(key).to_pylist()) if key else []

    def _type(self, rule: ColumnRule) -> Any:
        import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched

        types = {
            "integer": pa.int64(),
            "number": pa.float64(),
            "boolean": pa.bool_(),
            "date": pa.date32(),
        }
        column = self.table.find_column(rule.column)
        known = column.type if column else "string"
        if rule.action in {Action.PSEUDONYMISE, Action.SCRUB}:
            return pa.string()
        if rule.action is Action.GENERALISE and rule.groups:
            return pa.string()
        if known == "integer" and any("." in width for width in rule.widths):
            return pa.float64()
        return types.get(known, pa.string())

    def _column(self, rule: ColumnRule, column: Any, people: list[str | None]) -> Any:
        if rule.action is Action.KEEP:
            return as_type(column, self._type(rule))
        if rule.action is Action.SHIFT_DATE:
            days = zip(column.to_pylist(), people, strict=True)
            return self._array(rule, [self._shifted(day, person) for day, person in days])
        answers: dict[str | None, Value] = {}
        change = self._change(rule)
        values = column.to_pylist()
        for value in set(values):
            answers[value] = None if value is None and not self._maps_none(rule) else change(value)
        if rule.action is Action.SCRUB:
            self._count_scrubbed(values, answers)
        return self._array(rule, [answers[value] for value in values])

    def _maps_none(self, rule: ColumnRule) -> bool:
        return rule.action is Action.GENERALISE

    def _change(self, rule: ColumnRule) -> Callable[[Any], Value]:
        if rule.action is Action.PSEUDONYMISE:
            kind = rule.kind or "person"
            return lambda value: self.names.pseudonym(value, kind)
        if rule.action is Action.GENERALISE:
            mapping = self.mappings[rule.column]
            return lambda value: mapping[value]
        return lambda value: scrub(value)[0]

    def _shifted(self, day: str | None, person: str | None) -> str | None:
        return None if day is None or person is None else self.names.shifted(day, person)

    def _count_scrubbed(
        self, values: list[str | None], answers: Mapping[str | None, Value]
    ) -> None:
        changed = {value for value, now in answers.items() if value is not None and now != value}
        if changed:
            self.scrubbed += sum(scrub(value)[1] for value in values if value and value in changed)

    def _array(self, rule: ColumnRule, values: list[Value]) -> Any:
        import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched

        return as_type(pa.array(values, pa.string()), self._type(rule))


def as_type(column: Any, wanted: Any) -> Any:
    """Read a text column as its measured type; a whole number may be written 57 or 57.0."""
    import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched
    import pyarrow.compute as pc  # noqa: PLC0415

    if wanted == pa.bool_():
        return pc.equal(pc.utf8_lower(column), "true")
    if wanted == pa.date32():
        return column.cast(pa.date32())
    return column.cast(wanted)
