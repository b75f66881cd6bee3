"""A version's recipe as a form by choice: one treatment for each column, and what is asked for."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from tidegate.deid.hierarchies.model import Kind, Unknown
from tidegate.deid.previews.model import ProposedColumn
from tidegate.deid.recipe.model import ACTIONS, CriterionName, Publish, Role
from tidegate.deid.tables.model import Distance
from tidegate.kernel.errors import InvalidError
from tidegate.kernel.values import dataclass
from tidegate.web.forms import Form, read_whole

MOST_COLUMNS = 120
"""Columns the form has room for; those after them stay as proposed."""

TREATMENTS: tuple[tuple[str, tuple[str, ...]], ...] = tuple(
    (role.value, tuple(f"{role.value}.{action.value}" for action in ACTIONS[role]) or (role.value,))
    for role in Role
)
"""By role: what can be chosen for a column, so that no impossible pair can be sent."""

KINDS = tuple(kind.value for kind in Kind if kind is not Kind.GIVEN)
DIVERSITIES = (CriterionName.DISTINCT_L.value, CriterionName.ENTROPY_L.value)
DISTANCES = tuple(one.value for one in Distance)
PUBLISHED = tuple(one.value for one in Publish)
KEPT = "against"
"""The field with the recipe that others are compared with, as canonical JSON."""
_LISTED = {Kind.ICD10, Kind.ATC, Kind.PLACE, Kind.SEX, Kind.ETHNICITY, Kind.OCCUPATION}


@dataclass(frozen=True, slots=True)
class Line:
    """One column of the form: what is chosen now, and why its role was proposed."""

    column: str
    treatment: str
    kind: str
    publish: str
    proposed: ProposedColumn


@dataclass(frozen=True, slots=True)
class Wanted:
    """The part of the form that is not about columns, as texts."""

    k: str = ""
    suppression: str = ""
    threshold: str = ""
    diversity: str = ""
    diversity_column: str = ""
    l: str = ""  # noqa: E741 - the letter of the paper
    t_column: str = ""
    t: str = ""
    distance: str = ""
    unknown: str = Unknown.REFUSE.value


def lines_of(document: Mapping[str, Any], proposed: Iterable[ProposedColumn]) -> tuple[Line, ...]:
    """Lay out a whole recipe's document column by column."""
    columns = document["columns"]
    return tuple(_line(columns[one.column], one) for one in proposed)[:MOST_COLUMNS]


def _line(written: Mapping[str, Any], proposed: ProposedColumn) -> Line:
    role = str(written["role"])
    kind = str(written.get("hierarchy", {}).get("kind", ""))
    return Line(
        proposed.column,
        f"{role}.{written['action']}" if "action" in written else role,
        kind if kind in KINDS else "",
        str(written.get("publish", Publish.CENTRE.value)),
        proposed,
    )


def read_lines(form: Form, proposed: Iterable[ProposedColumn]) -> tuple[Line, ...]:
    """Lay out again what a form chose, right or wrong."""
    return tuple(
        Line(
            one.column,
            form.text(f"treat:{one.column}"),
            form.text(f"kind:{one.column}"),
            form.text(f"publish:{one.column}"),
            one,
        )
        for one in proposed
    )[:MOST_COLUMNS]


def wanted_of(document: Mapping[str, Any]) -> Wanted:
    """Take what is asked for out of a whole recipe's document."""
    asked = {one["criterion"]: one for one in document["criteria"]}
    diversity = next((one for one in DIVERSITIES if one in asked), "")
    close = asked.get(CriterionName.T_CLOSENESS.value, {})
    return Wanted(
        k=str(asked.get(CriterionName.K_ANONYMITY.value, {}).get("k", "")),
        suppression=str(document["suppression"]),
        threshold=str(document["threshold"]),
        diversity=diversity,
        diversity_column=asked.get(diversity, {}).get("column", ""),
        l=str(asked.get(diversity, {}).get("l", "")),
        t_column=close.get("column", ""),
        t=close.get("t", ""),
        distance=close.get("distance", ""),
    )


def read_wanted(form: Form) -> Wanted:
    """Take what is asked for out of a form, as it was written."""
    return Wanted(
        k=form.text("k"),
        suppression=form.text("suppression"),
        threshold=form.text("threshold"),
        diversity=form.text("diversity"),
        diversity_column=form.text("diversity_column"),
        l=form.text("l"),
        t_column=form.text("t_column"),
        t=form.text("t"),
        distance=form.text("distance"),
        unknown=form.text("unknown") or Unknown.REFUSE.value,
    )


def read_document(form: Form, proposed: Iterable[ProposedColumn]) -> dict[str, Any]:
    """Write the recipe that a form describes; what is wrong in it, reading the recipe says.

    A column the form does not name stays as proposed.
    """
    wanted = read_wanted(form)
    number = read_whole(wanted.k)
    k: int | str = wanted.k if number is None else number
    columns = {
        one.column: _column(form, one, wanted.unknown)
        for one in tuple(proposed)[:MOST_COLUMNS]
        if form.text(f"treat:{one.column}")
    }
    threshold = {"threshold": wanted.threshold} if wanted.threshold else {}
    suppression = {"suppression": wanted.suppression} if wanted.suppression else {}
    return {
        "format": "tidegate-deid-version/1",
        "name": "edited",
        "k": k,
        "criteria": _criteria(wanted, k),
        **suppression,
        **threshold,
        "columns": columns,
    }


def read_kept(form: Form, document: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the recipe to compare with, if one is kept; "keep" takes this one.

    Raises InvalidError for a field that is no recipe.
    """
    if form.text("do") == "keep":
        return dict(document)
    written = form.text(KEPT)
    if not written or form.text("do") == "forget":
        return None
    try:
        read = msgspec.json.decode(written)
    except msgspec.DecodeError:
        read = None
    if not isinstance(read, dict):
        raise InvalidError(
            "The recipe that was kept cannot be read; open the page of the recipe anew.",
            code="kept_recipe_odd",
        )
    return read


def _column(form: Form, proposed: ProposedColumn, unknown: str) -> dict[str, Any]:
    name = proposed.column
    role, _, action = form.text(f"treat:{name}").partition(".")
    kind = form.text(f"kind:{name}")
    written: dict[str, Any] = {"role": role}
    if role == Role.QUASI.value:
        written["publish"] = form.text(f"publish:{name}") or Publish.CENTRE.value
    elif action:
        written["action"] = action
    if kind and role in {Role.QUASI.value, Role.SENSITIVE.value}:
        is_listed = kind in {one.value for one in _LISTED}
        beside = unknown if is_listed else Unknown.REFUSE.value
        written["hierarchy"] = {"kind": kind, "unknown": beside}
    return written


def _criteria(wanted: Wanted, k: int | str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"criterion": CriterionName.K_ANONYMITY.value, "k": k}]
    if wanted.diversity_column or wanted.l:
        found.append(
            {
                "criterion": wanted.diversity or CriterionName.DISTINCT_L.value,
                "column": wanted.diversity_column.partition(".")[2],
                "l": wanted.l,
            }
        )
    if wanted.t_column or wanted.t:
        found.append(
            {
                "criterion": CriterionName.T_CLOSENESS.value,
                "column": wanted.t_column.partition(".")[2],
                "t": wanted.t,
                "distance": wanted.distance or Distance.EQUAL.value,
            }
        )
    return found
