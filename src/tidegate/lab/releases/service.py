"""The checker's desk: look at a result before it crosses, clear it or refuse it."""

from tidegate.access.model import Actor, Role, person_ref
from tidegate.access.rules import check_has_role
from tidegate.audit.journal import Journal
from tidegate.lab.errors import NotTheCheckerError, QueryInvalidError
from tidegate.lab.model import Run, RunState, WaitingRelease
from tidegate.lab.visits import store
from tidegate.lab.visits.publishing import Publishing, open_result
from tidegate.lab.visits.versions import OpenVersions

LONGEST_REASON = 1000


class ReleaseService:
    """What waits for a checker, and what the checker says."""

    def __init__(
        self, journal: Journal, publishing: Publishing, versions: OpenVersions, *, self_did: str
    ) -> None:
        self._journal = journal
        self._publishing = publishing
        self._versions = versions
        self._self_did = self_did

    def list_waiting(self, *, by: Actor) -> tuple[WaitingRelease, ...]:
        """Return the results that wait, oldest first, as they would leave."""
        check_has_role(by, Role.CHECKER)
        return tuple(self._shown(run) for run in self._journal.read(store.list_waiting))

    def get_waiting(self, run_id: str, *, by: Actor) -> WaitingRelease:
        """Return one result that waits."""
        check_has_role(by, Role.CHECKER)
        return self._shown(self._waiting(run_id))

    def clear(self, run_id: str, *, by: Actor) -> RunState:
        """Let a result leave; refused where the law, the agreement or earlier releases say no."""
        run = self._checkable(run_id, by)
        return self._publishing.clear(run, by=by.id, checker_ref=self._ref(by)).state

    def refuse(self, run_id: str, reason: str, *, by: Actor) -> RunState:
        """Keep a result from leaving; the asker is told the reason."""
        if not 0 < len(reason.strip()) <= LONGEST_REASON:
            raise QueryInvalidError(
                f"Give a reason of 1 to {LONGEST_REASON} characters.", code="reason"
            )
        run = self._checkable(run_id, by)
        ref = self._ref(by)
        return self._publishing.reject(run, reason.strip(), by=by.id, checker_ref=ref).state

    def _checkable(self, run_id: str, by: Actor) -> Run:
        check_has_role(by, Role.CHECKER)
        run = self._waiting(run_id)
        check_is_another(run, self._ref(by))
        return run

    def _waiting(self, run_id: str) -> Run:
        return self._journal.read(store.get_run, run_id)

    def _shown(self, run: Run) -> WaitingRelease:
        return WaitingRelease(
            id=run.id,
            agreement_id=run.agreement_id,
            dataset_id=run.dataset_id,
            version_id=run.version_id,
            peer_did=run.peer_did,
            person_ref=run.person_ref,
            query=run.query,
            submitted_at=run.submitted_at,
            receipt_id=run.receipt_id,
            result=open_result(self._versions.seal_of(run.version_id), run),
        )

    def _ref(self, by: Actor) -> str:
        return person_ref(self._self_did, by.person_id)


def check_is_another(run: Run, checker_ref: str) -> None:
    """Raise when the checker is the one who asked."""
    if run.person_ref == checker_ref:
        raise NotTheCheckerError(
            "Nobody clears their own query; ask another checker.", code="own_query"
        )
