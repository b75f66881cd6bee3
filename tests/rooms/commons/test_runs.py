"""De-identification in the background: promised once, done once, and told truly as it goes."""

import pytest

from rooms.commons.commons_world import RESEARCHER, STEWARD
from tidegate.access.errors import PersonDisabledError, RoleMissingError
from tidegate.access.model import Actor
from tidegate.commons.errors import (
    NotReadyError,
    RunChangedError,
    RunUnknownError,
    SecondPersonError,
)
from tidegate.commons.model import Stage
from tidegate.commons.runs.model import MOST_TRIES, RUN_LIFE, RunState
from tidegate.commons.runs.service import TASK, RunService
from tidegate.deid.errors import RecipeInvalidError
from tidegate.kernel.errors import UnavailableError
from tidegate.kernel.failpoint import arm, disarm
from tidegate.kernel.machine import IllegalMoveError

CONSOLE = Actor("system:console", "console", STEWARD.roles)


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture
def runs(commons):
    people = {"per_ada": STEWARD}

    def actor_of(who):
        if who not in people:
            raise PersonDisabledError("Nobody of that name may act here.")
        return people[who]

    ground = commons.ground
    service = RunService(
        ground.journal,
        ground.clock,
        ground.ids,
        deid=commons.deidentification._deid,
        deidentification=commons.deidentification,
        actor_of=actor_of,
    )
    service.people = people
    ground.handlers[TASK] = service.work
    yield service
    disarm()


def stage_of(commons, version):
    return commons.holdings.get_holding(version).stage


def objects_of(commons, version):
    return set(commons.vault.list(version))


def used_by(commons, version):
    return {one.path for one in commons.holdings.get_holding(version).objects()}


def test_a_run_is_promised_then_done_with_its_evidence(commons, runs):
    version = commons.classified()
    asked = runs.start(version, {"k": 8}, "prj_liver", by=STEWARD)

    assert [(TASK, {"run": asked.id})] == commons.ground.tasks()
    assert Stage.CLASSIFIED is stage_of(commons, version)
    assert RunState.WAITING is runs.find_latest(version).run.state

    commons.ground.run_tasks()

    done = runs.find_latest(version)
    assert (RunState.DONE, 100, 1) == (done.run.state, done.progress.done, done.progress.tries)
    assert Stage.DEIDENTIFIED is stage_of(commons, version)
    report = commons.deidentification.find_report(version)
    assert (8, STEWARD.id, "prj_liver") == (report.k_asked, report.author, report.project_id)
    assert ["version.deidentification_asked", "version.deidentified"] == commons.events()[-2:]
    assert used_by(commons, version) == objects_of(commons, version)


def test_the_recipe_that_is_run_is_the_one_that_was_asked_for(commons, runs):
    version = commons.classified()
    asked = {"k": 7, "suppression": "0.05", "threshold": "1/7"}
    digest = commons.deidentification.read_recipe(version, asked)
    runs.start(version, asked, "prj_liver", by=STEWARD)
    commons.ground.run_tasks()

    from tidegate.deid.recipes import recipe_digest

    assert recipe_digest(digest) == commons.deidentification.find_report(version).recipe_digest


def test_progress_only_grows_and_names_its_steps(commons, runs):
    version, seen = commons.classified(), []
    recipe = commons.deidentification.default_recipe(version)
    commons.deidentification.deidentify(
        version, recipe, "p", by=STEWARD, progress=lambda share, step: seen.append((share, step))
    )

    shares = [share for share, _ in seen]
    assert shares == sorted(shares)
    assert (0.0, "read") == seen[0]
    assert (1.0, "done") == seen[-1]
    assert {"read", "write", "verify"} <= {step for _, step in seen}


@pytest.mark.parametrize("place", ["deidentify.commit", "vault.intent.release"])
def test_a_run_killed_in_the_middle_is_done_after_the_restart(commons, runs, place):
    version = commons.classified()
    run = runs.start(version, {}, "prj_liver", by=STEWARD)

    def kill():
        raise Killed

    arm(place, kill)
    with pytest.raises(Killed):
        runs.work(run.id)
    disarm()
    is_written = place == "vault.intent.release"
    assert is_written is (Stage.DEIDENTIFIED is stage_of(commons, version))
    assert (RunState.DONE if is_written else RunState.WAITING) is runs.find_latest(
        version
    ).run.state

    commons.acquisition.recover()
    commons.ground.run_tasks()

    assert RunState.DONE is runs.find_latest(version).run.state
    assert 1 == commons.events().count("version.deidentified")
    assert used_by(commons, version) == objects_of(commons, version)


def test_a_table_that_ends_the_process_each_time_is_given_up(commons, runs):
    version = commons.classified()
    run = runs.start(version, {}, "prj_liver", by=STEWARD)

    def kill():
        raise Killed

    arm("deidentify.commit", kill)
    for _ in range(MOST_TRIES):
        with pytest.raises(Killed):
            runs.work(run.id)
    runs.work(run.id)

    view = runs.find_latest(version)
    assert (RunState.REFUSED, "run_interrupted") == (view.run.state, view.run.code)
    assert Stage.CLASSIFIED is stage_of(commons, version)


