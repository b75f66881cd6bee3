"""The negotiation cells: to the end, refused, ended by either side, unknown terms, trouble."""

from tidegate_client.connector import Negotiation, Reaction, Strategy
from tidegate_client.errors import NodeError
from tidegate_interop.management import Document, offers_of, wait_until
from tidegate_interop.matrix import OURS, THEIRS, World, cell, expect
from tidegate_interop.policies import FREE, ONE_PURPOSE, PURPOSES, UNKNOWN, Terms, constraint
from tidegate_interop.process import EdcError

FINAL = ("FINALIZED", "TERMINATED")


def offer_in_catalogue(world: World, dataset: str) -> Document:
    """Return the offer of one of our datasets as EDC reads it."""
    found = world.management.catalog(world.node.dsp, world.node.did, dataset=dataset)
    return offers_of(found, dataset)[0]


def edc_asks(world: World, dataset: str, offer: Document | None = None) -> str:
    """Have EDC ask us for a contract; return the id of its negotiation."""
    wanted = offer or offer_in_catalogue(world, dataset)
    return world.management.negotiate(world.node.dsp, world.node.did, dataset, wanted)


def edc_ends(world: World, negotiation: str, seconds: float = 60.0) -> Document:
    """Return EDC's negotiation once it is final."""
    at = world.management
    wait_until(lambda: at.negotiation(negotiation)["state"] in FINAL, "EDC's end", seconds=seconds)
    return at.negotiation(negotiation)


def ours_with(world: World, peer_pid: str) -> Negotiation:
    """Return our side of a negotiation by EDC's id."""

    def find() -> Negotiation | None:
        with world.node.client() as client:
            known = client.connector.list_negotiations()
        return next((one for one in known if one.peer_pid == peer_pid), None)

    return wait_until(find, "our side of the negotiation")  # type: ignore[no-any-return]


def ours_ends(world: World, pid: str, seconds: float = 60.0) -> Negotiation:
    """Return our negotiation once it is final or waits for a person."""
    with world.node.client() as client:
        return client.connector.wait_until_final(pid, seconds=seconds)


def we_ask(world: World, terms: Terms, kind: str) -> tuple[str, Negotiation]:
    """Offer an asset at EDC, harvest, ask for it; return the asset and our negotiation's end."""
    asset = world.name(kind)
    world.management.offer(asset, f"{world.data.url}/data/{asset}", terms)
    expect(world.node.harvest(world.edc.name)["state"], "good", "harvest")
    with world.node.client() as client:
        pid = client.connector.request(world.edc.name, asset).pid
    return asset, ours_ends(world, pid)


def same_agreement(world: World, dataset: str) -> tuple[str, Document, Negotiation]:
    """Have EDC negotiate a dataset of ours to the end; return the agreement both sides hold."""
    asked = edc_asks(world, dataset)
    theirs = edc_ends(world, asked)
    ours = ours_with(world, asked)
    expect((theirs["state"], ours.reason), ("FINALIZED", ""), "EDC's state and our reason")
    wait_until(lambda: ours_with(world, asked).state == "FINALIZED", "our FINALIZED")
    agreement = world.management.agreement(asked)
    expect(agreement["agreementId"], ours_with(world, asked).agreement_id, "agreement id")
    return str(theirs["contractAgreementId"]), agreement, ours


@cell("negotiation", OURS, "to FINALIZED, plain use")
def finalize_ours(world: World) -> str:
    """Request, agreement, verification, event: the same agreement at both."""
    _, agreement, _ = same_agreement(world, "open")
    expect(agreement["providerId"], world.node.did, "provider")
    return str(agreement["agreementId"])


@cell("negotiation", OURS, "to FINALIZED, purpose, time, count and duty")
def finalize_research(world: World) -> str:
    """Every term comes back in the agreement, whatever EDC makes of its spelling on the way."""
    _, agreement, _ = same_agreement(world, "research")
    terms = agreement["policy"]["odrl:permission"]["odrl:constraint"]
    expect(len(terms), 3, "constraints in the agreement")
    return f"{len(terms)} constraints and the duty kept"


