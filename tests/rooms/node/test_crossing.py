"""The crossing of rows: words of the agreement first, then version, gate, policy and law."""

from dataclasses import replace

import pytest

from lib.dsp_nodes import FACULTY, HOSPITAL, STEWARD
from lib.ground import make_ground
from tidegate.access.model import Actor, Role, Seat
from tidegate.catalogue.model import Codebook, Column, Table, VersionRecord
from tidegate.commons.errors import NotReadyError
from tidegate.connector.approvals.errors import ApprovalPendingError
from tidegate.connector.approvals.service import ApprovalService
from tidegate.connector.assessment.model import Mode
from tidegate.kernel.text import Multilingual
from tidegate.node.crossing import RowsCrossing
from tidegate.partners.errors import GateClosedError
from tidegate.partners.model import GateFacts, GateQuestion, PersonAssertion
from tidegate.policy.errors import UseWithheldError
from tidegate.policy.model import Agreement, AgreementState, Decision, Finding, Outcome
from tidegate.policy.service import PolicyService, research_policy

FREE = research_policy(purposes=("DUO:0000042",), compute="", minimum_cell=0, max_uses=1)
ADA = PersonAssertion(f"{FACULTY}#per_ada", "Ada", FACULTY, (), "project_1")


class Gate:
    refusal = ""
    named = (f"{FACULTY}#per_ada", f"{FACULTY}#per_ben")

    def __init__(self):
        self.admitted, self.asked = [], []

    def admit(self, agreement, assertion):
        self.admitted.append(assertion.person_ref)
        return "permit_1"

    def check(self, agreement, person_ref, *, project_id=""):
        self.asked.append((person_ref, project_id))
        if self.refusal:
            raise GateClosedError(self.refusal, code="permit_ended")
        question = GateQuestion(HOSPITAL, FACULTY, "ds_1", ("DUO:0000042",), person_ref)
        return GateFacts(question, "", "pa", "pr", "DUO:0000042", "permit_1", self.named, (), {})


class Law:
    outcome = Outcome.ALLOW

    def __init__(self):
        self.ways, self.people = [], []

    def assess_query(self, agreement, person_ref, gate, *, by, to="", way=None):
        self.ways.append((to, way))
        self.people.append(person_ref)
        rule = Finding("XB-07", self.outcome, Multilingual("A filed contract"), "s", "mech.filed")
        findings = () if self.outcome is Outcome.ALLOW else (rule,)
        return Decision(self.outcome, findings, "p", "i", "rcp_1")


class Versions:
    def get_version(self, version_id):
        columns = (Column("age", "integer"), Column("sex", "string"))
        return VersionRecord(
            version_id, "ds_1", 1, "stored", "", codebook=Codebook((Table("people", 9, columns),))
        )


class World:
    def __init__(self, ground, policy=FREE):
        self.policy = PolicyService(ground.journal, ground.clock, self_did=HOSPITAL)
        self.gate, self.law, self.closed = Gate(), Law(), None
        self.approvals = ApprovalService(
            ground.journal,
            ground.ids,
            agreements=self.policy,
            standing=lambda _did: (Seat.HK.value, "p"),
        )
        self.crossing = RowsCrossing(
            self.policy,
            self.gate,
            self.law,
            Versions(),
            self.check_leaves,
            lambda did: Seat.HK,
            self.approvals,
        )
        with ground.journal.write(by="system:t", did="agreement.signed", to="x:y") as tx:
            self.agreement = self.policy.record_agreement(
                tx,
                Agreement(
                    "agr_1", "provider", "ds_1", "ver_1", HOSPITAL, FACULTY, policy, "offer_1",
                    "2026-03-01T00:00:00.000Z",
                ),
            )  # fmt: skip

    def check_leaves(self, version_id):
        if self.closed:
            raise self.closed


@pytest.fixture
def ground(tmp_path):
    made = make_ground(tmp_path / "node", HOSPITAL)
    yield made
    made.close()


def test_rows_cross_as_a_row_transfer_of_every_column(ground):
    world = World(ground)

    assert world.crossing.let_out(world.agreement, ADA, "urn:1") == "permit_1"
    ((to, way),) = world.law.ways
    assert to == "transfer:urn:1"
    assert (way.mode, way.rows_visible) == (Mode.ROW_TRANSFER, True)
    assert way.columns == ("people.age", "people.sex")
    assert world.gate.admitted == [ADA.person_ref]


