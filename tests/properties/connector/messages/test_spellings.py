"""Any spelling of a message reads as the same message; what could trick us is refused."""

import contextlib
import copy
from random import Random
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.mutations import changed
from tidegate.connector.messages import wire, wire_catalog
from tidegate.connector.messages.contexts import MOST_CONTEXTS, MOST_WORDS
from tidegate.connector.messages.errors import MessageRefusedError
from tidegate.connector.messages.model import Side
from tidegate.connector.messages.read import check, hear, read
from tidegate.connector.messages.vocabulary import (
    EDC,
    EDC_CONTEXT,
    ODRL,
    ODRL_CONTEXTS,
    PERSON,
    PREFIXES,
    PROTECTED,
    SHAPES,
    TYPES,
    Kind,
)
from tidegate.connector.negotiation.rules import (
    agreement_document,
    check_agreement,
    signed_agreement,
)
from tidegate.policy.errors import PolicyInvalidError
from tidegate.policy.odrl import agreement_digest
from tidegate.policy.service import from_odrl, to_agreement

DSPACE = PREFIXES["dspace"]
PURPOSE, RESEARCH = f"{ODRL}purpose", "http://purl.obolibrary.org/obo/DUO_0000007"
PIDS = {"providerPid": "urn:uuid:p", "consumerPid": "urn:uuid:c"}
COMPARED = {"leftOperand": PURPOSE, "operator": "isAnyOf", "rightOperand": [RESEARCH, "x"]}
JOINED = {"and": [COMPARED, {"leftOperand": "urn:a", "operator": "eq", "rightOperand": "5"}]}
RULES = {
    "profile": "https://w3id.org/tidegate/policy/",
    "permission": [
        {"action": "use", "constraint": [COMPARED, JOINED]},
        {"action": f"{ODRL}read", "duty": [{"action": "use", "constraint": [COMPARED]}]},
    ],
    "obligation": [{"action": "https://w3id.org/tidegate/policy/recordUse"}],
}
OFFER = {"@type": "Offer", "@id": "urn:uuid:o", "target": "urn:uuid:d", **RULES}
AGREEMENT = {
    **OFFER, "@type": "Agreement", "assigner": "did:web:a", "assignee": "did:web:b",
    "timestamp": "2026-01-01T00:00:00Z",
}  # fmt: skip
ADDRESS = {
    "@type": "DataAddress",
    "endpointType": "https://w3id.org/idsa/v4.1/HTTP",
    "endpoint": "https://a.example/rows",
    "endpointProperties": [
        {"@type": "EndpointProperty", "name": "authorization", "value": "secret"},
        {"@type": "EndpointProperty", "name": f"{EDC}authType", "value": "bearer"},
    ],
}
SERVICE = {"@id": "urn:s", "@type": "DataService", "endpointURL": "https://a.example"}
DATASET = {
    "@id": "urn:d",
    "hasPolicy": [{key: value for key, value in OFFER.items() if key != "target"}],
    "distribution": [{"format": "HttpData-PULL", "accessService": "urn:s"}],
}
MESSAGES = [
    {"@type": "ContractRequestMessage", "consumerPid": "urn:uuid:c", "offer": OFFER,
     "callbackAddress": "https://a.example/dsp"},
    {"@type": "ContractOfferMessage", **PIDS, "offer": OFFER},
    {"@type": "ContractAgreementMessage", **PIDS, "agreement": AGREEMENT},
    {"@type": "ContractAgreementVerificationMessage", **PIDS},
    {"@type": "ContractNegotiationEventMessage", **PIDS, "eventType": "FINALIZED"},
    {"@type": "ContractNegotiationTerminationMessage", **PIDS, "code": "1", "reason": ["a", "b"]},
    {"@type": "ContractNegotiation", **PIDS, "state": "REQUESTED"},
    {"@type": "TransferRequestMessage", "consumerPid": "urn:uuid:c", "format": "HttpData-PULL",
     "agreementId": "urn:uuid:a", "callbackAddress": "https://a.example", "dataAddress": ADDRESS},
    {"@type": "TransferStartMessage", **PIDS, "dataAddress": ADDRESS},
    {"@type": "TransferSuspensionMessage", **PIDS, "code": "x", "reason": ["why"]},
    {"@type": "TransferCompletionMessage", **PIDS},
    {"@type": "TransferTerminationMessage", **PIDS},
    {"@type": "TransferProcess", **PIDS, "state": "STARTED"},
    {"@type": "Catalog", "@id": "urn:cat", "participantId": "did:web:a", "dataset": [DATASET],
     "service": [SERVICE],
     "catalog": [{"@id": "urn:in", "@type": "Catalog", "distribution": DATASET["distribution"]}]},
]  # fmt: skip
KINDS = {name: getattr(wire, name, getattr(wire_catalog, name, None)) for name in {*TYPES.values()}}
CANONICAL = [{"@context": [wire.CONTEXT], "@id": "urn:uuid:m", **one} for one in MESSAGES]
UNKNOWN = "https://unknown.example/context.jsonld"
CONTEXTS = {
    # how it is named -> (the context, whether it brings the words, the prefixes, other names)
    "plain": ([wire.CONTEXT], True, True, False),
    "one address": (wire.CONTEXT, True, True, False),
    "with that of an EDC": ([wire.CONTEXT, EDC_CONTEXT], True, True, False),
    "with an unknown one": ([UNKNOWN, wire.CONTEXT, UNKNOWN], True, True, False),
    "with names": ([wire.CONTEXT, {"kennung": "@id", "art": "@type"}], True, True, True),
    "prefixes": (dict(PREFIXES), False, True, False),
    "prefixes and names": (
        [{"@version": 1.1, **PREFIXES}, {"kennung": "@id", "art": {"@id": "@type"}}],
        False, True, True,
    ),
    "none": (None, False, False, False),
}  # fmt: skip


