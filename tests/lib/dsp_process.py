"""Two connectors in processes of their own, to be killed: `python -m lib.dsp_process FOLDER …`.

One process loads everything once and forks a provider and a consumer, and again whichever of the
two dies, so that a restart costs a fraction of a second. A node kills itself with SIGKILL at the
first place of the plan (`plan.json` in FOLDER) where nobody has died yet (`deaths`). It is told
what to do by POST /act and says by GET /state how its newest process stands; acts are idempotent.
"""

import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import uvicorn
from sqlalchemy import func, select
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.routing import Route

from lib.boundaries import QUIET, terms_of
from lib.dsp_nodes import RESEARCHER, STEWARD, DspNode, Network
from lib.ground import AllEvents, Ground, make_ground
from tidegate.api import dsp
from tidegate.audit.journal import Journal
from tidegate.connector.http.model import HttpSettings
from tidegate.connector.http.service import PeerHttp
from tidegate.connector.messages.model import DeliverySettings
from tidegate.db.tables.work import work_task
from tidegate.kernel.clock import SystemClock
from tidegate.kernel.errors import TidegateError
from tidegate.kernel.failpoint import arm, failpoint
from tidegate.work import runner as work

ROLES = ("provider", "consumer")
ROOMS = ("negotiation", "transfer")
POINTS = (
    *(f"{room}.{point}" for room in ROOMS for point in ("before_send", "after_send")),
    *(f"{room}.before_commit" for room in ROOMS),
    "work.before_done",
    "door.before_answer",
)
LAZY = (
    "anyio._backends._asyncio", "anyio._core._testing", "h11", "httpcore", "httptools", "httpx",
    "uvicorn.lifespan.off", "uvicorn.loops.asyncio", "uvicorn.protocols.http.httptools_impl",
)  # fmt: skip
QUICK = DeliverySettings(first_delay=0.03, longest_delay=0.2, attempts=200, early_attempts=200)


def did_of(port: int) -> str:
    return f"did:web:127.0.0.1%3A{port}"


class Plan:
    """Where somebody is to die next, as both processes and the test read and write it."""

    def __init__(self, folder: Path) -> None:
        self._plan, self._deaths, self._held = (
            folder / name for name in ("plan.json", "deaths", "held")
        )
        self._deaths.touch()

    def set(self, places: list[tuple[str, str]]) -> None:
        """Let the nodes die at these places, (role, point), one after the other."""
        fresh = self._plan.with_suffix(".new")
        self._deaths.write_text("")
        fresh.write_text(json.dumps(places))
        fresh.rename(self._plan)

    def deaths(self) -> list[tuple[str, str]]:
        """Return where somebody died."""
        return [tuple(line.split()) for line in self._deaths.read_text().splitlines()]

    def pass_by(self, role: str, point: str) -> None:
        """Die here, if it is the turn of this place."""
        places = json.loads(self._plan.read_text())
        died = len(self.deaths())
        if died < len(places) and places[died] == [role, point]:
            with self._deaths.open("a") as file:
                file.write(f"{role} {point}\n")
            os.kill(os.getpid(), signal.SIGKILL)

    def hold(self, *, on: bool) -> None:
        """Have the provider leave requests for transfers alone, or no longer."""
        self._held.touch() if on else self._held.unlink(missing_ok=True)

    def wait(self) -> None:
        """Return when nothing is held."""
        while self._held.exists():
            time.sleep(0.01)


# --- one node


def open_ground(home: Path, did: str) -> Ground:
    """Open what an earlier process left, or begin; time is the machine's."""
    made, clock = make_ground(home, did), SystemClock()
    journal = Journal(made.database, clock, made.ids, log=did, events=AllEvents())
    return replace(made, journal=journal, clock=clock)


def make_node(folder: Path, role: str, ports: dict[str, int]) -> DspNode:
    ground = open_ground(folder / role, did_of(ports[role]))
    node = DspNode(Network(), ground, PeerHttp(HttpSettings(loopback=True)), QUICK)
    offer = node.publish()
    subject = offer.id if role == "provider" else offer.dataset_id
    if role == "consumer":
        node.knows(SimpleNamespace(did=did_of(ports["provider"])), offer)
    if node.negotiation.find_strategy(subject) is None:
        node.negotiation.set_strategy(subject, QUIET, by=STEWARD)
    return node


def every(node: DspNode, room: str):
    desk = getattr(node, room)
    return desk.list_negotiations() if room == "negotiation" else desk.list_transfers()


def state_of(node: DspNode) -> dict:
    """Tell of both rooms how many processes there are, and all about the newest."""
    told = {}
    for room in ROOMS:
        found = sorted(every(node, room), key=lambda one: (one.created_at, one.pid))
        said = getattr(node, room).list_messages(found[-1].pid) if found else ()
        told[room] = {
            "count": len(found),
            "state": found[-1].state.value if found else "",
            "is_waiting": bool(found and found[-1].pending),
            "messages": [(one.action, one.state.value) for one in said],
        }
    told["agreements"] = sorted(one.digest for one in node.policy.list_agreements())
    known = work_task.c.handler.in_(set(node.handlers))
    with node.ground.database.reading() as conn:
        told["tasks"] = conn.execute(
            select(func.count()).select_from(work_task).where(known)
        ).scalar_one()
    return told


