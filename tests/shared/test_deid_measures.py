"""Utility and risk of the real clinical tables, against the figures R gives for them."""

import csv
from pathlib import Path

import numpy as np
import pytest

from tidegate.deid.attacks.service import run
from tidegate.deid.tables.model import Hierarchy, QuasiColumn, Recoding, SensitiveColumn, TableInput
from tidegate.deid.utility.model import Regression, Survival
from tidegate.deid.utility.service import measure
from tidegate.deid.utility.survival import estimate_curve

TABLES = Path(__file__).parents[3] / "shared" / "data" / "clinical_tables"


def rows_of(name):
    assert TABLES.is_dir(), f"{TABLES} is missing: these tests hold us against the data in it"
    with (TABLES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def hierarchy_of(name, values, width):
    """Whole numbers, then bands of a width, then all."""
    low, high = min(values), max(values)
    leaves = range(low, high + 1)
    bands = tuple(f"{(n - low) // width * width + low}" for n in leaves)
    ends = {band: f"{band}-{min(int(band) + width - 1, high)}" for band in bands}
    levels = (tuple(map(str, leaves)), tuple(ends[band] for band in bands), ("*",) * len(bands))
    return Hierarchy(name, levels, ordered=True)


def cohort(name, quasi, sensitive):
    rows = rows_of(name)
    columns = []
    for column, width in quasi:
        values = [int(float(row[column])) for row in rows]
        codes = np.array(values, np.int32) - min(values)
        columns.append(QuasiColumn(column, codes, hierarchy_of(column, values, width)))
    others = []
    for column in sensitive:
        texts = tuple(dict.fromkeys(row[column] for row in rows))
        codes = np.array([texts.index(row[column]) for row in rows], np.int32)
        others.append(SensitiveColumn(column, codes, texts))
    return TableInput(tuple(columns), tuple(others))


def recode(table, level):
    """Every column at one level, by classes in the order they are met."""
    rows = list(
        zip(*([c.hierarchy.labels[level][n] for n in c.codes] for c in table.quasi), strict=True)
    )
    numbers = {row: n for n, row in enumerate(dict.fromkeys(rows))}
    losses = [
        [(c.hierarchy.labels[level].count(row[n]) - 1) / (len(c.hierarchy.leaves) - 1)
         for row in numbers]
        for n, c in enumerate(table.quasi)
    ]  # fmt: skip
    labels = tuple(zip(*numbers, strict=True))
    return Recoding(np.array([numbers[row] for row in rows], np.int32), labels, np.array(losses))


@pytest.mark.parametrize(
    ("name", "time", "status", "event", "people", "events", "median"),
    [
        ("gbsg.csv", "rfstime", "status", "1", 686, 299, 1807),
        ("pbc.csv", "time", "status", "2", 418, 161, 3395),
    ],
)
def test_median_survival_is_that_of_survfit(name, time, status, event, people, events, median):
    """`survfit(Surv(time, event) ~ 1)` of R's survival 3.5 on the same tables."""
    rows = rows_of(name)
    ended = np.array([row[status] == event for row in rows])

    curve = estimate_curve(np.array([float(row[time]) for row in rows]), ended)

    assert (people, events, median) == (len(rows), int(ended.sum()), curve.median())


def test_bands_move_the_real_cohorts_findings_a_little():
    """The fatty liver cohort in bands of five years: what its own data say stays."""
    table = cohort("nafld1.csv", (("age", 5), ("male", 1)), ("futime", "status"))
    death = Regression("status", ("age", "male"), "1")
    curves = Survival("futime", "status", "1")

    utility = measure(table, recode(table, 1), (death,), (curves,))

    age, male = utility.regressions[0].coefficients
    assert (17549, 17549) == utility.regressions[0].rows
    assert age.before.low > 0.5
    assert 0 < age.moved < 0.02
    assert age.overlap > 0.85
    assert male.overlap > 0.85
    assert 0 == utility.survivals[0].curves[0].greatest
    assert 0 < utility.loss.columns[0].error < 0.02


def test_attacks_on_the_real_cohort_bite_before_and_hardly_after():
    table = cohort("nafld1.csv", (("age", 10), ("male", 1), ("futime", 365)), ("status",))
    recoding = recode(table, 1)
    smallest = np.bincount(recoding.classes).min()

    linkage, singling = run(table, recoding, k=int(smallest), seed=3)[:2]

    assert linkage.unprotected > 0.6
    assert linkage.rate < 0.1
    assert singling.unprotected > 0.6
    assert linkage.low <= 1 / smallest
