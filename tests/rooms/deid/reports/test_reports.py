"""A report says what was counted, is checked against its table, and reads in three languages."""

import json
from functools import partial

import pytest

from tidegate.deid.files.model import FileOrder
from tidegate.deid.files.service import publish
from tidegate.deid.recipe import service as recipes
from tidegate.deid.reports import documents
from tidegate.deid.reports.errors import FontMissingError, ReportUnreadableError
from tidegate.deid.reports.model import Grid, Paragraph
from tidegate.deid.reports.service import check_published, html_of, page_of, pdf_of
from tidegate.deid.verifier.errors import ClaimInvalidError
from tidegate.kernel.canonical import canonical_json, sha256_hex
from tidegate.kernel.text import Language
from tidegate.web.messages import words

RECIPE = {
    "format": "tidegate-deid-recipe/1",
    "columns": [
        {"name": "age", "role": "quasi_identifier"},
        {"name": "sex", "role": "quasi_identifier"},
        {"name": "dx", "role": "sensitive"},
    ],
    "criteria": [
        {"criterion": "k_anonymity", "k": 11},
        {"criterion": "distinct_l", "column": "dx", "l": 2},
    ],
    "method": "preview",
}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    rows = [f"{20 + n * 7 % 60},{'FM'[n % 2]},<d{n % 5}>" for n in range(200)]
    (folder / "in.csv").write_text("\n".join(["age,sex,dx", *rows]))
    order = FileOrder(
        folder / "in.csv", folder / "out.csv", folder / "r.json", recipes.read_document(RECIPE)
    )
    return publish(order, "tidegate 1"), order


def rewrite(told, *criteria):
    """Have the recipe and the claim of a report ask for these, digest and all."""
    told["claim"]["criteria"] = [*criteria]
    told["recipe"]["document"]["criteria"] = [*criteria]
    told["recipe"]["digest"] = sha256_hex(canonical_json(told["recipe"]["document"]))


def page(document, language="en"):
    return page_of(document, language, partial(words, Language(language)))


def test_a_report_says_what_was_counted(published):
    outcome, order = published

    told = json.loads(order.report.read_text())

    assert outcome.report == told
    assert (200, 200) == (told["input"]["records"], told["output"]["records"])
    assert told["classes"]["smallest"] >= 11
    assert [True, True] == [one["holds"] for one in told["criteria"]]
    assert ["age", "sex"] == [one["column"] for one in told["generalisation"]]


def test_the_table_bears_the_report_out(published):
    _, order = published

    checked = check_published(order.out, order.report.read_text())

    assert (0, ()) == (checked.exit_code, checked.faults)


def test_a_changed_table_is_found(published, tmp_path):
    _, order = published
    changed = tmp_path / "out.csv"
    changed.write_bytes(order.out.read_bytes().replace(b"<d0>", b"<d1>", 1))

    assert 1 == check_published(changed, order.report.read_text()).exit_code


@pytest.mark.parametrize(
    ("section", "change"),
    [
        ("classes", {"smallest": 50}),
        ("output", {"records": 199}),
        ("risks", []),
        ("criteria", []),
    ],
)
def test_a_report_that_says_something_else_is_found(published, section, change):
    _, order = published
    told = json.loads(order.report.read_text())
    told[section] = {**told[section], **change} if isinstance(change, dict) else change

    checked = check_published(order.out, json.dumps(told))

    assert 1 == checked.exit_code
    assert any(section in words for words in checked.faults)


def less_is_claimed(told):
    told["claim"]["criteria"] = [{"criterion": "k_anonymity", "k": 2}]
    told["criteria"] = [{**told["criteria"][0], "asked": "2"}]


def more_is_said_to_be_asked(told):
    told["recipe"]["document"]["criteria"][0]["k"] = 50


def more_is_exempt(told):
    told["claim"]["pseudonyms"] = told["claim"]["columns"]


def fewer_columns_are_generalised(told):
    told["claim"]["quasi"] = ["age"]


def less_is_left_out(told):
    told["suppression"]["records"] = 40


def more_was_received(told):
    told["input"]["records"] = 999


@pytest.mark.parametrize(
    ("change", "section"),
    [
        (less_is_claimed, "claim"),
        (more_is_said_to_be_asked, "recipe"),
        (more_is_exempt, "claim"),
        (fewer_columns_are_generalised, "claim"),
        (less_is_left_out, "suppression"),
        (more_was_received, "input"),
        (lambda told: told["output"].update(columns=["age", "sex"]), "output"),
        (lambda told: told["recipe"].update(digest="0" * 64), "recipe"),
        (lambda told: told["recipe"].update(document=[1.5]), "recipe"),
    ],
)
def test_a_claim_is_what_the_recipe_asks_and_the_figures_are_the_claims(published, change, section):
    _, order = published
    told = json.loads(order.report.read_text())
    change(told)

    checked = check_published(order.out, json.dumps(told))

    assert 1 == checked.exit_code
    assert f"The report's section {section} says" in " ".join(checked.faults)


def test_what_takes_a_population_is_not_called_verified(published):
    _, order = published
    told = json.loads(order.report.read_text())
    rewrite(
        told,
        *told["claim"]["criteria"],
        {"criterion": "delta_presence", "least": "0", "most": "1"},
    )
    told["criteria"].append(
        {
            "criterion": "delta_presence",
            "column": "",
            "asked": "0 to 1",
            "achieved": "",
            "holds": True,
        }
    )

    checked = check_published(order.out, json.dumps(told))

    assert 2 == checked.exit_code
    assert checked.unverified[0].startswith("delta_presence, risks: about a population")


