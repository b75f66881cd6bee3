"""The visit: four queries that travel to the hospital, a checker, one refusal."""

from typing import Any

from tidegate_client.errors import NodeError
from tidegate_demo import questions
from tidegate_demo.nodes import DemoError
from tidegate_demo.scenes import Scene


def visit(scene: Scene) -> None:
    """Step 4: count, cross-table, survival curve; an unsafe query is refused."""
    narrator = scene.narrator
    narrator.chapter("The researcher visits; rows stay")
    scene["researcher"].client.connector.open_visit(scene.agreement)
    narrator.decided(
        "a visit is open: a token bound to agreement, node and person", by="the hospital's node"
    )
    count = ask(scene, "how many people have the disease?", questions.HOW_MANY)
    narrator.say(f"→ {count['total']:,} people, rounded to 5")
    table = ask(scene, "the disease by sex", questions.BY_SEX)
    show_table(scene, table)
    survival = ask(scene, "survival with and without the disease", questions.SURVIVAL)
    show_curves(scene, survival)
    narrator.refused(
        "cardiac arrest under thirty: refused",
        by="disclosure control at the hospital",
        why=refusal(scene, questions.TOO_FEW),
    )


def ask(scene: Scene, words: str, query: dict[str, Any]) -> dict[str, Any]:
    """Ask, have the checker clear what crosses the border, and return the result."""
    researcher, checker = scene["researcher"].client.queries, scene["checker"].client.releases
    asked = researcher.submit(scene.agreement, query).asked
    scene.narrator.say(f"{scene['researcher'].part.name} asks: {words} ({asked.state})")
    if asked.state == "refused":
        raise DemoError(f"The query was refused: {asked.reason}")
    for waiting in checker.list_waiting():
        checker.clear(waiting.id)
        scene.decided("clears the result: it crosses the border", "checker")
    scene.until(lambda: researcher.get(asked.id).result is not None, "the result to arrive")
    result = dict(researcher.get(asked.id).result or {})
    scene.results[words] = result
    return result


def refusal(scene: Scene, query: dict[str, Any]) -> str:
    """Ask what must be refused; return the reason, by whichever node says it first.

    A query that is asked in the moment an agreement ends is stopped rather than refused.
    """
    try:
        asked = scene["researcher"].client.queries.submit(scene.agreement, query).asked
    except NodeError as problem:
        return problem.message
    if asked.state not in {"refused", "stopped"}:
        raise DemoError(f"A query that must be refused is {asked.state}.")
    return asked.reason


def show_table(scene: Scene, table: dict[str, Any]) -> None:
    """Print a cross-table; a hidden number is a dot."""
    names = table["columns"]["groups"]
    rows = [("male", *(f"NAFLD {name}" for name in names), "total")]
    for name, cells, total in zip(
        table["rows"]["groups"], table["cells"], table["row_totals"], strict=True
    ):
        rows.append((name, *map(_shown, cells), _shown(total)))
    rows.append(("total", *map(_shown, table["column_totals"]), _shown(table["total"])))
    scene.narrator.table(rows)


def show_curves(scene: Scene, survival: dict[str, Any]) -> None:
    """Print where each curve stands after about five, ten and fifteen years."""
    rows: list[tuple[str, ...]] = [("NAFLD", "people", "5 years", "10 years", "15 years")]
    for curve in survival["curves"]:
        marks = [_after(curve["steps"], years * 365) for years in (5, 10, 15)]
        rows.append((curve["group"], _shown(curve["people"]), *marks))
    scene.narrator.table(rows)


def _shown(number: int | None) -> str:
    return "·" if number is None else f"{number:,}"


def _after(steps: list[dict[str, Any]], day: int) -> str:
    before = [step["survival"] for step in steps if step["day"] <= day]
    return f"{before[-1] / 100:.1f} %" if before else "100 %"
