"""Tells the life of each dataset version from the leaves of all logs.

A subject belongs to a version's life if one of its leaves names the version, or names an agreement,
offer, application or query that does. People, projects, nodes and the space connect everything with
everything, so links never run through them.
"""

from collections.abc import Iterator, Mapping

from tidegate.audit.bundle.logs import CheckedLog
from tidegate.audit.bundle.model import Life, LifeEvent
from tidegate.audit.model import Entry
from tidegate.kernel.canonical import Json

VERSION = "version"
_KEPT = frozenset({VERSION, "dataset"})
_LINKING = frozenset(
    {
        "offer", "negotiation", "agreement", "transfer", "visit", "query", "release",
        "application", "permit", "certificate", "derived", "destruction", "decision", "receipt",
    }
)  # fmt: skip


def tell_lives(logs: tuple[CheckedLog, ...], names: Mapping[str, str]) -> tuple[Life, ...]:
    """Return the life of every version that any log speaks of, in the order of their ids.

    A version and its dataset are named by the node that keeps them: what another node's log says
    under the same ids is about data of its own, and another life.
    """
    keepers = [log for log in logs if any(_kind(entry.to) == VERSION for entry in log.entries)]
    lives = [life for keeper in keepers for life in _lives_at(keeper, logs, names)]
    return tuple(sorted(lives, key=lambda life: life.version))


def _lives_at(
    keeper: CheckedLog, logs: tuple[CheckedLog, ...], names: Mapping[str, str]
) -> tuple[Life, ...]:
    acts = [
        (log, position, entry)
        for log in logs
        for position, entry in enumerate(log.entries)
        if log is keeper or _kind(entry.to) not in _KEPT
    ]
    mentioned = _mentions(entry for _, _, entry in acts)
    versions = sorted({entry.to for _, _, entry in acts if _kind(entry.to) == VERSION})
    owners = _datasets(versions, mentioned)
    lives = []
    for version in versions:
        subjects = _related(version, versions, mentioned, owners.get(version, ""))
        events = [
            _event(log, position, entry, names)
            for log, position, entry in acts
            if entry.to in subjects and not _is_of_another(entry, version, versions)
        ]
        events.sort(key=lambda event: (event.at, event.node, event.position))
        lives.append(Life(version, tuple(events), names.get(keeper.did, keeper.did)))
    return tuple(lives)


def _mentions(entries: Iterator[Entry]) -> dict[str, set[str]]:
    """Map each subject to all texts its leaves give as reasons."""
    mentioned: dict[str, set[str]] = {}
    for entry in entries:
        mentioned.setdefault(entry.to, set()).update(_texts(entry.why))
    return mentioned


def _datasets(versions: list[str], mentioned: Mapping[str, set[str]]) -> dict[str, str]:
    datasets = {_id(subject): subject for subject in mentioned if _kind(subject) == "dataset"}
    owners = {}
    for version in versions:
        named = {_id(text) for text in mentioned[version]} & datasets.keys()
        named |= {key for key, subject in datasets.items() if _names(mentioned[subject], version)}
        owners[version] = datasets[min(named)] if named else ""
    return owners


def _related(
    version: str, versions: list[str], mentioned: Mapping[str, set[str]], dataset: str
) -> set[str]:
    related = {version, dataset} - {""}
    others = [other for other in versions if other != version]
    found = related
    while found:
        found = {
            subject
            for subject, texts in mentioned.items()
            if subject not in related
            and _kind(subject) in _LINKING
            and any(_names(texts, link) for link in related)
            and (_names(texts, version) or not any(_names(texts, other) for other in others))
        }
        related = related | found
    return related


def _is_of_another(entry: Entry, version: str, versions: list[str]) -> bool:
    """Tell whether a dataset's leaf is about another of its versions."""
    texts = set(_texts(entry.why))
    return (
        _kind(entry.to) == "dataset"
        and not _names(texts, version)
        and any(_names(texts, other) for other in versions)
    )


def _event(log: CheckedLog, position: int, entry: Entry, names: Mapping[str, str]) -> LifeEvent:
    return LifeEvent(
        at=entry.at,
        node=names.get(log.did, log.did),
        position=position,
        event=entry.did,
        premis=entry.premis,
        by=entry.by,
        subject=entry.to,
        number=entry.number,
        why=entry.why,
    )


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _names(texts: set[str], subject: str) -> bool:
    return subject in texts or _id(subject) in texts


def _kind(subject: str) -> str:
    return subject.partition(":")[0]


def _id(subject: str) -> str:
    return subject.partition(":")[2] or subject
