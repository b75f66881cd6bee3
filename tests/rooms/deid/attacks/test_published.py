"""Attacks on what a run really publishes: in its report, and again by a stranger from the file."""

import csv
import itertools

import numpy as np
import pytest

from tidegate.deid.attacks import second
from tidegate.deid.attacks.intervals import wilson
from tidegate.deid.attacks.service import run
from tidegate.deid.files.coding import encode
from tidegate.deid.files.model import FileOrder
from tidegate.deid.files.reading import receive
from tidegate.deid.files.service import publish
from tidegate.deid.recipe import service as recipes
from tidegate.deid.recipe.question import question_of
from tidegate.deid.reports.model import Measures
from tidegate.deid.tables.engine import anonymise

ILLS = ("flu", "gout", "cold", "ache", "burn", "bite")
K = 5
OF_VALUES = ("singling out by value", "known value", "inference", "minimality", "composition")


def recipe_of(method, **more):
    return recipes.read_document(
        {
            "format": "tidegate-deid-recipe/1",
            "columns": [
                {"name": "age", "role": "quasi_identifier", "hierarchy": {"kind": "age"}},
                {"name": "sex", "role": "quasi_identifier", "hierarchy": {"kind": "sex"}},
                {"name": "ill", "role": "sensitive"},
            ],
            "criteria": [{"criterion": "k_anonymity", "k": K}],
            "method": method,
            **more,
        }
    )


@pytest.fixture(scope="module", params=["local", "full_domain", "preview"])
def published(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    draw = np.random.default_rng(3)
    rows = [
        [str(draw.integers(18, 90)), "FM"[draw.integers(2)], ILLS[draw.integers(6)]]
        for _ in range(900)
    ]
    with (folder / "in.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["age", "sex", "ill"], *rows])
    share = "0.05" if request.param == "full_domain" else "0"
    order = FileOrder(
        folder / "in.csv", folder / "out.csv", folder / "r.json",
        recipe_of(request.param, suppression=share), measures=Measures(targets=900),
    )  # fmt: skip
    told = publish(order, "tidegate test").report
    with order.out.open(newline="") as file:
        return told, rows, [tuple(row) for row in csv.reader(file)][1:]


def attacks_of(told):
    return {one["attack"].partition(":")[0]: one for one in told["attacks"]}


def test_every_attack_is_in_the_report_with_its_interval(published):
    found = attacks_of(published[0])

    assert {"linkage", "singling out", *OF_VALUES} == set(found)
    for one in found.values():
        low, high = wilson(one["succeeded"], one["tried"])
        assert (f"{low:.4f}", f"{high:.4f}") == (one["low"], one["high"])
    assert all(found[name]["tried"] for name in (*OF_VALUES[:3], "linkage", "composition"))


def test_a_strangers_linkage_from_the_published_file_agrees_with_the_report(published):
    """Whom the labels of one class cover is counted anew, from the texts that stand in the file."""
    told, rows, out = published
    classes = [(label, [*members]) for label, members in itertools.groupby(sorted(out), _labels)]
    by_labels = {labels: len(members) for labels, members in classes}
    chance = []
    for row in rows:
        fits = [labels for labels in by_labels if _covers(labels, row)]
        assert fits or told["suppression"]["records"]
        if len(fits) < 2:
            chance.append(1 / by_labels[fits[0]] if fits else 0)
    linkage = attacks_of(told)["linkage"]

    assert min(by_labels.values()) >= K
    assert float(linkage["low"]) <= 1 / K
    if len(chance) == len(rows):  # no classes overlap, so the expected rate is known
        assert float(linkage["low"]) <= sum(chance) / len(rows) <= float(linkage["high"])


def _labels(row):
    return row[:2]


def _covers(labels, row):
    first, _, last = labels[0].partition("-")
    inside = labels[0] == "*" or int(first) <= int(row[0]) <= int(last or first)
    return inside and labels[1] in {row[1], "*"}


def test_nobody_is_singled_out_by_labels_alone(published):
    assert 0 == attacks_of(published[0])["singling out"]["succeeded"]


def test_a_report_of_finer_classes_tells_of_more_linkage(tmp_path, published):
    _, rows, _ = published
    with (tmp_path / "in.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["age", "sex", "ill"], *rows])
    rates = []
    for k in (2, 60):
        asked = recipe_of("local", criteria=[{"criterion": "k_anonymity", "k": k}])
        order = FileOrder(
            tmp_path / "in.csv", tmp_path / f"o{k}.csv", tmp_path / f"r{k}.json", asked
        )
        rates.append(attacks_of(publish(order, "tidegate test").report)["linkage"])

    assert float(rates[0]["low"]) > float(rates[1]["high"])


def coded(tmp_path, rows):
    with (tmp_path / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["age", "sex", "ill"], *rows])
    recipe = recipe_of("preview")
    return encode(receive(tmp_path / "t.csv"), recipe).table, question_of(recipe)


def test_the_second_release_is_about_half_of_the_people_and_holds_the_same(tmp_path):
    table, question = coded(tmp_path, [[str(20 + n % 50), "FM"[n % 2], "flu"] for n in range(300)])

    made = second.make(table, question, seed=4)

    there = made.records[made.records >= 0]
    assert [*range(150)] == sorted(there.tolist())
    assert np.bincount(made.recoding.classes).min() >= K
    again = second.make(table, question, seed=4)
    assert (made.records == again.records).all()
    assert (made.records != second.make(table, question, seed=5).records).any()


def test_where_half_of_the_people_are_too_few_nothing_is_said_of_composition(tmp_path):
    table, question = coded(tmp_path, [["30", "F", "flu"]] * 7)

    assert second.make(table, question, seed=4) is None


def test_an_untried_attack_leaves_all_open(tmp_path):
    with (tmp_path / "in.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["age", "sex", "ill"], *[["30", "F", "flu"]] * 7])
    order = FileOrder(
        tmp_path / "in.csv", tmp_path / "o.csv", tmp_path / "r.json", recipe_of("local")
    )

    found = attacks_of(publish(order, "tidegate test").report)["composition"]

    assert (0, "0.0000", "1.0000") == (found["tried"], found["low"], found["high"])


def test_composition_tells_for_sure_what_two_halves_have_in_common_alone(tmp_path):
    """Everybody of an age has one illness: the attack must see it, and the report say so."""
    rows = [[str(20 + n // 6), "F", f"i{n // 6}"] for n in range(120)]
    table, question = coded(tmp_path, rows)
    recoding = anonymise(table, question, compiled=False)
    made = second.make(table, question, seed=1)

    found = run(table, recoding, k=K, seed=1, sensitive=("ill",), targets=120, other=made)

    assert {"composition:ill"} < {one.name for one in found}
    assert next(one.rate for one in found if one.name == "composition:ill") > 0.9
