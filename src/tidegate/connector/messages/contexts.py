"""The `@context` of a message: what its words stand for, without asking anybody. Pure.

Contexts named by address are those this node knows; the words of another are unknown, which is
safe: it cannot change the protocol's own words, and what stays unknown is refused where it matters.
Of contexts written into the message, names for IRIs, prefixes and a vocabulary are read. Whatever
could give a word of the protocol another meaning is refused.

Source: JSON-LD 1.1, sections 4.1 and 9.15; Dataspace Protocol 2025-1, whose terms are protected.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from tidegate.connector.messages.errors import MessageRefusedError
from tidegate.connector.messages.vocabulary import (
    DCAT,
    DCT,
    DSPACE,
    KNOWN,
    ODRL,
    PREFIXES,
    PROTECTED,
)
from tidegate.connector.messages.wire import CONTEXT
from tidegate.kernel.values import dataclass

MOST_CONTEXTS = 16
MOST_WORDS = 256
MOST_WORK = 2_000_000  # words carried from context to context, in one message
MOST_WRITTEN = 4 * 1024 * 1024  # characters that writing prefixes out may add to one message
LONGEST_IRI = 2048
LONGEST_CHAIN = 8

_ALIASES = frozenset({"@id", "@type", "@value", "@set", "@list", "@language"})
_HARMLESS = frozenset({"@version", "@language", "@direction", "@protected"})
_DEFINING = frozenset({"@id", "@type", "@container", "@prefix", "@protected", "@language"})
_CONTAINERS: tuple[object, ...] = (None, "@set", "@list", [], ["@set"], ["@list"])
_ENDINGS = tuple(":/?#[]@")
"""What the IRI of a prefix ends with (JSON-LD 1.1, section 4.4)."""

_SCHEMES = frozenset({"did", "urn", "http", "https"})
_BY_BASE = {DSPACE: "dspace", ODRL: "odrl", DCAT: "dcat", DCT: "dct"}


class Effort:
    """What reading one message has taken so far: a small one must not become a large one here."""

    def __init__(self) -> None:
        self._work = 0
        self._written = 0

    def carry(self, words: int) -> None:
        """Count words of a context; raise MessageRefusedError where they are too many."""
        self._work += words
        if self._work > MOST_WORK:
            raise _refused("The message's contexts are too much to read.", "context_too_large")

    def write_out(self, said: str, full: str) -> str:
        """Return a name written out; raise MessageRefusedError where they become too long."""
        self._written += max(len(full) - len(said), 0)
        if self._written > MOST_WRITTEN:
            raise _refused("The message's names are too long, written out.", "context_too_large")
        return full


@dataclass(frozen=True, slots=True)
class Context:
    """What words stand for at one place of a message.

    `speaks` tells whether the protocol's own words are in force; all contexts of a message share
    its `effort`.
    """

    words: Mapping[str, str] = field(default_factory=dict)
    vocabulary: str = ""
    speaks: bool = False
    effort: Effort = field(default_factory=Effort)

    def extended(self, given: object) -> "Context":
        """Return this with a `@context` on top; raise MessageRefusedError for what is not read."""
        if given == [CONTEXT] and not self.words:
            return Context(KNOWN[CONTEXT], self.vocabulary, speaks=True, effort=self.effort)
        parts = given if isinstance(given, list) else [given]
        if len(parts) > MOST_CONTEXTS:
            raise _refused("The message names too many contexts.", "context_too_large")
        found = self
        for one in parts:
            found = found.with_part(one)
        return found

    def with_part(self, given: object) -> "Context":
        """Return this with one context on top."""
        if isinstance(given, str):
            speaks = self.speaks or given == CONTEXT
            known = KNOWN.get(given)
            if known is None:
                return self
            self.effort.carry(len(self.words) + len(known))
            return Context({**self.words, **known}, self.vocabulary, speaks, self.effort)
        if not isinstance(given, dict):
            raise _refused("A context is an address or an object.", "context_unsupported")
        return _Inline(self, given).read()

    def meaning(self, word: str) -> str | None:
        """Return the IRI or keyword a word stands for, or None where nothing defines it."""
        if word in self.words:
            return self._written(word, self.words[word])
        prefix, colon, local = word.partition(":")
        if colon and not local.startswith("//"):
            base = self.words.get(prefix, "")
            return self._written(word, base + local) if base.endswith(_ENDINGS) else word
        if colon:
            return word
        return self._written(word, self.vocabulary + word) if self.vocabulary else None

    def full(self, name: str) -> str:
        """Return an id with its prefix written out; ids are never resolved against anything."""
        prefix, colon, local = name.partition(":")
        base = self.words.get(prefix, "") if colon and not local.startswith("//") else ""
        return self._written(name, base + local) if base.endswith(_ENDINGS) else name

    def _written(self, said: str, full: str) -> str:
        return self.effort.write_out(said, full)


def curie(iri: str) -> str:
    """Return an IRI with the prefix the protocol's context gives it, or as it is."""
    for base, prefix in _BY_BASE.items():
        if iri.startswith(base) and len(iri) > len(base):
            return f"{prefix}:{iri.removeprefix(base)}"
    return iri


