"""Agreements, decisions and rules of a node."""

from typing import Any
from urllib.parse import quote

import msgspec

from tidegate_client.transport import Transport


class Text(msgspec.Struct, frozen=True):
    """One text in the languages of the region."""

    en: str
    zh_hant: str = ""
    zh_hans: str = ""


class Term(msgspec.Struct, frozen=True):
    """One term of a policy in words, and what stands behind it."""

    name: str
    text: Text
    enforcement: str | None = None
    place: str = ""


class Agreement(msgspec.Struct, frozen=True):
    """What two participants agreed about a dataset."""

    id: str
    role: str
    dataset_id: str
    version_id: str
    assigner: str
    assignee: str
    offer_id: str
    signed_at: str
    state: str
    digest: str
    purposes: tuple[str, ...] = ()
    uses: int = 0
    ended_at: str | None = None
    ended_reason: str = ""
    suspended_by: tuple[str, ...] = ()
    odrl: dict[str, Any] = {}
    terms: tuple[Term, ...] = ()


class Finding(msgspec.Struct, frozen=True):
    """One rule that stood against a flow."""

    rule: str
    outcome: str
    title: Text
    source: str
    missing: str | None = None


class Decision(msgspec.Struct, frozen=True):
    """The answer of a rule pack."""

    outcome: str
    findings: tuple[Finding, ...]
    pack_hash: str
    inputs_hash: str
    receipt_id: str = ""


class Receipt(msgspec.Struct, frozen=True):
    """A decision with its inputs."""

    id: str
    subject: str
    decided_by: str
    decided_at: str
    sha256: str
    inputs: dict[str, dict[str, Any]]
    decision: Decision


class LawRule(msgspec.Struct, frozen=True):
    """One rule of law."""

    id: str
    title: Text
    when: str
    requires: str
    otherwise: str
    inputs: tuple[str, ...]
    source: str
    mark: str
    jurisdiction: str
    valid_from: str
    review_by: str
    valid_to: str | None = None


class RulePack(msgspec.Struct, frozen=True):
    """A rule pack the space has listed."""

    name: str
    version: str
    title: Text
    sha256: str
    is_active: bool
    rules: tuple[LawRule, ...] = ()


class Agreements:
    """The agreements of a node."""

    def __init__(self, http: Transport) -> None:
        self._http = http

    def list(self, *, dataset: str = "") -> tuple[Agreement, ...]:
        """List agreements, all or those about one dataset."""
        query = {"dataset": dataset} if dataset else {}
        return self._http.get("/agreements", tuple[Agreement, ...], **query)

    def get(self, agreement_id: str) -> Agreement:
        """Return one agreement."""
        return self._http.get(_path(agreement_id), Agreement)

    def suspend(self, agreement_id: str, reason: str) -> Agreement:
        """Stop all use under it for now; the other side is told."""
        return self._http.post(_path(agreement_id) + "/suspend", {"reason": reason}, Agreement)

    def resume(self, agreement_id: str, reason: str) -> Agreement:
        """Lift this side's suspension; the other side is told."""
        return self._http.post(_path(agreement_id) + "/resume", {"reason": reason}, Agreement)

    def end(self, agreement_id: str, reason: str) -> Agreement:
        """End it for good; the other side is told."""
        return self._http.post(_path(agreement_id) + "/end", {"reason": reason}, Agreement)


class Decisions:
    """The decisions a node made by the rules of law."""

    def __init__(self, http: Transport) -> None:
        self._http = http

    def list(self, *, subject: str = "") -> tuple[Receipt, ...]:
        """List the latest decisions, all or those about one subject such as `agreement:…`."""
        query = {"subject": subject} if subject else {}
        return self._http.get("/decisions", tuple[Receipt, ...], **query)

    def get(self, receipt_id: str) -> Receipt:
        """Return one decision with its inputs."""
        return self._http.get(f"/decisions/{quote(receipt_id, safe='')}", Receipt)

    def replay(self, receipt_id: str) -> Decision:
        """Have the node make a decision again; raises NodeError where it differs."""
        return self._http.post(f"/decisions/{quote(receipt_id, safe='')}/replay", None, Decision)


class Rules:
    """The law as the space applies it."""

    def __init__(self, http: Transport) -> None:
        self._http = http

    def list_packs(self) -> tuple[RulePack, ...]:
        """List the rule packs the space has listed."""
        return self._http.get("/rulepacks", tuple[RulePack, ...])

    def explain(self, rule_id: str) -> LawRule:
        """Explain one rule of the active pack."""
        return self._http.get(f"/rules/{quote(rule_id, safe='')}", LawRule)


def _path(agreement_id: str) -> str:
    return f"/agreements/{quote(agreement_id, safe='')}"
