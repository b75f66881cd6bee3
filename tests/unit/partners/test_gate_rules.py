"""Each condition of the gate fails alone, and of any two the earlier one is told."""

import itertools
from dataclasses import replace
from datetime import date

import pytest

from lib.partners_world import CONSENT, COURSE, DATASET, DS, FACULTY, HMB, HOSPITAL, REX
from tidegate.access.model import Seat
from tidegate.partners.gate.inputs import rule_inputs
from tidegate.partners.gate.rules import Known, find_refusal
from tidegate.partners.model import (
    EthicsApproval,
    GateQuestion,
    ImpactAssessment,
    LegalBasis,
    MechanismKind,
    Member,
    MemberRole,
    MemberState,
    Partnership,
    PartnershipState,
    Permit,
    PermitState,
    Project,
    ProjectState,
    Standing,
    TrainingCredential,
    TransferMechanism,
)

AT = "2026-03-02T08:00:00.000Z"
BEFORE, AFTER = "2026-01-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"
OTHER = f"{FACULTY.did}#per_other"


def member(who):
    return Member(
        did=who.did,
        name=who.name,
        seat=who.seat,
        role=MemberRole.PARTICIPANT,
        evidence_fingerprint="f",
        evidence_public="p",
        state=MemberState.ACTIVE,
        standing=Standing(ciio=False, foreign_controlled=False, control_test="cn_controlled"),
    )


def approval(site):
    return EthicsApproval(f"eth_{site}", "prj_1", site, "IRB-1", (DATASET,), True, AFTER)


KNOWN = Known(
    question=GateQuestion(HOSPITAL.did, FACULTY.did, DATASET, (HMB,), REX),
    at=AT,
    today=date(2026, 3, 2),
    provider=member(HOSPITAL),
    recipient=member(FACULTY),
    partnership=Partnership(
        id="psh_1",
        title="Liver",
        parties=(FACULTY.did, HOSPITAL.did),
        programme="NAFLD",
        seats=(Seat.HK, Seat.CN_GBA9),
        scopes=(HMB,),
        required_training=(COURSE,),
        starts=BEFORE,
        expires=AFTER,
        state=PartnershipState.ACTIVE,
    ),
    trainings=(TrainingCredential("trn_1", REX, COURSE, BEFORE, AFTER, FACULTY.did),),
    project=Project(
        id="prj_1",
        title="Liver model",
        purpose=DS,
        lead=REX,
        people=(REX,),
        dataset_ids=(DATASET,),
        home=FACULTY.did,
        data_management_plan="Rows stay.",
        sites=(FACULTY.did, HOSPITAL.did),
        ethics=(approval(FACULTY.did), approval(HOSPITAL.did)),
        legal_basis=(LegalBasis("lgb_1", "prj_1", DATASET, "consent", CONSENT, True),),
    ),
    permit=Permit(
        id="prm_1",
        application_id="app_1",
        project_id="prj_1",
        people=(REX,),
        purposes=(DS,),
        variables=(),
        dataset_id=DATASET,
        provider=HOSPITAL.did,
        grantee=FACULTY.did,
        valid_from=BEFORE,
        valid_until=AFTER,
        state=PermitState.LIVE,
    ),
    impact_assessment=ImpactAssessment("pia_1", "prj_1", (DATASET,), "2026-01-01", True, 3),
    mechanism=TransferMechanism(
        "mch_1",
        MechanismKind.GBA_SC_HK,
        FACULTY.did,
        "2026-01-02",
        "2026-01-09",
        "GD-1",
        (HMB,),
        (DATASET,),
    ),
    workdays_since_effect=40,
)


def part(name, **changes):
    """Return a change of one part of what is known."""
    return lambda known: replace(known, **{name: replace(getattr(known, name), **changes)})


def without(name, empty=None):
    return lambda known: replace(known, **{name: empty})


def ethics_of(**changes):
    def change(known):
        ethics = tuple(replace(one, **changes) for one in known.project.ethics)
        return replace(known, project=replace(known.project, ethics=ethics))

    return change


def stranger_in_study(known):
    return replace(known, project=replace(known.project, people=()))


def no_basis(known):
    return replace(known, project=replace(known.project, legal_basis=()))


