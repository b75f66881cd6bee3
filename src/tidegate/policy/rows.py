"""Whether a policy lets rows leave at all. Pure, and closed: only what is said is given.

Using a copy elsewhere is within ODRL's `use` (ODRL Vocabulary & Expression 2.2: the actions to copy
are included in `use`), so a permission to use lets rows leave, unless one of its constraints can be
kept only where the data are: computing in place, a minimum cell, a checker's look at results.
"""

from tidegate.policy.constraints import Refusal
from tidegate.policy.model import Policy, Rule
from tidegate.policy.terms import (
    COMPUTE_PLACE,
    CONSTRAINTS,
    MINIMUM_CELL,
    OUTPUT_REVIEW,
    USE,
)

AT_THE_DATA = (COMPUTE_PLACE, MINIMUM_CELL, OUTPUT_REVIEW)
"""The constraints that bind computation at the data; a copy elsewhere would escape them."""


def rows_refusal(policy: Policy) -> Refusal | None:
    """Return why no row may leave under a policy, or None where a permission lets them."""
    for rule in policy.prohibitions:
        if rule.action == USE:
            return Refusal("use", "rows_prohibited", "The policy prohibits some use; rows stay.")
    permissions = [rule for rule in policy.permissions if rule.action == USE]
    refusals = [_against(rule) for rule in permissions]
    if None in refusals:
        return None
    return next(
        (one for one in refusals if one is not None),
        Refusal("use", "rows_not_permitted", "The policy permits no use, so no row leaves."),
    )


def _against(rule: Rule) -> Refusal | None:
    for constraint in rule.constraints:
        if constraint.left in AT_THE_DATA:
            name = CONSTRAINTS[constraint.left].name
            return Refusal(
                name,
                "rows_not_permitted",
                f"The policy asks for '{name}', which is kept only where the data are: no row"
                " leaves. Ask for a visit, or for an offer of rows.",
            )
    return None
