"""The forms of a version's care: what is offered, what is done, and every way to get it wrong."""

import html
import re
from dataclasses import replace

import pytest

from rooms.web.site import build_site
from rooms.web.versions import PROPOSED, add_version, page_of
from tidegate.commons.custody.model import Act
from tidegate.commons.custody.rules import acts_for
from tidegate.commons.model import Stage

LANGUAGES = ("en", "zh-Hant", "zh-Hans")
TITLE = {"en": "Clinic visits", "zh-Hant": "門診記錄", "zh-Hans": "门诊记录"}
CHOSEN = {
    "cn_class": "general",
    "level": "4",
    "personal": "sensitive",
    "basis": "consent",
    "basis_words": "",
    "important_status": "checked_not_notified",
    "hgr": "none",
    "source": "ha",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("custody")


@pytest.fixture(scope="module")
def site(home):
    site = build_site(home / "node")
    yield site
    site.node.close()


def stage(site, version):
    return site.node.house.holdings.get_holding(version).stage


def page(site, version, name, language="en"):
    return site.browser(name, language).get(page_of(site, version))


def offered(text):
    """Return where the forms of a version's care lead."""
    return set(re.findall(r'action="/versions/[^/]+/([\w/-]+)"', text))


def send(site, version, place, name, language="en", **fields):
    """Send a form of a version as a browser of somebody would, offered or not."""
    at = page_of(site, version)
    return site.browser(name, language).send(f"/versions/{version}/{place}", page=at, **fields)


def refusal(answer):
    return html.unescape(answer.text.split('role="alert">', 1)[1].split("</div>", 1)[0])


def said(answer):
    return html.unescape(answer.text.split('role="status">', 1)[1].split("</div>", 1)[0])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_version_goes_its_whole_way_on_the_pages(site, home, language):
    version = add_version(site, home, "acquired")
    rooms, title = site.node.house, TITLE[language]

    assert "classification" in offered(page(site, version, "sam", language).text)
    send(site, version, "classification", "sam", language, **CHOSEN)
    read = rooms.classification.find(version)
    assert (4, "ha", "consent") == (read.level, read.source, read.basis)
    shown = page(site, version, "carl", language).text
    assert f'name="proposal" value="{read.proposal}"' in shown
    send(site, version, "classification/approve", "carl", language, proposal=read.proposal)
    assert Stage.CLASSIFIED is stage(site, version)

    recipe = rooms.deidentification.read_recipe(version, {"k": 5, "threshold": "1/5"})
    rooms.deidentification.deidentify(version, recipe, "prj_1", by=site.actor("sam"))
    report = rooms.deidentification.find_report(version)
    shown = page(site, version, "olga", language).text
    assert f'name="report" value="{report.id}"' in shown
    send(site, version, "risk-report/sign", "olga", language, report=report.id)
    assert site.actor("olga").id == rooms.deidentification.find_report(version).signed_by

    send(site, version, "store", "sam", language, confirm=title)
    assert Stage.STORED is stage(site, version)
    assert () == rooms.holdings.get_holding(version).intake
    send(site, version, "fixity", "audrey", language)
    send(site, version, "archive", "sam", language)
    assert Stage.ARCHIVED is stage(site, version)
    send(site, version, "destruction", "sam", language, reason="The study is over.")
    answer = send(site, version, "destruction/approve", "carl", language, confirm=title)
    assert Stage.DESTROYED is stage(site, version)
    assert 200 == answer.status_code
    given = rooms.destruction.list_certificates(f"version:{version}")[-1]
    assert given.id in answer.text
    paper = site.browser("carl").get(f"/versions/{version}/certificate.jws")
    assert given.jws == paper.text
    assert set() == offered(answer.text)


ASIDE = (
    ("stored", "sam", ("suspend", Stage.SUSPENDED), ("resume", Stage.STORED)),
    ("stored", "carl", ("restrict", Stage.RESTRICTED), ("unrestrict", Stage.STORED)),
    ("stored", "sam", ("quarantine", Stage.QUARANTINED), ("release", Stage.STORED)),
    ("archived", "sam", ("recall", Stage.STORED)),
)


@pytest.mark.parametrize(("start", "who", "steps"), [(a, b, c) for a, b, *c in ASIDE])
def test_a_version_is_put_aside_with_a_reason_and_brought_back(site, home, start, who, steps):
    version = add_version(site, home, start)

    for act, stands in steps:
        assert f"aside/{act}" in offered(page(site, version, who).text)
        empty = send(site, version, f"aside/{act}", who, reason=" ")
        assert 400 == empty.status_code
        assert "reason is empty" in refusal(empty)
        answer = send(site, version, f"aside/{act}", who, reason=f"Because of {act}.")
        assert stands is stage(site, version)
        assert said(answer)
        assert f"aside/{act}" not in offered(answer.text)
        assert f"Because of {act}." in answer.text


@pytest.fixture(scope="module")
def lives(site, home):
    """A version at every step, for what changes nothing."""
    made = {
        step: add_version(site, home, step)
        for step in ("acquired", "proposed", "deidentified", "signed", "stored", "archived")
    }
    made["asked"] = add_version(site, home, "stored")
    site.node.house.destruction.request(made["asked"], "It is over.", by=site.actor("sam"))
    return made


PLACES = {
    Act.PROPOSE: "classification",
    Act.APPROVE: "classification/approve",
    Act.SIGN: "risk-report/sign",
    Act.STORE: "store",
    Act.ARCHIVE: "archive",
    Act.CHECK: "fixity",
    Act.REQUEST_DESTRUCTION: "destruction",
    Act.APPROVE_DESTRUCTION: "destruction/approve",
}


@pytest.mark.parametrize("name", ["sam", "carl", "olga", "audrey", "cher", "tom", "rex"])
def test_only_what_somebody_may_do_now_is_offered(site, lives, name):
    for version in lives.values():
        answer = page(site, version, name)
        if name in {"cher", "tom", "rex"}:
            assert 404 == answer.status_code
            continue
        custody = site.node.house.holdings.custody(version, by=site.actor("sam"))
        acts = acts_for(site.actor(name), custody) - {Act.DEIDENTIFY}
        assert {PLACES.get(act, f"aside/{act}") for act in acts} == offered(answer.text)


BESIDE = (
    Act.RECALL,
    Act.RESTRICT,
    Act.UNRESTRICT,
    Act.SUSPEND,
    Act.RESUME,
    Act.QUARANTINE,
    Act.RELEASE,
)
ALL = (*PLACES.items(), *((act, f"aside/{act}") for act in BESIDE))


TRYING = ("sam", "carl", "olga", "audrey", "rex", "")


@pytest.fixture(scope="module")
def browsers(site):
    """Open the browser of each who tries what is not offered, signed in once for all of it."""
    return {name: site.browser(name, "zh-Hans") for name in TRYING}


@pytest.mark.parametrize(("act", "place"), ALL)
def test_what_is_not_offered_is_refused_and_changes_nothing(site, lives, browsers, act, place):
    rooms = site.node.house
    for version in lives.values():
        proposal = rooms.classification.find(version)
        report = rooms.deidentification.find_report(version)
        fields = CHOSEN | {
            "confirm": TITLE["en"],
            "reason": "none",
            "proposal": proposal.proposal if proposal else "0" * 64,
            "report": report.id if report else "risk_none",
        }
        before = rooms.holdings.get_holding(version)
        custody = rooms.holdings.custody(version, by=site.actor("sam"))
        for name, browser in browsers.items():
            actor = site.actor(name) if name else None
            if actor and act in acts_for(actor, custody):
                continue
            sent = browser.send(f"/versions/{version}/{place}", page="/sign-in", **fields)
            assert sent.status_code in {400, 401, 403, 404, 409}, (name, before.stage)
            if name in {"sam", "carl", "olga", "audrey"}:
                assert re.search("[\u4e00-\u9fff]{4}", refusal(sent)), (name, before.stage)
        assert before == rooms.holdings.get_holding(version)
        assert proposal == rooms.classification.find(version)
        again = rooms.holdings.custody(version, by=site.actor("sam"))
        assert custody.destruction == again.destruction


WAITS = {
    "proposed": "You proposed the classification.",
    "deidentified": "You de-identified this version",
    "asked": "You requested the destruction",
}


def test_nobody_approves_or_signs_what_they_did_themselves(site, lives):
    rooms = site.node.house
    proposal = rooms.classification.find(lives["proposed"]).proposal
    report = rooms.deidentification.find_report(lives["deidentified"]).id
    tried = (
        ("proposed", "classification/approve", {"proposal": proposal}),
        ("deidentified", "risk-report/sign", {"report": report}),
        ("asked", "destruction/approve", {"confirm": TITLE["en"]}),
    )

    for step, place, fields in tried:
        shown = page(site, lives[step], "sam").text
        assert place not in offered(shown)
        assert WAITS[step] in shown.split('class="alert warn">', 1)[1].split("</p>", 1)[0]
        answer = send(site, lives[step], place, "sam", "zh-Hant", **fields)
        assert 403 == answer.status_code
        assert "須由另一人完成" in refusal(answer)
    leaves = rooms.evidence.timeline(f"version:{lives['proposed']}")
    assert "version.approval_refused" in {leaf.entry.did for leaf in leaves}


def test_a_proposal_replaced_while_it_is_read_is_not_approved(site, home):
    version, rooms = add_version(site, home, "proposed"), site.node.house
    browser, at = site.browser("carl", "zh-Hant"), page_of(site, version)
    text = browser.get(at).text
    read = re.search(r'name="proposal" value="(\w+)"', text)[1]
    lower = replace(PROPOSED, level=1, sensitive=False)
    rooms.classification.propose(version, lower, by=site.actor("sam"))

    answer = browser.send(f"/versions/{version}/classification/approve", page=at, proposal=read)

    assert 409 == answer.status_code
    assert "提案已被更換" in refusal(answer)
    assert Stage.ACQUIRED is stage(site, version)
    now = rooms.classification.find(version).proposal
    assert f'name="proposal" value="{now}"' in answer.text
    assert "第 1 級" in answer.text


def test_a_report_replaced_while_it_is_read_is_not_signed(site, home):
    version, rooms = add_version(site, home, "deidentified"), site.node.house
    browser, at = site.browser("carl", "zh-Hans"), page_of(site, version)
    read = re.search(r'name="report" value="(\w+)"', browser.get(at).text)[1]
    weaker = rooms.deidentification.read_recipe(version, {"k": 2, "threshold": "1/2"})
    rooms.deidentification.deidentify(version, weaker, "prj_1", by=site.actor("sam"))

    answer = browser.send(f"/versions/{version}/risk-report/sign", page=at, report=read)

    assert 409 == answer.status_code
    assert "风险报告已被更换" in refusal(answer)
    report = rooms.deidentification.find_report(version)
    assert "" == report.signed_by
    assert f'name="report" value="{report.id}"' in answer.text


def test_the_proposal_is_shown_whole_before_it_can_be_approved(site, lives):
    shown = html.unescape(page(site, lives["proposed"], "carl").text)
    form = shown.split('id="act-approve"', 1)[1].split("</form>", 1)[0]

    for words in (
        "General data",
        "Level 3",
        "Sensitive personal information",
        "Consent of the person",
        "neither notified nor published",
        "Human genetic resources",
        "A hospital or clinic",
        "Sam Leung",
        "A name",
        "can single a person out",
        "What others should not learn",
    ):
        assert words in form
    for column in ("id", "name", "age", "sex", "status"):
        assert f"<code>{column}</code>" in form


def test_the_figures_are_shown_before_the_report_can_be_signed(site, lives):
    shown = html.unescape(page(site, lives["deidentified"], "carl").text)
    form = shown.split('id="act-sign"', 1)[1].split("</form>", 1)[0]
    report = site.node.house.deidentification.find_report(lives["deidentified"])

    assert f"{report.risk_max} <span" in form
    assert f"{report.risk_mean}</dd>" in form
    assert "5 (5 asked for)" in form
    assert all(name in form for name in (*report.removed, *report.pseudonymised))
    assert "/risk-report" in form
    assert "prosecutor" in form


def test_a_risk_too_great_can_be_signed_by_nobody(site, home):
    version = add_version(site, home, "deidentified", threshold="1/50")
    report = site.node.house.deidentification.find_report(version)

    shown = page(site, version, "carl", "zh-Hant").text
    assert "任何人都不能簽署" in shown
    assert "risk-report/sign" not in offered(shown)
    answer = send(site, version, "risk-report/sign", "carl", "zh-Hant", report=report.id)

    assert 409 == answer.status_code
    assert "重新去識別化" in refusal(answer)


@pytest.mark.parametrize("typed", ["", "Clinic", "clinic visits!", "門診", "ver_1"])
@pytest.mark.parametrize(
    ("step", "place", "who"), [("signed", "store", "sam"), ("asked", "destruction/approve", "carl")]
)
def test_what_cannot_be_undone_asks_for_the_title(site, lives, step, place, who, typed):
    before = stage(site, lives[step])

    answer = send(site, lives[step], place, who, confirm=typed)

    assert 400 == answer.status_code
    assert "not the title of the dataset" in refusal(answer)
    assert before is stage(site, lives[step])
    assert "Clinic visits</b>" in answer.text


@pytest.mark.parametrize(
    "typed", ["  clinic   VISITS ", "門診記錄", "门诊记录", "Ｃｌｉｎｉｃ visits"]
)
def test_the_title_is_known_in_every_language_however_it_is_typed(site, home, typed):
    version = add_version(site, home, "signed")

    send(site, version, "store", "sam", confirm=typed)

    assert Stage.STORED is stage(site, version)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("cn_class", "", "cn_class is empty"),
        ("cn_class", "secret", "the class is core, important or general"),
        ("level", "", "whole number"),
        ("level", "6", "the level is 1 to 5"),
        ("level", "three", "whole number"),
        ("important_status", "guessed", "important status is"),
        ("hgr", "some", "genetic resources are"),
        ("basis", "", "basis is empty"),
        ("basis", "other", "basis_words is empty"),
        ("personal", "", "personal is empty"),
    ],
)
def test_a_proposal_with_a_gap_is_refused_and_keeps_what_was_chosen(
    site, lives, field, value, words
):
    fields = CHOSEN | {"level": "2", field: value}

    answer = send(site, lives["acquired"], "classification", "sam", **fields)

    assert 400 == answer.status_code
    assert words in refusal(answer)
    assert site.node.house.classification.find(lives["acquired"]) is None
    form = answer.text.split('id="act-propose"', 1)[1]
    if field != "level":
        assert 'name="level" value="2" required checked' in form
    assert 'name="source" value="ha" required checked' in form


