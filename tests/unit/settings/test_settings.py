"""A node's settings are written once, read strictly, and never point at somebody else."""

from dataclasses import replace

import pytest

from tidegate.access.model import Participant, Seat
from tidegate.kernel.errors import InvalidError, NotFoundError
from tidegate.settings import (
    HomeExistsError,
    HomeMissingError,
    NodeRole,
    NodeSettings,
    did_for,
    read_passphrase,
    read_settings,
    write_settings,
)


@pytest.fixture
def settings(tmp_path):
    base_url = "http://localhost:7400"
    return NodeSettings(
        home=tmp_path,
        name='Nansha "South" Hospital 南沙醫院',
        participant=Participant(
            did_for(base_url), 'Nansha "South" Hospital 南沙醫院', Seat.CN_GBA9
        ),
        role=NodeRole.PARTICIPANT,
        host="127.0.0.1",
        port=7400,
        base_url=base_url,
        database_url="sqlite:///node.db",
        passphrase_file=tmp_path / "passphrase",
    )


def test_what_is_written_is_read(settings, tmp_path):
    write_settings(settings)

    expected = replace(settings, database_url=f"sqlite:///{tmp_path}/node.db")
    assert expected == read_settings(tmp_path, {})


@pytest.mark.parametrize("said", ["0", "-1", "true", '"30"', "86400", "nan"])
def test_a_patience_that_is_none_is_refused(settings, tmp_path, said):
    write_settings(settings)
    with (tmp_path / "node.toml").open("a") as file:
        file.write(f"patience_seconds = {said}\n")

    with pytest.raises(InvalidError, match="patience_seconds"):
        read_settings(tmp_path, {})


@pytest.mark.parametrize("name", ["rows_most_bytes", "rows_keep_free"])
@pytest.mark.parametrize("said", ["-1", "true", '"30"', "1.5", str(2**53)])
def test_a_number_of_bytes_that_is_none_is_refused(settings, tmp_path, name, said):
    write_settings(settings)
    with (tmp_path / "node.toml").open("a") as file:
        file.write(f"{name} = {said}\n")

    with pytest.raises(InvalidError, match=name):
        read_settings(tmp_path, {})


def test_how_much_arrives_is_a_setting(settings, tmp_path):
    write_settings(settings)
    with (tmp_path / "node.toml").open("a") as file:
        file.write("rows_most_bytes = 5\nrows_keep_free = 7\n")

    read = read_settings(tmp_path, {})

    assert (read.rows_most_bytes, read.rows_keep_free) == (5, 7)


def test_tls_files_are_written_and_read(settings, tmp_path):
    told = replace(
        settings,
        tls_certificate=tmp_path / "node.pem",
        tls_key=tmp_path / "node.key",
        tls_ca=tmp_path / "space-ca.pem",
    )

    write_settings(told)

    found = read_settings(tmp_path, {})
    assert (told.tls_certificate, told.tls_key) == (found.tls_certificate, found.tls_key)
    assert told.tls_ca == found.tls_ca


def test_a_home_is_not_made_twice(settings):
    write_settings(settings)

    with pytest.raises(HomeExistsError):
        write_settings(settings)


def test_an_empty_directory_is_no_home(tmp_path):
    with pytest.raises(HomeMissingError, match="tidegate init"):
        read_settings(tmp_path, {})


def test_the_environment_may_name_another_database(settings, tmp_path):
    write_settings(settings)

    read = read_settings(tmp_path, {"TIDEGATE_DATABASE_URL": "postgresql+psycopg://host/db"})

    assert "postgresql+psycopg://host/db" == read.database_url


@pytest.mark.parametrize(
    ("line", "words"),
    [("seat", "lacks the line 'seat'"), ("port", "lacks the line 'port'")],
)
def test_a_missing_line_is_named(settings, tmp_path, line, words):
    write_settings(settings)
    path = tmp_path / "node.toml"
    kept = [text for text in path.read_text().splitlines() if not text.startswith(line)]
    path.write_text("\n".join(kept))

    with pytest.raises(InvalidError, match=words):
        read_settings(tmp_path, {})


def test_a_seat_nobody_knows_is_refused(settings, tmp_path):
    write_settings(settings)
    path = tmp_path / "node.toml"
    path.write_text(path.read_text().replace("CN-GBA9", "ATLANTIS"))

    with pytest.raises(InvalidError, match="does not fit"):
        read_settings(tmp_path, {})


@pytest.mark.parametrize(
    ("base_url", "did"),
    [
        ("http://localhost:7400", "did:web:localhost%3A7400"),
        ("https://data.hospital.example", "did:web:data.hospital.example"),
    ],
)
def test_a_did_follows_from_the_address(base_url, did):
    assert did == did_for(base_url)


@pytest.mark.parametrize(
    "base_url",
    [
        "ftp://host",
        "https://",
        "https://host/path",
        "https://host?a=b",
        "http://two words",
        "http://user@host",
        "http://[::1",
        "host:80",
    ],
)
def test_an_address_without_sense_has_no_did(base_url):
    with pytest.raises(InvalidError):
        did_for(base_url)


def test_a_passphrase_others_can_read_is_refused(tmp_path):
    path = tmp_path / "passphrase"
    path.write_text("secret\n")
    path.chmod(0o644)

    with pytest.raises(InvalidError, match="chmod 600"):
        read_passphrase(path)

    path.chmod(0o600)
    assert "secret" == read_passphrase(path)


def test_an_empty_passphrase_seals_nothing(tmp_path):
    path = tmp_path / "passphrase"
    path.touch(mode=0o600)
    path.write_text(" \n")

    with pytest.raises(InvalidError, match="is empty"):
        read_passphrase(path)


def test_a_missing_passphrase_is_named(tmp_path):
    with pytest.raises(NotFoundError, match="missing"):
        read_passphrase(tmp_path / "gone")
