"""Promised tasks run in order within a lane, are retried, and are parked with their reason."""

import threading

import pytest

from lib.ground import make_ground
from tidegate.access.model import Actor, Role
from tidegate.connector.errors import MessageDeclinedError
from tidegate.kernel.errors import ForbiddenError, UnavailableError
from tidegate.work.errors import TaskNotFoundError
from tidegate.work.model import Periodic, delay_before, is_worth_retrying
from tidegate.work.runner import PER_PARTY, WINDOW, Runner, describe
from tidegate.work.service import WorkService

OPERATOR = Actor("person:per_1", "Operator", frozenset({Role.OPERATOR}))


@pytest.fixture
def ground(tmp_path):
    made = make_ground(tmp_path)
    yield made
    made.close()


class Handlers:
    """Records what ran, and lets the test wait for it."""

    def __init__(self, wanted):
        self.ran = []
        self.wanted = wanted
        self.done = threading.Event()
        self.fail_with = None

    def __call__(self, **payload):
        self.ran.append(payload["n"])
        if len(self.ran) >= self.wanted:
            self.done.set()
        if self.fail_with is not None:
            raise self.fail_with


def promise(ground, count, lane=""):
    with ground.journal.upkeep() as tx:
        for n in range(count):
            tx.enqueue("test.do", lane=lane, n=str(n))


def run(ground, handlers, periodics=()):
    runner = Runner(ground.journal, ground.clock, {"test.do": handlers}, periodics)
    ground.journal.on_tasks = runner.wake
    runner.start()
    try:
        assert handlers.done.wait(30)
    finally:
        runner.stop()


def test_tasks_of_a_lane_run_in_the_order_they_were_promised(ground):
    handlers = Handlers(wanted=20)
    promise(ground, 20, lane="one")

    run(ground, handlers)

    assert [str(n) for n in range(20)] == handlers.ran
    assert ground.tasks() == []


def test_tasks_without_a_lane_all_run(ground):
    handlers = Handlers(wanted=20)
    promise(ground, 20)

    run(ground, handlers)

    assert {str(n) for n in range(20)} == set(handlers.ran)


def test_a_refused_task_is_parked_with_its_words(ground):
    handlers = Handlers(wanted=1)
    handlers.fail_with = ForbiddenError("The peer was revoked.", code="revoked")
    promise(ground, 1)

    run(ground, handlers)

    (parked,) = WorkService(ground.journal, ground.clock).list_parked(by=OPERATOR)
    assert (
        parked.problem_code,
        parked.problem,
        parked.attempts,
    ) == ("revoked", "The peer was revoked.", 1)


def test_trouble_that_passes_is_tried_again_later(ground):
    handlers = Handlers(wanted=1)
    handlers.fail_with = UnavailableError("The peer does not answer.")
    promise(ground, 1)

    run(ground, handlers)

    assert ground.tasks() == [("test.do", {"n": "0"})]
    assert WorkService(ground.journal, ground.clock).count_tasks() == {"waiting": 1, "parked": 0}


def test_a_parked_task_can_be_retried_and_leaves_evidence(ground):
    handlers = Handlers(wanted=1)
    handlers.fail_with = ForbiddenError("No.")
    promise(ground, 1)
    run(ground, handlers)
    work = WorkService(ground.journal, ground.clock)

    work.retry(work.list_parked(by=OPERATOR)[0].seq, by=OPERATOR)

    assert work.count_tasks() == {"waiting": 1, "parked": 0}


def test_a_parked_task_can_be_discarded(ground):
    handlers = Handlers(wanted=1)
    handlers.fail_with = ForbiddenError("No.")
    promise(ground, 1)
    run(ground, handlers)
    work = WorkService(ground.journal, ground.clock)

    work.discard(work.list_parked(by=OPERATOR)[0].seq, "the peer left", by=OPERATOR)

    assert work.count_tasks() == {"waiting": 0, "parked": 0}


def test_a_task_without_a_handler_is_parked(ground):
    with ground.journal.upkeep() as tx:
        tx.enqueue("test.unknown")
        tx.enqueue("test.do", n="0")

    run(ground, Handlers(wanted=1))

    (parked,) = WorkService(ground.journal, ground.clock).list_parked(by=OPERATOR)
    assert parked.problem_code == "handler_unknown"


def test_periodic_jobs_run_again_and_again_even_after_a_failure(ground):
    ran = Handlers(wanted=3)

    def job():
        ran(n="x")
        raise ValueError

    run(ground, ran, [Periodic("often", 0.01, job)])

    assert len(ran.ran) >= 3


def test_delays_double_up_to_five_minutes():
    assert [delay_before(n) for n in range(3)] == [0.3, 0.6, 1.2]
    assert delay_before(30) == 300.0


