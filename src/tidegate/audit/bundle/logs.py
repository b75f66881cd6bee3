"""Checks one node's log: leaves, subject chains, checkpoints and cosignatures."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field, replace
from typing import TypeVar

from tidegate.audit.bundle import layout
from tidegate.audit.bundle.model import Flaw
from tidegate.audit.checkpoint import Checkpoint, Cosignature, head_leaf
from tidegate.audit.errors import EvidenceMalformedError, SignatureInvalidError
from tidegate.audit.merkle import EMPTY_ROOT, Tree, check_consistency, hash_leaf
from tidegate.audit.model import NO_PREVIOUS, Entry, read_leaf
from tidegate.kernel.errors import TidegateError
from tidegate.kernel.values import dataclass

T = TypeVar("T")

WITNESSED = "checkpoint.witnessed"


@dataclass(slots=True)
class Flaws:
    """Collects what is wrong, by member."""

    found: list[Flaw] = field(default_factory=list)

    def add(self, member: str, problem: str) -> None:
        """Note one flaw."""
        self.found.append(Flaw(member, problem))

    @contextmanager
    def about(self, member: str) -> Iterator[None]:
        """Turn what a check of `member` refuses into a flaw of that member."""
        try:
            yield
        except TidegateError as problem:
            self.add(member, problem.message)


@dataclass(frozen=True, slots=True)
class CheckedLog:
    """A log whose leaves and chains held; what it is asked about by the other checks."""

    did: str
    entries: tuple[Entry, ...]
    tree: Tree
    checkpoints: tuple[Checkpoint, ...]
    witnesses: tuple[Cosignature, ...]
    subjects: int


def check_log(
    did: str, members: Mapping[str, bytes], keys: Mapping[str, bytes], flaws: Flaws
) -> CheckedLog | None:
    """Check everything a log proves by itself; None if there is too little to go on with."""
    names = (layout.log_member(did), layout.checkpoints_member(did), layout.witnesses_member(did))
    missing = [name for name in names if name not in members]
    for name in missing:
        flaws.add(name, "it is missing.")
    if did not in keys:
        flaws.add(layout.credential_member(did), f"there is no credential that gives {did} a key.")
    if missing or did not in keys:
        return None
    before = len(flaws.found)
    leaves: tuple[bytes, ...] = ()
    lines: tuple[layout.CheckpointLine, ...] = ()
    with flaws.about(names[0]):
        leaves = layout.read_lines(members[names[0]])
    with flaws.about(names[1]):
        lines = _read_each(members[names[1]], layout.read_checkpoint_line, "checkpoint")
    if len(flaws.found) > before:
        return None
    log = _check_leaves(did, leaves, tuple(line.signed.checkpoint for line in lines), flaws)
    if log is None:
        return None
    with flaws.about(names[1]):
        _check_checkpoints(log, lines, keys[did])
    witnesses: tuple[Cosignature, ...] = ()
    with flaws.about(names[2]):
        witnesses = _read_each(members[names[2]], layout.read_witness_line, "cosignature")
        _check_witnesses(log, witnesses, keys)
    return replace(log, witnesses=witnesses)


def _check_leaves(
    did: str, leaves: tuple[bytes, ...], checkpoints: tuple[Checkpoint, ...], flaws: Flaws
) -> CheckedLog | None:
    sizes = {point.size: point for point in checkpoints}
    chains = _Chains(did)
    member = layout.log_member(did)
    for position, leaf in enumerate(leaves):
        try:
            chains.add(leaf)
        except TidegateError as problem:
            flaws.add(member, f"leaf {position}: {problem.message}")
            return None
        point = sizes.get(position + 1)
        if point is not None and chains.heads_root() != (point.heads, point.subjects):
            flaws.add(
                member,
                f"leaf {position}: the heads of all subjects differ from those signed in"
                f" checkpoint {point.number}; a leaf was changed, dropped or added before it.",
            )
            return None
    tree = Tree(chains.hashes)
    return CheckedLog(did, tuple(chains.entries), tree, checkpoints, (), len(chains.heads))


class _Chains:
    """Follows the chain of every subject through a log."""

    def __init__(self, did: str) -> None:
        self._did = did
        self.entries: list[Entry] = []
        self.hashes: list[bytes] = []
        self.heads: dict[str, tuple[int, str]] = {}
        self._hashed: dict[str, bytes] = {}

    def add(self, leaf: bytes) -> None:
        entry = read_leaf(leaf)
        if entry.log != self._did:
            raise EvidenceMalformedError(f"it belongs to the log of {entry.log}.")
        number, previous = self.heads.get(entry.to, (0, NO_PREVIOUS))
        if entry.number != number + 1:
            raise EvidenceMalformedError(
                f"it is number {entry.number} of {entry.to}, but number {number + 1} is due; a leaf"
                " is missing or out of order."
            )
        if entry.previous != previous:
            raise EvidenceMalformedError(
                f"it does not continue number {number} of {entry.to}; that leaf was changed."
            )
        digest = hash_leaf(leaf)
        self.entries.append(entry)
        self.hashes.append(digest)
        self.heads[entry.to] = (entry.number, digest.hex())
        self._hashed[entry.to] = hash_leaf(head_leaf(entry.to, entry.number, digest.hex()))

    def heads_root(self) -> tuple[str, int]:
        ordered = sorted(self._hashed, key=str.encode)
        return Tree(self._hashed[subject] for subject in ordered).root().hex(), len(ordered)


def _check_checkpoints(
    log: CheckedLog, lines: tuple[layout.CheckpointLine, ...], key: bytes
) -> None:
    size, root, previous = 0, EMPTY_ROOT, ""
    for number, line in enumerate(lines, 1):
        point = line.signed.checkpoint
        if (point.log, point.number, point.previous) != (log.did, number, previous):
            raise EvidenceMalformedError(
                f"checkpoint {number} does not follow the one before it; one was dropped, added or"
                " taken from another log."
            )
        line.signed.check(key)
        if not size <= point.size <= len(log.tree):
            raise EvidenceMalformedError(
                f"checkpoint {number} covers {point.size} leaves, but the log has {len(log.tree)}."
            )
        if log.tree.root(point.size).hex() != point.root:
            raise EvidenceMalformedError(
                f"checkpoint {number} signs another root than its {point.size} leaves have; a leaf"
                " was changed, dropped, added or reordered."
            )
        check_consistency(size, point.size, root, bytes.fromhex(point.root), line.proof)
        size, root, previous = point.size, bytes.fromhex(point.root), point.sha256
    if size != len(log.tree):
        raise EvidenceMalformedError(
            f"the newest checkpoint covers {size} leaves, but the log has {len(log.tree)}: it is an"
            " old one, or leaves were added."
        )


def _check_witnesses(
    log: CheckedLog, witnesses: tuple[Cosignature, ...], keys: Mapping[str, bytes]
) -> None:
    points = {point.sha256: point for point in log.checkpoints}
    for cosigned in witnesses:
        statement = cosigned.statement
        if statement.witness not in keys:
            raise SignatureInvalidError(f"no credential gives {statement.witness} a key.")
        cosigned.check(keys[statement.witness])
        point = points.get(statement.checkpoint)
        told = (statement.log, statement.number, statement.size, statement.root)
        if point is None or told != (log.did, point.number, point.size, point.root):
            raise EvidenceMalformedError(
                f"{statement.witness} witnessed checkpoint {statement.number} over {statement.size}"
                f" leaves, but the log has no such checkpoint (it has {len(log.tree)} leaves): it"
                " was rewritten, or cut to an older state."
            )
    received = _statements(log.entries)
    present = [cosigned.statement.sha256 for cosigned in witnesses]
    if sorted(received) != sorted(present):
        raise EvidenceMalformedError(
            f"the log received {len(received)} cosignatures, and {len(present)} are here; they are"
            " not the same."
        )


def _statements(entries: Iterable[Entry]) -> list[str]:
    return [str(entry.why.get("statement")) for entry in entries if entry.did == WITNESSED]


def _read_each(data: bytes, read: Callable[[bytes], T], what: str) -> tuple[T, ...]:
    found: list[T] = []
    for number, line in enumerate(layout.read_lines(data), 1):
        try:
            found.append(read(line))
        except TidegateError as problem:
            raise EvidenceMalformedError(f"{what} {number}: {problem.message}") from None
    return tuple(found)
