"""Versions at every step of their life on a seeded node, made by the people of its site."""

import csv
from pathlib import Path

from rooms.web.site import Site
from tidegate.catalogue.model import Classification
from tidegate.commons.acquisition.sources import FileSource

PROPOSED = Classification("general", 3, True, True, "consent", "checked_not_notified")
ROLES = (
    "id=person_key",
    "name=direct_identifier:name",
    "age=quasi_identifier",
    "sex=quasi_identifier",
    "status=sensitive",
)
STEPS = ("acquired", "proposed", "classified", "deidentified", "signed", "stored", "archived")


def add_version(
    site: Site, home: Path, until: str, *, people: int = 60, threshold: str = ""
) -> str:
    """Keep one more dataset of one version and bring it to a step; return the version's id.

    Sam takes it in, proposes and de-identifies; Carl approves and signs.
    """
    rooms, sam, carl = site.node.house, site.actor("sam"), site.actor("carl")
    version = _acquire(site, home, people)
    wanted = STEPS[: STEPS.index(until) + 1]
    if "proposed" in wanted:
        proposed = rooms.classification.propose(version, PROPOSED, by=sam)
    if "classified" in wanted:
        rooms.classification.approve(version, proposed.proposal, by=carl)
    if "deidentified" in wanted:
        document = {"k": 5} | ({"threshold": threshold} if threshold else {"threshold": "1/5"})
        recipe = rooms.deidentification.read_recipe(version, document)
        report = rooms.deidentification.deidentify(version, recipe, "prj_1", by=sam)
    if "signed" in wanted:
        rooms.deidentification.sign_risk_report(version, report.id, by=carl)
    if "stored" in wanted:
        rooms.holdings.store(version, by=sam)
    if "archived" in wanted:
        rooms.holdings.archive(version, by=sam)
    return version


def _acquire(site: Site, home: Path, people: int) -> str:
    path = home / "clinic.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "name", "age", "sex", "status"])
        for n in range(people):
            rows.writerow([n, f"Invented {n}", 30 + n % 50, "FM"[n % 2], "abc"[n % 3]])
    house = site.node.house
    document = {"title": {"en": "Clinic visits", "zh-Hant": "門診記錄", "zh-Hans": "门诊记录"}}
    descriptor = house.acquisition.read_descriptor(document, roles=ROLES)
    return house.acquisition.acquire([FileSource(path)], descriptor, by=site.actor("sam")).version


def add_lives(site: Site, home: Path) -> None:
    """Keep a version at each step that waits for somebody; `site.ids` names their pages."""
    for step in ("acquired", "proposed", "deidentified", "signed", "archived"):
        version = add_version(site, home, step)
        site.ids[f"life_{step}"] = page_of(site, version).removeprefix("/datasets/")
    for name, reason in (("asked", "The study is over."), ("destroyed", "No longer needed.")):
        version = add_version(site, home, "stored")
        site.ids[f"life_{name}"] = page_of(site, version).removeprefix("/datasets/")
        site.node.house.destruction.request(version, reason, by=site.actor("sam"))
    site.node.house.destruction.approve(version, by=site.actor("carl"))


def page_of(site: Site, version: str) -> str:
    """Return the address of a version's page."""
    dataset = site.node.house.catalogue.get_version(version).dataset_id
    return f"/datasets/{dataset}?version={version}"
