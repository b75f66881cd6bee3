"""Kill -9 at any moment: what was acknowledged is there, the log hangs together, work goes on."""

import csv
import json
import random
import threading
import time

import pytest

from lib.nodes import NodeProcess, found_space, running, tidegate, wait_until
from tidegate_client.errors import NodeError

pytestmark = pytest.mark.slow
SEED = 20261122
KILLS = 5
WRITERS = 4
ROWS = 60_000


@pytest.fixture
def authority(tmp_path):
    node = NodeProcess(tmp_path / "authority", "Authority", "CN-GBA9", "authority")
    yield node
    node.close()


class Hammer:
    """Threads that add people as fast as they are answered, noting what was acknowledged."""

    def __init__(self, node: NodeProcess, round_: int) -> None:
        self.acknowledged: set[str] = set()
        self.surprises: list[Exception] = []
        self._node, self._round, self._ending = node, round_, threading.Event()
        self._threads = [
            threading.Thread(target=self._write, args=(each,)) for each in range(WRITERS)
        ]

    def __enter__(self) -> "Hammer":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_problem: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(timeout=30)

    def _write(self, writer: int) -> None:
        with self._node.client() as operator:
            for number in range(10_000):
                email = f"r{self._round}w{writer}n{number}@test.example"
                try:
                    added = operator.people.add(f"Person {number}", email, ("researcher",))
                except NodeError as problem:
                    if problem.status != 0:  # a killed node does not answer; anything else is new
                        self.surprises.append(problem)
                    return
                self.acknowledged.add(added.id)
                if self._ending.is_set():
                    return


def test_kill_9_under_load_loses_nothing_that_was_acknowledged(authority, tmp_path, capsys):
    chance, acknowledged = random.Random(SEED), set()
    authority.start()
    trust = tmp_path / "space.json"
    trust.write_text(json.dumps(found_space(authority)))

    for round_ in range(KILLS):
        with Hammer(authority, round_) as hammer:
            wait_until(lambda: hammer.acknowledged, what="the first acknowledged write")
            time.sleep(chance.uniform(0.0, 1.2))
            authority.kill()
        assert [] == hammer.surprises
        assert hammer.acknowledged
        acknowledged |= hammer.acknowledged
        authority.start()
        with authority.client() as operator:
            known = {one.id for one in operator.people.list_people()}
        assert set() == acknowledged - known

    assert [] == authority.doctor()
    assert 0 == verified(authority, trust, tmp_path / "evidence.zip")
    authority.stop()
    took = authority.start(from_nothing=True)
    time.sleep(2.0)
    with capsys.disabled():
        print(
            f"\nmeasured: start to ready {took:.2f} s, idle {authority.resident_mb():.0f} MB,"
            f" {len(acknowledged)} acknowledged writes over {KILLS} kills"
        )
    assert authority.resident_mb() < 200


def verified(node, trust, bundle) -> int:
    """Export a node's evidence and have it verified; return the exit code."""
    made = tidegate("evidence", "export", "--home", node.home, bundle)
    assert made.returncode == 0, made.stderr
    done = tidegate("evidence", "verify", bundle, "--trust", trust)
    return done.returncode


def test_a_promised_message_is_delivered_after_kill_9_of_its_sender(authority, tmp_path):
    faculty = NodeProcess(tmp_path / "faculty", "Faculty", "HK", "participant")
    hospital = NodeProcess(tmp_path / "hospital", "Hospital", "CN-GBA9", "participant")
    with running(authority, faculty, hospital):
        found_space(authority, faculty, hospital)
        counsel, there = faculty.person("Lau", "legal"), hospital.person("Zhou", "legal")
        wait_until(lambda: knows(faculty, hospital.did), what="the member list")
        assert 0 == hospital.stop()
        proposed = counsel.partnerships.propose(
            hospital.did, "Programme", programme="Liver", seats=("HK", "CN-GBA9"),
            scopes=("HMB",), required_training=("privacy",),
            starts="2026-01-01T00:00:00Z", expires="2036-01-01T00:00:00Z",
        )  # fmt: skip
        faculty.kill()
        hospital.start()
        faculty.start()

        arrived = wait_until(
            lambda: proposed.id in {one.id for one in there.partnerships.list_partnerships()},
            seconds=30,
            what="the proposal's arrival",
        )

        assert arrived < 30
        assert [] == faculty.doctor()


