"""Receipts of decisions: all that is needed to make one again, and no patient's value."""

import json
from typing import Any

from tidegate.kernel.canonical import canonical_json
from tidegate.kernel.clock import parse_iso
from tidegate.policy.errors import DecisionCorruptError
from tidegate.policy.model import Decision
from tidegate.policy.rulepack.engine import decide, plain_inputs
from tidegate.policy.rulepack.model import Receipt, RulePack

MEDIA_TYPE = "application/vnd.tidegate.decision+json"


def write_receipt(receipt: Receipt, pack: RulePack) -> bytes:
    """Return a receipt as canonical JSON."""
    return canonical_json(
        {
            "receipt": receipt.id,
            "subject": receipt.subject,
            "by": receipt.decided_by,
            "at": receipt.decided_at,
            "pack": {"name": pack.name, "version": pack.version, "sha256": pack.hash},
            "inputs": receipt.inputs,
            "inputs_sha256": receipt.decision.inputs_hash,
            "outcome": receipt.decision.outcome,
            "findings": _findings(receipt.decision),
        }
    )


def pack_named(document: bytes) -> str:
    """Return the hash of the pack a receipt was made with."""
    return str(json.loads(document)["pack"]["sha256"])


def make_again(document: bytes, pack: RulePack) -> Receipt:
    """Return a receipt with its decision made anew from its inputs.

    Raises DecisionCorruptError unless the new decision is the one written down.
    """
    content: dict[str, Any] = json.loads(document)
    inputs = plain_inputs(content["inputs"])
    made = decide(pack, inputs, on=parse_iso(content["at"]).date())
    written = (content["outcome"], content["findings"], content["inputs_sha256"])
    if written != (made.outcome, _findings(made), made.inputs_hash):
        raise DecisionCorruptError(
            "The decision does not follow from its inputs and its rule pack; do not rely on it.",
            code="decision_differs",
            receipt=content["receipt"],
        )
    decision = Decision(
        made.outcome, made.findings, made.pack_hash, made.inputs_hash, content["receipt"]
    )
    return Receipt(
        content["receipt"], content["subject"], content["by"], content["at"], inputs, decision
    )


def _findings(decision: Decision) -> list[dict[str, str | None]]:
    return [
        {"rule": one.rule, "outcome": one.outcome.value, "missing": one.missing}
        for one in decision.findings
    ]