def test_another_basis_is_kept_in_its_own_words(site, home):
    version = add_version(site, home, "acquired")
    fields = CHOSEN | {"basis": "other", "basis_words": "DSL art. 38 <b>"}

    send(site, version, "classification", "sam", **fields)

    assert "DSL art. 38 <b>" == site.node.house.classification.find(version).basis
    shown = page(site, version, "carl").text
    assert "DSL art. 38 &lt;b&gt;" in shown
    again = page(site, version, "sam").text
    assert 'value="other" required checked' in again
    assert 'value="DSL art. 38 &lt;b&gt;"' in again


def test_a_form_sent_twice_acts_once(site, home):
    version = add_version(site, home, "stored")
    browser, at = site.browser("sam"), page_of(site, version)
    text = browser.get(at).text
    form = {
        "csrf": re.search(r'name="csrf" value="(\w+)"', text)[1],
        "once": re.search(r'name="once" value="([\w-]+)"', text)[1],
        "reason": "An audit.",
    }
    path = f"/versions/{version}/aside/suspend"

    answers = browser.together((path, form), (path, form))
    later = browser.post(path, data=form)

    assert [200, 200, 200] == [one.status_code for one in (*answers, later)]
    leaves = site.node.house.evidence.timeline(f"version:{version}")
    assert 1 == sum(leaf.entry.did == "version.suspended" for leaf in leaves)


