"""The care of a version on its page: what this person may do with it, and what was refused."""

import unicodedata

from tidegate.catalogue.model import VersionRecord
from tidegate.commons.custody.model import Act, Custody
from tidegate.commons.custody.rules import acts_for, may_look_after, next_for
from tidegate.commons.model import Certificate, Stage
from tidegate.kernel.errors import InvalidError, TidegateError
from tidegate.kernel.text import Multilingual
from tidegate.kernel.values import dataclass
from tidegate.web.kit import Ask

CONFIRM = "confirm"
"""The field into which the title is typed before what cannot be undone."""
CLASSES = ("general", "important", "core")
LEVELS = ("1", "2", "3", "4", "5")
PERSONAL = ("sensitive", "personal", "none")
STATUSES = ("checked_not_notified", "notified", "published")
GENETIC = ("none", "info", "material")
BASES = ("consent", "public_health", "legal_duty", "contract", "disclosed", "other")
SOURCES = ("hospital", "ha", "ehealth", "other")
FOLDED = (
    Act.PROPOSE,
    Act.CHECK,
    Act.ARCHIVE,
    Act.RECALL,
    Act.SUSPEND,
    Act.RESUME,
    Act.QUARANTINE,
    Act.RELEASE,
    Act.RESTRICT,
    Act.UNRESTRICT,
    Act.REQUEST_DESTRUCTION,
)
"""The acts a version does not wait for, in the order of the page."""
NEEDS_REASON = frozenset(FOLDED) - {Act.PROPOSE, Act.CHECK, Act.ARCHIVE}


@dataclass(frozen=True, slots=True)
class Refused:
    """An act that was tried on the page and refused."""

    act: Act
    problem: TidegateError


@dataclass(frozen=True, slots=True)
class Care:
    """What the page of a version says to those who keep it."""

    custody: Custody
    acts: frozenset[Act]
    next: Act | None
    folded: tuple[Act, ...]
    is_mine: frozenset[Act]
    """What this person began, and another one has to go on with."""
    certificate: Certificate | None


def care_of(ask: Ask, version: VersionRecord | None) -> Care | None:
    """Return what this person may do with a version; None for those who do not keep it."""
    if version is None or not may_look_after(ask.actor):
        return None
    custody = ask.house.holdings.custody(version.id, by=ask.actor)
    acts, due = acts_for(ask.actor, custody), next_for(ask.actor, custody)
    return Care(
        custody,
        acts,
        due,
        tuple(act for act in FOLDED if act in acts and act is not due),
        _begun(ask, custody),
        _certificate(ask, custody),
    )


def _begun(ask: Ask, custody: Custody) -> frozenset[Act]:
    me, report, asked = ask.actor.id, custody.holding.report, custody.destruction
    begun = {
        Act.APPROVE: custody.proposal.proposed_by if custody.proposal else "",
        Act.SIGN: report.author if report else "",
        Act.APPROVE_DESTRUCTION: asked.requested_by if asked else "",
    }
    return frozenset(act for act, person in begun.items() if person == me)


def _certificate(ask: Ask, custody: Custody) -> Certificate | None:
    """Return this node's certificate of a version that was destroyed."""
    if custody.holding.stage is not Stage.DESTROYED:
        return None
    given = ask.house.destruction.list_certificates(f"version:{custody.holding.version_id}")
    own = (one for one in given if one.issuer == ask.web.settings.node_did)
    return next(own, None)


def check_confirmed(ask: Ask, title: Multilingual) -> None:
    """Raise InvalidError unless the dataset's title was typed, in any of its languages."""
    typed = _folded(ask.form.text(CONFIRM))
    if typed not in {_folded(written) for _, written in title.every()} or not typed:
        raise InvalidError(
            "What was typed is not the title of the dataset, so nothing was done;"
            " type the title as it stands on the page.",
            code="confirmation_differs",
        )


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
