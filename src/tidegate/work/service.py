"""What people may do with tasks that could not be done."""

from collections.abc import Collection

from tidegate.access.model import Actor, Role
from tidegate.access.rules import check_has_role
from tidegate.audit.journal import Journal
from tidegate.kernel.clock import Clock, iso
from tidegate.work import store
from tidegate.work.model import Task, TaskState


class WorkService:
    """The desk for parked tasks."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock

    def list_parked(self, *, by: Actor) -> tuple[Task, ...]:
        """Return the tasks that wait for a person, each with its reason."""
        check_has_role(by, Role.OPERATOR, Role.AUDITOR)
        return self._journal.read(store.list_parked)

    def all_parked(self) -> tuple[Task, ...]:
        """Return every parked task, for rooms that tell what is stuck with a peer."""
        return self._journal.read(store.list_parked)

    def count_tasks(self) -> dict[str, int]:
        """Return how many tasks are waiting and how many are parked."""
        return {"waiting": 0, "parked": 0, **self._journal.read(store.count_by_state)}

    def list_lane(self, lane: str) -> tuple[Task, ...]:
        """Return the tasks of one lane, waiting and parked, for the room whose lane it is."""
        return self._journal.read(store.list_lane, lane) if lane else ()

    def hasten(self, lane: str, *, about: str, by: Actor) -> int:
        """Let the waiting tasks of a lane run now instead of later; return how many there were.

        The caller has checked that `by` may; `about` is the subject of the evidence.
        """
        waiting = [each for each in self.list_lane(lane) if each.state is TaskState.WAITING]
        if not waiting:
            return 0
        why = {"handler": waiting[0].handler}
        with self._journal.write(by=by.id, did="task.hastened", to=about, why=why) as tx:
            store.hasten(tx.connection, lane, due_at=iso(self._clock.now()))
            tx.queued += 1
        return len(waiting)

    def revive(self, lane: str, codes: Collection[str]) -> int:
        """Let a lane go on now, because what it waited for is there; return how many tasks.

        `codes` are the reasons for which tasks were put aside that hold no more.
        """
        with self._journal.upkeep() as tx:
            count = store.revive(tx.connection, lane, codes, tx.at)
            tx.queued += count
        return count

    def retry(self, seq: int, *, by: Actor) -> None:
        """Let a parked task run again now."""
        check_has_role(by, Role.OPERATOR)
        task = self._journal.read(store.get_parked, seq)
        why = {"handler": task.handler, "problem": task.problem_code or ""}
        with self._journal.write(by=by.id, did="task.retried", to=f"task:{seq}", why=why) as tx:
            store.unpark(tx.connection, seq, due_at=iso(self._clock.now()))
            tx.queued += 1

    def discard(self, seq: int, reason: str, *, by: Actor) -> None:
        """Give up a parked task for good, saying why."""
        check_has_role(by, Role.OPERATOR)
        task = self._journal.read(store.get_parked, seq)
        why = {"handler": task.handler, "problem": task.problem_code or "", "reason": reason}
        with self._journal.write(by=by.id, did="task.discarded", to=f"task:{seq}", why=why) as tx:
            store.delete_task(tx.connection, seq)
