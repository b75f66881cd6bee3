"""A recipe is data: read strictly, written canonically, compared place by place, proposed."""

import copy
import json
from collections import Counter

import pytest

from tidegate.deid.errors import RecipeInvalidError
from tidegate.deid.hierarchies.model import Kind
from tidegate.deid.recipe import service
from tidegate.deid.recipe.documents import document
from tidegate.deid.recipe.documents import told as told_document
from tidegate.deid.recipe.model import Action, CriterionName, Order, Publish, Role
from tidegate.deid.recipe.question import claimed, question_of
from tidegate.deid.tables.model import (
    DistinctL,
    Hierarchy,
    KAnonymity,
    Method,
    RiskThreshold,
    SensitiveColumn,
    TCloseness,
)
from tidegate.kernel.canonical import canonical_json, sha256_hex

WRITTEN = {
    "format": "tidegate-deid-recipe/1",
    "name": "cohort",
    "columns": [
        {"name": "id", "role": "direct_identifier", "action": "remove"},
        {
            "name": "age",
            "role": "quasi_identifier",
            "hierarchy": {"kind": "age", "top": 89},
            "weight": 2.5,
            "publish": "centre",
        },
        {
            "name": "ward",
            "role": "quasi_identifier",
            "hierarchy": {"kind": "given", "rows": [["ICU", "critical"], ["GI", "medical"]]},
        },
        {"name": "dx", "role": "sensitive", "hierarchy": {"kind": "icd10", "unknown": "other"}},
        {"name": "note", "role": "other", "action": "scrub"},
    ],
    "criteria": [
        {"criterion": "k_anonymity", "k": 11},
        {"criterion": "distinct_l", "column": "dx", "l": 3},
        {"criterion": "entropy_l", "column": "dx", "l": 1.5},
        {"criterion": "recursive_l", "column": "dx", "c": 4, "l": 2},
        {"criterion": "t_closeness", "column": "dx", "t": "0.40", "distance": "hierarchical"},
        {"criterion": "risk", "attacker": "prosecutor", "most": "1/11"},
    ],
    "suppression": 0.02,
}


def written(**changes):
    return {**copy.deepcopy(WRITTEN), **changes}


def read(value):
    return service.read(json.dumps(value))


def test_a_recipe_is_read_as_it_was_written():
    recipe = read(WRITTEN)

    age = recipe.columns[1]
    assert (Role.QUASI, "2.5", Publish.CENTRE, 89) == (
        age.role, age.weight, age.publish, age.hierarchy.top,
    )  # fmt: skip
    assert ("0.02", Method.LOCAL, Order.SORTED) == (
        recipe.suppression, recipe.method, recipe.order,
    )  # fmt: skip
    assert "0.4" == next(c.t for c in recipe.criteria if c.t)


def test_reading_what_was_written_gives_the_same_recipe_and_digest():
    recipe = read(WRITTEN)

    again = service.read(service.write(recipe).decode())

    assert recipe == again
    assert service.digest(recipe) == service.digest(again)


