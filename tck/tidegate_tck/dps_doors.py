"""The doors of the DPS kit: its trigger, its bare callbacks, and its own form of DSP messages."""

import json
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tidegate.access.model import system_actor
from tidegate.api import dsp
from tidegate.api.kit import json_response, problem_response
from tidegate.connector.dataplane.model import HTTP_PULL
from tidegate.connector.messages.wire import BASE_PATH
from tidegate.connector.transfer.machine import may_step
from tidegate.connector.transfer.model import Step, Transfer
from tidegate.house import House
from tidegate.kernel.errors import TidegateError
from tidegate.node.build import Node

PATIENCE_SECONDS = 5.0
PAUSE_SECONDS = 0.02
_STEPS = {
    "start": Step.START,
    "suspension": Step.SUSPEND,
    "completion": Step.COMPLETE,
    "termination": Step.TERMINATE,
}
Endpoint = Callable[[Request], Awaitable[Response]]


def doors(node: Node, tokens: Mapping[str, str]) -> Sequence[BaseRoute]:
    """Return the doors that come before the node's own; `tokens` are those of the kit's planes."""
    house = node.house
    return [
        Route("/tck/dataflows/trigger", _trigger(house), methods=["POST"]),
        *(
            Route(
                f"/tck/signaling/transfers/{{pid}}/dataflow/{what}",
                _told(house, what, tokens),
                methods=["POST"],
            )
            for what in ("prepared", "started", "completed", "errored")
        ),
        *(
            Route(BASE_PATH + operation[1], _mended(house, operation), methods=["POST"])
            for operation in dsp.OPERATIONS
            if operation[0] == "POST" and operation[1].startswith("/transfers/")
        ),
    ]


def _trigger(house: House) -> Endpoint:
    """Have the node, as consumer, ask for rows; answer with the id of the process."""

    async def ask(request: Request) -> Response:
        said = json.loads(await request.body())
        one = await run_in_threadpool(
            house.transfer.request_rows,
            said["agreementId"],
            HTTP_PULL,
            by=system_actor("kit"),
            address=said["dspUrl"],
        )
        return JSONResponse({"id": one.pid})

    return ask


def _told(house: House, what: str, tokens: Mapping[str, str]) -> Endpoint:
    """Take a callback of the kit's data plane, which shows no token, as if it had shown its own."""

    async def take(request: Request) -> Response:
        said, pid = json.loads(await request.body()), request.path_params["pid"]
        try:
            authorization = f"Bearer {tokens['data']}"
            await run_in_threadpool(house.signaling.told, authorization, pid, what, said)
        except TidegateError as problem:
            return problem_response(problem)
        return json_response({})

    return take


def _mended(house: House, operation: tuple[str, str, Any, Any]) -> Endpoint:
    """Take a message as the node's own door does, once its context and pids are put right."""
    place = operation[1].rpartition("/")[2]

    async def answer(request: Request) -> Response:
        said = json.loads(await request.body())
        if isinstance(said.get("@context"), str):
            said["@context"] = [said["@context"]]
        pid = request.path_params.get("pid", "")
        authorization = request.headers.get("authorization")
        reply = await run_in_threadpool(_take, house, operation, (pid, place), said, authorization)
        return json_response(reply.document, reply.status)

    return answer


def _take(
    house: House,
    operation: tuple[str, str, Any, Any],
    where: tuple[str, str],
    said: dict[str, Any],
    authorization: str | None,
) -> dsp.Reply:
    pid, place = where
    if pid and place in _STEPS:
        one = _due(house, pid, _STEPS[place])
        said |= {"providerPid": one.provider_pid, "consumerPid": one.consumer_pid}
    body = json.dumps(said).encode()
    return dsp.respond(
        house,
        operation,
        authorization,
        lambda peer: dsp.Asked(peer, body, pid),
        dsp.pids_in(body, pid),
    )


def _due(house: House, pid: str, step: Step) -> Transfer:
    """Return the transfer once the step may come: the kit sends the next one at once."""
    pause = threading.Event()
    for _ in range(int(PATIENCE_SECONDS / PAUSE_SECONDS)):
        one = house.transfer.get(pid)
        if may_step(one.state, step, by=one.side.other) and not one.pending:
            break
        pause.wait(PAUSE_SECONDS)
    return house.transfer.get(pid)
