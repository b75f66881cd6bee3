"""The cells of transfers cut short: EDC's rows held, ended, and EDC killed while they come."""

from tidegate_interop.cells_faults import FORGETS, REMEMBERS, sql_of
from tidegate_interop.cells_negotiation import ours_ends
from tidegate_interop.cells_transfer import (
    AREA,
    PULL,
    edc_pulls,
    edc_state,
    fetch,
    our_state,
)
from tidegate_interop.management import Management, wait_until
from tidegate_interop.matrix import OURS, THEIRS, World, cell, expect
from tidegate_interop.policies import FREE
from tidegate_interop.process import Edc

ENDED = ("TERMINATED", "DEPROVISIONED")


def slow_pull(world: World, edc: Edc) -> tuple[str, str]:
    """Pull data that EDC gives slowly; return our id and EDC's once bytes come."""
    at, asset = Management(edc.at("management")), world.name("slow")
    at.offer(asset, f"{world.data.url}/slow/{asset}", FREE)
    expect(world.node.harvest(edc.name)["state"], "good", "harvest")
    with world.node.client() as client:
        asked = client.connector.request(edc.name, asset).pid
    ours = ours_ends(world, asked)
    expect(ours.state, "FINALIZED", f"the agreement ({ours.reason})")
    pid = world.node.request_rows(ours.agreement_id, PULL)
    one = our_state(world, "STARTED", pid=pid)
    return pid, one.peer_pid


def check_whole(world: World, pid: str) -> str:
    """Hold what arrived to the source."""
    our_state(world, "COMPLETED", pid=pid)
    found = world.node.progress(pid)
    expect(found["sha256"], world.data.digest, "sha256")
    return f"then whole: {found['moved']} bytes"


@cell(AREA, THEIRS, "we suspend our pull of EDC's data, then end it")
def hold_theirs(world: World) -> str:
    """EDC is told both, in the middle of the bytes."""
    pid, theirs = slow_pull(world, world.edc)
    with world.node.client() as client:
        client.connector.suspend_transfer(pid, "a pause")
        edc_state(world, theirs, "SUSPENDED")
        our_state(world, "SUSPENDED", pid=pid)
        client.connector.terminate_transfer(pid, "enough")
    edc_state(world, theirs, *ENDED)
    our_state(world, "TERMINATED", pid=pid)
    return "EDC: SUSPENDED, then TERMINATED"


@cell(AREA, THEIRS, "we suspend our pull of EDC's data and let it go on")
def resume_our_pull(world: World) -> str:
    """EDC answers our start with one of its own, whose address opens; the bytes arrive whole."""
    pid, theirs = slow_pull(world, world.edc)
    with world.node.client() as client:
        client.connector.suspend_transfer(pid, "a pause")
        edc_state(world, theirs, "SUSPENDED")
        our_state(world, "SUSPENDED", pid=pid)
        client.connector.resume_transfer(pid)
    edc_state(world, theirs, "STARTED", "COMPLETED")
    return check_whole(world, pid)


@cell(AREA, THEIRS, "EDC suspends our pull and lets it go on")
def resume_theirs(world: World) -> str:
    """The bytes stop, and arrive whole by the address of the second start."""
    pid, theirs = slow_pull(world, world.edc)
    world.management.suspend_transfer(theirs, "a check")
    held = our_state(world, "SUSPENDED", pid=pid)
    edc_state(world, theirs, "SUSPENDED")
    world.management.resume_transfer(theirs)
    return f"{held.reason}; {check_whole(world, pid)}"


@cell(AREA, THEIRS, "EDC ends our pull")
def end_theirs(world: World) -> str:
    """We hear of it in the middle of the bytes, and keep nothing."""
    pid, theirs = slow_pull(world, world.edc)
    world.management.terminate_transfer(theirs, "withdrawn by the owner")
    ended = our_state(world, "TERMINATED", pid=pid)
    expect(world.node.progress(pid)["sha256"], "", "what was kept")
    return ended.reason


@cell(FORGETS, OURS, "while it pulls our rows")
def forgets_its_pull(world: World) -> str:
    """The door is open until we end it; EDC need not know for that."""
    transfer, address = edc_pulls(world)
    ours = our_state(world, "STARTED", peer_pid=transfer)
    world.edc.kill()
    during = fetch(address)[0]
    world.edc.start()
    with world.node.client() as client:
        client.connector.terminate_transfer(ours.pid, "the permit ended")
    after = wait_until(lambda: (status := fetch(address)[0]) >= 400 and status, "a shut door")
    our_state(world, "TERMINATED", pid=ours.pid)
    expect(during, 200, "while EDC was away")
    return f"{during} while EDC was away, {after} after our end"


@cell(FORGETS, THEIRS, "while we pull its data")
def forgets_pull(world: World) -> str:
    """Its bytes stop coming: we ask about the transfer, believe its 404, and keep nothing."""
    pid, _ = slow_pull(world, world.edc)
    world.edc.kill()
    world.edc.start()
    wait_until(world.node.inquire, "the end of what EDC forgot", seconds=120)
    ended = our_state(world, "TERMINATED", pid=pid)
    expect(ended.reason_code, "forgotten_by_peer", ended.reason)
    expect(world.node.progress(pid)["sha256"], "", "what was kept")
    return ended.reason


@cell(REMEMBERS, THEIRS, "while we pull its data")
def remembers_pull(world: World) -> str:
    """EDC is back before we give up: the bytes come again."""
    edc = sql_of(world)
    pid, _ = slow_pull(world, edc)
    edc.kill()
    edc.start()
    return check_whole(world, pid)


@cell(REMEMBERS, THEIRS, "while our end of a pull is on its way")
def remembers_end(world: World) -> str:
    """Our outbox keeps the end until EDC is back."""
    edc = sql_of(world)
    pid, theirs = slow_pull(world, edc)
    edc.kill()
    with world.node.client() as client:
        client.connector.terminate_transfer(pid, "enough")
    edc.start()
    at = Management(edc.at("management"))
    wait_until(lambda: at.transfer_process(theirs)["state"] in ENDED, "EDC's end", seconds=120)
    our_state(world, "TERMINATED", pid=pid)
    return "TERMINATED on both sides"
