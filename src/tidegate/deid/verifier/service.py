"""Verify a published table: read it anew, count everything, and compare with what is claimed.

Fail closed: what cannot be checked is refused, and the refusal says what it was.
"""

import hashlib
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path

from tidegate.deid.verifier.classes import Classes, Pairs, form_classes, pair_up
from tidegate.deid.verifier.criteria import Facts, columns_of, diverse_columns, exact, judge
from tidegate.deid.verifier.errors import (
    ClaimInvalidError,
    NotBorneOutError,
    PublishedUnreadableError,
)
from tidegate.deid.verifier.identifiers import find_identifiers, find_names_for_all
from tidegate.deid.verifier.model import Checked, Claim, Fault, Published, Verdict
from tidegate.deid.verifier.population import count_people, weigh_risks
from tidegate.deid.verifier.reading import Table, read_table
from tidegate.deid.verifier.spellings import unspelt


def verify(published: Published, claim: Claim) -> Verdict:
    """Count every guarantee again from the published file alone.

    Raises PublishedUnreadableError if the file cannot be read, ClaimInvalidError if something
    that is claimed cannot be checked. What is checked and wrong stands in the verdict's faults.
    """
    _check_claim(claim)
    table = read_table(published, claim.delimiter)
    _check_columns(table, claim)
    if not table.rows:
        raise PublishedUnreadableError(
            "The published table has no record, so there is nothing to verify.",
            code="published_empty",
        )
    classes = form_classes((table.column(name) for name in claim.quasi), table.rows)
    known = None
    if claim.population is not None:
        known = count_people(claim.population, claim.quasi, table, classes)
    risks = weigh_risks(classes.sizes, known)
    named = columns_of(claim.criteria)
    pairs = {name: pair_up(classes, table.column(name)) for name in named}
    meant = {name: _meant(table, classes, name, pairs) for name in diverse_columns(claim.criteria)}
    facts = Facts(classes, pairs, meant, risks, known)
    checked = tuple(judge(asked, facts) for asked in claim.criteria)
    digest = _digest(published)
    faults = (
        *_differences(table, digest, claim),
        *find_identifiers(table, claim.quasi, claim.pseudonyms),
        *find_names_for_all(table, (*claim.quasi, *claim.sensitive, *claim.pseudonyms, *named)),
        *(_unmet(one) for one in checked if not one.holds),
    )
    return Verdict(
        records=table.rows,
        classes=len(classes.sizes),
        smallest=int(classes.sizes.min()),
        largest=int(classes.sizes.max()),
        columns=table.names,
        sha256=digest,
        criteria=checked,
        risks=risks,
        faults=faults,
    )


def inspect(published: Published, claim: Claim) -> Verdict:
    """Count a table that has no quasi-identifiers: its columns, records and identifiers left.

    It may be empty. Raises PublishedUnreadableError if it cannot be read, ClaimInvalidError if
    quasi-identifiers are claimed after all.
    """
    if claim.quasi or claim.criteria:
        raise ClaimInvalidError(
            "The claim names quasi-identifiers or criteria; verify the table instead.",
            code="claim_roles",
        )
    table = read_table(published, claim.delimiter)
    digest = _digest(published)
    return Verdict(
        records=table.rows,
        classes=0,
        smallest=0,
        largest=0,
        columns=table.names,
        sha256=digest,
        criteria=(),
        risks=(),
        faults=(
            *_differences(table, digest, claim),
            *find_identifiers(table, (), claim.pseudonyms),
        ),
    )


def require(verdict: Verdict) -> Verdict:
    """Return the verdict if all holds.

    Raises NotBorneOutError with the code and words of the first fault.
    """
    if verdict.faults:
        first, more = verdict.faults[0], len(verdict.faults) - 1
        words = f" ({more} more)" if more else ""
        raise NotBorneOutError(f"{first.words}{words}", code=first.code)
    return verdict


def _check_claim(claim: Claim) -> None:
    if not claim.quasi or not claim.criteria:
        raise ClaimInvalidError(
            "A claim names quasi-identifiers and at least one criterion; without them nothing "
            "is verified.",
            code="claim_empty",
        )
    if len({*claim.quasi}) != len(claim.quasi) or {*claim.quasi} & {*claim.sensitive}:
        raise ClaimInvalidError(
            "A column is named twice as a quasi-identifier, or as both quasi-identifier and "
            "sensitive; claim it once.",
            code="claim_roles",
        )
    if not 0 <= exact(claim.suppression, "suppression") <= 1:
        raise ClaimInvalidError("suppression is a share, 0 to 1.", code="number_malformed")


def _check_columns(table: Table, claim: Claim) -> None:
    asked = (*claim.quasi, *claim.sensitive, *columns_of(claim.criteria))
    lacking = [name for name in asked if name not in table.names]
    if lacking:
        raise ClaimInvalidError(
            f"The published table has no column {lacking[0]}, which the claim is about.",
            code="column_missing",
        )


def _meant(table: Table, classes: Classes, name: str, pairs: Mapping[str, Pairs]) -> Pairs:
    column = table.column(name)
    plain = unspelt(column)
    return pairs[name] if plain is column else pair_up(classes, plain)


def _digest(published: Published) -> str:
    if not isinstance(published, Path):
        return ""
    with published.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _differences(table: Table, digest: str, claim: Claim) -> Iterator[Fault]:
    if claim.sha256 and digest != claim.sha256:
        yield Fault("other_bytes", "The file's SHA-256 is not the one that is claimed.")
    if table.names != claim.columns:
        yield Fault(
            "other_columns", "The published columns, or their order, are not the claimed ones."
        )
    if table.rows + claim.suppressed != claim.received or claim.suppressed < 0:
        yield Fault(
            "records_lost",
            f"{table.rows} published and {claim.suppressed} suppressed records are not the "
            f"{claim.received} received.",
        )
    left_out = claim.received - table.rows
    if Fraction(left_out) > exact(claim.suppression, "suppression") * claim.received:
        yield Fault(
            "suppression_exceeded",
            f"{left_out} of {claim.received} records are left out, more than the share of "
            f"{claim.suppression} that is allowed.",
        )


def _unmet(one: Checked) -> Fault:
    about = f" of {one.column}" if one.column else ""
    return Fault(
        f"unmet_{one.criterion}",
        f"{one.criterion}{about} was to be {one.asked}; the published file has {one.achieved}.",
    )
