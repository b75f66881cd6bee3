"""The trust file has one strict form, and certificates verify by declared keys alone."""

import json
import re

import pytest
from joserfc import jws

from lib.evidence_world import AUTHORITY, FACULTY, HOSPITAL, Someone, export_all, live, make_world
from tidegate.audit.bundle.service import verify_files
from tidegate.audit.errors import EvidenceMalformedError, TrustFileUnreadableError
from tidegate.audit.model import CERTIFICATE
from tidegate.audit.trust import find_differences, read_space_file, write_space_file
from tidegate.cli.app import main
from tidegate.kernel.canonical import canonical_json


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    made = make_world(tmp_path_factory.mktemp("space"))
    live(made)
    yield made
    made.close()


@pytest.fixture(scope="module")
def bundle(space, tmp_path_factory):
    return export_all(space, tmp_path_factory.mktemp("bundle") / "all.zip")


@pytest.mark.slow
def test_a_trust_file_survives_reading_and_writing(space):
    assert space.space_bytes == write_space_file(read_space_file(space.space_bytes))


def test_a_trust_file_written_prettily_says_the_same(space):
    pretty = json.dumps(json.loads(space.space_bytes), indent=2).encode()

    assert () == find_differences(space.trust, read_space_file(pretty))


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"space": ""},
        {"profile": "open"},
        {"authority": "nobody"},
        {"rule_book": "x"},
        {"rule_packs": ["x"]},
        {"rule_packs": "x"},
        {"created_at": "yesterday"},
        {"keys": {}},
        {"keys": {"evidence": {"public": "AA"}}},
    ],
)
def test_a_malformed_trust_file_is_refused(space, change):
    content = {**json.loads(space.space_bytes), **change}

    with pytest.raises(EvidenceMalformedError):
        read_space_file(json.dumps(content).encode())


@pytest.mark.parametrize("text", [b"", b"[]", b'{"space":1,"space":1}', b"\xff", b"[" * 100_000])
def test_what_is_no_trust_file_is_refused(text):
    with pytest.raises(EvidenceMalformedError):
        read_space_file(text)


def certify(node, key_of, did):
    """Attach a certificate of destruction signed as the commons do: ES256, identity key."""
    key = key_of.ground.keys.identity_key()
    body = canonical_json({"id": "cert_1", "issuer": did, "subject": "version:ver_1"})
    token = jws.serialize_compact({"alg": "ES256", "kid": "x"}, body, key)
    with node.ground.journal.write(by="x", did="version.destroyed", to="version:ver_2") as tx:
        tx.attach(CERTIFICATE, token.encode())


def test_a_certificate_is_checked_by_the_key_its_signer_declared(space, tmp_path):
    certify(space[HOSPITAL], space[HOSPITAL], HOSPITAL)

    path, trust = export_all(space, tmp_path / "all.zip"), tmp_path / "space.json"
    trust.write_bytes(space.space_bytes)
    report = verify_files(path, trust)

    assert (0, ()) == (report.exit_code, report.flaws)
    assert not any("not checked" in remark for remark in report.remarks)


def test_a_certificate_whose_signers_log_is_elsewhere_is_remarked(space, tmp_path):
    certify(space[FACULTY], space[HOSPITAL], HOSPITAL)

    space[FACULTY].evidence.export(tmp_path / "one.zip", by=Someone())
    report = verify_files(tmp_path / "one.zip", None)

    assert (2, True) == (report.exit_code, any("not checked" in text for text in report.remarks))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"{}", "exactly the fields"),
        (b"", "not JSON"),
        (b"PK\x03\x04", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "exactly the fields"),
        (b'"space"', "exactly the fields"),
        (b'{"space": 1, "space": 2}', "twice"),
    ],
)
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_trust_file_that_is_none_verifies_nothing_and_blames_nobody(
    bundle, tmp_path, capsys, content, why, options
):
    trust = tmp_path / "mine.json"
    trust.write_bytes(content)

    with pytest.raises(SystemExit) as ended:
        main(["evidence", "verify", str(bundle), "--trust", str(trust), *options])

    told = capsys.readouterr()
    assert (2, "") == (ended.value.code, told.out)
    assert told.err.startswith(f"The trust file {trust} cannot be read: ")
    assert told.err.endswith("[trust_file_unreadable]\n")
    assert (1, True) == (told.err.count("\n"), why in told.err)
    assert "space.json that the authority" in told.err


def test_a_trust_file_without_one_of_its_fields_or_with_another_key_is_unreadable(
    space, bundle, tmp_path
):
    trust = tmp_path / "space.json"
    whole = json.loads(space.space_bytes)
    wrong = [{k: v for k, v in whole.items() if k != name} for name in whole]
    wrong += [{**whole, name: None} for name in whole]
    for one in wrong:
        trust.write_text(json.dumps(one))
        with pytest.raises(TrustFileUnreadableError, match=re.escape(str(trust))):
            verify_files(bundle, trust)


def test_the_life_of_a_version_is_told_over_all_logs(space, tmp_path):
    report = verify_files(export_all(space, tmp_path / "life.zip"), None)

    life = next(life for life in report.lives if life.version == "version:ver_1")
    told = [event.event for event in life.events]
    assert {"version.acquired", "offer.published", "query.released", "version.destroyed"} <= set(
        told
    )
    assert 2 == told.count("agreement.concluded")
    assert AUTHORITY not in {event.node for event in life.events}
