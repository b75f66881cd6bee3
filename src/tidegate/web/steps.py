"""Leaves of the evidence as the timelines show them."""

from collections.abc import Iterable, Mapping

from tidegate.audit.model import LeafView
from tidegate.kernel.canonical import Json
from tidegate.kernel.values import dataclass

_BAD = (
    "refused",
    "destroyed",
    "ended",
    "terminated",
    "revoked",
    "quarantined",
    "rejected",
    "stopped",
)
_GOOD = (
    "stored",
    "signed",
    "approved",
    "classified",
    "finalized",
    "released",
    "published",
    "witnessed",
)
_EXPECTED = ("version.intake_key_destroyed",)
_LONGEST = 120


@dataclass(frozen=True, slots=True)
class Step:
    """One act with the leaf that proves it."""

    event: str
    at: str
    by: str
    to: str
    position: int
    hash: str
    number: int
    previous: str
    premis: str
    tone: str
    why: tuple[tuple[str, str], ...]


def steps_of(leaves: Iterable[LeafView]) -> tuple[Step, ...]:
    """Turn leaves into steps, in their order."""
    return tuple(step_of(leaf) for leaf in leaves)


def step_of(leaf: LeafView) -> Step:
    """Turn one leaf into a step."""
    entry = leaf.entry
    return Step(
        event=entry.did,
        at=entry.at,
        by=entry.by,
        to=entry.to,
        position=leaf.position,
        hash=leaf.hash,
        number=entry.number,
        previous=entry.previous,
        premis=entry.premis or "",
        tone=_tone(entry.did),
        why=tuple(_facts(entry.why)),
    )


def _tone(event: str) -> str:
    if event in _EXPECTED:
        return "ok"
    last = event.rpartition(".")[2]
    if last.endswith(_BAD):
        return "bad"
    return "ok" if last.endswith(_GOOD) else ""


def _facts(why: Mapping[str, Json]) -> Iterable[tuple[str, str]]:
    for name, value in why.items():
        shown = _plain(value)
        if shown:
            yield name, shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"


def _plain(value: Json) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_plain(part)}" for name, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value))
    if isinstance(value, bool):
        return "✓" if value else "✗"
    return "" if value is None else str(value)