def test_only_trouble_that_may_pass_is_worth_retrying():
    assert is_worth_retrying(UnavailableError("…"), 1)
    assert is_worth_retrying(ValueError(), 1)
    assert not is_worth_retrying(UnavailableError("…"), 14)
    assert not is_worth_retrying(ForbiddenError("…"), 1)


def test_an_unforeseen_failure_shows_its_kind_only():
    code, words = describe(ValueError("A123456(7) is not a number"))

    assert code == "unforeseen"
    assert "A123456" not in words


@pytest.mark.parametrize("number", [0, 2**63 - 1, 2**63, 10**30])
def test_a_task_no_database_can_count_to_is_unknown(ground, number):
    work = WorkService(ground.journal, ground.clock)
    with pytest.raises(TaskNotFoundError):
        work.retry(number, by=OPERATOR)
    with pytest.raises(TaskNotFoundError):
        work.discard(number, "never was", by=OPERATOR)


class Hanging:
    """Calls of one party hang until they are let go; others are noted."""

    def __init__(self, wanted: int) -> None:
        self.let_go, self.others = threading.Event(), Handlers(wanted)
        self.hanging: list[str] = []
        self.full = threading.Event()

    def __call__(self, party: str, n: str) -> None:
        if party == "slow":
            self.hanging.append(n)
            if len(self.hanging) >= PER_PARTY:
                self.full.set()
            self.let_go.wait(60)
        else:
            self.others(n=n)


def test_a_party_that_hangs_leaves_hands_for_the_others(ground):
    hanging = Hanging(wanted=8)
    with ground.journal.upkeep() as tx:
        for n in range(40):
            tx.enqueue("test.do", lane=f"urn:{n}", party="did:web:slow", n=str(n))
        for n in range(8):
            tx.enqueue("test.other", lane=f"urn:x{n}", party="did:web:quick", n=str(n))
    handlers = {
        "test.do": lambda n: hanging("slow", n),
        "test.other": lambda n: hanging("quick", n),
    }
    runner = Runner(ground.journal, ground.clock, handlers)
    runner.start()
    try:
        assert hanging.others.done.wait(30)
        assert hanging.full.wait(30)
        assert PER_PARTY == len(hanging.hanging)
    finally:
        hanging.let_go.set()
        runner.stop()


def test_what_waits_for_later_hides_nothing_that_is_due(ground):
    handlers = Handlers(wanted=1)
    with ground.journal.upkeep() as tx:
        for n in range(WINDOW + 5):
            tx.enqueue("test.do", lane="away", delay=3600.0, n=f"late {n}")
        tx.enqueue("test.do", lane="here", n="now")

    run(ground, handlers)

    assert ["now"] == handlers.ran


def test_a_later_task_of_a_lane_waits_for_the_earlier_one_that_is_not_due(ground):
    handlers = Handlers(wanted=1)
    with ground.journal.upkeep() as tx:
        tx.enqueue("test.do", lane="one", delay=3600.0, n="first")
        tx.enqueue("test.do", lane="one", n="second")
        tx.enqueue("test.do", n="other")

    run(ground, handlers)

    assert ["other"] == handlers.ran


def test_a_lane_goes_on_at_once_when_what_it_waited_for_is_there(ground):
    work, handlers = WorkService(ground.journal, ground.clock), Handlers(wanted=3)
    handlers.fail_with = ForbiddenError("Away.", code="peer_unreachable")
    promise(ground, 3, lane="one")
    run(ground, handlers)
    with ground.journal.upkeep() as tx:
        tx.enqueue("test.do", lane="one", delay=3600.0, n="late")

    assert 0 == work.revive("two", {"peer_unreachable"})
    assert 1 == work.revive("one", {"revoked"})
    assert 3 == work.revive("one", {"peer_unreachable"})

    assert {"waiting": 4, "parked": 0} == work.count_tasks()


def test_a_refusal_that_may_pass_is_tried_as_often_as_it_says():
    refusal = MessageDeclinedError("Not a member yet.")

    assert is_worth_retrying(refusal, 5)
    assert not is_worth_retrying(refusal, 6)


def test_a_task_that_ended_while_the_list_was_read_does_not_run_again(ground):
    ran = Handlers(wanted=60)
    promise(ground, 30, lane="one")
    promise(ground, 30)
    read = ground.journal.read

    def slow_read(fn, *args):
        found = read(fn, *args)
        threading.Event().wait(0.01)  # long enough for what runs to end meanwhile
        return found

    ground.journal.read = slow_read
    runner = Runner(ground.journal, ground.clock, {"test.do": ran})
    runner.start()
    try:
        assert ran.done.wait(30)
    finally:
        runner.stop()

    assert [str(n) for n in range(30) for _ in range(2)] == sorted(ran.ran, key=int)
