"""The messages of Data Plane Signaling as types of our own, and how they are read and written.

Source: Data Plane Signaling 1.0-RC3, its JSON schemas; addresses as in the Dataspace Protocol
2025-1. Addresses may come without the `@type` that the specification's own examples leave out;
they never leave without it.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import quote

from msgspec import UNSET, Meta, Struct, UnsetType, field

from tidegate.connector.dataplane.model import HTTP_TYPE, DataFlowState, PlaneAddress
from tidegate.connector.messages.compose import Document, data_address
from tidegate.connector.messages.read import check
from tidegate.connector.signaling.errors import DataFlowRefusedError
from tidegate.connector.signaling.model import FORMAT_OF
from tidegate.kernel.text import whole_number

LONGEST_URL = 2048
PLAIN_TYPES = frozenset({HTTP_TYPE, "HttpData"})  # how planes name plain HTTP, Eclipse's too
Id = Annotated[str, Meta(min_length=1, max_length=400)]
M = TypeVar("M", bound=Struct)


class Property(Struct, frozen=True, kw_only=True):
    """One named value of an address."""

    name: str
    value: str
    type: Literal["EndpointProperty"] = field(name="@type", default="EndpointProperty")


class Address(Struct, frozen=True, kw_only=True):
    """Where data are, or are to go."""

    endpoint_type: Id = field(name="endpointType")
    endpoint: Annotated[str, Meta(max_length=LONGEST_URL)] = ""
    endpoint_properties: list[Property] = field(name="endpointProperties", default_factory=list)
    type: Literal["DataAddress"] = field(name="@type", default="DataAddress")

    def find_property(self, name: str) -> str:
        """Return the value of that name, or an empty string."""
        return next((one.value for one in self.endpoint_properties if one.name == name), "")


class DataFlowMessage(Struct, frozen=True, kw_only=True, rename="camel"):
    """DataFlowPrepareMessage and DataFlowStartMessage: everything a data plane must know."""

    message_id: Id
    participant_id: Id
    counter_party_id: Id
    dataspace_context: str
    process_id: Id
    agreement_id: Id
    dataset_id: Id
    profile: Id
    claims: dict[str, Any]
    metadata: dict[str, Any] | UnsetType = UNSET
    labels: list[str] | UnsetType = UNSET
    data_address: Address | UnsetType = UNSET


class DataFlowStartedNotificationMessage(Struct, frozen=True, kw_only=True, rename="camel"):
    """Also DataFlowResumeMessage: bytes may move, perhaps from a new address."""

    message_id: Id
    data_address: Address | UnsetType = UNSET


class DataFlowReasonMessage(Struct, frozen=True, kw_only=True, rename="camel"):
    """DataFlowSuspendMessage and DataFlowTerminateMessage."""

    message_id: Id
    reason: str = ""


class DataFlowStatusMessage(Struct, frozen=True, kw_only=True, rename="camel"):
    """How a data plane says a flow stands. Required ids are checked by who reads it."""

    state: DataFlowState
    message_id: str = ""
    data_flow_id: str = ""
    data_address: Address | UnsetType | None = UNSET
    error: str | UnsetType | None = UNSET


def segment(name: str) -> str:
    """Write another plane's name for something as one segment of an address (RFC 3986, §3.3)."""
    return name.replace(".", "%2E") if name in {".", ".."} else quote(name, safe=":")


def read_message(document: object, kind: type[M]) -> M:
    """Check a document taken from JSON; raise MessageRefusedError, naming the place."""
    return check(document, kind).message


def heard_address(address: Address | UnsetType | None) -> PlaneAddress | None:
    """Read an address whoever wrote it; the HTTP profile's kinds are plain HTTP to a plane."""
    if not isinstance(address, Address):
        return None
    named = {one.name: one.value for one in address.endpoint_properties}
    kind = HTTP_TYPE if address.endpoint_type in FORMAT_OF else address.endpoint_type
    return PlaneAddress(kind, address.endpoint, named)


def spoken_address(
    address: PlaneAddress | None, profile: str, more: Mapping[str, str] | None = None
) -> Document | None:
    """Write an address in the strict form, under its profile's own kind of endpoint."""
    if address is None:
        return None
    is_plain = address.endpoint_type in PLAIN_TYPES and profile in FORMAT_OF
    kind = profile if is_plain else address.endpoint_type
    return data_address(kind, address.endpoint, {**address.properties, **(more or {})})


def status_message(
    message_id: str,
    flow_id: str,
    state: DataFlowState,
    *,
    address: Document | None = None,
    error: str = "",
) -> Document:
    """Write a DataFlowStatusMessage."""
    said: Document = {"messageId": message_id, "dataFlowId": flow_id, "state": state.value}
    if address is not None:
        said["dataAddress"] = address
    if error:
        said["error"] = error
    return said


def check_http_address(address: Address, profile: str, *, loopback: bool, renewable: bool) -> None:
    """Raise DataFlowRefusedError unless an address fits the HTTP transfer profile.

    Source: HTTP transfer profile of Data Plane Signaling 1.0-RC3, endpoint type and address; token
    renewal profile, the refresh token.
    """
    if address.endpoint_type in FORMAT_OF and address.endpoint_type != profile:
        raise DataFlowRefusedError(
            "The address is for the other direction than the flow.", code="address_invalid"
        )
    schemes = "https?" if loopback else "https"
    if not re.match(f"{schemes}://[^/]", address.endpoint):
        raise DataFlowRefusedError(
            "The address of an HTTP transfer is an https URL.", code="address_invalid"
        )
    if address.find_property("authorization") and not address.find_property("authType"):
        raise DataFlowRefusedError(
            "An address with an authorization names its authType.", code="address_invalid"
        )
    if address.find_property("refreshToken") and (
        whole_number(address.find_property("expiresIn")) is None
    ):
        raise DataFlowRefusedError(
            "An address with a refresh token says in how many seconds it expires (expiresIn).",
            code="address_invalid",
        )
    if renewable and not address.find_property("refreshToken"):
        raise DataFlowRefusedError(
            "The token of this address cannot be renewed: it has no refreshToken.",
            code="address_not_renewable",
        )
