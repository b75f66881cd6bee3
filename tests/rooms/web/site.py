"""A whole node in one process with a seeded past, and its pages behind Starlette's test client.

The node is the hospital: it keeps one dataset that went the whole way, knows a peer's dataset, has
an agreement on each side, queries with answers, and a parked task. Every room is the real one;
only the other nodes are missing.
"""

import asyncio
import atexit
import base64
import csv
import json
import threading
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
from sqlalchemy import insert
from starlette.applications import Starlette

from lib.ground import AllEvents, ManualClock
from lib.partners_world import fresh_keys
from rooms.web import negotiations
from tidegate.access.model import Actor, Participant, Person, Role, Seat, system_actor
from tidegate.catalogue.model import Classification, ColumnWords, HarvestedDataset, HarvestedOffer
from tidegate.commons.acquisition.sources import FileSource
from tidegate.connector.errors import PeerRefusedError
from tidegate.db.engine import Database
from tidegate.db.schema import METADATA
from tidegate.db.tables.work import work_task
from tidegate.kernel.canonical import sha256_hex
from tidegate.kernel.clock import iso
from tidegate.kernel.ids import RandomIds
from tidegate.kernel.text import Multilingual
from tidegate.lab import model as lab
from tidegate.lab.query.wire import query_bytes, read_query
from tidegate.lab.requests import store as asked_store
from tidegate.lab.visits.publishing import result_bytes
from tidegate.node.build import Node, assemble
from tidegate.partners.model import SpaceProfile
from tidegate.policy.model import Agreement
from tidegate.policy.rulepack.service import load_shipped
from tidegate.policy.service import research_policy
from tidegate.settings import NodeRole, NodeSettings
from tidegate.web.app import routes
from tidegate.web.kit import WebSettings

HOSPITAL = Participant("did:web:localhost%3A7003", "Nansha Hospital", Seat.CN_GBA9)
FACULTY = Participant("did:web:localhost%3A7002", "Faculty of Medicine, Hong Kong", Seat.HK)
TITLE = Multilingual("Fatty liver cohort, Nansha", "南沙脂肪肝隊列", "南沙脂肪肝队列")
UNTIL = "2027-12-31T00:00:00Z"


@dataclass
class Site:
    """The node, its people by the word they are known by, and the ids of what was seeded."""

    node: Node
    clock: ManualClock
    people: dict[str, Person]
    ids: dict[str, str]

    def actor(self, name: str) -> Actor:
        return self.people[name].as_actor()

    def app(self, house=None, *, is_secure: bool = False) -> Starlette:
        settings = WebSettings(
            node_name=HOSPITAL.name,
            node_did=HOSPITAL.did,
            node_role="participant",
            csrf_key=b"k" * 32,
            is_secure=is_secure,
        )
        return Starlette(routes=routes(house or self.node.house, settings))

    def browser(self, name: str = "", language: str = "en", house=None) -> "Browser":
        """Open a browser, signed in as somebody by a one-time link."""
        browser = Browser(self.app(house), language)
        if name:
            access = self.node.house.access
            link = access.issue_link(self.people[name].id, by=self.actor("olga"))
            answer = browser.send(f"/sign-in/link/{link}", page=f"/sign-in/link/{link}")
            assert 200 == answer.status_code, answer.text
        return browser


_LOOP = asyncio.Runner()
"""The loop of every browser: one made for each page takes longer than many a page."""
atexit.register(_LOOP.close)


def _run(call):
    """Wait for a call: on the one loop, or on one of its own in another thread."""
    is_first = threading.current_thread() is threading.main_thread()
    return _LOOP.run(call) if is_first else asyncio.run(call)


class Browser:
    """Keeps cookies and follows redirects, over no network."""

    def __init__(
        self, app: Starlette, language: str = "en", base: str = "http://node.test"
    ) -> None:
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url=base,
            headers={"Accept-Language": language},
            follow_redirects=True,
        )

    def get(self, path: str, **options) -> httpx.Response:
        return _run(self.http.get(path, **options))

    def post(self, path: str, **options) -> httpx.Response:
        return _run(self.http.post(path, **options))

    def together(self, *forms: tuple[str, dict]) -> list[httpx.Response]:
        """Send several forms at the same moment."""

        async def send_all() -> list[httpx.Response]:
            return await asyncio.gather(*(self.http.post(path, data=form) for path, form in forms))

        return _run(send_all())

    def send(self, path: str, *, page: str = "/", **fields) -> httpx.Response:
        """Send a form as a browser would: with the token of the page it stands on."""
        return self.post(path, data={"csrf": token_of(self.get(page).text), **fields})