def knows(node, did) -> bool:
    with node.client() as operator:
        return did in {member.did for member in operator.space.list_members()}


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    """A file large enough that its acquisition takes a while; some of its rows are malformed."""
    path = tmp_path_factory.mktemp("export") / "values.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "day", "test", "value"))
        for number in range(ROWS):
            extra = ("one too many",) if number % 1000 == 7 else ()
            writer.writerow((number % 900, number, "alt", number % 77, *extra))
    return path


DESCRIPTOR = {"title": {"en": "Values"}, "columns": {"id": {"role": "person_key"}}}


def test_kill_9_during_an_acquisition_leaves_a_whole_version_or_none(authority, export):
    chance = random.Random(SEED)
    authority.start()
    steward = authority.person("Li", "steward")
    for _ in range(KILLS):
        thread = threading.Thread(target=acquire_until_killed, args=(steward, export))
        thread.start()
        time.sleep(chance.uniform(0.05, 1.2))
        authority.kill()
        thread.join(timeout=30)
        authority.start()
        for version in versions_of(authority):
            assert version.rows_accepted + version.rows_quarantined == version.rows_received
            assert ROWS == version.rows_received

    report = steward.commons.acquire(export, descriptor=DESCRIPTOR)

    assert (ROWS, ROWS // 1000) == (report.received, report.quarantined)
    assert report.accepted + report.quarantined == report.received
    assert [] == authority.doctor()
    keys = {path.name.partition(".")[0] for path in (authority.home / "vault/keys").glob("*.key")}
    assert {version.id for version in versions_of(authority)} >= {k for k in keys if "ver" in k}


def acquire_until_killed(steward, export) -> None:
    try:
        steward.commons.acquire(export, descriptor=DESCRIPTOR)
    except NodeError as problem:
        if problem.status != 0:  # a killed node does not answer; anything else is a finding
            raise


def versions_of(node):
    """Return every version of the node's catalogue, read beside the running node."""
    from tidegate.node.build import open_node

    with open_node(node.home) as opened:
        catalogue = opened.house.catalogue
        return [
            version
            for dataset in catalogue.list_datasets()
            for version in catalogue.list_versions(dataset.id)
        ]


def test_a_de_identification_is_done_once_though_its_node_is_killed_in_the_middle(
    authority, tmp_path
):
    rows = tmp_path / "people.csv"
    with rows.open("w", newline="") as file:
        writer, chosen = csv.writer(file), random.Random(SEED)
        writer.writerow(["id", "age", "sex", "district", "status"])
        for n in range(ROWS):
            place = f"D{chosen.randrange(40)}"
            writer.writerow([n, 18 + chosen.randrange(70), "FM"[n % 2], place, "abc"[n % 3]])
    authority.start()
    steward, second = authority.person("Ada", "steward"), authority.person("Bo", "committee")
    got = steward.commons.acquire(
        rows,
        title="People",
        roles=("id=person_key", "age=quasi_identifier", "district=quasi_identifier",
               "sex=quasi_identifier", "status=sensitive"),
    )  # fmt: skip
    proposed = steward.commons.propose_classification(
        got.version, cn_class="general", level=3, personal=True, sensitive=True,
        basis="consent", important_status="checked_not_notified",
    )  # fmt: skip
    second.commons.approve_classification(got.version, proposed.proposal)

    steward.commons.start_deidentification(got.version, "prj_1", {"k": 8})
    wait_until(
        lambda: steward.commons.deidentification_run(got.version).progress.tries, what="the start"
    )
    authority.kill()
    authority.start()
    wait_until(
        lambda: steward.commons.deidentification_run(got.version).run.state != "waiting",
        seconds=120,
        what="the end",
        pause=0.1,
    )

    view = steward.commons.deidentification_run(got.version)
    assert ("done", 100, 2) == (view.run.state, view.progress.done, view.progress.tries)
    assert "deidentified" == steward.commons.holding(got.version).stage
    assert 8 == steward.commons.risk_report(got.version).k_asked
    assert [] == authority.doctor()
