"""The story, chapter by chapter, every step a call of the SDK by the person who takes it."""

import json
import time
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

from tidegate_client.client import Client
from tidegate_client.errors import NodeError
from tidegate_demo import questions, source_system
from tidegate_demo.narrator import Narrator
from tidegate_demo.nodes import DemoError, RunningNode, Stage
from tidegate_demo.people import bring_in
from tidegate_demo.scenes import Scene
from tidegate_demo.visiting import ask, refusal, visit

COURSE = "privacy-and-output-rules"
RECIPE = {"name": "liver-programme", "k": 11, "threshold": "1/11"}
PURPOSE = "HMB"  # DUO:0000006, health, medical or biomedical research
ON_THEIR_WORD = ("delete-within",)  # terms of the offer that nothing but a signed word keeps
TODAY = datetime.now(UTC)
YEAR = timedelta(days=365)


def tell(narrator: Narrator, stage: Stage, nodes: dict[str, RunningNode], data: Path) -> Scene:
    """Tell the whole story; return where it ends. Leaves evidence.zip and space.json in place."""
    scene = Scene(narrator, stage, nodes, bring_in(nodes))
    found_the_space(scene)
    become_partners(scene)
    take_the_cohort_in(scene, data)
    find_it_and_apply(scene)
    negotiate(scene)
    visit(scene)
    end_it(scene, data)
    collect_the_evidence(scene)
    return scene


def found_the_space(scene: Scene) -> None:
    """Step 1: a space, its authority, two members."""
    scene.narrator.chapter("A space is founded")
    keeper = scene["keeper"]
    file = keeper.client.space.create("Pearl River Estuary", "loopback")
    scene.save("space.json", file)
    scene.decided("the space “Pearl River Estuary” exists, with its rule pack", "keeper")
    standing = {"ciio": False, "foreign_controlled": False, "control_test": "cn_controlled"}
    for key in ("faculty", "hospital"):
        cast = scene.nodes[key].cast
        invited = keeper.client.space.invite(cast.name, cast.seat, standing=standing)
        with scene.operator(key) as operator:
            operator.space.join(file, invited.code)
            operator.space.wait_until_ready(lambda: time.sleep(0.05))
        scene.decided(
            f"{cast.name} is a member, seat {cast.seat}",
            "keeper",
            "a one-time code, and credentials that live 24 hours",
        )


def _knows(client: Client, did: str) -> bool:
    """Tell whether a node has heard that an institution is a member."""
    return did in {one.did for one in client.space.list_members()}


def become_partners(scene: Scene) -> None:
    """Step 1: a partnership that both sides sign."""
    scene.narrator.chapter("Two institutions become partners")
    hk, cn = scene["counsel_hk"], scene["counsel_cn"]
    scene.until(
        lambda: _knows(hk.client, scene.did("hospital")), "the faculty to hear of the hospital"
    )
    scene.until(
        lambda: _knows(cn.client, scene.did("faculty")), "the hospital to hear of the faculty"
    )
    partnership = hk.client.partnerships.propose(
        scene.did("hospital"),
        "Liver disease research programme",
        programme="Liver disease across the estuary",
        seats=("HK", "CN-GBA9"),
        scopes=(PURPOSE,),
        required_training=(COURSE,),
        starts=scene.moment(TODAY - timedelta(days=1)),
        expires=scene.moment(TODAY + 2 * YEAR),
    )
    scene.decided("proposes the partnership", "counsel_hk", f"training required: {COURSE}")
    scene.until(lambda: cn.client.partnerships.list_partnerships(), "the proposal to arrive")
    cn.client.partnerships.sign(partnership.id)
    scene.decided("signs it", "counsel_cn", "both signatures verify on both nodes")
    scene.until(
        lambda: hk.client.partnerships.get(partnership.id).state == "active",
        "the signature to arrive",
    )