def test_where_all_takes_a_population_the_rest_is_verified_still(published, tmp_path):
    _, order = published
    told = json.loads(order.report.read_text())
    rewrite(told, {"criterion": "delta_presence", "least": "0", "most": "1"})
    told["criteria"] = [
        {"criterion": "delta_presence", "column": "", "asked": "", "achieved": "", "holds": True}
    ]
    changed = tmp_path / "out.csv"
    changed.write_bytes(order.out.read_bytes().replace(b"<d0>", b"<d1>", 1))

    codes = [check_published(out, json.dumps(told)).exit_code for out in (order.out, changed)]

    assert [2, 1] == codes


def test_a_claim_without_criteria_is_no_claim(published):
    _, order = published
    told = json.loads(order.report.read_text())
    told["claim"]["criteria"] = []

    with pytest.raises(ClaimInvalidError):
        check_published(order.out, json.dumps(told))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "report_not_json"),
        ("[]", "report_format"),
        ('{"format": "tidegate-deid-report/1"}', "report_incomplete"),
    ],
)
def test_what_is_no_report_is_refused(text, code):
    with pytest.raises(ReportUnreadableError) as refused:
        documents.read(text)

    assert code == refused.value.code


@pytest.mark.parametrize("language", [each.value for each in Language])
def test_a_page_has_plain_words_figures_and_the_standards_headings(published, language):
    outcome, _ = published

    made = page(outcome.report, language)

    heads = " ".join(part.heading for part in made.parts)
    assert all(name in heads for name in ("GB/T 42460", "GB/T 39725", "APPA"))
    first = [block.text for block in made.parts[0].blocks if isinstance(block, Paragraph)]
    assert any(str(outcome.report["classes"]["smallest"]) in text for text in first)
    unverified = words(Language(language), "deid_report.unverified")
    assert 3 == sum(Paragraph(unverified) in part.blocks for part in made.parts)


def test_a_report_without_a_part_has_no_page(published):
    outcome, _ = published

    with pytest.raises(ReportUnreadableError):
        page({**outcome.report, "generalisation": [{}]})


@pytest.mark.parametrize(
    ("largest", "key"), [("1/11", "within"), ("1/10", "above"), ("0.0901", "within")]
)
def test_the_page_says_on_which_side_of_the_regulators_limit_the_risk_is(published, largest, key):
    outcome, _ = published
    risks = [{"attacker": "prosecutor", "greatest": largest, "mean": "1/20"}]

    made = page({**outcome.report, "risks": risks})

    assert Paragraph(words(Language.EN, f"deid_report.{key}")) in made.parts[0].blocks


def test_a_report_prints_the_attacks_with_their_intervals_and_what_is_lost(published):
    outcome, _ = published

    attacks = {one["attack"]: one for one in outcome.report["attacks"]}
    cells = {cell for part in page(outcome.report).parts for block in part.blocks
             if isinstance(block, Grid) for row in block.rows for cell in row}  # fmt: skip

    assert {"linkage", "singling out", "inference:dx"} <= set(attacks)
    assert all(float(a["low"]) <= float(a["rate"]) <= float(a["high"]) for a in attacks.values())
    assert float(attacks["linkage"]["rate"]) < float(attacks["linkage"]["unprotected"])
    assert {
        "linkage with an outside register",
        outcome.report["utility"]["columns"][0]["ncp"],
    } <= cells


def test_earlier_releases_are_shown(published):
    outcome, _ = published

    made = page({**outcome.report, "releases": {"smallest": "12"}})

    grids = [block for part in made.parts for block in part.blocks if isinstance(block, Grid)]
    head = words(Language("en"), "deid_report.release_smallest")
    cells = [row[1] for grid in grids for row in grid.rows if row[0] == head]
    assert ["12"] == cells


def test_html_is_one_file_without_script_and_escapes_what_it_shows(published):
    outcome, _ = published
    told = {**outcome.report, "tool": "<script>alert(1)</script>"}

    text = html_of(page(told, "zh-Hant"))

    assert '<html lang="zh-Hant">' in text
    assert "<script" not in text
    assert "http" not in text


def test_an_english_report_needs_no_font_and_gives_the_same_bytes(published, monkeypatch):
    from tidegate.deid.reports import pdf

    monkeypatch.setattr(pdf, "_PLACES", ())
    outcome, _ = published
    made = page(outcome.report)

    data = pdf_of(made)

    assert data.startswith(b"%PDF-")
    assert data == pdf_of(made)


def test_a_chinese_report_without_a_font_says_how_to_get_one(published, monkeypatch):
    from tidegate.deid.reports import pdf

    monkeypatch.setattr(pdf, "_PLACES", ())
    outcome, _ = published

    with pytest.raises(FontMissingError, match="fonts-noto-cjk"):
        pdf_of(page(outcome.report, "zh-Hans"))


def test_what_is_no_font_is_refused(published, tmp_path):
    outcome, _ = published
    wrong = tmp_path / "x.ttf"
    wrong.write_text("no font")

    with pytest.raises(FontMissingError) as refused:
        pdf_of(page(outcome.report), wrong)

    assert "font_unreadable" == refused.value.code


@pytest.mark.slow
@pytest.mark.parametrize("language", ["zh-Hant", "zh-Hans"])
def test_a_chinese_pdf_carries_its_characters(published, language):
    outcome, _ = published

    data = pdf_of(page(outcome.report, language))

    assert b"/FontFile" in data
    assert len(data) < 1_000_000


def test_a_report_says_when_only_a_part_was_attacked(published):
    told = json.loads(json.dumps(published[0].report))

    pages = {}
    for records in (200, 50):
        told["attacked"] = {"records": records}
        pages[records] = html_of(page(told, "en"))

    assert "50 records in all" in pages[50]
    assert "drawn by lot, 200" not in pages[200]
