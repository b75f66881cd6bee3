"""A recipe is data: read strictly, written canonically, compared place by place, proposed."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from tidegate.deid.errors import RecipeInvalidError
from tidegate.deid.recipe import service
from unit.deid.recipe.test_recipe import WRITTEN, read, written

values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 20) | st.floats(-1, 2) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)


@given(st.sampled_from(sorted(WRITTEN)), values)
def test_any_value_anywhere_is_read_whole_or_refused(key, value):
    with suppress(RecipeInvalidError):
        recipe = read(written(**{key: value}))

        assert recipe == service.read(service.write(recipe).decode())
