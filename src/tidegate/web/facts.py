"""Refusals told with their facts: numbers, dates and names of an English sentence, in any language.

A record, a message on the wire and an error keep one sentence, in English, beside its code. The
group `told` of the words has the sentences whose facts a reader needs, with named places: the
English one finds the facts in what was kept, the reader's one tells them. A code with several
sentences has further keys: `query_bands`, `query_bands-2`.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from string import Formatter

from tidegate.kernel.text import Language
from tidegate.policy.service import find_purpose
from tidegate.web import formats
from tidegate.web.messages import find_words, messages, words

_GROUP = "told."
_LONGEST = 4000
_LONG = frozenset({"reason", "rules"})
_FACT = 200
"""How long a fact is at most, unless it is a sentence: peers write some of what is searched."""
RULE = r"\b[A-Z]{1,6}(?:-[A-Z]{1,6})?-\d{2}\b"
"""How rules are named, as in XB-05."""
_RULE = re.compile(RULE)
_LACKING = re.compile(r"nobody said '([^']{1,80})'")
_AND = re.compile(r"(?:[,;] | or | and )")
_DAY = re.compile(r"\d{4}-\d\d-\d\d(?:T[\d:.]+Z)?")
_WORDS_OF: Mapping[str, tuple[str, ...]] = {
    "seat": ("seat",),
    "stage": ("stage",),
    "state": ("agreement_state", "partnership_state", "process_state", "permit_state"),
    "type": ("type",),
}
"""Under which words the codes stand that have a place of this name."""


def tell(text: str, code: str, language: Language) -> str | None:
    """Say a kept sentence in the reader's language with the facts that stand in it.

    None where the words of the code name no facts, or where the sentence is another one.
    """
    for key, pattern in _patterns(code):
        found = pattern.fullmatch(text[:_LONGEST])
        if found is not None:
            facts = {name: _say(name, fact, language) for name, fact in found.groupdict().items()}
            return words(language, key, **facts)
    return None


def places(text: str) -> tuple[str, ...]:
    """Return the named places of a sentence in their order."""
    return tuple(name for _, name, _, _ in Formatter().parse(text) if name)


def pattern_of(text: str) -> re.Pattern[str]:
    """Return the pattern that finds the facts in a sentence with named places."""
    parts = (
        re.escape(literal) + (_place(name) if name else "")
        for literal, name, _, _ in Formatter().parse(text)
    )
    return re.compile("".join(parts), re.DOTALL)


def _place(name: str) -> str:
    return f"(?P<{name}>.{{1,{_LONGEST if name in _LONG else _FACT}}}?)"


@cache
def _patterns(code: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return the sentences of a code: those with most facts first, then those that say most."""
    known = [
        (key, text)
        for key, text in messages(Language.EN).items()
        if key.partition("-")[0] == f"{_GROUP}{code}"
    ]
    known.sort(key=lambda one: (-len(places(one[1])), -len(one[1])))
    return tuple((key, pattern_of(text)) for key, text in known)


def _say(name: str, fact: str, language: Language) -> str:
    if name in _OF_ITS_OWN:
        return _OF_ITS_OWN[name](fact, language)
    if name == "reason":  # somebody's own words, in the middle of ours
        return fact.rstrip(".。 ") or fact
    if name in _WORDS_OF:
        codes = (fact, fact.lower())
        groups = _WORDS_OF[name]
        told = (find_words(language, f"{group}.{one}") for group in groups for one in codes)
        return next(filter(None, told), fact)
    if fact.isdecimal():
        return formats.number(int(fact))
    if _DAY.fullmatch(fact):
        return formats.moment(fact, language) if "T" in fact else formats.day(fact, language)
    return fact


def _listed(parts: list[str], language: Language) -> str:
    return (", " if language is Language.EN else "、").join(parts)


def _say_purposes(fact: str, language: Language) -> str:
    return _listed([_say_purpose(one, language) for one in _AND.split(fact)], language)


def _say_purpose(text: str, language: Language) -> str:
    purpose = find_purpose(text)
    return purpose.name.in_language(language) if purpose else text


def _say_list(fact: str, language: Language) -> str:
    return _listed(_AND.split(fact), language)


def _say_rules(fact: str, language: Language) -> str:
    """Say which rules spoke, and which inputs nobody gave."""
    rules = list(dict.fromkeys(_RULE.findall(fact)))
    lacking = list(dict.fromkeys(_LACKING.findall(fact)))
    said = _listed(rules, language) or fact
    if not lacking:
        return said
    return words(language, "say.rules_lacking", rules=said, fields=_listed(lacking, language))


_OF_ITS_OWN: Mapping[str, Callable[[str, Language], str]] = {
    "purpose": _say_purposes,
    "purposes": _say_purposes,
    "rules": _say_rules,
    "schemes": _say_list,
}
"""Places whose facts are more than a number, a date or a name."""
