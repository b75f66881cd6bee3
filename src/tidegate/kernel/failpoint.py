"""Named places where a test may stop the process, to prove that nothing is lost there."""

from collections.abc import Callable

_armed: dict[str, Callable[[], None]] = {}


def failpoint(name: str) -> None:
    """Do nothing, unless the test plugin armed `name`."""
    if _armed:
        action = _armed.get(name)
        if action is not None:
            action()


def arm(name: str, action: Callable[[], None]) -> None:
    """Run `action` whenever the code passes `name`. For the test plugin only."""
    _armed[name] = action


def disarm() -> None:
    """Forget every armed failpoint."""
    _armed.clear()


def is_armed() -> bool:
    """Tell whether a test plugin is at work; a production node refuses to start then."""
    return bool(_armed)
