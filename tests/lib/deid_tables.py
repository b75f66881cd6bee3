"""Small tables for the engine, drawn or made: hierarchies of any shape, and their records."""

import numpy as np
from hypothesis import strategies as st

from tidegate.deid.tables.model import ANY, Hierarchy, QuasiColumn, SensitiveColumn, TableInput


def hierarchy(name, fanouts, *, ordered=False):
    """A balanced hierarchy: fanouts from the top, so (2, 3) has 6 leaves in 2 groups."""
    paths = [()]
    for fanout in fanouts:
        paths = [(*path, digit) for path in paths for digit in range(fanout)]
    depth = len(fanouts)
    levels = [
        tuple("".join(f"{name}{digit}" for digit in path[: depth - level]) or ANY for path in paths)
        for level in range(depth)
    ]
    return Hierarchy(name, (*levels, (ANY,) * len(paths)), ordered=ordered)


def uneven(name, parents, *, ordered=False):
    """A hierarchy from runs: parents[level] gives for each label the label above it."""
    rows = [list(range(len(parents[0])))]
    for ups in parents:
        rows.append([ups[at] for at in rows[-1]])
    levels = [tuple(f"{name}{height}.{at}" for at in row) for height, row in enumerate(rows)]
    return Hierarchy(name, (*levels[:-1], (ANY,) * len(rows[0])), ordered=ordered)


@st.composite
def hierarchies(draw, name="c", most_leaves=9, most_levels=4):
    """Any hierarchy: at each level neighbours join at drawn places, at last all of them."""
    leaves = draw(st.integers(1, most_leaves))
    parents, width = [], leaves
    for _ in range(draw(st.integers(0, most_levels - 2))):
        steps = draw(st.lists(st.booleans(), min_size=width - 1, max_size=width - 1))
        ups = [0]
        for step in steps:
            ups.append(ups[-1] + step)
        parents.append(ups)
        width = ups[-1] + 1
    parents.append([0] * width)
    return uneven(name, parents, ordered=draw(st.booleans()))


@st.composite
def tables(draw, most_columns=3, most_rows=40, sensitive=0, most_leaves=6, most_levels=4):
    """A table of a few columns; records crowd together, so that classes arise."""
    shapes = [
        draw(hierarchies(f"q{at}", most_leaves, most_levels))
        for at in range(draw(st.integers(1, most_columns)))
    ]
    rows = draw(st.integers(1, most_rows))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    quasi = tuple(
        QuasiColumn(shape.name, _crowded(rng, len(shape.leaves), rows), shape) for shape in shapes
    )
    extra = tuple(
        SensitiveColumn(f"s{at}", _crowded(rng, 4, rows), ("a", "b", "c", "d"))
        for at in range(sensitive)
    )
    return TableInput(quasi, extra)


def _crowded(rng, count, rows):
    return np.minimum(rng.geometric(0.45, rows) - 1, count - 1).astype(np.int32)
