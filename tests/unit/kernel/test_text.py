"""A text is shown in the reader's language, or the nearest there is."""

import pytest

from tidegate.kernel.text import Language, Multilingual


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        (Multilingual("liver", "肝臟", "肝脏"), Language.ZH_HANT, "肝臟"),
        (Multilingual("liver", "肝臟", "肝脏"), Language.ZH_HANS, "肝脏"),
        (Multilingual("liver", "", "肝脏"), Language.ZH_HANT, "肝脏"),
        (Multilingual("liver", "肝臟"), Language.ZH_HANS, "肝臟"),
        (Multilingual("liver"), Language.ZH_HANT, "liver"),
        (Multilingual("liver", "肝臟"), Language.EN, "liver"),
    ],
)
def test_in_language(text, language, expected):
    assert expected == text.in_language(language)


def test_every_lists_only_what_is_written():
    assert Multilingual("liver", "", "肝脏").every() == (
        (Language.EN, "liver"),
        (Language.ZH_HANS, "肝脏"),
    )
