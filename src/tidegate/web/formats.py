"""Numbers, moments, sizes and hashes as the pages write them, in the reader's language."""

from datetime import datetime, timedelta, timezone

from tidegate.kernel.clock import parse_iso
from tidegate.kernel.errors import InvalidError
from tidegate.kernel.text import Language

HONG_KONG = timezone(timedelta(hours=8), "UTC+8")
"""The whole region keeps one time."""

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_UNITS = ("B", "KB", "MB", "GB", "TB")


def moment(stamp: str | None, language: Language) -> str:
    """Write a stamp as local date and time, to the minute."""
    local = _local(stamp)
    return "—" if local is None else f"{_date(local, language)} {local:%H:%M}"


def day(stamp: str | None, language: Language) -> str:
    """Write the local date of a stamp."""
    local = _local(stamp)
    return "—" if local is None else _date(local, language)


def _local(stamp: str | None) -> datetime | None:
    if not stamp:
        return None
    try:
        return parse_iso(stamp if "T" in stamp else f"{stamp}T00:00:00.000Z").astimezone(HONG_KONG)
    except (InvalidError, ValueError):
        return None


def _date(local: datetime, language: Language) -> str:
    if language is Language.EN:
        return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"
    return f"{local.year}年{local.month}月{local.day}日"


def number(value: float) -> str:
    """Write a number with thousands parted, as all three languages do."""
    return f"{value:,}"


def per_mille(value: int) -> str:
    """Write thousandths as a percentage with one decimal."""
    return f"{value / 10:.1f}%"


def size(count: int) -> str:
    """Write a number of bytes in the largest fitting unit."""
    amount = float(count)
    for unit in _UNITS:
        if amount < 1000 or unit == _UNITS[-1]:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{count} B"  # pragma: no cover - the loop always answers


def short(identifier: str, keep: int = 8) -> str:
    """Shorten a long id or hash, keeping both ends."""
    return (
        identifier
        if len(identifier) <= 2 * keep + 1
        else f"{identifier[:keep]}…{identifier[-keep:]}"
    )


def institution(did: str) -> str:
    """Write a did:web as the host a person reads."""
    return did.removeprefix("did:web:").replace("%3A", ":")