class Chance(Random):
    """Chance that says by which number it may be had again."""

    def __init__(self, number):
        super().__init__(number)
        self.number = number

    def __repr__(self):
        return f"Chance({self.number})"


CHANCE = st.integers(0, 2**64 - 1).map(Chance)


def curie(iri):
    for name, base in PREFIXES.items():
        if iri.startswith(base):
            return f"{name}:{iri.removeprefix(base)}"
    return iri


class Writer:
    """Spells a message in one of the ways its context allows, chosen by one number's chance.

    A message takes a hundred choices: drawn one by one, they cost fifty times what is tested.
    """

    def __init__(self, draw):
        self.chance = draw(CHANCE)
        name = self.chance.choice(sorted(CONTEXTS))
        self.context, self.words, self.prefixes, self.names = CONTEXTS[name]

    def choose(self, *ways):
        return self.chance.choice([way for way in ways if way is not None])

    def word(self, short, iri):
        return self.choose(
            short if self.words else None, curie(iri) if self.prefixes else None, iri
        )

    def keyword(self, name, other):
        bare = name.removeprefix("@") if self.words else None
        return self.choose(name, bare, other if self.names else None)

    def message(self, canonical):
        kind = canonical["@type"]
        members = {name: one for name, one in canonical.items() if name != "@context"}
        said = self.node(members, SHAPES[kind])
        if self.context is not None:
            said["@context"] = self.context
        return self.choose(said, [said])

    def node(self, node, shape):
        said = {}
        for name, value in node.items():
            if name == "@id":
                said[self.keyword("@id", "kennung")] = value
            elif name == "@type":
                iri = next(iri for iri, type_ in TYPES.items() if type_ == value)
                type_ = self.word(value, iri)
                said[self.keyword("@type", "art")] = self.choose(type_, [type_])
            else:
                term = shape.terms[name]
                said[self.word(name, term.iri)] = self.value(value, term)
        return said

    def value(self, value, term):
        if isinstance(value, list):
            parts = [self.single(one, term) for one in value]
            sets = [{"@set": parts}, {"@list": parts}]
            alone = parts[0] if len(parts) == 1 else None
            ways = (parts, *sets) if term.kind is Kind.OPERAND else (parts, *sets, alone)
            return self.choose(*ways)
        said = self.single(value, term)
        return said if term.kind is Kind.OPERAND else self.choose(said, [said])

    def single(self, value, term):
        if term.kind is Kind.NODE and isinstance(value, dict):
            return self.node(value, SHAPES[term.shape])
        if term.kind is Kind.NODE:
            return self.choose(value, {"@id": value})
        if term.kind is Kind.WORD:
            return self.term(value, term)
        texts = [value, {"@value": value}, {"@value": value, "@type": f"{PREFIXES['xsd']}string"}]
        if term.kind is Kind.OPERAND:
            number = {"@value": int(value), "@type": "xsd:integer"} if value.isdigit() else None
            return self.choose(*texts, number, int(value) if value.isdigit() else None)
        return self.choose(*texts, {"@id": value} if term.kind is Kind.ID else None)

    def term(self, value, term):
        iri = next((iri for iri, word in term.words.items() if word == value), None)
        if iri is not None:
            said = self.word(value, iri)
        else:
            said = self.choose(value, curie(value) if self.prefixes else None)
        return self.choose(said, {"@id": said}, {"@value": said})


