"""Compile a loop where numba is at hand; where it is not, the same source runs as it stands."""

import inspect
from collections.abc import Callable
from pathlib import Path
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


def is_kept(loop: Callable[..., Any]) -> bool:
    """Tell whether a loop need not be compiled first: it was in this process, or is on disk.

    On disk means in `NUMBA_CACHE_DIR`, beside the source, or in the user's folder of caches, the
    first of them that may be written to.
    """
    stats = getattr(loop, "stats", None)
    if stats is None:
        return False
    if loop.signatures:  # type: ignore[attr-defined] # numba's dispatcher has them
        return True
    source = plain(loop)
    name = f"{Path(inspect.getfile(source)).stem}.{source.__qualname__}-"
    folder = Path(stats.cache_path) if stats.cache_path else None
    return folder is not None and any(folder.glob(f"{name}*.nbi"))
