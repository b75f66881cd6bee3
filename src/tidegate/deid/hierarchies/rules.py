"""What holds of every hierarchy, and how one is put together from the places of its values."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from tidegate.deid.errors import HierarchyError
from tidegate.deid.hierarchies.model import MISSING, OTHER, Branch, Counts, Grower, Grown, Unknown
from tidegate.deid.tables.model import ANY, Hierarchy
from tidegate.kernel.values import dataclass

_WHOLE = " (all)"


@dataclass(frozen=True, slots=True)
class _Leaf:
    text: str
    labels: tuple[str, ...]
    key: tuple[object, ...]


def assemble(
    name: str,
    counts: Counts,
    grow: Grower,
    *,
    depth: int,
    source: str,
    ordered: bool = False,
    unknown: Unknown = Unknown.REFUSE,
) -> Grown:
    """Put a hierarchy together from the branch of each value; `depth` labels stand above a leaf.

    Missing values get a leaf of their own, levels that coarsen nothing are left out, and labels
    that would mean two sets of leaves are told apart. Raises HierarchyError (`values_unknown`)
    with counts and without values.
    """
    branches = {value: _branch(value, grow, depth) for value in counts}
    strangers = {value: counts[value] for value, branch in branches.items() if branch is None}
    if strangers and unknown is Unknown.REFUSE:
        raise HierarchyError(
            f"{len(strangers)} different values of {name} ({sum(strangers.values())} records) are"
            f" not known to the hierarchy ({source}). Correct them, choose another hierarchy, or"
            ' say "unknown": "other" to give them a branch of their own.',
            code="values_unknown",
            column=name,
            values=str(len(strangers)),
            records=str(sum(strangers.values())),
        )
    placed = {value: branch or _stranger(value, depth) for value, branch in branches.items()}
    leaves, leaf_of = _leaves(counts, placed)
    levels = _distinct(_useful([tuple(leaf.text for leaf in leaves), *_levels(leaves, depth)]))
    hierarchy = Hierarchy(name, levels, ordered, source)
    check(hierarchy)
    return Grown(hierarchy, leaf_of, sum(strangers.values()))


def check(hierarchy: Hierarchy) -> None:
    """Raise HierarchyError unless the hierarchy is monotone, in taxonomy order, with one root."""
    name, levels = hierarchy.name, hierarchy.labels
    if not levels or len({len(level) for level in levels}) != 1 or not levels[0]:
        raise _broken(name, "levels_ragged", "its levels do not all name every leaf")
    if set(levels[-1]) != {ANY}:
        raise _broken(name, "no_root", f"its last level is not {ANY} alone")
    if len(set(levels[0])) != len(levels[0]):
        raise _broken(name, "leaves_repeated", "a leaf stands in it twice")
    if ANY in levels[0] and len(levels) > 1:
        raise _broken(name, "leaf_is_root", f"a leaf is called {ANY}, as the root is")
    for place, (fine, coarse) in enumerate(pairwise(levels), start=1):
        if not _is_coarser(fine, coarse):
            words = f"one label of level {place - 1} has two labels on level {place}"
            raise _broken(name, "not_monotone", words)
        if _runs(coarse) != len(set(coarse)):
            words = f"the leaves of a label of level {place} are not neighbours"
            raise _broken(name, "not_in_order", words)


def _is_coarser(fine: Sequence[str], coarse: Sequence[str]) -> bool:
    parents: dict[str, str] = {}
    return all(
        parents.setdefault(label, above) == above for label, above in zip(fine, coarse, strict=True)
    )


def _broken(name: str, code: str, words: str) -> HierarchyError:
    return HierarchyError(
        f"The hierarchy of {name} cannot be used: {words}. Correct it; every level must group the"
        f" groups of the one before, up to a single {ANY}.",
        code=f"hierarchy_{code}",
        column=name,
    )


def _runs(labels: Sequence[str]) -> int:
    return sum(place == 0 or label != labels[place - 1] for place, label in enumerate(labels))


def _branch(value: str, grow: Grower, depth: int) -> Branch | None:
    if not value.strip():
        return Branch(MISSING, (MISSING,) * depth, (0,), MISSING)
    if value.strip() == ANY:
        return None
    found = grow(value)
    return found and Branch(("known", found.identity), found.labels, (2, *found.key), found.leaf)


def _stranger(value: str, depth: int) -> Branch:
    leaf = f"({ANY})" if value.strip() == ANY else value
    return Branch(("unknown", value), (OTHER,) * depth, (1, value), leaf)


def _leaves(counts: Counts, placed: dict[str, Branch]) -> tuple[tuple[_Leaf, ...], dict[str, int]]:
    spellings: defaultdict[object, list[str]] = defaultdict(list)
    for value, branch in placed.items():
        spellings[branch.identity].append(value)
    found: list[tuple[_Leaf, list[str]]] = []
    for values in spellings.values():
        usual = min(values, key=lambda value: (-counts[value], value))
        branch = placed[usual]
        is_missing = branch.identity == MISSING
        text = MISSING if is_missing else branch.leaf or usual.strip()
        key = min(placed[value].key for value in values)
        found.append((_Leaf(text, branch.labels, key), values))
    found = _in_order(found)
    leaf_of = {value: place for place, (_, values) in enumerate(found) for value in values}
    return _told_apart(tuple(leaf for leaf, _ in found)), leaf_of


def _in_order(found: list[tuple[_Leaf, list[str]]]) -> list[tuple[_Leaf, list[str]]]:
    """Sort so that the leaves of every label are neighbours, labels by their first leaf."""
    first: dict[tuple[str, ...], tuple[object, ...]] = {}
    for leaf, _ in found:
        for level in range(len(leaf.labels)):
            above = leaf.labels[level:]
            first[above] = min(first.get(above, leaf.key), leaf.key)

    def place(one: tuple[_Leaf, list[str]]) -> tuple[object, ...]:
        leaf = one[0]
        ranks = [(first[leaf.labels[n:]], leaf.labels[n]) for n in range(len(leaf.labels))]
        return (*reversed(ranks), (leaf.key, leaf.text))

    return sorted(found, key=place)


def _told_apart(leaves: tuple[_Leaf, ...]) -> tuple[_Leaf, ...]:
    """Give leaves that read alike (a missing one excepted) a number."""
    seen: defaultdict[str, int] = defaultdict(int)
    told = []
    taken = {leaf.text for leaf in leaves}
    for leaf in leaves:
        text = leaf.text
        while seen[text] or (text != leaf.text and text in taken):
            seen[leaf.text] += 1
            text = f"{leaf.text} ({seen[leaf.text]})"
        seen[text] += 1
        told.append(_Leaf(text, leaf.labels, leaf.key))
    return tuple(told)


def _levels(leaves: Iterable[_Leaf], depth: int) -> list[tuple[str, ...]]:
    rows = [leaf.labels for leaf in leaves]
    return [tuple(row[level] for row in rows) for level in range(depth)]


def _useful(levels: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Leave out levels that group as the one before does, or group everything."""
    kept = [levels[0]]
    for level in levels[1:]:
        groups = len(set(level))
        if 1 < groups < len(set(kept[-1])):
            kept.append(level)
    return [*kept, (ANY,) * len(levels[0])]


def _distinct(levels: list[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """Tell labels apart that read alike and cover different leaves, such as I21 and I21.-."""
    meaning: dict[str, frozenset[int]] = {ANY: frozenset(range(len(levels[0])))}
    done = []
    for level in levels[:-1]:
        members: defaultdict[str, list[int]] = defaultdict(list)
        for leaf, label in enumerate(level):
            members[label].append(leaf)
        names = {label: _free(label, frozenset(m), meaning) for label, m in members.items()}
        done.append(tuple(names[label] for label in level))
    return (*done, levels[-1])


def _free(label: str, covered: frozenset[int], meaning: dict[str, frozenset[int]]) -> str:
    name = label
    while meaning.setdefault(name, covered) != covered:
        name += _WHOLE
    return name
