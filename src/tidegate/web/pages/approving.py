"""Approvals of rows: what the rules leave to a person, answered and taken back on the screen."""

from starlette.responses import Response

from tidegate.access.model import Role
from tidegate.access.rules import has_role
from tidegate.connector.approvals.model import RowsApproval
from tidegate.connector.approvals.service import READERS
from tidegate.connector.messages.errors import ProcessUnknownError
from tidegate.connector.transfer.model import Transfer
from tidegate.kernel.values import dataclass
from tidegate.web.kit import Ask, making
from tidegate.web.names import title_of


@dataclass(frozen=True, slots=True)
class Question:
    """A question about rows that waits for an answer, as the inbox shows it.

    `transfer` is that of this node; a flow of a control plane elsewhere has none, and names nobody.
    """

    approval: RowsApproval
    title: object
    transfer: Transfer | None


def questions_for(ask: Ask) -> tuple[Question, ...]:
    """Return the questions about rows that wait, for those who may read them."""
    if not has_role(ask.actor, *READERS):
        return ()
    return tuple(_question(ask, one) for one in ask.house.approvals.list_waiting())


def _question(ask: Ask, one: RowsApproval) -> Question:
    try:
        transfer = ask.house.transfer.get(one.transfer) if one.transfer else None
    except ProcessUnknownError:
        transfer = None
    return Question(one, title_of(ask, one.dataset_id, ask.web.settings.node_did), transfer)


def approvals_of(ask: Ask, agreement_id: str) -> tuple[RowsApproval, ...]:
    """Return what was asked and answered about an agreement's rows, newest first."""
    if not has_role(ask.actor, *READERS):
        return ()
    return ask.house.approvals.list_approvals(agreement_id=agreement_id, by=ask.actor)[::-1]


def may_answer(ask: Ask) -> bool:
    """Tell whether the person may answer questions about rows."""
    return has_role(ask.actor, Role.LEGAL)


def approve(ask: Ask) -> Response:
    """Let exactly these rows leave."""
    ask.house.approvals.approve(ask.path["approval"], ask.form.required("reason"), by=ask.actor)
    return ask.go("/inbox", said="rows_approved")


def refuse(ask: Ask) -> Response:
    """Let these rows stay."""
    ask.house.approvals.refuse(ask.path["approval"], ask.form.required("reason"), by=ask.actor)
    return ask.go("/inbox", said="rows_refused")


def withdraw(ask: Ask) -> Response:
    """Take an approval back."""
    one = ask.house.approvals.withdraw(
        ask.path["approval"], ask.form.required("reason"), by=ask.actor
    )
    return ask.go(f"/agreements/{one.frame.agreement_id}", said="rows_withdrawn")


PAGES = (
    making("/rows-approvals/{approval}/approve", approve),
    making("/rows-approvals/{approval}/refuse", refuse),
    making("/rows-approvals/{approval}/withdraw", withdraw),
)
