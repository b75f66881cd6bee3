"""What is refused of hosted flows: left in the evidence, and passed on to who asked."""

from collections.abc import Iterator
from contextlib import contextmanager

from tidegate.access.model import system_actor
from tidegate.connector.approvals.errors import ApprovalPendingError
from tidegate.connector.signaling.errors import DataFlowRefusedError
from tidegate.connector.signaling.flows import Change, Flows
from tidegate.connector.signaling.machine import CONTROL, Signal
from tidegate.connector.signaling.model import DataFlow, Plane
from tidegate.kernel.errors import TidegateError, UnavailableError

_ACTOR = system_actor("signaling").id


def check_dataset(by: Plane, dataset_id: str) -> None:
    """Raise DataFlowRefusedError unless a dataset is open to a control plane."""
    if dataset_id not in by.open_datasets:
        raise DataFlowRefusedError(
            "No such dataset is open to this control plane: a steward names it, and a legal "
            "officer approves it.",
            code="dataset_closed",
        )


@contextmanager
def withholding(flows: Flows, one: DataFlow) -> Iterator[None]:
    """Leave a refusal in the evidence; what may pass is none."""
    try:
        yield
    except UnavailableError:
        raise
    except TidegateError as problem:
        flows.note_withheld(one, problem)
        raise


@contextmanager
def ending(flows: Flows, one: DataFlow) -> Iterator[None]:
    """End a flow that may not be opened, or that the plane inside refuses for good.

    One that waits for a person's approval of its rows waits on: its control plane starts it again.
    """
    try:
        with withholding(flows, one):
            yield
    except (UnavailableError, ApprovalPendingError):
        raise
    except TidegateError as problem:
        change = Change(reason=problem.message)
        flows.move(one, Signal.TERMINATE, change, by=CONTROL, actor=_ACTOR)
        raise
