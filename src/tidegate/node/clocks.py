"""Clocks of nodes compared: whose is wrong, and what comes of it."""

from collections.abc import Mapping


def clocks_apart(ahead: Mapping[str, float], leeway: int) -> str:
    """Say whose clock is wrong, where others are ahead of ours by so many seconds; or nothing.

    Where all that can be compared are ahead, or all behind, it is ours that is taken as wrong.
    """
    apart = {name: seconds for name, seconds in ahead.items() if abs(seconds) > leeway}
    if not apart:
        return ""
    named = ", ".join(
        f"{name} ({abs(seconds):.0f} s {'ahead' if seconds > 0 else 'behind'})"
        for name, seconds in apart.items()
    )
    what_then = (
        f" Tokens hold within {leeway} s only: until then nodes refuse each other, and the evidence"
        " bears wrong times."
    )
    if len(apart) == len(ahead) and len({seconds > 0 for seconds in apart.values()}) == 1:
        mine = "behind" if next(iter(apart.values())) > 0 else "ahead of"
        return (
            f"this clock is {mine} the others, {named}: set it right (NTP; `timedatectl` shows"
            f" whether it is kept).{what_then}"
        )
    return (
        f"not every clock agrees with this one: {named}. Have the wrong one set right (NTP)."
        f"{what_then}"
    )
