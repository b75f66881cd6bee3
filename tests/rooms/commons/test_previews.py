"""What a steward is shown of a recipe before it is run."""

from fractions import Fraction

import pytest

from rooms.commons.commons_world import COMMITTEE, RESEARCHER, STEWARD
from tidegate.access.errors import RoleMissingError
from tidegate.commons.errors import PreviewBusyError
from tidegate.commons.previews.service import AT_ONCE, PreviewService
from tidegate.deid.errors import NotAnonymousError, RecipeInvalidError
from tidegate.deid.previews.model import BarKind
from tidegate.kernel.machine import IllegalMoveError


@pytest.fixture
def previews(commons):
    return PreviewService(
        commons.ground.journal,
        vault=commons.vault,
        deid=commons.deidentification._deid,
        catalogue=commons.catalogue,
    )


def test_a_preview_shows_both_recipes_in_groups_and_writes_nothing(commons, previews):
    version = commons.classified(400)
    before = commons.events()

    seen = previews.preview(version, {"k": 20, "suppression": "0.05"}, by=STEWARD)

    assert (400, 400, "people") == (seen.records, seen.looked_at, seen.table)
    assert 20 == seen.fewest
    assert seen.edited.smallest >= 20 > seen.usual.k == 11
    assert seen.edited.published + seen.edited.suppressed == 400
    assert Fraction(1, seen.edited.smallest) == Fraction(seen.edited.risk_max)
    assert all(one.holds for one in (*seen.edited.criteria, *seen.usual.criteria))
    assert float(seen.edited.loss) >= float(seen.usual.loss)
    assert commons.events() == before


def test_a_preview_tells_of_no_few_people(commons, previews):
    version = commons.classified(400)

    seen = previews.preview(version, {}, by=STEWARD)

    for column in (*seen.edited.columns, *seen.usual.columns):
        for bars in (column.before, column.after):
            assert all(one.records is None or one.records >= seen.fewest for one in bars)
            pooled = [one for one in bars if one.kind is BarKind.POOLED]
            assert len(pooled) <= 1
        assert sum(one.records for one in column.before) == 400
    assert not any(f"P{n:05d}" in repr(seen) or "Chan" in repr(seen) for n in range(3))


def test_the_curve_never_falls_much_and_has_the_recipes_own_k(commons, previews):
    seen = previews.preview(commons.classified(400), {"k": 13}, by=STEWARD).edited

    points = {one.k: one.loss for one in seen.curve}
    assert seen.loss == points[13]
    assert float(points[2]) < float(points[13]) < float(points[100])


def test_what_cannot_be_reached_is_said(commons, previews):
    version = commons.classified(30)

    with pytest.raises(NotAnonymousError):
        previews.preview(version, {"k": 31}, by=STEWARD)
    seen = previews.preview(version, {"k": 5}, by=STEWARD)
    assert "" in {one.loss for one in seen.edited.curve if one.k > 30}


def test_the_differences_name_what_was_changed_and_nothing_else(commons, previews):
    version = commons.classified(200)
    changed = {
        "k": 5,
        "columns": {
            "people.bmi": {"role": "quasi_identifier", "publish": "label"},
            "visits.value": {"role": "other", "action": "remove"},
        },
    }

    seen = previews.preview(version, changed, by=STEWARD)

    found = {one.where: (one.before, one.after) for one in seen.differences}
    assert ('{"k":11}', '{"k":5}') == found["criteria.k_anonymity"]
    assert ("keep", "remove") == found["columns.visits.value.action"]
    assert ("1/11", "1/5") == found["threshold"]
    assert all(
        name == "threshold"
        or name.startswith(("criteria.", "columns.people.bmi.", "columns.visits."))
        for name in found
    )


def test_an_unsafe_recipe_and_a_misread_one_are_refused(commons, previews):
    version = commons.classified(60)
    kept = {"columns": {"people.hkid": {"role": "other", "action": "keep"}}}

    with pytest.raises(RecipeInvalidError) as unsafe:
        previews.preview(version, kept, by=STEWARD)
    assert "recipe_unsafe" == unsafe.value.code
    with pytest.raises(RecipeInvalidError):
        previews.preview(version, {"columns": {"people.nobody": {}}}, by=STEWARD)


def test_only_a_steward_looks_and_only_while_it_may_be_deidentified(commons, previews):
    version = commons.classified(60)
    for stranger in (RESEARCHER, COMMITTEE):
        with pytest.raises(RoleMissingError):
            previews.preview(version, {}, by=stranger)
        with pytest.raises(RoleMissingError):
            previews.propose(version, by=stranger)
    with pytest.raises(IllegalMoveError):
        previews.preview(commons.stored(60), {}, by=STEWARD)


def test_no_more_than_a_few_look_at_a_time(commons, previews):
    version = commons.classified(60)
    for _ in range(AT_ONCE):
        assert previews._free.acquire(blocking=False)

    with pytest.raises(PreviewBusyError):
        previews.preview(version, {}, by=STEWARD)
    previews._free.release()
    assert previews.preview(version, {}, by=STEWARD).records == 60


def test_a_role_comes_with_its_reason_and_what_the_column_looks_like(commons, previews):
    proposed = previews.propose(commons.classified(60), by=STEWARD)

    columns = {one.column: one for one in proposed.columns}
    assert ("direct_identifier", "remove", "codebook") == (
        columns["people.hkid"].role,
        columns["people.hkid"].action,
        columns["people.hkid"].reason,
    )
    assert "direct_identifier" == columns["people.hkid"].seen
    assert columns["people.hkid"].seen_reason in {"name", "values"}
    assert "tidegate-deid-version/1" == proposed.recipe["format"]
    assert set(columns) == set(proposed.recipe["columns"])
