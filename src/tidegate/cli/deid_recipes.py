"""Make a recipe out of the options of `tidegate deid table`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tidegate.deid.files.service import sample
from tidegate.deid.hierarchies.model import HierarchyChoice, Kind, Unknown
from tidegate.deid.hierarchies.service import read_rows
from tidegate.deid.recipe import service
from tidegate.deid.recipe.model import (
    USUAL_K,
    Action,
    ColumnPlan,
    Order,
    Proposal,
    Role,
    TableRecipe,
)
from tidegate.deid.reports.model import Measures
from tidegate.deid.utility.model import Regression, Survival
from tidegate.kernel.errors import InvalidError

_OF_THE_RECIPE = (
    "qi", "sensitive", "k", "distinct_l", "entropy_l", "recursive_l", "t", "delta", "risk",
    "suppression", "method", "hierarchy", "weight", "empty", "remove", "pseudonymise", "keep",
    "keep_order",
)  # fmt: skip

_MANY, _WIDE = 30, 60

_WORST = ("prosecutor", "journalist")
"""Attackers whose greatest risk is bounded, which bounds the classes as k does."""


def recipe_from_file(said: Mapping[str, Any]) -> TableRecipe:
    """Read the recipe's file; options that a recipe already answers are refused beside it."""
    twice = next((name for name in _OF_THE_RECIPE if said[name]), None)
    if twice is not None:
        raise InvalidError(
            f"A recipe was given, and so was --{twice.replace('_', '-')}; write it in the recipe.",
            code="recipe_and_options",
        )
    path: Path = said["recipe_file"]
    try:
        return service.read(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise InvalidError(f"{path} is not UTF-8 text.", code="recipe_not_json") from None


def recipe_from_options(file: Path, said: Mapping[str, Any]) -> tuple[TableRecipe, list[str]]:
    """Return a recipe for every column of the file, and what was decided without being asked."""
    received, columns = sample(file, said["delimiter"])
    given = _given(said)
    strange = next((name for name in given if name not in received.names), None)
    if strange is not None:
        raise InvalidError(
            f"{file.name} has no column {strange}; it has: {_listed(received.names)}.",
            code="column_unknown",
        )
    plans, notes, bare = [], [], []
    for proposal in service.propose(columns):
        plan = given.get(proposal.plan.name)
        if plan is None:
            plan = proposal.plan
            if plan.role is Role.DIRECT:
                notes.append(_emptied(proposal))
            else:
                plan = ColumnPlan(plan.name, Role.OTHER)
                bare.append(plan.name)
        plans.append(plan)
    if bare:
        notes.append(
            f"Published as they are: {_listed(bare)}. Name in --qi what somebody could know of a"
            " person."
        )
    written = {
        "format": "tidegate-deid-recipe/1",
        "name": file.stem,
        "columns": [{"name": "x", "role": "quasi_identifier"}],
        "criteria": _criteria(said),
        "method": said["method"] or "local",
        "suppression": said["suppression"] or "0",
    }
    return _with_columns(written, plans, said), notes


def _listed(names: Sequence[str]) -> str:
    """Return names for a sentence: long ones and long lists shortened, edges of blanks shown."""
    shown = [name if len(name) <= _WIDE else f"{name[:_WIDE]}…" for name in names[:_MANY]]
    quoted = [name if name == name.strip() else f"“{name}”" for name in shown]
    more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
    return ", ".join(quoted) + more


def _emptied(proposal: Proposal) -> str:
    plan = proposal.plan
    if proposal.reason == "values" and not plan.kind:
        return (
            f"{plan.name} has another value in nearly every record, as numbers of people have,"
            f" and is emptied; if it is a measurement, name it in --sensitive."
        )
    return (
        f"{plan.name} looks like a direct identifier ({plan.kind or proposal.reason}) and is"
        f" emptied; --keep {plan.name} would leave it as it is."
    )


def measures_from_options(said: Mapping[str, Any]) -> Measures:
    """Return what is to be measured of the published table besides its guarantees."""
    return Measures(
        tuple(_regression(text) for text in said["regression"]),
        tuple(_survival(text) for text in said["survival"]),
        said["targets"],
    )


def _regression(text: str) -> Regression:
    outcome, found, predictors = text.partition("~")
    names = tuple(name.strip() for name in predictors.split("+") if name.strip())
    if not (found and outcome.strip() and names):
        raise InvalidError("--regression is written as y~a+b.", code="option_malformed")
    column, _, event = outcome.partition("=")
    return Regression(column.strip(), names, event.strip())


def _survival(text: str) -> Survival:
    time, _, rest = text.partition(",")
    ending, _, by = rest.partition(",")
    status, found, event = ending.partition("=")
    if not (time.strip() and found and status.strip() and event.strip()):
        raise InvalidError("--survival is written as time,status=event.", code="option_malformed")
    return Survival(time.strip(), status.strip(), event.strip(), by.strip())


def _with_columns(
    written: Mapping[str, Any], plans: list[ColumnPlan], said: Mapping[str, Any]
) -> TableRecipe:
    """Read the numbers as a recipe's reader does, then put the columns in."""
    order = Order.KEPT if said["keep_order"] else Order.SORTED
    documents = [service.column_document(plan) for plan in _weighed(plans, said)]
    recipe = service.read_document({**written, "columns": documents})
    return replace(recipe, order=order)


def _given(said: Mapping[str, Any]) -> dict[str, ColumnPlan]:
    """Return the plan of each column that an option names."""
    trees = {name: _choice(name, kind) for name, kind in _pairs("hierarchy", said["hierarchy"])}
    plans: dict[str, ColumnPlan] = {}
    roles = (
        ("qi", Role.QUASI, Action.KEEP),
        ("sensitive", Role.SENSITIVE, Action.KEEP),
        ("keep", Role.OTHER, Action.KEEP),
        ("empty", Role.DIRECT, Action.EMPTY),
        ("remove", Role.DIRECT, Action.REMOVE),
        ("pseudonymise", Role.DIRECT, Action.PSEUDONYMISE),
    )
    for option, role, action in roles:
        for name in _names(said[option]):
            if name in plans:
                raise InvalidError(
                    f"{name} is named twice, by --{option} and before; a column has one role.",
                    code="column_twice",
                )
            plans[name] = ColumnPlan(name, role, action, hierarchy=trees.get(name))
    lost = next((name for name in trees if name not in plans), None)
    if lost is not None:
        raise InvalidError(
            f"--hierarchy names {lost}, which is neither in --qi nor in --sensitive.",
            code="column_unknown",
        )
    return plans


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _pairs(option: str, texts: Iterable[str]) -> list[tuple[str, str]]:
    pairs = []
    for text in texts:
        name, found, value = text.rpartition("=")
        if not (found and name and value):
            raise InvalidError(f"--{option} is written as NAME=VALUE.", code="option_malformed")
        pairs.append((name.strip(), value.strip()))
    return pairs


def _choice(name: str, kind: str) -> HierarchyChoice:
    known, _, top = kind.partition(":")
    if known in {each.value for each in Kind if each is not Kind.GIVEN}:
        if top and (known != Kind.AGE or not top.isdigit()):
            raise InvalidError("Only age takes a top, as in age:89.", code="option_malformed")
        return HierarchyChoice(Kind(known), Unknown.OTHER, top=int(top or 0))
    path = Path(kind)
    if not path.is_file():
        kinds = ", ".join(each.value for each in Kind if each is not Kind.GIVEN)
        raise InvalidError(
            f"{kind} is neither a file nor one of: {kinds}.", code="hierarchy_unknown"
        )
    try:
        rows = read_rows(path.read_text(encoding="utf-8"), name)
    except UnicodeDecodeError:
        raise InvalidError(f"{path} is not UTF-8 text.", code="hierarchy_unknown") from None
    return HierarchyChoice(Kind.GIVEN, rows=rows)


def _weighed(plans: list[ColumnPlan], said: Mapping[str, Any]) -> list[ColumnPlan]:
    weights = dict(_pairs("weight", said["weight"]))
    quasi = {plan.name for plan in plans if plan.role is Role.QUASI}
    lost = next((name for name in weights if name not in quasi), None)
    if lost is not None:
        raise InvalidError(f"--weight names {lost}, which is not in --qi.", code="column_unknown")
    return [replace(plan, weight=weights.get(plan.name, plan.weight)) for plan in plans]


def _criteria(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the criteria that the options ask for; k = 11 unless the worst risk is bounded."""
    sensitive = _names(said["sensitive"])
    asked: list[dict[str, Any]] = []
    risks = _pairs("risk", said["risk"])
    if said["k"] or not any(attacker in _WORST for attacker, _ in risks):
        asked.append({"criterion": "k_anonymity", "k": said["k"] or USUAL_K})
    about = _about_sensitive(said)
    if about and not sensitive:
        raise InvalidError(
            "Diversity and closeness are about a sensitive column; name it with --sensitive.",
            code="sensitive_missing",
        )
    asked += [{**one, "column": column} for column in sensitive for one in about]
    if said["delta"]:
        least, _, most = said["delta"].partition(",")
        asked.append({"criterion": "delta_presence", "least": least, "most": most})
    asked += [{"criterion": "risk", "attacker": attacker, "most": most} for attacker, most in risks]
    return asked


def _about_sensitive(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if said["distinct_l"]:
        found.append({"criterion": "distinct_l", "l": said["distinct_l"]})
    if said["entropy_l"]:
        found.append({"criterion": "entropy_l", "l": said["entropy_l"]})
    if said["recursive_l"]:
        c, _, least = said["recursive_l"].partition(",")
        found.append({"criterion": "recursive_l", "c": c, "l": least})
    if said["t"]:
        found.append({"criterion": "t_closeness", "t": said["t"], "distance": said["distance"]})
    return found
