"""The operations on progress over the SDK's own types, from a seeded node."""

import msgspec
import pytest

from rooms.web.site import build_site
from tidegate.api import peers
from tidegate.api.kit import Call
from tidegate_client import peers as sdk


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = build_site(tmp_path_factory.mktemp("site"))
    yield site
    site.node.close()


def answered(kind, given):
    """Return an operation's answer as the SDK reads it from the wire."""
    return msgspec.json.decode(msgspec.json.encode(given), type=kind)


def call(site, who, body=None, **path):
    return Call(site.node.house, site.actor(who), path, {}, body)


def test_what_is_stuck_is_listed_with_its_troubles(site):
    found = answered(tuple[sdk.Standing, ...], peers.list_stuck(call(site, "olga")))

    troubles = {one.process.pid: one.obstacles[0].trouble for one in found}
    assert "failing" == troubles[site.ids["failing"]]
    assert "person" == troubles[site.ids["asking"]]


def test_the_progress_of_a_negotiation_has_its_timeline(site):
    given = peers.show_progress(call(site, "olga", pid=site.ids["agreed"]))

    found = answered(sdk.Progress, given)

    told = [one for one in found.timeline if one.message]
    assert ["REQUESTED", "AGREED", "VERIFIED", "FINALIZED"] == [one.ours for one in told]
    assert all(one.leaf for one in told)


def test_a_waiting_message_is_sent_now(site):
    given = peers.retry_now(call(site, "olga", pid=site.ids["failing"]))

    assert 1 == answered(sdk.Hastened, given).tasks


def test_a_checkup_reads_the_same_over_the_wire(site):
    given = peers.examine_peer(call(site, "olga", peers.ExaminePeer("did:web:")))

    found = answered(sdk.Checkup, given)

    assert not found.is_well
    assert ("did", "failed", "malformed") == (
        found.findings[0].step, found.findings[0].result, found.findings[0].code,
    )  # fmt: skip
