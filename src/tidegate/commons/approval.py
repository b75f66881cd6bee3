"""Two people for what one alone must not do; an attempt by one alone is evidence too."""

from tidegate.access.model import Actor
from tidegate.audit.journal import Journal
from tidegate.commons import rules
from tidegate.commons.errors import SecondPersonError


def require_second_person(
    journal: Journal, version_id: str, first: str, by: Actor, act: str
) -> None:
    """Raise SecondPersonError, after leaving evidence of it, unless another than `first` acts."""
    try:
        rules.check_second_person(first, by, act)
    except SecondPersonError as problem:
        journal.note(
            by=by.id,
            did="version.approval_refused",
            to=f"version:{version_id}",
            why={"act": act, "reason": problem.code},
        )
        raise
