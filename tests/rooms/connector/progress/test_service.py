"""The progress of negotiations between two nodes, told from the messages they really sent."""

import pytest
from sqlalchemy import delete

from lib.dsp_nodes import HOSPITAL, RESEARCHER, STEWARD, agreed, make_pair, pump
from tidegate.access.errors import RoleMissingError
from tidegate.audit.service import EvidenceService
from tidegate.audit.surroundings import Surroundings
from tidegate.connector.errors import PeerUnreachableError
from tidegate.connector.http.model import Answer
from tidegate.connector.messages.model import Direction
from tidegate.connector.negotiation.model import Negotiation
from tidegate.connector.negotiation.strategy import MANUAL, WAIT
from tidegate.connector.progress.errors import NothingWaitsError
from tidegate.connector.progress.model import Trouble
from tidegate.connector.progress.rules import course, process_of
from tidegate.connector.progress.service import ProgressService, Rooms
from tidegate.db.tables.connector import connector_negotiation, connector_transfer
from tidegate.work.service import WorkService

ALONE = Surroundings(lambda _did: None, tuple, bytes, tuple)


@pytest.fixture
def pair(tmp_path):
    hospital, faculty = make_pair(tmp_path)
    yield hospital, faculty
    hospital.ground.close()
    faculty.ground.close()


def progress_of(node, misses=lambda _pid: 0):
    ground = node.ground
    return ProgressService(
        ground.journal,
        ground.clock,
        work=WorkService(ground.journal, ground.clock),
        evidence=EvidenceService(ground.journal, ground.clock, ground.keys, ground.did, ALONE),
        wire=node.wire,
        credentials=node.identity,
        rooms=Rooms(
            listed=lambda: (*node.negotiation.list_open(), *node.transfer.list_open()),
            forget=lambda one, words: (
                node.negotiation if isinstance(one, Negotiation) else node.transfer
            ).end_forgotten(one, words),
            misses=misses,
            asked_since=lambda _agreement: "",
        ),
    )


def ask(hospital, faculty):
    offer = hospital.publish()
    faculty.knows(hospital, offer)
    return faculty.negotiation.request(HOSPITAL, offer.dataset_id, by=RESEARCHER).pid


def steps(moments):
    return [
        (one.message.direction.value, one.message.action, one.ours, one.theirs)
        for one in moments
        if one.message
    ]


def test_the_timeline_tells_every_message_with_the_states_of_both_sides(pair):
    hospital, faculty = pair
    agreement = agreed(hospital, faculty)
    one = faculty.negotiation.find_by_agreement(agreement)

    told = progress_of(faculty).timeline(one)

    assert [
        ("out", "request", "REQUESTED", "REQUESTED"),
        ("in", "agree", "AGREED", "AGREED"),
        ("out", "verify", "VERIFIED", "VERIFIED"),
        ("in", "finalize", "FINALIZED", "FINALIZED"),
    ] == steps(told)


def test_both_sides_tell_the_same_messages_from_their_own_side(pair):
    hospital, faculty = pair
    agreement = agreed(hospital, faculty)

    ours, theirs = (
        steps(progress_of(node).timeline(node.negotiation.find_by_agreement(agreement)))
        for node in pair
    )

    assert [one[1:] for one in ours] == [one[1:] for one in theirs]
    assert all(a[0] != b[0] for a, b in zip(ours, theirs, strict=True))


def test_every_message_names_the_leaf_that_proves_it(pair):
    hospital, faculty = pair
    one = faculty.negotiation.find_by_agreement(agreed(hospital, faculty))
    evidence = EvidenceService(
        faculty.ground.journal, faculty.ground.clock, faculty.ground.keys, faculty.did, ALONE
    )

    for moment in progress_of(faculty).timeline(one):
        leaf = evidence.get_leaf(moment.leaf.position)
        assert moment.leaf.hash == leaf.hash
        if moment.message:
            assert moment.message.message_id == leaf.entry.why["message"]


def test_what_a_person_did_here_stands_between_the_messages(pair):
    hospital, faculty = pair
    hospital.negotiation.set_strategy("offer_1", MANUAL, by=STEWARD)
    ask(hospital, faculty)
    pump(*pair)
    one = hospital.negotiation.list_open()[0]
    hospital.negotiation.approve(one.pid, by=STEWARD)
    pump(*pair)

    told = progress_of(hospital).timeline(hospital.negotiation.get(one.pid))

    alone = [moment.leaf.event for moment in told if moment.message is None]
    assert ["negotiation.waiting", "negotiation.decided"] == alone[:2]


def test_every_failed_try_is_kept_with_its_reason(pair):
    hospital, faculty = pair
    hospital.network.down.add(hospital.base)
    pid = ask(hospital, faculty)
    pump(*pair, seconds=2)

    (moment,) = [m for m in progress_of(faculty).timeline(faculty.negotiation.get(pid)) if m.tries]

    assert [1, 2, 3] == [one.number for one in moment.tries]
    assert {"no_answer"} == {one.code for one in moment.tries}
    assert moment.tries[0].at < moment.tries[1].at
    assert ("INITIAL", "") == (moment.ours, moment.theirs)


