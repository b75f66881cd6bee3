"""What every room knows is put before the rule pack, and nothing else."""

from dataclasses import dataclass, replace

import pytest

from lib.ground import make_ground
from tidegate.access.model import Seat
from tidegate.connector.assessment.errors import SeatUnknownError
from tidegate.connector.assessment.inputs import is_within, mode_of, purposes_of
from tidegate.connector.assessment.model import (
    AssessmentSettings,
    DestructionFacts,
    EvidenceFacts,
    Mode,
    Sources,
    Way,
)
from tidegate.connector.assessment.service import AssessmentService
from tidegate.partners.model import GateFacts, GateQuestion
from tidegate.policy.model import AgreementState, Outcome, Policy, Rule
from tidegate.policy.rulepack.loading import load_shipped
from tidegate.policy.rulepack.service import RulePackService
from tidegate.policy.service import research_policy, seal
from unit.policy.policies import FACULTY, HOSPITAL, agreement, story_policy

PERSON = f"{FACULTY}#per_1"
BY = "node:" + FACULTY
PACKS = load_shipped()
DATA = {
    "dataset": {
        "origin": "CN",
        "claims_deid": True,
        "claims_anonymous": False,
        "deid_ok": True,
        "past_retention": False,
        "state": "active",
        "cn_class": "general",
        "level": 3,
        "personal": True,
        "sensitive": True,
        "basis": "consent",
        "has_under14": False,
        "important_status": "checked_not_notified",
        "hgr": "none",
        "source": "hospital",
    },
    "deid": {
        "report": True,
        "residual_risk": 40000,
        "threshold": 90000,
        "age_months": 1,
        "author": "person:a",
        "checker": "person:b",
        "key_destroyed": False,
    },
}
GATE = {
    "provider": {"seat": "CN-GBA9", "cred_ok": True, "ciio": False, "foreign_controlled": False},
    "recipient": {"seat": "HK", "cred_ok": True, "foreign_controlled": False},
    "mech": {
        "kind": "gba_sc_hk",
        "valid": True,
        "in_scope": True,
        "filed": True,
        "workdays_since_effect": 20,
    },
    "pipia": {"done_before_transfer": True, "covers_3": True, "retention_years": 3},
    "consent": {"separate": True, "names_recipient": True, "covers_cross_border": True},
    "cum": {"sensitive": 0, "nonsensitive": 0},
    "permit": {
        "purposes": ("DUO:0000006", "DUO:0000007"),
        "live": True,
        "people": (PERSON,),
        "years": 1,
    },
    "person": {"training_ok": True},
    "ethics": {"all_sites": True, "covers_dataset": True, "expired": False},
}


@dataclass(frozen=True)
class Output:
    kind: str = "table"
    individual_level: bool = False
    auto_checks_pass: bool = True
    checker_2: bool = False


@dataclass(frozen=True)
class Question:
    policy: Policy
    negotiation: str = "neg_1"
    provider: str = HOSPITAL
    consumer: str = FACULTY
    dataset_id: str = "ds_1"
    version_id: str = "ver_1"


class World:
    """The rooms around the assessment, each answering what the test says it knows."""

    def __init__(self, ground):
        self.gate, self.data = dict(GATE), dict(DATA)
        self.seats = {HOSPITAL: Seat.CN_GBA9, FACULTY: Seat.HK}
        self.evidence = EvidenceFacts(writable=True, chain_ok=True)
        self.asked = []
        self.rulepacks = RulePackService(
            ground.journal,
            ground.clock,
            ground.ids,
            listed=lambda: [one.hash for one in PACKS],
            packs=PACKS,
        )
        sources = Sources(
            facts=self.facts,
            is_open=self.is_open,
            data=lambda _: self.data,
            seat_of=self.seats.get,
            evidence=lambda: self.evidence,
        )
        self.service = AssessmentService(self.rulepacks, sources, ground.clock)

    def is_open(self, question):
        self.asked.append(question)
        return True

    def facts(self, question=None, variables=()):
        asked = question or GateQuestion(HOSPITAL, FACULTY, "ds_1", ("DUO:0000006",), PERSON)
        self.asked.append(asked)
        return GateFacts(
            asked, "2026-03-02", "p", "prj", "DUO:0000006", "per", (PERSON,), variables, self.gate
        )

    def query(self, one=None, **options):
        gate = self.facts(variables=options.pop("variables", ()))
        return self.service.assess_query(one or seal(agreement()), PERSON, gate, by=BY, **options)

    def inputs(self, decision):
        return self.rulepacks.get_receipt(decision.receipt_id).inputs


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    made = make_ground(tmp_path_factory.mktemp("node"), did=HOSPITAL)
    yield made
    made.close()


