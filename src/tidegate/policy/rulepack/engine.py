"""Judge a flow by a rule pack: every rule is asked, the strictest answer wins.

deny > default-deny > filing > approval > allow. Rule against rule is never resolved by rank of
instrument: each finding stays on the record, and the outcome is the strictest.
"""

from datetime import date
from decimal import Decimal

from tidegate.kernel.canonical import canonical_json, sha256_hex
from tidegate.policy.errors import RulepackInvalidError
from tidegate.policy.model import Decision, Finding, Inputs, Outcome, Value
from tidegate.policy.rulepack.evaluation import Unknown, evaluate
from tidegate.policy.rulepack.model import LawRule, RulePack

STRICTEST_FIRST = (
    Outcome.DENY,
    Outcome.DEFAULT_DENY,
    Outcome.NEEDS_FILING,
    Outcome.NEEDS_APPROVAL,
    Outcome.ALLOW,
)


def decide(pack: RulePack, inputs: Inputs, *, on: date) -> Decision:
    """Return the pack's answer to a flow on a day, with every rule that stood against it."""
    outcome, findings = weigh(pack, inputs, on=on)
    return Decision(
        outcome=outcome, findings=findings, pack_hash=pack.hash, inputs_hash=inputs_hash(inputs)
    )


def weigh(pack: RulePack, inputs: Inputs, *, on: date) -> tuple[Outcome, tuple[Finding, ...]]:
    """Return the strictest answer and every rule that stood against the flow."""
    findings = tuple(
        finding
        for rule in pack.rules
        if rule.is_valid_on(on) and (finding := judge(rule, inputs)) is not None
    )
    reached = {finding.outcome for finding in findings} or {Outcome.ALLOW}
    return next(one for one in STRICTEST_FIRST if one in reached), findings


def judge(rule: LawRule, inputs: Inputs) -> Finding | None:
    """Return what one rule has against a flow, or None.

    A rule whose applicability or requirement cannot be known answers default-deny and names the
    first missing input.
    """
    applies = evaluate(rule.when, inputs)
    if applies is False:
        return None
    met = evaluate(rule.requires, inputs) if applies is True else applies
    if met is True:
        return None
    missing = met.missing[0] if isinstance(met, Unknown) else None
    outcome = rule.otherwise if missing is None else Outcome.DEFAULT_DENY
    return Finding(rule.id, outcome, rule.title, rule.source, missing)


def inputs_hash(inputs: Inputs) -> str:
    """Return the SHA-256 (hex) of the canonical inputs."""
    return sha256_hex(canonical_json(inputs))


def plain_inputs(inputs: object) -> dict[str, dict[str, Value]]:
    """Return inputs as texts, whole numbers, truths and sorted tuples of text.

    Numbers with a fraction become their shortest decimal text, since canonical JSON has none.
    Raises RulepackInvalidError for anything else.
    """
    if not isinstance(inputs, dict):
        raise RulepackInvalidError("Inputs of a decision must be groups of fields.")
    return {
        str(group): {str(name): _plain(value) for name, value in values.items()}
        for group, values in inputs.items()
    }


def _plain(value: object) -> Value:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float | Decimal):
        return format(Decimal(str(value)), "f")
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(sorted(str(one) for one in value))
    raise RulepackInvalidError(f"An input of a decision cannot be a {type(value).__name__}.")
