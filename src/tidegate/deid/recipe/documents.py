"""The document of a recipe: written canonically, read strictly; what is unknown is refused."""

import json
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from fractions import Fraction
from typing import Any, TypeVar

from tidegate.deid.errors import RecipeInvalidError
from tidegate.deid.hierarchies.model import HierarchyChoice, Kind, Unknown
from tidegate.deid.recipe.model import (
    ACTIONS,
    FORMAT,
    Action,
    Asked,
    ColumnPlan,
    CriterionName,
    Order,
    Publish,
    Role,
    TableRecipe,
)
from tidegate.deid.tables.model import Attacker, Distance, Method
from tidegate.kernel.canonical import canonical_json, sha256_hex
from tidegate.kernel.values import dataclass

_LARGEST_K = 1_000_000
_OLDEST = 150
_E = TypeVar("_E", bound=StrEnum)

_PARTS: Mapping[CriterionName, tuple[str, ...]] = {
    CriterionName.K_ANONYMITY: ("k",),
    CriterionName.DISTINCT_L: ("column", "l"),
    CriterionName.ENTROPY_L: ("column", "l"),
    CriterionName.RECURSIVE_L: ("column", "c", "l"),
    CriterionName.T_CLOSENESS: ("column", "t", "distance"),
    CriterionName.DELTA_PRESENCE: ("least", "most"),
    CriterionName.RISK: ("attacker", "most"),
}


# --- writing


def document(recipe: TableRecipe) -> dict[str, Any]:
    """Return the recipe as a document for canonical JSON; what is usual is written too."""
    return {
        "format": FORMAT,
        "name": recipe.name,
        "columns": [column_document(plan) for plan in recipe.columns],
        "criteria": [criterion_document(asked) for asked in recipe.criteria],
        "method": recipe.method.value,
        "suppression": recipe.suppression,
        "order": recipe.order.value,
    }


def told(recipe: TableRecipe) -> dict[str, Any]:
    """Return the document as reports tell it: rows somebody gave stand there by their SHA-256.

    They may hold values of people. Whoever has them can tell that they are the same.
    """
    written = document(recipe)
    for column in written["columns"]:
        tree = column.get("hierarchy", {})
        if tree.get("kind") == Kind.GIVEN.value:
            tree["rows_sha256"] = sha256_hex(canonical_json(tree.pop("rows")))
    return written


def column_document(plan: ColumnPlan) -> dict[str, Any]:
    """Return what a recipe says about one column."""
    written: dict[str, Any] = {"name": plan.name, "role": plan.role.value}
    if plan.role is Role.QUASI:
        written |= {"weight": plan.weight, "publish": plan.publish.value}
    else:
        written["action"] = plan.action.value
    if plan.kind:
        written["kind"] = plan.kind
    if plan.hierarchy is not None:
        written["hierarchy"] = _hierarchy_document(plan.hierarchy)
    return written


def _hierarchy_document(choice: HierarchyChoice) -> dict[str, Any]:
    written: dict[str, Any] = {"kind": choice.kind.value, "unknown": choice.unknown.value}
    if choice.kind is Kind.AGE:
        written["top"] = choice.top
    if choice.kind is Kind.GIVEN:
        written |= {"ordered": choice.ordered, "rows": [list(row) for row in choice.rows]}
    return written


def criterion_document(asked: Asked) -> dict[str, Any]:
    """Return one criterion as recipes, claims and reports write it."""
    values = {part: getattr(asked, part) for part in _PARTS[asked.criterion]}
    plain = {n: v.value if isinstance(v, StrEnum) else v for n, v in values.items()}
    return {"criterion": asked.criterion.value, **plain}


# --- reading


def parse(text: str) -> Any:
    """Read JSON whose fractions stay as written and whose keys stand once."""
    try:
        return json.loads(
            text, parse_float=str, parse_constant=_no_constant, object_pairs_hook=_once
        )
    except (json.JSONDecodeError, RecursionError) as problem:
        at = f" (line {problem.lineno})" if isinstance(problem, json.JSONDecodeError) else ""
        raise RecipeInvalidError(
            f"The recipe is not JSON{at}; correct it there.", code="recipe_not_json"
        ) from None


def _no_constant(name: str) -> Any:
    raise RecipeInvalidError(f"{name} is no number a recipe may have.", code="recipe_number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RecipeInvalidError(
            f"The recipe has the key {twice!r} twice in one place; keep one.",
            code="recipe_key_twice",
            key=twice,
        )
    return found


