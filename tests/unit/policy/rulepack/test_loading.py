"""Packs are read whole or refused; the shipped ones pass their own cases."""

import json

import pytest

from tidegate.kernel.canonical import sha256_hex
from tidegate.policy.errors import RulepackInvalidError
from tidegate.policy.reference import constraints_page, rules_page
from tidegate.policy.rulepack.loading import (
    check_cases,
    load_cases,
    load_pack,
    load_shipped,
    read_cases,
    read_pack,
    shipped_folders,
)
from tidegate.policy.rulepack.mutation import unnoticed
from unit.policy.rulepack.packs import document, pack, rule

FAMILIES = {
    "XB": (5, 6, 8, 10, 11, 12, 13, 16, 19, 23),
    "PR": (1, 2, 4, 7),
    "CL": (1, 2, 3, 4, 5),
    "TC": (1, 2, 4, 5, 6),
    "PM": (1, 2, 3, 4),
    "LC": (1, 2, 3, 4),
}
NEEDED = {f"{family}-{n:02}" for family, numbers in FAMILIES.items() for n in numbers}
CASES = {
    "day": "2026-03-02",
    "base": {"x": {"ok": True}},
    "cases": [
        {"name": "good", "given": {}, "outcome": "allow", "findings": []},
        {"name": "bad", "given": {"x.ok": False}, "outcome": "deny", "findings": ["A-01"]},
    ],
}


@pytest.fixture(scope="module")
def shipped():
    return load_shipped()


def test_the_shipped_pack_passes_its_cases_and_has_the_needed_rules(shipped):
    (only,) = shipped

    assert only.name == "gba-medical"
    assert NEEDED <= {one.id for one in only.rules}
    assert sha256_hex(only.body) == only.hash


def test_flipping_any_input_of_the_shipped_pack_is_noticed(shipped):
    (folder,) = shipped_folders()

    assert unnoticed(shipped[0], load_cases(folder)) == ()


def test_every_shipped_rule_speaks_three_languages_and_is_reviewed(shipped):
    for one in shipped[0].rules:
        assert all((one.title.en, one.title.zh_hant, one.title.zh_hans, one.source))
        assert one.valid_from < one.review_by


def test_an_input_no_case_notices_is_reported():
    made = pack(rule(), rule(id="B", when="x.seen", requires="x.ok"))
    cases = {**CASES, "base": {"x": {"ok": True, "seen": True}}, "cases": CASES["cases"][:1]}

    assert unnoticed(made, read_cases(cases)) == ("x.seen",)
    assert unnoticed(pack(rule(requires="y.ok")), read_cases(CASES)) == ("y.ok",)


def test_a_pack_that_answers_a_case_otherwise_is_refused():
    with pytest.raises(RulepackInvalidError, match="fails its case 'bad'"):
        check_cases(pack(rule(otherwise="needs_filing")), read_cases(CASES))


def test_a_rule_no_case_fires_is_refused():
    silent = rule(id="A-02", requires="always")

    with pytest.raises(RulepackInvalidError, match="No golden case fires A-02"):
        check_cases(pack(rule(), silent), read_cases(CASES))


def write(folder, text, digest):
    folder.joinpath("pack.toml").write_text(text)
    folder.joinpath("pack.sha256").write_text(digest + "\n")
    folder.joinpath("cases.json").write_text(json.dumps(CASES))


TOML = """
name = "tiny"
version = "1"
title = { en = "Tiny", zh_hant = "小", zh_hans = "小" }
[sets]
GOOD = ["a", "b"]
[[rules]]
id = "A-01"
title = { en = "A", zh_hant = "甲", zh_hans = "甲" }
when = "always"
requires = "x.ok"
otherwise = "deny"
source = "Act 1"
mark = "V"
jurisdiction = "CN"
valid_from = "2020-01-01"
review_by = "2027-01-01"
"""


def test_a_pack_in_a_folder_is_loaded_by_its_hash(tmp_path):
    write(tmp_path, TOML, pack().hash)

    assert load_pack(tmp_path) == pack()


def test_a_pack_whose_text_changed_is_refused(tmp_path):
    write(tmp_path, TOML.replace("Act 1", "Act 2"), pack().hash)

    with pytest.raises(RulepackInvalidError, match="was changed"):
        load_pack(tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rules": []},
        {"rules": "none"},
        {"rules": [rule(), rule()]},
        {"rules": [rule(colour="red")]},
        {"rules": [rule(mark="X")]},
        {"rules": [rule(jurisdiction="UK")]},
        {"rules": [rule(otherwise="allow")]},
        {"rules": [rule(otherwise="maybe")]},
        {"rules": [rule(valid_from="soon")]},
        {"rules": [rule(title="A")]},
        {"rules": [rule(when="x.ok and")]},
        {"sets": "none"},
        {"title": {"en": "Tiny"}},
    ],
)
def test_a_malformed_pack_is_refused(wrong):
    with pytest.raises(RulepackInvalidError):
        read_pack(document(**wrong))


@pytest.mark.parametrize("missing", ["name", "version", "title", "sets", "rules"])
def test_a_pack_without_a_part_is_refused(missing):
    incomplete = document()
    del incomplete[missing]

    with pytest.raises(RulepackInvalidError, match=missing):
        read_pack(incomplete)


@pytest.mark.parametrize(
    "wrong",
    [
        {"cases": []},
        {"base": []},
        {"cases": [CASES["cases"][0] | {"absent": "x.ok"}]},
        {"cases": [CASES["cases"][0] | {"findings": "A-01"}]},
    ],
)
def test_malformed_cases_are_refused(wrong):
    with pytest.raises(RulepackInvalidError):
        read_cases({**CASES, **wrong})


def test_a_case_may_lack_an_input():
    entry = {
        "name": "n",
        "given": {},
        "absent": ["x.ok"],
        "outcome": "default_deny",
        "findings": [],
    }

    (case,) = read_cases({**CASES, "cases": [entry]})

    assert case.inputs == {"x": {}}


def test_a_rule_is_found_by_its_id(shipped):
    assert shipped[0].get_rule("XB-08").jurisdiction == "GBA"
    with pytest.raises(RulepackInvalidError, match="no rule"):
        shipped[0].get_rule("ZZ-99")


def test_the_reference_pages_list_every_rule_and_term(shipped):
    page = rules_page(shipped) + rules_page((pack(rule(valid_to="2026-12-31")),))

    assert all(f"### {one.id}: " in page for one in shipped[0].rules)
    assert "until 2026-12-31" in page
    assert "delete-within" in constraints_page()
