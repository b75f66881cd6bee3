"""Ranges and digests as headers say them."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.connector.dataplane.errors import RangeRefusedError
from tidegate.connector.dataplane.ranges import (
    Part,
    asked_part,
    digest_header,
    etag_of,
    read_content_range,
    read_digest,
)

SHA = hashlib.sha256(b"rows").hexdigest()


@pytest.mark.parametrize(
    ("header", "start", "end", "partial"),
    [
        ("", 0, 100, False),
        ("bytes=0-", 0, 100, True),
        ("bytes=10-19", 10, 20, True),
        ("bytes=10-1000", 10, 100, True),
        ("bytes=99-99", 99, 100, True),
        ("bytes=-1", 99, 100, True),
        ("bytes=-1000", 0, 100, True),
        ("BYTES=5-", 5, 100, True),
        ("bytes=20-10", 0, 100, False),
        ("bytes=0-1,5-6", 0, 100, False),
        ("items=0-1", 0, 100, False),
        ("bytes=a-b", 0, 100, False),
        ("bytes=-", 0, 100, False),
    ],
)
def test_one_range_is_served_and_what_cannot_be_read_is_ignored(header, start, end, partial):
    assert asked_part(header, "", etag_of(SHA), 100) == (Part(start, end, 100), partial)


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=500-600", "bytes=-0"])
def test_a_range_behind_the_end_is_refused(header):
    with pytest.raises(RangeRefusedError):
        asked_part(header, "", etag_of(SHA), 100)


def test_an_empty_content_has_no_range():
    assert asked_part("", "", "x", 0) == (Part(0, 0, 0), False)
    with pytest.raises(RangeRefusedError):
        asked_part("bytes=0-", "", "x", 0)


def test_another_tag_gives_the_whole_content():
    assert asked_part("bytes=5-", etag_of(SHA), etag_of(SHA), 100)[1]
    assert asked_part("bytes=5-", '"another"', etag_of(SHA), 100) == (Part(0, 100, 100), False)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("bytes 0-9/100", (0, 10, 100)),
        ("bytes 10-99/100", (10, 100, 100)),
        ("bytes 10-99/*", (10, 100, -1)),
        ("bytes 9-0/100", None),
        ("bytes 0-100/100", None),
        ("bytes */100", None),
        ("bytes 0-/100", None),
        ("", None),
    ],
)
def test_a_content_range_is_read_or_refused(header, found):
    assert read_content_range(header) == found


def test_a_digest_comes_from_its_header_or_the_tag():
    assert read_digest(digest_header(SHA)) == SHA
    assert read_digest("md5=:x:, " + digest_header(SHA)) == SHA
    assert read_digest("", etag_of(SHA)) == SHA
    assert read_digest("sha-256=:AAAA:", 'W/"x"') == ""
    assert read_digest("sha-256=:====:") == ""


@given(st.text(max_size=60), st.text(max_size=60), st.integers(0, 10**12))
def test_no_header_breaks_the_readers(header, other, total):
    read_content_range(header)
    read_digest(header, other)
    try:
        part, _ = asked_part(header, other, "x", total)
    except RangeRefusedError:
        return
    assert 0 <= part.start <= part.end <= total