@dataclass(frozen=True, slots=True)
class _Fields:
    """One object of the document, and where it stands, for words about what is wrong with it."""

    values: Mapping[str, Any]
    where: str

    def text(self, key: str, usual: str | None = None) -> str:
        value = self._get(key, usual)
        if not isinstance(value, str) or not value:
            raise self.wrong(key, "must be text")
        return value

    def whole(self, key: str, low: int, high: int, usual: int | None = None) -> int:
        value = self._get(key, usual)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.wrong(key, f"must be a whole number from {low} to {high}")
        return value

    def flag(self, key: str) -> bool:
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            raise self.wrong(key, "must be true or false")
        return value

    def fraction(self, key: str, fits: Callable[[Fraction], bool], must: str, usual: str) -> str:
        """Read a number as plain decimal text, or as a fraction such as 1/11."""
        value = self._get(key, usual or None)
        written = number_text(value) if isinstance(value, int | str) else None
        if isinstance(value, bool) or written is None or not fits(Fraction(written)):
            raise self.wrong(key, f"must be {must}")
        return written

    def one_of(self, key: str, kind: type[_E], usual: _E | None = None) -> _E:
        value = self._get(key, usual)
        try:
            return kind(value)
        except ValueError:
            allowed = ", ".join(each.value for each in kind)
            raise self.wrong(key, f"must be one of: {allowed}") from None

    def wrong(self, key: str, must: str) -> RecipeInvalidError:
        return RecipeInvalidError(
            f"In the recipe, {self.where}{key} {must}.", code="recipe_value", key=self.where + key
        )

    def _get(self, key: str, usual: Any) -> Any:
        value = self.values.get(key, usual)
        if value is None:
            raise RecipeInvalidError(
                f"The recipe lacks {self.where}{key}; write it.",
                code="recipe_key_missing",
                key=self.where + key,
            )
        return value


def _fields(value: Any, where: str, allowed: Iterable[str]) -> _Fields:
    place = f"{where}." if where else ""
    if not isinstance(value, Mapping):
        raise RecipeInvalidError(
            f"In the recipe, {where or 'the whole document'} must be an object.",
            code="recipe_value",
            key=where,
        )
    unknown = [str(key) for key in value if key not in allowed]
    if unknown:
        raise RecipeInvalidError(
            f"The recipe has an unknown key {place}{unknown[0]}; allowed there are:"
            f" {', '.join(sorted(allowed))}.",
            code="recipe_unknown_key",
            key=place + unknown[0],
        )
    return _Fields(value, place)


def number_text(value: int | str) -> str | None:
    """Return a number as plain decimal text or as a fraction, or None if it is none."""
    text = str(value).strip()
    try:
        if "/" in text:
            return str(Fraction(text))
        read = Decimal(text)
    except (ValueError, ZeroDivisionError, InvalidOperation):
        return None
    if not read.is_finite() or abs(read.adjusted()) > 18:
        return None
    plain = format(read, "f")
    return (plain.rstrip("0").rstrip(".") if "." in plain else plain) or "0"


def read(value: Any) -> TableRecipe:
    """Read a document as `document` writes it.

    Raises RecipeInvalidError that names the key, and says what is allowed there.
    """
    allowed = ("format", "name", "columns", "criteria", "method", "suppression", "order")
    if not isinstance(value, Mapping) or value.get("format") != FORMAT:
        raise RecipeInvalidError(
            f'This is no recipe of a table: it must have "format": "{FORMAT}".',
            code="recipe_format",
        )
    fields = _fields(value, "", allowed)
    recipe = TableRecipe(
        name=fields.text("name", "table"),
        columns=tuple(
            read_column(each, f"columns[{n}]") for n, each in enumerate(_list(fields, "columns"))
        ),
        criteria=read_criteria(fields.values.get("criteria")),
        method=fields.one_of("method", Method, Method.LOCAL),
        suppression=fields.fraction(
            "suppression", lambda share: 0 <= share < 1, "a share from 0 to under 1", "0"
        ),
        order=fields.one_of("order", Order, Order.SORTED),
    )
    check(recipe)
    return recipe


def read_criteria(value: Any) -> tuple[Asked, ...]:
    """Read the list of what is asked for; it may not be empty."""
    written = _list(_Fields({"criteria": value}, ""), "criteria")
    return tuple(_criterion(each, place) for place, each in enumerate(written))


def _list(fields: _Fields, key: str) -> list[Any]:
    value = fields.values.get(key)
    if not isinstance(value, list) or not value:
        raise fields.wrong(key, "must be a list that is not empty")
    return value


def read_column(value: Any, where: str) -> ColumnPlan:
    """Read what a recipe says about one column; `where` names its place in what is refused."""
    allowed = ("name", "role", "action", "kind", "hierarchy", "weight", "publish")
    fields = _fields(value, where, allowed)
    role = fields.one_of("role", Role)
    is_quasi = role is Role.QUASI
    for key in ("action", "kind") if is_quasi else ("weight", "publish"):
        if key in fields.values:
            raise fields.wrong(key, f"is nothing a {role.value} has")
    action = Action.KEEP if is_quasi else fields.one_of("action", Action, ACTIONS[role][0])
    if not is_quasi and action not in ACTIONS[role]:
        raise fields.wrong(
            "action", f"must be one of: {', '.join(ACTIONS[role])}, for a {role.value}"
        )
    return ColumnPlan(
        name=fields.text("name"),
        role=role,
        action=action,
        kind=fields.text("kind") if "kind" in fields.values else "",
        hierarchy=_hierarchy(fields.values["hierarchy"], f"{where}.hierarchy")
        if "hierarchy" in fields.values
        else None,
        weight=fields.fraction(
            "weight", lambda weight: 0 < weight <= 1000, "over 0 and at most 1000", "1"
        ),
        publish=fields.one_of("publish", Publish, Publish.LABEL),
    )


