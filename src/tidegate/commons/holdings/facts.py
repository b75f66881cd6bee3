"""The facts the rule packs ask about a dataset; what nobody knows is left out, never guessed."""

from tidegate.access.model import Seat
from tidegate.catalogue.model import Classification
from tidegate.commons.model import Holding, Stage

Facts = dict[str, str | int | bool]
_STATES = {Stage.DESTROYED: "destroyed", Stage.RESTRICTED: "restricted"}


def dataset_facts(
    holding: Holding, classification: Classification | None, seat: Seat, *, at: str
) -> Facts:
    """Return the input group `dataset`; `at` is the moment of asking."""
    signed = holding.report is not None and bool(holding.report.signed_by)
    facts: Facts = {
        "origin": seat.jurisdiction,
        "claims_deid": bool(holding.tables),
        "claims_anonymous": False,
        "deid_ok": signed,
        "past_retention": at > holding.retain_until,
        "state": _STATES.get(holding.stage, "active"),
    }
    if holding.has_under14:
        facts["has_under14"] = holding.has_under14 == "yes"
    return facts if classification is None else facts | _classified(classification)


def _classified(classification: Classification) -> Facts:
    facts: Facts = {
        "cn_class": classification.cn_class,
        "level": classification.level,
        "personal": classification.personal,
        "sensitive": classification.sensitive,
        "basis": classification.basis,
        "important_status": classification.important_status,
        "hgr": classification.hgr,
        "source": classification.source,
    }
    if classification.hgr == "none":
        facts |= {"wgs_wes_n": 0, "hgr_special": False}
    return facts
