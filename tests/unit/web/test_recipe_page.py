"""The page of a version's recipe: what is proposed, what it would do, and doing it."""

import csv
import html
import re

import pytest

from tidegate.catalogue.model import Classification
from tidegate.commons.acquisition.sources import FileSource
from tidegate.deid.previews.model import Point
from tidegate.kernel.errors import InvalidError
from tidegate.web import curves
from tidegate.web.forms import Form
from tidegate.web.recipe_form import read_document
from unit.web.site import build_site

ROLES = (
    "id=person_key",
    "name=direct_identifier:name",
    "age=quasi_identifier",
    "sex=quasi_identifier",
    "status=sensitive",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    home = tmp_path_factory.mktemp("recipe")
    site = build_site(home / "node")
    path = home / "people.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "name", "age", "sex", "status"])
        for n in range(300):
            rows.writerow([n, f"Invented {n}", 30 + n % 50, "FM"[n % 2], "abc"[n % 3]])
    rooms, steward, second = site.node.house, site.actor("sam"), site.actor("carl")
    descriptor = rooms.acquisition.read_descriptor({}, title="Recipes", roles=ROLES)
    site.ids["classified"] = rooms.acquisition.acquire(
        [FileSource(path)], descriptor, by=steward
    ).version
    proposed = Classification("general", 3, True, True, "consent", "checked_not_notified")
    rooms.classification.propose(site.ids["classified"], proposed, by=steward)
    rooms.classification.approve(site.ids["classified"], by=second)
    yield site
    site.node.close()


def path_of(site):
    return f"/versions/{site.ids['classified']}/recipe"


def chosen(page, **changes):
    """Take the fields of the form as a browser would send them, with some changed."""
    form = page.split('<form class="stack"', 1)[1]
    fields = dict(re.findall(r'<input id="\w+" name="(\w+)"[^>]* value="([^"]*)"', form))
    for name, inside in re.findall(r'<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>', form, re.S):
        options = re.findall(r"<option(?: value=\"([^\"]*)\")?( selected)?>([^<]*)", inside)
        found = [
            value or ("" if value == "" and text else text) for value, on, text in options if on
        ]
        fields[html.unescape(name)] = found[0] if found else ""
    return fields | changes


def send(site, name="sam", language="en", **changes):
    browser = site.browser(name, language)
    fields = chosen(browser.get(path_of(site)).text, **changes)
    return browser.send(path_of(site), page=path_of(site), **fields)


def test_the_page_proposes_roles_with_reasons(site):
    page = site.browser("sam").get(path_of(site))

    assert 200 == page.status_code
    assert "quasi-identifier: given in the codebook" in page.text
    fields = chosen(page.text)
    assert "quasi_identifier" == fields["treat:people.age"]
    assert "direct_identifier.remove" == fields["treat:people.name"]
    assert ("11", "1/11") == (fields["k"], fields["threshold"])


@pytest.mark.parametrize("language", ["en", "zh-Hant", "zh-Hans"])
def test_a_preview_stands_beside_the_usual_recipe(site, language):
    answer = send(site, language=language, do="preview", k="20", threshold="")

    assert 200 == answer.status_code
    page = html.unescape(answer.text)
    assert "criteria.k_anonymity" in page
    assert '{"k":11} → {"k":20}' in page
    assert "/recipe/curve.svg?edited=2:" in page
    assert "Invented" not in page
    assert 'value="20"' in page.split('<form class="stack"', 1)[1]


def test_the_usual_recipe_unchanged_differs_in_nothing(site):
    assert "Nothing: this is the usual recipe." in send(site, do="preview").text


def test_diversity_and_closeness_are_measured(site):
    answer = send(
        site,
        do="preview",
        diversity_column="people.status",
        diversity="distinct_l",
        l="2",
        t_column="people.status",
        t="0.5",
        distance="equal",
    )

    assert 200 == answer.status_code
    results = answer.text.split('<form class="stack"', 1)[0]
    assert "distinct l-diversity" in results
    assert "t-closeness" in results


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"k": "many"}, "k in a recipe must be a whole number"),
        ({"k": ""}, "k in a recipe must be a whole number"),
        ({"k": "301"}, "Even if all 300 records were alike"),
        ({"suppression": "1"}, "suppression from 0 to under 1"),
        ({"t_column": "people.age", "t": "0.2"}, "does not call sensitive"),
        ({"treat:people.name": "other.keep"}, "is a direct_identifier; the recipe must"),
        ({"treat:people.age": "<script>"}, "must be one of"),
        ({"kind:people.age": "icd10"}, "50 different values of age"),
        ({"do": "deidentify"}, "project"),
    ],
)
def test_what_is_wrong_is_said_and_the_form_keeps_what_was_written(site, changes, said):
    answer = send(site, **{"do": "preview", **changes})

    assert 400 == answer.status_code
    alert = html.unescape(answer.text.split('role="alert">', 1)[1].split("</div>", 1)[0])
    assert "Nothing was done." in alert
    assert said in alert
    assert site.node.house.deidentification.find_report(site.ids["classified"]) is None
    assert "<script>" not in answer.text.split("<main", 1)[1]


