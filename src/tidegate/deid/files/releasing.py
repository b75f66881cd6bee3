"""Hold a new release of a file beside the earlier ones before anything is written."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tidegate.deid.attacks.model import Past
from tidegate.deid.errors import RecipeInvalidError
from tidegate.deid.files.errors import TableUnreadableError
from tidegate.deid.files.model import FileOrder, Mend, Received, Series
from tidegate.deid.files.reading import iterate_batches
from tidegate.deid.recipe.model import Role, TableRecipe
from tidegate.deid.releases import folder
from tidegate.deid.releases.errors import MembershipInvalidError, ReleaseRefusedError
from tidegate.deid.releases.memory import digest_person, remember
from tidegate.deid.releases.model import Kept, Membership, ReleaseVerdict
from tidegate.deid.releases.service import check, require
from tidegate.deid.tables.model import (
    SUPPRESSED,
    Attacker,
    KAnonymity,
    Method,
    Question,
    Recoding,
    RiskThreshold,
    TableInput,
)
from tidegate.deid.tables.privacy import smallest_for
from tidegate.kernel.values import dataclass

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Earlier:
    """The releases before this one, read and held while it is made."""

    series: Series
    key: bytes
    kept: tuple[Kept, ...]


@dataclass(frozen=True, slots=True)
class Release:
    """A new release that may stand beside those before it."""

    earlier: Earlier
    membership: Membership
    verdict: ReleaseVerdict
    held_back: int
    merged: int
    """How many classes fewer are published for it."""
    past: Past
    """Everybody's classes in what is kept."""

    def number(self, table: str) -> int:
        """Return its place in the chain: the last one's if that is the very same table."""
        kept = self.earlier.kept
        return len(kept) + (not kept or kept[-1].table != table)

    def claim(self, table: str) -> dict[str, Any]:
        """Return what is claimed of it, for somebody who has the folder and the key."""
        return {"number": self.number(table), "k": self.verdict.k}

    def section(self, table: str) -> dict[str, Any]:
        """Return the section `releases` of a report."""
        number = self.number(table)
        return {
            "number": number,
            "versions": ", ".join(self.verdict.releases[: number - 1]),
            "people": self.verdict.people,
            "smallest": self.verdict.smallest,
            "k": self.verdict.k,
            "held_back": self.held_back,
            "merged": self.merged,
        }

    def before(self, table: str) -> Past | None:
        """Return everybody's classes in the releases before it, None if it is the first."""
        classes = self.past.classes[: self.number(table) - 1]
        return Past(classes) if classes else None

    def pack(self, table: str) -> tuple[Path, bytes] | None:
        """Return the file to keep of it and where; None if the very same table is kept already."""
        number, place = self.number(table), self.earlier.series.folder
        if number <= len(self.earlier.kept):
            return None
        packed = folder.pack(self.membership, place, number, table, self.earlier.key)
        return place / folder.name_of(number), packed


@contextmanager
def earlier_releases(order: FileOrder) -> Iterator[Earlier | None]:
    """Read the earlier releases and hold their folder; None if the file is released alone.

    Raises RecipeInvalidError if the person's column would be published as it is, and what
    `releases.folder` raises.
    """
    series = order.series
    if series is None:
        yield None
        return
    _check_person(order.recipe, series.person)
    key = folder.derive(order.key)
    if series.is_first:
        series.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with folder.opened(series.folder):
        kept = folder.read_all(series.folder, key)
        if bool(kept) == series.is_first:
            there = f"keeps {len(kept)} releases already" if kept else "keeps no release yet"
            what = "leave --first-release away" if kept else "correct its name, or say"
            raise MembershipInvalidError(
                f"{series.folder} {there}; {what}{'' if kept else ' --first-release'}.",
                code="releases_first",
            )
        yield Earlier(series, key, kept)


def _check_person(recipe: TableRecipe, person: str) -> None:
    plan = next((plan for plan in recipe.columns if plan.name == person), None)
    if plan is None or plan.role is not Role.DIRECT:
        raise RecipeInvalidError(
            f"{person} tells people apart, so it must be a column of the file and a direct"
            " identifier: name it in --empty, --remove or --pseudonymise.",
            code="person_role",
        )


def hold_beside(
    earlier: Earlier, received: Received, table: TableInput, question: Question, recoding: Recoding
) -> tuple[Recoding, Release]:
    """Check a recoding beside the earlier releases; mended, if that was asked for.

    Raises ReleaseRefusedError with the reason and the least change, MembershipInvalidError,
    TableUnreadableError for a record without a person.
    """
    k = _least_class(question)
    persons = _persons(received, earlier.series.person)
    past = [one.membership for one in earlier.kept]
    made = _remember(earlier, persons, recoding)
    verdict = check(past, made, k)
    if verdict.holds:
        return recoding, Release(earlier, made, verdict, 0, 0, _past(earlier, persons))
    if verdict.mending is None:
        require(verdict)
    held = _records(persons, verdict, earlier.key)
    merges = verdict.mending.merges if verdict.mending else None
    mend, fewer = earlier.series.mend, 0
    if mend is Mend.HOLD_BACK:
        recoding, fewer = _without(recoding, held), len(held)
    elif mend is Mend.MERGE and merges and question.method is not Method.FULL_DOMAIN:
        recoding = _merged(table, question, recoding, merges)
    else:
        raise _refused(verdict, received, held, merges, question.method)
    again = _remember(earlier, persons, recoding)
    merged = 0 if fewer else sum(map(len, merges or ())) - len(merges or ())
    stands = require(check(past, again, k))
    return recoding, Release(earlier, again, stands, fewer, merged, _past(earlier, persons))


