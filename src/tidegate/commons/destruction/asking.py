"""What is asked before a destruction: of other rooms, and of the version itself."""

from collections.abc import Callable

from sqlalchemy import Connection

from tidegate.audit.journal import Tx
from tidegate.commons import store
from tidegate.commons.destruction.certificates import ResolveKey
from tidegate.commons.errors import NotReadyError
from tidegate.commons.lifecycle import LIFECYCLE
from tidegate.commons.model import DestructionState
from tidegate.kernel.values import dataclass


@dataclass(frozen=True, slots=True)
class Questions:
    """What other rooms are asked: for the key of a DID, and to raise where an agreement ended."""

    resolve_key: ResolveKey
    check_agreement: Callable[[Tx, str], object]


def check_may_be_requested(conn: Connection, version_id: str) -> None:
    """Raise unless the destruction of a version can be asked for, and nobody has done so.

    Raises HoldingUnknownError, IllegalMoveError in a stage that nothing leaves, NotReadyError
    while an earlier request waits.
    """
    LIFECYCLE.step(store.get_holding(conn, version_id).stage, "destroy", by="approver")
    earlier = store.find_destruction(conn, version_id)
    if earlier is not None and earlier.state is not DestructionState.DONE:
        raise NotReadyError("The destruction was requested before.", code="requested_before")
