"""Our message types against the official schemas of DSP 2025-1: examples and seeded mutations."""

import copy
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from tidegate.connector.messages import terms, vocabulary, wire, wire_catalog
from tidegate.connector.messages.contexts import curie
from tidegate.connector.messages.errors import MessageRefusedError
from tidegate.connector.messages.read import check, hear

SCHEMAS = Path(__file__).parents[3] / "shared" / "schemas" / "dsp"
MUTATIONS_PER_EXAMPLE = 80

KINDS: dict[str, tuple[str, type[msgspec.Struct]]] = {
    "catalog/catalog-error": ("catalog/catalog-error", wire_catalog.CatalogError),
    "catalog/catalog-request-message": (
        "catalog/catalog-request-message",
        wire_catalog.CatalogRequestMessage,
    ),
    "catalog/catalog": ("catalog/catalog", wire_catalog.Catalog),
    "catalog/nested-catalog": ("catalog/catalog", wire_catalog.Catalog),
    "catalog/dataset": ("catalog/dataset", wire_catalog.Dataset),
    "catalog/dataset-request-message": (
        "catalog/dataset-request-message",
        wire_catalog.DatasetRequestMessage,
    ),
    "common/protocol-version": ("common/protocol-version", wire_catalog.VersionResponse),
    "negotiation/contract-agreement-message": (
        "negotiation/contract-agreement-message",
        wire.ContractAgreementMessage,
    ),
    "negotiation/contract-agreement-message-full": (
        "negotiation/contract-agreement-message",
        wire.ContractAgreementMessage,
    ),
    "negotiation/contract-agreement-verification-message": (
        "negotiation/contract-agreement-verification-message",
        wire.ContractAgreementVerificationMessage,
    ),
    "negotiation/contract-negotiation": (
        "negotiation/contract-negotiation",
        wire.ContractNegotiation,
    ),
    "negotiation/contract-negotiation-error": (
        "negotiation/contract-negotiation-error",
        wire.ContractNegotiationError,
    ),
    "negotiation/contract-negotiation-event-message": (
        "negotiation/contract-negotiation-event-message",
        wire.ContractNegotiationEventMessage,
    ),
    "negotiation/contract-negotiation-termination-message": (
        "negotiation/contract-negotiation-termination-message",
        wire.ContractNegotiationTerminationMessage,
    ),
    "negotiation/contract-offer-message": (
        "negotiation/contract-offer-message",
        wire.ContractOfferMessage,
    ),
    "negotiation/contract-offer-message_initial": (
        "negotiation/contract-offer-message",
        wire.ContractOfferMessage,
    ),
    "negotiation/contract-request-message": (
        "negotiation/contract-request-message",
        wire.ContractRequestMessage,
    ),
    "negotiation/contract-request-message_initial": (
        "negotiation/contract-request-message",
        wire.ContractRequestMessage,
    ),
    "transfer/transfer-completion-message": (
        "transfer/transfer-completion-message",
        wire.TransferCompletionMessage,
    ),
    "transfer/transfer-error": ("transfer/transfer-error", wire.TransferError),
    "transfer/transfer-process": ("transfer/transfer-process", wire.TransferProcess),
    "transfer/transfer-request-message": (
        "transfer/transfer-request-message",
        wire.TransferRequestMessage,
    ),
    "transfer/transfer-start-message": (
        "transfer/transfer-start-message",
        wire.TransferStartMessage,
    ),
    "transfer/transfer-suspension-message": (
        "transfer/transfer-suspension-message",
        wire.TransferSuspensionMessage,
    ),
    "transfer/transfer-termination-message": (
        "transfer/transfer-termination-message",
        wire.TransferTerminationMessage,
    ),
}


# --- the deliberate differences: where the schema says yes and we say no, each with its reason


def _walk(node: Any) -> Iterator[Any]:
    yield node
    for child in (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    ):
        yield from _walk(child)


def mixed_constraint(document: Any) -> bool:
    """A constraint that compares and joins at once could be read in two ways."""
    joins = {"and", "andSequence", "or", "xone"}
    compares = {"leftOperand", "operator", "rightOperand"}
    return any(
        isinstance(node, dict)
        and joins & node.keys()
        and (compares | joins) & node.keys() != joins
        and len((joins | compares) & node.keys()) > 1
        for node in _walk(document)
    )


def _names(text: str) -> bool:
    return 1 <= len(text) <= 400 and not any(ord(one) < 32 or ord(one) == 127 for one in text)


