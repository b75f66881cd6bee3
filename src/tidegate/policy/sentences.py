"""Say a policy in words: English, 繁體, 简体, term by term, with what stands behind each."""

from dataclasses import dataclass
from datetime import timedelta

from tidegate.kernel.text import Language, Multilingual
from tidegate.policy import values
from tidegate.policy.model import Constraint, Enforcement, Operator, Policy, Rule
from tidegate.policy.terms import ACTS, CONSTRAINTS, DELAY, PURPOSE

_COMPARED = {
    Operator.LT: Multilingual("before {v}", "早於 {v}", "早于 {v}"),
    Operator.LTEQ: Multilingual("up to {v}", "至 {v} 為止", "至 {v} 为止"),
    Operator.GTEQ: Multilingual("from {v}", "自 {v} 起", "自 {v} 起"),
    Operator.GT: Multilingual("after {v}", "{v} 之後", "{v} 之后"),
    Operator.IS_NONE_OF: Multilingual("none of {v}", "{v} 除外", "{v} 除外"),
}
_COUNTED = {Operator.LT: Multilingual("fewer than {v}", "少於 {v}", "少于 {v}")}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One term of a policy in words, with its short name and what stands behind it."""

    name: str
    text: Multilingual
    enforcement: Enforcement | None
    place: str


def sentences(policy: Policy) -> tuple[Sentence, ...]:
    """Return a sentence for every term of a policy this node understands, in order."""
    rules: list[Rule] = []
    for rule in (*policy.permissions, *policy.prohibitions, *policy.obligations):
        rules += [rule, *rule.duties]
    return tuple(sentence for rule in rules for sentence in _of_rule(rule))


def _of_rule(rule: Rule) -> list[Sentence]:
    act = ACTS[rule.action]
    made = []
    if act.enforcement is not None or not rule.constraints:
        made.append(Sentence(act.name, act.sentence, act.enforcement, act.place))
    return made + [_of_constraint(one) for one in rule.constraints]


def _of_constraint(constraint: Constraint) -> Sentence:
    term = CONSTRAINTS[constraint.left]
    filled = {
        language: term.sentence.in_language(language).replace(
            "{value}", _value(constraint, language)
        )
        for language in Language
    }
    text = Multilingual(filled[Language.EN], filled[Language.ZH_HANT], filled[Language.ZH_HANS])
    return Sentence(term.name, text, term.enforcement, term.place)


def _value(constraint: Constraint, language: Language) -> str:
    if constraint.left == PURPOSE:
        named = (one.name.in_language(language) for one in values.purposes(constraint.right))
        return ("; " if language is Language.EN else "、").join(named)
    if constraint.left == DELAY:
        return _days(values.delay(constraint.right), language)
    right = constraint.right
    joined = right if isinstance(right, str) else ", ".join(right)
    compared = _COMPARED.get(constraint.operator)
    if compared is None or "minimumCell" in constraint.left:
        return joined
    if "count" in constraint.left:
        compared = _COUNTED.get(constraint.operator, compared)
    return compared.in_language(language).replace("{v}", joined)


def _days(delay: timedelta, language: Language) -> str:
    unit = {Language.EN: "days", Language.ZH_HANT: "日", Language.ZH_HANS: "日"}[language]
    return f"{delay.days} {unit}"