def token_of(html: str) -> str:
    """Take the form token out of a page."""
    return html.split('name="csrf" value="', 1)[1].split('"', 1)[0]


def build_site(home: Path) -> Site:
    """Make the node and live its past."""
    home.mkdir(parents=True, exist_ok=True)
    settings = NodeSettings(
        home=home,
        name=HOSPITAL.name,
        participant=HOSPITAL,
        role=NodeRole.AUTHORITY,
        host="127.0.0.1",
        port=7003,
        base_url="http://localhost:7003",
        database_url=f"sqlite:///{home / 'node.db'}",
        passphrase_file=home / "passphrase",
    )
    database = Database(settings.database_url)
    with database.migrating() as connection:
        METADATA.create_all(connection)
    clock = ManualClock()
    node = assemble(settings, database, fresh_keys(), clock, RandomIds())
    assert AllEvents
    site = Site(node, clock, _people(node), {})
    _space(site)
    _dataset(site, home)
    _peer(site)
    _agreements(site)
    _queries(site)
    _trouble(site)
    negotiations.seed(
        site,
        FACULTY,
        lambda **changes: _policy(FACULTY.did, **changes),
        lambda **changes: _policy(HOSPITAL.did, **changes),
    )
    node.house.evidence.checkpoint_now()
    return site


def _people(node: Node) -> dict[str, Person]:
    wanted = {
        "olga": ("Olga Wan", {Role.OPERATOR}),
        "sam": ("Sam Leung", {Role.STEWARD}),
        "carl": ("陳嘉樂 Carl Chan", {Role.COMMITTEE, Role.LEGAL}),
        "cher": ("Cher Ho", {Role.CHECKER}),
        "rex": ("黃家欣 Rex Wong", {Role.RESEARCHER}),
        "audrey": ("Audrey Lam", {Role.AUDITOR}),
        "tom": ("Tom Ng", {Role.TRAINER}),
    }
    people: dict[str, Person] = {}
    for key, (name, roles) in wanted.items():
        by = people["olga"].as_actor() if people else system_actor("init")
        people[key] = node.house.access.add_person(
            name, f"{key}@example.org", frozenset(roles), by=by
        )
    return people


def _space(site: Site) -> None:
    house, by = site.node.house, site.actor("olga")
    space = house.space.new_space(
        "Pearl River Estuary Medical Data Space",
        SpaceProfile.LOOPBACK,
        rule_packs=tuple(pack.hash for pack in load_shipped()),
    )
    public = base64.urlsafe_b64encode(site.node.keys.evidence_public).decode().rstrip("=")
    house.space.create_space(space, HOSPITAL, public, by=by)


def _dataset(site: Site, home: Path) -> None:
    path = home / "nafld1.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "name", "age", "male", "bmi", "futime", "status"])
        for n in range(400):
            rows.writerow(
                [n, f"Invented {n}", 30 + n % 50, n % 2, 20 + n % 17, 100 + n * 7, n % 3 == 0]
            )
    house, steward, second = site.node.house, site.actor("sam"), site.actor("carl")
    descriptor = house.acquisition.read_descriptor(
        {
            "title": {"en": TITLE.en, "zh-Hant": TITLE.zh_hant, "zh-Hans": TITLE.zh_hans},
            "description": {
                "en": "People with non-alcoholic fatty liver disease and matched controls, "
                "followed for years with laboratory values and events.",
                "zh-Hant": "非酒精性脂肪肝病患者及配對對照的長期隨訪，包括化驗值及事件。",
                "zh-Hans": "非酒精性脂肪肝病患者及配对对照的长期随访，包括化验值及事件。",
            },
            "keywords": [{"en": "NAFLD", "zh-Hant": "脂肪肝", "zh-Hans": "脂肪肝"}],
            "source_note": "Made up for the tests; no person stands behind any row.",
        },
        roles=(
            "id=person_key",
            "name=direct_identifier:name",
            "age=quasi_identifier",
            "male=quasi_identifier",
            "futime=measure",
            "status=sensitive",
        ),
    )
    report = house.acquisition.acquire([FileSource(path)], descriptor, by=steward)
    version = report.version
    site.ids |= {"dataset": report.dataset, "version": version}
    site.clock.advance(minutes=20)
    house.classification.propose(
        version,
        Classification(
            cn_class="general",
            level=3,
            personal=True,
            sensitive=True,
            basis="GB/T 39725-2020, 6.2",
            important_status="checked_not_notified",
        ),
        by=steward,
    )
    house.classification.approve(version, house.classification.find(version).proposal, by=second)
    site.clock.advance(minutes=20)
    recipe = house.deidentification.default_recipe(version, 5)
    risk = house.deidentification.deidentify(
        version, replace(recipe, threshold="1/5"), "prj_1", by=steward
    )
    house.deidentification.sign_risk_report(version, risk.id, by=second)
    house.holdings.store(version, by=steward)
    site.clock.advance(hours=3)
    offer = house.catalogue.publish_offer(
        version, _policy(FACULTY.did), ("Tidegate-Visit",), by=steward
    )
    site.ids["offer"] = offer.id


