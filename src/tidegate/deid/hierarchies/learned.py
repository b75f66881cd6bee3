"""Learned hierarchies of free categories: the rarest values are pooled first."""

from collections import Counter

from tidegate.deid.hierarchies.model import Branch, Counts, Grower

SHARES = (1, 5, 20, 50)
"""Of the records, in per cent: how much each level's pool may hold."""


def learn_pools(counts: Counts) -> Grower:
    """Pool values by how rare they are: level by level the rarest 1, 5, 20 and 50 per cent.

    Values of the same frequency stay together, a pool holds all smaller pools, and its label says
    the share and no value. A pool of one value is none: its value would be known by the label.
    """
    there: Counter[str] = Counter()
    for value, count in counts.items():
        there[value.strip()] += count
    del there[""]
    total = sum(there.values())
    sizes: dict[int, int] = {}
    for count in there.values():
        sizes[count] = sizes.get(count, 0) + 1
    limits = [_limit(sizes, total * share) for share in SHARES]

    def grow(value: str) -> Branch | None:
        text = value.strip()
        count = there[text]
        labels = tuple(
            f"(rarest {share}%)" if count <= limit else text
            for share, limit in zip(SHARES, limits, strict=True)
        )
        return Branch(text, labels, (-count, text))

    return grow


def _limit(sizes: dict[int, int], hundredfold: int) -> int:
    """Return the largest frequency of a pooled value, 0 if fewer than two can be pooled."""
    held, values, limit = 0, 0, 0
    for count in sorted(sizes):
        held += count * sizes[count]
        if held * 100 > hundredfold:
            break
        values += sizes[count]
        limit = count if values > 1 else 0
    return limit