def take_the_cohort_in(scene: Scene, data: Path) -> None:
    """Step 2: acquire, classify, de-identify, store, offer."""
    narrator = scene.narrator
    narrator.chapter("The hospital takes a liver cohort in")
    narrator.say(
        "A published Mayo Clinic cohort plays the hospital's; its identifiers are invented."
    )
    files = source_system.export(data, scene.stage.place / "source-system")
    steward, second = scene["steward"], scene["second"]
    with narrator.working("452,012 rows are read, checked and encrypted"):
        got = steward.client.commons.acquire(*files, descriptor=source_system.DESCRIPTOR)
    scene.decided(
        f"acquired: {got.accepted:,} rows accepted + {got.quarantined:,} quarantined"
        f" = {got.received:,} received",
        "steward",
    )
    scene.dataset, scene.version = got.dataset, got.version
    steward.client.commons.propose_classification(
        got.version,
        cn_class="general",
        level=3,
        personal=True,
        sensitive=True,
        basis="consent",
        important_status="checked_not_notified",
    )
    steward_words = "general data, level 3, sensitive personal information"
    scene.decided(f"proposes the class: {steward_words}", "steward")
    read = second.client.commons.classification(got.version)
    second.client.commons.approve_classification(got.version, read.proposal)
    scene.decided("approves it", "second", "the one who proposed may not")
    with narrator.working("de-identification to a greatest risk of 1/11, verified independently"):
        report = steward.client.commons.deidentify(got.version, "liver-programme", RECIPE)
    if Fraction(report.risk_max) > Fraction(1, 11):
        raise DemoError(f"The greatest risk is {report.risk_max}, above 1/11.")
    scene.decided(
        f"five identifiers removed, {report.classes:,} classes of {report.k_achieved} people or"
        f" more, greatest risk {report.risk_max}",
        "steward",
        f"{float(report.loss):.1%} of what the five quasi-identifiers tell is lost, and"
        f" {report.people_suppressed:,} people are held back",
    )
    second.client.commons.sign_risk_report(got.version, report.id)
    scene.decided("signs the risk report", "second")
    steward.client.commons.store(got.version)
    scene.decided("stored under the version's own key; the identified intake is gone", "steward")
    offer(scene)
    scene.decided(
        "offered: research only, computed in place, cells of at least 10 people, for a year,"
        " deleted afterwards",
        "steward",
    )


def offer(scene: Scene) -> None:
    """Offer the version under the policy of the story."""
    steward = scene["steward"].client
    policy = steward.policies.research(
        purposes=(PURPOSE,),
        seats=("HK", "CN-GBA9"),
        until=scene.moment(TODAY + YEAR),
        max_uses=500,
        minimum_cell=10,
        delete_within_days=30,
    )
    scene.offer = steward.catalogue.publish_offer(scene.version, policy).id


def find_it_and_apply(scene: Scene) -> None:
    """Step 3: search, a study, a refused and an approved application."""
    narrator = scene.narrator
    narrator.chapter("A researcher in Hong Kong finds it and applies")
    researcher = scene["researcher"]
    with scene.operator("faculty") as operator:
        operator.connector.harvest()
    for word in ("liver", "肝病", "肝臟", "肝脏"):
        hits = researcher.client.catalogue.search(word).hits
        if scene.dataset not in {hit.listing.id for hit in hits}:
            raise DemoError(f"Searching {word} does not find the cohort.")
        found = hits[0].listing
        narrator.say(f"searching {word} finds “{found.title.en}” at {found.publisher.name}")
    project = researcher.client.projects.create(
        "Survival with fatty liver disease",
        PURPOSE,
        "Results only; no rows leave the hospital. Kept until publication, then destroyed.",
        people=(researcher.ref,),
        dataset_ids=(scene.dataset,),
        sites=(scene.did("hospital"),),
    )
    scene.project = project.id
    record_approvals(scene)
    try:
        apply(scene)
    except NodeError as problem:
        narrator.refused("the first application is refused", by="the gate", why=problem.message)
    else:
        raise DemoError("An application without training was not refused.")
    scene["trainer"].client.trainings.issue(researcher.ref, COURSE, scene.moment(TODAY + YEAR))
    scene.decided(f"certifies the training “{COURSE}”", "trainer")
    application = apply(scene)
    scene.decided("applies again, for twelve months", "researcher")
    committee = scene["committee"]
    scene.until(
        lambda: (
            application in {one.id for one in committee.client.applications.list_applications()}
        ),
        "the application to arrive",
    )
    committee.client.applications.approve(application, "The question needs these data.", months=12)
    scene.decided("approves: a permit for one named person and twelve months", "committee")
    scene.until(lambda: researcher.client.applications.list_permits(), "the permit to arrive")


