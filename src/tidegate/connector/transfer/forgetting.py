"""The end of a transfer whose peer knows nothing of it any more."""

from dataclasses import replace

from tidegate.connector.transfer import store
from tidegate.connector.transfer.desk import Desk
from tidegate.connector.transfer.errors import TransferRacedError
from tidegate.connector.transfer.machine import TRANSFER
from tidegate.connector.transfer.model import Step, Transfer
from tidegate.connector.transfer.outgoing import ACTOR, Outgoing, event_of

FORGOTTEN = "forgotten_by_peer"


def end_forgotten(desk: Desk, outgoing: Outgoing, one: Transfer, words: str) -> Transfer:
    """End a transfer; there is nobody to tell. `one` is as it was when the peer was asked.

    Raises TransferRacedError where it has gone on since.
    """
    with desk.journal.write(
        by=ACTOR,
        did=event_of(Step.TERMINATE),
        to=f"transfer:{one.pid}",
        why={"peer": one.peer_did, "agreement": one.agreement_id, "reason": FORGOTTEN},
    ) as tx:
        current = store.get_transfer(tx.connection, one.pid)
        if current.revision != one.revision:
            raise TransferRacedError("The transfer has gone on meanwhile.")
        move = TRANSFER.step(current.state, Step.TERMINATE.value, by=one.side.other.value)
        ended = replace(
            current,
            state=move.target,
            reason_code=FORGOTTEN,
            reason=words[:1000],
            changed_by=ACTOR,
            changed_at=tx.at,
        )
        return outgoing.arrived(tx, ended)
