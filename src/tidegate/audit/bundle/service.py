"""Verifies a bundle from its files alone: no node, no database, no network."""

from pathlib import Path

from tidegate.audit.bundle.model import Report
from tidegate.audit.bundle.verify import verify_bundle
from tidegate.audit.errors import EvidenceMalformedError, TrustFileUnreadableError
from tidegate.audit.trust import read_space_file


def verify_files(bundle: Path, trust: Path | None) -> Report:
    """Verify a bundle against a trust file; without one, its consistency alone.

    Raises TrustFileUnreadableError where the trust file is none: the bundle is not looked at then,
    as nobody should take what it says for verified, nor for changed.
    """
    if trust is None:
        return verify_bundle(bundle, None)
    try:
        space = read_space_file(trust.read_bytes())
    except EvidenceMalformedError as problem:
        raise TrustFileUnreadableError(
            f"The trust file {trust} cannot be read: {problem.message} Nothing was verified. Give"
            " the space.json that the authority of the space hands out, as it was written"
            " (`tidegate space file` on any member's node writes today's).",
            code="trust_file_unreadable",
            file=trust.name,
        ) from None
    return verify_bundle(bundle, space)
