"""Have another act happen between what a room reads and what it writes, always at one place."""

from collections.abc import Callable
from typing import Any

import pytest


def act_after(
    monkeypatch: pytest.MonkeyPatch, place: Any, name: str, act: Callable[[], object]
) -> list[object]:
    """Have `act` happen once, when `place.name` has answered for the first time.

    Returns what `act` returned, so that a test can tell that it happened.
    """
    ask, happened = getattr(place, name), []

    def ask_then_act(*args: Any, **more: Any) -> Any:
        answer = ask(*args, **more)
        if not happened:
            happened.append(None)  # what `act` asks itself is not interleaved again
            happened[0] = act()
        return answer

    monkeypatch.setattr(place, name, ask_then_act)
    return happened