def missing(word: str) -> MessageRefusedError:
    """Return the refusal of a word that nothing defines."""
    return _refused(
        f"No context that this node knows defines '{word[:80]}'; write the message in {CONTEXT}.",
        "context_unknown",
    )


def is_foreign(word: str, context: Context) -> bool:
    """Tell whether a word looks like one of the protocol's, in a message that does not speak it."""
    prefix, colon, _ = word.partition(":")
    return not context.speaks and bool(colon) and prefix in PREFIXES and prefix not in context.words


class _Inline:
    """Reads one context written into a message."""

    def __init__(self, before: Context, given: Mapping[str, Any]) -> None:
        self._before = before
        self._given = given
        self._vocabulary = before.vocabulary

    def read(self) -> Context:
        """Return the context this makes of the one before."""
        if len(self._given) > MOST_WORDS:
            raise _refused("The message's context defines too many words.", "context_too_large")
        self._read_keywords()
        self._before.effort.carry(len(self._before.words) + len(self._given))
        words = dict(self._before.words)
        for name, definition in self._given.items():
            if name.startswith("@"):
                continue
            self._check_name(name, definition)
            target = self._target(name, ())
            self._check_meaning(name, target)
            words.pop(name, None)
            if target:
                words[name] = target
        return Context(words, self._vocabulary, self._before.speaks, self._before.effort)

    def _read_keywords(self) -> None:
        for name, value in self._given.items():
            if not name.startswith("@"):
                continue
            if name == "@vocab" and (value is None or isinstance(value, str)):
                self._vocabulary = self._absolute(value) if value else ""
            elif name not in _HARMLESS:
                raise _refused(
                    f"This node does not read '{name[:80]}' in a context; leave it out.",
                    "context_unsupported",
                )

    def _absolute(self, iri: str) -> str:
        found = self._before.full(iri)
        if ":" not in found or len(found) > LONGEST_IRI:
            raise _refused("A vocabulary is an absolute IRI.", "context_unsupported")
        return found

    def _check_name(self, name: str, definition: object) -> None:
        if not name or ":" in name or len(name) > LONGEST_IRI:
            raise _refused("A context defines plain words only.", "context_unsupported")
        if isinstance(definition, dict):
            unread = set(definition) - _DEFINING
            if unread or definition.get("@container") not in _CONTAINERS:
                raise _refused(
                    f"This node does not read how the context defines '{name[:80]}'.",
                    "context_unsupported",
                )

    def _check_meaning(self, name: str, target: str) -> None:
        allowed = PROTECTED.get(name)
        if name in _SCHEMES or (allowed is not None and target not in allowed):
            raise _refused(
                f"The context gives '{name[:80]}' another meaning than the protocol does.",
                "context_redefines",
            )
        if target.startswith("@") and target not in _ALIASES:
            raise _refused(
                f"This node does not read '{name[:80]}' as {target[:80]}.", "context_unsupported"
            )

    def _target(self, name: str, chain: tuple[str, ...]) -> str:
        """Return what a name stands for, following prefixes; an empty text for nothing."""
        if name in chain or len(chain) > LONGEST_CHAIN:
            raise _refused("The context's words define each other.", "context_unsupported")
        definition = self._given[name]
        if isinstance(definition, dict):
            default = next(iter(sorted(PROTECTED.get(name, ()))), self._vocabulary + name)
            definition = definition.get("@id", default)
        if definition is None:
            return ""
        if not isinstance(definition, str):
            raise _refused(f"'{name[:80]}' stands for no IRI.", "context_unsupported")
        found = self._written_out(definition, (*chain, name))
        if len(found) > LONGEST_IRI:
            raise _refused("An IRI of the context is too long.", "context_too_large")
        return self._before.effort.write_out(definition, found)

    def _written_out(self, iri: str, chain: tuple[str, ...]) -> str:
        prefix, colon, local = iri.partition(":")
        if iri.startswith("@") or (colon and local.startswith("//")):
            return iri
        if colon:
            base = self._known(prefix, chain)
            return base + local if base.endswith(_ENDINGS) else iri
        return self._known(iri, chain) or self._vocabulary + iri

    def _known(self, name: str, chain: tuple[str, ...]) -> str:
        if name in self._given and not name.startswith("@"):
            return self._target(name, chain)
        return self._before.words.get(name, "")


def _refused(words: str, code: str) -> MessageRefusedError:
    return MessageRefusedError(words, code=code)
