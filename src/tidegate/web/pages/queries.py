"""A researcher's queries: asked, answered, refused with what to change, and drawn."""

import json

from starlette.responses import Response

from tidegate.kernel.errors import InvalidError
from tidegate.lab.model import Asked, Result
from tidegate.lab.plots import render_svg
from tidegate.policy.model import Agreement, AgreementState
from tidegate.web.kit import Ask, making, page
from tidegate.web.names import names_of
from tidegate.web.pages.asking import CONDITIONS, KINDS, OPERATORS, read_form
from tidegate.web.pages.columns import check_names, column_groups
from tidegate.web.results import view_of
from tidegate.web.sayings import say_query
from tidegate.web.steps import steps_of

_LONGEST_DOCUMENT = 64_000


def show_queries(ask: Ask) -> Response:
    """List the person's queries, newest first."""
    asked = ask.house.queries.list_mine(by=ask.actor)
    return ask.page(
        "queries.html",
        asked=[(one, say_query(one.query, ask.language)) for one in asked],
        has_agreement=bool(_agreements(ask)),
        people=names_of(ask),
    )


def _agreements(ask: Ask) -> list[Agreement]:
    return [
        one
        for one in ask.house.policy.list_agreements()
        if one.role == "consumer" and one.state is AgreementState.ACTIVE
    ]


def show_new(ask: Ask) -> Response:
    """Show the form for a new query."""
    return _form(ask, problem=None)


def _form(ask: Ask, problem: InvalidError | None) -> Response:
    agreements = _agreements(ask)
    records = {
        one.id: ask.house.catalogue.find_harvested(one.dataset_id, one.assigner)
        for one in agreements
    }
    return ask.page(
        "query_new.html",
        status=200 if problem is None else 400,
        agreements=agreements,
        titles={key: one.dataset.title for key, one in records.items() if one},
        columns=column_groups(one for one in records.values() if one),
        conditions=range(CONDITIONS),
        operators=OPERATORS,
        kinds=KINDS,
        form=ask.form,
        problem=problem,
        people=names_of(ask),
    )


def ask_query(ask: Ask) -> Response:
    """Send a query to where the data are."""
    try:
        agreement = ask.form.required("agreement")
        document = _document(ask)
        _check_columns(ask, agreement, document)
        asked = ask.house.queries.submit(agreement, document, by=ask.actor)
    except InvalidError as problem:
        return _form(ask, problem)
    return ask.go(f"/queries/{asked.id}")


def _check_columns(ask: Ask, agreement_id: str, document: dict[str, object]) -> None:
    """Refuse a name the provider's catalogue does not know, before anything is sent."""
    agreement = next((one for one in _agreements(ask) if one.id == agreement_id), None)
    record = agreement and ask.house.catalogue.find_harvested(
        agreement.dataset_id, agreement.assigner
    )
    if record:
        check_names(ask.house.queries.columns_of(document), record.dataset.columns)


def _document(ask: Ask) -> dict[str, object]:
    written = ask.form.text("document")
    if not written:
        return read_form(ask.form)
    try:
        document = json.loads(written[:_LONGEST_DOCUMENT])
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise InvalidError("The query is not valid JSON.", code="query_malformed")
    return document


def show_query(ask: Ask) -> Response:
    """Show one query: where it stands, its result or its refusal, and the evidence."""
    asked = ask.house.queries.get(ask.path["query_id"], by=ask.actor)
    result = _result(ask, asked)
    return ask.page(
        "query.html",
        asked=asked,
        said_query=say_query(asked.query, ask.language),
        document=json.dumps(json.loads(asked.query), indent=2, ensure_ascii=False),
        result=view_of(result) if result is not None else None,
        steps=steps_of(ask.house.evidence.timeline(f"query:{asked.id}")),
        people=names_of(ask),
    )


def _result(ask: Ask, asked: Asked) -> Result | None:
    if asked.result_hash and not asked.destroyed_at:
        return ask.house.queries.get_result(asked.id, by=ask.actor)
    return None


def show_plot(ask: Ask) -> Response:
    """Draw a result."""
    result = ask.house.queries.get_result(ask.path["query_id"], by=ask.actor)
    return Response(render_svg(result, ask.language), media_type="image/svg+xml")


def withdraw(ask: Ask) -> Response:
    """Take a query back before it is answered."""
    ask.house.queries.withdraw(ask.path["query_id"], by=ask.actor)
    return ask.go(f"/queries/{ask.path['query_id']}", said="query_withdrawn")


PAGES = (
    page("/queries", show_queries),
    page("/queries/new", show_new),
    making("/queries", ask_query),
    page("/queries/{query_id}", show_query),
    page("/queries/{query_id}/plot.svg", show_plot),
    making("/queries/{query_id}/withdraw", withdraw),
)
