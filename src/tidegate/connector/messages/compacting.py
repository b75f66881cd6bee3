"""Read a message however its JSON-LD spells it, into the protocol's compact form. Pure.

Peers write prefixed names or full IRIs, one value or a list, text or an object around it. This is
no JSON-LD processor: it knows the nodes of the protocol and the words in each, follows nothing
else, and takes time in proportion to the message. What it does not know stays as it was said, for
the types and the policy room to ignore or refuse.

Source: JSON-LD 1.1; Dataspace Protocol 2025-1, JSON-LD context.
"""

from collections.abc import Mapping
from typing import Any

from tidegate.connector.messages.contexts import Context, curie, is_foreign, missing
from tidegate.connector.messages.errors import MessageRefusedError
from tidegate.connector.messages.vocabulary import ODRL, PROTECTED, SHAPES, TYPES, Kind, Shape, Term
from tidegate.connector.messages.wire import CONTEXT

_LITERAL = frozenset({"@value", "@type", "@language", "@direction"})
_BARE = {"id": "@id", "type": "@type"}


def compacted(document: object, kind: str) -> dict[str, Any]:
    """Return a message of that kind in the protocol's own words.

    Raises MessageRefusedError where its words are defined by no context this node knows
    (`context_unknown`), a context gives the protocol's words another meaning (`context_redefines`)
    or says what is not read here (`context_unsupported`, `context_too_large`), or the message
    says the same thing twice (`message_ambiguous`).
    """
    if isinstance(document, list) and len(document) == 1:  # expanded form is a list of one
        document = document[0]
    if not isinstance(document, dict):
        raise MessageRefusedError(f"A {kind} is a JSON object.", code="message_invalid")
    return {"@context": [CONTEXT], **_node(document, SHAPES[kind], Context())}


def _node(node: Mapping[str, Any], shape: Shape, context: Context) -> dict[str, Any]:
    if "@context" in node:
        context = context.extended(node["@context"])
    found: dict[str, Any] = {}
    for key, value in node.items():
        if key == "@context":
            continue
        name, term = _named(key, shape, context, node)
        if name == "@type":
            value = _type(value, context)
        elif name == "@id":
            value = context.full(value) if isinstance(value, str) else value
        elif term is not None:
            value = _value(value, term, context)
        if name in found and found[name] != value:
            raise MessageRefusedError(
                f"The message says '{name[:80]}' twice, in two spellings.", code="message_ambiguous"
            )
        found[name] = value
    return found if shape.is_open else _anonymous(found, shape)


def _anonymous(node: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """Return a node without the type its place implies, and without the name of a blank node."""
    if str(node.get("@type", "")) in shape.implied:
        del node["@type"]
    if str(node.get("@id", "")).startswith("_:"):
        del node["@id"]
    return node


def _named(
    key: str, shape: Shape, context: Context, node: Mapping[str, Any]
) -> tuple[str, Term | None]:
    """Return the name a member has in the compact form, and its term where it is one."""
    if key == "@graph":
        raise MessageRefusedError("A message is one node, not a graph.", code="message_invalid")
    if key.startswith("@"):
        return key, None
    if context.speaks and key in shape.terms:
        return key, shape.terms[key]
    meaning = None if is_foreign(key, context) else context.meaning(key)
    if meaning is None:
        if key in _BARE and _BARE[key] not in node:
            return _BARE[key], None
        if not context.speaks:
            raise missing(key)
        return key, None
    if meaning.startswith("@"):
        return meaning, None
    term = shape.by_iri.get(meaning)
    return (term.name, term) if term is not None else (curie(meaning), None)


def _type(value: object, context: Context) -> object:
    if isinstance(value, list):
        read = [_type(each, context) for each in value if isinstance(each, str)]
        known = [one for one in read if one in _TYPE_NAMES]
        return known[0] if len(known) == 1 else value
    if not isinstance(value, str):
        return value
    meaning = None if is_foreign(value, context) else context.meaning(value)
    if meaning is None and not context.speaks:
        raise missing(value)
    return TYPES.get(meaning or "", value)


_TYPE_NAMES = frozenset(TYPES.values())


def _value(value: object, term: Term, context: Context) -> object:
    if term.kind is Kind.OPERAND:
        return _operand(value, context)
    listed = _listed(value, context)
    if term.many:
        parts = [value] if listed is None else listed
        return [_single(one, term, context) for one in parts]
    if listed is not None and len(listed) == 1:
        value = listed[0]
    elif listed is not None and term.kind is Kind.ID:  # a policy may follow several profiles
        return [_single(one, term, context) for one in listed]
    return _single(value, term, context)


def _single(value: object, term: Term, context: Context) -> object:
    if term.kind is Kind.NODE:
        return _inner(value, term, context)
    said = _bare(value, context)
    if not isinstance(said, str) or term.kind is Kind.TEXT:
        return said
    return context.full(said) if term.kind is Kind.ID else _word(said, term, context)


def _inner(value: object, term: Term, context: Context) -> object:
    if not isinstance(value, dict):
        return value
    made = _node(value, SHAPES[term.shape], context)
    return made["@id"] if set(made) == {"@id"} and term.shape == "DataService" else made


def _word(said: str, term: Term, context: Context) -> str:
    """Return a value of a vocabulary: its short form where it has one, else its whole IRI."""
    if context.speaks and said in term.words.values():
        return said
    if is_foreign(said, context):
        raise missing(said)
    meaning = context.meaning(said) or ""
    if meaning in term.words:
        return term.words[meaning]
    if said in term.words.values():
        raise missing(said)
    is_own = said in context.words and said not in PROTECTED
    is_named = ":" in said or is_own or term.iri.startswith(ODRL)
    return meaning if meaning and is_named else said


def _operand(value: object, context: Context) -> object:
    """Return a right operand as text, or a list of texts: the compact form has no numbers."""
    listed = _listed(value, context)
    if listed is not None:
        return [_operand(one, context) for one in listed]
    said = _bare(value, context)
    if isinstance(said, bool):
        return "true" if said else "false"
    return str(said) if isinstance(said, int) else said


def _listed(value: object, context: Context) -> list[Any] | None:
    """Return what a list, set or ordered list holds; None where it is a single value."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and len(value) == 1:
        key, inside = next(iter(value.items()))
        if _keyword(key, context) in {"@set", "@list"}:
            return inside if isinstance(inside, list) else [inside]
    return None


def _bare(value: object, context: Context) -> object:
    """Return the text inside a value object or a reference; anything else as it is."""
    if not isinstance(value, dict):
        return value
    said = {_keyword(key, context): one for key, one in value.items()}
    if len(said) < len(value):  # two names of one keyword
        raise MessageRefusedError(
            "The message says a value twice, in two spellings.", code="message_ambiguous"
        )
    if "@value" in said and set(said) <= _LITERAL:
        return said["@value"]
    if set(said) == {"@id"}:
        return context.full(said["@id"]) if isinstance(said["@id"], str) else said["@id"]
    return value


def _keyword(key: str, context: Context) -> str:
    """Return the keyword a name is another name of, or the name."""
    if key.startswith("@"):
        return key
    meaning = context.words.get(key, "")
    return meaning if meaning.startswith("@") else key