@pytest.fixture
def world(ground):
    return World(ground)


def rules(decision):
    return [one.rule for one in decision.findings]


def test_the_story_query_is_allowed_and_judged_as_crossing_the_border(world):
    decision = world.query()

    assert (decision.outcome, rules(decision)) == (Outcome.ALLOW, [])
    flow = world.inputs(decision)["flow"]
    assert (flow["src"], flow["dst"], flow["cross_border"]) == ("CN", "HK", True)
    assert flow["rows_visible"] is False


def test_a_query_at_home_crosses_no_border(world):
    world.seats[FACULTY] = Seat.CN_OTHER
    world.gate["mech"] = {"kind": "none", "valid": False, "in_scope": False}

    decision = world.query()

    assert decision.is_allowed
    assert world.inputs(decision)["flow"]["cross_border"] is False


@pytest.mark.parametrize(
    ("group", "changes", "rule", "outcome"),
    [
        ("mech", {"filed": False}, "XB-10", Outcome.NEEDS_FILING),
        ("mech", {"in_scope": False}, "XB-16", Outcome.DENY),
        ("pipia", {"covers_3": False}, "XB-11", Outcome.DENY),
        ("person", {"training_ok": False}, "PM-02", Outcome.DENY),
        ("ethics", {"expired": True}, "PR-04", Outcome.DENY),
        ("permit", {"people": ()}, "PM-01", Outcome.DENY),
        ("consent", {"separate": False}, "XB-12", Outcome.DENY),
    ],
)
def test_what_partners_know_decides(world, group, changes, rule, outcome):
    world.gate[group] = GATE[group] | changes

    decision = world.query()

    assert (decision.outcome, rules(decision)) == (outcome, [rule])


@pytest.mark.parametrize("group", sorted(set(GATE) - {"cum", "recipient"}))
def test_what_partners_leave_out_is_denied_by_default_and_named(world, group):
    del world.gate[group]

    decision = world.query()

    assert decision.outcome is Outcome.DEFAULT_DENY
    assert all(one.missing.startswith(f"{group}.") for one in decision.findings)


def test_a_version_without_a_level_is_denied_by_default(world):
    world.data["dataset"] = {k: v for k, v in DATA["dataset"].items() if k != "level"}

    decision = world.query()

    assert decision.outcome is Outcome.DEFAULT_DENY
    assert decision.findings[0].missing == "dataset.level"


@pytest.mark.parametrize(
    ("columns", "variables", "rule"),
    [
        (("nafld1.age",), ("nafld1.age",), None),
        (("nafld1.age",), ("nafld1",), None),
        (("nafld1.age", "nafld2.days"), ("nafld1",), "PR-07"),
        (None, ("nafld1",), "PR-07"),
        (None, (), None),
        (None, ("*",), None),
    ],
)
def test_columns_outside_the_permit_are_refused(world, columns, variables, rule):
    decision = world.query(way=Way(columns=columns), variables=variables)

    assert rules(decision) == ([rule] if rule else [])


def test_columns_nobody_named_are_unknown():
    assert is_within(None, ("a",)) is None


def test_rows_that_leave_need_approval(world):
    decision = world.query(way=Way(Mode.ROW_TRANSFER, rows_visible=True))

    assert rules(decision) == ["XB-19", "CL-03"]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"state": AgreementState.SUSPENDED}, "TC-02"),
        ({"digest": "0" * 64}, "TC-02"),
        ({"policy": story_policy(purposes=("POA",))}, "PR-01"),
    ],
)
def test_the_agreement_as_it_stands_decides(world, changes, rule):
    one = seal(agreement(**{k: v for k, v in changes.items() if k == "policy"}))

    decision = world.query(replace(one, **changes) if "policy" not in changes else one)

    assert rules(decision) == [rule]


