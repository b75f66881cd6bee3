"""Names for the ids that evidence and agreements speak of."""

from collections.abc import Mapping

from tidegate.access.model import PERSON_MARK
from tidegate.catalogue.model import HarvestedRecord, Listing
from tidegate.connector.messages.model import Side
from tidegate.connector.negotiation.model import Negotiation
from tidegate.connector.transfer.model import Transfer
from tidegate.house import House
from tidegate.kernel.errors import NotFoundError
from tidegate.kernel.text import Multilingual
from tidegate.web.kit import Ask
from tidegate.web.messages import words


def names_of(ask: Ask) -> Mapping[str, str]:
    """Return names by every form of id a page may meet: actors, people, institutions."""
    own = ask.web.settings.node_did
    names = {"system:tombstone": words(ask.language, "app.system")}
    for person in ask.house.access.list_people():
        names[f"person:{person.id}"] = person.name
        names[f"{own}{PERSON_MARK}{person.id}"] = person.name
    names[own] = names[f"node:{own}"] = ask.web.settings.node_name
    for did, name in institutions_of(ask.house).items():
        names[did] = names[f"node:{did}"] = name
    return Named(names, words(ask.language, "app.system"), words(ask.language, "app.person_of"))


def institutions_of(house: House) -> Mapping[str, str]:
    """Return the names of institutions by DID: whom we harvest, and the members of the space."""
    harvested = {record.peer.did: record.peer.name for record in house.catalogue.list_harvested()}
    return harvested | {member.did: member.name for member in house.space.list_members()}


def title_of(ask: Ask, dataset_id: str, publisher: str) -> Multilingual | None:
    """Return the title of a publisher's dataset, or None where the catalogue does not know it."""
    try:
        return ask.house.catalogue.get_listing(dataset_id, publisher, by=ask.actor).title
    except NotFoundError:
        return None


def provider_of(ask: Ask, one: Negotiation | Transfer) -> str:
    """Return the DID of the side whose dataset a process is about."""
    return one.peer_did if one.side is Side.CONSUMER else ask.web.settings.node_did


def asked_listing(ask: Ask) -> Listing:
    """Return the dataset an address names: its id, and `publisher` where it is not our own."""
    return ask.house.catalogue.get_listing(
        ask.path["dataset_id"], ask.query.get("publisher", ""), by=ask.actor
    )


def asked_record(ask: Ask) -> HarvestedRecord | None:
    """Return the peer's dataset an address names, or None."""
    return ask.house.catalogue.find_harvested(
        ask.path["dataset_id"], ask.query.get("publisher", "")
    )


class Named(dict[str, str]):
    """Names, with an answer for those nobody here knows: the node itself, or a peer's person."""

    def __init__(self, names: Mapping[str, str], system: str, person_of: str) -> None:
        super().__init__(names)
        self._system = system
        self._person_of = person_of

    def get(self, key: str, default: str | None = None) -> str:  # type: ignore[override]
        """Return the best name there is."""
        if key in self:
            return self[key]
        if key.startswith("system:"):
            return self._system
        did, mark, _ = key.partition(PERSON_MARK)
        if mark:
            return self._person_of.format(institution=dict.get(self, did, did))
        return key if default is None else default
