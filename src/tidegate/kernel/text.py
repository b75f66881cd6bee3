"""Text in the three languages of the region."""

import re
from enum import StrEnum

from tidegate.kernel.values import dataclass

_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls, but for tab and line ends
    "\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks that reorder the text (UAX 9 section 2)
    "\ud800-\udfff]"  # halves of characters
)


_WHOLE = re.compile("[0-9]{1,15}")


def has_hidden_characters(text: str) -> bool:
    """Tell whether a text holds characters that are not seen, or make others seen elsewhere."""
    return _HIDDEN.search(text) is not None


def without_hidden(text: str) -> str:
    """Return a text of somebody else without such characters."""
    return _HIDDEN.sub("", text)


def printable(text: str, most: int = 1000) -> str:
    """Return words of somebody else on one line, shortened, without what is not seen.

    Databases, screens, headers and logs mistake control characters and marks of order.
    """
    return "".join(one if one.isprintable() else " " for one in text[:most])


def whole_number(text: str) -> int | None:
    """Read a whole number somebody else wrote: ASCII digits, at most 15; None for anything else.

    Python reads digits of every script, calls some digits that it cannot read, and takes no more
    than 4,300 of them.
    """
    return int(text) if _WHOLE.fullmatch(text) else None


class Language(StrEnum):
    """A language of the screens, by its BCP 47 tag."""

    EN = "en"
    ZH_HANT = "zh-Hant"
    ZH_HANS = "zh-Hans"


@dataclass(frozen=True, slots=True)
class Multilingual:
    """One text in English, Traditional and Simplified Chinese; English is always there."""

    en: str
    zh_hant: str = ""
    zh_hans: str = ""

    def in_language(self, language: Language) -> str:
        """Return the text in `language`, or the nearest one there is."""
        if language is Language.ZH_HANT:
            return self.zh_hant or self.zh_hans or self.en
        if language is Language.ZH_HANS:
            return self.zh_hans or self.zh_hant or self.en
        return self.en

    def every(self) -> tuple[tuple[Language, str], ...]:
        """Return the languages this text is written in, with the text."""
        texts = (
            (Language.EN, self.en),
            (Language.ZH_HANT, self.zh_hant),
            (Language.ZH_HANS, self.zh_hans),
        )
        return tuple((language, text) for language, text in texts if text)