# One way to break each condition, in the order the reasons must be told.
BREAKS = (
    ("member_revoked", part("recipient", state=MemberState.REVOKED)),
    ("member_revoked", part("provider", state=MemberState.REVOKED)),
    ("partnership_not_active", part("partnership", state=PartnershipState.ENDED)),
    ("partnership_out_of_term", part("partnership", expires=AT)),
    ("partnership_seat_outside", part("partnership", seats=(Seat.HK,))),
    ("partnership_purpose_outside", part("partnership", scopes=("DUO:0000043",))),
    ("training_missing", without("trainings", ())),
    ("project_closed", part("project", state=ProjectState.CLOSED)),
    ("project_person_outside", stranger_in_study),
    ("project_purpose_outside", part("question", purposes=("DUO:0000011",))),
    ("ethics_expired", ethics_of(expires_at=AT)),
    ("ethics_dataset_outside", ethics_of(covers_datasets=("ds_other",))),
    ("ethics_cross_border_outside", ethics_of(covers_cross_border=False)),
    ("legal_basis_missing", no_basis),
    ("impact_assessment_missing", without("impact_assessment")),
    ("mechanism_missing", without("mechanism")),
    ("permit_ended", part("permit", state=PermitState.ENDED)),
    ("permit_out_of_term", part("permit", valid_until=AT)),
    ("permit_person_outside", part("permit", people=(OTHER,))),
    ("permit_dataset_outside", part("permit", dataset_id="ds_other")),
    ("permit_purpose_outside", part("permit", purposes=("DUO:0000043",))),
)


def code_of(known):
    refusal = find_refusal(known)
    return None if refusal is None else refusal.code


def test_everything_in_place_opens_the_gate():
    assert find_refusal(KNOWN) is None


@pytest.mark.parametrize(
    ("code", "change"), BREAKS, ids=[f"{n}-{b[0]}" for n, b in enumerate(BREAKS)]
)
def test_each_condition_fails_alone(code, change):
    refusal = find_refusal(change(KNOWN))

    assert code == refusal.code
    assert refusal.message.endswith(".")


@pytest.mark.parametrize(
    ("first", "second"),
    tuple(itertools.combinations(range(len(BREAKS)), 2)),
    ids=lambda n: BREAKS[n][0],
)
def test_of_two_failures_the_earlier_is_told(first, second):
    code, change = BREAKS[first]
    later, other = BREAKS[second]

    assert code == code_of(change(other(KNOWN)))
    assert code == code_of(other(change(KNOWN)))
    assert later == code_of(other(KNOWN))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("recipient", "member_unknown"),
        ("provider", "member_unknown"),
        ("partnership", "partnership_missing"),
        ("project", "project_missing"),
        ("permit", "permit_missing"),
    ],
)
def test_what_is_not_on_record_is_named(name, code):
    assert code == code_of(replace(KNOWN, **{name: None}))


def test_a_site_that_never_approved_is_told_from_one_that_expired():
    ethics = KNOWN.project.ethics[:1]

    refusal = find_refusal(replace(KNOWN, project=replace(KNOWN.project, ethics=ethics)))

    assert ("ethics_missing", HOSPITAL.did) == (refusal.code, refusal.details["site"])


def test_the_place_of_the_data_is_a_site_even_if_the_study_left_it_out():
    project = replace(KNOWN.project, sites=(FACULTY.did,), ethics=KNOWN.project.ethics[:1])

    assert "ethics_missing" == code_of(replace(KNOWN, project=project))


def test_an_approval_renewed_beside_an_expired_one_counts():
    old = replace(approval(HOSPITAL.did), expires_at=AT)
    project = replace(KNOWN.project, ethics=(old, *KNOWN.project.ethics))

    assert find_refusal(replace(KNOWN, project=project)) is None


@pytest.mark.parametrize("change", [no_basis, without("impact_assessment"), without("mechanism")])
def test_the_papers_are_the_exporters_to_check(change):
    assert find_refusal(replace(change(KNOWN), holds_papers=False)) is None


@pytest.mark.parametrize("name", ["impact_assessment", "mechanism"])
def test_data_that_stay_under_one_law_need_no_papers_of_the_border(name):
    recipient = replace(KNOWN.recipient, seat=Seat.CN_OTHER)
    partnership = replace(KNOWN.partnership, seats=(Seat.CN_GBA9, Seat.CN_OTHER))
    known = replace(KNOWN, recipient=recipient, partnership=partnership)

    assert find_refusal(replace(known, **{name: None})) is None


