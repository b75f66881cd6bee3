"""Say a policy in words: English, 繁體, 简体, term by term, with what stands behind each."""

from datetime import timedelta

from tidegate.kernel.text import Language, Multilingual
from tidegate.kernel.values import dataclass
from tidegate.policy import values
from tidegate.policy.model import Constraint, Enforcement, Operator, Policy, Rule
from tidegate.policy.terms import ACTS, CONSTRAINTS, COUNT, DELAY, MINIMUM_CELL, PURPOSE

_COMPARED = {
    Operator.LT: Multilingual("before {v}", "{v} 之前", "{v} 之前"),
    Operator.LTEQ: Multilingual("up to {v}", "至 {v} 為止", "至 {v} 为止"),
    Operator.GTEQ: Multilingual("from {v}", "自 {v} 起", "自 {v} 起"),
    Operator.GT: Multilingual("after {v}", "{v} 之後", "{v} 之后"),
    Operator.IS_NONE_OF: Multilingual("none of {v}", "{v} 除外", "{v} 除外"),
}
_COUNTED = {
    Operator.LT: Multilingual("fewer than {v}", "少於 {v} 次", "少于 {v} 次"),
    Operator.LTEQ: Multilingual("up to {v}", "最多 {v} 次", "最多 {v} 次"),
}


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


def rule_sentences(rule: Rule) -> tuple[Sentence, ...]:
    """Return a sentence for every term of one rule and of its duties, in order."""
    return tuple(sentence for one in (rule, *rule.duties) for sentence in _of_rule(one))


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
            "{value}", value_in_words(constraint, language)
        )
        for language in Language
    }
    text = Multilingual(filled[Language.EN], filled[Language.ZH_HANT], filled[Language.ZH_HANS])
    return Sentence(term.name, text, term.enforcement, term.place)


def value_in_words(constraint: Constraint, language: Language) -> str:
    """Say the right operand of a constraint; ids, codes and moments stay as they are written."""
    if constraint.left == DELAY:
        return _days(values.delay(constraint.right), language)
    if constraint.left in {PURPOSE, MINIMUM_CELL}:
        return items(constraint.left, _listed(constraint), language)
    return compared(constraint, language)


def compared(constraint: Constraint, language: Language) -> str:
    """Say a right operand with how it is compared: `before …`, `none of …`."""
    joined = items(constraint.left, _listed(constraint), language)
    words = _COMPARED.get(constraint.operator)
    if words is None:
        return joined
    if constraint.left == COUNT:
        words = _COUNTED.get(constraint.operator, words)
    return words.in_language(language).replace("{v}", joined)


def items(left: str, right: tuple[str, ...], language: Language) -> str:
    """Say several values of a left operand one after another; purposes by their names."""
    if left != PURPOSE:
        return (", " if language is Language.EN else "、").join(right)
    named = (one.name.in_language(language) for one in values.purposes(right))
    return ("; " if language is Language.EN else "、").join(named)


def _listed(constraint: Constraint) -> tuple[str, ...]:
    return (constraint.right,) if isinstance(constraint.right, str) else constraint.right


def _days(delay: timedelta, language: Language) -> str:
    unit = {Language.EN: "days", Language.ZH_HANT: "日", Language.ZH_HANS: "日"}[language]
    return f"{delay.days} {unit}"
