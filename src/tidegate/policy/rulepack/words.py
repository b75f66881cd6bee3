"""Say a decision to a person: what stands against the flow, by which law, and what to do next."""

from tidegate.kernel.text import Language, Multilingual
from tidegate.policy.errors import FlowWithheldError
from tidegate.policy.model import Decision, Finding, Outcome
from tidegate.policy.rulepack.engine import STRICTEST_FIRST

OUTCOMES = {
    Outcome.ALLOW: Multilingual("allowed", "允許", "允许"),
    Outcome.NEEDS_APPROVAL: Multilingual(
        "needs a person's approval", "須經人工批准", "须经人工批准"
    ),
    Outcome.NEEDS_FILING: Multilingual("needs a filing", "須備案或申報", "须备案或申报"),
    Outcome.DENY: Multilingual("denied", "拒絕", "拒绝"),
    Outcome.DEFAULT_DENY: Multilingual("denied by default", "預設拒絕", "默认拒绝"),
}
_MISSING = Multilingual(
    "nobody said '{field}'; have it put on record",
    "缺少「{field}」，請補錄",
    "缺少“{field}”，请补录",
)


def in_words(finding: Finding, language: Language = Language.EN) -> str:
    """Return one finding as a line: rule, outcome, title, source, and the missing input."""
    outcome = OUTCOMES[finding.outcome].in_language(language)
    line = f"{finding.rule} ({outcome}): {finding.title.in_language(language)} [{finding.source}]"
    if finding.missing is None:
        return line
    return f"{line}; {_MISSING.in_language(language).replace('{field}', finding.missing)}"


def gravest(decision: Decision) -> tuple[Finding, ...]:
    """Return the findings, the strictest outcomes first."""
    return tuple(sorted(decision.findings, key=lambda one: STRICTEST_FIRST.index(one.outcome)))


def check_allowed(decision: Decision) -> None:
    """Raise FlowWithheldError, in words, unless the rules allow the flow as it is."""
    if decision.is_allowed:
        return
    lines = ". ".join(in_words(one) for one in gravest(decision))
    raise FlowWithheldError(
        f"The rules answer '{OUTCOMES[decision.outcome].en}'. {lines}",
        code=f"rules_{decision.outcome}",
        receipt=decision.receipt_id,
        rules=", ".join(one.rule for one in gravest(decision)),
    )
