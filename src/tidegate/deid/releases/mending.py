"""The least change that lets a refused release go out.

Groups of people with the same past are independent of each other: the new release splits each by
its classes and by absence, and every part must be empty or have k people. So the fewest records to
hold back is found group by group: parts below k go; if too few are then absent, the missing ones
come from parts above k, or, where those have too few to spare, the smallest whole part goes too.
"""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from tidegate.deid.releases.model import ABSENT

Path: TypeAlias = tuple[int, ...]
Parts: TypeAlias = Mapping[int, list[bytes]]
"""People of one past by their class in the new release, `ABSENT` among them."""


def fewest_to_hold_back(pasts: Mapping[Path, Parts], k: int) -> tuple[bytes, ...]:
    """Return the persons to leave out of the new release: the fewest, then the least digests."""
    held: list[bytes] = []
    for past, parts in pasts.items():
        free = all(number == ABSENT for number in past)  # nobody has seen them yet
        held += _hold_back(parts, k, free=free)
    return tuple(sorted(held))


def _hold_back(parts: Parts, k: int, *, free: bool) -> list[bytes]:
    published = {number: people for number, people in parts.items() if number != ABSENT}
    held = [one for people in published.values() if len(people) < k for one in people]
    absent = len(parts.get(ABSENT, ())) + len(held)
    missing = k - absent if absent and not free else 0
    large = [sorted(people) for people in published.values() if len(people) >= k]
    if missing <= 0 or not large:
        return held
    spare = sorted(one for people in large for one in people[k:])
    if len(spare) >= missing:
        return held + spare[:missing]
    return held + min(large, key=lambda people: (len(people), people))


def merge_classes(pasts: Mapping[Path, Parts], k: int) -> tuple[tuple[int, ...], ...] | None:
    """Return sets of classes to publish as one so that no part is below k, or None.

    Each step joins the class of a small part to the one that has most of the same past; parts only
    grow, so one pass is enough. Then every join that turns out to be needless is undone: none that
    stays could be left out.
    """
    sizes = {past: _sizes(past, parts) for past, parts in sorted(pasts.items())}
    joins: list[Path] = []
    for past in sizes:
        while (small := _first_small(sizes[past], _heads(joins), k)) is not None:
            number, other = small
            if ABSENT in {number, other}:
                return None
            joins.append((number, other))
    for join in tuple(joins):
        fewer = [one for one in joins if one is not join]
        head, touched = _heads(fewer), set(next(s for s in _sets(joins) if join[0] in s))
        near = (own for own in sizes.values() if not touched.isdisjoint(own))
        if all(_first_small(own, head, k) is None for own in near):
            joins = fewer
    return _sets(joins)


def _sizes(past: Path, parts: Parts) -> dict[int, int]:
    """Count the people of each part; those whom no release ever showed need no company."""
    free = all(number == ABSENT for number in past)
    return {n: len(people) for n, people in parts.items() if not (free and n == ABSENT)}


def _first_small(sizes: dict[int, int], head: dict[int, int], k: int) -> tuple[int, int] | None:
    """Return the first class with too few people of one past, and the one with most others."""
    joined: dict[int, int] = {}
    for number, size in sizes.items():
        first = head.get(number, number)
        joined[first] = joined.get(first, 0) + size
    small = min((n for n, size in joined.items() if size < k), default=None)
    if small is None:
        return None
    others = [n for n in joined if n not in {small, ABSENT}]
    return small, min(others, key=lambda n: (-joined[n], n), default=ABSENT)


def _heads(joins: Iterable[Path]) -> dict[int, int]:
    """Return for every joined class the least class it is joined to, directly or not."""
    return {number: members[0] for members in _sets(joins) for number in members}


def _sets(joins: Iterable[Path]) -> tuple[tuple[int, ...], ...]:
    sets: list[set[int]] = []
    for pair in joins:
        touched = [one for one in sets if not one.isdisjoint(pair)]
        sets = [one for one in sets if one.isdisjoint(pair)]
        sets.append(set(pair).union(*touched))
    return tuple(sorted(tuple(sorted(one)) for one in sets))