def test_a_token_of_another_browser_or_none_opens_nothing(site, home):
    version = add_version(site, home, "stored")
    other = re.search(r'name="csrf" value="(\w+)"', page(site, version, "carl").text)[1]
    browser = site.browser("sam")

    for token in (other, "", "0" * 64):
        form = {"csrf": token, "reason": "An audit."}
        answer = browser.post(f"/versions/{version}/aside/suspend", data=form)
        assert 403 == answer.status_code
    assert Stage.STORED is stage(site, version)


def test_what_changed_on_the_disk_stops_the_archive_and_is_said(site, home):
    version = add_version(site, home, "stored")
    rooms = site.node.house
    stored = rooms.holdings.get_holding(version).tables[0].stored
    path = next((home / "node").rglob(stored.path.rpartition("/")[2]))
    path.write_bytes(path.read_bytes()[:-1] + b"x")

    answer = send(site, version, "archive", "sam", "zh-Hans")

    assert 409 == answer.status_code
    assert "此版本已被隔离" in refusal(answer)
    assert Stage.QUARANTINED is stage(site, version)
    assert "aside/release" in offered(answer.text)
    checked = send(site, version, "fixity", "carl", "zh-Hans")
    assert 409 == checked.status_code
    assert "请勿使用" in refusal(checked)


