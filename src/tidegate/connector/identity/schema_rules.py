"""Holding a JSON document against a JSON schema: the keywords subjects are described with.

Assertions of drafts 4 to 2020-12 that need no network and no regular expression. A schema that
uses any other keyword cannot be checked here, and what cannot be checked is refused: a schema is
a promise of the issuer, not a hint.
"""

from collections.abc import Callable, Mapping
from typing import Any

MOST_DEPTH = 16

_TYPES: Mapping[str, Callable[[object], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: _is_whole(value),
}
_WORDS_ONLY = frozenset(
    {"$schema", "$id", "id", "$comment", "title", "description", "default", "examples", "format"}
)


class SchemaUnsupportedError(ValueError):
    """The schema says something that cannot be checked here; the words name it."""


def find_fault(schema: object, value: object, at: str = "the subject", depth: int = 0) -> str:
    """Return in words where `value` breaks the schema, or an empty string.

    The words name members of the schema, never a value.

    Raises:
        SchemaUnsupportedError: a keyword is unknown or malformed, or the schema nests too deep.
    """
    if isinstance(schema, bool):
        return "" if schema else f"{at} is not allowed"
    if not isinstance(schema, dict) or depth > MOST_DEPTH:
        raise SchemaUnsupportedError("a schema that is no object, or nests too deep")
    for keyword, operand in schema.items():
        if keyword in _WORDS_ONLY:
            continue
        check = _KEYWORDS.get(keyword)
        if check is None:
            raise SchemaUnsupportedError(f"the keyword {keyword[:40]}")
        fault = check(operand, value, at, depth, schema)
        if fault:
            return fault
    return ""


def _is_whole(value: object) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def _type(operand: Any, value: Any, at: str, _depth: int, _schema: Mapping[str, Any]) -> str:
    names = operand if isinstance(operand, list) else [operand]
    if not names or not all(isinstance(name, str) and name in _TYPES for name in names):
        raise SchemaUnsupportedError("a type that JSON does not have")
    fits = any(_TYPES[name](value) for name in names)
    return "" if fits else f"{at} is not of type {' or '.join(names)}"


def _required(operand: Any, value: Any, at: str, _depth: int, _schema: Mapping[str, Any]) -> str:
    names = _listed(operand)
    if not all(isinstance(name, str) for name in names):
        raise SchemaUnsupportedError("required names that are no texts")
    if not isinstance(value, dict):
        return ""
    missing = [name for name in names if name not in value]
    return f"{at} lacks {missing[0]}" if missing else ""


def _properties(operand: Any, value: Any, at: str, depth: int, _schema: Mapping[str, Any]) -> str:
    if not isinstance(operand, dict):
        raise SchemaUnsupportedError("properties that are no object")
    if not isinstance(value, dict):
        return ""
    faults = (
        find_fault(part, value[name], f"{at}.{name}", depth + 1)
        for name, part in operand.items()
        if name in value
    )
    return next((fault for fault in faults if fault), "")


def _additional(operand: Any, value: Any, at: str, depth: int, schema: Mapping[str, Any]) -> str:
    if not isinstance(value, dict):
        return ""
    known = schema.get("properties", {})
    if not isinstance(known, dict):
        raise SchemaUnsupportedError("properties that are no object")
    more = [name for name in value if name not in known]
    faults = (find_fault(operand, value[name], f"{at}.{name}", depth + 1) for name in more)
    return next((fault for fault in faults if fault), "")


def _items(operand: Any, value: Any, at: str, depth: int, _schema: Mapping[str, Any]) -> str:
    if not isinstance(value, list):
        return ""
    faults = (find_fault(operand, each, f"an entry of {at}", depth + 1) for each in value)
    return next((fault for fault in faults if fault), "")


def _enum(operand: Any, value: Any, at: str, _depth: int, _schema: Mapping[str, Any]) -> str:
    same = any(type(each) is type(value) and each == value for each in _listed(operand))
    return "" if same else f"{at} is none of the values the schema lists"


def _const(operand: Any, value: Any, at: str, depth: int, schema: Mapping[str, Any]) -> str:
    return _enum([operand], value, at, depth, schema)


def _all_of(operand: Any, value: Any, at: str, depth: int, _schema: Mapping[str, Any]) -> str:
    faults = (find_fault(part, value, at, depth + 1) for part in _listed(operand))
    return next((fault for fault in faults if fault), "")


def _any_of(operand: Any, value: Any, at: str, depth: int, _schema: Mapping[str, Any]) -> str:
    fits = [not find_fault(part, value, at, depth + 1) for part in _listed(operand)]
    return "" if any(fits) else f"{at} fits none of the forms the schema allows"


def _length(name: str) -> Callable[..., str]:
    kind: type[str] | type[list[Any]] = str if name.endswith("Length") else list

    def check(operand: Any, value: Any, at: str, _depth: int, _schema: Mapping[str, Any]) -> str:
        limit = _number(operand)
        if not isinstance(value, kind):
            return ""
        size = len(value)
        fits = size >= limit if name.startswith("min") else size <= limit
        return "" if fits else f"{at} breaks {name}"

    return check


def _bound(name: str) -> Callable[..., str]:
    def check(operand: Any, value: Any, at: str, _depth: int, _schema: Mapping[str, Any]) -> str:
        limit = _number(operand)
        if not _TYPES["number"](value):
            return ""
        fits = value >= limit if name == "minimum" else value <= limit
        return "" if fits else f"{at} breaks {name}"

    return check


def _listed(operand: Any) -> list[Any]:
    if not isinstance(operand, list) or len(operand) > 256:
        raise SchemaUnsupportedError("a keyword whose operand is no short list")
    return operand


def _number(operand: Any) -> float:
    if isinstance(operand, bool) or not isinstance(operand, int | float):
        raise SchemaUnsupportedError("a limit that is no number")
    return operand


_KEYWORDS: Mapping[str, Callable[..., str]] = {
    "type": _type,
    "required": _required,
    "properties": _properties,
    "additionalProperties": _additional,
    "items": _items,
    "enum": _enum,
    "const": _const,
    "allOf": _all_of,
    "anyOf": _any_of,
    "minLength": _length("minLength"),
    "maxLength": _length("maxLength"),
    "minItems": _length("minItems"),
    "maxItems": _length("maxItems"),
    "minimum": _bound("minimum"),
    "maximum": _bound("maximum"),
}
