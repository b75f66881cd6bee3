"""The reference of the Dataspace Protocol as this node speaks it, from the tables it runs on."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from tidegate.api import dsp
from tidegate.connector.errors import PeerRefusedError, PeerUnauthenticatedError
from tidegate.connector.http.model import Answer
from tidegate.connector.messages import wire, wire_catalog
from tidegate.connector.messages.delivery import judge
from tidegate.connector.messages.model import DeliverySettings, Side
from tidegate.connector.negotiation.machine import NEGOTIATION
from tidegate.connector.negotiation.outgoing import _PLACES as NEGOTIATION_PLACES
from tidegate.connector.negotiation.outgoing import _TYPES as NEGOTIATION_TYPES
from tidegate.connector.negotiation.strategy import _ACTS, _ALWAYS, PRESETS
from tidegate.connector.progress.model import NEXT_ACTS, Patience, Trouble
from tidegate.connector.transfer.machine import TRANSFER
from tidegate.connector.transfer.wording import _PLACES as TRANSFER_PLACES
from tidegate.connector.transfer.wording import TYPES as TRANSFER_TYPES
from tidegate.kernel.errors import (
    ConflictError,
    CorruptError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    TidegateError,
    UnavailableError,
    WithheldError,
)

STATUSES = (200, 307, 400, 401, 403, 404, 409, 429, 500, 503)
KINDS: tuple[type[TidegateError], ...] = (
    PeerUnauthenticatedError,
    PeerRefusedError,
    NotFoundError,
    InvalidError,
    ConflictError,
    ForbiddenError,
    WithheldError,
    CorruptError,
    UnavailableError,
)
TROUBLES: Mapping[Trouble, str] = {
    Trouble.FAILING: "our message was tried and not acknowledged",
    Trouble.UNSENT: "our message has waited {unsent} s to be sent",
    Trouble.PERSON: "somebody here must decide",
    Trouble.APPROVAL: "a legal officer here was asked whether the rows may leave",
    Trouble.HELD: "it has been our turn for {held} s, and no strategy takes it",
    Trouble.SILENT: "it has been the peer's turn for {silent} s",
    Trouble.PARKED: "a task of the process was put aside",
}
ENDS: Mapping[str, str] = {
    "": "the step is taken on both sides",
    "too_early": "tried again, a few times: the peer may not have committed its side yet",
    "unproven": "tried again, a few times: the peer could not verify who we are",
    "unable": "tried again with growing pauses",
    "refused": "given up; the process ends as TERMINATED, with the reason",
}


PLAIN: Mapping[str, str] = {
    "StrType": "text",
    "AnyType": "anything",
    "DictType": "object",
    "IntType": "whole number",
    "BoolType": "true or false",
}


def protocol_lines(written: str) -> list[str]:
    """Return the page, line by line."""
    return [
        f"# The Dataspace Protocol {wire.VERSION}, as this node speaks it",
        "",
        written,
        "How it is meant is told in [negotiation](../explanation/negotiation.md).",
        "",
        *_endpoints(),
        *_machine(
            "Negotiation", NEGOTIATION, NEGOTIATION_TYPES, NEGOTIATION_PLACES, "/negotiations"
        ),
        *_machine("Transfer", TRANSFER, TRANSFER_TYPES, TRANSFER_PLACES, "/transfers"),
        *_strategies(),
        *_messages(),
        *_statuses(),
        *_deliveries(),
        *_stuck(),
    ]


def _endpoints() -> Iterator[str]:
    yield from ("## Endpoints", "", f"Below `{wire.BASE_PATH}` of the node; the versions are at")
    yield "`/.well-known/dspace-version`, open to anybody. Every other call carries a"
    yield "self-issued ID token as `Authorization: Bearer …`."
    yield from ("", "| call | refused with |", "|---|---|")
    names = {
        dsp.negotiation_error: "ContractNegotiationError",
        dsp.transfer_error: "TransferError",
    }
    for method, path, _, refusal in dsp.OPERATIONS:
        shown = path.replace("{pid:path}", "{id}")
        yield f"| `{method} {shown}` | `{names.get(refusal, 'CatalogError')}` |"
    yield ""


def _machine(name: str, machine: Any, types: Any, places: Any, base: str) -> Iterator[str]:
    yield from (f"## {name}", "", "```mermaid", *machine.mermaid(), "```", "")
    yield "| step | by | from | to | message | sent to |"
    yield "|---|---|---|---|---|---|"
    for move in machine.moves:
        opening = move.source == machine.start
        place = f"`{base}/{'' if opening else '{pid}/'}{places[move.action]}`"
        if opening and move.action == "terminate":
            place = "nobody: the peer knows of nothing"
        head = f"| {move.action} | {move.by} | {move.source} | {move.target} |"
        yield f"{head} `{types[move.action]}` | {place} |"
    yield ""


def _strategies() -> Iterator[str]:
    yield from (
        "## Strategies",
        "",
        "What a strategy may do when a state is reached; `refuse`, `ask`",
    )
    yield from ("and `wait` may always follow.", "", "| side | trigger | may do |", "|---|---|---|")
    for (side, trigger), acts in _ACTS.items():
        shown = ", ".join(f"`{act}`" for act in sorted({*acts, *_ALWAYS}))
        yield f"| {side} | {trigger} | {shown} |"
    yield from ("", "| ready-made | as provider, on a request | as consumer, on an offer |")
    yield "|---|---|---|"
    for name, one in PRESETS.items():
        first = one.reaction_to(Side.PROVIDER, "REQUESTED")
        other = one.reaction_to(Side.CONSUMER, "OFFERED")
        yield f"| {name} | {first.act if first else 'wait'} | {other.act if other else 'wait'} |"
    yield ""


def _messages() -> Iterator[str]:
    yield from (
        "## Messages",
        "",
        "Members that are not listed are ignored in reading, except inside",
    )
    yield from ("policies, where whatever is not known is refused.",)
    for module in (wire_catalog, wire):
        for name, kind in vars(module).items():
            is_here = isinstance(kind, type) and kind.__module__ == module.__name__
            if not is_here or not issubclass(kind, msgspec.Struct) or name.startswith("_"):
                continue
            if name == "Message":
                continue
            words = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
            yield from ("", f"### {name}", "", words, "", "| member | needed | form |")
            yield "|---|---|---|"
            for field in msgspec.structs.fields(kind):
                needed = "yes" if field.required else "no"
                yield f"| `{field.encode_name}` | {needed} | {_form(field.type)} |"
    yield ""


def _form(kind: Any) -> str:
    found = msgspec.inspect.type_info(kind)
    if isinstance(found, msgspec.inspect.Metadata):
        found = found.type
    return _form_of(found)


def _form_of(found: Any) -> str:
    inspect = msgspec.inspect
    if isinstance(found, inspect.Metadata):
        return _form_of(found.type)
    if isinstance(found, inspect.LiteralType):
        return " or ".join(f"`{each}`" for each in found.values)
    if isinstance(found, inspect.UnionType):
        kinds = [each for each in found.types if not isinstance(each, inspect.NoneType)]
        return " or ".join(dict.fromkeys(_form_of(each) for each in kinds)) or "nothing"
    if isinstance(found, inspect.ListType):
        return f"list of {_form_of(found.item_type)}"
    plain = getattr(found, "cls", type(found)).__name__
    return PLAIN.get(plain, plain.removesuffix("Type"))


def _statuses() -> Iterator[str]:
    yield from (
        "## What this node answers",
        "",
        "| what happened | status |",
    )
    yield "|---|---|"
    for kind in KINDS:
        first = dsp.status_of(kind("…"), about_pid=False)
        other = dsp.status_of(kind("…"), about_pid=True)
        words = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
        shown = str(first) if first == other else f"{first}; about a pid {other}"
        yield f"| {words} | {shown} |"
    yield ""


def _deliveries() -> Iterator[str]:
    yield from (
        "## What an answer does to our message",
        "",
        "| the peer answers | code | what follows |",
    )
    yield "|---|---|---|"
    yield "| nothing, or the connection breaks | `no_answer` | tried again with growing pauses |"
    for status in STATUSES:
        end = judge(Answer(status))
        code = f"`{end.code}`" if end.code else "—"
        yield f"| {status} | {code} | {ENDS[end.code]} |"
    usual = DeliverySettings()
    pauses = ", ".join(f"{usual.delay_before(n):g}" for n in range(1, usual.attempts))
    yield from ("", f"The pauses between tries are {pauses} seconds. After {usual.attempts} tries")
    yield from (
        f"({usual.early_attempts} where it was too early or unproven) a message is given up.",
        "",
    )


def _stuck() -> Iterator[str]:
    usual = Patience()
    yield from ("## What counts as stuck", "", "| trouble | when | what to do |", "|---|---|---|")
    for trouble, acts in NEXT_ACTS.items():
        when = TROUBLES[trouble].format(
            unsent=f"{usual.unsent_seconds:g}",
            held=f"{usual.held_seconds:g}",
            silent=f"{usual.silent_seconds:g}",
        )
        yield f"| {trouble} | {when} | {', '.join(act.replace('_', ' ') for act in acts)} |"
    yield from (
        "",
        "A transfer may rest in STARTED and SUSPENDED; nothing final is stuck by age.",
    )
