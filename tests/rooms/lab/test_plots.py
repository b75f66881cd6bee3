"""Results drawn in three languages."""

import pytest

from tidegate.kernel.text import Language
from tidegate.lab.model import (
    CountResult,
    CrossTableResult,
    Curve,
    Heading,
    Shield,
    Step,
    SurvivalResult,
)
from tidegate.lab.plots import render_svg

SHIELD = Shield(10, 5, 10)
SEX = Heading("male", "Sex", "性別", "性别", ("0", "1"))
RESULTS = {
    "People in the cohort": CountResult(400, SHIELD),
    "People in the cohort, by group": CountResult(400, SHIELD, SEX, (215, None)),
    "People by two variables": CrossTableResult(
        SEX, SEX, ((10, None), (None, 20)), (None, None), (None, None), 60, SHIELD
    ),
    "Without the event": SurvivalResult(
        (Curve("everyone", 100, (Step(30, 100, 10, 9000),)), Curve("x", None)), 30, SHIELD
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(("title", "result"), RESULTS.items(), ids=RESULTS)
def test_every_result_has_a_drawing_with_its_title(title, result):
    svg = render_svg(result).decode()

    assert svg.startswith("<svg")
    assert title in svg
    assert "<script" not in svg


@pytest.mark.parametrize(
    ("language", "word"), [(Language.ZH_HANT, "隱藏"), (Language.ZH_HANS, "隐藏")]
)
def test_a_hidden_number_is_said_in_the_readers_language(language, word):
    assert word in render_svg(RESULTS["People in the cohort, by group"], language).decode()
