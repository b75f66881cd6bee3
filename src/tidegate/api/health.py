"""Is the node alive, is it ready, what does it measure: for operators' machines, no login."""

import os
from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client import generate_latest as exposition
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tidegate.api.kit import json_response, problem_response
from tidegate.house import House
from tidegate.kernel.errors import TidegateError, UnavailableError

LATENCY_BUCKETS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


class Meters:
    """The node's own measurements, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "tidegate_requests",
            "Requests answered, by door and status class.",
            ["door", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "tidegate_request_seconds",
            "Time to answer a request, by door.",
            ["door"],
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.tasks = Gauge(
            "tidegate_tasks", "Background tasks, by state.", ["state"], registry=self.registry
        )
        self.leaves = Gauge(
            "tidegate_evidence_leaves", "Leaves in this node's log.", registry=self.registry
        )
        self.memory = Gauge(
            "tidegate_resident_bytes", "Resident memory of the process.", registry=self.registry
        )

    def observe(self, door: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self.requests.labels(door, f"{status // 100}xx").inc()
        self.seconds.labels(door).observe(seconds)


def routes(house: House, meters: Meters, is_ready: Callable[[], bool]) -> list[Route]:
    """Return the routes of health, readiness and metrics."""

    async def live(_request: Request) -> Response:
        return PlainTextResponse("live\n")

    async def ready(_request: Request) -> Response:
        try:
            if not is_ready():
                raise UnavailableError("The node is starting or stopping; try again in a second.")
            size = await run_in_threadpool(_leaves, house)
        except TidegateError as problem:
            return problem_response(problem)
        return json_response({"ready": True, "evidence_leaves": size})

    async def metrics(_request: Request) -> Response:
        for state, count in (await run_in_threadpool(house.work.count_tasks)).items():
            meters.tasks.labels(state).set(count)
        meters.leaves.set(await run_in_threadpool(_leaves, house))
        meters.memory.set(resident_bytes())
        return Response(exposition(meters.registry), media_type=CONTENT_TYPE_LATEST)

    return [
        Route("/health/live", live),
        Route("/health/ready", ready),
        Route("/metrics", metrics),
    ]


def _leaves(house: House) -> int:
    newest = house.evidence.list_leaves(limit=1)
    return newest[0].position + 1 if newest else 0


def resident_bytes() -> int:
    """Return the resident memory of this process, in bytes (Linux: /proc/self/statm)."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - a kernel file
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
