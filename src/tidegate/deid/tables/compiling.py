"""Compile a loop where numba is at hand; where it is not, the same source runs as it stands."""

import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar, cast

Loop = TypeVar("Loop", bound=Callable[..., Any])

try:
    import numba

    _njit: Any = numba.njit
except ImportError:
    _njit = None


def compiled(loop: Loop, arrays: Loop | None = None) -> Loop:
    """Compile a loop, and keep the machine code on disk where there is a place to keep it.

    `arrays` is its twin in numpy, if there is one: it runs wherever nothing is compiled.
    """
    if _njit is None:
        return arrays or loop
    try:
        made = _njit(cache=True, nogil=True)(loop)
    except RuntimeError:  # numba found no folder that it may write to
        made = _njit(nogil=True)(loop)
    made.arrays = arrays
    return cast("Loop", made)


@cache
def plain(loop: Loop) -> Loop:
    """Return a loop as it stands in the source, and so all that it calls.

    Nothing waits for the compiler then. Where a loop has a twin in numpy, that is returned.
    """
    if not _is_made(loop):
        return loop
    twin, source = loop.arrays, loop.py_func  # type: ignore[attr-defined] # the dispatcher's
    if twin is not None:
        return cast("Loop", twin)
    known = source.__globals__
    called = {name: plain(known[name]) for name in _called(source) if _is_made(known.get(name))}
    return cast("Loop", FunctionType(source.__code__, known | called, source.__name__))


def _is_made(value: object) -> bool:
    """Tell whether something is a loop that numba compiles."""
    return hasattr(value, "py_func")


def _called(source: FunctionType) -> tuple[str, ...]:
    return source.__code__.co_names


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
    source = loop.py_func  # type: ignore[attr-defined]
    name = f"{Path(inspect.getfile(source)).stem}.{source.__qualname__}-"
    folder = Path(stats.cache_path) if stats.cache_path else None
    return folder is not None and any(folder.glob(f"{name}*.nbi"))
