"""The messages of the Dataspace Protocol 2025-1 as types of our own.

Source: Dataspace Protocol 2025-1, JSON schemas of catalogue, negotiation, transfer and common.
Members the schemas leave open are ignored here too; `read` keeps the whole document beside the
typed view, because an agreement must be echoed exactly. The few places where these types are
stricter than the schemas are listed in `docs/explanation/negotiation.md` and held by
`tests/shared/test_dsp_schemas.py`.
"""

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType, field

from tidegate.connector.messages.terms import Agreement, MessageOffer, Pid, TargetedOffer

CONTEXT = "https://w3id.org/dspace/2025/1/context.jsonld"
VERSION = "2025-1"
BASE_PATH = "/dsp/2025-1"

Reasons = Annotated[list[Any], Meta(min_length=1)]


class Message(Struct, frozen=True, kw_only=True):
    """What every message has: its context, and its own id."""

    context: list[str] = field(name="@context")
    id: Pid = field(name="@id", default="")

    def __post_init__(self) -> None:
        """Refuse a document that is not in the context of the protocol."""
        if CONTEXT not in self.context:
            raise ValueError(f"@context must contain {CONTEXT}")


class _Paired(Message, frozen=True, kw_only=True):
    provider_pid: Pid = field(name="providerPid")
    consumer_pid: Pid = field(name="consumerPid")


class _Reasoned(_Paired, frozen=True, kw_only=True):
    code: str | UnsetType = UNSET
    reason: Reasons | UnsetType = UNSET


class ContractRequestMessage(Message, frozen=True, kw_only=True):
    """Ask for a contract (with a callback address) or counter an offer (with a provider pid)."""

    type: Literal["ContractRequestMessage"] = field(name="@type")
    consumer_pid: Pid = field(name="consumerPid")
    provider_pid: Pid | UnsetType = field(name="providerPid", default=UNSET)
    callback_address: Pid | UnsetType = field(name="callbackAddress", default=UNSET)
    offer: MessageOffer

    def __post_init__(self) -> None:
        """Refuse a request that both opens and continues, or does neither."""
        super().__post_init__()
        if (self.callback_address is UNSET) is (self.provider_pid is UNSET):
            raise ValueError("exactly one of callbackAddress and providerPid must be there")


class ContractOfferMessage(Message, frozen=True, kw_only=True):
    """Offer a contract, as an opening (with a callback address) or as an answer."""

    type: Literal["ContractOfferMessage"] = field(name="@type")
    provider_pid: Pid = field(name="providerPid")
    consumer_pid: Pid | UnsetType = field(name="consumerPid", default=UNSET)
    callback_address: Pid | UnsetType = field(name="callbackAddress", default=UNSET)
    offer: TargetedOffer

    def __post_init__(self) -> None:
        """Refuse an offer that both opens and continues, or does neither."""
        super().__post_init__()
        if (self.callback_address is UNSET) is (self.consumer_pid is UNSET):
            raise ValueError("exactly one of callbackAddress and consumerPid must be there")


class ContractAgreementMessage(_Paired, frozen=True, kw_only=True):
    """Send the agreement."""

    type: Literal["ContractAgreementMessage"] = field(name="@type")
    agreement: Agreement


class ContractAgreementVerificationMessage(_Paired, frozen=True, kw_only=True):
    """Confirm that the agreement is what was offered."""

    type: Literal["ContractAgreementVerificationMessage"] = field(name="@type")


class ContractNegotiationEventMessage(_Paired, frozen=True, kw_only=True):
    """Accept an offer, or declare the negotiation finished."""

    type: Literal["ContractNegotiationEventMessage"] = field(name="@type")
    event_type: Literal["ACCEPTED", "FINALIZED"] = field(name="eventType")


class ContractNegotiationTerminationMessage(_Reasoned, frozen=True, kw_only=True):
    """End the negotiation."""

    type: Literal["ContractNegotiationTerminationMessage"] = field(name="@type")


NegotiationStateName = Literal[
    "REQUESTED", "OFFERED", "ACCEPTED", "AGREED", "VERIFIED", "FINALIZED", "TERMINATED"
]


class ContractNegotiation(_Paired, frozen=True, kw_only=True):
    """Tell how a negotiation stands."""

    type: Literal["ContractNegotiation"] = field(name="@type")
    state: NegotiationStateName


class ContractNegotiationError(_Reasoned, frozen=True, kw_only=True):
    """Say that a negotiation message was refused."""

    type: Literal["ContractNegotiationError"] = field(name="@type")


# --- transfer


class EndpointProperty(Struct, frozen=True, kw_only=True):
    """One named value of a data address."""

    type: Literal["EndpointProperty"] = field(name="@type")
    name: str
    value: str


class DataAddress(Struct, frozen=True, kw_only=True):
    """Where data are, or are to go."""

    type: Literal["DataAddress"] = field(name="@type")
    endpoint_type: str = field(name="endpointType")
    endpoint: str | UnsetType = UNSET
    endpoint_properties: Annotated[list[EndpointProperty], Meta(min_length=1)] | UnsetType = field(
        name="endpointProperties", default=UNSET
    )

    def find_property(self, name: str) -> str:
        """Return the value of that name, or an empty string."""
        if isinstance(self.endpoint_properties, UnsetType):
            return ""
        return next((one.value for one in self.endpoint_properties if one.name == name), "")


class TransferRequestMessage(Message, frozen=True, kw_only=True):
    """Ask for a transfer under an agreement."""

    type: Literal["TransferRequestMessage"] = field(name="@type")
    consumer_pid: Pid = field(name="consumerPid")
    agreement_id: Pid = field(name="agreementId")
    format: Pid
    callback_address: Pid = field(name="callbackAddress")
    data_address: DataAddress | UnsetType = field(name="dataAddress", default=UNSET)


class TransferStartMessage(_Paired, frozen=True, kw_only=True):
    """Start or resume a transfer."""

    type: Literal["TransferStartMessage"] = field(name="@type")
    data_address: DataAddress | UnsetType = field(name="dataAddress", default=UNSET)


class TransferSuspensionMessage(_Reasoned, frozen=True, kw_only=True):
    """Suspend a transfer."""

    type: Literal["TransferSuspensionMessage"] = field(name="@type")


class TransferCompletionMessage(_Paired, frozen=True, kw_only=True):
    """Complete a transfer."""

    type: Literal["TransferCompletionMessage"] = field(name="@type")


class TransferTerminationMessage(_Reasoned, frozen=True, kw_only=True):
    """End a transfer."""

    type: Literal["TransferTerminationMessage"] = field(name="@type")


TransferStateName = Literal["REQUESTED", "STARTED", "TERMINATED", "COMPLETED", "SUSPENDED"]


class TransferProcess(_Paired, frozen=True, kw_only=True):
    """Tell how a transfer stands."""

    type: Literal["TransferProcess"] = field(name="@type")
    state: TransferStateName


class TransferError(_Reasoned, frozen=True, kw_only=True):
    """Say that a transfer message was refused."""

    type: Literal["TransferError"] = field(name="@type")


Negotiating: TypeAlias = (
    ContractRequestMessage
    | ContractOfferMessage
    | ContractAgreementMessage
    | ContractAgreementVerificationMessage
    | ContractNegotiationEventMessage
    | ContractNegotiationTerminationMessage
)
Transferring: TypeAlias = (
    TransferRequestMessage
    | TransferStartMessage
    | TransferSuspensionMessage
    | TransferCompletionMessage
    | TransferTerminationMessage
)
