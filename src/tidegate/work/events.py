"""What the work room leaves as evidence: only what a person did to a task."""

from collections.abc import Mapping

EVENTS: Mapping[str, str | None] = {
    "task.retried": None,
    "task.discarded": None,
    "task.hastened": None,
}
