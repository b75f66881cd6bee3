"""Results of the lab as tables the pages can show; a hidden number stays hidden."""

from tidegate.kernel.text import Multilingual
from tidegate.kernel.values import dataclass
from tidegate.lab.model import CountResult, CrossTableResult, Heading, Result, Shield

NUMBERS_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Cell:
    """One number, or the fact that it is hidden."""

    value: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class ResultView:
    """A result as one table: a corner, column heads, and rows with their heads."""

    kind: str
    title: Multilingual
    corner: Multilingual
    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    total: int | None
    shield: Shield


def view_of(result: Result) -> ResultView:
    """Lay a result out as a table."""
    if isinstance(result, CountResult):
        return _count(result)
    if isinstance(result, CrossTableResult):
        return _cross(result)
    rows = tuple(
        (
            f"{curve.group} · {step.day}",
            (Cell(step.at_risk), Cell(step.events), Cell(text=f"{step.survival / 10_000:.3f}")),
        )
        for curve in result.curves
        for step in curve.steps[:: max(1, len(curve.steps) // NUMBERS_SHOWN)]
    )
    title = _title(result.by) if result.by else Multilingual("")
    return ResultView(
        "kaplan_meier", title, title, ("at_risk", "events", "survival"), rows, None, result.shield
    )


def _count(result: CountResult) -> ResultView:
    groups = result.by.groups if result.by else ()
    rows = tuple(
        (group, (Cell(count),)) for group, count in zip(groups, result.counts, strict=True)
    )
    title = _title(result.by) if result.by else Multilingual("")
    return ResultView("count", title, title, ("people",), rows, result.total, result.shield)


def _cross(result: CrossTableResult) -> ResultView:
    rows = tuple(
        (group, (*map(Cell, cells), Cell(total)))
        for group, cells, total in zip(
            result.rows.groups, result.cells, result.row_totals, strict=True
        )
    )
    foot = ("Σ", (*map(Cell, result.column_totals), Cell(result.total)))
    return ResultView(
        "cross_table",
        _title(result.columns),
        _title(result.rows),
        (*result.columns.groups, "Σ"),
        (*rows, foot),
        result.total,
        result.shield,
    )


def _title(heading: Heading) -> Multilingual:
    return Multilingual(heading.en or heading.name, heading.zh_hant, heading.zh_hans)
