"""Acquisition and de-identification of the real cohort, and of every other table we were given."""

import csv
import gzip
import io
from pathlib import Path

import pytest

from lib.ground import make_ground
from rooms.commons.commons_world import (
    GENERAL,
    STEWARD,
    hk_id,
    make_commons,
)
from tidegate.commons.acquisition.sources import FileSource

TABLES = Path(__file__).parents[3] / "shared" / "data" / "clinical_tables"


@pytest.fixture
def commons(tmp_path):
    assert TABLES.is_dir(), f"{TABLES} is missing: these tests hold us against the data in it"
    ground = make_ground(tmp_path)
    yield make_commons(ground)
    ground.close()


def data_lines(path: Path) -> int:
    raw = path.read_bytes()
    text = gzip.decompress(raw) if path.suffix == ".gz" else raw
    return sum(1 for row in csv.reader(io.StringIO(text.decode())) if row) - 1


def nafld():
    names = ("nafld1.csv", "nafld2.csv.gz", "nafld3.csv")
    return [FileSource(TABLES / name) for name in names]


def test_the_liver_cohort_is_acquired_whole(commons):
    report = commons.acquire(*nafld())

    assert (452_012, 452_012, 0) == (report.received, report.accepted, report.quarantined)
    version = commons.catalogue.get_version(report.version)
    rows = {file.name: file.rows for file in version.files}
    assert {"nafld1.csv": 17_549, "nafld2.csv.gz": 400_123, "nafld3.csv": 34_340} == rows
    assert 17_549 == version.codebook.find_table("nafld1").find_column("id").distinct


def test_every_clinical_table_is_accounted_for(commons):
    paths = sorted(path for path in TABLES.glob("*.csv") if not path.name.startswith("nafld"))
    report = commons.acquire(*(FileSource(path) for path in paths))

    assert sum(data_lines(path) for path in paths) == report.received
    assert report.received == report.accepted + report.quarantined


def test_the_cohort_with_made_up_identifiers_leaves_none_behind(commons, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    with (TABLES / "nafld1.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    with (source / "nafld1.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow([*rows[0], "name", "hkid", "phone"])
        for n, row in enumerate(rows[1:]):
            out.writerow([*row, f"Invented {n}", hk_id("Z", n), f"9{n:07d}"])
    sources = [FileSource(source / "nafld1.csv"), *nafld()[1:]]
    version = commons.acquire(*sources).version
    commons.classification.propose(version, GENERAL, by=STEWARD)
    commons.approve_classification(version)
    recipe = commons.deidentification.default_recipe(version)
    report = commons.deidentification.deidentify(version, recipe, "prj_liver", by=STEWARD)
    commons.sign(version)
    commons.holdings.store(version, by=STEWARD)
    tables = commons.holdings.open_tables(version, by=STEWARD, why={})

    assert ("nafld1.name", "nafld1.hkid", "nafld1.phone") == report.removed
    assert report.k_achieved >= 11
    assert report.suppressed * 50 < 452_012
    assert not {"name", "hkid", "phone"} & set(tables["nafld1"].column_names)
    people = set(tables["nafld1"]["id"].to_pylist())
    assert len(people) == tables["nafld1"].num_rows
    assert set(tables["nafld2"]["id"].to_pylist()) <= people
