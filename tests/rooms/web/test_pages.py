"""The pages over the real rooms of a seeded node."""

import hashlib
import re
from dataclasses import replace
from html import unescape

import pytest

from rooms.web.site import COUNT, Browser, token_of
from tidegate.audit.service import InclusionProof
from tidegate.kernel.text import Language
from tidegate.lab.model import CountResult, Heading, Shield
from tidegate.web.pages.dataset import waypoints
from tidegate.web.pages.evidence import climb
from tidegate.web.results import view_of
from tidegate.web.sayings import say_query

READ = {
    "olga": [
        "/",
        "/operation",
        "/space",
        "/evidence",
        "/evidence?subject=ver",
        "/evidence?before=9",
    ],
    "sam": [
        "/versions/{version}/risk-report",
        "/datasets",
        "/datasets/{dataset}",
        "/agreements",
        "/catalogue?text=肝病",
    ],
    "rex": [
        "/queries",
        "/queries/new",
        "/queries/asked_count",
        "/queries/asked_cross",
        "/queries/asked_curve",
        "/queries/asked_waiting",
        "/queries/asked_refused",
        "/datasets/ds_peer",
        "/datasets/ds_peer/apply",
        "/applications",
        "/agreements/{taken}",
    ],
    "carl": [
        "/applications",
        "/agreements/{given}",
        "/evidence/leaves/10",
        "/evidence/subjects/version:{version}",
    ],
    "cher": ["/checking"],
}


@pytest.mark.parametrize("language", ["en", "zh-HK", "zh-CN"])
@pytest.mark.parametrize("who", READ)
def test_every_page_renders_in_every_language(site, who, language):
    browser = site.browser(who, language)

    answers = {path: browser.get(path.format(**site.ids)) for path in READ[who]}

    assert dict.fromkeys(READ[who], 200) == {p: a.status_code for p, a in answers.items()}


@pytest.mark.parametrize("who", READ)
def test_no_link_on_a_page_leads_to_a_refusal(site, who):
    browser, met = site.browser(who), set()
    for path in READ[who]:
        met |= set(re.findall(r'href="(/[^"#]*)"', browser.get(path.format(**site.ids)).text))

    refused = {
        link: status
        for link in sorted(unescape(one) for one in met)
        if (status := browser.get(link).status_code) != 200
    }

    assert {} == refused


def test_a_refused_query_says_why_in_the_readers_language(site):
    for path in ("/queries", "/queries/asked_refused"):
        html = site.browser("rex", "zh-HK").get(path).text

        assert "隊列人數太少，任何結果都會透露個別人士的資料。" in html
        assert "Fewer than" not in html


def test_the_checks_of_the_quality_profile_are_said_in_the_readers_language(site):
    path = f"/datasets/{site.ids['dataset']}"

    assert "每行均可读取" in site.browser("sam", "zh-CN").get(path).text
    assert "every row readable" in site.browser("sam").get(path).text


@pytest.mark.parametrize("path", ["/", "/catalogue", "/static/tidegate.css", "/nothing"])
def test_every_answer_carries_the_security_headers(site, path):
    answer = site.browser().get(path)

    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "nosniff" == answer.headers["X-Content-Type-Options"]


def test_pages_hold_nothing_inline_and_nothing_from_elsewhere(site):
    html = site.browser("sam").get(f"/datasets/{site.ids['dataset']}").text

    assert not re.search(r'\sstyle="|<style|\son\w+="|<script(?! src="/static/)', html)
    assert not re.search(r'(src|href)="(https?:)?//', html)


@pytest.mark.parametrize("path", ["/catalogue", "/queries", "/operation"])
def test_a_stranger_is_shown_the_door(site, path):
    answer = site.browser().get(path)

    assert 401 == answer.status_code
    assert 'name="password"' in answer.text


@pytest.mark.parametrize(
    ("who", "path"),
    [("rex", "/operation"), ("rex", "/evidence"), ("rex", "/checking"), ("tom", "/evidence")],
)
def test_a_page_for_another_role_is_refused(site, who, path):
    assert 403 == site.browser(who).get(path).status_code


def test_looking_at_a_sign_in_link_does_not_use_it(site):
    link = site.node.house.access.issue_link(site.people["rex"].id, by=site.actor("olga"))
    path = f"/sign-in/link/{link}"
    site.browser().get(path)

    answer = site.browser().send(path, page=path)

    assert "Rex Wong" in answer.text


def test_a_sign_in_link_works_once(site):
    link = site.node.house.access.issue_link(site.people["rex"].id, by=site.actor("olga"))
    path = f"/sign-in/link/{link}"
    site.browser().send(path, page=path)

    assert 403 == site.browser().send(path, page=path).status_code


def test_a_wrong_password_says_so_and_nothing_more(site):
    fields = {"email": "rex@example.org", "password": "guess", "totp": "000000", "next": "/"}

    answer = site.browser().send("/sign-in", page="/sign-in", **fields)

    assert 401 == answer.status_code
    assert "is wrong" in answer.text


