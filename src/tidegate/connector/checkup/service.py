"""Examine a peer: reach it as we would in earnest, step by step, and say what does not work.

Nothing is changed at the peer: a DID document, a version document and a catalogue are read.
"""

from collections.abc import Callable, Mapping

from tidegate.access.model import Actor, Role
from tidegate.access.rules import check_has_role
from tidegate.connector.checkup.desk import Tools
from tidegate.connector.checkup.exam import CHECKS, Exam, seconds_ahead
from tidegate.connector.checkup.model import Checkup, Result, Said, Step
from tidegate.connector.checkup.words import finding
from tidegate.connector.identity.did import did_url
from tidegate.kernel.clock import iso
from tidegate.kernel.errors import TidegateError


class CheckupService:
    """Says why a peer can or cannot be reached and trusted."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def examine(self, did: str, *, by: Actor, is_served: bool = True) -> Checkup:
        """Examine the node with that DID; never raises for a broken peer.

        `is_served` tells whether this node serves now: only then can a peer read its credentials.
        """
        if not by.is_system:
            check_has_role(by, Role.OPERATOR, Role.AUDITOR)
        now = self._tools.clock.now()
        exam = Exam(self._tools, did.strip()[:400], is_served=is_served)
        ended: dict[Step, Said] = {}
        for step, needs, check in CHECKS:
            ended[step] = self._one(exam, check, needs, ended)
        return Checkup(
            did=exam.did,
            at=iso(now),
            findings=tuple(finding(step, said) for step, said in ended.items()),
        )

    def seconds_ahead(self, did: str, seconds: float) -> float | None:
        """Return how far a peer's clock is ahead of ours; None where it does not answer in time."""
        http, asked_at = self._tools.http, self._tools.clock.now()
        try:
            answer = http.get(did_url(did, loopback=http.is_loopback), seconds=seconds)
        except TidegateError:
            return None
        return seconds_ahead(answer, asked_at)

    def close(self) -> None:
        """Close the connections, where the node does not serve and nobody else needs them."""
        self._tools.http.close()

    def _one(
        self,
        exam: Exam,
        check: Callable[[Exam], Said],
        needs: tuple[Step, ...],
        ended: Mapping[Step, Said],
    ) -> Said:
        if any(ended[need].result is not Result.OK for need in needs):
            return Said(Result.SKIPPED, "not_examined")
        return check(exam)