@pytest.mark.parametrize("name", ["rex", "carl", "cher"])
def test_only_a_steward_sees_it(site, name):
    browser = site.browser(name)

    assert 403 == browser.get(path_of(site)).status_code
    assert 403 == browser.get(f"{path_of(site)}/curve.svg?edited=2:0.1").status_code
    assert 403 == browser.send(path_of(site), do="deidentify", project="p").status_code
    assert site.node.house.deidentification.find_report(site.ids["classified"]) is None


def test_a_stored_version_has_no_recipe_to_write(site):
    browser = site.browser("sam")
    stored = f"/versions/{site.ids['version']}/recipe"

    assert 409 == browser.get(stored).status_code
    assert stored not in browser.get(f"/datasets/{site.ids['dataset']}").text
    assert 404 == browser.get("/versions/ver_none/recipe").status_code


def test_the_curve_is_drawn_without_script(site):
    answer = site.browser("sam").get(f"{path_of(site)}/curve.svg?edited=2:0.1,11:0.25&usual=2:0")

    assert "image/svg+xml" == answer.headers["content-type"]
    assert answer.text.startswith("<svg")
    assert "This recipe" in answer.text
    assert "<script" not in answer.text


@pytest.mark.parametrize(
    "odd", ["x", "2:2", "2:-1", "0:0.1", "2:0.1,", "2:nan", ",".join(["2:0.1"] * 21), "²:0.1"]
)
def test_an_odd_curve_is_refused(odd):
    with pytest.raises(InvalidError):
        curves.read_curves({"edited": odd})


def test_a_curve_comes_back_as_it_was_written():
    assert {"usual": (Point(2, "0.1000"), Point(100, "1.0000"))} == curves.read_curves(
        {"usual": "2:0.1000,100:1.0000"}
    )


def test_a_column_the_form_does_not_name_stays_as_proposed(site):
    proposed = site.node.house.previews.propose(site.ids["classified"], by=site.actor("sam"))
    form = Form({"k": ("5",), "treat:people.status": ("other.remove",)})

    document = read_document(form, proposed.columns)

    assert {"people.status": {"role": "other", "action": "remove"}} == document["columns"]


def test_the_button_deidentifies_with_this_recipe_once(site):
    answer = send(site, do="deidentify", project="prj_1", k="15", threshold="")
    report = site.node.house.deidentification.find_report(site.ids["classified"])

    assert 200 == answer.status_code
    assert "a second person signs the report" in answer.text
    assert 15 == report.k_asked
    assert site.actor("sam").id == report.author
    assert "1/15" == report.threshold
    dataset = site.node.house.catalogue.get_version(site.ids["classified"]).dataset_id
    assert f'href="{path_of(site)}"' in site.browser("sam").get(f"/datasets/{dataset}").text


def test_every_field_has_a_name_for_those_who_hear_the_page(site):
    page = site.browser("sam").get(path_of(site)).text

    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    labelled = set(re.findall(r'<label for="([^"]+)"', page))
    form = page.split('<form class="stack"', 1)[1]
    for field in re.findall(r"<(?:input|select)([^>]*)>", form):
        known = re.search(r'\sid="([^"]+)"', field)
        assert 'type="hidden"' in field or "aria-label=" in field or known[1] in labelled
    assert not re.search(r'\sstyle="|<style|\son\w+="', page)
