"""The passage of a record that answers a search, with what was found marked."""

from collections.abc import Iterable

from tidegate.catalogue.model import Listing, Snippet
from tidegate.catalogue.words import fold, han_runs, latin_words
from tidegate.kernel.text import Language, Multilingual

_WIDTH = 180
_LEAD = 50
_SHORTEST_STEM = 4


def make_snippet(listing: Listing, text: str, language: Language) -> Snippet:
    """Cut the best passage of `listing` for the query, in the reader's language if it matches."""
    needles = _needles(text)
    passages = [passage for passage in _passages(listing, language) if passage]
    for passage in passages:
        marks = _marks(fold(passage), needles)
        if marks:
            return Snippet(_cut(passage, marks))
    first = passages[0] if passages else ""
    return Snippet(((_shorten(first), False),)) if first else Snippet(())


def _needles(text: str) -> tuple[str, ...]:
    folded = fold(text)
    words = (
        word.removesuffix("s") if len(word) > _SHORTEST_STEM else word
        for word in latin_words(folded)
    )
    return (*words, *han_runs(folded))


def _passages(listing: Listing, language: Language) -> Iterable[str]:
    yield listing.description.in_language(language)
    yield from _others(listing.description, language)
    yield "; ".join(keyword.in_language(language) for keyword in listing.keywords)
    yield ", ".join(listing.columns)


def _others(text: Multilingual, language: Language) -> Iterable[str]:
    return (words for tag, words in text.every() if tag is not language)


def _marks(folded: str, needles: Iterable[str]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for needle in needles:
        at = folded.find(needle)
        while at >= 0:
            end = at + len(needle)
            if not needle.isascii() or at == 0 or not folded[at - 1].isalnum():
                found.append((at, _word_end(folded, end) if needle.isascii() else end))
            at = folded.find(needle, end)
    return _merge(sorted(found))


def _word_end(folded: str, end: int) -> int:
    while end < len(folded) and folded[end].isascii() and folded[end].isalnum():
        end += 1
    return end


def _merge(marks: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in marks:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _cut(passage: str, marks: list[tuple[int, int]]) -> tuple[tuple[str, bool], ...]:
    begin = max(0, marks[0][0] - _LEAD)
    if begin:
        gap = passage.find(" ", begin, marks[0][0])
        begin = gap + 1 if gap >= 0 else begin
    stop = min(len(passage), begin + _WIDTH)
    pieces: list[tuple[str, bool]] = [("…", False)] if begin else []
    at = begin
    for start, end in marks:
        if end > stop:
            break
        pieces += [(passage[at:start], False), (passage[start:end], True)]
        at = end
    pieces.append((passage[at:stop] + ("…" if stop < len(passage) else ""), False))
    return tuple((words, marked) for words, marked in pieces if words)


def _shorten(text: str) -> str:
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1].rstrip() + "…"