def act(node: DspNode, room: str, action: str, source: str, number: int, peer: str) -> None:
    """Do what a person does so that a message is said, unless it is done already."""
    found = sorted(every(node, room), key=lambda one: (one.created_at, one.pid))
    desk, person = getattr(node, room), replace(RESEARCHER, id=f"person:per_{number}")
    if source == "INITIAL":
        if len(found) < number:
            _open(node, room, action, person, peer)
        return
    one = found[-1]
    if not one.pending and one.state.value == source:
        by = person if room == "transfer" and one.side == "consumer" else STEWARD
        _go_on(desk, room, action, one, by)


def _go_on(desk, room: str, action: str, one, by) -> None:
    if action == "terminate":
        desk.terminate(one.pid, "No more.", by=by)
    elif action in {"offer", "request"}:
        desk.counter(one.pid, terms_of(), by=by)
    elif room == "negotiation":
        desk.approve(one.pid, by=by)
    elif action == "suspend":
        desk.suspend(one.pid, "Hold.", by=by)
    elif one.state != "REQUESTED":  # there the provider starts by itself
        getattr(desk, {"start": "resume"}.get(action, action))(one.pid, by=by)


def _open(node: DspNode, room: str, action: str, person, peer: str) -> None:
    if room == "transfer":
        agreement = node.policy.list_agreements()[0]
        node.transfer.request_visit(agreement.id, by=person)
    elif action == "offer":
        node.negotiation.offer_to(peer, "offer_1", by=STEWARD)
    else:
        node.negotiation.request(peer, "ds_1", by=RESEARCHER)


class BeforeAnswer:
    """Passes a place of the plan when a message of a peer was taken, before that is answered."""

    def __init__(self, app) -> None:
        self._app = app

    async def __call__(self, scope, receive, send) -> None:
        async def passing(message) -> None:
            taken = message["type"] == "http.response.start" and message["status"] < 300
            if taken and scope["method"] == "POST" and scope["path"].startswith("/dsp/"):
                failpoint("door.before_answer")
            await send(message)

        await self._app(scope, receive, passing)


def serve(folder: Path, role: str, ports: dict[str, int]) -> None:
    """Be a node until killed."""
    work.POLL_SECONDS = 0.04  # for delays as short as those of QUICK
    plan, node = Plan(folder), make_node(folder, role, ports)
    handlers = {**node.handlers, "transfer.react": _after(plan.wait, node.transfer.react)}
    runner = work.Runner(node.ground.journal, node.ground.clock, handlers)
    node.ground.journal.on_tasks = runner.wake
    peer = did_of(ports[ROLES[role == "provider"]])

    async def do(request) -> JSONResponse:
        said = await request.json()
        try:
            await run_in_threadpool(lambda: act(node, **said, peer=peer))
        except TidegateError as problem:
            return JSONResponse([problem.code, problem.message], 409)
        return JSONResponse({})

    routes = [
        Route("/state", lambda _request: JSONResponse(state_of(node))),
        Route("/act", do, methods=["POST"]),
        *dsp.routes(node),
    ]
    for point in POINTS:
        arm(point, lambda point=point: plan.pass_by(role, point))
    runner.start()
    app = BeforeAnswer(Starlette(routes=routes))
    config = uvicorn.Config(app, port=ports[role], log_config=None, lifespan="off", ws="none")
    uvicorn.Server(config).run()


def _after(wait: Callable[[], None], react: Callable[..., None]) -> Callable[..., None]:
    def held(**said) -> None:
        wait()
        react(**said)

    return held


# --- both of them


def main(folder: Path, ports: dict[str, int]) -> None:
    """Keep both nodes running until told to end."""
    alive: dict[int, str] = {}

    def end(_signal: int, _frame: object) -> None:
        for pid in alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        os._exit(0)

    for role in ROLES:  # so that no fork has to make keys, which is slow on purpose
        open_ground(folder / role, did_of(ports[role])).close()
    for name in LAZY:  # nor to load what is loaded at the first call
        importlib.import_module(name)
    signal.signal(signal.SIGTERM, end)
    for role in ROLES:
        alive[fork(folder, role, ports)] = role
    while True:
        died, how = os.wait()
        role = alive.pop(died)
        if os.waitstatus_to_exitcode(how) != -signal.SIGKILL:
            print(f"the {role} ended by itself: {how}", file=sys.stderr, flush=True)
            end(0, None)
        alive[fork(folder, role, ports)] = role


def fork(folder: Path, role: str, ports: dict[str, int]) -> int:
    """Return the id of a process that is a node."""
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        serve(folder, role, ports)
        os._exit(0)
    return pid


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
