"""The commons' background work: idempotent, by ids, killable at any line."""

from collections.abc import Callable

from tidegate.commons.acquisition.service import AcquisitionService
from tidegate.commons.destruction.service import DestructionService
from tidegate.commons.holdings.service import HoldingsService
from tidegate.policy.model import Agreement


def recover(
    acquisition: AcquisitionService, holdings: HoldingsService, destruction: DestructionService
) -> None:
    """Finish or clean up what a killed process left; call once at every start."""
    destruction.recover()
    holdings.finish_interrupted()
    acquisition.recover()


def destroy_derived(
    destruction: DestructionService, get_agreement: Callable[[str], Agreement], agreement: str
) -> None:
    """Destroy what this node keeps from an ended agreement; only the consumer keeps any."""
    ended = get_agreement(agreement)
    if ended.role == "consumer":
        reason = ended.ended_reason or "the agreement ended"
        destruction.destroy_derived(ended.id, ended.counterparty, reason)


def keep_house(acquisition: AcquisitionService) -> None:
    """Remove uploads nobody used within a day."""
    acquisition.drop_old_uploads()


def check_fixity(holdings: HoldingsService) -> None:
    """Hash every kept object again; changed ones put their version into quarantine."""
    holdings.check_all_fixity()
