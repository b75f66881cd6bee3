"""Times are RFC 3339, in UTC, and sort as text."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tidegate.kernel.clock import iso, parse_iso

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(MOMENTS, MOMENTS)
def test_text_order_is_time_order(a, b):
    if iso(a) != iso(b):
        assert (a < b) == (iso(a) < iso(b))


@given(MOMENTS)
def test_a_time_reads_back_to_the_millisecond(moment):
    assert abs(parse_iso(iso(moment)) - moment) < timedelta(milliseconds=1)
