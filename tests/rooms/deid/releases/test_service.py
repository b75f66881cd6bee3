"""Releases of a growing table beside each other, against brute force over what could be done."""

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.deid.releases.errors import MembershipInvalidError, ReleaseRefusedError
from tidegate.deid.releases.memory import remember
from tidegate.deid.releases.model import ABSENT
from tidegate.deid.releases.service import check, require

KEY = b"a key of the table, from a vault"


def kept(name, classes):
    """Remember person 0, 1, … in these classes; None or ABSENT is not published."""
    numbers = [ABSENT if number is None else number for number in classes]
    return remember(name, [f"p{n}" for n in range(len(classes))], numbers, KEY)


def groups_of(*releases):
    people = set().union(*(release.classes for release in releases))
    return Counter(tuple(r.classes.get(person, ABSENT) for r in releases) for person in people)


def without(release, digests):
    return type(release)(
        release.release,
        release.key_id,
        {one: n for one, n in release.classes.items() if one not in digests},
    )


def merged(release, merges):
    head = {number: merge[0] for merge in merges for number in merge}
    moved = {one: head.get(n, n) for one, n in release.classes.items()}
    return type(release)(release.release, release.key_id, moved)


def test_the_same_classes_again_hold():
    first, second = kept("2024", [0] * 3 + [1] * 3), kept("2025", [1] * 3 + [0] * 3)

    verdict = require(check([first], second, 3))

    assert (True, 3, 6, None) == (verdict.holds, verdict.smallest, verdict.people, verdict.mending)


def test_two_good_releases_that_cross_are_refused():
    first, second = kept("2024", [0, 0, 0, 1, 1, 1]), kept("2025", [0, 0, 1, 1, 1, 0])

    verdict = check([first], second, 3)

    assert (False, 1) == (verdict.holds, verdict.smallest)
    with pytest.raises(ReleaseRefusedError, match="6 people in 4 groups of fewer than 3"):
        require(verdict)
    assert ((0, 1),) == verdict.mending.merges


def test_growth_by_k_new_people_in_a_class_holds_and_by_fewer_does_not():
    first = kept("2024", [0] * 4)

    assert check([first], kept("2025", [0] * 4 + [0] * 3), 3).holds
    refused = check([first], kept("2025", [0] * 4 + [0] * 2), 3)

    assert [((ABSENT, 0), 2)] == [(one.path, one.people) for one in refused.small]
    assert 2 == len(refused.mending.hold_back)


def test_one_person_who_left_would_show_by_comparing():
    first, second = kept("2024", [0] * 5), kept("2025", [None] + [0] * 4)

    verdict = check([first], second, 2)

    assert 1 == verdict.smallest
    assert None is verdict.mending.merges
    assert check([first], without(second, verdict.mending.hold_back), 2).holds
    assert 1 == len(verdict.mending.hold_back)


def test_a_third_release_is_held_against_both_before_it():
    first, second = kept("a", [0] * 4 + [1] * 4), kept("b", [0, 0, 1, 1, 0, 0, 1, 1])
    third = kept("c", [0, 1] * 4)

    assert check([first], second, 2).holds
    assert check([first], third, 2).holds
    assert not check([first, second], third, 2).holds


def test_earlier_releases_that_are_too_fine_already_cannot_be_mended():
    verdict = check([kept("2024", [0, 0, 1, 1, 1])], kept("2025", [0] * 5), 3)

    assert None is verdict.mending
    with pytest.raises(ReleaseRefusedError, match="no change of this one can mend"):
        require(verdict)


past = st.lists(st.sampled_from([ABSENT, 0, 1]), min_size=1, max_size=9)


@given(data=st.data(), k=st.integers(1, 3), old=past)
def test_what_is_held_back_mends_and_nothing_less_does(data, k, old):
    first = kept("a", old)
    kept_before = {one for one, n in groups_of(first).items() if n < k and one != (ABSENT,)}
    number = st.sampled_from([ABSENT, 0, 1, 2])
    second = kept("b", data.draw(st.lists(number, min_size=len(old), max_size=len(old))))
    verdict = check([first], second, k)

    assert all(n >= k for n in groups_of(first, second).values()) == verdict.holds
    if verdict.holds or kept_before:
        return

    hold_back = verdict.mending.hold_back
    assert check([first], without(second, hold_back), k).holds
    for fewer in itertools.combinations(second.classes, len(hold_back) - 1):
        assert not check([first], without(second, fewer), k).holds


@given(data=st.data(), k=st.integers(2, 3), old=past)
def test_what_is_merged_mends_and_no_merge_could_be_left_out(data, k, old):
    first = kept("a", old)
    number = st.sampled_from([0, 1, 2, 3])
    second = kept("b", data.draw(st.lists(number, min_size=len(old), max_size=len(old) + 3)))
    verdict = check([first], second, k)
    if verdict.mending is None or verdict.mending.merges is None:
        return

    merges = verdict.mending.merges
    assert check([first], merged(second, merges), k).holds
    for place in range(len(merges)):
        rest = (*merges[:place], *merges[place + 1 :])
        assert not check([first], merged(second, rest), k).holds


@given(
    steps=st.lists(
        st.lists(st.sampled_from([ABSENT, 0, 1]), min_size=12, max_size=12), min_size=2, max_size=4
    )
)
def test_releases_that_go_out_one_by_one_stand_together(steps):
    out = []
    for number, classes in enumerate(steps):
        new = kept(f"r{number}", classes)
        verdict = check(out, new, 3)
        if not verdict.holds:
            new = without(new, verdict.mending.hold_back)
        out.append(new)

    assert all(people >= 3 for people in groups_of(*out).values())


@pytest.mark.parametrize(
    ("earlier", "code"),
    [
        (remember("a", ["p0"], [0], b"another key, not the table's"), "membership_other_key"),
        (kept("b", [0]), "membership_names"),
    ],
)
def test_releases_that_cannot_be_compared_are_refused(earlier, code):
    with pytest.raises(MembershipInvalidError) as refused:
        check([earlier], kept("b", [0]), 1)

    assert code == refused.value.code
