"""What is known, as inputs of the rule pack; a fact nobody recorded is simply not there.

The engine answers default-deny for a missing input and names it, so nothing here invents one.
"""

from collections.abc import Mapping
from datetime import date

from tidegate.kernel.clock import parse_iso
from tidegate.partners.gate import rules
from tidegate.partners.gate.rules import Known
from tidegate.partners.model import Member, MemberState, Value
from tidegate.partners.purpose import covered_codes, covers

Group = dict[str, Value]


def rule_inputs(known: Known) -> Mapping[str, Mapping[str, Value]]:
    """Return the groups that partners can speak for, without the empty ones."""
    groups: dict[str, Group] = {
        "provider": _provider(known.provider),
        "recipient": _recipient(known.recipient),
        "mech": _mechanism(known),
        "pipia": _assessment(known),
        "consent": _consent(known),
        "cum": _exported(known),
        "permit": _permit(known),
        "person": {"training_ok": not rules.missing_training(known)},
        "ethics": _ethics(known),
        "approvals": _approvals(known),
    }
    return {name: group for name, group in groups.items() if group}


def _provider(member: Member | None) -> Group:
    if member is None:
        return {}
    group: Group = {"seat": member.seat.value, "cred_ok": member.state is MemberState.ACTIVE}
    standing = member.standing
    if standing.ciio is not None:
        group["ciio"] = standing.ciio
    if standing.foreign_controlled is not None:
        group["foreign_controlled"] = standing.foreign_controlled
    return group


def _recipient(member: Member | None) -> Group:
    group = _provider(member)
    group.pop("ciio", None)
    if member is not None and member.standing.control_test:
        group["control_test"] = member.standing.control_test
    return group


def _mechanism(known: Known) -> Group:
    if not known.holds_papers:
        return {}
    mechanism, question = known.mechanism, known.question
    if mechanism is None:
        return {
            "kind": "none",
            "valid": False,
            "in_scope": False,
            "filed": False,
            "workdays_since_effect": 0,
        }
    in_effect = date.fromisoformat(mechanism.effective_on) <= known.today
    purposes = question.purposes if known.project is None else (known.project.purpose,)
    return {
        "kind": mechanism.kind.value,
        "valid": in_effect and mechanism.ended_at is None,
        "in_scope": question.dataset_id in mechanism.dataset_ids
        and mechanism.counterparty == question.recipient
        and all(covers(mechanism.purposes, one) for one in purposes),
        "filed": mechanism.filed_on is not None
        and date.fromisoformat(mechanism.filed_on) <= known.today,
        "workdays_since_effect": known.workdays_since_effect,
    }


def _assessment(known: Known) -> Group:
    assessment = known.impact_assessment
    if not known.holds_papers or assessment is None:
        return {}
    before = known.first_export_on or known.today
    return {
        "done_before_transfer": date.fromisoformat(assessment.done_on) <= before,
        "covers_3": assessment.covers_3,
        "retention_years": assessment.retention_years,
    }


def _consent(known: Known) -> Group:
    consent = None if known.legal_basis is None else known.legal_basis.consent
    if not known.holds_papers or consent is None:
        return {}
    return {
        "separate": consent.separate,
        "names_recipient": consent.names_recipient,
        "covers_cross_border": consent.covers_cross_border,
        "guardian": consent.guardian,
    }


def _exported(known: Known) -> Group:
    if not known.holds_papers:
        return {}
    return {"sensitive": known.exported_sensitive, "nonsensitive": known.exported_nonsensitive}


def _permit(known: Known) -> Group:
    permit = known.permit
    if permit is None:
        return {}
    days = (parse_iso(permit.valid_until) - parse_iso(permit.valid_from)).days
    return {
        "purposes": covered_codes(permit.purposes),
        "live": permit.is_live_at(known.at),
        "people": permit.people,
        "years": -(-days // 366),
    }


def _ethics(known: Known) -> Group:
    if known.project is None:
        return {}
    sites = rules.sites_of(known)
    current = {site: rules.approvals_of(known, site) for site in sites}
    recorded = {one.site for one in known.project.ethics}
    return {
        "all_sites": all(current.values()),
        "covers_dataset": all(
            any(
                known.question.dataset_id in one.covers_datasets
                and (one.covers_cross_border or not known.crosses_border)
                for one in approvals
            )
            for approvals in current.values()
        ),
        "expired": any(site in recorded and not current[site] for site in sites),
    }


def _approvals(known: Known) -> Group:
    committee = None if known.legal_basis is None else known.legal_basis.security_committee
    if not known.holds_papers or committee is None:
        return {}
    return {"data_security_committee": committee}
