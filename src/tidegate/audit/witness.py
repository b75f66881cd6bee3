"""What a witness checks before it signs: the log continues the one it saw before."""

from tidegate.audit.checkpoint import SignedCheckpoint
from tidegate.audit.errors import EvidenceMalformedError, ForkError, ProofInvalidError
from tidegate.audit.merkle import EMPTY_ROOT, check_consistency

MAX_PROOF = 2 * 64  # hashes; a longer proof fits no log


def check_continues(
    seen: SignedCheckpoint | None, offered: SignedCheckpoint, proof: tuple[bytes, ...]
) -> None:
    """Raise ForkError unless `proof` shows that `offered` continues what was `seen` before.

    Its code says how the log broke its word: rollback, fork or log_mismatch.
    """
    new = offered.checkpoint
    if len(proof) > MAX_PROOF:
        raise EvidenceMalformedError("The consistency proof is longer than any log needs.")
    old = seen.checkpoint if seen else None
    if old is not None and old.log != new.log:
        raise ForkError("The checkpoints are of two logs.", code="log_mismatch", log=new.log)
    if old is not None and (new.size < old.size or new.number < old.number):
        raise ForkError(
            f"The log went back: {new.size} leaves are offered, {old.size} were witnessed.",
            code="rollback",
            log=new.log,
        )
    first, root = (old.size, bytes.fromhex(old.root)) if old else (0, EMPTY_ROOT)
    try:
        check_consistency(first, new.size, root, bytes.fromhex(new.root), proof)
    except ProofInvalidError as problem:
        raise ForkError(
            f"The log does not continue the one that was witnessed: {problem.message}",
            code="fork",
            log=new.log,
        ) from None