def test_the_end_of_the_agreement_is_said_before_what_closed_with_it(ground):
    world = World(ground)
    world.closed = NotReadyError("The version is archived.", code="not_readable")
    ended = replace(world.agreement, state=AgreementState.ENDED, ended_reason="It is over.")

    with pytest.raises(UseWithheldError, match="ended: It is over") as caught:
        world.crossing.let_out(ended, ADA, "urn:1")

    assert caught.value.code == "agreement_ended"
    assert world.gate.admitted == []


def test_a_connector_that_names_nobody_is_judged_for_all_the_permit_names(ground):
    world = World(ground)
    world.crossing.let_out(world.agreement, None, "urn:1")

    assert world.gate.asked == [("", "")]
    assert world.gate.admitted == []
    assert world.law.people == [f"{FACULTY}#per_ada"]


def test_where_the_permit_names_nobody_either_the_rules_hear_of_nobody(ground):
    world = World(ground)
    world.gate.named = ()
    world.crossing.let_out(world.agreement, None, "urn:1")

    assert world.law.people == [""]


@pytest.mark.parametrize(
    "terms",
    [{}, {"compute": ""}, {"compute": "", "minimum_cell": 0, "review": "every"}],
)
def test_a_policy_that_binds_data_to_their_place_is_refused_on_both_sides(ground, terms):
    world = World(ground, research_policy(**terms))
    for ask in (
        lambda: world.crossing.check_asked(world.agreement),
        lambda: world.crossing.check_open(world.agreement, ADA),
        lambda: world.crossing.let_out(world.agreement, ADA, "urn:1"),
    ):
        with pytest.raises(UseWithheldError) as refused:
            ask()
        assert refused.value.code == "rows_not_permitted"
    assert world.gate.asked == world.law.ways == []


def test_gate_version_law_and_ledger_each_refuse(ground):
    world = World(ground)
    world.gate.refusal = "The permit has ended."
    with pytest.raises(GateClosedError):
        world.crossing.check_open(world.agreement, ADA)
    world.gate.refusal = ""
    world.closed = NotReadyError("The version is restricted.", code="not_readable")
    with pytest.raises(NotReadyError):
        world.crossing.check_open(world.agreement, ADA)
    world.closed = None
    world.law.outcome = Outcome.DEFAULT_DENY
    with pytest.raises(UseWithheldError, match=r"XB-07.*mech\.filed"):
        world.crossing.let_out(world.agreement, ADA, "urn:1")
    world.law.outcome = Outcome.ALLOW
    with ground.journal.write(by="system:t", did="transfer.decided", to="x:y") as tx:
        world.crossing.count(tx, "agr_1")
    assert world.crossing.let_out(world.agreement, ADA, "urn:1", counted=True) == "permit_1"
    assert world.crossing.check_open(world.agreement, ADA) == "permit_1"
    with pytest.raises(UseWithheldError, match="spent"):
        world.crossing.let_out(world.agreement, ADA, "urn:2")
    with (
        pytest.raises(UseWithheldError),
        ground.journal.write(by="system:t", did="transfer.decided", to="x:y") as tx,
    ):
        world.crossing.count(tx, "agr_1")


def test_an_agreement_that_ended_or_was_changed_lets_nothing_out(ground):
    world = World(ground)
    world.policy.end_agreement("agr_1", "over", by=STEWARD)
    with pytest.raises(UseWithheldError, match="ended"):
        world.crossing.let_out(world.agreement, ADA, "urn:1")
    with pytest.raises(UseWithheldError):
        world.crossing.check_open(replace(world.agreement, assignee=HOSPITAL), None)


def test_what_the_rules_leave_to_a_person_passes_once_approved_and_a_denial_never(ground):
    world = World(ground)
    world.law.outcome = Outcome.NEEDS_APPROVAL
    with pytest.raises(ApprovalPendingError, match="XB-07"):
        world.crossing.let_out(world.agreement, ADA, "urn:1")
    legal = Actor("person:per_law", "Law", frozenset({Role.LEGAL}))
    (asked,) = world.approvals.list_waiting()
    world.approvals.approve(asked.id, "Contract 7", by=legal)
    assert world.crossing.let_out(world.agreement, ADA, "urn:1") == "permit_1"
    for outcome in (Outcome.DENY, Outcome.DEFAULT_DENY, Outcome.NEEDS_FILING):
        world.law.outcome = outcome
        with pytest.raises(UseWithheldError):
            world.crossing.let_out(world.agreement, ADA, "urn:1")
