"""The page of a version's recipe: what is proposed, what it would do, and doing it."""

import html
import re

import pytest

from rooms.web.site import add_classified, build_site
from tidegate.commons.runs import store as runs
from tidegate.deid.previews.model import Point
from tidegate.kernel.errors import InvalidError
from tidegate.web import curves
from tidegate.web.forms import Form
from tidegate.web.recipe_form import read_document


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    home = tmp_path_factory.mktemp("recipe")
    site = build_site(home / "node")
    add_classified(site, home)
    yield site
    site.node.close()


def path_of(site):
    return f"/versions/{site.ids['classified']}/recipe"


def chosen(page, **changes):
    """Take the fields of the form as a browser would send them, with some changed."""
    form = page.split('<form class="stack"', 1)[1]
    fields = dict(re.findall(r'<input id="\w+" name="(\w+)"[^>]* value="([^"]*)"', form))
    fields["against"] = ""
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
    assert "Proposed: quasi-identifier (given in the codebook)." in page.text
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


def test_the_risk_is_told_in_plain_words(site):
    page = html.unescape(send(site, do="preview", k="20", threshold="").text)

    assert "looked at are alone with what others could know of them" in page
    assert re.search(r"know a person by \(age, sex\), every published record looks like at", page)
    assert "Nothing was asked about sensitive values" in page


def test_a_recipe_that_is_kept_stands_beside_the_next_one(site):
    kept = html.unescape(send(site, do="keep", k="15", threshold="").text)
    against = re.search(r'name="against" value="(.*?)">', kept)[1]
    page = html.unescape(send(site, do="preview", k="20", threshold="", against=against).text)
    wrong = html.unescape(send(site, do="preview", k="301", against=against).text)
    fresh = html.unescape(send(site, do="forget", k="20", threshold="", against=against).text)

    assert '{"k":11} → {"k":15}' in kept
    assert '{"k":15} → {"k":20}' in page
    assert "What differs from the recipe kept" in page
    assert "&kept=2:" in page
    assert f'name="against" value="{against}"' in wrong
    assert '{"k":11} → {"k":20}' in fresh
    assert 'name="against" value=""' in fresh


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
        ({"k": "301"}, "Even if all records were alike"),
        ({"suppression": "1"}, "suppression from 0 to under 1"),
        ({"t_column": "people.age", "t": "0.2"}, "does not call sensitive"),
        ({"treat:people.name": "other.keep"}, "is a direct_identifier; the recipe must"),
        ({"treat:people.age": "<script>"}, "must be one of"),
        ({"kind:people.age": "icd10"}, "50 different values of age"),
        ({"do": "deidentify", "confirmed": "yes"}, "project"),
        ({"do": "deidentify", "project": "prj_1"}, "Nobody has confirmed the roles"),
        ({"against": "no recipe"}, "The recipe that was kept cannot be read"),
        ({"against": "[1]"}, "The recipe that was kept cannot be read"),
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
    assert 403 == browser.get(f"{path_of(site)}/curve.svg?edited=2:0.1:0.5").status_code
    assert 403 == browser.send(path_of(site), do="deidentify", project="p").status_code
    assert site.node.house.deidentification.find_report(site.ids["classified"]) is None


def test_a_stored_version_has_no_recipe_to_write(site):
    browser = site.browser("sam")
    stored = f"/versions/{site.ids['version']}/recipe"

    assert 409 == browser.get(stored).status_code
    assert stored not in browser.get(f"/datasets/{site.ids['dataset']}").text
    assert 404 == browser.get("/versions/ver_none/recipe").status_code


def test_the_curve_is_drawn_without_script(site):
    answer = site.browser("sam").get(
        f"{path_of(site)}/curve.svg?edited=2:0.1:0.5,11:0.25:0.0909&usual=2:0:0.5"
    )

    assert "image/svg+xml" == answer.headers["content-type"]
    assert answer.text.startswith("<svg")
    assert "This recipe" in answer.text
    assert "<script" not in answer.text


@pytest.mark.parametrize(
    "odd",
    [
        "x",
        "2:2:0",
        "2:-1:0",
        "0:0.1:0",
        "2:0.1:0.5,",
        "2:nan:0",
        "2:0.1",
        "2:0.1:2",
        ",".join(["2:0.1:0.1"] * 21),
        "²:0.1:0.1",
    ],
)
def test_an_odd_curve_is_refused(odd):
    with pytest.raises(InvalidError):
        curves.read_curves({"edited": odd})


def test_a_curve_comes_back_as_it_was_written():
    assert {
        "usual": (Point(2, "0.1000", "0.5000"), Point(100, "1.0000", "0.0100"))
    } == curves.read_curves({"usual": "2:0.1000:0.5000,100:1.0000:0.0100"})


def test_a_column_the_form_does_not_name_stays_as_proposed(site):
    proposed = site.node.house.previews.propose(site.ids["classified"], by=site.actor("sam"))
    form = Form({"k": ("5",), "treat:people.status": ("other.remove",)})

    document = read_document(form, proposed.columns)

    assert {"people.status": {"role": "other", "action": "remove"}} == document["columns"]


def work_off(site):
    """Do what waits, as the node's runner would."""
    journal, version = site.node.house.runs._journal, site.ids["classified"]
    site.node.house.runs.work(journal.read(runs.find_latest, version).id)


@pytest.mark.parametrize("language", ["en", "zh-Hant", "zh-Hans"])
def test_a_run_is_shown_and_can_be_cancelled(site, language):
    sent = {"do": "deidentify", "project": "prj_1", "confirmed": "yes"}
    answer = send(site, language=language, **sent, k="15", threshold="")
    path = f"/versions/{site.ids['classified']}/deidentification"

    assert 200 == answer.status_code
    assert f'data-live="{path}"' in answer.text
    assert '<progress max="100" value="0"' in answer.text
    dataset = site.node.house.catalogue.get_version(site.ids["classified"]).dataset_id
    assert f'href="{path}"' in site.browser("sam").get(f"/datasets/{dataset}").text
    again = send(site, language=language, **sent, k="16")
    assert 400 == again.status_code
    gone = site.browser("sam", language).send(f"{path}/cancel", page=path)
    assert "data-live" not in gone.text
    assert 'href="/versions/' in gone.text
    assert "15" == chosen(site.browser("sam").get(path_of(site)).text)["k"]
    for name in ("rex", "carl"):
        assert 403 == site.browser(name).get(path).status_code
        assert 403 == site.browser(name).send(f"{path}/cancel").status_code


def test_a_run_that_is_refused_says_why_and_what_next(site):
    send(site, do="deidentify", project="prj_1", confirmed="yes", k="301", threshold="")
    work_off(site)
    path = f"/versions/{site.ids['classified']}/deidentification"

    page = site.browser("sam", "zh-Hant").get(path).text

    assert "請降低要求，或容許剔除更多記錄" in page
    assert "Even if all records were alike" in html.unescape(page)
    assert f'href="{path_of(site)}"' in page


def test_the_button_deidentifies_with_this_recipe_once(site):
    form = {"do": "deidentify", "project": "prj_1", "confirmed": "yes"}
    answer = send(site, **form, k="15", threshold="")
    work_off(site)
    report = site.node.house.deidentification.find_report(site.ids["classified"])
    path = f"/versions/{site.ids['classified']}/deidentification"
    page = site.browser("sam").get(path).text

    assert 200 == answer.status_code
    assert "a second person signs the report" in page
    assert "/risk-report" in page
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