def test_a_form_without_its_token_is_refused(site):
    browser = site.browser("rex")

    assert 403 == browser.post("/sign-out", data={}).status_code
    assert 200 == browser.get("/queries").status_code


def test_a_token_of_another_browser_is_refused(site):
    stolen = token_of(site.browser("sam").get("/").text)

    assert 403 == site.browser("rex").post("/sign-out", data={"csrf": stolen}).status_code


def test_signing_out_ends_the_session(site):
    browser = site.browser("rex")

    browser.send("/sign-out")

    assert 401 == browser.get("/queries").status_code


def test_the_language_stays_chosen_and_leads_nowhere_else(site):
    browser = site.browser()

    answer = browser.send("/language", language="zh-Hant", back="//evil.example/")

    assert 'lang="zh-Hant"' in answer.text
    assert "node.test" == answer.url.host
    assert 'lang="zh-Hant"' in browser.get("/catalogue").text


def test_cookies_carry_the_nodes_id_and_are_kept_from_scripts(site):
    browser = Browser(site.app(is_secure=True), base="https://node.test")

    cookie = browser.get("/").headers["set-cookie"]

    assert cookie.startswith("__Host-tidegate-form-localhost-3A7003=")
    for part in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert part in cookie


def test_a_search_finds_in_another_script_and_marks_it(site):
    html = site.browser("rex", "zh-HK").get("/catalogue?text=肝脏").text

    assert "<mark>肝臟</mark>" in html or "香港肝臟活檢登記" in html


def test_a_facet_narrows_and_can_be_taken_back(site):
    browser = site.browser("rex")

    html = browser.get("/catalogue?seat=HK").text

    assert "Hong Kong liver biopsy registry" in html
    assert "Nansha</a>" not in html
    assert 'aria-current="true"' in html


def test_the_life_of_a_dataset_names_its_leaves(site):
    html = site.browser("sam").get(f"/datasets/{site.ids['dataset']}").text

    assert "Classified by a second person" in html
    assert "Stored, encrypted under its own key" in html
    assert "/evidence/leaves/" in html


def test_the_policy_is_said_with_names_and_not_with_ids(site):
    html = site.browser("sam").get(f"/datasets/{site.ids['dataset']}").text

    assert "Only Faculty of Medicine, Hong Kong may use it." in html
    assert "31 Dec 2027" in html


def test_a_dataset_of_this_node_can_be_had_as_dcat(site):
    answer = site.browser("sam").get(f"/datasets/{site.ids['dataset']}/dcat.jsonld")

    assert "application/ld+json" == answer.headers["content-type"]
    assert "dcat:Dataset" == answer.json()["@type"]


def test_a_result_is_drawn_as_a_picture_of_this_site(site):
    answer = site.browser("rex").get("/queries/asked_count/plot.svg")

    assert "image/svg+xml" == answer.headers["content-type"]
    assert answer.text.startswith("<svg")


def test_anothers_query_is_unknown(site):
    assert 404 == site.browser("sam").get("/queries/asked_count").status_code


def test_a_refused_query_says_why_and_what_to_change(site):
    html = site.browser("rex").get("/queries/asked_refused").text

    assert "Fewer than 10 people" in html
    assert "Widen the cohort" in html


def test_a_query_form_that_does_not_add_up_comes_back_with_its_words(site):
    browser = site.browser("rex")

    answer = browser.send(
        "/queries", page="/queries/new", agreement=site.ids["taken"], kind="count", by_column="age"
    )

    assert 400 == answer.status_code
    assert '<option value="age" selected>' in answer.text
    assert "table.column" in answer.text


@pytest.mark.parametrize(("language", "label"), [("en", "Age"), ("zh-Hant", "年齡")])
def test_the_columns_of_a_query_are_a_list_with_labels_and_units(site, language, label):
    html = site.browser("rex", language).get("/queries/new").text

    assert '<optgroup label="biopsy">' in html
    assert f'<option value="biopsy.age">biopsy.age · {label} (a)</option>' in html
    assert '<option value="biopsy.status">biopsy.status</option>' in html


@pytest.mark.parametrize(
    "asked",
    [
        {"kind": "count", "by_column": "biopsy.agee"},
        {"document": '{"kind": "count", "cohort": {"kind": "everyone"}, "by": {"of": {"kind":'
         ' "column", "table": "biopsy", "column": "agee"}}}'},
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "no column biopsy.agee"),
        ("zh-Hant", "數據集沒有這個欄位"),
        ("zh-Hans", "数据集没有这一列"),
    ],
)
def test_a_column_the_dataset_lacks_is_refused_here_with_what_is_near(site, asked, language, words):
    browser = site.browser("rex", language)
    before = site.node.house.queries.list_mine(by=site.actor("rex"))

    answer = browser.send("/queries", page="/queries/new", agreement=site.ids["taken"], **asked)

    assert 400 == answer.status_code
    assert words in answer.text
    assert "<code>biopsy.age</code>" in answer.text
    assert before == site.node.house.queries.list_mine(by=site.actor("rex"))


