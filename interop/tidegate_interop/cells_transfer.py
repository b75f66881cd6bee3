"""The transfer cells: bytes pulled and pushed, both ways, then held, ended and refused."""

import hashlib
import urllib.error
import urllib.request

from tidegate_client.connector import Transfer
from tidegate_interop.cells_negotiation import same_agreement, we_ask
from tidegate_interop.management import wait_until
from tidegate_interop.matrix import OURS, THEIRS, World, cell, expect
from tidegate_interop.policies import FREE
from tidegate_interop.process import EdcError

PULL, PUSH = "HttpData-PULL", "HttpData-PUSH"
AREA = "transfer"


def edc_state(world: World, transfer: str, *wanted: str, seconds: float = 60.0) -> str:
    """Return EDC's state of a transfer once it is one of those; raise once it is over otherwise."""

    def look() -> str:
        found = str(world.management.transfer_process(transfer)["state"])
        if found in {"TERMINATED", "COMPLETED"} - set(wanted):
            detail = world.management.transfer_process(transfer).get("errorDetail", "")
            raise EdcError(f"EDC's transfer is {found}: {detail}")
        return found if found in wanted else ""

    return str(wait_until(look, f"EDC's transfer {wanted}", seconds))


def our_transfer(world: World, *, peer_pid: str = "", pid: str = "") -> Transfer | None:
    """Return our side of a transfer, by either id."""
    with world.node.client() as client:
        known = client.connector.list_transfers()
    return next((one for one in known if pid == one.pid or peer_pid == one.peer_pid != ""), None)


def our_state(world: World, wanted: str, *, peer_pid: str = "", pid: str = "") -> Transfer:
    """Return our side of a transfer once it is in that state; raise once it is over otherwise."""

    def look() -> Transfer | None:
        one = our_transfer(world, peer_pid=peer_pid, pid=pid)
        if one is not None and one.state in {"TERMINATED", "COMPLETED"} - {wanted}:
            raise EdcError(f"our transfer is {one.state}: {one.reason}")
        return one if one is not None and one.state == wanted else None

    return wait_until(look, f"our transfer {wanted}")  # type: ignore[no-any-return]


def edc_pulls(world: World) -> tuple[str, dict[str, str]]:
    """Have EDC start a pull from us; return its id and the address it was given."""
    agreement, _, _ = same_agreement(world, "open")
    transfer = world.management.transfer(
        world.node.dsp, agreement, PULL, callback=f"{world.data.url}/callback"
    )
    edc_state(world, transfer, "STARTED")
    address = wait_until(lambda: world.data.started(transfer), "the address EDC was given")
    return transfer, address


