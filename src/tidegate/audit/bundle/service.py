"""Verifies a bundle from its files alone: no node, no database, no network."""

from pathlib import Path

from tidegate.audit.bundle.model import Flaw, Report
from tidegate.audit.bundle.verify import verify_bundle
from tidegate.audit.errors import EvidenceMalformedError
from tidegate.audit.trust import read_space_file


def verify_files(bundle: Path, trust: Path | None) -> Report:
    """Verify a bundle against a trust file; without one, its consistency alone.

    A trust file that is not one is itself a flaw: nothing can be believed by it.
    """
    if trust is None:
        return verify_bundle(bundle, None)
    try:
        space = read_space_file(trust.read_bytes())
    except EvidenceMalformedError as problem:
        return Report(flaws=(Flaw(trust.name, problem.message),))
    return verify_bundle(bundle, space)