def add_classified(site: Site, home: Path) -> None:
    """Keep one more dataset, classified by two people and not de-identified yet."""
    path = home / "people.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "name", "age", "sex", "status"])
        for n in range(300):
            rows.writerow([n, f"Invented {n}", 30 + n % 50, "FM"[n % 2], "abc"[n % 3]])
    rooms, steward, second = site.node.house, site.actor("sam"), site.actor("carl")
    roles = (
        "id=person_key",
        "name=direct_identifier:name",
        "age=quasi_identifier",
        "sex=quasi_identifier",
        "status=sensitive",
    )
    descriptor = rooms.acquisition.read_descriptor({}, title="Recipes", roles=roles)
    got = rooms.acquisition.acquire([FileSource(path)], descriptor, by=steward)
    site.ids |= {"classified": got.version, "classified_dataset": got.dataset}
    proposed = Classification("general", 3, True, True, "consent", "checked_not_notified")
    read = rooms.classification.propose(got.version, proposed, by=steward)
    rooms.classification.approve(got.version, read.proposal, by=second)


def _policy(assignee: str, **changes):
    terms = {
        "assignees": (assignee,),
        "seats": ("HK", "CN-GBA9"),
        "purposes": ("HMB",),
        "until": UNTIL,
        "max_uses": 200,
        "minimum_cell": 10,
        "delete_within_days": 30,
        "review": "cross-border",
    }
    return research_policy(**terms | changes)


def _peer(site: Site) -> None:
    words = Multilingual("Hong Kong liver biopsy registry", "香港肝臟活檢登記", "香港肝脏活检登记")
    dataset = HarvestedDataset(
        id="ds_peer",
        title=words,
        description=Multilingual(
            "Biopsies with follow-up from three clinics.", "三間診所的活檢及隨訪。"
        ),
        theme="HEAL",
        version_id="ver_peer",
        rows=5210,
        columns=("biopsy.age", "biopsy.sex", "biopsy.futime", "biopsy.status"),
        codebook=(ColumnWords("biopsy.age", Multilingual("Age", "年齡", "年龄"), "a"),),
        offers=(HarvestedOffer("offer_peer", _policy(HOSPITAL.did), ("Tidegate-Visit",)),),
    )
    with site.node.journal.write(
        by="system:harvest", did="catalogue.harvested", to=f"node:{FACULTY.did}"
    ) as tx:
        site.node.house.catalogue.put_harvested(tx, FACULTY, (dataset,))


def _agreements(site: Site) -> None:
    now = iso(site.clock.now())
    given = Agreement(
        id="urn:uuid:0b6e7d0e-0001-4b1c-9d2a-000000000001",
        role="provider",
        dataset_id=site.ids["dataset"],
        version_id=site.ids["version"],
        assigner=HOSPITAL.did,
        assignee=FACULTY.did,
        policy=_policy(FACULTY.did),
        offer_id=site.ids["offer"],
        signed_at=now,
    )
    taken = replace(
        given,
        id="urn:uuid:0b6e7d0e-0002-4b1c-9d2a-000000000002",
        role="consumer",
        dataset_id="ds_peer",
        version_id="ver_peer",
        assigner=FACULTY.did,
        assignee=HOSPITAL.did,
        policy=_policy(HOSPITAL.did),
        offer_id="offer_peer",
    )
    for name, agreement in (("given", given), ("taken", taken)):
        with site.node.journal.write(
            by="system:negotiation", did="negotiation.finalized", to=f"negotiation:{name}"
        ) as tx:
            site.node.house.policy.record_agreement(tx, agreement)
        site.ids[name] = agreement.id


