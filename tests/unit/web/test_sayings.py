"""Groups, categories and lists as a reader of each language writes them."""

import pytest

from tidegate.kernel.text import Language
from tidegate.web.sayings import colon, listed, say_category, say_check, say_group

EN, HANT, HANS = Language.EN, Language.ZH_HANT, Language.ZH_HANS


@pytest.mark.parametrize(
    ("name", "language", "said"),
    [
        ("everyone", HANT, "所有人"),
        ("everyone · 30", HANS, "所有人 · 30"),
        ("yes", HANT, "是"),
        ("(other)", HANS, "（其他）"),
        ("(other)", EN, "(other)"),
        ("grade_2", HANT, "grade_2"),
        ("other", HANT, "other"),
        ("missing", HANS, "missing"),
    ],
)
def test_groups_of_results_are_said_and_categories_stay(name, language, said):
    assert said == say_group(name, language)


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        ("true", "boolean", "是"),
        ("False", "boolean", "否"),
        ("true", "string", "true"),
        ("(missing)", "string", "（缺失）"),
        ("20", "integer", "20"),
    ],
)
def test_categories_of_a_codebook_are_said_by_their_type(value, kind, said):
    assert said == say_category(value, kind, HANT)


def test_colons_and_lists_are_those_of_the_language():
    assert (": ", "：") == (colon(EN), colon(HANS))
    assert ("a, b", "a、b") == (listed(["a", "b"], EN), listed(["a", "b"], HANT))
    assert "nafld1：每行均可讀取" == say_check("nafld1: every row readable", HANT)
    assert "隔離 0 行" == say_check("0 quarantined", HANT)
