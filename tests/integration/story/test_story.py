"""What the demonstration leaves, and what it must not leave."""

import re
import shutil
import subprocess
import zipfile
from itertools import chain

import httpx
import pytest

from lib.nodes import tidegate
from lib.story import NODES, demo, hidden
from lib.traces import read_patients, texts_of_bundle, texts_of_database, unwrapped
from tidegate.commons.parquet import read_table
from tidegate.commons.vault.service import Vault
from tidegate.keys.service import open_key_file
from tidegate.node.doctor import examine
from tidegate_demo.nodes import DemoError, Stage

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def patients(story):
    return read_patients(story.place / "source-system" / "nafld1.csv")


# -- what it says and leaves


def test_the_story_shows_its_two_refusals_with_their_reasons(story):
    assert "the first application is refused (the gate)" in story.said
    assert "refused (disclosure control at the hospital)" in story.said


def test_the_bundle_the_trust_file_and_the_links_are_left(story):
    for name in ("evidence.zip", "space.json", "links.json"):
        assert (story.place / name).stat().st_size > 100
    assert 0o600 == (story.place / "links.json").stat().st_mode & 0o777


def test_every_node_is_well(story):
    for node in NODES:
        assert [] == [each for each in examine(story.home(node)) if not each.is_well]


def test_every_node_is_served(story):
    for node in NODES:
        assert httpx.get(f"{story.base_url(node)}/health/ready").json()["ready"] is True


# -- the evidence


def test_a_stranger_verifies_the_bundle_and_reads_every_life(story):
    done = tidegate("evidence", "verify", story.bundle, "--trust", story.trust)

    assert 0 == done.returncode, done.stderr
    assert 2 == done.stdout.count("The life of ")


def test_without_the_trust_file_the_bundle_is_consistent_but_unauthenticated(story):
    done = tidegate("evidence", "verify", story.bundle)

    assert 2 == done.returncode
    assert "consistent, but unauthenticated" in done.stdout + done.stderr


