"""Two institutions under the real rule pack: nodes of their own processes, a cohort, its papers.

A hospital in the nine cities offers rows of level 2 to a faculty in Hong Kong; all that the gate
and the law ask for is on record, so that rule XB-19 alone leaves the rows to a person.
"""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import httpx

from lib.nodes import NodeProcess, found_space, running, wait_until
from lib.story import hidden
from tidegate_client.client import Client
from tidegate_client.connector import Negotiation, Transfer

PURPOSE = "HMB"
TERMS = {
    "purposes": (PURPOSE,),
    "seats": ("HK", "CN-GBA9"),
    "max_uses": 50,
    "compute": "",
    "minimum_cell": 0,
    "delete_within_days": 30,
}
ON_THEIR_WORD = ("delete-within",)
CONSENT = {
    "separate": True, "names_recipient": True, "covers_cross_border": True, "guardian": False,
}  # fmt: skip
PEOPLE = 80
PATIENCE = 60.0
NOW = datetime.now(UTC)
YEAR = timedelta(days=365)


def moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def write_cohort(path: Path) -> Path:
    """Write a small cohort in which no group is rare."""
    chance = Random(2026)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "name", "male", "age", "value"))
        for number in range(PEOPLE):
            age = 40 + number % 4 // 2
            writer.writerow((9000 + number, f"Nobody {number}", number % 2, age, chance.random()))
    return path


DESCRIPTOR = {
    "title": {"en": "Liver values", "zh-Hant": "肝臟化驗值", "zh-Hans": "肝脏化验值"},
    "columns": {
        "id": {"role": "person_key"},
        "name": {"role": "direct_identifier", "kind": "name"},
        "male": {"role": "quasi_identifier"},
        "age": {"role": "quasi_identifier", "unit": "years"},
        "value": {"role": "measure"},
    },
}