def test_what_cannot_be_reached_is_refused_in_words_and_leaves_nothing(commons, runs):
    version = commons.classified(30)
    before = objects_of(commons, version)
    runs.start(version, {"k": 31}, "prj_liver", by=STEWARD)
    commons.ground.run_tasks()

    run = runs.find_latest(version).run
    assert RunState.REFUSED is run.state
    assert "unreachable" == run.code
    assert run.problem
    assert Stage.CLASSIFIED is stage_of(commons, version)
    assert before == objects_of(commons, version)
    assert "version.deidentification_refused" == commons.events()[-1]
    assert RunState.WAITING is runs.start(version, {"k": 5}, "prj_liver", by=STEWARD).state


def test_a_refusal_after_the_tables_were_written_sweeps_them_away(commons, runs, monkeypatch):
    version = commons.classified()
    before = objects_of(commons, version)

    def refuse(*_all):
        raise NotReadyError("no", code="no")

    monkeypatch.setattr(commons.deidentification._deid, "recount", refuse)
    runs.start(version, {}, "prj_liver", by=STEWARD)
    commons.ground.run_tasks()

    assert "no" == runs.find_latest(version).run.code
    assert before == objects_of(commons, version)


def test_two_runs_of_a_version_never_wait_together(commons, runs):
    version = commons.classified()
    runs.start(version, {}, "prj_liver", by=STEWARD)

    with pytest.raises(RunChangedError):
        runs.start(version, {"k": 5}, "prj_liver", by=STEWARD)
    assert 1 == len(commons.ground.tasks())


def test_a_run_is_cancelled_before_and_in_the_middle(commons, runs):
    version = commons.classified()
    before = objects_of(commons, version)
    run = runs.start(version, {}, "prj_liver", by=STEWARD)
    runs.cancel(version, by=STEWARD)
    commons.ground.run_tasks()
    assert RunState.CANCELLED is runs.find_latest(version).run.state

    run = runs.start(version, {}, "prj_liver", by=STEWARD)
    arm("deidentify.commit", lambda: runs.cancel(version, by=STEWARD))
    runs.work(run.id)

    assert RunState.CANCELLED is runs.find_latest(version).run.state
    assert Stage.CLASSIFIED is stage_of(commons, version)
    assert before == objects_of(commons, version)
    assert "version.deidentified" not in commons.events()
    with pytest.raises(IllegalMoveError):
        runs.cancel(version, by=STEWARD)


def test_trouble_that_passes_leaves_the_run_waiting(commons, runs, monkeypatch):
    version = commons.classified()
    run = runs.start(version, {}, "prj_liver", by=STEWARD)

    def away(*_all):
        raise UnavailableError("The store is away.", code="store_away")

    with monkeypatch.context() as patch:
        patch.setattr(commons.deidentification._deid, "recount", away)
        with pytest.raises(UnavailableError):
            runs.work(run.id)
    assert RunState.WAITING is runs.find_latest(version).run.state
    commons.ground.run_tasks()
    assert (RunState.DONE, 2) == (
        runs.find_latest(version).run.state,
        runs.find_latest(version).progress.tries,
    )


def test_what_nobody_foresaw_ends_the_run_without_its_values(commons, runs, monkeypatch):
    version = commons.classified()
    run = runs.start(version, {}, "prj_liver", by=STEWARD)

    def fail(*_all):
        raise ValueError("P00001 Chan")

    monkeypatch.setattr(commons.deidentification._deid, "recount", fail)
    with pytest.raises(ValueError, match="Chan"):
        runs.work(run.id)
    ended = runs.find_latest(version).run
    assert (RunState.REFUSED, "unforeseen") == (ended.state, ended.code)
    assert "Chan" not in ended.problem


def test_somebody_who_was_sent_away_de_identifies_nothing(commons, runs):
    version = commons.classified()
    runs.start(version, {}, "prj_liver", by=STEWARD)
    runs.people.clear()
    commons.ground.run_tasks()

    assert RunState.REFUSED is runs.find_latest(version).run.state
    assert Stage.CLASSIFIED is stage_of(commons, version)


def test_who_may_not_and_what_cannot_is_refused_before_anything_is_promised(commons, runs):
    version = commons.classified()

    with pytest.raises(RoleMissingError):
        runs.start(version, {}, "prj_liver", by=RESEARCHER)
    with pytest.raises(SecondPersonError):
        runs.start(version, {}, "prj_liver", by=CONSOLE)
    with pytest.raises(RecipeInvalidError):
        runs.start(version, {"k": "many"}, "prj_liver", by=STEWARD)
    with pytest.raises(RunUnknownError):
        runs.cancel(version, by=STEWARD)
    assert runs.find_latest(version) is None
    assert [] == commons.ground.tasks()
    runs.work("run_unknown")


@pytest.mark.parametrize("state", RunState)
@pytest.mark.parametrize("action", ["finish", "refuse", "cancel"])
@pytest.mark.parametrize("by", ["node", "steward"])
def test_every_move_is_allowed_or_refused_by_the_table(state, action, by):
    allowed = {("finish", "node"): "done", ("refuse", "node"): "refused"}
    allowed[("cancel", "steward")] = "cancelled"
    if state is RunState.WAITING and (action, by) in allowed:
        assert allowed[(action, by)] == RUN_LIFE.step(state, action, by=by).target
        return
    with pytest.raises(IllegalMoveError):
        RUN_LIFE.step(state, action, by=by)
