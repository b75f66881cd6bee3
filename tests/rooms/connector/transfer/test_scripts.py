"""Transfer scripts: a table of acts, followed by either side, saved with the agreement."""

import pytest

from lib.dsp_nodes import HOSPITAL, RESEARCHER, STEWARD, agreed, make_pair, pump
from tidegate.access.errors import RoleMissingError
from tidegate.connector.dataplane.model import HTTP_PULL
from tidegate.connector.transfer.errors import ScriptInvalidError
from tidegate.connector.transfer.model import ScriptAct, ScriptStep, TransferScript
from tidegate.connector.transfer.script import PRESETS, check_script
from tidegate.kernel.machine import IllegalMoveError

WAIT = TransferScript("wait")


def script(*acts, **options):
    return TransferScript("test", tuple(ScriptStep(ScriptAct(act), **options) for act in acts))


@pytest.fixture
def pair(tmp_path):
    hospital, faculty = make_pair(tmp_path)
    yield hospital, faculty
    hospital.ground.close()
    faculty.ground.close()


def run(pair, *, provider=None, consumer=None, seconds=5.0):
    """Run a transfer under these scripts; return (provider's, consumer's) pid."""
    hospital, faculty = pair
    agreement = agreed(hospital, faculty)
    if provider is not None:
        hospital.transfer.set_script(agreement, provider, by=STEWARD)
    if consumer is not None:
        faculty.transfer.set_script(agreement, consumer, by=STEWARD)
    one = faculty.transfer.request_rows(agreement, HTTP_PULL, by=RESEARCHER)
    pump(*pair, seconds=seconds)
    return hospital.transfer.list_transfers()[0].pid, one.pid


def states(pair, pids):
    return [node.transfer.get(pid).state.value for node, pid in zip(pair, pids, strict=True)]


def acts(pair, pid):
    """Return what both sides said, in order, as the consumer keeps it."""
    return [one.action for one in pair[1].transfer.list_messages(pid)]


@pytest.mark.parametrize(
    ("name", "steps", "state"),
    [
        ("TP:01-01", ("start", "terminate"), "TERMINATED"),
        ("TP:01-02", ("start", "complete"), "COMPLETED"),
        ("TP:01-03", ("start", "suspend", "terminate"), "TERMINATED"),
        ("TP:01-04", ("start", "suspend", "resume", "complete"), "COMPLETED"),
        ("TP:01-05", ("terminate",), "TERMINATED"),
        ("TP:02-01", ("start",), "STARTED"),
        ("TP:02-05", (), "REQUESTED"),
    ],
)
def test_a_provider_follows_its_script(pair, name, steps, state):
    pids = run(pair, provider=script(*steps, after_ms=200))

    said = ["start" if act == "resume" else act for act in steps]
    assert acts(pair, pids[1]) == ["request", *said]
    assert states(pair, pids) == [state, state]


@pytest.mark.parametrize(
    ("name", "consumer", "said", "state"),
    [
        ("TP_C:02-01", script("terminate", on="STARTED"), ["terminate"], "TERMINATED"),
        ("TP_C:02-02", script("complete"), ["complete"], "COMPLETED"),
        ("TP_C:02-03", script("suspend", "terminate"), ["suspend", "terminate"], "TERMINATED"),
        ("TP_C:02-04", script("suspend", "resume"), ["suspend", "start"], "STARTED"),
    ],
)
def test_a_consumer_follows_its_script(pair, name, consumer, said, state):
    pids = run(pair, consumer=consumer)

    assert acts(pair, pids[1]) == ["request", "start", *said]
    assert states(pair, pids) == [state, state]


def test_tp_c_02_05_a_consumer_terminates_what_it_only_asked_for(pair):
    pids = run(pair, provider=WAIT, consumer=script("terminate"))

    assert acts(pair, pids[1]) == ["request", "terminate"]
    assert states(pair, pids) == ["TERMINATED", "TERMINATED"]


def test_a_pause_is_kept_before_each_act(pair):
    pids = run(pair, provider=script("start", "complete", after_ms=60_000), seconds=70)
    assert states(pair, pids) == ["STARTED", "STARTED"]

    pump(*pair, seconds=70)
    assert states(pair, pids) == ["COMPLETED", "COMPLETED"]


def test_a_datasets_script_holds_where_its_agreement_has_none(pair):
    pair[0].transfer.set_script("ds_1", PRESETS["once"], by=STEWARD)

    assert states(pair, run(pair)) == ["COMPLETED", "COMPLETED"]