def test_who_only_uses_data_is_told_so_on_the_page_of_an_offered_version(site):
    version = site.ids["version"]
    before = site.node.house.holdings.get_holding(version)

    assert 'id="custody"' not in page(site, version, "rex").text
    for place in ("archive", "aside/suspend", "destruction"):
        answer = send(site, version, place, "rex", "zh-Hant", reason="Mine.")
        assert 403 == answer.status_code
        assert "沒有所需角色" in refusal(answer)
        assert set() == offered(answer.text)
    assert before == site.node.house.holdings.get_holding(version)


def test_the_report_leads_to_its_signature(site, lives):
    version = lives["deidentified"]
    report = site.browser("carl").get(f"/versions/{version}/risk-report").text

    assert f"?version={version}#custody" in report
    signed = site.browser("carl").get(f"/versions/{lives['signed']}/risk-report").text
    assert "#custody" not in signed


def test_an_unknown_act_or_version_is_no_page(site, lives):
    for path in (f"/versions/{lives['stored']}/aside/destroy", "/versions/ver_none/store"):
        answer = site.browser("sam").send(path, confirm="x", reason="x")
        assert 404 == answer.status_code
    gone = site.browser("sam").get(f"/versions/{lives['stored']}/certificate.jws")
    assert 404 == gone.status_code


