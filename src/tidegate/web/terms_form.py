"""The rules of a policy as fields of a page, and the filled page as rules again.

Moments are written and read in the region's time, to the minute; a moment that was not touched is
kept to the letter.
"""

from dataclasses import replace
from datetime import UTC, datetime

from tidegate.access.model import Seat
from tidegate.kernel.clock import parse_iso
from tidegate.kernel.errors import InvalidError
from tidegate.kernel.values import dataclass
from tidegate.policy.model import PURPOSES, Policy
from tidegate.policy.service import (
    REVIEWED_FLOWS,
    PolicyFields,
    RuleFields,
    fields_of,
    with_fields,
)
from tidegate.web.formats import HONG_KONG
from tidegate.web.forms import Form

SHOWN = "terms"
"""The field that says the form was on the page, since empty boxes are not sent."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What can be chosen in the form: institutions by DID, seats, purposes and reviews."""

    members: tuple[tuple[str, str], ...]
    seats: tuple[str, ...] = tuple(seat.value for seat in Seat)
    purposes: tuple[tuple[str, str], ...] = tuple((one.iri, one.code) for one in PURPOSES)
    reviews: tuple[str, ...] = REVIEWED_FLOWS


def choices_for(policy: Policy, names: dict[str, str]) -> Choices:
    """Return what can be chosen: the institutions known here, and those the policy names."""
    named = {did for rule in fields_of(policy).rules for did in rule.recipients}
    known = names | {did: did for did in named if did not in names}
    return Choices(tuple(sorted(known.items(), key=lambda one: one[1])))


def local(stamp: str) -> str:
    """Write a moment as the field of a page takes it, in the region's time."""
    return f"{parse_iso(stamp).astimezone(HONG_KONG):%Y-%m-%dT%H:%M}" if stamp else ""


def read_terms(form: Form, policy: Policy) -> Policy:
    """Return the policy with the fields a person filled in.

    Raises PolicyInvalidError or PolicyUnenforceableError naming the term that is wrong.
    """
    if not form.text(SHOWN):
        return policy
    now = fields_of(policy)
    fields = PolicyFields(
        rules=tuple(_rule(form, n, one) for n, one in enumerate(now.rules)),
        no_distribution=bool(form.text("no_distribution")),
        no_reidentification=bool(form.text("no_reidentification")),
        log=bool(form.text("log")),
        delete_within_days=form.text("delete_within_days"),
    )
    return with_fields(policy, fields)


def _rule(form: Form, n: int, now: RuleFields) -> RuleFields:
    return replace(
        now,
        recipients=_chosen(form, f"r{n}_recipients", now.recipients),
        seats=_chosen(form, f"r{n}_seats", now.seats),
        seats_excluded=form.text(f"r{n}_seats_way") == "none",
        certifications=form.lines(f"r{n}_certifications"),
        purposes=_chosen(form, f"r{n}_purposes", now.purposes),
        starts=_moment(form.text(f"r{n}_starts"), now.starts),
        until=_moment(form.text(f"r{n}_until"), now.until),
        max_uses=form.text(f"r{n}_max_uses"),
        in_place=bool(form.text(f"r{n}_in_place")),
        minimum_cell=form.text(f"r{n}_minimum_cell"),
        review=form.text(f"r{n}_review"),
    )


def _chosen(form: Form, name: str, now: tuple[str, ...]) -> tuple[str, ...]:
    """Return what was ticked: what stood there in its order, then what is new."""
    ticked = form.every(name)
    kept = tuple(one for one in now if one in ticked)
    return (*kept, *(one for one in ticked if one not in kept))


def _moment(text: str, now: str) -> str:
    if now and text == local(now):
        return now
    if not text:
        return ""
    try:
        given = datetime.strptime(text[:16], "%Y-%m-%dT%H:%M").replace(tzinfo=HONG_KONG)
    except ValueError:
        raise InvalidError(
            "Write a time as year, month, day, hour and minute.", code="field_not_a_time"
        ) from None
    return f"{given.astimezone(UTC):%Y-%m-%dT%H:%M}:00Z"
