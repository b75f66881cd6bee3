"""The risk that is left, as an independent count of the written tables found it.

The prosecutor knows that a person is in the data: a record's risk is one over the size of its
class. The journalist knows the population, the marketer wants to name many (El Emam and Dankar
2008). Exact fractions throughout.
"""

from fractions import Fraction

from tidegate.deid.hierarchies.model import HierarchyChoice
from tidegate.deid.model import (
    AttackerRisk,
    Counted,
    Generalised,
    People,
    Recipe,
    Recount,
    RiskReport,
    RunResult,
)
from tidegate.deid.recipe.model import Role
from tidegate.deid.shares import decimal, shares_of
from tidegate.deid.tables.model import Method

_METHODS = {
    Method.LOCAL: "local recoding: every class at levels of its own",
    Method.FULL_DOMAIN: "full-domain generalisation, the optimum, with suppression",
    Method.PREVIEW: "Mondrian cuts",
}
_BESIDES = "HMAC-SHA256 pseudonyms, date shift by person"


def within_threshold(report: RiskReport) -> bool:
    """Tell whether the report's greatest risk is no more than the threshold."""
    return Fraction(report.risk_max) <= Fraction(report.threshold)


def parts_per_million(risk: str) -> int:
    """Return a risk as whole parts per million, rounded up, for rules that know whole numbers."""
    return -(-Fraction(risk).numerator * 1_000_000 // Fraction(risk).denominator)


def write_report(recipe: Recipe, run: RunResult, count: Recount, **about: str) -> RiskReport:
    """Join what was promised, done and counted into a report; `about` names it and its author."""
    verdict = count.people
    records = sum(rows for _, rows in count.rows)
    greatest, mean = _prosecutor(run, count)
    return RiskReport(
        id=about["id"],
        version_id=about["version_id"],
        project_id=about["project_id"],
        method=f"{_METHODS[recipe.method]}; {_BESIDES}",
        recipe_digest=run.recipe_digest,
        removed=run.removed,
        pseudonymised=run.pseudonymised,
        generalised=generalised(run.people) if run.people else (),
        tables=run.tables,
        k_asked=recipe.k,
        k_achieved=verdict.smallest if verdict else records,
        classes=verdict.classes if verdict else 0,
        smallest_class=verdict.smallest if verdict else 0,
        largest_class=verdict.largest if verdict else 0,
        suppressed=sum(table.suppressed for table in run.tables),
        scrubbed=run.scrubbed,
        risk_max=str(greatest),
        risk_mean=str(mean),
        threshold=recipe.threshold,
        author=about["author"],
        created_at=about["created_at"],
        criteria=tuple(
            Counted(one.criterion, one.column, one.asked, one.achieved, one.holds)
            for one in (verdict.criteria if verdict else ())
        ),
        risks=tuple(
            AttackerRisk(risk.attacker, str(risk.greatest), str(risk.mean))
            for risk in (verdict.risks if verdict else ())
        ),
        loss=mean_loss(run.people) if run.people else "",
        people_suppressed=_left_out(run),
    )


def _prosecutor(run: RunResult, count: Recount) -> tuple[Fraction, Fraction]:
    """Return the greatest and mean risk; 1 where nothing groups the records."""
    if count.people is not None:
        sizes = count.people
        return Fraction(1, sizes.smallest), Fraction(sizes.classes, sizes.records)
    nobody = not run.pseudonymised and not run.removed
    return (Fraction(0), Fraction(0)) if nobody else (Fraction(1), Fraction(1))


def _left_out(run: RunResult) -> int:
    name = run.people.table if run.people else ""
    return sum(table.suppressed for table in run.tables if table.table == name)


def generalised(people: People) -> tuple[Generalised, ...]:
    """Say what became of each quasi-identifier; a person left out has lost all of it."""
    told = dict(people.texts)
    plans = {plan.name: plan.hierarchy for plan in people.recipe.of_role(Role.QUASI)}
    shares = shares_of(people.coded, people.recoding)
    return tuple(
        Generalised(
            f"{people.table}.{column.name}",
            _described(plans[column.name], column.hierarchy.source),
            len(column.hierarchy.leaves),
            len(set(told[column.name])),
            decimal(share.exact),
            decimal(share.hidden),
            decimal(share.loss),
        )
        for column, share in zip(people.coded.quasi, shares, strict=True)
    )


def mean_loss(people: People) -> str:
    """Return the mean loss over all quasi-identifiers and people, 0 to 1."""
    losses = [share.loss for share in shares_of(people.coded, people.recoding)]
    return decimal(sum(losses) / len(losses))


def _described(choice: HierarchyChoice | None, source: str) -> str:
    return f"{choice.kind.value}: {source}" if choice else source
