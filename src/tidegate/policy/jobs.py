"""Background work of this room."""

from tidegate.policy.service import PolicyService

END_EXPIRED = "policy.end_expired"
END_EXPIRED_EVERY_SECONDS = 60


def end_expired(policy: PolicyService) -> None:
    """End agreements whose time is over; safe to run at any moment and any number of times."""
    policy.end_expired()
