"""Time, always asked of a clock that was handed in, always UTC."""

from datetime import UTC, datetime
from typing import Protocol

from tidegate.kernel.errors import InvalidError


class Clock(Protocol):
    """Something that knows what time it is."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the one place that reads the machine's clock


def iso(moment: datetime) -> str:
    """Write `moment` as RFC 3339 in UTC with milliseconds: 24 characters that sort by time."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def parse_iso(text: str) -> datetime:
    """Read an RFC 3339 time with an offset; raise InvalidError where there is none."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise InvalidError("A time must say its offset from UTC, as in 2026-01-31T08:00:00Z.")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):  # in UTC, the first and last hours of time have no year
        raise InvalidError("A time must be RFC 3339, as in 2026-01-31T08:00:00Z.") from None
