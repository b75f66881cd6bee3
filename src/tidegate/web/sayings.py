"""Queries and terms said in words, in the reader's language."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from tidegate.kernel.text import Language
from tidegate.web import facts, formats
from tidegate.web.messages import find_words, words

_NUMBER = re.compile(r"\d+")
_BETWEEN = re.compile(r"[ -]")
_SIGNS = {"eq": "=", "ne": "≠", "lt": "<", "le": "≤", "gt": ">", "ge": "≥"}
_HASH = re.compile(r"\b[0-9a-f]{64}\b")
_STAMP = re.compile(r"\b\d{4}-\d\d-\d\dT[\d:.]+Z")
_NAMED = re.compile(r"(?:did:web:|person:|node:did:)[^\s,;。]+[^\s,;.。]")
_FACTS: Mapping[str, tuple[str, ...]] = {
    "cn_class": ("cn_class",),
    "code": ("reason", "problem"),
    "outcome": ("outcome",),
    "reason": ("reason", "problem"),
    "role": ("role", "member_role"),
    "roles": ("role",),
    "seat": ("seat",),
    "side": ("side",),
    "stage": ("stage",),
    "state": ("query_state", "agreement_state", "process_state"),
    "step": ("step",),
    "unit": ("unit",),
}
"""Under which words the codes stand that leaves give under a name."""
_PHRASES = {"act": "act", "action": "act", "by": "mover", "machine": "machine"}
"""Under which words stand the phrases that name an act, who does it, and what it moves."""
_TRUTHS = {"true": "yes", "false": "no"}
_POOLED = {"(other)": "other", "(missing)": "missing"}
_GROUPS = {"everyone": "everyone", "yes": "yes", "no": "no", **_POOLED}
_LIST_OF_CODES = re.compile(r"[A-Za-z][\w-]*(?:, [A-Za-z][\w-]*)*")
_CODES = {"seat": "seat", "compute-place": "compute", "output-review": "review"}
_CODE = re.compile(r"[A-Za-z]+(?:-[A-Za-z0-9]+)*")
_TYPED = frozenset({"checker_refused", "terminated_by_person", "terminated_by_peer"})
"""Codes of reasons that somebody wrote: their own words are told beside ours."""
_NAMED_FACT = re.compile(
    r"did:web:[^\s,;)'。]*[^\s,;)'。.]|https?://[^\s,;)'。]*[^\s,;)'。.]|localhost:\d+"
    rf"|HTTP \d{{3}}|{facts.RULE}|'([^']{{1,80}})'"
)


def plain(text: str, names: Mapping[str, str], language: Language) -> str:
    """Write names for ids, local time for stamps, and the ends of long hashes."""
    text = _NAMED.sub(lambda found: formats.institution(names.get(found[0], found[0])), text)
    text = _STAMP.sub(lambda found: formats.moment(found[0], language), text)
    return _HASH.sub(lambda found: formats.short(found[0], 10), text)


def plain_term(name: str, text: str, names: Mapping[str, str], language: Language) -> str:
    """Say one term of a policy without the codes it has on the wire."""
    group = _CODES.get(name)
    if group is not None:
        text = _CODE.sub(
            lambda found: find_words(language, f"{group}.{found[0]}") or found[0], text
        )
    return plain(text, names, language)


def say_fact(name: str, text: str, language: Language) -> str:
    """Say what a leaf gives as a code, one or several, in the reader's words where we have them."""
    if text.lower() in _TRUTHS:
        return words(language, f"group.{_TRUTHS[text.lower()]}")
    if name in _PHRASES:
        return find_words(language, f"{_PHRASES[name]}.{_BETWEEN.sub('_', text)}") or text
    groups = _FACTS.get(name)
    if groups is None or not _LIST_OF_CODES.fullmatch(text):
        return text
    said = (
        next(filter(None, (find_words(language, f"{group}.{key}") for group in groups)), code)
        for code in text.split(", ")
        for key in (code if name == "seat" else code.lower(),)
    )
    return listed(said, language)


def say_reason(text: str, code: str, language: Language) -> str:
    """Say why something waits, failed or ended: by its code where we have the reader's words.

    The English words that a record keeps are for English readers; of them, others are told the
    facts: in a sentence of their own where there is one, else ids, addresses, what stands in
    quotes. What a person wrote stays as it was written.
    """
    if language is Language.EN and text:
        return text
    told = facts.tell(text, code, language)
    if told is not None:
        return told
    found = find_words(language, f"reason.{code}") or find_words(language, f"problem.{code}")
    if found is None:
        return text or code.replace("_", " ")
    if code in _TYPED:
        return f"{found}「{text}」" if text else found
    named = dict.fromkeys(match[1] or match[0] for match in _NAMED_FACT.finditer(text))
    beside = "、".join(each for each in named if each not in found)
    return f"{found}（{beside}）" if beside and language is not Language.EN else found


