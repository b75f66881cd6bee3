"""Folding, pairs, concepts, snippets."""

import pytest

from rooms.catalogue.records import HOSPITAL
from tidegate.catalogue.concepts import concepts
from tidegate.catalogue.model import Listing, Visibility
from tidegate.catalogue.snippets import make_snippet
from tidegate.catalogue.words import fold, han_runs, latin_words
from tidegate.kernel.text import Language, Multilingual


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("肝臟", "肝脏"),
        ("衞生", "卫生"),
        ("心電圖", "心电图"),
        ("ＣＴ檢查", "ct检查"),
        ("LIVER", "liver"),
    ],
)
def test_scripts_width_and_case_are_folded(text, folded):
    assert folded == fold(text)


def test_runs_and_words_are_told_apart():
    assert han_runs("肝 ct检查") == ("肝", "检查")
    assert ("ct", "x-ray"[:1], "ray") == latin_words("ct x-ray")


def test_the_longest_term_names_the_concept():
    assert concepts().of_run("乙型肝炎") == ("hepatitis",)
    assert concepts().of_run("非酒精性脂肪肝") == ("fatty_liver",)


def test_a_text_has_its_concepts_and_the_broader_ones():
    assert concepts().in_text("nafld") == ("fatty_liver", "liver")


def test_every_concept_has_words_in_both_languages_and_known_broader_ones():
    book = concepts()
    names = {name for group in (*book.latin.values(), *book.han.values()) for name in group}

    assert set(book.broader) == names
    assert all(one in names for broader in book.broader.values() for one in broader)


def make_listing(description):
    return Listing(
        "ds", HOSPITAL, True, Multilingual("T"), description, (), "", (), 0, ("age",),
        Visibility.OFFERED,
    )  # fmt: skip


def test_a_long_passage_is_cut_around_the_first_match():
    text = "word " * 60 + "spleen " + "word " * 60

    pieces = make_snippet(make_listing(Multilingual(text)), "spleens", Language.EN).pieces

    assert ("spleen", True) in pieces
    assert pieces[0][0] == "…"
    assert sum(len(words) for words, _ in pieces) < 220


def test_a_match_inside_a_latin_word_is_not_marked():
    pieces = make_snippet(make_listing(Multilingual("a sage age")), "age", Language.EN).pieces

    assert pieces == (("a sage ", False), ("age", True))


def test_without_a_match_the_description_begins():
    pieces = make_snippet(make_listing(Multilingual("x" * 300)), "spleen", Language.EN).pieces

    assert len(pieces[0][0]) == 180


def test_another_language_answers_when_the_readers_does_not():
    listing = make_listing(Multilingual("Nothing", "脾臟"))

    assert make_snippet(listing, "脾脏", Language.EN).pieces == (("脾臟", True),)
