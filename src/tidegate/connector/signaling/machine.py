"""The state machine of a data flow.

Source: Data Plane Signaling 1.0-RC3, data flow state machine. Only preparing and starting may take
their time; every other move is done when it is answered.
"""

from enum import StrEnum

from tidegate.connector.dataplane.model import DataFlowState as S
from tidegate.kernel.machine import Machine, Move


class Signal(StrEnum):
    """What moves a data flow."""

    PREPARE = "prepare"
    PREPARE_LATER = "prepare_later"
    PREPARED = "prepared"
    START = "start"
    START_LATER = "start_later"
    STARTED = "started"
    SUSPEND = "suspend"
    RESUME = "resume"
    COMPLETE = "complete"
    TERMINATE = "terminate"


CONTROL, DATA = "control", "data"

_MOVES = (
    (Signal.PREPARE, S.INITIALIZED, S.PREPARED, (CONTROL,)),
    (Signal.PREPARE_LATER, S.INITIALIZED, S.PREPARING, (CONTROL,)),
    (Signal.PREPARED, S.PREPARING, S.PREPARED, (DATA,)),
    (Signal.START, S.INITIALIZED, S.STARTED, (CONTROL,)),
    (Signal.START_LATER, S.INITIALIZED, S.STARTING, (CONTROL,)),
    (Signal.STARTED, S.STARTING, S.STARTED, (DATA,)),
    (Signal.STARTED, S.PREPARED, S.STARTED, (CONTROL,)),
    (Signal.SUSPEND, S.STARTED, S.SUSPENDED, (CONTROL,)),
    (Signal.RESUME, S.SUSPENDED, S.STARTED, (CONTROL,)),
    (Signal.COMPLETE, S.STARTED, S.COMPLETED, (CONTROL, DATA)),
    *(
        (Signal.TERMINATE, source, S.TERMINATED, (CONTROL,))
        for source in (
            S.INITIALIZED,
            S.PREPARING,
            S.PREPARED,
            S.STARTING,
            S.STARTED,
            S.SUSPENDED,
        )
    ),
)

DATA_FLOW: Machine[S] = Machine(
    name="data flow",
    start=S.INITIALIZED,
    moves=tuple(
        Move(signal.value, source, target, by)
        for signal, source, target, actors in _MOVES
        for by in actors
    ),
)

FINAL = DATA_FLOW.final()
