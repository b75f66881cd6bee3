"""An error has a kind, a code and words."""

from tidegate.kernel.errors import ConflictError, WithheldError


class TooFewPeopleError(WithheldError):
    """For this test."""


def test_the_code_is_the_class_name_unless_given():
    assert TooFewPeopleError("…").code == "too_few_people"
    assert TooFewPeopleError("…", code="cell_small").code == "cell_small"


def test_the_details_are_kept_for_translation():
    problem = ConflictError("Version 3 is archived.", version="3")

    assert problem.details == {"version": "3"}
    assert str(problem) == "Version 3 is archived."
