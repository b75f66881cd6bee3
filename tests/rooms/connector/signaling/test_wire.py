"""The messages of signaling read anything: into their types, or into a refusal in words."""

from urllib.parse import unquote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.dps_peer import address
from tidegate.connector.dataplane.model import HTTP_TYPE, DataFlowState, PlaneAddress
from tidegate.connector.messages.errors import MessageRefusedError
from tidegate.connector.signaling.errors import DataFlowRefusedError
from tidegate.connector.signaling.model import PROFILE_PULL, PROFILE_PUSH
from tidegate.connector.signaling.wire import (
    Address,
    DataFlowMessage,
    DataFlowReasonMessage,
    DataFlowStartedNotificationMessage,
    DataFlowStatusMessage,
    check_http_address,
    heard_address,
    read_message,
    segment,
    spoken_address,
    status_message,
)

KINDS = (
    DataFlowMessage,
    DataFlowStartedNotificationMessage,
    DataFlowReasonMessage,
    DataFlowStatusMessage,
)
FIELDS = sorted(
    {one.encode_name for kind in KINDS for one in msgspec.structs.fields(kind)}
    | {one.encode_name for one in msgspec.structs.fields(Address)}
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), inside, max_size=8)
    ),
    max_leaves=12,
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
SOME = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)
NAMED = st.dictionaries(SOME, SOME, max_size=4)


def outcome(act):
    """Return what came of an act, or the words it was refused with; nothing else may happen."""
    try:
        return act(), ""
    except (MessageRefusedError, DataFlowRefusedError) as problem:
        return None, problem.message


@pytest.mark.parametrize("kind", KINDS)
@given(said=ANYTHING)
def test_anything_is_read_into_its_type_or_refused_in_words(kind, said):
    read, words = outcome(lambda: read_message(said, kind))

    assert words or (isinstance(read, kind) and isinstance(said, dict))


@given(said=ANYTHING, profile=st.sampled_from([PROFILE_PULL, PROFILE_PUSH]))
def test_an_address_is_taken_or_refused_in_words(said, profile):
    def take():
        found = read_message(said, Address)
        check_http_address(found, profile, loopback=False, renewable=True)
        return found

    found, words = outcome(take)

    assert words or found.endpoint.startswith("https://")


@pytest.mark.parametrize("where", ["http://a.example.org/", "ftp://x/", "https:///x", "//x/", ""])
def test_an_address_is_an_https_url(where):
    said = read_message(address(where), Address)

    with pytest.raises(DataFlowRefusedError):
        check_http_address(said, PROFILE_PULL, loopback=False, renewable=False)


@given(endpoint=TEXTS, properties=NAMED, profile=st.sampled_from([PROFILE_PULL, PROFILE_PUSH]))
def test_what_is_spoken_is_heard_again(endpoint, properties, profile):
    one = PlaneAddress(HTTP_TYPE, endpoint, properties)

    assert heard_address(read_message(spoken_address(one, profile), Address)) == one


@given(flow=st.text(st.characters(codec="utf-8"), min_size=1), state=st.sampled_from(DataFlowState))
def test_a_status_is_read_as_it_was_written(flow, state):
    read = read_message(status_message("m", flow, state, error="No."), DataFlowStatusMessage)

    assert (read.data_flow_id, read.state, read.error) == (flow, state, "No.")


@given(name=st.text(st.characters(codec="utf-8"), min_size=1) | st.sampled_from([".", "..", "a/b"]))
def test_a_name_is_one_segment_of_an_address(name):
    written = segment(name)

    assert unquote(written) == name
    assert written.isascii()
    assert written not in {".", ".."}
    assert not set(written) & set("/?#\\ ")
