"""The runner: does what was promised, in order within a lane, until it is done or parked.

A task is deleted after its handler returned; a process killed in between runs it again, so handlers
are idempotent. One process of a node runs tasks at a time (`node.py` holds the lock).
"""

import logging
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from tidegate.audit.journal import Journal
from tidegate.db.outbox import party_of
from tidegate.kernel.clock import Clock, iso
from tidegate.kernel.errors import TidegateError
from tidegate.kernel.failpoint import failpoint
from tidegate.work import store
from tidegate.work.model import Handler, Periodic, Task, delay_before, is_worth_retrying

WINDOW = 1000  # tasks looked at in one go
WORKERS = 12
PER_PARTY = 4  # of the workers, so that a peer which hangs leaves the others to the rest
POLL_SECONDS = 0.5  # for tasks another process promised, and for delays

log = logging.getLogger("tidegate.work")


class Runner:
    """Threads that run tasks and periodic jobs, from `start` to `stop`."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        handlers: Mapping[str, Handler],
        periodics: Iterable[Periodic] = (),
        *,
        workers: int = WORKERS,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._handlers = handlers
        self._periodics = tuple(periodics)
        self._workers = workers
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._busy: set[int] = set()
        self._lanes: set[str] = set()
        self._parties: Counter[str] = Counter()
        self._guard = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._pool: ThreadPoolExecutor | None = None

    def start(self) -> None:
        """Begin to run tasks; several seconds of work may follow at once after a restart."""
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="work")
        loops = [threading.Thread(target=self._loop, name="work-loop", daemon=True)]
        loops += [
            threading.Thread(target=self._repeat, args=(job,), name=f"job-{job.name}", daemon=True)
            for job in self._periodics
        ]
        self._threads = loops
        for thread in loops:
            thread.start()

    def stop(self) -> None:
        """Finish what runs, start nothing more."""
        self._stopping.set()
        self._wake.set()
        for thread in self._threads:
            thread.join(timeout=10)
        if self._pool is not None:
            self._pool.shutdown(wait=True)

    def wake(self) -> None:
        """Look for tasks now: one was just promised."""
        self._wake.set()

    def _loop(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                self._dispatch()
            except TidegateError as problem:
                log.warning("tasks cannot be read", extra={"reason": problem.code})
            except Exception:
                log.exception("tasks cannot be read")  # and go on: the loop outlives an outage
            self._wake.wait(POLL_SECONDS)

    def _dispatch(self) -> None:
        now = iso(self._clock.now())
        with self._guard:  # what ends while the list is read still stands in it: leave it alone
            running, lanes = set(self._busy), set(self._lanes)
        listed = self._journal.read(store.list_ready, now, WINDOW)
        fresh = tuple(one for one in listed if one.seq not in running and one.lane not in lanes)
        for task in self._chosen(fresh):
            if self._pool is not None and not self._stopping.is_set():
                self._pool.submit(self._run, task)

    def _chosen(self, tasks: tuple[Task, ...]) -> list[Task]:
        """Pick what may run: not running, its lane free, and its party not called too often."""
        chosen: list[Task] = []
        with self._guard:
            for task in tasks:
                party = party_of(task.lane)
                is_full = party and self._parties[party] >= PER_PARTY
                if task.seq in self._busy or task.lane in self._lanes or is_full:
                    continue
                self._busy.add(task.seq)
                if task.lane:
                    self._lanes.add(task.lane)
                if party:
                    self._parties[party] += 1
                chosen.append(task)
        return chosen

    def _run(self, task: Task) -> None:
        try:
            self._attempt(task)
        except Exception:  # the task stays and runs again
            log.exception("task bookkeeping failed", extra={"handler": task.handler})
        finally:
            with self._guard:
                self._busy.discard(task.seq)
                self._lanes.discard(task.lane)
                self._parties -= Counter([party_of(task.lane)])
            self._wake.set()

    def _attempt(self, task: Task) -> None:
        handler = self._handlers.get(task.handler)
        try:
            if handler is None:
                raise TidegateError(
                    f"This version has no handler {task.handler}; update the node, then retry.",
                    code="handler_unknown",
                )
            handler(**task.payload)
        except Exception as problem:  # noqa: BLE001 - each failure is kept with its task
            self._failed(task, problem)
            return
        failpoint("work.before_done")
        with self._journal.upkeep() as tx:
            store.delete_task(tx.connection, task.seq)

    def _failed(self, task: Task, problem: Exception) -> None:
        code, words = describe(problem)
        attempts = task.attempts + 1
        again = is_worth_retrying(problem, attempts)
        said = {"handler": task.handler, "task": task.seq, "attempts": attempts, "reason": code}
        log.warning("task failed", extra={**said, "parked": not again})
        due = iso(self._clock.now() + timedelta(seconds=delay_before(task.attempts)))
        with self._journal.upkeep() as tx:
            if again:
                store.postpone(
                    tx.connection, task.seq, attempts=attempts, due_at=due, problem=words
                )
            else:
                store.park(tx.connection, task.seq, attempts=attempts, code=code, problem=words)

    def _repeat(self, job: Periodic) -> None:
        pause = job.every if job.first is None else job.first
        while not self._stopping.wait(pause):
            pause = job.every
            try:
                job.run()
            except TidegateError as problem:
                log.warning("periodic job failed", extra={"job": job.name, "reason": problem.code})
            except Exception:
                log.exception("periodic job failed", extra={"job": job.name})  # the next is a retry


def describe(problem: Exception) -> tuple[str, str]:
    """Return a failure's code and words; an unforeseen one shows its kind, never its values."""
    if isinstance(problem, TidegateError):
        return problem.code, problem.message
    name = type(problem).__name__
    return "unforeseen", f"An unforeseen {name} happened; see the log of this time, then retry."
