"""Text in the three languages of the region."""

from dataclasses import dataclass
from enum import StrEnum


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