@st.composite
def spellings(draw):
    canonical = draw(st.sampled_from(CANONICAL))
    return canonical, Writer(draw).message(copy.deepcopy(canonical))


@settings(max_examples=600, deadline=None)
@given(spellings())
def test_any_spelling_of_a_message_reads_as_the_same_message(pair):
    canonical, said = pair
    kind = KINDS[canonical["@type"]]

    heard = read(msgspec.json.encode(said), kind)

    assert heard.message == check(canonical, kind).message
    assert heard.document == canonical
    assert heard.original == (said[0] if isinstance(said, list) else said)


@settings(max_examples=300, deadline=None)
@given(spellings().flatmap(lambda pair: changed(pair[1]).map(lambda said: (pair[0], said))))
def test_whatever_is_changed_in_a_spelling_is_read_or_refused(pair):
    canonical, said = pair
    with contextlib.suppress(MessageRefusedError):
        hear(said, KINDS[canonical["@type"]])


@pytest.mark.parametrize("canonical", CANONICAL, ids=lambda one: one["@type"])
def test_the_compact_form_stays_as_it_is(canonical):
    heard = hear(canonical, KINDS[canonical["@type"]])

    assert heard.document == heard.original == canonical


def test_every_member_of_a_message_is_a_known_word():
    for name, shape in SHAPES.items():
        kind = KINDS.get(name)
        fields = {one.encode_name for one in msgspec.structs.fields(kind)} if kind else set()
        assert {one for one in fields if not one.startswith("@")} <= set(shape.terms), name


VERIFICATION = CANONICAL[3]
REQUEST = CANONICAL[0]
STANDARD = ODRL_CONTEXTS[0]


def test_the_standard_context_of_odrl_inside_an_offer_is_known():
    offer = {key: one for key, one in OFFER.items() if key not in {"@id", "@type"}}
    offer |= {"@context": STANDARD, "uid": "urn:uuid:o", "type": "Offer"}

    assert hear({**REQUEST, "offer": offer}, wire.ContractRequestMessage).document == REQUEST


def test_a_vocabulary_brings_the_words_without_a_prefix():
    said = {**VERIFICATION, "@context": {"@vocab": DSPACE}}

    assert hear(said, wire.ContractAgreementVerificationMessage).document == VERIFICATION


def test_a_word_of_ones_own_may_stand_for_a_word_of_the_protocol():
    context = [wire.CONTEXT, {"x": "y:offer", "y": "z:", "z": "https://w3id.org/dspace/2025/1/"}]
    context[1] |= {"z": "https://w3id.org/dspace/2025/", "y": "z:1/", "read": "odrl:read"}
    rules = {"permission": [{"action": "read"}]}
    said = {**REQUEST, "@context": context, "x": {**OFFER, **rules}}
    del said["offer"]

    offer = hear(said, wire.ContractRequestMessage).document["offer"]

    assert offer["permission"] == [{"action": f"{ODRL}read"}]


def test_words_beside_the_protocol_keep_their_iri():
    said = {**CANONICAL[7], "@context": [wire.CONTEXT, {"tg": "https://w3id.org/tidegate/"}]}
    said |= {"tg:person": {"@value": "signed"}, "http://purl.org/dc/terms/title": "t", "own": 1}

    found = hear(said, wire.TransferRequestMessage).document

    assert (found[PERSON], found["dct:title"], found["own"]) == ("signed", "t", 1)