def say_check(text: str, language: Language) -> str:
    """Say a check of the quality profile, or what it counted, where we have the reader's words.

    A check is kept as `table: what holds`, its detail as a number with words.
    """
    table, mark, what = text.rpartition(": ")
    number = _NUMBER.match(what)
    count = number[0] if number else ""
    key = f"n{what[len(count) :]}" if number else what
    found = find_words(language, f"quality_check.{key.replace(' ', '_')}")
    said = found.replace("{n}", formats.number(int(count))) if found and count else found
    return f"{table}{colon(language) if mark else ''}{said or what}"


def colon(language: Language) -> str:
    """Return the colon between a label and what it labels."""
    return ": " if language is Language.EN else "："


def listed(parts: Iterable[str], language: Language) -> str:
    """Write several things one after another, as the reader's language parts them."""
    return (", " if language is Language.EN else "、").join(parts)


def say_group(name: str, language: Language) -> str:
    """Say a group of a result; that of a curve is written with its day, as `everyone · 30`."""
    group, dot, day = name.partition(" · ")
    key = _GROUPS.get(group)
    said = (find_words(language, f"group.{key}") if key else None) or group
    return f"{said}{dot}{day}"


def say_category(value: str, kind: str, language: Language) -> str:
    """Say a category of a column: a truth as yes or no, what was pooled or missing as such."""
    if kind == "boolean":
        value = _TRUTHS.get(value.lower(), value)
    return say_group(value, language) if kind == "boolean" or value in _POOLED else value


def say_query(document: str, language: Language) -> str:
    """Say a query, given as JSON, in one sentence."""
    return _Speaker(language).query(json.loads(document))


class _Speaker:
    """Says the parts of a query in one language."""

    def __init__(self, language: Language) -> None:
        self._language = language

    def _words(self, key: str, **values: object) -> str:
        return words(self._language, f"say.{key}", **values)

    def query(self, query: Mapping[str, Any]) -> str:
        """Say the whole query."""
        cohort = self._condition(query["cohort"])
        by = self._place(query["by"]["of"]) if query.get("by") else ""
        if query["kind"] == "cross_table":
            rows, columns = self._place(query["rows"]["of"]), self._place(query["columns"]["of"])
            return self._words("cross_table", rows=rows, columns=columns, cohort=cohort)
        kind = f"{query['kind']}_by" if by else str(query["kind"])
        if query["kind"] == "kaplan_meier":
            event = query["event"]
            told = self._condition(event.get("condition") or {**event, "kind": "has"})
            time = self._place(query["time"])
            return self._words(kind, cohort=cohort, by=by, time=time, event=told)
        return self._words(kind, cohort=cohort, by=by)

    def _condition(self, part: Mapping[str, Any]) -> str:
        kind = part["kind"]
        if kind == "everyone":
            return self._words("everyone")
        if kind in {"and", "or"}:
            return self._words(kind).join(map(self._condition, part["parts"]))
        if kind == "not":
            return self._words("not", part=self._condition(part["part"]))
        if kind == "picked_is":
            return self._test(part["test"], self._place(part["picked"]))
        if not part.get("where"):
            return self._words("has_rows", table=part["table"])
        return self._test(part["where"], part["table"])

    def _test(self, test: Mapping[str, Any], place: str) -> str:
        kind = test["kind"]
        if kind in {"and", "or"}:
            return self._words(kind).join(self._test(part, place) for part in test["parts"])
        if kind == "not":
            return self._words("not", part=self._test(test["part"], place))
        column = f"{place}.{test['column']}"
        if kind == "missing":
            return self._words("missing", column=column)
        if kind == "in":
            return f"{column} ∈ {{{', '.join(map(str, test['values']))}}}"
        if kind == "between":
            return f"{column} ∈ [{test['low']}, {test['high']}]"
        return f"{column} {_SIGNS[test['op']]} {test['value']}"

    def _place(self, place: Mapping[str, Any]) -> str:
        if place["kind"] == "column":
            return f"{place['table']}.{place['column']}"
        if place["kind"] == "picked":
            return self._words(place["end"], value=f"{place['table']}.{place['value']}")
        return self._condition(place["condition"])
