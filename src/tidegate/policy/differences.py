"""Say in words how one policy differs from another, term by term: English, 繁體, 简体. Pure.

Each difference says whose way it goes: stricter for the one who uses, or looser.
"""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from itertools import zip_longest
from typing import TypeVar

from tidegate.kernel.text import Language, Multilingual
from tidegate.kernel.values import dataclass
from tidegate.policy import values
from tidegate.policy.constraints import use_limit
from tidegate.policy.model import Constraint, Operator, Policy, Rule
from tidegate.policy.sentences import compared, items, rule_sentences, value_in_words
from tidegate.policy.soundness import OPENING, check_known
from tidegate.policy.terms import (
    CERTIFICATION,
    COMPUTE_PLACE,
    CONSTRAINTS,
    COUNT,
    DATE_TIME,
    DELAY,
    MINIMUM_CELL,
    OUTPUT_REVIEW,
    PURPOSE,
    RECIPIENT,
    SEAT,
)

T = TypeVar("T")


class Effect(StrEnum):
    """Which way a change goes for the one who uses the data."""

    STRICTER = "stricter"
    LOOSER = "looser"
    OTHER = "other"

    @property
    def turned(self) -> "Effect":
        """The same change inside a prohibition, where less forbidden is more allowed."""
        return {Effect.STRICTER: Effect.LOOSER, Effect.LOOSER: Effect.STRICTER}.get(self, self)


@dataclass(frozen=True, slots=True)
class Difference:
    """One change: the short name of the term, which way it goes, and the words."""

    name: str
    effect: Effect
    text: Multilingual


_NEW = Multilingual("New: {v}", "新增：{v}", "新增：{v}")
_GONE = Multilingual("No longer there: {v}", "刪去：{v}", "删去：{v}")
_NEW_WAY = Multilingual("A further permission: {v}", "新增一項許可：{v}", "新增一项许可：{v}")
_LOST_WAY = Multilingual("A permission less: {v}", "刪去一項許可：{v}", "删去一项许可：{v}")
_FORBIDDEN = Multilingual("Prohibited use. {v}", "禁止的使用：{v}", "禁止的使用：{v}")

_CHANGED: Mapping[str, Multilingual] = {
    DATE_TIME: Multilingual(
        "The time allowed is {new}, instead of {old}.",
        "許可時間由「{old}」改為「{new}」。",
        "许可时间由“{old}”改为“{new}”。",
    ),
    COUNT: Multilingual(
        "At most {new} uses instead of {old}.",
        "使用次數上限由 {old} 次改為 {new} 次。",
        "使用次数上限由 {old} 次改为 {new} 次。",
    ),
    MINIMUM_CELL: Multilingual(
        "Results count at least {new} people a cell instead of {old}.",
        "結果每格最少人數由 {old} 人改為 {new} 人。",
        "结果每格最少人数由 {old} 人改为 {new} 人。",
    ),
    DELAY: Multilingual(
        "Derived data are deleted within {new} of the end instead of {old}.",
        "衍生數據的刪除期限由結束後 {old}改為 {new}。",
        "衍生数据的删除期限由结束后 {old}改为 {new}。",
    ),
    OUTPUT_REVIEW: Multilingual(
        "A checker clears results ({new}), instead of ({old}).",
        "須經審核員放行的結果由「{old}」改為「{new}」。",
        "须经审核员放行的结果由“{old}”改为“{new}”。",
    ),
    COMPUTE_PLACE: Multilingual(
        "Computing happens at {new} instead of {old}.",
        "計算地點由 {old} 改為 {new}。",
        "计算地点由 {old} 改为 {new}。",
    ),
}
_MORE: Mapping[str, Multilingual] = {
    RECIPIENT: Multilingual("{v} may use it too.", "新增使用方：{v}。", "新增使用方：{v}。"),
    SEAT: Multilingual(
        "Users with the legal seat {v} are admitted too.",
        "新增可接受的法定所在地：{v}。",
        "新增可接受的法定所在地：{v}。",
    ),
    CERTIFICATION: Multilingual(
        "A certification under {v} will do too.", "亦接受認證：{v}。", "亦接受认证：{v}。"
    ),
    PURPOSE: Multilingual("Also allowed for {v}.", "新增用途：{v}。", "新增用途：{v}。"),
}
_LESS: Mapping[str, Multilingual] = {
    RECIPIENT: Multilingual(
        "{v} may no longer use it.", "不再允許使用方：{v}。", "不再允许使用方：{v}。"
    ),
    SEAT: Multilingual(
        "Users with the legal seat {v} are no longer admitted.",
        "不再接受法定所在地：{v}。",
        "不再接受法定所在地：{v}。",
    ),
    CERTIFICATION: Multilingual(
        "A certification under {v} will no longer do.",
        "不再接受認證：{v}。",
        "不再接受认证：{v}。",
    ),
    PURPOSE: Multilingual(
        "No longer allowed for {v}.", "不再允許用途：{v}。", "不再允许用途：{v}。"
    ),
}