def test_a_message_that_is_not_acknowledged_is_stuck_and_retry_sends_it_now(pair):
    hospital, faculty = pair
    hospital.network.down.add(hospital.base)
    pid = ask(hospital, faculty)
    pump(*pair, seconds=30)
    progress = progress_of(faculty)
    (obstacle,) = progress.standing(faculty.negotiation.get(pid)).obstacles
    assert (Trouble.FAILING, True) == (obstacle.trouble, obstacle.next_try_at > "")

    hospital.network.down.clear()
    progress.retry_now(faculty.negotiation.get(pid), by=STEWARD)
    pump(*pair)

    assert "FINALIZED" == faculty.negotiation.get(pid).state
    assert () == progress.list_stuck()


def test_nothing_is_sent_again_where_nothing_waits(pair):
    hospital, faculty = pair
    one = faculty.negotiation.find_by_agreement(agreed(hospital, faculty))

    with pytest.raises(NothingWaitsError):
        progress_of(faculty).retry_now(one, by=STEWARD)


def test_a_researcher_cannot_hurry_a_message(pair):
    pid = ask(*pair)

    with pytest.raises(RoleMissingError):
        progress_of(pair[1]).retry_now(pair[1].negotiation.get(pid), by=RESEARCHER)


def test_the_stuck_are_listed_on_both_sides_oldest_first(pair):
    hospital, faculty = pair
    hospital.negotiation.set_strategy("offer_1", WAIT, by=STEWARD)
    ask(hospital, faculty)
    pump(*pair)
    for node in pair:
        node.ground.clock.advance(minutes=11)

    assert [Trouble.HELD] == [
        one.obstacles[0].trouble for one in progress_of(hospital).list_stuck()
    ]
    assert [Trouble.SILENT] == [
        one.obstacles[0].trouble for one in progress_of(faculty).list_stuck()
    ]


def test_the_peer_is_asked_how_the_process_stands_there(pair):
    hospital, faculty = pair
    hospital.negotiation.set_strategy("offer_1", WAIT, by=STEWARD)
    pid = ask(hospital, faculty)
    pump(*pair)

    said = progress_of(faculty).ask_peer(faculty.negotiation.get(pid), by=STEWARD)

    assert ("REQUESTED", True) == (said.state, said.agrees)


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        (Answer(200, {}, {"state": "TERMINATED"}), "TERMINATED", ""),
        (Answer(404, {}, {"reason": ["Unknown here."]}), "", "Unknown here."),
        (Answer(500, {}, None), "", "HTTP 500"),
    ],
)
def test_a_peer_that_sees_it_otherwise_is_told_as_it_answers(pair, answer, state, words):
    hospital, faculty = pair
    hospital.negotiation.set_strategy("offer_1", WAIT, by=STEWARD)
    pid = ask(hospital, faculty)
    pump(*pair)
    hospital.network.answers_instead.append(answer)

    said = progress_of(faculty).ask_peer(faculty.negotiation.get(pid), by=STEWARD)

    assert (state, words, False) == (said.state, said.words, said.agrees)


@pytest.mark.parametrize(
    ("body", "is_forgotten"),
    [
        ({"@type": "ContractNegotiationError", "code": "404"}, True),
        ({"@type": "dspace:TransferError"}, True),
        ({"@type": ["TransferError"]}, False),
        ({"reason": ["Unknown here."]}, False),
        ({"@type": "CatalogError"}, False),
        (None, False),
    ],
)
def test_only_the_protocol_s_own_word_says_that_a_process_is_forgotten(pair, body, is_forgotten):
    """A server that starts answers a bare 404 where the connector will be."""
    hospital, faculty = pair
    hospital.negotiation.set_strategy("offer_1", WAIT, by=STEWARD)
    pid = ask(hospital, faculty)
    pump(*pair)
    hospital.network.answers_instead.append(Answer(404, {}, body))

    said = progress_of(faculty).ask_peer(faculty.negotiation.get(pid), by=STEWARD)

    assert is_forgotten is said.is_forgotten


def test_a_peer_that_is_down_or_has_no_pid_cannot_be_asked(pair):
    hospital, faculty = pair
    hospital.network.down.add(hospital.base)
    pid = ask(hospital, faculty)

    with pytest.raises(NothingWaitsError):
        progress_of(faculty).ask_peer(faculty.negotiation.get(pid), by=STEWARD)

    hospital.network.down.clear()
    hospital.negotiation.set_strategy("offer_1", WAIT, by=STEWARD)
    pump(*pair, seconds=5)
    hospital.network.down.add(hospital.base)
    with pytest.raises(PeerUnreachableError):
        progress_of(faculty).ask_peer(faculty.negotiation.get(pid), by=STEWARD)


def test_a_refused_message_leaves_both_sides_where_they_were(pair):
    hospital, faculty = pair
    one = faculty.negotiation.find_by_agreement(agreed(hospital, faculty))
    with pytest.raises(Exception, match="FINALIZED"):
        faculty.negotiation.terminate(one.pid, "too late", by=STEWARD)

    told = progress_of(faculty).timeline(one)

    assert Direction.IN is told[-1].message.direction
    assert ("FINALIZED", "FINALIZED") == (told[-1].ours, told[-1].theirs)


