"""What is measured of a publication besides its guarantees: loss, use that is left, attacks.

Written as plain data for the report. Coefficients are told by number and never by name, since a
name may hold a value that nobody published.
"""

from typing import Any

from tidegate.deid.attacks.model import AttackResult, Past
from tidegate.deid.reports.model import Measures
from tidegate.deid.tables.model import Question, Recoding, TableInput
from tidegate.deid.utility.model import RegressionMove, SurvivalMove, Utility

_DIGITS = 4


def measure_all(
    table: TableInput,
    recoding: Recoding,
    wanted: Measures,
    *,
    question: Question,
    k: int,
    seed: int,
    past: Past | None = None,
) -> dict[str, Any]:
    """Return the sections `utility` and `attacks` of a report, of the very recoding it publishes.

    The same table, recipe and seed give the same sections. Of a large table some classes are
    attacked, drawn by lot. Where a class publishes a centre, the
    attacker is taken to know what it covers, so that rates are rather too high than too low.
    `question` is what the table was recoded for, `past` its earlier releases.
    """
    from tidegate.deid.attacks import second  # noqa: PLC0415 - numpy
    from tidegate.deid.attacks.drawing import draw  # noqa: PLC0415
    from tidegate.deid.attacks.service import run  # noqa: PLC0415
    from tidegate.deid.utility.service import measure  # noqa: PLC0415 - numpy

    found = measure(table, recoding, wanted.regressions, wanted.survivals)
    sections: dict[str, Any] = {"utility": _utility(found)}
    if wanted.targets:
        names = tuple(column.name for column in table.sensitive)
        drawn = draw(table, recoding, past, seed)
        other = second.make(drawn.table, question, seed) if names else None
        untried = [] if other else [_untried(f"composition:{name}") for name in names]
        tried = run(
            drawn.table,
            drawn.recoding,
            k=k,
            seed=seed,
            sensitive=names,
            targets=wanted.targets,
            other=other,
            past=drawn.past,
        )
        sections["attacks"] = [_attack(one) for one in (*tried, *untried)]
        sections["attacked"] = {"records": drawn.table.rows}
    return sections


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.{_DIGITS}f}"


def _utility(found: Utility) -> dict[str, Any]:
    loss = found.loss
    return {
        "ncp": _text(loss.ncp),
        "discernibility": str(loss.discernibility),
        "columns": [
            {
                "column": one.name,
                "ncp": _text(one.ncp),
                "entropy": _text(one.entropy),
                "changed": _text(one.changed),
                "error": _text(one.error),
            }
            for one in loss.columns
        ],
        "regressions": [_regression(one) for one in found.regressions],
        "survivals": [_survival(one) for one in found.survivals],
    }


def _regression(one: RegressionMove) -> dict[str, Any]:
    asked = one.regression
    moves = [each.moved for each in one.coefficients]
    return {
        "model": f"{asked.outcome} ~ {' + '.join(asked.predictors)}",
        "records": list(one.rows),
        "coefficients": len(moves),
        "greatest_move": _text(max(moves, default=None)),
        "least_overlap": _text(min((each.overlap for each in one.coefficients), default=None)),
        "trouble": one.trouble,
    }


def _survival(one: SurvivalMove) -> dict[str, Any]:
    asked = one.survival
    by = f" by {asked.by}" if asked.by else ""
    return {
        "model": f"{asked.time}, {asked.status}{by}",
        "records": list(one.rows),
        "curves": len(one.curves),
        "greatest_move": _text(max((each.greatest for each in one.curves), default=None)),
        "trouble": one.trouble,
    }


def _untried(name: str) -> AttackResult:
    """Say that an attack could not be tried: its rate may be anything."""
    return AttackResult(name, 0, 0, 0.0, 1.0, 0.0, None)


def _attack(one: AttackResult) -> dict[str, Any]:
    return {
        "attack": one.name,
        "tried": int(one.tried),
        "succeeded": int(one.succeeded),
        "rate": _text(one.succeeded / one.tried if one.tried else 0.0),
        "low": _text(one.low),
        "high": _text(one.high),
        "baseline": _text(one.baseline),
        "unprotected": _text(one.unprotected),
    }
