"""A small cohort that goes the whole way into the vault, so that there are rows to transfer."""

from pathlib import Path

from tidegate.access.model import Actor, Role
from tidegate.catalogue.model import Classification
from tidegate.node.build import Node

PEOPLE = 400
STEWARD = Actor("person:cohort-steward", "Ada Steward", frozenset({Role.STEWARD}))
COMMITTEE = Actor("person:cohort-committee", "Bo Committee", frozenset({Role.COMMITTEE}))
GENERAL = Classification(
    cn_class="general",
    level=3,
    personal=True,
    sensitive=True,
    basis="consent",
    important_status="checked_not_notified",
)


def store_cohort(node: Node, dataset: str) -> str:
    """Acquire, classify, de-identify and store a version of a dataset; return the version's id."""
    house = node.house
    version = _acquired(node, dataset)
    proposed = house.classification.propose(version, GENERAL, by=STEWARD)
    house.classification.approve(version, proposed.proposal, by=COMMITTEE)
    recipe = house.deidentification.default_recipe(version)
    report = house.deidentification.deidentify(version, recipe, "project_interop", by=STEWARD)
    house.deidentification.sign_risk_report(version, report.id, by=COMMITTEE)
    house.holdings.store(version, by=STEWARD)
    return version


def _acquired(node: Node, dataset: str) -> str:
    file = Path(node.settings.home) / f"{dataset}.csv"
    file.write_text(_table(), encoding="utf-8")
    try:
        descriptor = node.house.acquisition.read_descriptor({}, title="Liver cohort")
        report = node.house.acquisition.acquire_files(
            [file], descriptor, by=STEWARD, dataset_id=dataset
        )
    finally:
        file.unlink()
    return report.version


def _table() -> str:
    lines = ["person_id,age,sex,alt"]
    lines += [f"P{n:05d},{20 + n % 4 * 15},{'FM'[n % 2]},{30 + n % 3 * 10}" for n in range(PEOPLE)]
    return "\n".join(lines) + "\n"
