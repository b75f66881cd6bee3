"""What the audit room needs to know of the rooms above it, handed in by the composition root."""

from collections.abc import Callable

from tidegate.kernel.values import dataclass


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Answers from the space: who is in it, and the documents a bundle carries.

    `evidence_key` gives the raw Ed25519 key of a current member, `witnesses` the members to ask,
    `space_file` the content of `space.json`, `credentials` the membership credentials at hand (this
    node's own first, as compact JWTs), `rule_packs` the packs whose hashes `space.json` lists.
    """

    evidence_key: Callable[[str], bytes | None]
    witnesses: Callable[[], tuple[str, ...]]
    space_file: Callable[[], bytes]
    credentials: Callable[[], tuple[str, ...]]
    rule_packs: Callable[[], tuple[bytes, ...]] = tuple