@cell("negotiation", THEIRS, "to FINALIZED, plain use")
def finalize_theirs(world: World) -> str:
    """EDC's own offer id comes back exactly."""
    _, ours = we_ask(world, FREE, "plain")
    expect((ours.state, ours.reason), ("FINALIZED", ""), "our end")
    return str(ours.agreement_id)


@cell("negotiation", THEIRS, "to FINALIZED, purpose and typed time")
def finalize_purpose(world: World) -> str:
    """Prefixed operands and typed values are read."""
    _, ours = we_ask(world, ONE_PURPOSE, "purpose")
    expect((ours.state, ours.reason), ("FINALIZED", ""), "our end")
    return str(ours.agreement_id)


@cell("negotiation", THEIRS, "to FINALIZED, a list of purposes")
def finalize_purposes(world: World) -> str:
    """EDC writes a list of right operands as the text of its JSON-LD."""
    _, ours = we_ask(world, PURPOSES, "purposes")
    expect((ours.state, ours.reason), ("FINALIZED", ""), "our end")
    return str(ours.agreement_id)


@cell("refused", OURS, "an offer that is not open now")
def refuse_ours(world: World) -> str:
    """The strategy's reason ends it on both sides."""
    asked = edc_asks(world, "refused")
    expect(edc_ends(world, asked)["state"], "TERMINATED", "EDC's state")
    ours = ours_with(world, asked)
    expect((ours.state, ours.reason_code), ("TERMINATED", "refused_by_strategy"), "our end")
    return str(ours.reason)


@cell("refused", OURS, "an offer that does not exist")
def refuse_unknown_offer(world: World) -> str:
    """EDC ends what we answered 400."""
    offer = {**offer_in_catalogue(world, "open"), "@id": "offer_nobody_made"}
    asked = edc_asks(world, "open", offer)
    ended = edc_ends(world, asked)
    expect(ended["state"], "TERMINATED", "EDC's state")
    return str(ended.get("errorDetail", ""))[:120]


@cell("refused", OURS, "terms EDC added that nobody here can keep")
def refuse_unknown_terms(world: World) -> str:
    """Fail closed: the refusal names the term, and nobody is asked to lift it."""
    offer = offer_in_catalogue(world, "open")
    rule = {**offer["permission"][0]}
    rule["constraint"] = [constraint("https://example.org/unknown", "eq", "x")]
    asked = edc_asks(world, "open", {**offer, "permission": [rule]})
    expect(edc_ends(world, asked)["state"], "TERMINATED", "EDC's state")
    ours = ours_with(world, asked)
    expect((ours.state, ours.waiting), ("TERMINATED", ""), "our end")
    expect("https://example.org/unknown" in ours.reason, True, f"reason {ours.reason}")  # noqa: FBT003
    return str(ours.reason)


@cell("refused", THEIRS, "an offer EDC withdrew after we read it")
def refuse_withdrawn(world: World) -> str:
    """EDC's 4xx ends it here, with what it said."""
    asset = world.name("withdrawn")
    world.management.offer(asset, f"{world.data.url}/data/{asset}", FREE)
    world.node.harvest(world.edc.name)
    world.management.withdraw(asset)
    with world.node.client() as client:
        pid = client.connector.request(world.edc.name, asset).pid
    ended = ours_ends(world, pid)
    expect(ended.state, "TERMINATED", f"our state ({ended.reason})")
    return str(ended.reason)


@cell("refused", THEIRS, "an unknown constraint of EDC, with the explanation")
def refuse_their_unknown(world: World) -> str:
    """The person who asks is told that these terms cannot be kept here."""
    try:
        we_ask(world, UNKNOWN, "foreign")
    except NodeError as refusal:
        expect(refusal.code, "offer_unreadable", "code")
        return str(refusal)
    finally:
        world.management.withdraw(f"foreign-{world.made}")
    raise EdcError("the request was made although the terms are unknown")