def test_the_query_of_an_edc_is_read_however_it_is_spelled():
    criterion = {f"{EDC}operandLeft": "id", "edc:operator": "=", f"{EDC}operandRight": "ds_1"}
    query = {"@type": f"{EDC}QuerySpec", "edc:offset": {"@value": 0}, f"{EDC}limit": 50}
    query["edc:filterExpression"] = {"@type": "edc:Criterion", **criterion}
    said = {
        "@context": [wire.CONTEXT, EDC_CONTEXT], "@type": "dspace:CatalogRequestMessage",
        "dspace:filter": query,
    }  # fmt: skip

    found = hear(said, wire_catalog.CatalogRequestMessage).message.filter

    plain = {"@type": "Criterion", "operandLeft": "id", "operator": "=", "operandRight": "ds_1"}
    assert found == [{"@type": "QuerySpec", "offset": 0, "limit": 50, "filterExpression": [plain]}]


def test_types_implied_by_their_place_and_names_of_blank_nodes_say_nothing():
    rule = {"@type": "Permission", "@id": "_:b0", "action": "use", "constraint": []}
    said = {**REQUEST, "offer": {**OFFER, "permission": [rule], "@type": ["Offer", "odrl:Policy"]}}

    offer = hear(said, wire.ContractRequestMessage).document["offer"]

    assert offer["permission"] == [{"action": "use", "constraint": []}]
    assert offer["@type"] == "Offer"


CYCLE = {"a": "b:x", "b": "a:x"}
DEEP = {f"p{n}": f"p{n + 1}:/" for n in range(20)} | {"p20": "https://x/"}


@pytest.mark.parametrize(
    ("context", "code"),
    [
        (UNKNOWN, "context_unknown"),
        ([UNKNOWN, "https://w3id.org/dspace/2024/1/context.json"], "context_unknown"),
        ([], "context_unknown"),
        ([wire.CONTEXT, {"providerPid": "dspace:consumerPid"}], "context_redefines"),
        ([wire.CONTEXT, {"consumerPid": "@id"}], "context_redefines"),
        ([wire.CONTEXT, {"offer": None}], "context_redefines"),
        ([{"offer": {"@id": "https://evil.example/x"}}, wire.CONTEXT], "context_redefines"),
        ([wire.CONTEXT, {"use": "odrl:sell"}], "context_redefines"),
        ([wire.CONTEXT, {"dspace": "https://evil.example/"}], "context_redefines"),
        ([wire.CONTEXT, {"urn": "https://evil.example/"}], "context_redefines"),
        ([wire.CONTEXT, {"@base": "https://evil.example/"}], "context_unsupported"),
        ([wire.CONTEXT, {"@import": wire.CONTEXT}], "context_unsupported"),
        ([wire.CONTEXT, {"x": {"@reverse": "dspace:offer"}}], "context_unsupported"),
        ([wire.CONTEXT, {"x": {"@id": "y:z", "@context": {}}}], "context_unsupported"),
        ([wire.CONTEXT, {"x": {"@id": "y:z", "@container": "@index"}}], "context_unsupported"),
        ([wire.CONTEXT, {"x": "@graph"}], "context_unsupported"),
        ([wire.CONTEXT, {"x": 5}], "context_unsupported"),
        ([wire.CONTEXT, {"x:y": "z:a"}], "context_unsupported"),
        ([wire.CONTEXT, {"@vocab": "relative"}], "context_unsupported"),
        ([wire.CONTEXT, CYCLE], "context_unsupported"),
        ([wire.CONTEXT, DEEP], "context_unsupported"),
        ([wire.CONTEXT, None], "context_unsupported"),
        ([wire.CONTEXT] * (MOST_CONTEXTS + 1), "context_too_large"),
        ([wire.CONTEXT, {f"w{n}": "a:b" for n in range(MOST_WORDS + 1)}], "context_too_large"),
        ([wire.CONTEXT, {"x": "https://" + "x" * 5000}], "context_too_large"),
    ],
)
def test_a_context_that_could_trick_us_is_refused(context, code):
    with pytest.raises(MessageRefusedError) as refused:
        hear({**VERIFICATION, "@context": context}, wire.ContractAgreementVerificationMessage)

    assert refused.value.code == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"dspace:consumerPid": "urn:uuid:other"}, "message_ambiguous"),
        ({"@graph": [VERIFICATION]}, "message_invalid"),
        ({"dspace:consumerPid": {"@id": "urn:uuid:c", "@value": "x"}}, "message_ambiguous"),
        ({"consumerPid": ["urn:uuid:c", "urn:uuid:d"]}, "message_invalid"),
        ({"@type": ["TransferStartMessage", "TransferProcess"]}, "message_invalid"),
        (
            {
                "consumerPid": {"@value": "urn:uuid:d", "wert": "urn:uuid:c"},
                "@context": [wire.CONTEXT, {"wert": "@value"}],
            },
            "message_ambiguous",
        ),
    ],
)
def test_a_message_that_says_two_things_is_refused(change, code):
    with pytest.raises(MessageRefusedError) as refused:
        hear({**VERIFICATION, **change}, wire.ContractAgreementVerificationMessage)

    assert refused.value.code == code


