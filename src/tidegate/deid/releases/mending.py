"""The least change that lets a refused release go out.

Groups of people with the same past are independent of each other: the new release splits each by
its classes and by absence, and every part must be empty or have k people. So the fewest records to
hold back is found group by group: parts below k go; if too few are then absent, the missing ones
come from parts above k, or, where those have too few to spare, the smallest whole part goes too.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
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
    head = _Heads()
    joins: list[Path] = []
    for own in sizes.values():
        while (small := _first_small(own, head.of, k)) is not None:
            if ABSENT in small:
                return None
            joins.append(small)
            head.join(*small)
    return _without_needless(joins, head, sizes, k)


def _without_needless(
    joins: Iterable[Path], head: "_Heads", sizes: Mapping[Path, dict[int, int]], k: int
) -> tuple[tuple[int, ...], ...]:
    """Undo join after join, each set of classes by itself, where all parts stay large enough."""
    touching: dict[int, list[dict[int, int]]] = {}
    for own in sizes.values():
        for number in own:
            touching.setdefault(number, []).append(own)
    sets: dict[int, list[Path]] = {}
    for join in joins:
        sets.setdefault(head.of(join[0]), []).append(join)
    kept: list[Path] = []
    for mine in sets.values():
        members = {number for join in mine for number in join}
        near = {id(own): own for number in members for own in touching[number]}.values()
        for join in tuple(mine):
            fewer = _Heads([one for one in mine if one is not join])

            def of(number: int, own: _Heads = fewer, inside: set[int] = members) -> int:
                return own.of(number) if number in inside else head.of(number)

            if all(_first_small(own, of, k) is None for own in near):
                mine = [one for one in mine if one is not join]
        head.part(members, mine)
        kept += mine
    return _sets(kept)


def _sizes(past: Path, parts: Parts) -> dict[int, int]:
    """Count the people of each part; those whom no release ever showed need no company."""
    free = all(number == ABSENT for number in past)
    return {n: len(people) for n, people in parts.items() if not (free and n == ABSENT)}


def _first_small(
    sizes: dict[int, int], head: Callable[[int], int], k: int
) -> tuple[int, int] | None:
    """Return the first class with too few people of one past, and the one with most others."""
    joined: dict[int, int] = {}
    for number, size in sizes.items():
        first = head(number)
        joined[first] = joined.get(first, 0) + size
    small = min((n for n, size in joined.items() if size < k), default=None)
    if small is None:
        return None
    others = [n for n in joined if n not in {small, ABSENT}]
    return small, min(others, key=lambda n: (-joined[n], n), default=ABSENT)


class _Heads:
    """Which class stands for each set of joined ones: the least of them (Tarjan 1975)."""

    def __init__(self, joins: Iterable[Path] = ()) -> None:
        self._above: dict[int, int] = {}
        for join in joins:
            self.join(*join)

    def of(self, number: int) -> int:
        """Return the class that stands for a class."""
        above = self._above
        while (up := above.get(number, number)) != number:
            above[number] = above.get(up, up)
            number = up
        return number

    def join(self, one: int, other: int) -> None:
        """Join the sets of two classes."""
        first, last = sorted((self.of(one), self.of(other)))
        self._above[last] = first

    def part(self, members: Iterable[int], joins: Iterable[Path]) -> None:
        """Take a whole set apart, and join what is still joined."""
        for number in members:
            self._above.pop(number, None)
        for join in joins:
            self.join(*join)


def _sets(joins: Collection[Path]) -> tuple[tuple[int, ...], ...]:
    head = _Heads(joins)
    sets: dict[int, list[int]] = {}
    for number in sorted({number for join in joins for number in join}):
        sets.setdefault(head.of(number), []).append(number)
    return tuple(sorted(map(tuple, sets.values())))
