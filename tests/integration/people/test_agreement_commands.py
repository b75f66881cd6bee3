"""`tidegate agreement ask` on a home that no process serves."""

import json

import pytest
from click.testing import CliRunner

from tidegate.access.model import Participant, Role, Seat
from tidegate.catalogue.model import HarvestedDataset, HarvestedOffer
from tidegate.cli.agreement_commands import agreement
from tidegate.cli.node_commands import init
from tidegate.cli.people_commands import person
from tidegate.connector.negotiation.errors import OfferNotOpenError
from tidegate.kernel.errors import InvalidError
from tidegate.kernel.text import Multilingual
from tidegate.node.build import open_node
from tidegate.policy.errors import AttestationUnacceptedError, PolicyInvalidError
from tidegate.policy.service import research_policy

PEER = "did:web:localhost%3A1"
TERMS = research_policy(purposes=("HMB",), max_uses=5, delete_within_days=30).terms()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Make a home that has read an offer in a peer's catalogue."""
    made = tmp_path_factory.mktemp("node") / "home"
    said = ("--name", "Faculty", "--seat", "HK", "--role", "participant")
    CliRunner().invoke(init, [str(made), *said], catch_exceptions=False)
    offer = HarvestedOffer("offer_1", research_policy(purposes=("HMB",), max_uses=50))
    words = Multilingual("Liver cohort")
    dataset = HarvestedDataset("ds_1", words, words, version_id="v", offers=(offer,))
    with (
        open_node(made) as node,
        node.journal.write(by="system:harvest", did="catalogue.harvested", to=f"node:{PEER}") as tx,
    ):
        node.house.catalogue.put_harvested(tx, Participant(PEER, "Hospital", Seat.HK), (dataset,))
    return made


@pytest.fixture(scope="module")
def researcher(home):
    words = ["add", "--name", "Ada", "--email", "ada@example.org", "--role", Role.RESEARCHER.value]
    made = CliRunner().invoke(
        person, [*words, "--json", "--home", str(home)], catch_exceptions=False
    )
    return json.loads(made.output)["id"]


def ask(home, who, dataset, *rest):
    words = ["ask", PEER, dataset, "--home", str(home), "--as", who, *rest]
    return CliRunner().invoke(agreement, words, catch_exceptions=False)


def test_what_no_peer_offers_is_not_asked_for(home, researcher):
    with pytest.raises(OfferNotOpenError):
        ask(home, researcher, "ds_2")


@pytest.mark.parametrize("written", ["[]", "{", '"terms"'])
def test_terms_that_are_no_object_are_refused_with_their_file(home, researcher, tmp_path, written):
    file = tmp_path / "terms.json"
    file.write_text(written)

    with pytest.raises(InvalidError, match=r"terms\.json"):
        ask(home, researcher, "ds_1", "--terms", str(file))


def test_other_terms_are_read_from_the_file_and_accepted_by_name(home, researcher, tmp_path):
    file, strange = tmp_path / "terms.json", tmp_path / "strange.json"
    file.write_text(json.dumps(TERMS))
    strange.write_text(json.dumps({"permission": [{"action": "urn:fly"}]}))

    with pytest.raises(AttestationUnacceptedError, match="delete-within"):
        ask(home, researcher, "ds_1", "--terms", str(file))
    with pytest.raises(PolicyInvalidError, match="urn:fly"):
        ask(home, researcher, "ds_1", "--terms", str(strange))
