"""Leaves of the log: one for each act, chained by subject."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import field
from json.encoder import encode_basestring as _quoted
from types import MappingProxyType
from typing import Any, Protocol

from tidegate.audit.errors import EvidenceMalformedError
from tidegate.kernel.canonical import Json, canonical_json
from tidegate.kernel.errors import InvalidError
from tidegate.kernel.values import dataclass

NO_PREVIOUS = ""
CERTIFICATE = "application/vnd.tidegate.certificate+jws"
"""Media type of certificates: compact JWS, signed by the node that certifies."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_LARGEST = 2**53
_NAMES = {"at", "by", "did", "log", "n", "prev", "to", "why"}


class Asker(Protocol):
    """Someone who asks for evidence: an id and the roles they hold."""

    @property
    def id(self) -> str:
        """Return who this is, as it stands in the evidence."""
        ...

    @property
    def roles(self) -> frozenset[Any]:
        """Return the roles held; each is a text."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One act: who did what to which subject, when and why, and its place in the subject's chain.

    `files` names the documents attached to the act: SHA-256 and media type.
    """

    log: str
    at: str
    by: str
    did: str
    to: str
    number: int
    previous: str
    why: Mapping[str, Json] = field(default_factory=dict)
    premis: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)

    def canonical(self) -> bytes:
        """Return the bytes of the leaf: RFC 8785 JSON, without any patient's value."""
        return write_leaf(
            self.log, self.at, self.by, self.did, self.to, self.number, self.previous,
            write_reasons(self.why), self.premis, write_reasons(self.files),
        )  # fmt: skip


def write_reasons(reasons: Mapping[str, Json]) -> str:
    """Write the reasons or files of a leaf as canonical JSON.

    Plain ones, as nearly all are, take a short way to the same bytes.
    """
    parts = []
    for name in sorted(reasons):
        value = reasons[name]
        if type(value) is str:
            text = _quoted(value)
        elif type(value) is int and -_LARGEST < value < _LARGEST:
            text = str(value)
        else:
            return canonical_json(reasons).decode()
        if not name.isascii():  # sorted otherwise: RFC 8785 orders by UTF-16
            return canonical_json(reasons).decode()
        parts.append(f"{_quoted(name)}:{text}")
    return f"{{{','.join(parts)}}}"


def write_leaf(  # noqa: PLR0913, PLR0917 - a leaf has these ten names
    log: str, at: str, by: str, did: str, to: str, number: int, previous: str,
    why: str, premis: str | None, files: str,
) -> bytes:  # fmt: skip
    """Write a leaf name by name, in order: this runs for every act, under the writer's turn.

    `why` and `files` are canonical JSON already; without files the leaf does not name them.
    """
    attached = f'"files":{files},' if files != "{}" else ""
    typed = f'"premis":{_quoted(premis)},' if premis is not None else ""
    text = (
        f'{{"at":"{at}","by":{_quoted(by)},"did":{_quoted(did)},{attached}'
        f'"log":{_quoted(log)},"n":{number},{typed}"prev":"{previous}","to":{_quoted(to)},'
        f'"why":{why}}}'
    )
    return check_unicode(text)


def check_unicode(*texts: str) -> bytes:
    """Return the texts in UTF-8; raise InvalidError where one has a lone surrogate."""
    try:
        return "".join(texts).encode()
    except UnicodeEncodeError:
        raise InvalidError("Evidence must be valid Unicode.", code="text_not_unicode") from None


@dataclass(frozen=True, slots=True)
class LeafView:
    """A leaf as screens and reports show it: its place, its hash and what it says."""

    position: int
    hash: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """The proof, checked already, that a leaf stands under a signed checkpoint."""

    position: int
    size: int
    leaf_hash: str
    path: tuple[str, ...]
    root: str
    checkpoint: int
    at: str


@dataclass(frozen=True, slots=True)
class SubjectHead:
    """A subject and how many leaves its chain has."""

    subject: str
    leaves: int


def leaf_hash(leaf: bytes) -> str:
    """Hash a leaf as RFC 6962 §2.1 does: SHA-256 over 0x00 and the leaf's bytes."""
    return hashlib.sha256(b"\x00" + leaf).hexdigest()


def read_leaf(leaf: bytes) -> Entry:
    """Read a leaf strictly: only the canonical bytes of a whole entry are one.

    Raises EvidenceMalformedError for anything else, so that no two byte sequences say the same.
    """
    content = read_canonical(leaf, "leaf")
    if set(content) - {"premis", "files"} != _NAMES:
        raise EvidenceMalformedError("The leaf lacks a name or has one that does not belong.")
    entry = Entry(
        content["log"], content["at"], content["by"], content["did"], content["to"],
        content["n"], content["prev"], content["why"], content.get("premis"),
        content.get("files", _NOTHING),
    )  # fmt: skip
    texts = (entry.premis or "", entry.log, entry.at, entry.by, entry.did, entry.to, entry.previous)
    maps = (entry.why, entry.files)
    is_typed = (
        all(isinstance(text, str) for text in texts)
        and all(isinstance(item, Mapping) for item in maps)
        and all(isinstance(kind, str) for kind in entry.files.values())
        and type(entry.number) is int
    )
    if not is_typed or entry.canonical() != leaf:
        raise EvidenceMalformedError("The leaf has a value of the wrong type.")
    return entry


def read_canonical(data: bytes, what: str) -> dict[str, Any]:
    """Read one JSON object that must be in its RFC 8785 form, byte for byte."""
    try:
        content = json.loads(data)
        strict = isinstance(content, dict) and canonical_json(content) == data
    except (ValueError, RecursionError, InvalidError):
        strict = False
    if not strict:
        raise EvidenceMalformedError(f"The {what} is not one object in canonical JSON (RFC 8785).")
    return dict(content)
