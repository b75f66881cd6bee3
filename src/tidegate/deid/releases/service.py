"""Check a release together with all earlier ones of the same table.

Whoever has all releases, and knows in which of them a person is, is left with the people who were
in the same class, or absent, every time alike. Each such group must have at least k people: then
intersecting releases, or taking one from another, leaves no person among fewer than k (Ganta,
Kasiviswanathan, Smith 2008 on composition; Xiao and Tao 2007 and Byun et al. 2006 on insertions
and deletions). Absence counts as well, since a record that is new or gone shows by comparing. This
is about who is who; what sensitive values in a group tell is for the criteria of each release.
"""

from collections.abc import Mapping, Sequence

from tidegate.deid.releases.errors import MembershipInvalidError, ReleaseRefusedError
from tidegate.deid.releases.mending import fewest_to_hold_back, merge_classes
from tidegate.deid.releases.model import (
    ABSENT,
    Membership,
    Mending,
    ReleaseVerdict,
    SmallGroup,
)

_SHOWN = 20


def check(earlier: Sequence[Membership], new: Membership, k: int) -> ReleaseVerdict:
    """Tell whether a new release may stand beside the earlier ones, and what would mend it.

    Raises MembershipInvalidError if the releases were remembered by different keys, one is given
    twice, or k is below 1.
    """
    releases = (*earlier, new)
    _check_comparable(releases, k)
    pasts: dict[tuple[int, ...], dict[int, list[bytes]]] = {}
    for person in set().union(*(release.classes for release in releases)):
        past = tuple(release.classes.get(person, ABSENT) for release in earlier)
        parts = pasts.setdefault(past, {})
        parts.setdefault(new.classes.get(person, ABSENT), []).append(person)
    groups = [
        SmallGroup((*past, number), len(people))
        for past, parts in pasts.items()
        for number, people in parts.items()
    ]
    small = sorted((one for one in groups if one.people < k), key=lambda one: one.path)
    people = sum(group.people for group in groups)
    mending = None
    if small and not _spoilt(pasts, k):
        mending = Mending(fewest_to_hold_back(pasts, k), merge_classes(pasts, k))
    return ReleaseVerdict(
        holds=not small,
        k=k,
        releases=tuple(release.release for release in releases),
        people=people,
        smallest=min((group.people for group in groups), default=0),
        small=tuple(small[:_SHOWN]),
        mending=mending,
        reason=_say(small, mending, k),
    )


def require(verdict: ReleaseVerdict) -> ReleaseVerdict:
    """Return the verdict if the release may go out. Raises ReleaseRefusedError with the reason."""
    if not verdict.holds:
        raise ReleaseRefusedError(verdict.reason, code="release_intersection")
    return verdict


def _check_comparable(releases: Sequence[Membership], k: int) -> None:
    if len({release.key_id for release in releases}) != 1:
        raise MembershipInvalidError(
            "The releases were remembered by different keys, so their people cannot be matched; "
            "use the table's own key for all.",
            code="membership_other_key",
        )
    if len({release.release for release in releases}) != len(releases) or k < 1:
        raise MembershipInvalidError(
            "A release is given twice, or k is below 1; name each release once.",
            code="membership_names",
        )


def _spoilt(pasts: Mapping[tuple[int, ...], Mapping[int, list[bytes]]], k: int) -> bool:
    """Tell whether the earlier releases alone already tell fewer than k people apart."""
    seen = ((past, parts) for past, parts in pasts.items() if any(n != ABSENT for n in past))
    return any(sum(map(len, parts.values())) < k for _, parts in seen)


def _say(small: Sequence[SmallGroup], mending: Mending | None, k: int) -> str:
    if not small:
        return ""
    exposed = sum(group.people for group in small)
    words = (
        f"Together with the earlier releases this one leaves {exposed} people in {len(small)} "
        f"groups of fewer than {k}."
    )
    if mending is None:
        return (
            f"{words} The earlier releases alone leave fewer than {k} already, so no change of "
            "this one can mend it; publish no further release of this table at this k."
        )
    words += f" Hold back {len(mending.hold_back)} records"
    if mending.merges:
        classes = sum(len(merge) for merge in mending.merges)
        words += f", or publish {classes} classes as {len(mending.merges)}"
    return f"{words}; then check again."