@pytest.mark.parametrize(
    ("whose", "state"),
    [("", "STARTED"), ("did:web:other#", "STARTED"), (HOSPITAL + "#", "TERMINATED")],
)
def test_a_consumers_script_is_for_the_dataset_of_one_peer(pair, whose, state):
    pair[1].transfer.set_script(f"{whose}ds_1", script("terminate"), by=STEWARD)

    assert [state, state] == states(pair, run(pair))


def test_the_script_goes_on_after_a_kill(pair):
    hospital = pair[0]
    pids = run(pair, provider=script("start", "complete", after_ms=60_000), seconds=70)
    hospital.restart()
    pump(*pair, seconds=70)

    assert states(pair, pids) == ["COMPLETED", "COMPLETED"]


def test_a_script_never_passes_the_crossing(pair):
    hospital, faculty = pair
    hospital.crossing.refusal = "No row leaves this house."

    pids = run(pair, provider=script("start", "complete"))

    assert states(pair, pids) == ["TERMINATED", "TERMINATED"]
    assert faculty.transfer.get(pids[1]).reason == "No row leaves this house."


def follow(pair):
    """Start a transfer whose script holds it a minute later, and lets it go on after another."""
    return run(pair, provider=script("start", "suspend", "resume", after_ms=60_000), seconds=70)


def test_a_script_never_lets_go_on_what_a_person_held(pair):
    hospital = pair[0]
    pids = follow(pair)
    hospital.transfer.suspend(pids[0], "Look at this first.", by=STEWARD)
    pump(*pair, seconds=600)
    assert states(pair, pids) == ["SUSPENDED", "SUSPENDED"]

    hospital.transfer.resume(pids[0], by=STEWARD)
    pump(*pair)

    assert states(pair, pids) == ["STARTED", "STARTED"]
    assert acts(pair, pids[1]) == ["request", "start", "suspend", "start"]


def test_a_person_takes_over_what_the_script_holds_without_another_message(pair):
    hospital = pair[0]
    pids = follow(pair)
    pump(*pair, seconds=70)
    assert states(pair, pids) == ["SUSPENDED", "SUSPENDED"]

    taken = hospital.transfer.suspend(pids[0], "Look at this first.", by=STEWARD)
    pump(*pair, seconds=600)

    assert taken.held_by == STEWARD.id
    assert states(pair, pids) == ["SUSPENDED", "SUSPENDED"]
    assert acts(pair, pids[1]) == ["request", "start", "suspend"]
    with pytest.raises(IllegalMoveError):
        hospital.transfer.suspend(pids[0], "Twice.", by=STEWARD)


@pytest.mark.parametrize("seconds", [0, 70])
def test_what_a_suspended_agreement_holds_waits_for_the_agreement_not_the_script(pair, seconds):
    hospital = pair[0]
    pids = follow(pair)
    agreement = hospital.transfer.get(pids[0]).agreement_id
    pump(*pair, seconds=seconds)
    hospital.policy.suspend_agreement(agreement, "Under review.", by=STEWARD)
    hospital.transfer.on_agreement_suspended(agreement)
    pump(*pair, seconds=600)
    assert states(pair, pids) == ["SUSPENDED", "SUSPENDED"]

    hospital.policy.resume_agreement(agreement, "Reviewed.", by=STEWARD)
    hospital.transfer.on_agreement_resumed(agreement)
    pump(*pair)

    assert states(pair, pids) == ["STARTED", "STARTED"]


def test_a_script_never_lets_go_on_what_the_peer_held(pair):
    faculty = pair[1]
    pids = follow(pair)
    faculty.transfer.suspend(pids[1], "Lunch.", by=RESEARCHER)
    pump(*pair, seconds=600)

    assert states(pair, pids) == ["SUSPENDED", "SUSPENDED"]


def test_only_stewards_and_operators_set_scripts_and_reading_gives_the_usual_one(pair):
    service = pair[0].transfer
    with pytest.raises(RoleMissingError):
        service.set_script("agr_1", WAIT, by=RESEARCHER)
    assert service.get_script("agr_1").name == "automatic"
    service.set_script("agr_1", WAIT, by=STEWARD)
    assert service.get_script("agr_1") == WAIT


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (script("start", after_ms=-1), "pause of step 1"),
        (script("start", on="COMPLETED"), "can follow REQUESTED only"),
        (script("terminate", "start"), "Nothing can follow"),
        (TransferScript("", ()), "has a name"),
        (script(*["suspend"] * 33), "at most 32 steps"),
    ],
)
def test_a_script_that_could_not_be_followed_is_refused(broken, words):
    with pytest.raises(ScriptInvalidError, match=words):
        check_script(broken)