def test_without_evidence_there_is_no_data(world):
    world.evidence = EvidenceFacts(writable=False, chain_ok=True)

    assert rules(world.query()) == ["TC-05"]


def test_an_ended_agreement_must_leave_an_empty_workspace(world):
    ended = replace(
        seal(agreement()), state=AgreementState.ENDED, ended_at="2026-01-01T00:00:00.000Z"
    )

    decision = world.query(ended)

    assert rules(decision) == ["TC-02", "LC-04"]
    assert world.inputs(decision)["contract"]["days_since_end"] == 60
    assert world.inputs(decision)["contract"]["purge_days"] == 30


def test_a_peer_that_did_not_prove_itself_is_refused(world):
    assert rules(world.query(way=Way(peer_authenticated=False))) == ["TC-01"]


def release(world, **output):
    return world.service.assess_release(
        seal(agreement()), PERSON, world.facts(), Output(**output), by="system:lab", to="query:1"
    )


def test_a_result_across_the_border_waits_for_a_person(world):
    waiting, cleared = release(world), release(world, checker_2=True)

    assert (waiting.outcome, rules(waiting)) == (Outcome.NEEDS_APPROVAL, ["PM-04"])
    assert cleared.is_allowed


def test_a_result_about_single_people_never_leaves(world):
    assert rules(release(world, individual_level=True, checker_2=True)) == ["PM-03"]


def test_a_policy_may_be_signed_when_the_law_allows_its_use(world):
    question = Question(story_policy())

    assert world.service.has_permit(question)
    decision = world.service.assess(question)

    assert decision.is_allowed
    assert world.asked[-1] == GateQuestion(HOSPITAL, FACULTY, "ds_1", ("DUO:0000006",))
    assert world.inputs(decision)["contract"]["state"] == "signing"
    assert world.inputs(decision)["use"]["person"] == PERSON


def test_a_policy_that_lets_rows_move_is_judged_as_moving_rows(world):
    decision = world.service.assess(Question(research_policy(compute="")))

    assert rules(decision) == ["XB-19", "CL-03"]


def test_a_contradictory_policy_may_not_be_signed(world):
    decision = world.service.assess(Question(Policy((Rule("use"),), (Rule("use"),))))

    assert "TC-04" in rules(decision)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (DestructionFacts(True, True, True, True), []),
        (DestructionFacts(True, False, True, True), ["LC-03"]),
        (DestructionFacts(True, True, True, False), ["LC-03"]),
    ],
)
@pytest.mark.parametrize("holder", [HOSPITAL, FACULTY])
def test_a_destruction_counts_only_when_done_in_full(world, facts, expected, holder):
    world.data = {"dataset": {"personal": True}}

    decision = world.service.assess_destruction("ver_1", holder, facts, by=BY)

    assert rules(decision) == expected


def test_a_party_without_an_attested_seat_cannot_be_judged(world):
    del world.seats[FACULTY]

    with pytest.raises(SeatUnknownError, match="not attested"):
        world.query()


def test_a_policy_that_limits_no_purpose_covers_every_one():
    assert len(purposes_of(research_policy())) == 6
    assert mode_of(research_policy()) is Mode.ENCLAVE_QUERY


def test_what_a_site_states_of_itself_is_put_before_the_rules(world):
    world.data["dataset"] = DATA["dataset"] | {"origin": "HK", "hgr": "none"}
    stated = AssessmentSettings(stated={"hk": {"route": "consent"}})
    telling = AssessmentService(
        world.rulepacks, world.service._sources, world.service._clock, stated
    )

    silent = world.query()
    told = telling.assess_query(seal(agreement()), PERSON, world.facts(), by=BY)

    assert silent.findings[0].missing == "hk.route"
    assert told.is_allowed


def test_a_site_that_must_register_agreements_has_not_done_so_by_itself(world):
    settings = AssessmentSettings(space_requires_filing=True)
    strict = AssessmentService(
        world.rulepacks, world.service._sources, world.service._clock, settings
    )

    decision = strict.assess_query(seal(agreement()), PERSON, world.facts(), by=BY)

    assert rules(decision) == ["TC-03"]
