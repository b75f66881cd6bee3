"""Read the right operands of constraints: every value is text, and must have exactly one form."""

import re
from datetime import datetime, timedelta

from tidegate.access.model import Seat
from tidegate.kernel.clock import parse_iso
from tidegate.policy.duo import IRI_PREFIX, Purpose, get_purpose
from tidegate.policy.errors import PolicyInvalidError

Right = tuple[str, ...] | str
IN_PLACE = "in-place"
REVIEWED_FLOWS = ("cross-border", "every")

_WHOLE = re.compile(r"[1-9][0-9]{0,8}")
_DAYS = re.compile(r"P([1-9][0-9]{0,4})D")
_SCHEME = re.compile(r"[a-z0-9][a-z0-9.:-]{1,62}[a-z0-9]")
_DID = re.compile(r"did:[a-z0-9]+:[A-Za-z0-9._:%\-]+")


def _one(right: Right) -> str:
    if not isinstance(right, str):
        raise PolicyInvalidError("This constraint takes one value, not a list.")
    return right


def _several(right: Right) -> tuple[str, ...]:
    values = (right,) if isinstance(right, str) else right
    if not values or len(set(values)) != len(values):
        raise PolicyInvalidError("This constraint takes a list of different values, at least one.")
    return values


def parties(right: Right) -> tuple[str, ...]:
    """Read DIDs (W3C DID Core 1.0 §3.1)."""
    for did in _several(right):
        if not _DID.fullmatch(did):
            raise PolicyInvalidError("A recipient must be named by its DID.")
    return _several(right)


def seats(right: Right) -> tuple[Seat, ...]:
    """Read codes of legal seats."""
    try:
        return tuple(Seat(code) for code in _several(right))
    except ValueError:
        known = ", ".join(Seat)
        raise PolicyInvalidError(f"A seat must be one of {known}.") from None


def schemes(right: Right) -> tuple[str, ...]:
    """Read names of certification schemes, such as iso-27001; any one of them will do."""
    for scheme in _several(right):
        if not _SCHEME.fullmatch(scheme):
            raise PolicyInvalidError(
                "A certification is named in small letters, digits, dots and hyphens."
            )
    return _several(right)


def purposes(right: Right) -> tuple[Purpose, ...]:
    """Read purposes by their full DUO IRI."""
    for iri in _several(right):
        if not iri.startswith(IRI_PREFIX):
            raise PolicyInvalidError("A purpose must be the full IRI of a DUO code.")
    return tuple(get_purpose(iri) for iri in _several(right))


def moment(right: Right) -> datetime:
    """Read a moment: RFC 3339 with its offset."""
    return parse_iso(_one(right))


def whole(right: Right) -> int:
    """Read a whole number from 1 up, without sign or leading zeros."""
    if not _WHOLE.fullmatch(_one(right)):
        raise PolicyInvalidError(
            "A number must be whole, from 1 up, without sign or leading zeros."
        )
    return int(_one(right))


def place(right: Right) -> str:
    """Read a place of compute; `in-place` (where the data are kept) is the only one we offer."""
    if _one(right) != IN_PLACE:
        raise PolicyInvalidError(f"The place of compute must be '{IN_PLACE}'.")
    return _one(right)


def delay(right: Right) -> timedelta:
    """Read a delay in whole days: ISO 8601 `P<n>D`."""
    found = _DAYS.fullmatch(_one(right))
    if not found:
        raise PolicyInvalidError("A delay must be in whole days, as in P30D.")
    return timedelta(days=int(found.group(1)))


def reviewed_flow(right: Right) -> str:
    """Read which results a person must clear before they leave."""
    if _one(right) not in REVIEWED_FLOWS:
        known = " or ".join(REVIEWED_FLOWS)
        raise PolicyInvalidError(f"A review must be asked for {known}.")
    return _one(right)
