"""Hypothesis strategies that change valid JSON messages a little, as bad peers do."""

import json
import string

from hypothesis import strategies as st

BROKEN = st.sampled_from(
    [None, True, False, 0, -1, 1e308, 10**400, 0.1, 2**63, -(2**63), "", " ", "\x00", "\ud800",
     "x" * 5000, "é" * 300, [], {}, [[]], [{}], {"": ""}, {"@id": ["x"]}, {"@value": "x"}, [None],
     "did:web:x", "http://[", "\u202e", "urn:uuid:" + "0" * 400, "../../etc/passwd",
     "' OR 1=1 --", "${jndi:x}"]
)  # fmt: skip
NAMES = st.one_of(
    st.sampled_from(["@context", "@id", "@type", "@graph", "offer", "target", "consumerPid",
                     "providerPid", "callbackAddress", "__proto__", "code", "reason",
                     "dspace:state"]),
    st.text(string.printable, max_size=8),
)  # fmt: skip


def places(value, path=()):
    """Return the path of everything in a document."""
    found = [path]
    inside = {dict: dict.items, list: enumerate}.get(type(value), lambda _value: ())
    for name, part in inside(value):
        found += places(part, (*path, name))
    return found


def at(value, path):
    """Return what stands at a path."""
    for step in path:
        value = value[step]
    return value


def put(value, path, change):
    """Return a copy of the document with the part at `path` changed."""
    if not path:
        return change(value)
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(copy[path[0]], path[1:], change)
    return copy


def _drop(draw, message, path):
    if not path:
        return None
    *above, name = path

    def without(part):
        if isinstance(part, dict):
            return {key: one for key, one in part.items() if key != name}
        return [one for place, one in enumerate(part) if place != name]

    return put(message, above, without)


def _break(draw, message, path):
    broken = draw(BROKEN)
    return put(message, path, lambda _part: broken)


def _repeat(draw, message, path):
    return put(message, path, lambda part: [part, part])


def _nest(draw, message, path):
    depth = draw(st.sampled_from([1, 5, 47, 60, 400]))
    part = at(message, path)
    for _ in range(depth):
        part = [part]
    return put(message, path, lambda _part: part)


def _wrap(draw, message, path):
    return put(message, path, lambda part: {"@value": part})


def _swap(draw, message, path):
    other = at(message, draw(st.sampled_from(places(message))))
    return put(message, path, lambda _part: other)


def _add(draw, message, path):
    name, broken = draw(NAMES), draw(BROKEN)
    return put(
        message, path, lambda part: {**part, name: broken} if isinstance(part, dict) else part
    )


CHANGES = (_drop, _break, _repeat, _nest, _wrap, _swap, _add)


@st.composite
def changed(draw, message):
    """Change a valid message a few times."""
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(message)))
        message = draw(st.sampled_from(CHANGES))(draw, message, path)
    return message


def _flip(draw, raw):
    place = draw(st.integers(0, len(raw) - 1))
    return raw[:place] + bytes([draw(st.integers(0, 255))]) + raw[place + 1 :]


BYTES = (
    *(lambda _draw, raw: raw,) * 4,
    lambda draw, raw: raw[: draw(st.integers(0, len(raw)))],
    lambda _draw, raw: raw.replace(b'"@type"', b'"@type": "x", "@type"', 1),
    _flip,
    lambda _draw, raw: b"\xef\xbb\xbf" + raw,
    lambda _draw, raw: raw.decode().encode("utf-16"),
)


@st.composite
def bodies(draw, message):
    """Write a changed message, sometimes with its bytes broken as well."""
    raw = json.dumps(draw(changed(message))).encode()
    return draw(st.sampled_from(BYTES))(draw, raw)
