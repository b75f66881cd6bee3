"""What each class publishes in each quasi-identifier: its label, or the centre of its members."""

from typing import Any

from tidegate.deid.hierarchies.model import MISSING, OTHER
from tidegate.deid.recipe.model import Publish, Role, TableRecipe
from tidegate.deid.tables.model import SUPPRESSED, Hierarchy, Recoding, TableInput


def texts_of(
    table: TableInput, recoding: Recoding, recipe: TableRecipe
) -> dict[str, tuple[str, ...]]:
    """Return the published text of every class, by quasi-identifier."""
    plans = {plan.name: plan for plan in recipe.of_role(Role.QUASI)}
    found = {}
    for column, labels in zip(table.quasi, recoding.labels, strict=True):
        is_centre = plans[column.name].publish is Publish.CENTRE and column.hierarchy.ordered
        found[column.name] = (
            centres(column.codes, column.hierarchy, recoding) if is_centre else labels
        )
    return found


def centres(codes: Any, hierarchy: Hierarchy, recoding: Recoding) -> tuple[str, ...]:
    """Return the lower median of each class's own known members, the same for all of them.

    A class whose members have no known value publishes an empty one.
    """
    import numpy as np  # noqa: PLC0415 - heavy: loaded when rows are touched

    apart = {MISSING, OTHER}
    upper = hierarchy.labels[1] if hierarchy.height > 2 else hierarchy.leaves
    known = np.array(
        [
            leaf != MISSING and above not in apart
            for leaf, above in zip(hierarchy.leaves, upper, strict=True)
        ]
    )
    here = (recoding.classes != SUPPRESSED) & known[codes]
    members, values = recoding.classes[here], codes[here]
    order = np.lexsort((values, members))
    members, values = members[order], values[order]
    sizes = np.bincount(members, minlength=recoding.class_count)
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    middles = starts + np.maximum(sizes - 1, 0) // 2
    return tuple(
        plain_number(hierarchy.leaves[values[middle]]) if size else MISSING
        for middle, size in zip(middles.tolist(), sizes.tolist(), strict=True)
    )


def plain_number(leaf: str) -> str:
    """Return the number of a leaf that pools the values beyond it, such as `90+` or `<=16`."""
    return leaf.removeprefix("<=").removesuffix("+")