def test_the_order_of_keys_and_the_way_of_writing_numbers_do_not_change_the_digest():
    turned = dict(reversed(written(suppression="2e-2").items()))

    assert service.digest(read(WRITTEN)) == service.digest(read(turned))


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        ({"format": "x"}, "recipe_format", "tidegate-deid-recipe/1"),
        ({"supression": 0}, "recipe_unknown_key", "supression"),
        ({"columns": []}, "recipe_value", "columns"),
        ({"columns": {"age": {}}}, "recipe_value", "columns"),
        ({"criteria": []}, "recipe_value", "criteria"),
        ({"suppression": 1}, "recipe_value", "suppression"),
        ({"suppression": True}, "recipe_value", "suppression"),
        ({"method": "best"}, "recipe_value", "local, full_domain, preview"),
        ({"columns": [{"name": "a", "role": "other"}]}, "recipe_no_quasi", "quasi"),
        ({"columns": [{"name": "a", "role": "quasi_identifier"}] * 2}, "recipe_column_twice", "a"),
        ({"criteria": [{"criterion": "k_anonymity"}]}, "recipe_key_missing", "criteria[0].k"),
        ({"criteria": [{"criterion": "k_anonymity", "k": 1}]}, "recipe_value", "from 2"),
        ({"criteria": [{"criterion": "k_anonymity", "k": 11, "l": 2}]}, "recipe_unknown_key", "l"),
        ({"criteria": [{"criterion": "kanon", "k": 11}]}, "recipe_value", "k_anonymity"),
        (
            {"criteria": [{"criterion": "distinct_l", "column": "age", "l": 3}]},
            "recipe_not_sensitive", "sensitive",
        ),
        (
            {"criteria": [{"criterion": "distinct_l", "column": "dx", "l": 1.5}]},
            "recipe_value", "whole number",
        ),
        (
            {"criteria": [{"criterion": "t_closeness", "column": "dx", "t": 2}]},
            "recipe_value", "from 0 to 1",
        ),
        (
            {"criteria": [{"criterion": "risk", "attacker": "prosecutor", "most": "1/0"}]},
            "recipe_value", "most",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_name_with_what_is_allowed(change, code, told):
    with pytest.raises(RecipeInvalidError) as refused:
        read(written(**change))

    assert code == refused.value.code
    assert told in refused.value.message


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ({"role": "quasi_identifier"}, "columns[0].name"),
        ({"name": "a", "role": "friend"}, "direct_identifier, quasi_identifier"),
        ({"name": "a", "role": "quasi_identifier", "action": "keep"}, "columns[0].action"),
        ({"name": "a", "role": "sensitive", "weight": 2}, "columns[0].weight"),
        ({"name": "a", "role": "direct_identifier", "action": "keep"}, "empty, remove"),
        ({"name": "a", "role": "quasi_identifier", "weight": 0}, "over 0"),
        ({"name": "a", "role": "quasi_identifier", "hierarchy": "age"}, "must be an object"),
        (
            {"name": "a", "role": "quasi_identifier", "hierarchy": {"kind": "sex", "top": 1}},
            "only for the kind age",
        ),
        (
            {"name": "a", "role": "quasi_identifier", "hierarchy": {"kind": "given", "rows": [[]]}},
            "lists of text",
        ),
        ("age", "must be an object"),
    ],
)
def test_what_is_wrong_with_a_column_is_said_with_its_place(column, told):
    with pytest.raises(RecipeInvalidError) as refused:
        read(written(columns=[column]))

    assert told in refused.value.message


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "recipe_not_json"),
        ('{"format": "a", "format": "b"}', "recipe_key_twice"),
        ('{"a": NaN}', "recipe_number"),
        ("[]", "recipe_format"),
        ("[" * 100_000, "recipe_not_json"),
    ],
)
def test_what_is_no_json_object_is_refused(text, code):
    with pytest.raises(RecipeInvalidError) as refused:
        service.read(text)

    assert code == refused.value.code


def test_equal_recipes_do_not_differ():
    assert () == service.compare(read(WRITTEN), read(WRITTEN))


def test_differences_name_the_place_and_both_sides():
    changed = written(suppression="0.05")
    changed["columns"][1]["weight"] = 1
    changed["columns"].pop()
    changed["criteria"][0]["k"] = 20

    found = {d.where: (d.before, d.after) for d in service.compare(read(WRITTEN), read(changed))}

    assert ("0.02", "0.05") == found["suppression"]
    assert ("2.5", "1") == found["columns.age.weight"]
    assert ("scrub", "") == found["columns.note.action"]
    assert ('{"k":11}', '{"k":20}') == found["criteria.k_anonymity"]
    assert 6 == len(found)


def test_the_engine_is_asked_what_the_recipe_says():
    question = question_of(read(WRITTEN))

    assert (11, 0.02, Method.LOCAL) == (question.k, question.suppression, question.method)
    assert {KAnonymity, DistinctL, TCloseness, RiskThreshold} <= {*map(type, question.criteria)}


def test_a_criterion_about_a_population_needs_one():
    recipe = read(written(criteria=[{"criterion": "delta_presence", "least": 0, "most": 0.5}]))

    with pytest.raises(RecipeInvalidError, match="population"):
        question_of(recipe)


