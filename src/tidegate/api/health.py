"""Is the node alive, is it ready, what does it measure: for operators' machines, no login."""

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tidegate.api.kit import json_response, problem_response
from tidegate.api.meters import Meters
from tidegate.house import House
from tidegate.kernel.errors import TidegateError


def routes(house: House, meters: Meters, check_ready: Callable[[], object]) -> list[Route]:
    """Return the routes of health, readiness and metrics.

    `check_ready` raises a TidegateError that says why the node is not ready.
    """

    async def live(_request: Request) -> Response:
        return PlainTextResponse("live\n")

    async def ready(_request: Request) -> Response:
        try:
            await run_in_threadpool(check_ready)
            size = await run_in_threadpool(_leaves, house)
        except TidegateError as problem:
            return problem_response(problem)
        return json_response({"ready": True, "evidence_leaves": size})

    async def metrics(_request: Request) -> Response:
        tasks = await run_in_threadpool(house.work.count_tasks)
        leaves = await run_in_threadpool(_leaves, house)
        content, form = await run_in_threadpool(meters.exposition, tasks, leaves)
        return Response(content, media_type=form)

    return [
        Route("/health/live", live),
        Route("/health/ready", ready),
        Route("/metrics", metrics),
    ]


def _leaves(house: House) -> int:
    newest = house.evidence.list_leaves(limit=1)
    return newest[0].position + 1 if newest else 0
