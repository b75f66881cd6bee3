"""Medical concepts behind words, so that "liver" finds a record written only in Chinese."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import field
from functools import cache
from importlib.resources import files

from tidegate.catalogue.words import fold, han_runs, latin_words
from tidegate.kernel.values import dataclass

_MOST_SEEN = 100_000


@dataclass(frozen=True, slots=True)
class Concepts:
    """Look concepts up by the words of either language."""

    broader: Mapping[str, tuple[str, ...]]
    latin: Mapping[str, tuple[str, ...]]
    beginnings: tuple[tuple[str, str], ...]
    han: Mapping[str, tuple[str, ...]]
    han_pattern: re.Pattern[str]
    seen: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def of_word(self, word: str) -> tuple[str, ...]:
        """Return the concepts one folded Latin word names."""
        if len(self.seen) > _MOST_SEEN:
            self.seen.clear()
        if word not in self.seen:
            self.seen[word] = self._look_up(word)
        return self.seen[word]

    def _look_up(self, word: str) -> tuple[str, ...]:
        singular = word.removesuffix("s")
        exact = self.latin.get(word) or self.latin.get(singular)
        if exact:
            return exact
        return tuple(name for start, name in self.beginnings if word.startswith(start))

    def of_run(self, run: str) -> tuple[str, ...]:
        """Return the concepts a Chinese run names, the longest terms only, left to right."""
        found = self.han_pattern.findall(run)
        return tuple(dict.fromkeys(name for term in found for name in self.han[term]))

    def in_text(self, folded: str) -> tuple[str, ...]:
        """Return every concept of a text with the broader ones, for the index."""
        return tuple(sorted(set(self._in_text(folded))))

    def _in_text(self, folded: str) -> Iterator[str]:
        narrow = [name for word in latin_words(folded) for name in self.of_word(word)]
        narrow += [name for run in han_runs(folded) for name in self.of_run(run)]
        for name in narrow:
            yield name
            yield from self.broader.get(name, ())


@cache
def concepts() -> Concepts:
    """Read the concepts that ship with Tidegate."""
    text = files("tidegate.catalogue").joinpath("concepts.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    latin: dict[str, tuple[str, ...]] = {}
    han: dict[str, tuple[str, ...]] = {}
    beginnings: list[tuple[str, str]] = []
    for name, entry in table.items():
        for term in entry["en"]:
            if term.endswith("*"):
                beginnings.append((term[:-1], name))
            else:
                latin[term] = (*latin.get(term, ()), name)
        for term in map(fold, entry["zh"]):
            han[term] = (*han.get(term, ()), name)
    longest_first = sorted(han, key=len, reverse=True)
    return Concepts(
        broader={name: tuple(entry.get("broader", ())) for name, entry in table.items()},
        latin=latin,
        beginnings=tuple(beginnings),
        han=han,
        han_pattern=re.compile("|".join(map(re.escape, longest_first))),
    )
