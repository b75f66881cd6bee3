"""The fault cells: EDC killed in the middle, once forgetting everything and once remembering it."""

from tidegate_client.connector import Negotiation
from tidegate_interop.cells_negotiation import FINAL, held_at_agreed, ours_ends
from tidegate_interop.management import Management, offers_of, wait_until
from tidegate_interop.matrix import OURS, THEIRS, World, cell, expect
from tidegate_interop.policies import FREE
from tidegate_interop.process import Edc, EdcError

FORGETS = "killed: forgets"
REMEMBERS = "killed: SQL"


def ask_then_kill(world: World, edc: Edc) -> str:
    """Ask EDC for a contract and kill it once it has acknowledged; return our pid."""
    at, asset = Management(edc.at("management")), world.name("killed")
    at.offer(asset, f"{world.data.url}/data/{asset}", FREE)
    expect(world.node.harvest(edc.name)["state"], "good", "harvest")
    with world.node.client() as client:
        pid = client.connector.request(edc.name, asset).pid
        wait_until(
            lambda: client.connector.get_negotiation(pid).negotiation.state != "INITIAL",
            "EDC's acknowledgement",
        )
        edc.kill()
        state = client.connector.get_negotiation(pid).negotiation.state
    if state in FINAL:
        raise EdcError(f"the kill came too late: {state}")
    return pid


def edc_waits_for_us(world: World, edc: Edc) -> tuple[str, str]:
    """Have EDC ask for what a person here decides; return EDC's id and our pid."""
    at = Management(edc.at("management"))
    found = at.catalog(world.node.dsp, world.node.did, dataset="manual")
    asked = at.negotiate(world.node.dsp, world.node.did, "manual", offers_of(found, "manual")[0])

    def find() -> Negotiation | None:
        with world.node.client() as client:
            known = client.connector.list_negotiations(waiting="person")
        return next((one for one in known if one.peer_pid == asked), None)

    ours = wait_until(find, "our waiting")
    wait_until(lambda: at.negotiation(asked)["state"] == "REQUESTED", "EDC's REQUESTED")
    return asked, ours.pid


def approve(world: World, pid: str) -> None:
    """Decide as the person here who is asked."""
    with world.node.client() as client:
        client.connector.approve(pid)


@cell(FORGETS, THEIRS, "before it answers our request")
def forgets_request(world: World) -> str:
    """It will never speak: we ask, believe its 404, and end with the reason."""
    pid = ask_then_kill(world, world.edc)
    world.edc.start()
    wait_until(world.node.inquire, "the end of what EDC forgot")
    ended = ours_ends(world, pid)
    expect((ended.state, ended.reason_code), ("TERMINATED", "forgotten_by_peer"), ended.reason)
    return ended.reason


@cell(FORGETS, THEIRS, "before it hears our verification")
def forgets_agreement(world: World) -> str:
    """What we say is answered 404 until we give up, visibly."""
    pid, _ = held_at_agreed(world)
    world.edc.kill()
    world.edc.start()
    approve(world, pid)
    ended = ours_ends(world, pid)
    expect((ended.state, ended.agreement_id != ""), ("TERMINATED", True), ended.reason)
    return ended.reason


@cell(FORGETS, OURS, "while a person here decides")
def forgets_its_request(world: World) -> str:
    """The agreement finds nobody."""
    _, pid = edc_waits_for_us(world, world.edc)
    world.edc.kill()
    world.edc.start()
    approve(world, pid)
    ended = ours_ends(world, pid)
    expect(ended.state, "TERMINATED", ended.reason)
    return ended.reason


def sql_of(world: World) -> Edc:
    """Return the EDC that keeps its state; raise EdcError where there is none."""
    if world.sql is None:
        raise EdcError("no PostgreSQL here; install it: apt-get install -y postgresql")
    return world.sql


@cell(REMEMBERS, THEIRS, "before it answers our request")
def remembers_request(world: World) -> str:
    """It goes on where it was."""
    edc = sql_of(world)
    pid = ask_then_kill(world, edc)
    edc.start()
    ended = ours_ends(world, pid, seconds=120)
    expect(ended.state, "FINALIZED", ended.reason)
    state = Management(edc.at("management")).negotiation(ended.peer_pid)["state"]
    return f"FINALIZED here, {state} at EDC"


@cell(REMEMBERS, OURS, "while our agreement is on its way")
def remembers_its_request(world: World) -> str:
    """Our outbox keeps the agreement until EDC is back."""
    edc = sql_of(world)
    asked, pid = edc_waits_for_us(world, edc)
    edc.kill()
    approve(world, pid)
    edc.start()
    at = Management(edc.at("management"))
    wait_until(lambda: at.negotiation(asked)["state"] in FINAL, "EDC's end", seconds=120)
    expect(at.negotiation(asked)["state"], "FINALIZED", "EDC's state")
    expect(ours_ends(world, pid).state, "FINALIZED", "our state")
    return "FINALIZED on both sides"