def differences(before: Policy, after: Policy) -> tuple[Difference, ...]:
    """Return every change from one policy to the other, in the order of the rules.

    Rules are compared with the rule of the same action in the same place; what has no partner is
    new or gone. Raises PolicyInvalidError where either holds a term this node does not know.
    """
    check_known(before)
    check_known(after)
    found: list[Difference] = []
    for one, other in _pairs(before.permissions, after.permissions, lambda rule: rule.action):
        found += _permission(one, other)
    for one, other in _pairs(before.prohibitions, after.prohibitions, lambda rule: rule.action):
        found += _prohibition(one, other)
    found += _duties(before.obligations, after.obligations)
    return tuple(found)


def _permission(one: Rule | None, other: Rule | None) -> Iterator[Difference]:
    if one is not None and other is not None:
        yield from _constraints(one, other)
        yield from _duties(one.duties, other.duties)
    elif other is not None:
        yield _whole(other, _NEW_WAY, Effect.LOOSER)
    elif one is not None:
        yield _whole(one, _LOST_WAY, Effect.STRICTER)


def _prohibition(one: Rule | None, other: Rule | None) -> Iterator[Difference]:
    if one is not None and other is not None:
        for change in _constraints(one, other):
            text = _filled(_FORBIDDEN, v=change.text)
            yield Difference(change.name, change.effect.turned, text)
    elif other is not None:
        yield _whole(other, _NEW, Effect.STRICTER)
    elif one is not None:
        yield _whole(one, _GONE, Effect.LOOSER)


def _duties(before: tuple[Rule, ...], after: tuple[Rule, ...]) -> Iterator[Difference]:
    for one, other in _pairs(before, after, lambda rule: rule.action):
        if one is not None and other is not None:
            yield from _constraints(one, other)
        elif other is not None:
            yield _whole(other, _NEW, Effect.STRICTER)
        elif one is not None:
            yield _whole(one, _GONE, Effect.LOOSER)


def _whole(rule: Rule, words: Multilingual, effect: Effect) -> Difference:
    said = rule_sentences(rule)
    text = Multilingual(
        " ".join(one.text.en for one in said),
        "".join(one.text.zh_hant for one in said),
        "".join(one.text.zh_hans for one in said),
    )
    return Difference(said[0].name, effect, _filled(words, v=text))


# --- constraints


def _constraints(before: Rule, after: Rule) -> Iterator[Difference]:
    for one, other in _pairs(before.constraints, after.constraints, _place):
        if one == other:
            continue
        if one is not None and other is not None:
            yield from _changed(one, other)
        elif other is not None:
            yield _lone(other, _NEW, Effect.STRICTER)
        elif one is not None:
            yield _lone(one, _GONE, Effect.LOOSER)


def _place(constraint: Constraint) -> tuple[str, bool]:
    """Return what a constraint is about: the two ends of a time are two things."""
    return constraint.left, constraint.left == DATE_TIME and constraint.operator in OPENING


def _lone(constraint: Constraint, words: Multilingual, effect: Effect) -> Difference:
    (said,) = rule_sentences(Rule("use", (constraint,)))
    return Difference(said.name, effect, _filled(words, v=said.text))


