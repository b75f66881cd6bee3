"""Compile a loop where numba is at hand; where it is not, the same source runs as it stands."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

Loop = TypeVar("Loop", bound=Callable[..., Any])

try:
    import numba

    _njit: Any = numba.njit
except ImportError:
    _njit = None


def compiled(loop: Loop) -> Loop:
    """Compile a loop, and keep the machine code on disk where there is a place to keep it."""
    if _njit is None:
        return loop
    try:
        return cast("Loop", _njit(cache=True, nogil=True)(loop))
    except RuntimeError:  # numba found no folder that it may write to
        return cast("Loop", _njit(nogil=True)(loop))


def plain(loop: Loop) -> Loop:
    """Return a loop as it stands in the source, whether it was compiled or not."""
    return cast("Loop", getattr(loop, "py_func", loop))


def is_compiled() -> bool:
    """Tell whether loops are compiled here."""
    return _njit is not None
