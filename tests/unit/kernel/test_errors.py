"""An error has a kind, a code and words."""

from tidegate.kernel.errors import LONGEST_WORDS, ConflictError, WithheldError


class TooFewPeopleError(WithheldError):
    """For this test."""


def test_the_code_is_the_class_name_unless_given():
    assert TooFewPeopleError("…").code == "too_few_people"
    assert TooFewPeopleError("…", code="cell_small").code == "cell_small"


def test_the_details_are_kept_for_translation():
    problem = ConflictError("Version 3 is archived.", version="3")

    assert problem.details == {"version": "3"}
    assert str(problem) == "Version 3 is archived."


def test_words_of_somebody_else_in_a_refusal_are_bounded_and_seen():
    long, hidden = "x" * 1_000_000, "a\x00b\u202ec\ud800"

    problem = ConflictError(f"No '{hidden}' but {long}", term=hidden)

    assert problem.message.startswith("No 'abc' but")
    assert len(str(problem)) <= LONGEST_WORDS
    assert problem.details == {"term": "abc"}