def test_data_into_the_mainland_need_no_mainland_papers():
    known = replace(
        KNOWN,
        provider=replace(KNOWN.provider, seat=Seat.HK),
        recipient=replace(KNOWN.recipient, seat=Seat.CN_GBA9),
        mechanism=None,
        impact_assessment=None,
    )

    assert find_refusal(known) is None


def test_an_institution_uses_its_own_data_without_a_partnership():
    question = replace(KNOWN.question, provider=FACULTY.did)
    known = replace(KNOWN, question=question, provider=KNOWN.recipient, partnership=None)

    assert find_refusal(known) is None


def test_an_unknown_seat_counts_as_another_law():
    assert replace(KNOWN, recipient=None).crosses_border
    assert not replace(KNOWN, provider=None).leaves_mainland


@pytest.mark.parametrize("moment", [BEFORE, "2026-06-01T00:00:00.000Z"])
def test_terms_include_their_first_moment(moment):
    assert find_refusal(replace(KNOWN, at=moment)) is None


def test_terms_exclude_their_last_moment():
    assert "partnership_out_of_term" == code_of(replace(KNOWN, at=AFTER))


# Inputs of the rule pack


@pytest.mark.parametrize(
    ("change", "group"),
    [
        (without("provider"), "provider"),
        (without("recipient"), "recipient"),
        (without("permit"), "permit"),
        (without("project"), "ethics"),
        (without("impact_assessment"), "pipia"),
        (no_basis, "consent"),
        (no_basis, "approvals"),
        (part("permit"), "none"),
    ],
)
def test_a_missing_fact_is_absent(change, group):
    assert group not in rule_inputs(change(KNOWN))


@pytest.mark.parametrize("group", ["mech", "pipia", "consent", "cum", "approvals"])
def test_elsewhere_than_at_the_exporter_its_papers_are_absent(group):
    assert group not in rule_inputs(replace(KNOWN, holds_papers=False))


def test_facts_the_authority_has_not_established_are_absent():
    member = replace(KNOWN.provider, standing=Standing())

    inputs = rule_inputs(replace(KNOWN, provider=member, recipient=member))

    assert {"seat": "CN-GBA9", "cred_ok": True} == inputs["provider"] == inputs["recipient"]


@pytest.mark.parametrize(
    ("change", "group", "name", "value"),
    [
        (without("mechanism"), "mech", "kind", "none"),
        (part("mechanism", effective_on="2026-03-03"), "mech", "valid", False),
        (part("mechanism", ended_at=AT), "mech", "valid", False),
        (part("mechanism", counterparty="did:web:x"), "mech", "in_scope", False),
        (part("mechanism", dataset_ids=("ds_other",)), "mech", "in_scope", False),
        (part("mechanism", purposes=("DUO:0000043",)), "mech", "in_scope", False),
        (part("mechanism", filed_on=None), "mech", "filed", False),
        (part("mechanism", filed_on="2026-03-03"), "mech", "filed", False),
        (part("impact_assessment", done_on="2026-03-03"), "pipia", "done_before_transfer", False),
        (
            lambda known: replace(known, first_export_on=date(2025, 12, 31)),
            "pipia",
            "done_before_transfer",
            False,
        ),
        (part("permit", state=PermitState.ENDED), "permit", "live", False),
        (part("permit", valid_until="2036-01-01T00:00:00.000Z"), "permit", "years", 10),
        (part("permit", valid_until="2036-02-01T00:00:00.000Z"), "permit", "years", 11),
        (part("permit", purposes=(HMB,)), "permit", "purposes", (HMB, DS)),
        (without("trainings", ()), "person", "training_ok", False),
        (ethics_of(expires_at=AT), "ethics", "expired", True),
        (ethics_of(expires_at=AT), "ethics", "all_sites", False),
        (ethics_of(covers_cross_border=False), "ethics", "covers_dataset", False),
        (ethics_of(covers_datasets=()), "ethics", "covers_dataset", False),
        (part("recipient", state=MemberState.REVOKED), "recipient", "cred_ok", False),
    ],
)
def test_inputs_say_what_is_known(change, group, name, value):
    assert value == rule_inputs(change(KNOWN))[group][name]
