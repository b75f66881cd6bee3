"""A connector in a process of its own, to be killed: `python -m lib.dsp_process HOME PORT PEER …`.

The consumer negotiates and then asks for a visit, once each, by itself. `/state` tells how its
processes stand. With a failpoint named, the process kills itself with SIGKILL at the n-th passing.
"""

import json
import os
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from lib.dsp_nodes import RESEARCHER, DspNode, Network
from lib.ground import AllEvents, Ground, make_ground
from tidegate.api import dsp
from tidegate.audit.journal import Journal
from tidegate.connector.http.model import HttpSettings
from tidegate.connector.http.service import PeerHttp
from tidegate.kernel.clock import SystemClock
from tidegate.kernel.errors import TidegateError
from tidegate.kernel.failpoint import arm
from tidegate.work.runner import Runner


def did_of(port: str) -> str:
    return f"did:web:127.0.0.1%3A{port}"


def open_ground(home: Path, did: str) -> Ground:
    """Open what an earlier process left, or begin; time is the machine's."""
    made, clock = make_ground(home, did), SystemClock()
    journal = Journal(made.database, clock, made.ids, log=did, events=AllEvents())
    return replace(made, journal=journal, clock=clock)


def die_at(point: str, time: int) -> None:
    passed = [0]

    def count() -> None:
        passed[0] += 1
        if passed[0] == time:
            os.kill(os.getpid(), signal.SIGKILL)

    arm(point, count)


def state_of(node: DspNode) -> dict[str, list[str]]:
    return {
        "negotiations": [one.state.value for one in node.negotiation.list_negotiations()],
        "transfers": [one.state.value for one in node.transfer.list_transfers()],
    }


def consume(node: DspNode, provider: str, pause: threading.Event) -> None:
    """Negotiate once, then ask for a visit once, whatever was done before the last death."""
    while not pause.wait(0.05):
        try:
            known = node.negotiation.list_negotiations()
            if not known:
                node.negotiation.request(provider, "ds_1", by=RESEARCHER)
            elif known[0].agreement_id and known[0].state == "FINALIZED":
                node.transfer.request_visit(known[0].agreement_id, by=RESEARCHER)
                return
        except TidegateError as problem:
            print(problem.code, file=sys.stderr)


def main(home: str, port: str, peer: str, role: str, point: str = "", time: str = "1") -> None:
    ground = open_ground(Path(home), did_of(port))
    http = PeerHttp(HttpSettings(loopback=True))
    node = DspNode(Network(), ground, wire=http)
    offer = node.publish()
    if role == "consumer":
        node.knows(SimpleNamespace(did=did_of(peer)), offer)
    runner = Runner(ground.journal, ground.clock, node.handlers)
    ground.journal.on_tasks = runner.wake
    routes = [Route("/state", lambda _request: JSONResponse(state_of(node))), *dsp.routes(node)]
    if point:
        die_at(point, int(time))
    runner.start()
    pause = threading.Event()
    if role == "consumer":
        threading.Thread(target=consume, args=(node, did_of(peer), pause), daemon=True).start()
    config = uvicorn.Config(
        Starlette(routes=routes), port=int(port), log_config=None, lifespan="off"
    )
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main(*json.loads(sys.argv[1]))
