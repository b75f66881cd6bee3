"""What a published file alone does not tell: criteria about a population, and earlier releases.

The report names both by their SHA-256, so that a table is verified with what it was published with.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tidegate.deid.releases import folder
from tidegate.deid.releases.service import check
from tidegate.deid.reports.documents import Claimed, read_covers
from tidegate.deid.reports.errors import ReportUnreadableError
from tidegate.deid.reports.model import Besides
from tidegate.deid.verifier.model import Population, Verdict
from tidegate.kernel.canonical import sha256_hex


def people_of(claimed: Claimed, besides: Besides) -> Population | None:
    """Return the population, if it was given whole.

    Raises ReportUnreadableError if one of the two files is lacking, or is another one than the
    table was published with, or the table was published without any.
    """
    if besides.population is None and besides.covers is None:
        return None
    if not claimed.population:
        raise ReportUnreadableError(
            "The report's table was published without a population; leave --population and"
            " --covers away.",
            code="population_not_claimed",
        )
    if besides.population is None or besides.covers is None:
        lacking = "--population" if besides.population is None else "--covers"
        raise ReportUnreadableError(
            f"A population is given as two files, its people and what each label covers: name"
            f" {lacking} too.",
            code="population_half",
        )
    covers = _same(besides.covers, claimed.population["covers_sha256"], "--covers")
    _same(besides.population, claimed.population["sha256"], "--population")
    trees = read_covers(covers)
    return Population(besides.population, trees, delimiter=claimed.population["delimiter"])


def _same(path: Path, sha256: str, option: str) -> bytes:
    content = path.read_bytes()
    if sha256_hex(content) != sha256:
        raise ReportUnreadableError(
            f"{path} is not the file that was named with {option} when the table was published;"
            f" name the one with SHA-256 {sha256}.",
            code="population_other",
        )
    return content


def check_releases(claimed: Claimed, verdict: Verdict, besides: Besides) -> Iterator[str]:
    """Yield what is wrong with the table beside the releases before it.

    Raises MembershipInvalidError, MembershipCorruptError or ReleasesBusyError.
    """
    if not claimed.releases or besides.releases is None:
        return
    key = folder.derive(besides.key)
    with folder.opened(besides.releases):
        kept = folder.read_all(besides.releases, key)
    number, k = claimed.releases["number"], claimed.releases["k"]
    own = next((one for one in kept if one.number == number), None)
    if own is None or own.table != verdict.sha256:
        yield f"{besides.releases} does not keep this table as release {number}."
        return
    sizes = Counter(own.membership.classes.values()).values()
    are_finer = (  # a centre may be published by two classes, which then count as one
        len(sizes) >= verdict.classes
        and min(sizes, default=0) <= verdict.smallest
        and max(sizes, default=0) <= verdict.largest
    )
    if sum(sizes) != verdict.records or not are_finer:
        yield f"Release {number} is kept with other classes than the table has."
    beside = check([one.membership for one in kept[: number - 1]], own.membership, k)
    if not beside.holds:
        yield beside.reason


def left_open(claimed: Claimed, besides: Besides) -> tuple[str, ...]:
    """Return what could not be verified, each a sentence that says what to name."""
    found = []
    if claimed.claim.population is None and (claimed.unverifiable or claimed.population):
        about = ", ".join(dict.fromkeys((*claimed.unverifiable, "risks")))
        found.append(_about_people(about, claimed))
    if claimed.releases and besides.releases is None:
        found.append(
            f"This is release {claimed.releases['number']} of a table that grows; that it may stand"
            " beside those before it takes the folder they are kept in: name it with --releases,"
            " and its key with --key-file."
        )
    return tuple(found)


def _about_people(about: str, claimed: Claimed) -> str:
    words = f"{about}: about a population, and cannot be verified from the file alone."
    if not claimed.population:
        return f"{words} The report does not say which; publish again with this version."
    return (
        f"{words} Name the people's file with --population (SHA-256"
        f" {claimed.population['sha256']}) and what each label covers in it with --covers (SHA-256"
        f" {claimed.population['covers_sha256']}), the files that stood at those options when the"
        " table was published. If no --covers was written then, publish again with it."
    )
