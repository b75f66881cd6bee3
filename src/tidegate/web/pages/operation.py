"""The operator's page: health, the work queue, and tasks that were parked with their reasons."""

from starlette.responses import Response

from tidegate.access.model import Role
from tidegate.access.rules import check_has_role
from tidegate.web.kit import Ask, making, page


def show_operation(ask: Ask) -> Response:
    """Show how the node does."""
    check_has_role(ask.actor, Role.OPERATOR)
    return ask.page(
        "operation.html",
        counts=ask.house.work.count_tasks(),
        parked=ask.house.work.list_parked(by=ask.actor),
        checkpoint=ask.house.evidence.latest_checkpoint(),
        people=ask.house.access.list_people(),
        now=ask.house.clock.now(),
    )


def retry(ask: Ask) -> Response:
    """Try a parked task again."""
    ask.house.work.retry(int(ask.path["seq"]), by=ask.actor)
    return ask.go("/operation", said="task_retried")


def discard(ask: Ask) -> Response:
    """Give a parked task up, with a reason."""
    ask.house.work.discard(int(ask.path["seq"]), ask.form.required("reason"), by=ask.actor)
    return ask.go("/operation", said="task_discarded")


PAGES = (
    page("/operation", show_operation),
    making("/operation/tasks/{seq:int}/retry", retry),
    making("/operation/tasks/{seq:int}/discard", discard),
)