def _hierarchy(value: Any, where: str) -> HierarchyChoice:
    fields = _fields(value, where, ("kind", "unknown", "top", "ordered", "rows"))
    kind = fields.one_of("kind", Kind)
    strange = {"top": Kind.AGE, "ordered": Kind.GIVEN, "rows": Kind.GIVEN}
    for key, only in strange.items():
        if key in fields.values and kind is not only:
            raise fields.wrong(key, f"is only for the kind {only.value}")
    rows = _list(fields, "rows") if kind is Kind.GIVEN else []
    if not all(
        isinstance(row, list) and row and all(isinstance(c, str) for c in row) for row in rows
    ):
        raise fields.wrong("rows", "must be lists of text, the value first")
    return HierarchyChoice(
        kind=kind,
        unknown=fields.one_of("unknown", Unknown, Unknown.REFUSE),
        top=fields.whole("top", 0, _OLDEST, 0),
        ordered=fields.flag("ordered"),
        rows=tuple(tuple(row) for row in rows),
    )


def _criterion(value: Any, place: int) -> Asked:
    where = f"criteria[{place}]"
    names = {"criterion", *(part for parts in _PARTS.values() for part in parts)}
    name = _fields(value, where, names).one_of("criterion", CriterionName)
    parts = _PARTS[name]
    fields = _fields(value, where, ("criterion", *parts))
    over_zero, share = (lambda n: n > 0), (lambda n: 0 <= n <= 1)
    readers: Mapping[str, Callable[[], Any]] = {
        "column": lambda: fields.text("column"),
        "k": lambda: fields.whole("k", 2, _LARGEST_K),
        "l": lambda: _diversity(fields, name),
        "c": lambda: fields.fraction("c", over_zero, "over 0", ""),
        "t": lambda: fields.fraction("t", share, "from 0 to 1", ""),
        "least": lambda: fields.fraction("least", share, "from 0 to 1", "0"),
        "most": lambda: fields.fraction("most", lambda n: 0 < n <= 1, "over 0, at most 1", ""),
        "distance": lambda: fields.one_of("distance", Distance, Distance.EQUAL),
        "attacker": lambda: fields.one_of("attacker", Attacker, Attacker.PROSECUTOR),
    }
    return Asked(name, **{part: readers[part]() for part in parts})


def _diversity(fields: _Fields, name: CriterionName) -> str:
    needs_whole = name in {CriterionName.DISTINCT_L, CriterionName.RECURSIVE_L}

    def fits(value: Fraction) -> bool:
        return value > 1 and (not needs_whole or value.denominator == 1)

    return fields.fraction("l", fits, f"{'a whole number ' if needs_whole else ''}over 1", "")


def check(recipe: TableRecipe) -> None:
    """Refuse a recipe that contradicts itself; its document might still be well formed."""
    names = [plan.name for plan in recipe.columns]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise RecipeInvalidError(
            f"The recipe plans the column {twice} twice; keep one.",
            code="recipe_column_twice",
            column=twice,
        )
    if not recipe.of_role(Role.QUASI):
        raise RecipeInvalidError(
            "The recipe names no quasi-identifier, so nothing would be anonymised; name those"
            " columns by which somebody could know a person.",
            code="recipe_no_quasi",
        )
    if not recipe.criteria:
        raise RecipeInvalidError(
            "The recipe asks for nothing; give it a criterion such as k-anonymity.",
            code="recipe_no_criterion",
        )
    shifted = next((p for p in recipe.columns if p.action is Action.SHIFT_DATE), None)
    if shifted is not None:
        raise RecipeInvalidError(
            f"The recipe shifts the dates of {shifted.name}, which takes the people's keys of a"
            " node; generalise or empty that column.",
            code="recipe_shift_impossible",
            column=shifted.name,
        )
    check_criteria(recipe)


def check_criteria(recipe: TableRecipe) -> None:
    """Refuse criteria about columns that are not called sensitive."""
    sensitive = {plan.name for plan in recipe.of_role(Role.SENSITIVE)}
    for asked in recipe.criteria:
        if asked.column and asked.column not in sensitive:
            raise RecipeInvalidError(
                f"The criterion {asked.criterion.value} is about {asked.column}, which the recipe"
                " does not call sensitive; give that column the role sensitive.",
                code="recipe_not_sensitive",
                column=asked.column,
            )