def _changed(one: Constraint, other: Constraint) -> Iterator[Difference]:
    if one.left not in _MORE:
        yield _value(one, other)
    elif _is_exclusion(one) is not _is_exclusion(other):
        yield _lone(one, _GONE, Effect.LOOSER)
        yield _lone(other, _NEW, Effect.STRICTER)
    else:
        yield from _members(one, other)


def _members(one: Constraint, other: Constraint) -> Iterator[Difference]:
    """Say who came into a list and who left it; a list of the excluded works the other way."""
    old, new = _listed(one), _listed(other)
    came = tuple(each for each in new if each not in old)
    left = tuple(each for each in old if each not in new)
    if _is_exclusion(one):
        came, left = left, came
    name = CONSTRAINTS[one.left].name
    for some, words, effect in ((came, _MORE, Effect.LOOSER), (left, _LESS, Effect.STRICTER)):
        if some:
            yield Difference(name, effect, _spoken(words[one.left], one.left, some))


def _spoken(words: Multilingual, left: str, some: tuple[str, ...]) -> Multilingual:
    named = {language: items(left, some, language) for language in Language}
    text = Multilingual(named[Language.EN], named[Language.ZH_HANT], named[Language.ZH_HANS])
    return _filled(words, v=text)


def _value(one: Constraint, other: Constraint) -> Difference:
    said = {language: (_shown(one, language), _shown(other, language)) for language in Language}
    old, new = (
        Multilingual(said[Language.EN][n], said[Language.ZH_HANT][n], said[Language.ZH_HANS][n])
        for n in (0, 1)
    )
    name = CONSTRAINTS[one.left].name
    return Difference(name, _effect(one, other), _filled(_CHANGED[one.left], old=old, new=new))


def _shown(constraint: Constraint, language: Language) -> str:
    if constraint.left == COUNT:
        return str(use_limit(constraint))
    if constraint.left == DATE_TIME:
        return compared(constraint, language)
    return value_in_words(constraint, language)


def _effect(one: Constraint, other: Constraint) -> Effect:
    old, new = _room(one), _room(other)
    if old == new:
        return Effect.OTHER
    return Effect.LOOSER if new > old else Effect.STRICTER


def _room(constraint: Constraint) -> float:
    """Return how much a constraint leaves open: the larger, the more is allowed."""
    right = constraint.right
    rooms: Mapping[str, Callable[[], float]] = {
        DATE_TIME: lambda: _moment_room(constraint),
        COUNT: lambda: use_limit(constraint),
        MINIMUM_CELL: lambda: -values.whole(right),
        DELAY: lambda: values.delay(right).days,
        OUTPUT_REVIEW: lambda: -values.REVIEWED_FLOWS.index(values.reviewed_flow(right)),
    }
    measure = rooms.get(constraint.left)
    return measure() if measure is not None else 0


def _moment_room(constraint: Constraint) -> float:
    at = values.moment(constraint.right).timestamp()
    edge = 0.0005 if constraint.operator in {Operator.LTEQ, Operator.GTEQ} else 0.0
    return (edge - at) if constraint.operator in OPENING else (at + edge)


def _is_exclusion(constraint: Constraint) -> bool:
    return constraint.operator is Operator.IS_NONE_OF


def _listed(constraint: Constraint) -> tuple[str, ...]:
    return (constraint.right,) if isinstance(constraint.right, str) else constraint.right


# --- shared


def _pairs(
    before: tuple[T, ...], after: tuple[T, ...], about: Callable[[T], object]
) -> Iterator[tuple[T | None, T | None]]:
    """Join what is about the same thing, in order; None stands where one side has nothing."""
    for thing in dict.fromkeys(map(about, (*before, *after))):
        old = (one for one in before if about(one) == thing)
        new = (one for one in after if about(one) == thing)
        yield from zip_longest(old, new)


def _filled(words: Multilingual, **values_: Multilingual) -> Multilingual:
    texts = {}
    for language in Language:
        text = words.in_language(language)
        for name, value in values_.items():
            text = text.replace(f"{{{name}}}", value.in_language(language))
        texts[language] = text
    return Multilingual(texts[Language.EN], texts[Language.ZH_HANT], texts[Language.ZH_HANS])
