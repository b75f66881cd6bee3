"""Of a large table whole classes are attacked, and the rates do not fall by it."""

from dataclasses import replace

import numpy as np
import pytest

from tidegate.deid.attacks import drawing
from tidegate.deid.attacks.drawing import draw
from tidegate.deid.attacks.model import Past
from tidegate.deid.attacks.service import run
from tidegate.deid.tables.model import SUPPRESSED
from unit.deid.recoded import categories, numbers, recode, table_of

AGE, SEX = numbers("age", 60, 10, 30), categories("sex", "FM")


@pytest.fixture
def table():
    lot = np.random.default_rng(5)
    ages, sexes = lot.integers(0, 60, 900), lot.choice(["F", "M"], 900)
    return table_of([(AGE, ages), (SEX, sexes)], {"illness": lot.choice(["flu", "gout"], 900)})


@pytest.fixture
def release(table):
    """A release that leaves out one record in nine."""
    whole = recode(table, (1, 0))
    return replace(whole, classes=np.where(np.arange(900) % 9, whole.classes, SUPPRESSED))


@pytest.fixture
def is_large(monkeypatch):
    monkeypatch.setattr(drawing, "MOST_ATTACKED", 300)


def told(table, recoding):
    """Return what is published of every record, with its own values."""
    return sorted(
        (
            *(column.codes[row] for column in (*table.quasi, *table.sensitive)),
            *(texts[number] if number >= 0 else "" for texts in recoding.labels),
        )
        for row, number in enumerate(recoding.classes.tolist())
    )


def test_a_smaller_table_is_attacked_whole(table, release):
    past = Past((release.classes,))

    assert drawing.Drawn(table, release, past) == draw(table, release, past, 7)


@pytest.mark.usefixtures("is_large")
def test_classes_are_drawn_whole_and_each_record_keeps_what_is_published(table, release):
    drawn = draw(table, release, None, 7)

    sizes = np.bincount(drawn.recoding.classes[drawn.recoding.classes != SUPPRESSED])
    labels = list(zip(*drawn.recoding.labels, strict=True))
    counts = np.bincount(release.classes + 1)[1:].tolist()
    every = dict(zip(zip(*release.labels, strict=True), counts, strict=True))
    assert sizes.tolist() == [every[label] for label in labels]
    assert 300 <= sizes.sum() < 900
    assert sizes.sum() - sizes.max() < 300
    assert set(told(drawn.table, drawn.recoding)) <= set(told(table, release))
    assert drawn.recoding.losses.shape == (2, len(sizes))
    left = int((drawn.recoding.classes == SUPPRESSED).sum())
    assert 0 < left < 100


@pytest.mark.usefixtures("is_large")
def test_the_past_of_the_drawn_is_drawn_with_them(table, release):
    drawn = draw(table, release, Past((np.arange(900),)), 7)

    rows = drawn.past.classes[0]
    assert table.quasi[0].codes[rows].tolist() == drawn.table.quasi[0].codes.tolist()


@pytest.mark.usefixtures("is_large")
def test_the_same_seed_draws_the_same_and_another_one_others(table, release):
    first, again, other = (draw(table, release, None, seed).table.quasi[0] for seed in (7, 7, 8))

    assert first.codes.tolist() == again.codes.tolist() != other.codes.tolist()


@pytest.mark.usefixtures("is_large")
def test_attacks_on_drawn_classes_do_not_look_safer(table):
    release = recode(table, (1, 1))
    part = draw(table, release, None, 7)

    whole = {one.name: one for one in run(table, release, k=10, seed=7, sensitive=("illness",))}
    drawn = run(part.table, part.recoding, k=10, seed=7, sensitive=("illness",))

    assert {one.name for one in drawn} == set(whole)
    assert all(one.high >= whole[one.name].low for one in drawn)