def test_a_claim_of_closeness_carries_the_hierarchy_or_the_order():
    tree = Hierarchy("dx", (("a", "b"), ("x", "x"), ("*", "*")))
    sensitive = {"dx": SensitiveColumn("dx", (), ("a", "b"), tree)}

    claims = claimed(read(WRITTEN), sensitive)

    closeness = next(c for c in claims if c["criterion"] == "t_closeness")
    assert [["a", "x", "*"], ["b", "x", "*"]] == closeness["hierarchy"]
    assert {"criterion": "k_anonymity", "k": 11} == claims[0]


def test_roles_are_proposed_from_names_and_values():
    rows = 40
    columns = {
        "patient_id": {f"P{n}": 1 for n in range(rows)},
        "contact": {f"p{n}@example.org": 4 for n in range(10)},
        "accession": {f"X{n}-{n}": 1 for n in range(rows)},
        "age": {str(n): 1 for n in range(rows)},
        "居住區": {"沙田區": 20, "灣仔區": 20},
        "admitted": {"2024-01-05": 20, "2024-02-05": 20},
        "diagnosis": {"I21.9": 20, "E11.9": 20},
        "code1": {"I21.9": 20, "E11.9": 20},
        "note": {"The patient was seen in clinic today and is doing rather well." + str(n): 1
                 for n in range(rows)},
        "smoker": {"yes": 30, "no": 10},
    }  # fmt: skip

    found = {p.plan.name: p.plan for p in service.propose(columns)}

    roles = {name: plan.role for name, plan in found.items()}
    assert {"patient_id", "contact", "accession"} == {n for n in roles if roles[n] is Role.DIRECT}
    assert {"age", "居住區", "admitted"} == {n for n in roles if roles[n] is Role.QUASI}
    assert {"diagnosis", "code1"} == {n for n in roles if roles[n] is Role.SENSITIVE}
    assert (Action.SCRUB, Kind.PLACE) == (found["note"].action, found["居住區"].hierarchy.kind)


@pytest.mark.parametrize(
    ("texts", "role"),
    [
        ([f"{100000 + n * 7919}.0" for n in range(40)], "direct_identifier"),
        ([*("" for _ in range(60)), *(f"陳大文{n}" for n in range(40))], "direct_identifier"),
        ([f"{n * 7919:07}" for n in (0, 0, *range(40))], "direct_identifier"),
        ([str(n) for n in range(1, 130)], "direct_identifier"),
        ([str(n % 50) for n in range(1, 130)], "other"),
        ([f"{n * 7919:07}" for n in (*range(20), *range(20))], "other"),
    ],
)
def test_what_names_nearly_everybody_is_proposed_to_be_emptied(texts, role):
    (proposal,) = service.propose({"visit": Counter(texts)})

    assert role == proposal.plan.role


def test_given_rows_are_bound_by_the_digest_and_not_told():
    rows = [["20", "young", "*"], ["90", "old", "*"]]
    columns = [{"name": "age", "role": "quasi_identifier"}]
    recipes = [
        service.read_document(
            {
                "format": "tidegate-deid-recipe/1",
                "columns": [{**columns[0], "hierarchy": {"kind": "given", "rows": given}}],
                "criteria": [{"criterion": "k_anonymity", "k": 5}],
            }
        )
        for given in (rows, [*rows, ["91", "old", "*"]])
    ]

    told = [canonical_json(told_document(recipe)) for recipe in recipes]

    assert b"young" not in told[0]
    assert [sha256_hex(each) for each in told] == [service.digest(recipe) for recipe in recipes]
    assert told[0] != told[1]


def test_a_proposal_becomes_a_recipe_with_a_largest_risk_of_one_in_eleven():
    recipe = service.recipe_of(service.propose({"age": {str(n): 1 for n in range(40)}}))

    assert (CriterionName.K_ANONYMITY, 11) == (recipe.criteria[0].criterion, recipe.criteria[0].k)
    assert recipe == service.read(json.dumps(document(recipe)))
