"""The checker's inbox: results that would cross the border, to clear or refuse."""

from starlette.responses import Response

from tidegate.web.kit import Ask, making, page
from tidegate.web.names import names_of
from tidegate.web.results import view_of
from tidegate.web.sayings import say_query


def show_inbox(ask: Ask) -> Response:
    """List the results that wait, each as it would leave."""
    waiting = ask.house.releases.list_waiting(by=ask.actor)
    return ask.page(
        "checking.html",
        waiting=[(one, say_query(one.query, ask.language), view_of(one.result)) for one in waiting],
        people=names_of(ask),
    )


def check(ask: Ask) -> Response:
    """Clear a result, or refuse it with a reason."""
    run_id = ask.path["run_id"]
    if ask.form.text("decision") == "clear":
        ask.house.releases.clear(run_id, by=ask.actor)
        return ask.go("/checking", said="result_cleared")
    ask.house.releases.refuse(run_id, ask.form.text("reason"), by=ask.actor)
    return ask.go("/checking", said="result_refused")


PAGES = (page("/checking", show_inbox), making("/checking/{run_id}", check))
