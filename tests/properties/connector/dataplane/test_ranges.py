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


# --- whatever headers say: held against twins that read them another way

TOTALS = st.integers(1, 10**7)
NUMBERS = st.one_of(st.integers(0, 10**7), st.integers(0, 10**30)).map(str)
ODD = st.text("bytes=-,*/0123456789 \t\u0663x", max_size=40)
RANGES = st.one_of(
    ODD,
    st.builds("bytes={}-{}".format, NUMBERS, NUMBERS | st.just("")),
    st.builds("bytes=-{}".format, NUMBERS),
    st.lists(st.builds("{}-{}".format, NUMBERS, NUMBERS), min_size=2, max_size=400).map(
        lambda many: "bytes=" + ",".join(many)
    ),
)


@given(header=RANGES, total=TOTALS)
def test_a_range_is_a_part_of_the_content_whatever_the_header_says(header, total):
    try:
        part, is_partial = asked_part(header, "", etag_of(SHA), total)
    except RangeRefusedError:
        assert "," not in header
        return

    assert 0 <= part.start < part.end <= part.total == total
    assert is_partial or part.is_whole
    if is_partial:
        first, _, last = header.strip()[6:].partition("-")
        named = range(int(first) if first else max(0, total - int(last)), total)
        assert part.start == named.start
        assert part.end == (min(int(last) + 1, total) if first and last else total)


@given(header=RANGES, total=TOTALS, validator=st.text(max_size=8))
def test_a_range_of_another_content_is_answered_with_the_whole(header, total, validator):
    expected = (Part(0, total, total), False)

    assert asked_part(header, validator + "x", etag_of(SHA), total) == expected


PLACES = st.one_of(
    ODD,
    st.builds("bytes {}-{}/{}".format, NUMBERS, NUMBERS, NUMBERS | st.just("*")),
    st.builds("bytes */{}".format, NUMBERS),
)


@given(header=PLACES)
def test_a_place_that_is_read_lies_inside_its_content(header):
    found = read_content_range(header)

    if found is not None:
        start, end, total = found
        assert 0 <= start < end < 10**18 + 1
        assert total == -1 or end <= total
        first, _, last = header.strip()[6:].partition("/")[0].partition("-")
        assert (int(first), int(last) + 1) == (start, end)


@given(
    header=st.one_of(
        ODD,
        st.text(max_size=80),
        st.binary(max_size=48).map(
            lambda raw: "sha-256=:" + __import__("base64").b64encode(raw).decode() + ":"
        ),
    ),
    tag=st.text(max_size=70),
)
def test_a_digest_is_the_one_that_was_said_or_none(header, tag):
    found = read_digest(header, tag)

    assert found == "" or (len(found) == 64 and set(found) <= set("0123456789abcdef"))
    if found and found not in tag:
        assert digest_header(found) in header or digest_header(found).lower() in header.lower()
