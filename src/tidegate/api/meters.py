"""What a node measures of itself: plain numbers, written out for Prometheus when it asks."""

import os
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import Metric

LATENCY_BUCKETS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
_ENDS = (*map(str, LATENCY_BUCKETS), "+Inf")


class Meters:
    """Counts of answered requests. The event loop alone counts, so nothing is locked."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, str], int] = {}
        self._waits: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}

    def observe(self, door: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        answered = (door, f"{status // 100}xx")
        self._requests[answered] = self._requests.get(answered, 0) + 1
        waits = self._waits.setdefault(door, [0] * len(_ENDS))
        waits[bisect_left(LATENCY_BUCKETS, seconds)] += 1
        self._seconds[door] = self._seconds.get(door, 0.0) + seconds

    def exposition(self, tasks: Mapping[str, int], leaves: int) -> tuple[bytes, str]:
        """Return everything in Prometheus' text format, and the name of the format."""
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest  # noqa: PLC0415 - heavy

        return generate_latest(_Collected(self._metrics(tasks, leaves))), CONTENT_TYPE_LATEST

    def _metrics(self, tasks: Mapping[str, int], leaves: int) -> "Iterator[Metric]":
        from prometheus_client.core import (  # noqa: PLC0415 - as above
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
        )

        requests = CounterMetricFamily(
            "tidegate_requests",
            "Requests answered, by door and status class.",
            labels=["door", "status"],
        )
        for answered, count in self._requests.copy().items():
            requests.add_metric(answered, count)
        yield requests
        waits = HistogramMetricFamily(
            "tidegate_request_seconds", "Time to answer a request, by door.", labels=["door"]
        )
        for door, found in self._waits.copy().items():
            buckets = list(zip(_ENDS, accumulate(found), strict=True))
            waits.add_metric([door], buckets, self._seconds[door])
        yield waits
        standing = GaugeMetricFamily(
            "tidegate_tasks", "Background tasks, by state.", labels=["state"]
        )
        for state, count in tasks.items():
            standing.add_metric([state], count)
        yield standing
        yield GaugeMetricFamily(
            "tidegate_evidence_leaves", "Leaves in this node's log.", value=leaves
        )
        yield GaugeMetricFamily(
            "tidegate_resident_bytes", "Resident memory of the process.", value=resident_bytes()
        )


class _Collected:
    """Hands finished metrics on, as a registry of prometheus_client does."""

    def __init__(self, metrics: "Iterable[Metric]") -> None:
        self._metrics = metrics

    def collect(self) -> "Iterable[Metric]":
        """Return the metrics."""
        return self._metrics


def resident_bytes() -> int:
    """Return the resident memory of this process, in bytes (Linux: /proc/self/statm)."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - a kernel file
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
