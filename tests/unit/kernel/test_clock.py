"""Times are RFC 3339, in UTC, and sort as text."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tidegate.kernel.clock import SystemClock, iso, parse_iso
from tidegate.kernel.errors import InvalidError


def test_another_offset_is_turned_into_utc():
    hong_kong = datetime(2026, 3, 1, 8, 30, tzinfo=timezone(timedelta(hours=8)))

    assert iso(hong_kong) == "2026-03-01T00:30:00.000Z"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-03-01T00:30:00",
        "2026-13-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "9" * 5000 + "-01-01T00:00:00Z",
    ],
)
def test_a_time_without_sense_or_offset_is_refused(text):
    with pytest.raises(InvalidError):
        parse_iso(text)


def test_the_systems_clock_is_in_utc():
    assert UTC is SystemClock().now().tzinfo
