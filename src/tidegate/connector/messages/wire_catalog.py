"""The messages of the catalogue protocol and of version discovery.

Source: Dataspace Protocol 2025-1, JSON schemas of catalogue and common.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from tidegate.connector.messages.terms import CatalogOffer
from tidegate.connector.messages.wire import CONTEXT, Message


class CatalogRequestMessage(Message, frozen=True, kw_only=True):
    """Ask for the catalogue."""

    type: Literal["CatalogRequestMessage"] = field(name="@type")
    filter: list[Any] | UnsetType = UNSET


class DatasetRequestMessage(Message, frozen=True, kw_only=True):
    """Ask for one dataset."""

    type: Literal["DatasetRequestMessage"] = field(name="@type")
    dataset: str


class CatalogError(Message, frozen=True, kw_only=True):
    """Say that a catalogue request failed."""

    type: Literal["CatalogError"] = field(name="@type")
    code: str | UnsetType = UNSET
    reason: list[Any] | UnsetType = UNSET


class DataService(Struct, frozen=True, kw_only=True):
    """Where datasets are served."""

    id: str = field(name="@id")
    type: Literal["DataService"] = field(name="@type")
    endpoint_url: str = field(name="endpointURL")
    serves_dataset: Annotated[list["DatasetPart"], Meta(min_length=1)] | UnsetType = field(
        name="servesDataset", default=UNSET
    )


Offers = Annotated[list[CatalogOffer], Meta(min_length=1)]


class Distribution(Struct, frozen=True, kw_only=True):
    """One form a dataset can be had in."""

    format: str
    access_service: str | DataService = field(name="accessService")
    has_policy: Offers | UnsetType = field(name="hasPolicy", default=UNSET)


Distributions = Annotated[list[Distribution], Meta(min_length=1)]


class DatasetPart(Struct, frozen=True, kw_only=True):
    """A dataset inside a catalogue."""

    id: str = field(name="@id")
    has_policy: Offers = field(name="hasPolicy")
    distribution: Distributions


class Dataset(DatasetPart, frozen=True, kw_only=True):
    """A dataset on its own."""

    context: list[str] = field(name="@context")

    def __post_init__(self) -> None:
        """Refuse a document that is not in the context of the protocol."""
        if CONTEXT not in self.context:
            raise ValueError(f"@context must contain {CONTEXT}")


class CatalogPart(Struct, frozen=True, kw_only=True):
    """A catalogue inside a catalogue."""

    id: str = field(name="@id")
    type: Literal["Catalog"] = field(name="@type")
    distribution: Distributions | UnsetType = UNSET
    dataset: Annotated[list[DatasetPart], Meta(min_length=1)] | UnsetType = UNSET
    catalog: Annotated[list["CatalogPart"], Meta(min_length=1)] | UnsetType = UNSET
    service: Annotated[list[DataService], Meta(min_length=1)] | UnsetType = UNSET
    has_policy: Any = field(name="hasPolicy", default=UNSET)

    def __post_init__(self) -> None:
        """Refuse a policy of the catalogue itself: offers belong to datasets."""
        if self.has_policy is not UNSET:
            raise ValueError("a catalogue has no policy of its own")


class Catalog(CatalogPart, frozen=True, kw_only=True):
    """The catalogue of one participant."""

    context: list[str] = field(name="@context")
    participant_id: str = field(name="participantId")

    def __post_init__(self) -> None:
        """Refuse a document that is not in the context of the protocol."""
        super().__post_init__()
        if CONTEXT not in self.context:
            raise ValueError(f"@context must contain {CONTEXT}")


class AuthProfile(Struct, frozen=True, kw_only=True):
    """How callers of an endpoint prove who they are."""

    protocol: str
    version: str
    profile: list[str] | UnsetType = UNSET


class ProtocolVersion(Struct, frozen=True, kw_only=True):
    """One version of the protocol and where it is served."""

    version: str
    path: str
    binding: Literal["HTTPS"]
    identifier_type: str | UnsetType = field(name="identifierType", default=UNSET)
    service_id: str | UnsetType = field(name="serviceId", default=UNSET)
    auth: AuthProfile | UnsetType = UNSET


class VersionResponse(Struct, frozen=True, kw_only=True):
    """The version document: plain JSON without a context."""

    protocol_versions: Annotated[list[ProtocolVersion], Meta(min_length=1)] = field(
        name="protocolVersions"
    )
