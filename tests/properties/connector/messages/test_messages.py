"""Parsing, addresses and delivery: what a stranger may send, and where we may be sent."""

import contextlib

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tidegate.connector.messages import wire, wire_catalog
from tidegate.connector.messages.callback import check_callback
from tidegate.connector.messages.errors import CallbackRefusedError, MessageRefusedError
from tidegate.connector.messages.read import read
from unit.connector.messages.test_messages import PEER

KINDS = [
    *wire.Negotiating.__args__,
    *wire.Transferring.__args__,
    wire_catalog.CatalogRequestMessage,
    wire_catalog.Catalog,
    wire_catalog.Dataset,
    wire_catalog.VersionResponse,
    wire.ContractNegotiation,
    wire.TransferProcess,
]


NAMES = [
    "@context", "@type", "@id", "providerPid", "consumerPid", "offer", "agreement", "permission",
    "constraint", "and", "or", "leftOperand", "operator", "rightOperand", "target", "reason",
    "dataAddress", "endpointProperties", "filter", "eventType", "callbackAddress", "action",
]  # fmt: skip


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10)
    | st.sampled_from([wire.CONTEXT, "Offer", "use", "eq", *(kind.__name__ for kind in KINDS)]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), inner, max_size=5)
    ),
    max_leaves=15,
)


@given(st.sampled_from(KINDS), JSON)
def test_any_json_is_either_a_valid_message_or_refused(kind, document):
    with contextlib.suppress(MessageRefusedError):
        read(msgspec.json.encode(document), kind)


@given(st.sampled_from(KINDS), st.binary(max_size=200))
def test_any_bytes_are_either_a_valid_message_or_refused(kind, raw):
    with contextlib.suppress(MessageRefusedError):
        read(raw, kind)


@given(st.text(max_size=60))
def test_no_text_breaks_the_callback_rule(address):
    with contextlib.suppress(CallbackRefusedError):
        check_callback(address, PEER, (), loopback=False)