@pytest.mark.parametrize("document", ["{", "[]", "7"])
def test_a_query_that_is_not_json_is_refused_in_words(site, document):
    browser = site.browser("rex")

    answer = browser.send(
        "/queries", page="/queries/new", agreement=site.ids["taken"], document=document
    )

    assert 400 == answer.status_code


def test_a_parked_task_is_shown_with_its_reason_and_can_be_tried_again(site):
    browser = site.browser("olga")
    task = site.node.house.work.list_parked(by=site.actor("olga"))[0]

    assert "does not answer" in browser.get("/operation").text
    answer = browser.send(f"/operation/tasks/{task.seq}/retry", page="/operation")

    assert "will be tried again" in answer.text


def test_an_operator_signs_a_checkpoint_and_reads_a_proof(site):
    browser = site.browser("olga")

    answer = browser.send("/evidence/checkpoint", page="/evidence")
    proof = browser.get("/evidence/leaves/12")

    assert "was signed" in answer.text
    assert "Equal: the leaf stands in the log" in proof.text


@pytest.mark.parametrize("path", ["/evidence/leaves/999999", "/evidence/leaves/x", "/nothing"])
def test_what_is_not_there_has_a_page_of_its_own(site, path):
    answer = site.browser("olga").get(path)

    assert 404 == answer.status_code
    assert "Reason code" in answer.text


def test_an_error_is_told_in_the_readers_language(site):
    html = site.browser("olga", "zh-HK").get("/nothing").text

    assert "沒有此頁面" in html


@pytest.mark.parametrize("size", range(1, 18))
def test_the_shown_steps_of_a_proof_end_at_the_root(size):
    from tidegate.audit.merkle import Tree, hash_leaf, inclusion_path, tree_root

    leaves = [hash_leaf(bytes([number])) for number in range(size)]
    tree = Tree(leaves)
    for place in range(size):
        path = tuple(step.hex() for step in inclusion_path(tree.node, place, size))
        proof = InclusionProof(place, size, leaves[place].hex(), path, "", 1, "")
        steps = climb(proof)

        last = steps[-1].result if steps else proof.leaf_hash
        assert tree_root(tree.node, size).hex() == last


def test_a_life_shows_what_is_done_and_where_it_stands():
    stored = waypoints("stored")
    aside = waypoints("quarantined")

    assert [True, True, True, False, False, False] == [point.is_done for point in stored]
    assert "quarantined" == aside[-1].stage
    assert "archived" not in [point.stage for point in waypoints("destroyed")]


def test_a_count_by_group_keeps_hidden_numbers_hidden():
    heading = Heading("sex", "Sex", "", "", ("female", "male"))

    view = view_of(CountResult(50, Shield(10, 5, 10), heading, (40, None)))

    assert [40, None] == [cells[0].value for _, cells in view.rows]


def test_a_query_is_said_in_words():
    import json

    assert "How many people are in everybody" == say_query(json.dumps(COUNT[0]), Language.EN)


def test_a_refusal_in_chinese_names_the_roles_in_chinese(site):
    shown = site.browser("rex", "zh-HK").get("/inbox").text

    assert "委員會 或 法務 或 管理員 或 數據管理員" == re.search(r"<dd>(.*?)</dd>", shown)[1]


@pytest.mark.parametrize(
    "path", ["/agreements/none", "/applications/none", "/queries/none", "/evidence/subjects/a:b"]
)
def test_what_is_not_there_is_told_in_chinese(site, path):
    shown = site.browser("rex", "zh-CN").get(path).text

    assert re.search(r'<p class="lede">(.*?)</p>', shown)[1].startswith(
        ("本节点没有", "没有", "您没有")
    )


class Broken:
    """A room that fails as nobody foresaw, with a patient's name in its words."""

    def __getattr__(self, name):
        raise RuntimeError("陳大文 A123456(3)")


def test_an_unforeseen_failure_is_a_page_without_its_words(site):
    house = replace(site.node.house, catalogue=Broken())
    browser = site.browser("olga", house=house)

    response = browser.get("/catalogue?text=liver")

    assert 500 == response.status_code
    assert "Something went wrong in this node" in response.text
    assert "陳大文" not in response.text


def test_the_dataset_says_what_was_lost_and_its_report_can_be_taken_along(site):
    browser = site.browser("sam")
    page = browser.get(f"/datasets/{site.ids['dataset']}").text
    link = f"/versions/{site.ids['version']}/risk-report"
    report = site.node.house.deidentification.find_report(site.ids["version"])

    assert "What was lost" in page
    assert f'href="{link}"' in page
    assert f"at least {report.k_achieved - 1} others" in page
    shown = browser.get(link).text
    assert "Signed by a second person" in shown
    kept = browser.get(f"{link}.json")
    assert "tidegate-deid-report/1" == kept.json()["format"]
    assert "Signature" in browser.get(f"{link}.html").text
    assert hashlib.sha256(kept.content).hexdigest() in browser.get(f"{link}.html").text
    assert browser.get(f"{link}.pdf").content.startswith(b"%PDF")
    assert 404 == browser.get("/versions/ver_none/risk-report").status_code
