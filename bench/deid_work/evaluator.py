"""The common judge of every output: mean penalty over cells, discernibility, smallest class.

Reads nothing but the published file and the hierarchies. A cell's normalised certainty penalty is
(leaves under its label - 1) / (leaves - 1), for an interval of an ordered column its own leaves;
a record that is left out, or `*` in every column, counts 1 in every cell (Xu et al. 2006).
Discernibility: the sum of squared class sizes, and the whole table for each record left out
(Bayardo, Agrawal 2005).
"""

import csv
from collections import Counter
from pathlib import Path


def sizes_of(folder: Path, family: str, column: str) -> "tuple[dict[str, int], list[str]]":
    """Return how many leaves each label has, and the leaves."""
    text = (folder / "h" / f"{family}_{column}.csv").read_text(encoding="utf-8")
    rows = [line.split(";") for line in text.splitlines()]
    sizes: dict[str, int] = {}
    for level in range(len(rows[0])):
        for label, count in Counter(row[level] for row in rows).items():
            sizes.setdefault(label, count)
    sizes["*"] = len(rows)
    return sizes, [row[0] for row in rows]


def _width(label: str, leaves: dict[str, int]) -> int:
    """Return how many leaves an interval has, whichever mark stands between its ends."""
    for mark in ("/", " to ", "-"):
        parts = label.split(mark)
        for at in range(1, len(parts)):
            first, last = mark.join(parts[:at]), mark.join(parts[at:])
            if first in leaves and last in leaves:
                return leaves[last] - leaves[first] + 1
    raise ValueError(f"the label {label!r} is of no hierarchy")


def judge(
    folder: Path, family: str, output: Path, quasi: tuple[str, ...], rows: int
) -> dict[str, float]:
    """Score a published file of a table that had so many rows."""
    with output.open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file, delimiter=";")
        names = next(lines)
        at = [names.index(name) for name in quasi]
        classes = Counter(tuple(line[place] for place in at) for line in lines)
    classes.pop(("*",) * len(quasi), None)
    kept = sum(classes.values())
    lost = 0.0
    for place, name in enumerate(quasi):
        sizes, leaves = sizes_of(folder, family, name)
        rank = {leaf: number for number, leaf in enumerate(leaves)}
        cells = Counter[str]()
        for labels, count in classes.items():
            cells[labels[place]] += count
        for label, count in cells.items():
            size = sizes[label] if label in sizes else _width(label, rank)
            lost += count * (size - 1) / max(len(leaves) - 1, 1)
    lost += (rows - kept) * len(quasi)
    return {
        "ncp": lost / rows / len(quasi),
        "discernibility": sum(size**2 for size in classes.values()) + (rows - kept) * rows,
        "classes": len(classes),
        "smallest": min(classes.values(), default=0),
        "kept": kept,
    }
