"""Write and read policies as the compact ODRL JSON of the Dataspace Protocol 2025-1.

Facts of its contract schema: arrays are never empty, an offer in a catalogue has no target, an
agreement has target, assigner and assignee. Reading is closed: whatever this node does not know
makes the whole policy unreadable, and the error names it.
"""

import json
from collections.abc import Mapping
from dataclasses import replace

from tidegate.kernel.canonical import canonical_json, sha256_hex
from tidegate.kernel.clock import parse_iso
from tidegate.kernel.errors import InvalidError
from tidegate.kernel.values import dataclass
from tidegate.policy.errors import PolicyInvalidError
from tidegate.policy.model import Agreement, Constraint, Operator, Policy, Rule, Terms
from tidegate.policy.soundness import check_known
from tidegate.policy.terms import ODRL, PROFILE

_GROUPS = frozenset({"permission", "prohibition", "obligation"})
_OFFER = frozenset({"@id", "@type", "profile", "target", "assigner", "assignee"}) | _GROUPS
_AGREEMENT = _OFFER | {"timestamp"}
_LIST_AS_TEXT = ('[{"@value"', '[{"@id"')
_LITERAL = frozenset({"@value", "@type", "@language", "@direction"})
_LOGICAL = ("and", "or", "xone", "andSequence")


@dataclass(frozen=True, slots=True)
class OfferTerms:
    """An offer as read from the wire; `target` is empty in a catalogue."""

    id: str
    policy: Policy
    target: str = ""
    assigner: str = ""
    assignee: str = ""


@dataclass(frozen=True, slots=True)
class AgreementTerms:
    """An agreement as read from the wire."""

    id: str
    policy: Policy
    target: str
    assigner: str
    assignee: str
    timestamp: str


def to_offer(policy: Policy, offer_id: str) -> Terms:
    """Return the offer as it stands in a catalogue: without a target."""
    return {"@type": "Offer", "@id": offer_id} | _profile(policy) | policy.terms()


def to_message_offer(policy: Policy, offer_id: str, target: str, assigner: str = "") -> Terms:
    """Return the offer as it travels in a negotiation message: with its target dataset."""
    assigned: Terms = {"assigner": assigner} if assigner else {}
    return (
        {"@type": "Offer", "@id": offer_id, "target": target}
        | assigned
        | (_profile(policy) | policy.terms())
    )


def to_agreement(agreement: Agreement) -> Terms:
    """Return the agreement as it travels and as it is signed."""
    envelope: Terms = {
        "@type": "Agreement",
        "@id": agreement.id,
        "target": agreement.dataset_id,
        "assigner": agreement.assigner,
        "assignee": agreement.assignee,
        "timestamp": agreement.signed_at,
    }
    return envelope | _profile(agreement.policy) | agreement.policy.terms()


def agreement_digest(agreement: Agreement) -> str:
    """Return the SHA-256 (hex) of the canonical agreement: the same on both sides."""
    return sha256_hex(canonical_json(to_agreement(agreement)))


def seal(agreement: Agreement) -> Agreement:
    """Return the agreement carrying its own digest."""
    return replace(agreement, digest=agreement_digest(agreement))


def from_odrl(terms: object) -> Policy:
    """Read the rules of an offer or agreement; raise PolicyInvalidError for anything unknown."""
    document = _mapping(terms, "policy")
    kind = document.get("@type")
    if kind not in ("Offer", "Agreement"):
        raise PolicyInvalidError(
            "A policy must have the @type Offer or Agreement.", code="policy_type"
        )
    _check_keys(document, _AGREEMENT if kind == "Agreement" else _OFFER, "policy")
    _check_profile(document.get("profile"))
    policy = Policy(
        permissions=_read_rules(document, "permission"),
        prohibitions=_read_rules(document, "prohibition"),
        obligations=_read_rules(document, "obligation"),
    )
    check_known(policy)
    return policy


def read_offer(terms: object) -> OfferTerms:
    """Read an offer with its envelope; raise PolicyInvalidError for anything unknown."""
    document = _mapping(terms, "offer")
    if document.get("@type") != "Offer":
        raise PolicyInvalidError("An offer must have the @type Offer.", code="policy_type")
    return OfferTerms(
        id=_text(document, "@id"),
        policy=from_odrl(document),
        target=_text(document, "target", needed=False),
        assigner=_text(document, "assigner", needed=False),
        assignee=_text(document, "assignee", needed=False),
    )