def record_approvals(scene: Scene) -> None:
    """Record ethics at both sites, the legal basis, the impact assessment, the filed contract."""
    project, dataset = scene.project, scene.dataset
    cn = scene["counsel_cn"].client
    scene.until(
        lambda: project in {one.id for one in cn.projects.list_projects()}, "the study to arrive"
    )
    for key, number in (("ethics_hk", "UW 26-311"), ("committee", "NSH-2026-047")):
        scene[key].client.projects.record_ethics(
            project,
            number,
            covers_datasets=(dataset,),
            covers_cross_border=True,
            expires=scene.moment(TODAY + YEAR),
        )
        scene.decided(f"records the ethics approval {number}", key)
    consent = {
        "separate": True,
        "names_recipient": True,
        "covers_cross_border": True,
        "guardian": False,
    }
    cn.projects.record_legal_basis(project, dataset, "consent", consent=consent)
    cn.projects.record_impact_assessment(
        project,
        (dataset,),
        done_on=scene.day(TODAY - timedelta(days=30)),
        covers_3=True,
        retention_years=3,
    )
    cn.mechanisms.record(
        "gba_sc_hk",
        scene.did("faculty"),
        effective_on=scene.day(TODAY - timedelta(days=20)),
        purposes=(PURPOSE,),
        dataset_ids=(dataset,),
        filed_on=scene.day(TODAY - timedelta(days=14)),
        filing_reference="GD-CAC-2026-1187",
    )
    scene.decided(
        "records separate consent, the impact assessment and the filed GBA standard contract",
        "counsel_cn",
        "PIPL 39 and 55; the GBA contract has no volume threshold",
    )


def apply(scene: Scene) -> str:
    """Submit the researcher's application; return its id."""
    researcher = scene["researcher"]
    return researcher.client.applications.submit(
        scene.project,
        scene.dataset,
        scene.did("hospital"),
        people=(researcher.ref,),
        purposes=(PURPOSE,),
        months=12,
    ).id


def negotiate(scene: Scene) -> None:
    """Step 3: the connectors agree; the rule pack decides and says why."""
    scene.narrator.chapter("The connectors negotiate, and the law is asked")
    researcher = scene["researcher"]
    began = time.perf_counter()
    asked = researcher.client.connector.request(
        scene.did("hospital"), scene.dataset, accepts=ON_THEIR_WORD
    )
    scene.decided(
        f"asks for an agreement and accepts by name: {', '.join(ON_THEIR_WORD)}",
        "researcher",
        "the one term that rests on a signed certificate; the nodes enforce the others",
    )
    done = researcher.client.connector.wait_until_final(asked.pid)
    took = (time.perf_counter() - began) * 1000
    if done.state != "FINALIZED":
        raise DemoError(f"The negotiation is {done.state}: {done.reason}")
    scene.agreement = done.agreement_id
    scene.narrator.decided(
        f"FINALIZED after {took:.0f} ms", by="both connectors, Dataspace Protocol 2025-1"
    )
    decisions = scene["counsel_cn"].client.decisions.list()
    for finding in decisions[0].decision.findings[:4]:
        scene.narrator.say(f"{finding.rule} {finding.outcome}: {finding.title.en}")
    scene.narrator.decided(
        f"the rule pack says {decisions[0].decision.outcome}",
        by="gba-medical, at the hospital",
        why="a query from Hong Kong is a provision across the border though no row moves",
    )