def test_the_inbox_lists_the_versions_that_wait_for_the_reader(site, home):
    version = add_version(site, home, "proposed")
    place = f"version={version}#act-approve"

    assert place in site.browser("carl").get("/inbox").text
    assert place in site.browser("olga").get("/inbox").text
    assert version not in site.browser("sam").get("/inbox").text
    carl = site.browser("carl", "zh-Hans").get("/inbox").text
    assert "等待您处理的版本" in carl
    count = int(re.search(r'href="/inbox"[^>]*>[^<]*<span class="count">(\d+)', carl)[1])
    proposal = site.node.house.classification.find(version).proposal
    send(site, version, "classification/approve", "carl", proposal=proposal)

    after = site.browser("carl", "zh-Hans").get("/inbox").text
    assert version not in after
    assert count - 1 == int(
        re.search(r'href="/inbox"[^>]*>[^<]*<span class="count">(\d+)', after)[1]
    )


def test_the_evidence_tells_the_refused_act_in_the_readers_words(site, lives):
    version = lives["proposed"]
    proposal = site.node.house.classification.find(version).proposal
    send(site, version, "classification/approve", "sam", proposal=proposal)

    for language, words in (("zh-Hant", "核准分類分級"), ("zh-Hans", "核准分类分级")):
        shown = site.browser("carl", language).get(f"/evidence/subjects/version:{version}").text
        refused = shown.split('class="bad"', 1)[1]
        assert words in refused.split("</li>", 2)[0] + refused.split("</li>", 2)[1]
        assert "approve a classification" not in shown


@pytest.mark.parametrize("name", ["sam", "carl"])
def test_every_field_has_a_name_for_those_who_hear_the_page(site, lives, name):
    for version in lives.values():
        text = page(site, version, name).text
        ids = re.findall(r'\sid="([^"]+)"', text)
        assert len(ids) == len(set(ids))
        labelled = set(re.findall(r'<label for="([^"]+)"', text))
        for field in re.findall(r"<input([^>]*)>", text.split('id="custody"', 1)[1]):
            known = re.search(r'\sid="([^"]+)"', field)
            assert 'type="hidden"' in field or 'type="radio"' in field or known[1] in labelled
        assert not re.search(r'\sstyle="|<style|\son\w+="', text)