def read_agreement(terms: object) -> AgreementTerms:
    """Read an agreement with its envelope; raise PolicyInvalidError for anything unknown."""
    document = _mapping(terms, "agreement")
    if document.get("@type") != "Agreement":
        raise PolicyInvalidError("An agreement must have the @type Agreement.", code="policy_type")
    timestamp = _text(document, "timestamp")
    try:
        parse_iso(timestamp)
    except InvalidError as error:
        raise PolicyInvalidError(error.message, code="timestamp") from None
    return AgreementTerms(
        id=_text(document, "@id"),
        policy=from_odrl(document),
        target=_text(document, "target"),
        assigner=_text(document, "assigner"),
        assignee=_text(document, "assignee"),
        timestamp=timestamp,
    )


def _profile(policy: Policy) -> Terms:
    """Name our profile where a rule uses its words (ODRL Information Model 2.2 §2.1)."""
    return {"profile": PROFILE} if PROFILE in canonical_json(policy.terms()).decode() else {}


def _check_profile(profile: object) -> None:
    named = [profile] if isinstance(profile, str) else profile
    if named is not None and named != [PROFILE]:
        raise PolicyInvalidError(
            "The policy follows an ODRL profile this node does not know.", code="profile_unknown"
        )


def _mapping(value: object, what: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise PolicyInvalidError(f"A {what} must be a JSON object.", code="policy_shape")
    return value


def _text(document: Mapping[str, object], name: str, *, needed: bool = True) -> str:
    value = document.get(name)
    if value is None and not needed:
        return ""
    if not isinstance(value, str) or not value:
        raise PolicyInvalidError(f"'{name}' must be text.", code="policy_shape", term=name)
    return value


def _check_keys(document: Mapping[str, object], known: frozenset[str], what: str) -> None:
    extra = sorted(set(document) - known)
    if extra:
        raise PolicyInvalidError(
            f"This node does not know '{extra[0][:80]}' in a {what}.",
            code="key_unknown",
            term=extra[0][:80],
        )


def _read_rules(document: Mapping[str, object], name: str) -> tuple[Rule, ...]:
    if name not in document:
        return ()
    rules = document[name]
    if not isinstance(rules, list) or not rules:
        raise PolicyInvalidError(
            f"'{name}' must be a list of at least one rule.", code="policy_shape", term=name
        )
    return tuple(_read_rule(one) for one in rules)


def _read_rule(value: object) -> Rule:
    document = _mapping(value, "rule")
    _check_keys(document, frozenset({"action", "constraint", "duty"}), "rule")
    constraints = document.get("constraint", [])
    if not isinstance(constraints, list):
        raise PolicyInvalidError("'constraint' must be a list.", code="policy_shape")
    return Rule(
        action=_absolute(_text(document, "action"), keep=("use",)),
        constraints=tuple(_read_constraint(one) for one in constraints),
        duties=_read_rules(document, "duty"),
    )


def _read_constraint(value: object) -> Constraint:
    document = _mapping(value, "constraint")
    for name in _LOGICAL:
        if name in document:
            raise PolicyInvalidError(
                f"This node does not read logical constraints ('{name}'); write them out.",
                code="logical_constraint",
                term=name,
            )
    _check_keys(document, frozenset({"leftOperand", "operator", "rightOperand"}), "constraint")
    return Constraint(
        left=_absolute(_text(document, "leftOperand")),
        operator=_read_operator(_text(document, "operator")),
        right=_read_right(document.get("rightOperand")),
    )


def _absolute(term: str, keep: tuple[str, ...] = ()) -> str:
    """Return a full IRI for ODRL's own prefix; DSP writes the action `use` short."""
    term = ODRL + term.removeprefix("odrl:") if term.startswith("odrl:") else term
    short = term.removeprefix(ODRL)
    return short if short in keep else term


def _read_operator(text: str) -> Operator:
    try:
        return Operator(text.removeprefix("odrl:").removeprefix(ODRL))
    except ValueError:
        raise PolicyInvalidError(
            f"This node does not know the operator '{text[:80]}'.",
            code="operator_unknown",
            term=text[:80],
        ) from None


def _read_right(value: object) -> tuple[str, ...] | str:
    """Read a right operand: text, a list of texts, or one of the forms JSON-LD writers give them.

    Eclipse EDC keeps a list as the text of its expanded JSON-LD (`[{"@value": "…"}]`).
    """
    if isinstance(value, str) and value.startswith(_LIST_AS_TEXT):
        try:
            value = json.loads(value, object_pairs_hook=_said_once)
        except (ValueError, RecursionError):
            return str(value)
    if isinstance(value, list) and value:
        return tuple(_read_operand(one) for one in value)
    return _read_operand(value)


def _said_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _read_operand(value: object) -> str:
    if isinstance(value, Mapping) and set(value) <= _LITERAL:
        value = value.get("@value")
    elif isinstance(value, Mapping) and set(value) == {"@id"}:
        value = value["@id"]
    if isinstance(value, str):
        return value
    raise PolicyInvalidError(
        "A right operand must be text or a list of texts.", code="right_operand"
    )