def test_prefixes_without_a_context_are_refused_by_name():
    said = {f"dspace:{key}": one for key, one in PIDS.items()}
    with pytest.raises(MessageRefusedError, match="dspace:providerPid"):
        hear(said, wire.ContractAgreementVerificationMessage)


def test_values_of_the_protocol_need_a_context_that_defines_them():
    said = {
        f"{DSPACE}providerPid": "urn:uuid:p", f"{DSPACE}consumerPid": "urn:uuid:c",
        "@type": f"{DSPACE}ContractNegotiation", f"{DSPACE}state": "REQUESTED",
    }  # fmt: skip
    with pytest.raises(MessageRefusedError, match="REQUESTED"):
        hear(said, wire.ContractNegotiation)


HOSTILE_IRI = "https://x.example/" + "x" * 2000 + "/"
MANY = {f"w{n}": "a:b" for n in range(MOST_WORDS)}


def _request(context, **terms):
    return {**REQUEST, "@context": context, "offer": {**OFFER, **terms}}


@pytest.mark.parametrize(
    "said",
    [
        # 60 KB that would be 20 MB on the disk
        _request([wire.CONTEXT, {"p": HOSTILE_IRI}], **{f"p:{n}": 1 for n in range(10_000)}),
        _request([wire.CONTEXT, {"p": HOSTILE_IRI}], profile=["p:a"] * 10_000),
        _request([wire.CONTEXT, {"@vocab": HOSTILE_IRI}], **{f"p{n}": 1 for n in range(10_000)}),
        _request([wire.CONTEXT, {"p": HOSTILE_IRI, "word": "p:w"}], permission=[
            {"action": "word"}] * 10_000),
        _request([wire.CONTEXT, *({"p": HOSTILE_IRI} | {f"w{i}{n}": "p:" for n in range(200)}
                                  for i in range(14))]),
        # few bytes that copy thousands of words tens of thousands of times
        _request([wire.CONTEXT, *({f"{name}{n}": one for name, one in MANY.items()}
                                  for n in range(15))],
                 permission=[{"action": "use", "constraint": [
                     {"@context": [{}] * MOST_CONTEXTS, **COMPARED}] * 1000}]),
    ],
    ids=["names", "ids", "vocabulary", "words", "the context", "contexts in contexts"],
)  # fmt: skip
def test_a_small_message_does_not_become_a_large_one(said):
    with pytest.raises(MessageRefusedError) as refused:
        read(msgspec.json.encode(said), wire.ContractRequestMessage)

    assert refused.value.code == "context_too_large"


@pytest.mark.parametrize(
    ("place", "type_"),
    [("permission", "Prohibition"), ("prohibition", "Permission"), ("obligation", "Permission")],
)
def test_a_rule_whose_type_contradicts_its_place_is_not_read_as_either(place, type_):
    said = _request([wire.CONTEXT], **{place: [{"@type": f"odrl:{type_}", "action": "use"}]})

    offer = hear(said, wire.ContractRequestMessage).document["offer"]

    with pytest.raises(PolicyInvalidError):
        from_odrl(offer)