def empty_or_endless_id(document: Any) -> bool:
    """An empty, over-long or unprintable pid, id, target, format or address names nothing."""
    names = {
        "providerPid", "consumerPid", "@id", "target", "assigner", "assignee",
        "agreementId", "format", "callbackAddress",
    }  # fmt: skip
    return any(
        isinstance(node, dict)
        and any(isinstance(node.get(n), str) and not _names(node[n]) for n in names)
        for node in _walk(document)
    )


def message_id_not_text(document: Any) -> bool:
    """The schemas do not type the @id of a message; we tell repeated messages apart by it."""
    return "@id" in document and not isinstance(document["@id"], str)


def loose_timestamp(document: Any) -> bool:
    """The schema's pattern has no anchors and would find a time inside any text."""
    return any(
        isinstance(node, dict)
        and isinstance(node.get("timestamp"), str)
        and not terms._TIMESTAMP.fullmatch(node["timestamp"])
        for node in _walk(document)
    )


STRICTER: tuple[Callable[[Any], bool], ...] = (
    mixed_constraint,
    empty_or_endless_id,
    message_id_not_text,
    loose_timestamp,
)


def _load(path: Path) -> Any:
    text = path.read_text()  # three schemas lack the slash of a JSON pointer
    return json.loads(
        text.replace("transfer-schema.json#definitions/", "transfer-schema.json#/definitions/")
    )


@pytest.fixture(scope="module")
def verdict() -> Callable[[str, Any], bool]:
    schemas = {s["$id"]: s for s in map(_load, sorted(SCHEMAS.glob("*/*-schema.json")))}
    registry = jsonschema_rs.Registry(
        list(schemas.items()),
        draft=jsonschema_rs.Draft201909,
    )
    validators = {
        name: jsonschema_rs.Draft201909Validator(
            schemas[f"https://w3id.org/dspace/2025/1/{name}-schema.json"], registry=registry
        )
        for name, _ in KINDS.values()
    }
    return lambda name, document: validators[name].is_valid(document)


def _ours(document: Any, kind: type[msgspec.Struct]) -> bool:
    try:
        check(document, kind)
    except MessageRefusedError:
        return False
    return True


def _example(name: str) -> Any:
    folder, _, file = name.partition("/")
    return _load(SCHEMAS / folder / "example" / f"{file}.json")


STRAY: tuple[Any, ...] = (
    None, "", "x", 7, 1.5, True, [], {}, [1], ["x"], {"a": 1}, "urn:uuid:1", "Offer", "use",
    "gteq", [{"action": "use"}], wire.CONTEXT, [wire.CONTEXT], [wire.CONTEXT, 5],
)  # fmt: skip
EXTRA = ("callbackAddress", "providerPid", "consumerPid", "target", "hasPolicy", "and", "or",
         "xone", "andSequence", "constraint", "profile", "reason", "code", "extra", "@id",
         "timestamp", "rightOperand", "filter", "dataAddress", "permission", "prohibition",
         "obligation", "servesDataset", "service", "endpoint")  # fmt: skip


def _mutate(document: Any, chance: random.Random) -> Any:
    """Change one to three places: drop, replace, add, repeat or empty."""
    changed = copy.deepcopy(document)
    for _ in range(chance.randint(1, 3)):
        holder = chance.choice([n for n in _walk(changed) if isinstance(n, dict | list)])
        if isinstance(holder, list):
            act = chance.choice(("drop", "empty", "repeat", "stray"))
            if act == "empty":
                holder.clear()
            elif act == "drop" and holder:
                holder.pop(chance.randrange(len(holder)))
            elif act == "repeat" and holder:
                holder.append(copy.deepcopy(chance.choice(holder)))
            else:
                holder.append(copy.deepcopy(chance.choice(STRAY)))
            continue
        act = chance.choice(("drop", "stray", "stray", "add"))
        if act == "drop" and holder:
            holder.pop(chance.choice(sorted(holder)))
        else:
            name = chance.choice(sorted(holder) if holder and act == "stray" else EXTRA)
            holder[name] = copy.deepcopy(chance.choice(STRAY))
    return changed


@pytest.mark.parametrize("name", KINDS)
def test_every_official_example_is_accepted_by_both(name, verdict):
    schema, kind = KINDS[name]

    document = _example(name)

    assert (verdict(schema, document), _ours(document, kind)) == (True, True)


