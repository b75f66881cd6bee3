"""A text is shown in the reader's language, or the nearest there is."""

import pytest

from tidegate.kernel.text import Language, Multilingual, printable, whole_number


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("007", 7),
        ("9" * 15, 10**15 - 1),
        ("9" * 16, None),
        ("9" * 5000, None),
        ("", None),
        ("-1", None),
        ("1.0", None),
        ("²", None),  # a digit by its name, but no number
        ("٣", None),
        ("1\n", None),
    ],
)
def test_a_number_of_somebody_else_is_short_and_of_ascii_digits(text, expected):
    assert whole_number(text) == expected


def test_words_of_somebody_else_are_one_short_line_that_shows_everything():
    assert printable("a\r\nSet-Cookie: x\x00\u202e") == "a  Set-Cookie: x  "
    assert printable("肝" * 5000, 100) == "肝" * 100