def fetch(address: dict[str, str], **headers: str) -> tuple[int, bytes]:
    """Fetch what a data address opens, as an application behind EDC does."""
    request = urllib.request.Request(
        address["endpoint"], headers={"Authorization": address["authorization"], **headers}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as problem:
        return problem.code, b""


def we_pull(world: World) -> tuple[str, str]:
    """Ask EDC for a pull; return our transfer's id and the asset."""
    asset, ours = we_ask(world, FREE, "rows")
    expect(ours.state, "FINALIZED", f"the agreement ({ours.reason})")
    return world.node.request_rows(ours.agreement_id, PULL), asset


@cell(AREA, OURS, "EDC pulls our rows")
def pull_ours(world: World) -> str:
    """The application behind EDC fetches with the token EDC was given."""
    _, address = edc_pulls(world)
    status, body = fetch(address)
    expect((status, len(body) > 0), (200, True), "fetch")
    return f"{len(body)} bytes, sha256 {hashlib.sha256(body).hexdigest()[:12]}"


@cell(AREA, OURS, "a download of EDC's that broke off goes on by Range")
def range_ours(world: World) -> str:
    """The rest is asked for by itself, and both parts are the whole."""
    _, address = edc_pulls(world)
    whole = fetch(address)[1]
    half = len(whole) // 2
    status, rest = fetch(address, Range=f"bytes={half}-")
    expect((status, rest == whole[half:], half > 0), (206, True, True), "the rest")
    return f"{half} bytes, then {len(rest)} by Range"


@cell(AREA, OURS, "we push our rows to EDC's sink")
def push_ours(world: World) -> str:
    """What arrives is what a pull gives."""
    agreement, _, _ = same_agreement(world, "open")
    sink = f"/sink/{world.name('sink')}"
    transfer = world.management.transfer(
        world.node.dsp, agreement, PUSH, sink=f"{world.data.url}{sink}"
    )
    edc_state(world, transfer, "COMPLETED")
    our_state(world, "COMPLETED", peer_pid=transfer)
    taken = world.data.taken.get(sink, b"")
    expect(len(taken) > 0, True, "bytes in the sink")  # noqa: FBT003
    return f"{len(taken)} bytes, sha256 {hashlib.sha256(taken).hexdigest()[:12]}"


@cell(AREA, THEIRS, "we pull EDC's data")
def pull_theirs(world: World) -> str:
    """The copy in our vault has the SHA-256 of the source."""
    pid, _ = we_pull(world)
    our_state(world, "COMPLETED", pid=pid)
    expect(world.node.progress(pid)["sha256"], world.data.digest, "sha256")
    return f"{world.node.progress(pid)['moved']} bytes, sha256 {world.data.digest[:12]}"


@cell(AREA, THEIRS, "EDC pushes its data to us")
def push_theirs(world: World) -> str:
    """EDC's data plane sends with the header our address names."""
    _, ours = we_ask(world, FREE, "pushed")
    pid = world.node.request_rows(ours.agreement_id, PUSH)
    our_state(world, "COMPLETED", pid=pid)
    expect(world.node.progress(pid)["sha256"], world.data.digest, "sha256")
    return f"{world.node.progress(pid)['moved']} bytes, sha256 {world.data.digest[:12]}"


@cell(AREA, OURS, "EDC suspends its pull, then ends it")
def hold_ours(world: World) -> str:
    """While it is held and after it ended, the door is shut."""
    transfer, address = edc_pulls(world)
    world.management.suspend_transfer(transfer, "a pause")
    our_state(world, "SUSPENDED", peer_pid=transfer)
    edc_state(world, transfer, "SUSPENDED")
    held = fetch(address)[0]
    world.management.terminate_transfer(transfer, "enough")
    ended = our_state(world, "TERMINATED", peer_pid=transfer)
    after = fetch(address)[0]
    expect((held >= 400, after >= 400), (True, True), f"answers {held}, {after}")
    return f"{held} while held, {after} after the end: {ended.reason}"


@cell(AREA, OURS, "we suspend EDC's pull and let it go on")
def resume_ours(world: World) -> str:
    """EDC is given a fresh address, and it opens."""
    transfer, address = edc_pulls(world)
    ours = our_state(world, "STARTED", peer_pid=transfer)
    with world.node.client() as client:
        client.connector.suspend_transfer(ours.pid, "a check")
        edc_state(world, transfer, "SUSPENDED")
        our_state(world, "SUSPENDED", peer_pid=transfer)
        held = fetch(address)[0]
        client.connector.resume_transfer(ours.pid)
    edc_state(world, transfer, "STARTED")
    our_state(world, "STARTED", peer_pid=transfer)
    fresh = wait_until(
        lambda: (new := world.data.started(transfer)) != address and new, "a fresh address"
    )
    expect((held >= 400, fetch(fresh)[0]), (True, 200), f"answers {held} and then")
    return f"{held} while held, then 200 by a fresh token"


@cell(AREA, OURS, "we end EDC's pull")
def end_ours(world: World) -> str:
    """EDC hears of it, and its token opens nothing."""
    transfer, address = edc_pulls(world)
    ours = our_state(world, "STARTED", peer_pid=transfer)
    with world.node.client() as client:
        client.connector.terminate_transfer(ours.pid, "the permit ended")
    edc_state(world, transfer, "TERMINATED", "DEPROVISIONED")
    status = fetch(address)[0]
    expect(status >= 400, True, f"answer {status}")  # noqa: FBT003
    return f"{status} after the end"


@cell(AREA, OURS, "a format we do not serve")
def refuse_format(world: World) -> str:
    """EDC's request is answered 400, and it ends."""
    agreement, _, _ = same_agreement(world, "open")
    transfer = world.management.transfer(
        world.node.dsp, agreement, "AmazonS3-PUSH", sink="http://localhost:9/"
    )
    edc_state(world, transfer, "TERMINATED")
    detail = world.management.transfer_process(transfer).get("errorDetail", "")
    return str(detail)[-150:]