OWN = ("id", "type", "urn", "did", "own", "x")
WORDS = sorted(PROTECTED | dict.fromkeys(OWN, frozenset()))
MEANINGS = [
    *sorted({iri for iris in PROTECTED.values() for iri in iris}), "@id", "@type", "@value", "@set",
    "@list", "@language", "@graph", "@context", "dspace:offer", "odrl:prohibition", "x:y", None,
    "https://x.example/",
]  # fmt: skip


def definition(chance):
    """Define a word by its meaning alone, or with some of what may stand beside it."""
    if chance.random() < 0.5:
        return chance.choice(MEANINGS)
    whole = {
        "@id": chance.choice(MEANINGS),
        "@type": chance.choice(["@id", "@vocab", "@json"]),
        "@container": chance.choice(["@set", "@list", "@index"]),
        "@protected": chance.choice([True, False]),
    }
    return {name: one for name, one in whole.items() if chance.random() < 0.5}


def inline(chance):
    """Define up to four words."""
    known = chance.choice([OWN, [*WORDS, "@vocab", "@protected"]])
    names = chance.sample(known, chance.choice([0, 0, 1, 2, 4]))
    return {name: definition(chance) for name in names}


def smuggled(chance):
    """Say up to two things besides, in words that look like those of the protocol."""
    said = ["use", "urn:uuid:d", [], [{"action": "use"}], {"@id": "urn:x"}]
    words = chance.sample(WORDS, chance.choice([0, 0, 0, 1, 2]))
    tails = [chance.choice(["", "odrl:", "dspace:", "x:"]) + word for word in words]
    return {name: chance.choice(said) for name in tails}


PLAIN = {
    **OFFER,
    "permission": [{"action": "use", "constraint": [
        {"leftOperand": PURPOSE, "operator": "isAnyOf", "rightOperand": [RESEARCH]}]}],
    "obligation": [{"action": "https://w3id.org/tidegate/policy/recordUse"}],
}  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(CHANCE)
def test_nothing_in_a_context_or_beside_the_terms_changes_what_policy_decides_on(chance):
    outer, middle, inner = inline(chance), inline(chance), inline(chance)
    beside, within = smuggled(chance), smuggled(chance)
    rule = {"@context": [inner], **within, **PLAIN["permission"][0]}
    offer = {"@context": [middle], **beside, **PLAIN, "permission": [rule]}
    said = {**REQUEST, "@context": [wire.CONTEXT, outer], "offer": offer}

    try:
        heard = hear(said, wire.ContractRequestMessage)
        decided = from_odrl(heard.document["offer"])
    except (MessageRefusedError, PolicyInvalidError):
        return  # what is not understood is never judged

    assert decided == from_odrl(PLAIN)
    assert heard.document["offer"]["target"] == PLAIN["target"]


class Said(SimpleNamespace):
    """A negotiation as the rules of agreements look at it."""

    version_id = "ver_1"
    offer_id = "urn:uuid:o"


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_what_was_decided_on_is_what_is_signed_whoever_spells_it_how(data):
    writers = [Writer(data.draw) for _ in "ab"]
    asked = writers[0].message({**copy.deepcopy(REQUEST), "offer": copy.deepcopy(PLAIN)})
    offer = hear(asked, wire.ContractRequestMessage).document["offer"]
    decided = from_odrl(offer)
    ours = Said(
        offer=offer, dataset_id="urn:uuid:d", peer_did="did:web:b", side=Side.PROVIDER, agreement={}
    )
    ours.agreement = agreement_document(
        ours, "urn:uuid:a", assigner="did:web:a", at="2026-01-01T00:00:00.000Z"
    )
    sent = {**CANONICAL[2], "agreement": copy.deepcopy(ours.agreement)}
    heard = hear(writers[1].message(sent), wire.ContractAgreementMessage).document["agreement"]
    theirs = Said(
        offer=PLAIN, dataset_id="urn:uuid:d", peer_did="did:web:a", side=Side.CONSUMER,
        agreement=heard,
    )  # fmt: skip

    check_agreement(heard, theirs, "did:web:b")
    signed, kept = signed_agreement(ours), signed_agreement(theirs)

    assert decided == signed.policy == kept.policy == from_odrl(PLAIN)
    assert signed.digest == kept.digest == agreement_digest(kept)
    assert to_agreement(signed) == to_agreement(kept)
