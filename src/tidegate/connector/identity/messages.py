"""The messages of DCP 1.0.1 (§5.4, §6): typed, read strictly, written in the compact form."""

from typing import Any, Literal, TypeVar

import msgspec

from tidegate.connector.errors import MessageInvalidError

DCP_CONTEXT = "https://w3id.org/dspace-dcp/v1.0/dcp.jsonld"


class _Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    context: tuple[str, ...] = msgspec.field(name="@context", default=(DCP_CONTEXT,))


class PresentationQueryMessage(_Message, frozen=True, kw_only=True):
    """Ask a holder for credentials by scope or by presentation definition (§5.4.1)."""

    type: Literal["PresentationQueryMessage"]
    scope: tuple[str, ...] | None = None
    definition: Any = msgspec.field(name="presentationDefinition", default=None)

    def __post_init__(self) -> None:
        if not self.scope and not self.definition:
            raise ValueError("it must name the scopes it asks for")
        if self.scope and self.definition is not None:
            raise ValueError("it may hold a scope or a presentation definition, not both")


class PresentationResponseMessage(_Message, frozen=True, kw_only=True):
    """Answer with presentations (§5.4.2)."""

    type: Literal["PresentationResponseMessage"]
    presentation: tuple[Any, ...]


class CredentialContainer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One credential on its way to the holder (§6.5.2)."""

    credential_type: str
    format: str
    payload: str


class CredentialMessage(_Message, frozen=True, kw_only=True, rename="camel"):
    """Deliver credentials to the holder, or the refusal (§6.5.1)."""

    type: Literal["CredentialMessage"]
    issuer_pid: str
    holder_pid: str
    status: Literal["ISSUED", "REJECTED"]
    credentials: tuple[CredentialContainer, ...] = ()
    rejection_reason: str | None = None


class CredentialReference(msgspec.Struct, frozen=True):
    """The id of an entry of the issuer's metadata."""

    id: str


class CredentialRequestMessage(_Message, frozen=True, kw_only=True, rename="camel"):
    """Ask the issuer for credentials (§6.4.1)."""

    type: Literal["CredentialRequestMessage"]
    holder_pid: str
    credentials: tuple[CredentialReference, ...]


class CredentialObject(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An entry of the issuer's metadata (§6.6.2)."""

    id: str
    type: Literal["CredentialObject"] = "CredentialObject"
    credential_type: str
    credential_schema: str | None = None
    binding_methods: tuple[str, ...] = ("did:web",)
    profile: str
    issuance_policy: dict[str, Any] = msgspec.field(default_factory=dict)
    offer_reason: str = "reissue"


class OfferedCredential(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """A credential that is offered: an entry of the metadata, or only its id (§6.6.1)."""

    id: str
    type: str | None = None
    credential_type: str | None = None
    profile: str | None = None


class CredentialOfferMessage(_Message, frozen=True, kw_only=True, rename="camel"):
    """Tell a holder what it may ask for (§6.6.1)."""

    type: Literal["CredentialOfferMessage"]
    issuer: str
    credentials: tuple[OfferedCredential, ...]

    def __post_init__(self) -> None:
        if not self.credentials or not all(each.id for each in self.credentials):
            raise ValueError("it must offer credentials, each with its id")


class IssuerMetadata(_Message, frozen=True, kw_only=True, rename="camel"):
    """Say what can be issued (§6.7)."""

    type: Literal["IssuerMetadata"]
    issuer: str
    credentials_supported: tuple[CredentialObject, ...]


class CredentialStatus(_Message, frozen=True, kw_only=True, rename="camel"):
    """Say where a request stands (§6.8)."""

    type: Literal["CredentialStatus"]
    issuer_pid: str
    holder_pid: str
    status: Literal["RECEIVED", "REJECTED", "ISSUED"]


M = TypeVar("M", bound=_Message)


def parse(body: object, kind: type[M]) -> M:
    """Read a message that was decoded from JSON.

    Raises:
        MessageInvalidError: naming the field that is wrong.
    """
    context = body.get("@context") if isinstance(body, dict) else None
    if not isinstance(context, list) or DCP_CONTEXT not in context:
        raise MessageInvalidError(
            f"The message must have an @context with {DCP_CONTEXT}.", code="context_missing"
        )
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as problem:
        raise MessageInvalidError(
            f"The message is no valid {kind.__name__}: {problem}", code="message_invalid"
        ) from None


def write(message: msgspec.Struct) -> dict[str, Any]:
    """Return a message as the JSON object that goes on the wire."""
    found = msgspec.to_builtins(message)
    context = {"@context": [DCP_CONTEXT]} if isinstance(message, _Message) else {}
    return {**context, **found, **context}