def test_one_changed_byte_of_a_leaf_is_found_and_its_member_named(story, tmp_path):
    changed = tmp_path / "changed.zip"
    with zipfile.ZipFile(story.bundle) as old, zipfile.ZipFile(changed, "w") as new:
        name = max(old.namelist(), key=lambda each: old.getinfo(each).file_size)
        for info in old.infolist():
            content = bytearray(old.read(info))
            if info.filename == name:
                content[len(content) // 2] ^= 1
            new.writestr(info, bytes(content))

    done = tidegate("evidence", "verify", changed, "--trust", story.trust)

    assert 1 == done.returncode
    assert name in done.stdout + done.stderr


@pytest.mark.parametrize("share", [0.1, 0.37, 0.5, 0.9])
def test_one_changed_byte_of_the_file_is_found(story, tmp_path, share):
    content = bytearray(story.bundle.read_bytes())
    content[int(len(content) * share)] ^= 1
    (tmp_path / "changed.zip").write_bytes(content)

    done = tidegate("evidence", "verify", tmp_path / "changed.zip", "--trust", story.trust)

    assert 1 == done.returncode


def test_the_trust_file_of_another_space_does_not_verify(story, tmp_path):
    text = story.trust.read_text()
    other = re.sub(r'"space":"space_\w{6}', '"space":"space_zzzzzz', text)
    assert other != text
    (tmp_path / "space.json").write_text(other)

    done = tidegate("evidence", "verify", story.bundle, "--trust", tmp_path / "space.json")

    assert 1 == done.returncode


# -- the pages


def test_a_sign_in_link_works_once(story):
    link = story.link("auditor")
    with httpx.Client() as browser:
        signed_in = browser.post(link, data=hidden(browser.get(link).text))
        assert 303 == signed_in.status_code
        assert 200 == browser.get(f"{story.base_url('hospital')}/evidence").status_code

    with httpx.Client() as another:
        again = another.post(link, data=hidden(another.get(link).text))
        assert again.status_code >= 400
        assert again.cookies.get("session") is None


def test_a_link_of_one_node_opens_no_other(story):
    secret = story.link("steward").rpartition("/")[2]
    elsewhere = f"{story.base_url('faculty')}/sign-in/link/{secret}"

    with httpx.Client() as browser:
        answer = browser.post(elsewhere, data=hidden(browser.get(elsewhere).text))

    assert answer.status_code >= 400


# -- no patient anywhere


def test_the_source_system_has_patients_to_look_for(patients):
    assert len(patients.identities) > 17_000
    assert len(patients.precise) > 5_000
    assert patients.traces(f"x {min(patients.identities)} y")


def test_no_log_names_a_patient(story, patients):
    for path in (*story.place.glob("*.log"), story.place.with_name("demo.out")):
        assert set() == patients.traces(path.read_text(encoding="utf-8")), path.name


@pytest.mark.parametrize("node", NODES)
def test_no_row_of_a_database_names_a_patient(story, patients, node):
    found = {
        (column, trace)
        for column, text in texts_of_database(story.home(node) / "node.db")
        for trace in patients.traces(text)
    }

    assert set() == found


def test_no_member_of_the_bundle_names_a_patient(story, patients):
    found = {
        (member, trace)
        for member, text in texts_of_bundle(story.bundle)
        for trace in patients.traces(text)
    }

    assert set() == found


def read_live(path) -> bytes:
    """Read a file of a node that serves; one that it has just removed holds nobody."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


@pytest.mark.parametrize("node", ["hospital", "faculty"])
def test_no_file_of_a_home_names_a_patient(story, patients, node):
    """Files that are not sealed hold nobody; sealed ones are noise."""
    identities = [each.encode() for each in sorted(patients.identities)[:400]]
    for path in story.home(node).rglob("*"):
        if not path.is_file():
            continue
        content = read_live(path)
        text = content.decode("utf-8", errors="ignore")
        traces = patients.traces(f"{text}\n{unwrapped(text)}")
        assert not any(each in content for each in identities), path.name
        assert set() == {trace for trace in traces if "identity" in trace}, path.name


def test_the_faculty_holds_no_row_of_the_cohort(story):
    """Nothing of what the hospital stored stands in any file of the faculty."""
    pseudonyms = stored_pseudonyms(story)
    assert len(pseudonyms) > 10_000
    place = story.home("faculty")
    texts = (text for _, text in texts_of_database(place / "node.db"))
    files = (read_live(p).decode("utf-8", "ignore") for p in place.rglob("*") if p.is_file())
    for text in chain(texts, files):
        words = set(re.findall(r"[\w-]{12,}", text))
        assert not words & pseudonyms


def stored_pseudonyms(story) -> set[str]:
    """Open the hospital's stored cohort beside the running node; return its person keys."""
    from tidegate.commons.model import Stage
    from tidegate.commons.store import list_holdings
    from tidegate.db.engine import Database

    home = story.home("hospital")
    passphrase = (home / "passphrase").read_text().strip()
    vault = Vault(home / "vault", open_key_file(home / "keys" / "node.json", passphrase))
    database = Database(f"sqlite:///{home}/node.db")
    with database.reading() as conn:
        kept = {Stage.STORED, Stage.ARCHIVED}
        holdings = [each for each in list_holdings(conn) if each.stage in kept]
    database.close()
    (cohort,) = holdings
    table = read_table(vault, cohort.tables[0].stored)
    return {str(value) for value in table.column("id").to_pylist()}


# -- the place


def test_a_second_demonstration_is_refused_while_one_is_live(story):
    other = demo(
        story.place.with_name("second"), "--no-serve",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    _, words = other.communicate(timeout=240)

    assert 1 == other.returncode
    assert "live already" in words
    assert (story.place / "space.json").exists()


def test_a_rerun_builds_the_place_anew(tmp_path):
    place = tmp_path / "demo"
    place.mkdir()
    (place / "old").write_text("left by the last run")

    with Stage(place, tmp_path / "tidegate"):
        assert [] == list(place.iterdir())


def test_a_live_place_is_not_touched(tmp_path):
    with Stage(tmp_path / "demo", tmp_path / "tidegate") as stage:
        (stage.place / "kept").touch()
        with pytest.raises(DemoError, match="live already"), Stage(stage.place, stage.place):
            pass

        assert (stage.place / "kept").exists()
        shutil.rmtree(stage.place)
