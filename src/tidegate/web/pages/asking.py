"""The form for a new query, read into the query language of the lab."""

from typing import Any

from tidegate.kernel.errors import InvalidError
from tidegate.web.forms import Form, read_whole

CONDITIONS = 3
OPERATORS = ("eq", "ne", "lt", "le", "gt", "ge")
KINDS = ("count", "cross_table", "kaplan_meier")


class QueryFormError(InvalidError):
    """The form does not add up to a query."""


def read_form(form: Form) -> dict[str, Any]:
    """Return the query document of a filled form; raise QueryFormError naming the field."""
    kind = form.text("kind")
    cohort = _cohort(form)
    if kind == "count":
        by = _grouping(form, "by")
        return {"kind": kind, "cohort": cohort, **({"by": by} if by else {})}
    if kind == "cross_table":
        return {
            "kind": kind,
            "cohort": cohort,
            "rows": _needed(_grouping(form, "rows"), "rows"),
            "columns": _needed(_grouping(form, "columns"), "columns"),
        }
    if kind == "kaplan_meier":
        by = _grouping(form, "curve")
        return {
            "kind": kind,
            "cohort": cohort,
            "time": _column(form.text("time"), "time"),
            "event": {"kind": "when", "condition": _needed(_condition(form, "event"), "event")},
            "every": form.whole("every", 30),
            **({"by": by} if by else {}),
        }
    raise QueryFormError("Choose what to compute.", code="query_kind_missing")


def _needed(part: dict[str, Any] | None, name: str) -> dict[str, Any]:
    if part is None:
        raise QueryFormError(
            f"The field {name} is empty; fill it in.", code="field_empty", field=name
        )
    return part


def _cohort(form: Form) -> dict[str, Any]:
    parts = [_condition(form, f"c{place}") for place in range(CONDITIONS)]
    given = [part for part in parts if part is not None]
    if not given:
        return {"kind": "everyone"}
    return given[0] if len(given) == 1 else {"kind": "and", "parts": given}


def _condition(form: Form, name: str) -> dict[str, Any] | None:
    """Read one condition: people with at least one row whose column compares so."""
    place = form.text(f"{name}_column")
    if not place:
        return None
    column = _column(place, f"{name}_column")
    operator = form.text(f"{name}_op") or "eq"
    if operator not in OPERATORS:
        raise QueryFormError("Choose how to compare.", code="query_operator", field=name)
    value = form.required(f"{name}_value")
    compare = {
        "kind": "compare",
        "column": column["column"],
        "op": operator,
        "value": read_value(value),
    }
    return {"kind": "has", "table": column["table"], "where": compare}


def _grouping(form: Form, name: str) -> dict[str, Any] | None:
    place = form.text(f"{name}_column")
    if not place:
        return None
    bands = [read_value(part) for part in form.lines(f"{name}_bands")]
    return {"of": _column(place, f"{name}_column"), **({"bands": bands} if bands else {})}


def _column(place: str, field: str) -> dict[str, Any]:
    table, dot, column = place.partition(".")
    if not (table and dot and column):
        raise QueryFormError(
            f"Name a column as table.column, for instance nafld1.age ({field}).",
            code="query_column",
            field=field,
        )
    return {"kind": "column", "table": table, "column": column}


def read_value(text: str) -> bool | int | str:
    """Read a typed value: whole numbers and truths as such, all else as text."""
    number = read_whole(text)
    if number is not None:
        return number
    return {"true": True, "false": False}.get(text.lower(), text)