@dataclass
class LawWorld:
    """Running nodes, the people at them, and what was offered."""

    authority: NodeProcess
    faculty: NodeProcess
    hospital: NodeProcess
    people: dict[str, Client]
    dataset: str = ""
    version: str = ""
    offer: str = ""
    project: str = ""

    def __getitem__(self, key: str) -> Client:
        return self.people[key]

    # --- agreements

    def ask(self, **more) -> Negotiation:
        """Have the researcher ask for an agreement on the offer of rows."""
        return self["researcher"].connector.request(
            self.hospital.did, self.dataset, self.offer, accepts=ON_THEIR_WORD, **more
        )

    def provided(self, asked: Negotiation) -> Negotiation:
        """Return the hospital's side of a negotiation, once it has settled or waits."""

        def find() -> Negotiation | None:
            found = self["counsel_cn"].connector.list_negotiations()
            return next((one for one in found if one.peer_pid == asked.pid), None)

        self.until(find, "the request to arrive")
        return self["counsel_cn"].connector.wait_until_final(find().pid)

    def final(self, asked: Negotiation) -> Negotiation:
        """Return the faculty's side once it is over."""
        return self["researcher"].connector.wait_until_final(asked.pid)

    def agree(self) -> str:
        """Have an agreement of rows, approved by the hospital's counsel as the rules ask."""
        asked = self.ask()
        waiting = self.provided(asked)
        assert waiting.waiting == "person", waiting
        self["counsel_cn"].connector.approve(waiting.pid, accepts=ON_THEIR_WORD)
        done = self.final(asked)
        assert done.state == "FINALIZED", done
        return done.agreement_id

    # --- rows

    def fetch(self, agreement: str) -> str:
        """Have the researcher ask for the rows; return the transfer's pid at the faculty."""
        return self["researcher"].rows.ask(agreement).pid

    def asked_about(self, agreement: str, state: str = "asked") -> tuple:
        return self["counsel_cn"].rows.approvals(agreement_id=agreement, state=state)

    def question(self, agreement: str):
        """Return the one open question about an agreement's rows, once it is asked."""
        self.until(lambda: self.asked_about(agreement), "the question to the legal officer")
        (one,) = self.asked_about(agreement)
        return one

    def pulled(self, pid: str) -> Transfer:
        """Return the faculty's side of a transfer."""
        found = self["researcher"].connector.list_transfers()
        return next(one for one in found if one.pid == pid)

    def both_at(self, pid: str, state: str) -> tuple[Transfer, Transfer]:
        """Return a transfer as both sides see it, once both are there.

        Whoever takes a step is there when the other has acknowledged it, so a moment later.
        """
        self.until(
            lambda: {self.pulled(pid).state, self.mirror(pid).state} == {state},
            f"both sides at {state}",
        )
        return self.pulled(pid), self.mirror(pid)

    def mirror(self, pid: str) -> Transfer:
        """Return the hospital's side of the same transfer."""
        found = self["counsel_cn"].connector.list_transfers()
        return next(one for one in found if one.peer_pid == pid)

    def leaves(self, key: str, subject: str) -> list[tuple[str, dict]]:
        """Return what an institution's log says of a subject."""
        return [(leaf.did, leaf.why) for leaf in self[key].evidence.timeline(subject)]

    # --- the law's facts

    def record_consent(self, **changes: bool) -> None:
        """Record the consent of the cohort anew, at the hospital; the newest one counts."""
        self["counsel_cn"].projects.record_legal_basis(
            self.project, self.dataset, "consent", consent={**CONSENT, **changes}
        )

    @contextmanager
    def consent_without_border(self) -> Iterator[None]:
        """Let the consent on record cover no provision across the border for a block (XB-12)."""
        self.record_consent(covers_cross_border=False)
        try:
            yield
        finally:
            self.record_consent()

    @contextmanager
    def slow_faculty(self) -> Iterator[None]:
        """Let the faculty have no room on its disk: transfers to it start and then wait."""
        settings = self.faculty.home / "node.toml"
        usual = settings.read_text(encoding="utf-8")
        settings.write_text(f"{usual}rows_keep_free = {10**15}\n", encoding="utf-8")
        self._restart_faculty()
        try:
            yield
        finally:
            settings.write_text(usual, encoding="utf-8")
            self._restart_faculty()

    def _restart_faculty(self) -> None:
        self.faculty.stop()
        self.faculty.start()

    def permit(self) -> str:
        """Have the researcher's application approved; return the permit's id."""
        researcher, committee = self["researcher"], self["committee"].applications
        asked = researcher.applications.submit(
            self.project, self.dataset, self.hospital.did,
            people=(researcher.people.me().person_ref,), purposes=(PURPOSE,), months=12,
        ).id  # fmt: skip
        self.until(
            lambda: asked in {one.id for one in committee.list_applications()}, "the request"
        )
        made = committee.approve(asked, "The question needs these rows.", months=12).id
        self.until(
            lambda: made in {one.id for one in researcher.applications.list_permits()}, "the permit"
        )
        return made

    # --- pages

    @contextmanager
    def browser(self, node: NodeProcess, name: str) -> Iterator[httpx.Client]:
        """Sign a person in at the pages, by a one-time link."""
        with node.client() as operator:
            found = operator.people.list_people()
            person = next(one for one in found if one.name == name)
            secret = operator.people.issue_link(person.id)
        with httpx.Client(base_url=node.base_url, follow_redirects=True) as browser:
            link = f"/sign-in/link/{secret}"
            browser.post(link, data=hidden(browser.get(link).text)).raise_for_status()
            yield browser

    def until(self, question: Callable[[], object], what: str) -> None:
        wait_until(question, PATIENCE, what, pause=0.05)


