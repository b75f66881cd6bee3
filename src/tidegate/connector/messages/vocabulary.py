"""The words of the protocol and what each stands for, so that other spellings can be read.

Source: Dataspace Protocol 2025-1, JSON-LD context and ODRL profile; ODRL Vocabulary 2.2; for the
queries of a catalogue, the words of Eclipse EDC.
"""

from collections.abc import Iterable, Mapping
from dataclasses import field
from enum import StrEnum

from tidegate.connector.messages.wire import CONTEXT
from tidegate.kernel.values import dataclass

DSPACE = "https://w3id.org/dspace/2025/1/"
ODRL = "http://www.w3.org/ns/odrl/2/"
DCAT = "http://www.w3.org/ns/dcat#"
DCT = "http://purl.org/dc/terms/"
XSD = "http://www.w3.org/2001/XMLSchema#"
EDC = "https://w3id.org/edc/v0.0.1/ns/"
PERSON = "https://w3id.org/tidegate/person"

PREFIXES = {"dspace": DSPACE, "odrl": ODRL, "dcat": DCAT, "dct": DCT, "xsd": XSD}

PROFILE_CONTEXT = "https://w3id.org/dspace/2025/1/odrl-profile.jsonld"
ODRL_CONTEXTS = ("http://www.w3.org/ns/odrl.jsonld", "https://www.w3.org/ns/odrl.jsonld")
EDC_CONTEXT = "https://w3id.org/edc/dspace/v0.0.1"


class Kind(StrEnum):
    """What stands behind a word."""

    TEXT = "text"
    ID = "id"
    WORD = "word"
    NODE = "node"
    OPERAND = "operand"


@dataclass(frozen=True, slots=True)
class Term:
    """One word in one kind of node: its IRI and what stands behind it.

    `words` are the values that have a short form of their own, by their IRI.
    """

    name: str
    iri: str
    kind: Kind
    many: bool = False
    shape: str = ""
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shape:
    """The words of one kind of node; `implied` types may be said or left out."""

    terms: Mapping[str, Term]
    by_iri: Mapping[str, Term]
    implied: frozenset[str] = frozenset()
    is_open: bool = True
    """Whether the node has an id of its own."""


def _short(base: str, names: Iterable[str]) -> dict[str, str]:
    return {base + name: name for name in names}


_OPERATORS = _short(
    ODRL,
    (
        "eq",
        "gt",
        "gteq",
        "lt",
        "lteq",
        "neq",
        "isA",
        "hasPart",
        "isPartOf",
        "isAllOf",
        "isAnyOf",
        "isNoneOf",
        "term-lteq",
    ),
)
_STATES = _short(
    DSPACE,
    (
        "REQUESTED",
        "OFFERED",
        "ACCEPTED",
        "AGREED",
        "VERIFIED",
        "FINALIZED",
        "TERMINATED",
        "STARTED",
        "SUSPENDED",
        "COMPLETED",
    ),
)


def _term(name: str, kind: Kind, base: str = DSPACE, **more: object) -> Term:
    return Term(name, base + name, kind, **more)  # type: ignore[arg-type]


def _nodes(name: str, shape: str, base: str = ODRL) -> Term:
    return _term(name, Kind.NODE, base, many=True, shape=shape)


def _node(name: str, shape: str, base: str = DSPACE) -> Term:
    return _term(name, Kind.NODE, base, shape=shape)


def _shape(*terms: Term, implied: Iterable[str] = (), is_open: bool = True) -> Shape:
    return Shape(
        {one.name: one for one in terms},
        {one.iri: one for one in terms},
        frozenset(implied),
        is_open,
    )


_PIDS = (_term("providerPid", Kind.ID), _term("consumerPid", Kind.ID))
_WHY = (_term("code", Kind.TEXT), _term("reason", Kind.TEXT, many=True))
_CALLBACK = _term("callbackAddress", Kind.TEXT)
_STATE = _term("state", Kind.WORD, words=_STATES)
_FORMAT = _term("format", Kind.WORD, DCT)
_ADDRESS = _node("dataAddress", "DataAddress")
_RULES = (
    _term("profile", Kind.ID, ODRL),
    _nodes("permission", "Permission"),
    _nodes("prohibition", "Prohibition"),
    _nodes("obligation", "Duty"),
    _term("target", Kind.ID, ODRL),
    _term("assigner", Kind.ID, ODRL),
    _term("assignee", Kind.ID, ODRL),
)
_RULE = (
    _term("action", Kind.WORD, ODRL, words=_short(ODRL, ("use",))),
    _nodes("constraint", "Constraint"),
    _nodes("duty", "Duty"),
)
_RULE_TYPES = ("Permission", "Prohibition", "Duty")
_DATASET = (
    _nodes("hasPolicy", "Offer"),
    _nodes("distribution", "Distribution", DCAT),
)

