"""A whole node on PostgreSQL, by its URL alone: from the people to the verified bundle."""

import csv
import json
import random

import pytest

from lib.nodes import NodeProcess, found_space, running, tidegate
from lib.postgres import running_postgres

pytestmark = pytest.mark.slow

DESCRIPTOR = {
    "title": {"en": "Liver values", "zh-Hant": "肝臟化驗", "zh-Hans": "肝脏化验"},
    "keywords": [{"en": "liver", "zh-Hant": "肝臟", "zh-Hans": "肝脏"}],
    "columns": {
        "id": {"role": "person_key"},
        "age": {"role": "quasi_identifier"},
        "alt": {"role": "measure"},
    },
}


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """An authority's node that serves on PostgreSQL and has founded a space."""
    home = tmp_path_factory.mktemp("node") / "hospital"
    with running_postgres() as url:
        made = NodeProcess(home, "Hospital", "CN-GBA9", "authority", "--database", url)
        with running(made):
            trust = home.with_name("space.json")
            trust.write_text(json.dumps(found_space(made)))
            yield made


def write_export(path, rows=400):
    chance = random.Random(7)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "age", "alt"))
        for number in range(rows):
            writer.writerow((number, chance.randrange(40, 60), chance.randrange(10, 90)))
    return path


def test_a_version_lives_on_postgresql_from_its_acquisition_to_the_verified_bundle(node, tmp_path):
    steward, second = node.person("Li", "steward"), node.person("Zhang", "steward")

    got = steward.commons.acquire(write_export(tmp_path / "values.csv"), descriptor=DESCRIPTOR)
    assert (400, 400, 0) == (got.received, got.accepted, got.quarantined)

    proposed = steward.commons.propose_classification(
        got.version, cn_class="general", level=3, personal=True, sensitive=True,
        basis="consent", important_status="checked_not_notified",
    )  # fmt: skip
    second.commons.approve_classification(got.version, proposed.proposal)
    report = steward.commons.deidentify(got.version, "liver")
    assert report.k_achieved >= 10
    second.commons.sign_risk_report(got.version, report.id)
    steward.commons.store(got.version)
    policy = steward.policies.research(purposes=("HMB",), seats=("HK",), minimum_cell=10)
    steward.catalogue.publish_offer(got.version, policy)

    for word in ("liver", "肝臟", "肝脏"):
        assert got.dataset in {hit.listing.id for hit in steward.catalogue.search(word).hits}
    assert verified(node, tmp_path / "evidence.zip") == 0
    assert [] == node.doctor()
    assert not list(node.home.glob("*.db"))


def verified(node, bundle) -> int:
    made = tidegate("evidence", "export", "--home", node.home, bundle)
    assert made.returncode == 0, made.stderr
    trust = node.home.with_name("space.json")
    return tidegate("evidence", "verify", bundle, "--trust", trust).returncode


def test_the_command_writes_beside_the_running_node(node):
    added = tidegate(
        *("person", "add", "--home", node.home, "--name", "Xu"),
        *("--email", "xu@test.example", "--role", "auditor", "--json"),
    )

    assert 0 == added.returncode, added.stderr
    with node.client() as operator:
        assert "xu@test.example" in {one.email for one in operator.people.list_people()}


def test_kill_9_on_postgresql_loses_nothing_that_was_acknowledged(node):
    with node.client() as operator:
        added = [
            operator.people.add(f"P{n}", f"p{n}@test.example", ("researcher",)).id
            for n in range(20)
        ]
    node.kill()
    node.start()

    with node.client() as operator:
        assert set(added) <= {one.id for one in operator.people.list_people()}
    assert [] == node.doctor()
