"""Management operations of approvals of rows: what a person is asked, and their answer."""

from tidegate.api.connector import Reason
from tidegate.api.kit import Call, Operation
from tidegate.connector.approvals.model import RowsApproval


def list_approvals(call: Call[None]) -> tuple[RowsApproval, ...]:
    """Return questions about rows and their answers, the oldest change first."""
    return call.house.approvals.list_approvals(
        agreement_id=call.query.get("agreement", ""),
        state=call.query.get("state", ""),
        by=call.actor,
    )


def show_approval(call: Call[None]) -> RowsApproval:
    """Return one question about rows, with the rules that ask."""
    return call.house.approvals.get(call.path["approval"], by=call.actor)


def approve_rows(call: Call[Reason]) -> RowsApproval:
    """Let exactly these rows leave; what waits for it goes on."""
    return call.house.approvals.approve(call.path["approval"], call.body.reason, by=call.actor)


def refuse_rows(call: Call[Reason]) -> RowsApproval:
    """Let these rows stay; what waits for it ends with the reason."""
    return call.house.approvals.refuse(call.path["approval"], call.body.reason, by=call.actor)


def withdraw_rows(call: Call[Reason]) -> RowsApproval:
    """Take an approval back; what runs under it stops at once."""
    return call.house.approvals.withdraw(call.path["approval"], call.body.reason, by=call.actor)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/rows-approvals",
        list_approvals,
        gives=tuple[RowsApproval, ...],
        summary="List what people are asked about rows, with their answers",
    ),
    Operation(
        "GET",
        "/rows-approvals/{approval}",
        show_approval,
        gives=RowsApproval,
        summary="Show what is asked about rows, and the rules that ask",
    ),
    Operation(
        "POST",
        "/rows-approvals/{approval}/approve",
        approve_rows,
        takes=Reason,
        gives=RowsApproval,
        summary="Approve that exactly these rows leave",
    ),
    Operation(
        "POST",
        "/rows-approvals/{approval}/refuse",
        refuse_rows,
        takes=Reason,
        gives=RowsApproval,
        summary="Refuse that these rows leave",
    ),
    Operation(
        "POST",
        "/rows-approvals/{approval}/withdraw",
        withdraw_rows,
        takes=Reason,
        gives=RowsApproval,
        summary="Take an approval of rows back",
    ),
)