@contextmanager
def law_world(place: Path) -> Iterator[LawWorld]:
    """Serve three nodes and bring the two institutions to where they may negotiate."""
    nodes = (
        NodeProcess(place / "authority", "Authority", "CN-GBA9", "authority"),
        NodeProcess(place / "faculty", "Faculty", "HK", "participant"),
        NodeProcess(place / "hospital", "Hospital", "CN-GBA9", "participant"),
    )
    with running(*nodes) as (authority, faculty, hospital):
        _found(authority, faculty, hospital)
        people = {
            "researcher": faculty.person("Researcher", "researcher"),
            "counsel_hk": faculty.person("Lau", "legal"),
            "ethics_hk": faculty.person("Wong", "committee"),
            "auditor_hk": faculty.person("Ho", "auditor"),
            "steward": hospital.person("Li", "steward"),
            "second": hospital.person("Zhang", "steward"),
            "counsel_cn": hospital.person("Zhou", "legal"),
            "committee": hospital.person("Chen", "committee"),
            "auditor_cn": hospital.person("Xu", "auditor"),
        }
        world = LawWorld(authority, faculty, hospital, people)
        _become_partners(world)
        _offer_rows(world, write_cohort(place / "cohort.csv"))
        _study(world)
        world.permit()
        yield world


def _found(authority: NodeProcess, *members: NodeProcess) -> None:
    standing = {"ciio": False, "foreign_controlled": False, "control_test": "cn_controlled"}
    found_space(authority, *members, standing=standing)


def _become_partners(world: LawWorld) -> None:
    hk, cn = world["counsel_hk"].partnerships, world["counsel_cn"].partnerships
    made = hk.propose(
        world.hospital.did,
        "Liver programme",
        programme="Liver disease across the estuary",
        seats=("HK", "CN-GBA9"),
        scopes=(PURPOSE,),
        required_training=(),
        starts=moment(NOW - timedelta(days=1)),
        expires=moment(NOW + 2 * YEAR),
    )
    world.until(cn.list_partnerships, "the proposal")
    cn.sign(made.id)
    world.until(lambda: hk.get(made.id).state == "active", "the signature")


def _offer_rows(world: LawWorld, file: Path) -> None:
    steward, second = world["steward"], world["second"]
    got = steward.commons.acquire(file, descriptor=DESCRIPTOR)
    world.dataset, world.version = got.dataset, got.version
    proposed = steward.commons.propose_classification(
        got.version, cn_class="general", level=2, personal=True, sensitive=True, basis="consent",
        important_status="checked_not_notified",
    )  # fmt: skip
    second.commons.approve_classification(got.version, proposed.proposal)
    report = steward.commons.deidentify(got.version, "liver")
    second.commons.sign_risk_report(got.version, report.id)
    steward.commons.store(got.version)
    policy = steward.policies.research(**TERMS)
    offer = steward.catalogue.publish_offer(got.version, policy, formats=("HttpData-PULL",))
    world.offer = offer.id
    with world.faculty.client() as operator:
        operator.connector.harvest()


def _study(world: LawWorld) -> None:
    researcher, cn = world["researcher"], world["counsel_cn"]
    me = researcher.people.me().person_ref
    study = researcher.projects.create(
        "Liver values", PURPOSE, "A copy, sealed; destroyed at the end.",
        people=(me,), dataset_ids=(world.dataset,), sites=(world.hospital.did,),
    )  # fmt: skip
    world.project = study.id
    world.until(lambda: study.id in {one.id for one in cn.projects.list_projects()}, "the study")
    for key in ("ethics_hk", "committee"):
        world[key].projects.record_ethics(
            study.id, f"{key}-1", covers_datasets=(world.dataset,), covers_cross_border=True,
            expires=moment(NOW + YEAR),
        )  # fmt: skip
    world.record_consent()
    cn.projects.record_impact_assessment(
        study.id, (world.dataset,), done_on=(NOW - timedelta(days=30)).date().isoformat(),
        covers_3=True, retention_years=3,
    )  # fmt: skip
    cn.mechanisms.record(
        "gba_sc_hk",
        world.faculty.did,
        effective_on=(NOW - timedelta(days=20)).date().isoformat(),
        purposes=(PURPOSE,),
        dataset_ids=(world.dataset,),
        filed_on=(NOW - timedelta(days=14)).date().isoformat(),
        filing_reference="GD-CAC-2026-1",
    )