SHAPES: Mapping[str, Shape] = {
    "ContractRequestMessage": _shape(*_PIDS, _CALLBACK, _node("offer", "Offer")),
    "ContractOfferMessage": _shape(*_PIDS, _CALLBACK, _node("offer", "Offer")),
    "ContractAgreementMessage": _shape(*_PIDS, _node("agreement", "Agreement")),
    "ContractAgreementVerificationMessage": _shape(*_PIDS),
    "ContractNegotiationEventMessage": _shape(*_PIDS, _term("eventType", Kind.WORD, words=_STATES)),
    "ContractNegotiationTerminationMessage": _shape(*_PIDS, *_WHY),
    "ContractNegotiation": _shape(*_PIDS, _STATE),
    "ContractNegotiationError": _shape(*_PIDS, *_WHY),
    "TransferRequestMessage": _shape(
        _PIDS[1],
        _CALLBACK,
        _FORMAT,
        _ADDRESS,
        _term("agreementId", Kind.ID),
        Term(PERSON, PERSON, Kind.TEXT),
    ),
    "TransferStartMessage": _shape(*_PIDS, _ADDRESS),
    "TransferSuspensionMessage": _shape(*_PIDS, *_WHY),
    "TransferCompletionMessage": _shape(*_PIDS),
    "TransferTerminationMessage": _shape(*_PIDS, *_WHY),
    "TransferProcess": _shape(*_PIDS, _STATE),
    "TransferError": _shape(*_PIDS, *_WHY),
    "CatalogRequestMessage": _shape(_nodes("filter", "QuerySpec", DSPACE)),
    "DatasetRequestMessage": _shape(_term("dataset", Kind.TEXT)),
    "CatalogError": _shape(*_WHY),
    "Catalog": _shape(
        _term("participantId", Kind.ID),
        _nodes("dataset", "Dataset", DCAT),
        _nodes("catalog", "Catalog", DCAT),
        _nodes("service", "DataService", DCAT),
        *_DATASET,
    ),
    "Dataset": _shape(*_DATASET),
    "Distribution": _shape(
        _FORMAT,
        _node("accessService", "DataService", DCAT),
        _DATASET[0],
    ),
    "DataService": _shape(
        _term("endpointURL", Kind.TEXT, DCAT),
        _term("endpointDescription", Kind.TEXT, DCAT),
        _nodes("servesDataset", "Dataset", DCAT),
    ),
    "DataAddress": _shape(
        _term("endpointType", Kind.WORD),
        _term("endpoint", Kind.TEXT),
        _nodes("endpointProperties", "EndpointProperty", DSPACE),
    ),
    "EndpointProperty": _shape(_term("name", Kind.TEXT), _term("value", Kind.TEXT), is_open=False),
    "Offer": _shape(*_RULES),
    "Agreement": _shape(*_RULES, _term("timestamp", Kind.TEXT)),
    **{name: _shape(*_RULE, implied=(name,), is_open=False) for name in _RULE_TYPES},
    "Constraint": _shape(
        _term("leftOperand", Kind.WORD, ODRL),
        _term("operator", Kind.WORD, ODRL, words=_OPERATORS),
        _term("rightOperand", Kind.OPERAND, ODRL),
        *(_nodes(name, "Constraint") for name in ("and", "andSequence", "or", "xone")),
        implied=("Constraint", "LogicalConstraint"),
        is_open=False,
    ),
    "QuerySpec": _shape(
        *(_term(name, Kind.TEXT, EDC) for name in ("offset", "limit", "sortOrder", "sortField")),
        _nodes("filterExpression", "Criterion", EDC),
    ),
    "Criterion": _shape(
        _term("operandLeft", Kind.TEXT, EDC),
        _term("operator", Kind.TEXT, EDC),
        _term("operandRight", Kind.OPERAND, EDC),
    ),
}

TYPES: dict[str, str] = (
    _short(
        DSPACE,
        (
            name
            for name in SHAPES
            if name.endswith(("Message", "Error"))
            or name
            in {
                "ContractNegotiation",
                "TransferProcess",
                "DataAddress",
                "EndpointProperty",
            }
        ),
    )
    | _short(DCAT, ("Catalog", "Dataset", "Distribution", "DataService"))
    | _short(
        ODRL,
        (
            "Offer",
            "Agreement",
            "Permission",
            "Prohibition",
            "Duty",
            "Constraint",
            "LogicalConstraint",
        ),
    )
    | _short(EDC, ("QuerySpec", "Criterion"))
)
"""The types of nodes by their IRI."""

_ODRL_WORDS = {
    term.name: term.iri
    for shape in ("Offer", "Permission", "Constraint")
    for term in SHAPES[shape].terms.values()
} | {name: iri for iri, name in (TYPES | _OPERATORS).items() if iri.startswith(ODRL)}

KNOWN: Mapping[str, Mapping[str, str]] = {
    CONTEXT: PREFIXES
    | {name: iri for iri, name in TYPES.items() if not iri.startswith(EDC)}
    | {name: iri for iri, name in _STATES.items()},
    PROFILE_CONTEXT: {"odrl": ODRL, "use": f"{ODRL}use"} | _ODRL_WORDS,
    **{
        one: {"odrl": ODRL, "use": f"{ODRL}use", "uid": "@id", "type": "@type"} | _ODRL_WORDS
        for one in ODRL_CONTEXTS
    },
    EDC_CONTEXT: {"edc": EDC} | {name: EDC + name for name in ("QuerySpec", "Criterion")},
}
"""The contexts this node knows by name: none is ever fetched."""


def _meanings() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for shape in SHAPES.values():
        for term in shape.terms.values():
            found.setdefault(term.name, set()).add(term.iri)
            for iri, word in term.words.items():
                found.setdefault(word, set()).add(iri)
    for iri, name in TYPES.items():
        found.setdefault(name, set()).add(iri)
    for name, iri in PREFIXES.items():
        found[name] = {iri}
    return {name: frozenset(iris) for name, iris in found.items()}


PROTECTED: Mapping[str, frozenset[str]] = _meanings()
"""The words nobody may give another meaning, with the meanings they have."""
