"""How much of a copy is taken in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.connector.dataplane.errors import (
    ContentChangedError,
    ContentTooLargeError,
    DiskLowError,
)
from tidegate.connector.dataplane.limits import check_disk, check_size
from tidegate.connector.dataplane.model import PlaneSettings

SMALL = PlaneSettings(most_bytes=100, keep_free=10)
SIZES = st.integers(0, 220)


@given(size=SIZES, total=st.integers(-1, 220))
def test_a_size_fits_the_limit_and_what_was_declared_or_is_refused_by_type(size, total):
    if max(size, total) > 100:
        with pytest.raises(ContentTooLargeError) as refused:
            check_size(SMALL, size, total)
        assert refused.value.details == {"most": "100"}
    elif 0 <= total < size:
        with pytest.raises(ContentChangedError):
            check_size(SMALL, size, total)
    else:
        check_size(SMALL, size, total)


@given(held=SIZES, total=st.integers(-1, 220), free=SIZES)
def test_a_disk_keeps_its_reserve_after_the_last_byte(held, total, free):
    left = free - (total - held if total > held else 0)
    if left < 10:
        with pytest.raises(DiskLowError):
            check_disk(SMALL, held, total, free)
    else:
        check_disk(SMALL, held, total, free)
