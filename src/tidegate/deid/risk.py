"""The risk that is left: of the prosecutor who knows that a person is in the data.

A record's risk is one over the size of its class; the greatest is one over the smallest class, the
mean is classes over records (El Emam and Dankar 2008). Exact fractions throughout.
"""

from fractions import Fraction

from tidegate.deid.model import Recipe, Recount, RiskReport, RunResult

METHOD = "full-domain generalisation with suppression, HMAC-SHA256 pseudonyms, date shift by person"


def greatest_risk(count: Recount) -> Fraction:
    """Return the risk of the worst protected record; 1 where nothing groups the records."""
    return Fraction(1, count.smallest) if count.smallest else Fraction(1)


def mean_risk(count: Recount) -> Fraction:
    """Return the mean risk over all records."""
    return Fraction(count.classes, count.records) if count.records else Fraction(1)


def within_threshold(report: RiskReport) -> bool:
    """Tell whether the greatest risk is no more than the threshold."""
    return Fraction(report.risk_max) <= Fraction(report.threshold)


def parts_per_million(risk: str) -> int:
    """Return a risk as whole parts per million, rounded up, for rules that know whole numbers."""
    return -(-Fraction(risk).numerator * 1_000_000 // Fraction(risk).denominator)


def write_report(recipe: Recipe, run: RunResult, count: Recount, **about: str) -> RiskReport:
    """Join what was promised, done and counted into a report; `about` names it and its author."""
    ungrouped = not recipe.quasi_table()
    return RiskReport(
        id=about["id"],
        version_id=about["version_id"],
        project_id=about["project_id"],
        method=METHOD,
        recipe_digest=run.recipe_digest,
        removed=run.removed,
        pseudonymised=run.pseudonymised,
        generalised=run.generalised,
        tables=run.tables,
        k_asked=recipe.k,
        k_achieved=count.records if ungrouped else count.smallest,
        classes=count.classes,
        smallest_class=count.smallest,
        largest_class=count.largest,
        suppressed=sum(table.suppressed for table in run.tables),
        scrubbed=run.scrubbed,
        risk_max=fraction_text(Fraction(0) if _nobody(run, count) else greatest_risk(count)),
        risk_mean=fraction_text(Fraction(0) if _nobody(run, count) else mean_risk(count)),
        threshold=recipe.threshold,
        author=about["author"],
        created_at=about["created_at"],
    )


def _nobody(run: RunResult, count: Recount) -> bool:
    return not count.records and not run.pseudonymised and not run.removed


def fraction_text(value: Fraction) -> str:
    """Write a fraction as 1/12; whole numbers keep their denominator off."""
    return str(value)