def test_verdicts_agree_on_seeded_mutations_apart_from_the_listed_differences(verdict):
    chance = random.Random(20251)
    seen: Counter[str] = Counter()
    disagreements = []
    for name, (schema, kind) in KINDS.items():
        for _ in range(MUTATIONS_PER_EXAMPLE):
            document = _mutate(_example(name), chance)
            theirs, ours = verdict(schema, document), _ours(document, kind)
            if theirs == ours:
                seen["agreed, valid" if ours else "agreed, invalid"] += 1
            elif theirs and (why := next((d for d in STRICTER if d(document)), None)):
                seen[why.__name__] += 1
            else:
                disagreements.append((name, theirs, ours, document))

    assert disagreements[:3] == []
    assert sum(seen.values()) >= 1000
    assert min(seen["agreed, valid"], seen["agreed, invalid"]) >= 100


DIFFERENCES: tuple[tuple[Callable[[Any], bool], str, Callable[[Any], None]], ...] = (
    (
        mixed_constraint,
        "negotiation/contract-request-message",
        lambda d: d["offer"]["permission"][0]["constraint"][0].update({"or": "x"}),
    ),
    (
        empty_or_endless_id,
        "transfer/transfer-completion-message",
        lambda d: d.update(providerPid=""),
    ),
    (
        message_id_not_text,
        "transfer/transfer-completion-message",
        lambda d: d.update({"@id": 5}),
    ),
    (
        loose_timestamp,
        "negotiation/contract-agreement-message",
        lambda d: d["agreement"].update(timestamp="about 2023-01-01T01:00:00Z or so"),
    ),
)


@pytest.mark.parametrize(
    ("why", "name", "change"), DIFFERENCES, ids=[d[0].__name__ for d in DIFFERENCES]
)
def test_each_deliberate_difference_is_real_and_on_the_strict_side(why, name, change, verdict):
    schema, kind = KINDS[name]
    document = _example(name)

    change(document)

    assert why(document)
    assert (verdict(schema, document), _ours(document, kind)) == (True, False)


# --- the words of the JSON-LD contexts


def _official(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SCHEMAS / "context" / name).read_text())["@context"]
    return found


def _iri(definition: Any, prefixes: dict[str, Any]) -> str:
    text = definition["@id"] if isinstance(definition, dict) else definition
    prefix, _, local = str(text).partition(":")
    return f"{prefixes[prefix]}{local}" if prefix in prefixes else str(text)


def test_every_word_of_the_official_contexts_is_read_with_its_meaning():
    dspace, odrl = _official("dspace.jsonld"), _official("odrl.jsonld")
    prefixes = {
        name: one for name, one in dspace.items() if isinstance(one, str) and one[-1] in "/#"
    }
    assert prefixes == vocabulary.PREFIXES

    for name, definition in dspace.items():
        scoped = definition.get("@context", {}) if isinstance(definition, dict) else {}
        shape = vocabulary.SHAPES.get(name)
        if shape is None:
            continue
        assert vocabulary.TYPES[_iri(definition, prefixes)] == name
        for word, inner in scoped.items():
            if word.startswith("@") or (name, word) == ("ContractAgreementMessage", "timestamp"):
                continue  # a word of the agreement inside
            assert shape.terms[word].iri == _iri(inner, prefixes), (name, word)
    known = vocabulary.PROTECTED
    unread = {"Policy", "Rule", "Assertion", "Set", "Asset", "Action", "Operator", "prohibit"}
    unread |= {"RightOperand", "LeftOperand"}
    for word, definition in odrl.items():
        if word not in unread:
            assert _iri(definition, prefixes) in known[word], word


LINKED = sorted(name for name, (_, kind) in KINDS.items() if kind.__name__ in vocabulary.SHAPES)


def test_every_message_but_the_list_of_versions_is_linked_data():
    assert len(set(KINDS) - set(LINKED)) == 1


@pytest.mark.parametrize("name", LINKED)
def test_every_official_example_reads_the_same_with_prefixed_words(name):
    said, kind = _example(name), KINDS[name][1]
    prefixed = _prefixed(said, vocabulary.SHAPES[kind.__name__])

    assert hear(prefixed, kind).message == hear(said, kind).message == check(said, kind).message


def _prefixed(node: Any, shape: vocabulary.Shape) -> Any:
    if not isinstance(node, dict):
        return node
    found = {}
    for name, value in node.items():
        term = shape.terms.get(name)
        if term is None:
            found[name] = value
            continue
        inner = vocabulary.SHAPES.get(term.shape)
        if inner is not None:
            many = isinstance(value, list)
            value = [_prefixed(one, inner) for one in value] if many else _prefixed(value, inner)
        found[curie(term.iri)] = value
    return found
