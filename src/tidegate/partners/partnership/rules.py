"""When a partnership's terms make sense, and what each state allows."""

from dataclasses import replace

from tidegate.access.model import Actor, Role
from tidegate.access.rules import check_has_role
from tidegate.kernel.canonical import canonical_json
from tidegate.kernel.clock import iso, parse_iso
from tidegate.kernel.machine import Machine, Move
from tidegate.partners.errors import NotPartyError, PartnershipInvalidError
from tidegate.partners.model import Partnership, PartnershipState, Terms
from tidegate.partners.purpose import find_code
from tidegate.partners.records import to_plain

_S = PartnershipState
PARTNERSHIP: Machine[PartnershipState] = Machine(
    "partnership",
    _S.PROPOSED,
    (
        Move("sign", _S.PROPOSED, _S.ACTIVE, by="counterpart"),
        Move("end", _S.PROPOSED, _S.ENDED, by="proposer"),
        Move("end", _S.PROPOSED, _S.ENDED, by="counterpart"),
        Move("end", _S.ACTIVE, _S.ENDED, by="proposer"),
        Move("end", _S.ACTIVE, _S.ENDED, by="counterpart"),
    ),
)


def check_may_bind(actor: Actor) -> None:
    """Raise unless a person of the legal office asks: only they bind the institution."""
    check_has_role(actor, Role.LEGAL)


def side_of(partnership: Partnership, did: str) -> str:
    """Name the side an institution is on; raise NotPartyError when it is on neither."""
    if did not in partnership.parties:
        raise NotPartyError("The institution is no party to this partnership.", did=did)
    return "proposer" if did == partnership.parties[0] else "counterpart"


def normal_terms(terms: Terms) -> Terms:
    """Return the terms with purposes as codes and moments in one form; raise when unusable."""
    if len(set(terms.parties)) != 2 or len(terms.parties) != 2:
        raise PartnershipInvalidError("A partnership has two different institutions.")
    if not terms.title.strip() or not terms.programme.strip():
        raise PartnershipInvalidError("A partnership needs a title and a programme.")
    if not terms.seats or not terms.scopes:
        raise PartnershipInvalidError("A partnership names the seats and the purposes it covers.")
    scopes = tuple(find_code(scope) or "" for scope in terms.scopes)
    if not all(scopes):
        raise PartnershipInvalidError("A scope must be a DUO purpose, as in DUO:0000006 or HMB.")
    if not all(course.strip() for course in terms.required_training):
        raise PartnershipInvalidError("A required course needs its name.")
    starts, expires = iso(parse_iso(terms.starts)), iso(parse_iso(terms.expires))
    if starts >= expires:
        raise PartnershipInvalidError("A partnership must end after it starts.")
    return replace(terms, scopes=scopes, starts=starts, expires=expires)


def is_in_force(partnership: Partnership, at: str) -> bool:
    """Tell whether a partnership covers that moment."""
    is_active = partnership.state is PartnershipState.ACTIVE
    return is_active and partnership.starts <= at < partnership.expires


def signed_bytes(partnership: Partnership) -> bytes:
    """Return the bytes both institutions sign: the canonical terms under the partnership's id."""
    return canonical_json({"partnership": partnership.id, "terms": to_plain(partnership.terms)})
