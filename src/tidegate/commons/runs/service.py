"""Ask for a de-identification, work it off in the background, and tell how far it is.

The wish and its task commit together. A process killed in between runs the task again from the
start: the tables it had begun are swept away at the next start, and the holding changes only in the
one write that also ends the run. One table is worked on at a time, since it takes memory.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tidegate.access.model import Actor, system_actor
from tidegate.audit.journal import Journal, Tx
from tidegate.commons import rules
from tidegate.commons.deidentification.service import DeidentificationService
from tidegate.commons.errors import RunCancelledError, RunUnknownError
from tidegate.commons.runs import store
from tidegate.commons.runs.model import (
    MOST_TRIES,
    RUN_LIFE,
    Run,
    RunProgress,
    RunState,
    RunView,
)
from tidegate.deid.model import Progress, Recipe
from tidegate.deid.service import DeidService
from tidegate.kernel.canonical import canonical_json, sha256_hex
from tidegate.kernel.clock import Clock, iso
from tidegate.kernel.errors import TidegateError, UnavailableError
from tidegate.kernel.ids import Ids

TASK = "commons.deidentify"
NODE = system_actor(TASK).id


class RunService:
    """The desk for long de-identifications."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        ids: Ids,
        *,
        deid: DeidService,
        deidentification: DeidentificationService,
        actor_of: Callable[[str], Actor],
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._deid = deid
        self._deidentification = deidentification
        self._actor_of = actor_of

    def start(
        self, version_id: str, document: Mapping[str, Any], project_id: str, *, by: Actor
    ) -> Run:
        """Promise to de-identify a version with a written recipe.

        Refuses at once what could not be done anyhow: raises as `deidentify` before it reads a
        row, and RunChangedError while another run of the version waits.
        """
        recipe = self._deidentification.read_recipe(version_id, document)
        self._deidentification.check_may(version_id, project_id, by=by)
        written = canonical_json(self._deid.recipe_document(recipe))
        run = Run(
            id=self._ids.new("run"),
            version_id=version_id,
            project_id=project_id,
            recipe=written.decode(),
            asked_by=by.id,
            asked_at=iso(self._clock.now()),
        )
        with self._journal.write(
            by=by.id,
            did="version.deidentification_asked",
            to=f"version:{version_id}",
            why={"run": run.id, "recipe": sha256_hex(written), "project": project_id},
        ) as tx:
            store.add_run(tx.connection, run)
            tx.enqueue(TASK, lane=TASK, run=run.id)
        return run

    def find_latest(self, version_id: str) -> RunView | None:
        """Return the newest run of a version and how far it is, or None."""
        with self._journal.reading() as conn:
            run = store.find_latest(conn, version_id)
            return RunView(run, store.find_progress(conn, run.id)) if run else None

    def cancel(self, version_id: str, *, by: Actor) -> Run:
        """Give up the run that waits; what it had begun is swept away.

        Raises RunUnknownError where there is none, IllegalMoveError if it has ended.
        """
        rules.check_role(by, rules.STEWARDS, "cancel a de-identification")
        rules.check_person(by, "cancel a de-identification")
        run = self._journal.read(store.find_latest, version_id)
        if run is None:
            raise RunUnknownError("This version was never asked to be de-identified.")
        return self._end(run, "cancel", "steward", by.id)

    def work(self, run: str) -> None:
        """Do what was promised; the handler of the task, so it may run again."""
        one = self._journal.read(store.find_run, run)
        if one is None or one.state is not RunState.WAITING:
            return
        tries = self._journal.read(store.find_progress, run).tries + 1
        if tries > MOST_TRIES:
            self._refuse(
                one,
                "run_interrupted",
                f"The node stopped {MOST_TRIES} times while it de-identified this version; give it"
                " more memory, then ask again.",
            )
            return
        self._tell(run, RunProgress(0, "read", tries))
        try:
            self._deidentify(one, tries)
        except UnavailableError:
            raise  # it may pass: the task is tried again
        except TidegateError as problem:
            still = self._journal.read(store.find_run, run)
            if still is not None and still.state is RunState.WAITING:
                self._refuse(one, problem.code, problem.message)
        except Exception:
            words = "Something went wrong in this node; its operator finds the time in the log."
            self._refuse(one, "unforeseen", words)
            raise

    def _deidentify(self, run: Run, tries: int) -> None:
        actor = self._actor_of(run.asked_by.partition(":")[2])
        recipe: Recipe = self._deidentification.read_recipe(run.version_id, json.loads(run.recipe))

        def finish(tx: Tx) -> None:
            store.end_run(tx.connection, self._ended(run, "finish", "node"))

        self._deidentification.deidentify(
            run.version_id,
            recipe,
            run.project_id,
            by=actor,
            progress=self._teller(run, tries),
            within=finish,
        )

    def _teller(self, run: Run, tries: int) -> Progress:
        """Return what keeps the progress, a step of one in a hundred at a time."""
        told = [RunProgress(0, "read", tries)]

        def tell(share: float, step: str) -> None:
            now = RunProgress(min(100, int(share * 100)), step, tries)
            if now == told[0]:
                return
            told[0] = now
            self._tell(run.id, now)
            one = self._journal.read(store.find_run, run.id)
            if one is None or one.state is not RunState.WAITING:
                raise RunCancelledError("The de-identification was cancelled.")

        return tell

    def _tell(self, run_id: str, progress: RunProgress) -> None:
        with self._journal.upkeep() as tx:
            store.put_progress(tx.connection, run_id, progress)

    def _refuse(self, run: Run, code: str, words: str) -> None:
        self._end(run, "refuse", "node", NODE, code=code, problem=words)

    def _end(
        self, run: Run, action: str, as_: str, by: str, *, code: str = "", problem: str = ""
    ) -> Run:
        ended = replace(self._ended(run, action, as_), code=code, problem=problem)
        with self._journal.write(
            by=by,
            did=f"version.deidentification_{ended.state}",
            to=f"version:{run.version_id}",
            why={"run": run.id, **({"code": code} if code else {})},
        ) as tx:
            store.end_run(tx.connection, ended)
        return ended

    def _ended(self, run: Run, action: str, as_: str) -> Run:
        state = RUN_LIFE.step(run.state, action, by=as_).target
        return replace(run, state=state, ended_at=iso(self._clock.now()))