def test_the_course_of_a_side_is_where_it_was_and_the_shortest_way_ahead(pair):
    hospital, faculty = pair
    hospital.negotiation.set_strategy("offer_1", WAIT, by=STEWARD)
    pid = ask(hospital, faculty)
    pump(*pair)
    one = faculty.negotiation.get(pid)

    stops = course(process_of(one), progress_of(faculty).timeline(one))

    assert [
        ("REQUESTED", False, True), ("AGREED", False, False), ("VERIFIED", False, False),
        ("FINALIZED", False, False),
    ] == [(stop.state, stop.is_done, stop.is_here) for stop in stops]  # fmt: skip


def test_the_course_of_a_finished_side_has_nothing_ahead(pair):
    hospital, faculty = pair
    one = faculty.negotiation.find_by_agreement(agreed(hospital, faculty))

    stops = course(process_of(one), progress_of(faculty).timeline(one), theirs=True)

    assert ["REQUESTED", "AGREED", "VERIFIED", "FINALIZED"] == [stop.state for stop in stops]
    assert stops[-1].is_here


def test_a_peer_that_never_answered_is_still_at_the_beginning(pair):
    hospital, faculty = pair
    hospital.network.down.add(hospital.base)
    pid = ask(hospital, faculty)
    pump(*pair, seconds=1)
    one = faculty.negotiation.get(pid)

    assert "INITIAL" == course(process_of(one), progress_of(faculty).timeline(one), theirs=True)[
        0].state  # fmt: skip


def forget_everything(node):
    with node.ground.journal.write(by="test", did="negotiation.decided", to="negotiation:x") as tx:
        tx.connection.execute(delete(connector_negotiation))


def test_a_negotiation_its_peer_forgot_ends_with_that_reason(pair):
    hospital, faculty = pair
    pid = wait_at_the_provider(hospital, faculty)
    forget_everything(hospital)
    faculty.ground.clock.advance(seconds=61)

    assert progress_of(faculty).inquire() == 1

    one = faculty.negotiation.get(pid)
    assert (one.state.value, one.reason_code) == ("TERMINATED", "forgotten_by_peer")
    assert "no longer knows" in one.reason
    assert progress_of(faculty).inquire() == 0


def test_a_silent_peer_that_still_knows_is_left_alone_and_so_is_one_out_of_reach(pair):
    hospital, faculty = pair
    pid = wait_at_the_provider(hospital, faculty)
    faculty.ground.clock.advance(seconds=61)

    assert progress_of(faculty).inquire() == 0
    hospital.network.down.add(hospital.base)
    assert progress_of(faculty).inquire() == 0
    assert faculty.negotiation.get(pid).state.value == "REQUESTED"


def test_a_peer_is_not_asked_before_its_time_nor_when_it_is_our_turn(pair):
    hospital, faculty = pair
    pid = wait_at_the_provider(hospital, faculty)
    forget_everything(hospital)

    assert progress_of(faculty).inquire() == 0
    assert progress_of(hospital).inquire(0) == 0
    assert faculty.negotiation.get(pid).state.value == "REQUESTED"


@pytest.mark.parametrize(("misses", "state"), [(2, "STARTED"), (3, "TERMINATED")])
def test_a_running_transfer_whose_rows_do_not_come_ends_where_its_peer_forgot_it(
    pair, misses, state
):
    hospital, faculty = pair
    pid = started(hospital, faculty)
    with hospital.ground.journal.write(by="test", did="transfer.terminated", to="transfer:x") as tx:
        tx.connection.execute(delete(connector_transfer))

    ended = progress_of(faculty, {pid: misses}.__getitem__).inquire()

    one = faculty.transfer.get(pid)
    assert (ended, one.state.value) == (int(state == "TERMINATED"), state)
    assert one.reason_code == ("forgotten_by_peer" if ended else "")


def test_a_running_transfer_its_peer_still_knows_goes_on_however_slow_it_is(pair):
    hospital, faculty = pair
    pid = started(hospital, faculty)

    assert progress_of(faculty, lambda _pid: 9).inquire() == 0
    hospital.network.down.add(hospital.base)
    assert progress_of(faculty, lambda _pid: 9).inquire() == 0
    assert faculty.transfer.get(pid).state.value == "STARTED"


def started(hospital, faculty):
    pid = faculty.transfer.request_visit(agreed(hospital, faculty), by=RESEARCHER).pid
    pump(hospital, faculty)
    assert faculty.transfer.get(pid).state.value == "STARTED"
    return pid


def wait_at_the_provider(hospital, faculty):
    offer = hospital.publish()
    hospital.negotiation.set_strategy(offer.id, WAIT, by=STEWARD)
    faculty.knows(hospital, offer)
    pid = faculty.negotiation.request(
        HOSPITAL, offer.dataset_id, by=RESEARCHER, accepts=("record-use",)
    ).pid
    pump(hospital, faculty)
    return pid
