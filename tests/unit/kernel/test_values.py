"""A value class does all that the standard library's data class does, and is made faster."""

import copy
import dataclasses
import inspect
import pickle
from dataclasses import FrozenInstanceError, field
from typing import Any, Generic, TypeVar

import msgspec
import pytest

from tidegate.kernel import values

T = TypeVar("T")


@values.dataclass(frozen=True, slots=True)
class Point:
    """A place."""

    x: int
    y: int = 0
    names: tuple[str, ...] = ()
    seen: list[str] = field(default_factory=list, compare=False)
    secret: str = field(default="s", repr=False)

    def moved(self, by: int) -> "Point":
        """Return the place further on."""
        return dataclasses.replace(self, x=self.x + by)


@values.dataclass(frozen=True, slots=True)
class Tagged(Point):
    """A place with a tag."""

    tag: str = ""


@values.dataclass(frozen=True, slots=True)
class Box(Generic[T]):
    content: T


@values.dataclass(frozen=True, slots=True)
class Nothing:
    """No field at all."""


@values.dataclass(slots=True)
class Tally:
    """What may change."""

    count: int = 0


@values.dataclass(frozen=True, slots=True, eq=False)
class Even:
    """A number that is checked when it is made."""

    number: int

    def __post_init__(self) -> None:
        if self.number % 2:
            raise ValueError("odd")


@dataclasses.dataclass(frozen=True, slots=True)
class Standard:
    """The same as Point, made by the standard library."""

    x: int
    y: int = 0
    names: tuple[str, ...] = ()
    seen: list[str] = field(default_factory=list, compare=False)
    secret: str = field(default="s", repr=False)


def test_it_is_made_by_position_by_name_and_by_default() -> None:
    one = Point(1, y=2)
    assert (one.x, one.y, one.names, one.seen, one.secret) == (1, 2, (), [], "s")
    assert one.seen is not Point(1).seen
    assert repr(one) == "Point(x=1, y=2, names=(), seen=[])"


@pytest.mark.parametrize("wrong", [{}, {"x": 1, "z": 2}])
def test_wrong_names_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        Point(**wrong)


def test_equality_and_hash_follow_the_compared_fields_and_the_class() -> None:
    assert Point(1, seen=["a"]) == Point(1, seen=["b"])
    assert Point(1) != Point(2)
    assert Point(1) != Standard(1)
    assert Point(1) != Tagged(1)
    assert len({Point(1), Point(1), Tagged(1), Nothing(), Nothing(), Box(1)}) == 4
    assert Even(2) != Even(2)
    with pytest.raises(TypeError):
        hash(Tally())


def test_a_frozen_one_stays_as_it_is_and_an_open_one_does_not() -> None:
    for act in (
        lambda: setattr(Point(1), "x", 2),
        lambda: delattr(Point(1), "x"),
        lambda: setattr(Tagged(1), "other", 2),
    ):
        with pytest.raises(FrozenInstanceError):
            act()
    tally = Tally()
    tally.count += 1
    assert tally == Tally(1)
    assert not hasattr(tally, "__dict__")


def test_the_standard_tools_work_on_it() -> None:
    one = Tagged(1, 2, ("a",), tag="t")
    assert [each.name for each in dataclasses.fields(one)] == [
        "x",
        "y",
        "names",
        "seen",
        "secret",
        "tag",
    ]
    assert dataclasses.asdict(Point(1)) == dataclasses.asdict(Standard(1))
    assert one.moved(2) == Tagged(3, 2, ("a",), tag="t")
    for again in (copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert again == one
    assert msgspec.convert({"x": 1, "names": ["n"]}, Point) == Point(1, 0, ("n",))
    assert msgspec.to_builtins(Box("b")) == {"content": "b"}
    match one:
        case Point(x, y):
            assert (x, y) == (1, 2)


def test_its_signature_can_be_read_before_and_after_the_first_is_made() -> None:
    @values.dataclass(frozen=True, slots=True)
    class Fresh:
        x: int
        y: str = "y"

    assert (
        str(inspect.signature(Fresh))
        == str(inspect.signature(Fresh))
        == "(x: int, y: str = 'y') -> None"
    )
    assert Fresh(1).__init__.__qualname__.endswith("Fresh.__init__")
    assert Fresh.__doc__ is None


def test_it_is_checked_when_made_and_its_own_methods_stay() -> None:
    with pytest.raises(ValueError, match="odd"):
        Even(1)

    @values.dataclass(frozen=True, slots=True)
    class Named:
        """Says its name its own way."""

        name: str

        def __repr__(self) -> str:
            return self.name

        def __hash__(self) -> int:
            return 7

    assert (repr(Named("n")), hash(Named("n"))) == ("n", 7)


def test_a_field_that_is_not_given_is_set_by_its_default_or_afterwards() -> None:
    @values.dataclass(slots=True)
    class Sides:
        start: str
        ours: str = field(init=False)
        steps: list[str] = field(init=False, default_factory=list)
        count: int = field(init=False, default=3)

        def __post_init__(self) -> None:
            self.ours = self.start

    assert repr(Sides("s")).endswith("Sides(start='s', ours='s', steps=[], count=3)")
    with pytest.raises(TypeError):
        Sides("s", "o")


def test_what_it_has_not_is_refused() -> None:
    with pytest.raises(TypeError):
        values.dataclass(frozen=True)(Nothing)
    with pytest.raises(TypeError):
        values.dataclass(frozen=True, slots=True, order=True)
    with pytest.raises(TypeError, match="more than a value class has"):

        @values.dataclass(frozen=True, slots=True)
        class Odd:
            x: int = field(default=1, kw_only=True)

    with pytest.raises(ValueError, match="mutable default"):

        @values.dataclass(frozen=True, slots=True)
        class Shared:
            x: list[int] = []  # noqa: RUF012 - the mistake under test


def test_its_methods_are_shared_and_the_first_made_compiles_init() -> None:
    @values.dataclass(frozen=True, slots=True)
    class Fresh:
        x: int

    for name in ("__eq__", "__hash__", "__repr__"):
        assert vars(Fresh)[name].__code__ is vars(Point)[name].__code__
    assert not inspect.isfunction(vars(Fresh)["__init__"])
    assert Fresh(1).x == 1
    assert inspect.isfunction(vars(Fresh)["__init__"])
