"""The steward's page of a version's recipe: choose, look at what it would do, de-identify."""

import json
from fractions import Fraction
from typing import Any

from starlette.responses import Response

from tidegate.access.model import Role
from tidegate.access.rules import check_has_role
from tidegate.deid.hierarchies.model import Unknown
from tidegate.deid.previews.model import Look, Point, Preview, ProposedRecipe
from tidegate.kernel.canonical import canonical_json
from tidegate.kernel.errors import InvalidError, TidegateError
from tidegate.web import curves
from tidegate.web.kit import Ask, making, page
from tidegate.web.messages import words
from tidegate.web.recipe_form import (
    DISTANCES,
    DIVERSITIES,
    KEPT,
    KINDS,
    PUBLISHED,
    TREATMENTS,
    Line,
    Wanted,
    lines_of,
    read_document,
    read_kept,
    read_lines,
    read_wanted,
    wanted_of,
)


def show_recipe(ask: Ask) -> Response:
    """Show the recipe that was last asked for, or else the one proposed, with its reasons."""
    proposed = _propose(ask)
    asked = ask.house.runs.find_latest(ask.path["version_id"])
    document = json.loads(asked.run.recipe) if asked else proposed.recipe
    lines, wanted = lines_of(document, proposed.columns), wanted_of(document)
    return _page(ask, proposed, lines, wanted)


def send_recipe(ask: Ask) -> Response:
    """Preview the recipe of the form, or de-identify with it."""
    proposed, form = _propose(ask), ask.form
    lines, wanted = read_lines(form, proposed.columns), read_wanted(form)
    document = read_document(form, proposed.columns)
    try:
        if form.text("do") == "deidentify":
            return _deidentify(ask, document)
        against = read_kept(form, document)
        version, shown = ask.path["version_id"], against if form.text("do") != "keep" else None
        seen = ask.house.previews.preview(version, document, by=ask.actor, against=shown)
    except TidegateError as problem:
        return _page(ask, proposed, lines, wanted, problem=problem)
    return _page(ask, proposed, lines, wanted, seen=seen, document=document, against=against)


def _deidentify(ask: Ask, document: dict[str, Any]) -> Response:
    """De-identify, once a person has said that the roles are right."""
    version, rooms, form = ask.path["version_id"], ask.house, ask.form
    project = form.required("project")
    if form.text("confirmed") != "yes":
        raise InvalidError(
            "Nobody has confirmed the roles yet; look through the columns and tick that they are"
            " right.",
            code="roles_unconfirmed",
        )
    rooms.runs.start(version, document, project, by=ask.actor)
    return ask.go(f"/versions/{version}/deidentification", said="run_started")


def show_curve(ask: Ask) -> Response:
    """Draw the curve whose figures the address holds."""
    check_has_role(ask.actor, Role.STEWARD)
    svg = curves.draw(curves.read_curves(ask.query), lambda key: words(ask.language, key))
    return Response(svg, media_type="image/svg+xml")


def _propose(ask: Ask) -> ProposedRecipe:
    """Return the proposal; nobody but a steward gets past here."""
    return ask.house.previews.propose(ask.path["version_id"], by=ask.actor)


def _page(
    ask: Ask,
    proposed: ProposedRecipe,
    lines: tuple[Line, ...],
    wanted: Wanted,
    *,
    problem: TidegateError | None = None,
    **preview: Any,
) -> Response:
    version = ask.house.catalogue.get_version(ask.path["version_id"])
    return ask.page(
        "recipe.html",
        status=400 if problem is not None else 200,
        version=version,
        listing=ask.house.catalogue.get_listing(version.dataset_id, by=ask.actor),
        lines=lines,
        left=len(proposed.columns) - len(lines),
        wanted=wanted,
        project=ask.form.text("project"),
        is_confirmed=ask.form.text("confirmed") == "yes",
        projects=ask.house.projects.list_projects(),
        treatments=TREATMENTS,
        kinds=KINDS,
        published=PUBLISHED,
        diversities=DIVERSITIES,
        distances=DISTANCES,
        unknowns=tuple(one.value for one in Unknown),
        problem=problem,
        **_shown(ask, **preview),
    )


def _shown(
    ask: Ask,
    *,
    seen: Preview | None = None,
    document: dict[str, Any] | None = None,
    against: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Lay out what the template needs of a preview; the recipe to compare with outlives errors."""
    kept = canonical_json(against).decode() if against else ask.form.text(KEPT)
    is_forgotten = ask.form.text("do") == "forget"
    shown: dict[str, Any] = {"seen": seen, "against": "" if is_forgotten else kept}
    shown["is_kept"] = bool(shown["against"])
    if seen is None or document is None:
        return shown
    base = "kept" if shown["is_kept"] and ask.form.text("do") != "keep" else "usual"
    return shown | {
        "base": base,
        "document": canonical_json(document).decode(),
        "curve": curves.address({"edited": seen.edited, base: seen.usual}),
        "usual_columns": _by_name(seen.usual),
        "points": _points(seen),
        "quasi": [one.column.partition(".")[2] for one in seen.edited.columns],
        "sensitive": [one.column for one in seen.edited.criteria if one.column],
        "fraction": Fraction,
        "mille": lambda share: round(float(share or 0) * 1000),
    }


def _by_name(look: Look | None) -> dict[str, Any]:
    return {one.column: one for one in look.columns} if look else {}


def _points(seen: Preview) -> tuple[tuple[int, Point, Point | None], ...]:
    """Lay both curves out as one table: k, the edited recipe's point, the other's."""
    edited = {one.k: one for one in seen.edited.curve}
    usual = {one.k: one for one in seen.usual.curve} if seen.usual else {}
    none = Point(0, "", "")
    return tuple((k, edited.get(k, none), usual.get(k)) for k in sorted({*edited, *usual}))


PAGES = (
    page("/versions/{version_id}/recipe", show_recipe),
    making("/versions/{version_id}/recipe", send_recipe),
    page("/versions/{version_id}/recipe/curve.svg", show_curve),
)