SHIELD = lab.Shield(10, 5, 10)
COUNT = (
    {"kind": "count", "cohort": {"kind": "everyone"}},
    lab.CountResult(5210, SHIELD),
)
CROSS = (
    {
        "kind": "cross_table",
        "cohort": {"kind": "everyone"},
        "rows": {"of": {"kind": "column", "table": "biopsy", "column": "age"}, "bands": [40, 60]},
        "columns": {"of": {"kind": "column", "table": "biopsy", "column": "sex"}},
    },
    lab.CrossTableResult(
        lab.Heading("age", "Age", "年齡", "年龄", ("< 40", "40–59", "≥ 60")),
        lab.Heading("sex", "Sex", "性別", "性别", ("female", "male")),
        ((410, 380), (1205, 1190), (1040, None)),
        (790, 2395, None),
        (2655, None),
        5210,
        SHIELD,
    ),
)
SURVIVAL = (
    {
        "kind": "kaplan_meier",
        "cohort": {"kind": "everyone"},
        "time": {"kind": "column", "table": "biopsy", "column": "futime"},
        "event": {
            "kind": "when",
            "condition": {
                "kind": "has",
                "table": "biopsy",
                "where": {"kind": "compare", "column": "status", "op": "eq", "value": 1},
            },
        },
    },
    lab.SurvivalResult(
        (
            lab.Curve(
                "everyone",
                5210,
                tuple(
                    lab.Step(90 * n, 5210 - 90 * n, 20 + n, 10_000 - 130 * n) for n in range(1, 30)
                ),
            ),
        ),
        90,
        SHIELD,
    ),
)


def _queries(site: Site) -> None:
    for name, (document, result) in (("count", COUNT), ("cross", CROSS), ("curve", SURVIVAL)):
        asked = _ask(site, name, document)
        body = {
            "request": asked.id,
            "query": f"query_{name}",
            "agreement": asked.agreement_id,
            "query_hash": asked.query_hash,
            "result_hash": sha256_hex(result_bytes(result)),
            "decision": "rcpt_1",
            "result": json.loads(result_bytes(result)),
        }
        site.node.house.queries.receive_query_released(FACULTY.did, body)
        site.clock.advance(minutes=7)
    _ask(site, "waiting", COUNT[0])
    refused = _ask(site, "refused", COUNT[0])
    body = {
        "request": refused.id,
        "query": "query_refused",
        "agreement": refused.agreement_id,
        "state": "refused",
        "code": "cohort_too_small",
        "reason": "Fewer than 10 people are in this cohort; widen it and ask again.",
    }
    site.node.house.queries.receive_query_closed(FACULTY.did, body)


def _ask(site: Site, name: str, document) -> lab.Asked:
    content = query_bytes(read_query(document))
    asked = lab.Asked(
        id=f"asked_{name}",
        agreement_id=site.ids["taken"],
        dataset_id="ds_peer",
        provider=FACULTY.did,
        person_id=site.people["rex"].id,
        query=content.decode(),
        query_hash=sha256_hex(content),
        state=lab.RunState.AWAITING_CHECKER,
        submitted_at=iso(site.clock.now()),
        remote_id=f"query_{name}",
    )
    rex = site.actor("rex").id
    with site.node.journal.write(by=rex, did="query.submitted", to=f"query:{asked.id}") as tx:
        asked_store.add_asked(tx.connection, asked)
    site.ids[name] = asked.id
    return asked


def _trouble(site: Site) -> None:
    site.node.house.identity.refusals.note(
        "did:web:localhost%3A7009",
        PeerRefusedError("The caller's membership was revoked.", code="member_revoked"),
    )
    now = iso(site.clock.now())
    with site.node.journal.upkeep() as tx:
        tx.connection.execute(
            insert(work_task),
            {
                "handler": "peer.send",
                "lane": "",
                "payload": "{}",
                "state": "parked",
                "attempts": 14,
                "due_after": 0.0,
                "queued_at": now,
                "due_at": now,
                "problem_code": "peer_unreachable",
                "problem": "The node at localhost:7009 does not answer; check that it runs.",
            },
        )
