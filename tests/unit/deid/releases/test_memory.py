"""What is kept of a release: nothing that names anybody, and not a byte may change."""

import pytest

from tidegate.deid.releases.errors import MembershipCorruptError, MembershipInvalidError
from tidegate.deid.releases.memory import read_membership, remember, write_membership

KEY = b"a key of the table, from a vault"


def test_no_person_stands_in_what_is_kept_and_its_order_is_not_the_tables():
    people = [f"HK-{n:04}" for n in range(50)]

    content = write_membership(remember("2025", people, [0] * 50, KEY))
    turned = write_membership(remember("2025", people[::-1], [0] * 50, KEY))

    assert b"HK-" not in content
    assert content == turned


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("007", "7"),
        ("100123", "100123.0"),
        ("HK-1", "hk-1 "),
        ("Ｐ１", "P1"),
        ("張\u200b三", "張三"),
    ],
)
def test_a_person_is_the_same_however_the_key_is_spelt(first, second):
    one, other = (remember("r", [name], [0], KEY) for name in (first, second))

    assert one.classes == other.classes
    with pytest.raises(MembershipInvalidError, match="more than once"):
        remember("r", [first, second], [0, 0], KEY)


def test_what_an_earlier_program_kept_is_not_taken_for_other_people():
    kept = write_membership(remember("r", ["p"], [0], KEY))

    with pytest.raises(MembershipCorruptError):
        read_membership(kept.replace(b"membership/2", b"membership/1"))


def test_another_key_gives_other_digests_and_says_so():
    one, other = (remember("r", ["p"], [0], key) for key in (KEY, KEY[::-1]))

    assert one.key_id != other.key_id
    assert not one.classes.keys() & other.classes.keys()


def test_a_person_twice_or_a_short_key_is_refused():
    with pytest.raises(MembershipInvalidError, match="more than once"):
        remember("r", ["p", "p"], [0, 1], KEY)
    with pytest.raises(MembershipInvalidError, match="16 to 64 bytes"):
        remember("r", ["p"], [0], b"short")


def test_any_changed_byte_is_found():
    content = write_membership(remember("2025", ["a", "b"], [0, 1], KEY))
    head = content.index(b"\n")

    for place in range(head + 1, len(content)):
        broken = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        with pytest.raises(MembershipCorruptError):
            read_membership(broken)


@pytest.mark.parametrize("content", [b"", b"{}\n", b"[1]\n", b'{"format":"other"}\nxx'])
def test_what_is_no_membership_is_refused(content):
    with pytest.raises(MembershipCorruptError):
        read_membership(content)