def end_it(scene: Scene, data: Path) -> None:
    """Step 6: the agreement ends, derived data go, one version is archived, another destroyed."""
    narrator = scene.narrator
    narrator.chapter("It ends")
    steward, second = scene["steward"], scene["second"]
    began = time.perf_counter()
    scene["counsel_cn"].client.agreements.end(scene.agreement, "The study is complete.")
    scene.decided("ends the agreement", "counsel_cn")
    why = refusal(scene, questions.HOW_MANY)
    took = (time.perf_counter() - began) * 1000
    narrator.refused(f"a query {took:.0f} ms later is refused", by="the nodes", why=why)
    subject = f"agreement:{scene.agreement}"
    scene.until(
        lambda: steward.client.commons.certificates(subject), "the certificate of destruction"
    )
    narrator.decided(
        "the results kept in Hong Kong are destroyed; the certificate is at the hospital",
        by="the faculty's node",
    )
    steward.client.commons.archive(scene.version)
    scene.decided("archives the version; fixity holds", "steward")
    pilot = source_system.export_pilot(data, scene.stage.place / "source-system")
    old = steward.client.commons.acquire(pilot, descriptor=source_system.PILOT).version
    steward.client.commons.request_destruction(old, "The pilot is over; its purpose has ended.")
    scene.decided("asks to destroy the pilot extract", "steward")
    certificate = second.client.commons.approve_destruction(old)
    scene.decided(
        f"approves; the key is destroyed, decryption fails, certificate {certificate.id}", "second"
    )


def go_on(scene: Scene) -> None:
    """After the story: the study goes on under a new agreement, so that the pages show results.

    The offer opens again with its version; nothing is published anew.
    """
    scene.narrator.chapter("For the pages, the study goes on")
    scene["steward"].client.commons.move_aside(scene.version, "recall", "The study goes on.")
    scene.decided("recalls the version from the archive", "steward")
    with scene.operator("faculty") as operator:
        operator.connector.harvest()
    researcher = scene["researcher"].client
    asked = researcher.connector.request(
        scene.did("hospital"), scene.dataset, scene.offer, accepts=ON_THEIR_WORD
    )
    scene.agreement = researcher.connector.wait_until_final(asked.pid).agreement_id
    for words, query in (
        ("the disease by sex", questions.BY_SEX),
        ("survival with and without the disease", questions.SURVIVAL),
    ):
        ask(scene, words, query)


def collect_the_evidence(scene: Scene) -> None:
    """Step 7: checkpoints, cosignatures, one bundle."""
    narrator = scene.narrator
    narrator.chapter("One bundle of evidence comes out")
    auditors = {"authority": scene["keeper"], "hospital": scene["auditor"]}
    with narrator.working("each node signs its log and has it witnessed by the others"):
        for key in scene.nodes:
            with scene.operator(key) as operator:
                operator.evidence.ask_witnesses()
        time.sleep(1.0)
    parts = []
    for key in ("authority", "faculty"):
        path = scene.stage.place / f"evidence-{key}.zip"
        with scene.operator(key) as operator:
            path.write_bytes(operator.evidence.export())
        parts += ["--include", str(path)]
    bundle = scene.stage.place / "evidence.zip"
    home = str(scene.nodes["hospital"].home)
    scene.stage.tidegate("evidence", "export", "--home", home, *parts, str(bundle))
    narrator.decided(
        f"{bundle.name}, {bundle.stat().st_size / 1e6:.1f} MB, of three logs",
        by=auditors["hospital"].who,
    )
    trust = json.loads((scene.stage.place / "space.json").read_text(encoding="utf-8"))
    narrator.say(f"space.json names the space {trust['space']} and its authority's keys")
