"""Value classes: `@dataclass(frozen=True, slots=True)` that costs a start nothing.

The standard library writes seven methods of every data class as text and compiles them when the
module is imported: about a millisecond a class, and a node has hundreds. Here the methods are
shared, and `__init__`, which must name the fields, is compiled when it is first asked for.
Everything else is the standard library's: `fields`, `replace`, `asdict`, `field(default=…,
default_factory=…, init=…, repr=…, compare=…)`, `__post_init__`, matching by position, inheritance.
Type checkers see `dataclasses.dataclass` itself; what it has and this has not raises TypeError.
"""

import dataclasses
from collections.abc import Callable, Iterable
from operator import attrgetter
from types import MethodType
from typing import TYPE_CHECKING, Any, NoReturn

__all__ = ["dataclass"]

_MADE_ANEW = {"__slots__", "__dict__", "__weakref__"}
_NOT_GIVEN: Any = object()


def _value_class(
    *, slots: bool, frozen: bool = False, eq: bool = True
) -> Callable[[type[Any]], type[Any]]:
    if not slots:
        raise TypeError("A value class has slots; write slots=True.")

    def decorate(cls: type[Any]) -> type[Any]:
        _describe(cls, frozen=frozen, eq=eq)
        return _with_slots(cls, _methods(cls, frozen=frozen, eq=eq))

    return decorate


def _describe(cls: type[Any], *, frozen: bool, eq: bool) -> None:
    """Let the standard library find and check the fields, and write no method."""
    is_heir = any(dataclasses.is_dataclass(base) for base in cls.__bases__)
    words = cls.__doc__
    cls.__doc__ = words or cls.__name__  # without one it writes the signature, which takes long
    find = dataclasses.dataclass  # noqa: TID251 - for the fields alone
    find(init=False, repr=False, eq=False, frozen=frozen and is_heir)(cls)
    cls.__doc__ = words
    cls.__dataclass_params__.frozen, cls.__dataclass_params__.eq = frozen, eq
    if any(one.kw_only or one.hash is not None for one in dataclasses.fields(cls)):
        raise TypeError(f"{cls.__name__} asks for more than a value class has.")


def _methods(cls: type[Any], *, frozen: bool, eq: bool) -> dict[str, Any]:
    """Return the methods the class gets; what its body defines stays."""
    every, own = dataclasses.fields(cls), cls.__dict__
    made: dict[str, Any] = {"__init__": _Init()}
    made["__repr__"] = _shown(tuple(one.name for one in every if one.repr))
    if eq:
        key = _key_of(tuple(one.name for one in every if one.compare))
        made["__eq__"] = _equal(key)
        made["__hash__"] = _hashed(key) if frozen else None
    given = {name: method for name, method in made.items() if own.get(name) is None}
    if frozen:
        given |= {"__setattr__": _refuse_setting, "__delattr__": _refuse_deleting}
        given |= {"__getstate__": _state, "__setstate__": _restore}
    return given


def _with_slots(cls: type[Any], methods: dict[str, Any]) -> type[Any]:
    """Make the class once more, with a slot for each field: slots cannot be added to a class."""
    names = [one.name for one in dataclasses.fields(cls)]
    bases = (base.__dict__.get("__slots__", ()) for base in cls.__mro__[1:-1])
    inherited = {
        slot for slots in bases for slot in ((slots,) if isinstance(slots, str) else slots)
    }
    body = {
        name: value
        for name, value in cls.__dict__.items()
        if name not in _MADE_ANEW and name not in names
    }
    body["__slots__"] = tuple(name for name in names if name not in inherited)
    metaclass: Callable[..., type[Any]] = type(cls)
    made = metaclass(cls.__name__, cls.__bases__, body | methods)
    made.__qualname__ = cls.__qualname__
    return made


class _Init:
    """Stands for `__init__` until somebody asks for it, and then puts the real one there."""

    __slots__ = ("_owner",)

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._owner = owner

    def __get__(self, instance: object, owner: object = None) -> Any:
        real = _compiled(self._owner)
        type.__setattr__(self._owner, "__init__", real)
        return real if instance is None else MethodType(real, instance)


def _compiled(cls: type[Any]) -> Callable[..., None]:
    """Return `__init__(self, …)` as the fields of `cls` ask for it."""
    known: dict[str, Any] = {"_NOT_GIVEN": _NOT_GIVEN}
    parameters, lines = ["self"], []
    for one in dataclasses.fields(cls):
        name = value = one.name
        known[f"_set_{name}"] = getattr(cls, name).__set__  # of the slot: frozen or not
        given = name
        if one.default is not dataclasses.MISSING:
            known[f"_default_{name}"] = one.default
            given = f"{name}=_default_{name}"
            value = name if one.init else f"_default_{name}"
        elif one.default_factory is not dataclasses.MISSING:
            known[f"_make_{name}"] = one.default_factory
            given = f"{name}=_NOT_GIVEN"
            made_now = f"_make_{name}()"
            value = f"{made_now} if {name} is _NOT_GIVEN else {name}" if one.init else made_now
        elif not one.init:  # __post_init__ sets it
            continue
        parameters += [given] if one.init else []
        lines.append(f" _set_{name}(self, {value})")
    if hasattr(cls, "__post_init__"):
        lines.append(" self.__post_init__()")
    text = f"def __init__({', '.join(parameters)}):\n" + "\n".join(lines or [" pass"])
    exec(text, known)  # noqa: S102 - the names of fields, as the standard library does it
    made: Callable[..., None] = known["__init__"]
    made.__qualname__, made.__module__ = f"{cls.__qualname__}.__init__", cls.__module__
    made.__annotations__ = {one.name: one.type for one in dataclasses.fields(cls) if one.init}
    made.__annotations__["return"] = None
    return made


def _key_of(names: tuple[str, ...]) -> Callable[[Any], Any]:
    """Return what tells two instances apart by the values of these fields."""
    if not names:
        return lambda _: ()
    return attrgetter(*names)


def _equal(key: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    def __eq__(self: Any, other: Any) -> Any:  # noqa: N807 - becomes the class's
        if other.__class__ is self.__class__:
            return key(self) == key(other)
        return NotImplemented

    return __eq__


def _hashed(key: Callable[[Any], Any]) -> Callable[[Any], int]:
    def __hash__(self: Any) -> int:  # noqa: N807 - becomes the class's
        return hash(key(self))

    return __hash__


def _shown(names: Iterable[str]) -> Callable[[Any], str]:
    def __repr__(self: Any) -> str:  # noqa: N807 - becomes the class's
        said = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{self.__class__.__qualname__}({said})"

    return __repr__


def _refuse_setting(_self: object, name: str, _value: object) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deleting(_self: object, name: str) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, one.name) for one in dataclasses.fields(self)]


def _restore(self: Any, state: list[Any]) -> None:
    for one, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, one.name, value)


if TYPE_CHECKING:
    from dataclasses import dataclass  # noqa: TID251 - what it stands for
else:
    dataclass = _value_class
