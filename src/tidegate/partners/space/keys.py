"""The keys of the space's authority as this node knows them, and how the history of them grows."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tidegate.audit.authority.model import (
    SignedSuccession,
    Succession,
    find_longer,
    jwk_fingerprint,
    read_successions,
)
from tidegate.audit.authority.rules import KeyHistory, read_keys
from tidegate.audit.journal import Journal, Tx
from tidegate.kernel.errors import TidegateError
from tidegate.partners.model import Space
from tidegate.partners.space import store

CHANGED = "space.key_changed"
REFUSED = "space.key_refused"


def has_keys(space: Space) -> bool:
    """Tell whether the space names keys of its authority, as every one founded here does."""
    return bool(space.keys.get("credentials", {}).get("jwk"))


def history_of(space: Space) -> KeyHistory:
    """Return the authority's keys, verified from those the trust file named first.

    Raises:
        SuccessionError: the history does not hold.
    """
    return read_keys(space.id, space.authority, space.keys)


def with_history(space: Space, listed: tuple[SignedSuccession, ...]) -> Space:
    """Return the space with a history, which must hold; raise SuccessionError."""
    keys = {**space.keys, "history": [each.to_json() for each in listed]}
    changed = replace(space, keys=keys)
    history_of(changed)
    return changed


def longer_history(space: Space, content: object) -> Space:
    """Return the space with the longer of its own history and one that somebody offers.

    Raises:
        EvidenceMalformedError: what is offered is no history.
        SuccessionError: it does not hold, or contradicts ours.
    """
    ours = history_of(space).successions
    longer = find_longer(ours, read_successions(content))
    return space if len(longer) == len(ours) else with_history(space, longer)


def take_history(journal: Journal, space: Space, content: object) -> bool:
    """Take over a longer history; return whether it was longer. A wrong one leaves evidence."""
    try:
        changed = longer_history(space, content)
    except TidegateError as problem:
        journal.note(
            by="system:space.keys",
            did=REFUSED,
            to=f"space:{space.id}",
            why={"reason": problem.code, "words": problem.message},
        )
        raise
    added = history_of(changed).successions[len(history_of(space).successions) :]
    if not added:
        return False
    *earlier, last = [each.succession for each in added]
    with journal.write(
        by=f"node:{space.authority}", did=CHANGED, to=f"space:{space.id}", why=told(last)
    ) as tx:
        for each in earlier:
            tx.note(did=CHANGED, to=f"space:{space.id}", why=told(each))
        store.save_space(tx.connection, changed, tx.at)
    return True


def keep_succession(tx: Tx, space: Space, signed: SignedSuccession) -> Space:
    """Keep the authority's own new succession, inside the write that changes its key."""
    changed = with_history(space, (*history_of(space).successions, signed))
    tx.note(did=CHANGED, to=f"space:{space.id}", why=told(signed.succession))
    store.save_space(tx.connection, changed, tx.at)
    return changed


def told(succession: Succession) -> Mapping[str, Any]:
    """Return what the evidence says of a succession."""
    return {
        "number": succession.number,
        "before": succession.before,
        "after": jwk_fingerprint(dict(succession.jwk)),
        "cause": succession.cause.value,
        "until": succession.until,
        "succession": succession.sha256,
    }
