"""Reading JSON that a stranger wrote: bounded in size, in depth, and only JSON."""

import json
import re
from math import isinf
from typing import Any

from tidegate.connector.errors import MessageInvalidError

MAX_DEPTH = 48
LONGEST_NUMBER = 40
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def read_json(raw: bytes, *, max_depth: int = MAX_DEPTH) -> object:
    """Decode one JSON document; raise MessageInvalidError when malformed or nested too deep."""
    check_depth(raw, max_depth)
    try:
        found: object = json.loads(
            raw.decode(),
            parse_constant=_refuse_constant,
            parse_int=_whole,
            parse_float=_fraction,
            object_pairs_hook=_unique,
        )
        if _SURROGATE.search(raw):
            json.dumps(found, ensure_ascii=False).encode()  # half a character cannot be written
    except (ValueError, RecursionError):
        raise MessageInvalidError(
            "The body is not valid JSON (RFC 8259).", code="json_invalid"
        ) from None
    return found


def check_depth(raw: bytes, max_depth: int) -> None:
    """Raise MessageInvalidError when brackets outside strings nest deeper than allowed."""
    if raw.count(b"[") + raw.count(b"{") <= max_depth:
        return
    depth = 0
    inside = False
    escaped = False
    for byte in raw:
        if inside:
            inside = escaped or byte != 0x22
            escaped = byte == 0x5C and not escaped
        elif byte == 0x22:
            inside = True
        else:
            depth += _STEP.get(byte, 0)
            if depth > max_depth:
                raise MessageInvalidError(
                    f"The body nests deeper than {max_depth} levels.", code="json_too_deep"
                )


_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def _refuse_constant(name: str) -> object:
    raise ValueError(name)


def _whole(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise ValueError(text[:LONGEST_NUMBER])
    return int(text)


def _fraction(text: str) -> float:
    found = float(text)
    if len(text) > LONGEST_NUMBER or isinf(found):
        raise ValueError(text[:LONGEST_NUMBER])
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found