@cell("terminated", OURS, "by EDC, while a person here decides")
def terminate_by_edc(world: World) -> str:
    """EDC's reason is kept with the negotiation."""
    asked = edc_asks(world, "manual")
    wait_until(lambda: ours_with(world, asked).waiting == "person", "our waiting")
    wait_until(
        lambda: world.management.negotiation(asked)["state"] == "REQUESTED", "EDC's REQUESTED"
    )
    world.management.terminate_negotiation(asked, "no longer needed")
    wait_until(lambda: ours_with(world, asked).state == "TERMINATED", "our TERMINATED")
    expect(edc_ends(world, asked)["state"], "TERMINATED", "EDC's state")
    return str(ours_with(world, asked).reason)


@cell("terminated", OURS, "by us, while a person here decides")
def terminate_by_us(world: World) -> str:
    """Our reason reaches EDC."""
    asked = edc_asks(world, "manual")
    wait_until(lambda: ours_with(world, asked).waiting == "person", "our waiting")
    with world.node.client() as client:
        client.connector.terminate(ours_with(world, asked).pid, "The committee said no.")
    expect(edc_ends(world, asked)["state"], "TERMINATED", "EDC's state")
    return str(ours_with(world, asked).reason)


def held_at_agreed(world: World) -> tuple[str, str]:
    """Negotiate with EDC until it has agreed and we wait; return our pid and EDC's."""
    asset = world.name("held")
    world.management.offer(asset, f"{world.data.url}/data/{asset}", FREE)
    world.node.harvest(world.edc.name)
    wait = Strategy("wait", (Reaction("consumer", "AGREED", "wait"),))
    with world.node.client() as client:
        client.connector.set_strategy(asset, wait)
        pid = client.connector.request(world.edc.name, asset).pid
        wait_until(
            lambda: client.connector.get_negotiation(pid).negotiation.state == "AGREED", "AGREED"
        )
        return pid, client.connector.get_negotiation(pid).negotiation.peer_pid


@cell("terminated", THEIRS, "by us, instead of verifying the agreement")
def terminate_their_agreement(world: World) -> str:
    """EDC as provider takes it."""
    pid, theirs = held_at_agreed(world)
    with world.node.client() as client:
        client.connector.terminate(pid, "We found a better one.")
    expect(ours_ends(world, pid).state, "TERMINATED", "our state")
    return f"EDC: {edc_ends(world, theirs)['state']}"


@cell("terminated", THEIRS, "by EDC, while we wait to verify")
def terminated_by_provider(world: World) -> str:
    """EDC as provider ends what it agreed."""
    pid, theirs = held_at_agreed(world)
    wait_until(lambda: world.management.negotiation(theirs)["state"] == "AGREED", "EDC's AGREED")
    world.management.terminate_negotiation(theirs, "withdrawn by the owner")
    ended = ours_ends(world, pid)
    expect(ended.state, "TERMINATED", "our state")
    return str(ended.reason)


@cell("trouble", OURS, "503 while we cannot tell who speaks; EDC tries again")
def transient(world: World) -> str:
    """What passes is never 404 or 409: EDC would end the negotiation for good."""
    offer = offer_in_catalogue(world, "open")
    world.node.trouble(2)
    status, answer = world.node.ask(world.edc.name, "GET", "/negotiations/any")
    expect(status, 503, f"status ({answer})")
    asked = edc_asks(world, "open", offer)
    expect(edc_ends(world, asked)["state"], "FINALIZED", "EDC's state")
    return "503, then FINALIZED"


@cell("trouble", OURS, "our node stopped in the middle and started again")
def restart_ours(world: World) -> str:
    """Both converge."""
    asked = edc_asks(world, "manual")
    wait_until(lambda: ours_with(world, asked).waiting == "person", "our waiting")
    world.node.stop()
    world.node.start()
    with world.node.client() as client:
        client.connector.approve(ours_with(world, asked).pid)
    expect(edc_ends(world, asked)["state"], "FINALIZED", "EDC's state")
    wait_until(lambda: ours_with(world, asked).state == "FINALIZED", "our FINALIZED")
    return "FINALIZED on both sides"
