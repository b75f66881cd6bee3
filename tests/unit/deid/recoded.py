"""Small tables and naive recodings of them, for tests of what checks, measures and attacks."""

from collections import Counter

import numpy as np

from tidegate.deid.tables.model import (
    SUPPRESSED,
    Hierarchy,
    QuasiColumn,
    Recoding,
    SensitiveColumn,
    TableInput,
)


def numbers(name, count, *widths):
    """A hierarchy of the numbers 0 to count-1, in bands of each width, then `*`."""

    def band(value, width):
        first = value // width * width
        return f"{first}-{min(first + width, count) - 1}"

    levels = [tuple(str(value) for value in range(count))]
    levels += [tuple(band(value, width) for value in range(count)) for width in widths]
    return Hierarchy(name, (*levels, ("*",) * count), ordered=True)


def categories(name, *groups):
    """A hierarchy of groups of one-letter categories, then `*`."""
    leaves = tuple("".join(groups))
    owner = tuple(next(group for group in groups if leaf in group) for leaf in leaves)
    return Hierarchy(name, (leaves, tuple(f"[{group}]" for group in owner), ("*",) * len(leaves)))


def table_of(quasi, sensitive):
    """Quasi: (hierarchy, texts) each; sensitive: name to texts."""
    columns = []
    for hierarchy, texts in quasi:
        place = {leaf: n for n, leaf in enumerate(hierarchy.leaves)}
        codes = np.array([place[str(text)] for text in texts], np.int32)
        columns.append(QuasiColumn(hierarchy.name, codes, hierarchy))
    others = []
    for name, texts in sensitive.items():
        values = tuple(dict.fromkeys(map(str, texts)))
        place = {value: n for n, value in enumerate(values)}
        codes = np.array([place[str(text)] for text in texts], np.int32)
        others.append(SensitiveColumn(name, codes, values))
    return TableInput(tuple(columns), tuple(others))


def recode(table, levels, k=1):
    """Recode at one level a column; records in classes below k are suppressed."""
    texts = [
        [column.hierarchy.labels[level][code] for code in column.codes.tolist()]
        for column, level in zip(table.quasi, levels, strict=True)
    ]
    rows = list(zip(*texts, strict=True))
    sizes = Counter(rows)
    classes = [row for row in sizes if sizes[row] >= k]
    number = {row: n for n, row in enumerate(classes)}
    losses = [
        [(labels.count(row[place]) - 1) / max(len(labels) - 1, 1) for row in classes]
        for place, labels in enumerate(
            column.hierarchy.labels[level]
            for column, level in zip(table.quasi, levels, strict=True)
        )
    ]
    return Recoding(
        classes=np.array([number.get(row, SUPPRESSED) for row in rows], np.int32),
        labels=tuple(tuple(row[place] for row in classes) for place in range(len(texts))),
        losses=np.array(losses, float).reshape(len(texts), len(classes)),
    )


def unchanged(table):
    """Publish everything as it is."""
    return recode(table, [0] * len(table.quasi))