def _past(earlier: Earlier, persons: Sequence[str]) -> Past:
    """Return in which class of each earlier release every record's person was."""
    import numpy as np  # noqa: PLC0415 - heavy: loaded when rows are touched

    digests = [digest_person(person, earlier.key) for person in persons]
    found = [one.membership.classes for one in earlier.kept]
    return Past(
        tuple(
            np.array([classes.get(digest, SUPPRESSED) for digest in digests], np.intp)
            for classes in found
        )
    )


def _refused(
    verdict: ReleaseVerdict,
    received: Received,
    held: Sequence[int],
    merges: Sequence[Sequence[int]] | None,
    method: Method,
) -> ReleaseRefusedError:
    """Say what would mend it: in records of the file, which nobody else can count."""
    shown = ", ".join(str(one + 1) for one in held[:_SHOWN])
    more = " …" if len(held) > _SHOWN else ""
    words = (
        f"{verdict.reason} To hold back are the records {shown}{more} of {received.path.name} (the"
        " names are not counted): --mend hold-back leaves them out, as far as --suppression allows."
    )
    if merges and method is Method.FULL_DOMAIN:
        words += " With one level a column no classes can be joined: take another --method for it."
    elif merges:
        words += " --mend merge publishes those classes as one."
    return ReleaseRefusedError(words, code="release_intersection")


def _least_class(question: Question) -> int:
    sizes = [one.k for one in question.criteria if isinstance(one, KAnonymity)]
    sizes += [
        smallest_for(one.most)
        for one in question.criteria
        if isinstance(one, RiskThreshold) and one.attacker is Attacker.PROSECUTOR
    ]
    if max(sizes, default=1) < 2:
        raise RecipeInvalidError(
            "Releases are held beside each other by the size of classes; ask for k-anonymity, or"
            " for a prosecutor's risk.",
            code="releases_k",
        )
    return max(sizes)


def _persons(received: Received, column: str) -> list[str]:
    persons: list[str] = []
    for batch in iterate_batches(received):
        persons.extend(text.strip() for text in batch.column(column).to_pylist())
    nobody = [place for place, person in enumerate(persons, start=1) if not person]
    if nobody:
        shown = ", ".join(map(str, nobody[:_SHOWN]))
        raise TableUnreadableError(
            f"{len(nobody)} records of {received.path.name} have no {column}: {shown}"
            f"{' …' if len(nobody) > _SHOWN else ''} (the names are not counted); fill it in, or"
            " take them out.",
            code="person_missing",
        )
    return persons


def _remember(earlier: Earlier, persons: Sequence[str], recoding: Recoding) -> Membership:
    name = f"{len(earlier.kept) + 1:04d}"
    return remember(name, persons, recoding.classes.tolist(), earlier.key)


def _records(persons: Sequence[str], verdict: ReleaseVerdict, key: bytes) -> list[int]:
    wanted = {*(verdict.mending.hold_back if verdict.mending else ())}
    return [n for n, person in enumerate(persons) if digest_person(person, key) in wanted]


def _without(recoding: Recoding, held: Sequence[int]) -> Recoding:
    """Leave records out; a class of which nobody is left goes."""
    import numpy as np  # noqa: PLC0415 - heavy: loaded when rows are touched

    classes = recoding.classes.copy()
    classes[np.array(held, np.intp)] = SUPPRESSED
    there = np.unique(classes[classes != SUPPRESSED])
    number = np.full(recoding.class_count, SUPPRESSED, classes.dtype)
    number[there] = np.arange(len(there))
    left = classes != SUPPRESSED
    classes[left] = number[classes[left]]
    return replace(
        recoding,
        classes=classes,
        labels=tuple(tuple(texts[one] for one in there.tolist()) for texts in recoding.labels),
        losses=recoding.losses[:, there],
        proven=False,
    )


def _merged(
    table: TableInput, question: Question, recoding: Recoding, merges: Iterable[Sequence[int]]
) -> Recoding:
    """Publish sets of classes as one each, under the tightest labels that cover their members."""
    import numpy as np  # noqa: PLC0415 - heavy: loaded when rows are touched

    from tidegate.deid.tables import kernels, labels, mending  # noqa: PLC0415 - numpy

    heads = np.arange(recoding.class_count)
    for merge in merges:
        heads[[*merge]] = merge[0]
    numbers = np.unique(heads, return_inverse=True)[1].astype(recoding.classes.dtype)
    classes = recoding.classes.copy()
    left = classes != SUPPRESSED
    classes[left] = numbers[classes[left]]
    spans = labels.span(table, classes, kernels.choose(compiled=False))
    return labels.publish(mending.mend(table, question.criteria, spans))
