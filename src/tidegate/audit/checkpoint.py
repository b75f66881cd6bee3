"""Checkpoints, their cosignatures, and the tree over the heads of all subjects.

A checkpoint says in one signed line how long the log is, which root all its leaves have, and which
root the heads of all subjects have. It names the checkpoint before it, so that none can be dropped.
A witness signs that it saw the checkpoint and that the log continues the one it saw before.
"""

from collections.abc import Callable, Iterable
from typing import Any

from tidegate.audit.encoding import check_signature, decode_hash, encode_bytes
from tidegate.audit.errors import EvidenceMalformedError
from tidegate.audit.merkle import Tree, hash_leaf
from tidegate.audit.model import read_canonical
from tidegate.kernel.canonical import canonical_json, sha256_hex
from tidegate.kernel.values import dataclass

CHECKPOINT_FORM = "tidegate-checkpoint/1"
WITNESS_FORM = "tidegate-witness/1"
Sign = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a log at one moment; `previous` is empty in the first checkpoint."""

    log: str
    number: int
    size: int
    root: str
    heads: str
    subjects: int
    previous: str
    at: str

    def canonical(self) -> bytes:
        """Return the bytes that are signed."""
        return canonical_json(
            {
                "form": CHECKPOINT_FORM,
                "log": self.log,
                "number": self.number,
                "size": self.size,
                "root": self.root,
                "heads": self.heads,
                "subjects": self.subjects,
                "previous": self.previous,
                "at": self.at,
            }
        )

    @property
    def sha256(self) -> str:
        """Return the hash the next checkpoint and the witnesses name this one by."""
        return sha256_hex(self.canonical())


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint and its log's signature."""

    checkpoint: Checkpoint
    signature: str

    def check(self, public: bytes) -> None:
        """Raise SignatureInvalidError unless the log's key signed this."""
        check_signature(public, self.checkpoint.canonical(), self.signature, "checkpoint")

    def to_json(self) -> dict[str, str]:
        """Return the form that travels: the signed text and the signature."""
        return {"checkpoint": self.checkpoint.canonical().decode(), "signature": self.signature}


@dataclass(frozen=True, slots=True)
class Statement:
    """What a witness signs: this checkpoint continues the log I knew."""

    witness: str
    log: str
    number: int
    size: int
    root: str
    checkpoint: str
    at: str

    def canonical(self) -> bytes:
        """Return the bytes that are signed."""
        return canonical_json(
            {
                "form": WITNESS_FORM,
                "witness": self.witness,
                "log": self.log,
                "number": self.number,
                "size": self.size,
                "root": self.root,
                "checkpoint": self.checkpoint,
                "at": self.at,
            }
        )

    @property
    def sha256(self) -> str:
        """Return the hash that leaves name this statement by."""
        return sha256_hex(self.canonical())


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A witness's statement and its signature."""

    statement: Statement
    signature: str

    def check(self, public: bytes) -> None:
        """Raise SignatureInvalidError unless the witness's key signed this."""
        check_signature(public, self.statement.canonical(), self.signature, "witness statement")

    def to_json(self) -> dict[str, str]:
        """Return the form that travels: the signed text and the signature."""
        return {"statement": self.statement.canonical().decode(), "signature": self.signature}


def sign_checkpoint(checkpoint: Checkpoint, sign: Sign) -> SignedCheckpoint:
    """Sign a checkpoint with the log's evidence key."""
    return SignedCheckpoint(checkpoint, encode_bytes(sign(checkpoint.canonical())))


def sign_statement(statement: Statement, sign: Sign) -> Cosignature:
    """Sign a statement with the witness's evidence key."""
    return Cosignature(statement, encode_bytes(sign(statement.canonical())))


def read_checkpoint(data: bytes) -> Checkpoint:
    """Read a checkpoint from its one strict form; raise EvidenceMalformedError otherwise."""
    content = read_canonical(data, "checkpoint")
    checkpoint = Checkpoint(
        _text(content, "log"),
        _number(content, "number"),
        _number(content, "size"),
        _text(content, "root"),
        _text(content, "heads"),
        _number(content, "subjects"),
        _text(content, "previous"),
        _text(content, "at"),
    )
    if checkpoint.canonical() != data:
        raise EvidenceMalformedError("The checkpoint has a name that does not belong.")
    for digest in (checkpoint.root, checkpoint.heads, checkpoint.previous or checkpoint.root):
        decode_hash(digest)
    return checkpoint


def read_statement(data: bytes) -> Statement:
    """Read a witness's statement from its one strict form."""
    content = read_canonical(data, "witness statement")
    statement = Statement(
        _text(content, "witness"),
        _text(content, "log"),
        _number(content, "number"),
        _number(content, "size"),
        _text(content, "root"),
        _text(content, "checkpoint"),
        _text(content, "at"),
    )
    if statement.canonical() != data:
        raise EvidenceMalformedError("The witness statement has a name that does not belong.")
    return statement


def read_signed_checkpoint(content: Any) -> SignedCheckpoint:
    """Read the travelling form of a signed checkpoint."""
    text, signature = _pair(content, "checkpoint")
    return SignedCheckpoint(read_checkpoint(text.encode()), signature)


def read_cosignature(content: Any) -> Cosignature:
    """Read the travelling form of a cosignature."""
    text, signature = _pair(content, "statement")
    return Cosignature(read_statement(text.encode()), signature)


def head_leaf(subject: str, number: int, digest: str) -> bytes:
    """Return the leaf of the heads' tree that says where one subject's chain ends."""
    return canonical_json({"head": digest, "n": number, "subject": subject})


def heads_tree(heads: Iterable[tuple[str, int, str]]) -> Tree:
    """Build the tree over (subject, number, hash), ordered by the subject's UTF-8 bytes."""
    ordered = sorted(heads, key=lambda head: head[0].encode())
    return Tree(hash_leaf(head_leaf(*head)) for head in ordered)


def _pair(content: Any, name: str) -> tuple[str, str]:
    if isinstance(content, dict) and set(content) == {name, "signature"}:
        text, signature = content[name], content["signature"]
        if isinstance(text, str) and isinstance(signature, str):
            return text, signature
    raise EvidenceMalformedError(f"A signed {name} consists of {name} and signature.")


def _text(content: dict[str, Any], name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str):
        raise EvidenceMalformedError(f"{name} is missing or not a text.")
    return value


def _number(content: dict[str, Any], name: str) -> int:
    value = content.get(name)
    if type(value) is not int or value < 0:
        raise EvidenceMalformedError(f"{name} is missing or not a whole number.")
    return value
