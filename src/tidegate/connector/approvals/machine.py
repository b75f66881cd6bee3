"""The states of an approval of rows. A legal officer answers; the node alone lets it lapse."""

from enum import StrEnum

from tidegate.connector.approvals.model import ApprovalState as S
from tidegate.kernel.machine import Machine, Move


class Answer(StrEnum):
    """What moves an approval."""

    APPROVE = "approve"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    LAPSE = "lapse"


PERSON, NODE = "person", "node"

APPROVAL: Machine[S] = Machine(
    name="approval of rows",
    start=S.ASKED,
    moves=(
        Move(Answer.APPROVE, S.ASKED, S.APPROVED, PERSON),
        Move(Answer.REFUSE, S.ASKED, S.REFUSED, PERSON),
        Move(Answer.APPROVE, S.REFUSED, S.APPROVED, PERSON),
        Move(Answer.WITHDRAW, S.APPROVED, S.WITHDRAWN, PERSON),
        Move(Answer.APPROVE, S.WITHDRAWN, S.APPROVED, PERSON),
        *(
            Move(Answer.LAPSE, source, S.LAPSED, NODE)
            for source in (S.ASKED, S.APPROVED, S.REFUSED, S.WITHDRAWN)
        ),
    ),
)
