"""The cells of pushes cut short: held and let go on, and ended, by either side, both ways."""

import hashlib
import time
from collections.abc import Callable

from tidegate_client.connector import Transfer
from tidegate_interop.cells_held import ENDED, check_whole
from tidegate_interop.cells_negotiation import ours_ends, same_agreement
from tidegate_interop.cells_transfer import AREA, PUSH, edc_state, our_state, our_transfer
from tidegate_interop.management import wait_until
from tidegate_interop.matrix import OURS, THEIRS, World, cell, expect
from tidegate_interop.policies import FREE

A_WHILE = 3.0
"""Seconds in which nothing may arrive at a sink that is held or was left."""


def we_push(world: World) -> tuple[str, Transfer, str]:
    """Have EDC ask for a push to a sink that is busy; return both sides and the sink."""
    agreement, _, _ = same_agreement(world, "open")
    sink = f"/sink/{world.name('sink')}"
    world.data.shut.add(sink)
    theirs = world.management.transfer(
        world.node.dsp, agreement, PUSH, sink=f"{world.data.url}{sink}"
    )
    edc_state(world, theirs, "STARTED")
    return theirs, our_state(world, "STARTED", peer_pid=theirs), sink


def nothing_comes(world: World, sink: str) -> None:
    """Open the sink and see that nobody sends."""
    world.data.shut.discard(sink)
    time.sleep(A_WHILE)
    expect(world.data.taken.get(sink, b""), b"", "what came to the sink")


def edc_pushes(world: World) -> tuple[str, str]:
    """Ask EDC to push what it reads slowly; return our id and EDC's once bytes come."""
    asset = world.name("pushing")
    world.management.offer(asset, f"{world.data.url}/slow/{asset}", FREE)
    expect(world.node.harvest(world.edc.name)["state"], "good", "harvest")
    with world.node.client() as client:
        asked = client.connector.request(world.edc.name, asset).pid
    ours = ours_ends(world, asked)
    expect(ours.state, "FINALIZED", f"the agreement ({ours.reason})")
    pid = world.node.request_rows(ours.agreement_id, PUSH)
    theirs = our_state(world, "STARTED", pid=pid).peer_pid
    edc_state(world, theirs, "STARTED")
    wait_until(lambda: any(asset in path for path in world.data.asked), "EDC reads its data")
    return pid, theirs


@cell(AREA, OURS, "we suspend our push and let it go on")
def hold_our_push(world: World) -> str:
    """Nothing comes to the sink meanwhile; then all of it."""
    theirs, ours, sink = we_push(world)
    with world.node.client() as client:
        client.connector.suspend_transfer(ours.pid, "a check")
        edc_state(world, theirs, "SUSPENDED")
        our_state(world, "SUSPENDED", pid=ours.pid)
        nothing_comes(world, sink)
        client.connector.resume_transfer(ours.pid)
    edc_state(world, theirs, "COMPLETED")
    our_state(world, "COMPLETED", pid=ours.pid)
    taken = world.data.taken[sink]
    expect(hashlib.sha256(taken).hexdigest(), world.node.progress(ours.pid)["sha256"], "sha256")
    return f"nothing while held, then {len(taken)} bytes"


@cell(AREA, OURS, "EDC suspends our push, then ends it")
def edc_holds_our_push(world: World) -> str:
    """Nothing comes to its sink, neither while it is held nor after the end."""
    theirs, ours, sink = we_push(world)
    world.management.suspend_transfer(theirs, "a pause")
    our_state(world, "SUSPENDED", pid=ours.pid)
    edc_state(world, theirs, "SUSPENDED")
    nothing_comes(world, sink)
    world.management.terminate_transfer(theirs, "enough")
    ended = our_state(world, "TERMINATED", pid=ours.pid)
    nothing_comes(world, sink)
    return f"nothing while held, nothing after the end: {ended.reason}"


@cell(AREA, OURS, "we end our push")
def end_our_push(world: World) -> str:
    """EDC hears of it, and nothing comes."""
    theirs, ours, sink = we_push(world)
    with world.node.client() as client:
        client.connector.terminate_transfer(ours.pid, "the permit ended")
    edc_state(world, theirs, *ENDED)
    our_state(world, "TERMINATED", pid=ours.pid)
    nothing_comes(world, sink)
    return "nothing came"


def go_on_or_end(world: World, pid: str, theirs: str, go_on: Callable[[], None]) -> str:
    """Let a push of EDC that was held go on, and see it arrive whole; or hear why EDC ended it.

    EDC 0.15.1 cannot stop reading an HTTP source it waits for, and then ends the transfer itself.
    """
    ours = wait_until(
        lambda: (
            (one := our_transfer(world, pid=pid))
            and (one.state == "TERMINATED" or edc_now(world, theirs) == "SUSPENDED")
            and one
        ),
        "EDC holds its push, or ends it",
    )
    if ours.state == "TERMINATED":
        expect("cannot be terminated" in ours.reason, True, ours.reason)  # noqa: FBT003
        expect(world.node.progress(pid)["sha256"], "", "what was kept")
        return f"EDC cannot, and ends it; we keep nothing: {ours.reason}"
    our_state(world, "SUSPENDED", pid=pid)
    go_on()
    return check_whole(world, pid)


def edc_now(world: World, theirs: str) -> str:
    """Return EDC's state of a transfer at this moment."""
    return str(world.management.transfer_process(theirs)["state"])


@cell(AREA, THEIRS, "we suspend EDC's push")
def hold_edc_push(world: World) -> str:
    """It goes on when we let it, or EDC ends it and says why."""
    pid, theirs = edc_pushes(world)
    with world.node.client() as client:
        client.connector.suspend_transfer(pid, "a pause")
        return go_on_or_end(world, pid, theirs, lambda: resume(world, pid))


def resume(world: World, pid: str) -> None:
    """Let a transfer that we hold go on."""
    with world.node.client() as client:
        client.connector.resume_transfer(pid)


@cell(AREA, THEIRS, "EDC suspends its push")
def edc_holds_its_push(world: World) -> str:
    """It goes on when EDC lets it, or EDC ends it and says why."""
    pid, theirs = edc_pushes(world)
    world.management.suspend_transfer(theirs, "a check")
    return go_on_or_end(world, pid, theirs, lambda: world.management.resume_transfer(theirs))


@cell(AREA, THEIRS, "we end EDC's push")
def end_edc_push(world: World) -> str:
    """EDC stops sending, and we keep nothing."""
    pid, theirs = edc_pushes(world)
    with world.node.client() as client:
        client.connector.terminate_transfer(pid, "enough")
    edc_state(world, theirs, *ENDED)
    our_state(world, "TERMINATED", pid=pid)
    expect(world.node.progress(pid)["sha256"], "", "what was kept")
    return "nothing kept"
