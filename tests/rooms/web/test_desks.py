"""The committee's and the checker's desks, with simulators of what came from other nodes."""

from dataclasses import dataclass, field, replace

import pytest

from rooms.web.site import CROSS, FACULTY, HOSPITAL
from tidegate.lab.model import WaitingRelease
from tidegate.lab.query.wire import query_bytes, read_query
from tidegate.partners.model import (
    Application,
    ApplicationState,
    EthicsApproval,
    Permit,
    PermitState,
    Project,
)

STAMP = "2026-03-02T08:00:00.000Z"
ASKER = f"{FACULTY.did}#per_rex"


@dataclass
class HeldReleases:
    """Releases that wait; remembers what the checker said."""

    said: list = field(default_factory=list)

    def list_waiting(self, *, by):
        document, result = CROSS
        query = query_bytes(read_query(document)).decode()
        return (
            WaitingRelease(
                "query_1",
                "urn:uuid:1",
                "ds_1",
                "ver_1",
                FACULTY.did,
                ASKER,
                query,
                STAMP,
                "r",
                result,
            ),
        )

    def clear(self, run_id, *, by):
        self.said.append(("clear", run_id, by.id))

    def refuse(self, run_id, reason, *, by):
        self.said.append(("refuse", run_id, reason))


@dataclass
class HeldApplications:
    """One application from the faculty; remembers the decision."""

    application: Application
    permit: Permit | None = None
    said: list = field(default_factory=list)

    def list_applications(self):
        return (self.application,)

    def get_application(self, application_id):
        assert application_id == self.application.id
        return self.application

    def find_permit_of(self, application_id):
        return self.permit

    def approve(self, application_id, reason, *, by, months=None):
        self.said.append(("approve", reason, months))

    def refuse(self, application_id, reason, *, by):
        self.said.append(("refuse", reason))


def make_application(**changes):
    ethics = EthicsApproval("eth_1", "prj_1", FACULTY.did, "HKU-26-11", ("ds_1",), True, STAMP)
    project = Project(
        "prj_1", "Liver model", "DUO:0000006", ASKER, (ASKER,), ("ds_1",), FACULTY.did, "A plan.",
        ethics=(ethics,),
    )  # fmt: skip
    application = Application(
        "app_1", project, "ds_1", HOSPITAL.did, ASKER, (ASKER,), ("DUO:0000006",), (), 12,
        ApplicationState.SUBMITTED, STAMP,
    )  # fmt: skip
    return replace(application, **changes)


@pytest.fixture
def releases():
    return HeldReleases()


@pytest.mark.parametrize("language", ["en", "zh-HK"])
def test_the_checker_sees_who_asks_and_the_result_as_it_would_leave(site, releases, language):
    house = replace(site.node.house, releases=releases)

    html = site.browser("cher", language, house).get("/checking").text

    assert "1,205" in html
    assert "Faculty of Medicine, Hong Kong" in html


@pytest.mark.parametrize(
    ("decision", "said"),
    [("clear", "clear"), ("refuse", "refuse")],
)
def test_the_checkers_word_reaches_the_lab(site, releases, decision, said):
    browser = site.browser("cher", house=replace(site.node.house, releases=releases))

    browser.send("/checking/query_1", page="/checking", decision=decision, reason="Too fine.")

    assert said == releases.said[0][0]


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_committee_sees_the_whole_application_and_the_form(site, language):
    held = HeldApplications(make_application())
    browser = site.browser("carl", language, replace(site.node.house, applications=held))

    listed, shown = browser.get("/applications").text, browser.get("/applications/app_1").text

    assert "Liver model" in listed
    assert "HKU-26-11" in shown
    assert 'value="approve"' in shown


def test_a_decision_goes_out_with_its_reasons(site):
    held = HeldApplications(make_application())
    browser = site.browser("carl", house=replace(site.node.house, applications=held))
    path = "/applications/app_1"

    browser.send(f"{path}/decide", page=path, decision="approve", reason="Sound.", months="6")
    browser.send(f"{path}/decide", page=path, decision="refuse", reason="No plan.")

    assert [("approve", "Sound.", 6), ("refuse", "No plan.")] == held.said


def test_a_decided_application_shows_its_permit_and_no_form(site):
    application = make_application(
        state=ApplicationState.APPROVED,
        decided_by=f"{HOSPITAL.did}#{site.people['carl'].id}",
        decided_at=STAMP,
        reason="Sound.",
    )
    permit = Permit(
        "prm_1", "app_1", "prj_1", (ASKER,), ("DUO:0000006",), (), "ds_1", HOSPITAL.did,
        FACULTY.did, STAMP, STAMP, PermitState.LIVE,
    )  # fmt: skip
    house = replace(site.node.house, applications=HeldApplications(application, permit))

    html = site.browser("carl", house=house).get("/applications/app_1").text

    assert "Sound." in html
    assert 'value="approve"' not in html


def test_somebody_elses_application_is_unknown_to_a_researcher(site):
    house = replace(site.node.house, applications=HeldApplications(make_application()))

    assert 404 == site.browser("rex", house=house).get("/applications/app_1").status_code
