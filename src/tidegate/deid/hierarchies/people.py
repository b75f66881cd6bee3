"""Hierarchies of what people are: where they live, their sex, ethnic group and occupation."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from unicodedata import normalize

from tidegate.deid.hierarchies.model import Branch, Counts, Grower
from tidegate.deid.hierarchies.words import Name, choose_form, fold, load, read_name
from tidegate.kernel.values import dataclass

PLACE_DEPTH = 2
GROUP_DEPTH = 2
OCCUPATION_DEPTH = 4
_ISCO = re.compile("[0-9]{1,4}")
_NOT_WORKING = "n"
_SKILL = ("skill level", "技能等級", "技能等级")
_SEXES = {
    "F": {"f", "female", "woman", "女", "女性"},
    "M": {"m", "male", "man", "男", "男性"},
    "X": {"x", "o", "other", "intersex", "其他"},
    "U": {"u", "unknown", "not known", "未知", "不詳", "不详", "未說明的性別", "未说明的性别"},
}


@dataclass(frozen=True, slots=True)
class _Entry:
    """One thing of a list: what stands above it, and what it is sorted by."""

    names: tuple[Name, ...]
    """From its own level up."""
    key: tuple[int, ...]
    identity: str


def _grower(
    counts: Counts,
    index: Mapping[str, _Entry],
    every: tuple[Name, ...],
    spelt: Callable[[str], str],
) -> Grower:
    """Look values up as they are spelt; what stands above them is labelled as most values are."""
    form = choose_form(counts, every)

    def grow(value: str) -> Branch | None:
        entry = index.get(spelt(value))
        if entry is None:
            return None
        labels = tuple(name.forms[form] for name in entry.names[1:])
        return Branch(entry.identity, labels, entry.key)

    return grow


# --- places


@cache
def _places() -> tuple[Mapping[str, _Entry], tuple[Name, ...]]:
    index: dict[str, _Entry] = {}
    every: list[Name] = []
    for entry, spellings in _every_place():
        every.append(entry.names[0])
        for spelling in spellings:
            index.setdefault(spelling, entry)
    return index, tuple(every)


def _every_place() -> Iterator[tuple[_Entry, set[str]]]:
    """Yield every place with its folded spellings: alone, after its city, after its province."""
    for p, province in enumerate(load("places")["province"]):
        above = read_name(province["name"])
        for c, city in enumerate(province["city"]):
            town = read_name(city["name"])
            towns = {fold(one) for one in town.spellings()}
            provinces = {fold(one) for one in above.spellings()}
            heads = {"", *towns, *provinces, *(a + b for a in provinces for b in towns)}
            for d, district in enumerate(city["districts"]):
                name = read_name(district)
                own = {fold(one) for one in name.spellings()}
                identity = f"{p}.{c}.{d}"
                entry = _Entry((name, town, above), (p, c, d), identity)
                yield entry, {head + one for head in heads for one in own}
            entry = _Entry((town, town, above), (p, c, -1), f"{p}.{c}")
            whole = towns | {one + one for one in towns} | {a + b for a in provinces for b in towns}
            yield entry, whole
        yield (
            _Entry((above, above, above), (p, -1, -1), str(p)),
            {fold(one) for one in above.spellings()},
        )


def grow_places(counts: Counts) -> Grower:
    """Place districts in their city (Hong Kong: region) and province; labels as the column is.

    The labels above the districts are written as most values are: English, Traditional or
    Simplified Chinese.
    """
    return _grower(counts, *_places(), fold)


# --- sex


def grow_sex(value: str) -> Branch | None:
    """Know the usual words for sex; ISO/IEC 5218's numbers are left as they are."""
    folded = value.strip().casefold()
    if folded in {"0", "1", "2", "9"}:
        return Branch(folded, (), (folded,))
    found = next((code for code, spellings in _SEXES.items() if folded in spellings), None)
    return None if found is None else Branch(found, (), (found,))


# --- ethnic groups


@cache
def _peoples() -> tuple[Mapping[str, _Entry], tuple[Name, ...]]:
    index: dict[str, _Entry] = {}
    every: list[Name] = []
    for g, group in enumerate(load("peoples")["group"]):
        top = read_name(group["name"])
        for p, part in enumerate(group["part"]):
            middle = read_name(part["name"])
            for m, line in enumerate(part["members"]):
                name = read_name(line)
                every.append(name)
                entry = _Entry((name, middle, top), (g, p, m), f"{g}.{p}.{m}")
                for spelling in name.spellings():
                    index.setdefault(_fold_people(spelling), entry)
            entry = _Entry((middle, middle, top), (g, p, -1), f"{g}.{p}")
            for spelling in middle.spellings():
                index.setdefault(_fold_people(spelling), entry)
    return index, tuple(every)


def _fold_people(spelling: str) -> str:
    folded = fold(spelling)
    return folded[:-1] if len(folded) > 1 and folded[-1] in "族人" else folded


def grow_peoples(counts: Counts) -> Grower:
    """Place ethnic groups: the Mainland's 56 and those of Hong Kong's and Macao's censuses."""
    return _grower(counts, *_peoples(), _fold_people)


# --- occupations


@dataclass(frozen=True, slots=True)
class _Major:
    code: str
    skill: str
    name: Name


@cache
def _occupations() -> tuple[Mapping[str, tuple[_Major, str]], Mapping[str, _Major]]:
    index: dict[str, tuple[_Major, str]] = {}
    majors: dict[str, _Major] = {}
    for group in load("occupations")["group"]:
        major = _Major(group["code"] or _NOT_WORKING, group["skill"], read_name(group["name"]))
        majors[major.code] = major
        for line in (group["name"], *group["members"]):
            name = read_name(line)
            for spelling in line.split("|"):
                index.setdefault(fold(spelling), (major, name.forms[0]))
    return index, majors


def grow_occupations(counts: Counts) -> Grower:
    """Place ISCO-08 codes by their digits, and usual words by their major group and skill."""
    index, majors = _occupations()
    form = choose_form(counts, [major.name for major in majors.values()])

    def grow(value: str) -> Branch | None:
        text = normalize("NFKC", value).strip()
        if _ISCO.fullmatch(text):
            group = majors[text[0]]
            steps = tuple(f"{text[:cut]:x<4}" for cut in (3, 2))
            return Branch(text, (*steps, *_tops(group, form)), (group.code, text))
        found = index.get(fold(text))
        if found is None:
            return None
        major, identity = found
        labels = _tops(major, form)
        return Branch(f"{major.code}:{identity}", (labels[0],) * 2 + labels, (major.code, identity))

    return grow


def _tops(major: _Major, form: int) -> tuple[str, str]:
    name = major.name.forms[form]
    return name, f"{_SKILL[form]} {major.skill}" if major.skill else name


def share_known(counts: Counts, grow: Grower) -> float:
    """Return the share of records with a value that a list knows."""
    there = {value: count for value, count in counts.items() if value.strip()}
    known = sum(count for value, count in there.items() if grow(value) is not None)
    return known / sum(there.values()) if there else 0.0
