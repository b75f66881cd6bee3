"""Moments that other institutions state: in one form, or not taken."""

from tidegate.kernel.clock import iso, parse_iso
from tidegate.kernel.errors import InvalidError


def is_moment(text: str) -> bool:
    """Tell whether a text is a moment as it is kept, in UTC to the millisecond.

    Terms are compared as texts, so another form (with an offset, or no moment at all) would end
    hours late, or never.
    """
    try:
        return iso(parse_iso(text)) == text
    except InvalidError:
        return False
