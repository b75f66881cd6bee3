"""Write the reference pages of this room from the tables the code itself reads."""

from collections.abc import Iterator

from tidegate.policy.duo import PURPOSES
from tidegate.policy.rulepack.model import LawRule, RulePack
from tidegate.policy.rulepack.words import OUTCOMES
from tidegate.policy.rules import AGREEMENT_LIFE
from tidegate.policy.vocabulary import ACTS, CONSTRAINTS

_MARKS = {
    "V": "the text was read",
    "S": "a third party's digest was read",
    "M": "from memory; counsel must check",
}


def constraints_page() -> str:
    """Return `docs/reference/constraints.md`: every term a policy may use, and what keeps it."""
    return "\n".join(_constraints()) + "\n"


def rules_page(packs: tuple[RulePack, ...]) -> str:
    """Return `docs/reference/rules.md`: every rule of the packs, in words and as it is judged."""
    lines = [
        "# Rules",
        "",
        "Generated from the rule packs; `make docs` writes it again.",
        "A rule that lacks an input answers *denied by default* and names it.",
        "Nothing here is legal advice.",
    ]
    for pack in packs:
        lines += _pack(pack)
    return "\n".join(lines) + "\n"


def _constraints() -> Iterator[str]:
    yield "# Terms of policies"
    yield ""
    yield "Generated from `tidegate.policy`; `make docs` writes it again. A term that is not listed"
    yield "here cannot be read, offered or signed."
    yield ""
    yield "## Constraints"
    yield ""
    yield "| term | left operand | operators | kept by | where | in words | 中文 |"
    yield "|---|---|---|---|---|---|---|"
    for term in CONSTRAINTS.values():
        operators = ", ".join(f"`{one.value}`" for one in term.operators)
        words = f"{term.sentence.en} | {term.sentence.zh_hant}"
        head = f"| {term.name} | `{term.iri}` | {operators}"
        yield f"{head} | {term.enforcement} | {term.place} | {words} |"
    yield ""
    yield "## Actions"
    yield ""
    yield "| term | action | stands in | kept by | where | in words | 中文 |"
    yield "|---|---|---|---|---|---|---|"
    for act in ACTS.values():
        kept = act.enforcement.value if act.enforcement else "its constraints"
        words = f"{act.sentence.en} | {act.sentence.zh_hant}"
        stands = ", ".join(sorted(act.stands_in))
        yield f"| {act.name} | `{act.iri}` | {stands} | {kept} | {act.place} | {words} |"
    yield ""
    yield "## Purposes"
    yield ""
    yield "| shorthand | code | falls under | in words | 中文 |"
    yield "|---|---|---|---|---|"
    for purpose in PURPOSES:
        broader = purpose.broader or "—"
        words = f"{purpose.name.en} | {purpose.name.zh_hant}"
        yield f"| {purpose.shorthand} | `{purpose.code}` | {broader} | {words} |"
    yield ""
    yield "## The life of an agreement"
    yield ""
    yield "```mermaid"
    yield from AGREEMENT_LIFE.mermaid()
    yield "```"


def _pack(pack: RulePack) -> Iterator[str]:
    yield ""
    yield f"## {pack.title.en} ({pack.title.zh_hant}), version {pack.version}"
    yield ""
    yield f"`{pack.name}`, named by the hash `{pack.hash}`: {len(pack.rules)} rules,"
    yield f"{len(pack.inputs)} inputs."
    for rule in pack.rules:
        yield from _rule(rule)


def _rule(rule: LawRule) -> Iterator[str]:
    until = f" until {rule.valid_to}" if rule.valid_to else ""
    yield ""
    yield f"### {rule.id}: {rule.title.en}"
    yield ""
    yield f"{rule.title.zh_hant} · {rule.title.zh_hans}"
    yield ""
    yield f"- applies when: `{rule.when_text}`"
    yield f"- requires: `{rule.requires_text}`"
    yield f"- otherwise: {OUTCOMES[rule.otherwise].en}"
    yield f"- source: {rule.source} (evidence {rule.mark}: {_MARKS[rule.mark]})"
    yield f"- jurisdiction {rule.jurisdiction}; law from {rule.valid_from}{until};"
    yield f"  review by {rule.review_by}"
