"""`dataclass` and `NamedTuple` as in the standard library, with classes that are created faster.

The standard decorator compiles up to six functions for each class, which was a tenth of a check.
Here only `__init__` is compiled; the other methods are shared by all classes. The standard
`NamedTuple` compiles the string of every annotation.
"""

from __future__ import annotations

import dataclasses
from collections import namedtuple
from collections.abc import Callable, Collection
from operator import attrgetter
from reprlib import recursive_repr
from types import new_class
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for a type checker they are the standard ones
    from dataclasses import dataclass
    from typing import NamedTuple
else:
    import typing

    class _Tuples(type):
        def __new__(cls, name, bases, body):
            if not bases:
                return super().__new__(cls, name, bases, body)
            if len(bases) > 1 or "__annotations__" not in body:
                return new_class(
                    name, (typing.NamedTuple, *bases[1:]), {}, lambda to: to.update(body)
                )
            return _tuple_class(name, body)

    class NamedTuple(metaclass=_Tuples):
        """The base class of named tuples; annotations stay as they are written."""

    def dataclass(cls=None, /, **options):
        """The class decorator; its options are the standard ones."""
        if cls is None:
            return lambda decorated: _made(decorated, options)
        return _made(cls, options)


__all__ = ["NamedTuple", "dataclass"]

_KNOWN = {"frozen", "eq", "repr", "slots", "kw_only"}
_UNUSUAL = "InitVar"
"""A class with such an annotation is left to the standard decorator."""
_MISSING = dataclasses.MISSING
_standard = dataclasses.dataclass
_OMITTED = object()
"""The default of a parameter whose field has a default factory."""


def _tuple_class(name: str, body: dict[str, Any]) -> Any:
    fields = body["__annotations__"]
    defaults = [body[field] for field in fields if field in body]
    made: Any = namedtuple(name, fields, defaults=defaults, module=body["__module__"])  # type: ignore[misc]
    made.__annotations__ = fields
    for key, value in body.items():
        if key not in fields and key != "__annotations__":
            setattr(made, key, value)
    return made


def _made(cls: type, options: dict[str, Any]) -> Any:
    if not options.keys() <= _KNOWN or _UNUSUAL in str(vars(cls).get("__annotations__")):
        return _standard(**options)(cls)
    frozen = bool(options.get("frozen"))
    if cls.__doc__ is None:
        cls.__doc__ = cls.__name__  # the standard one would compute a signature
    own = frozenset(vars(cls))
    derived = frozen and any(_is_frozen(base) for base in cls.__mro__[1:])
    shape = {key: options[key] for key in ("slots", "kw_only") if key in options}
    made: Any = _standard(init=False, repr=False, eq=False, frozen=derived, **shape)(cls)
    if "__init__" not in own:
        made.__init__ = _init(made)
    if frozen:
        _freeze(made, own, slots=bool(options.get("slots")))
    if options.get("repr", True) and "__repr__" not in own:
        made.__repr__ = _repr
    if options.get("eq", True):
        _add_equality(made, own, hashable=frozen)
    return made


def _freeze(made: Any, own: Collection[str], *, slots: bool) -> None:
    """Attributes of instances can no longer be set, except by unpickling."""
    made.__dataclass_params__.frozen = True  # for classes derived from it
    made.__setattr__, made.__delattr__ = _refuse, _refuse
    if slots and not {"__getstate__", "__setstate__"} & set(own):
        made.__getstate__, made.__setstate__ = _state, _set_state


def _is_frozen(cls: type) -> bool:
    """Whether a class is a frozen dataclass, made here or by the standard decorator."""
    return bool(getattr(getattr(cls, "__dataclass_params__", None), "frozen", False))


def _init(cls: Any) -> Callable[..., None]:
    """The constructor, compiled as the standard one."""
    names: dict[str, Any] = {"_set": object.__setattr__, "_omitted": _OMITTED}
    by_place: list[str] = []
    by_name: list[str] = []
    body: list[str] = []
    for one in dataclasses.fields(cls):
        value = one.name
        if one.default_factory is not _MISSING:
            names[f"_make_{one.name}"] = one.default_factory
            value = f"_make_{one.name}()"
        if one.init:
            parameters = by_name if one.kw_only else by_place
            parameters.append(f"{one.name}{_default(one, names)}")
            if value != one.name:
                value = f"{value} if {one.name} is _omitted else {one.name}"
        elif value == one.name:
            if one.default is _MISSING or "__slots__" not in vars(cls):
                continue  # the default remains an attribute of the class
            names[f"_default_{one.name}"] = one.default
            value = f"_default_{one.name}"
        body.append(f" _set(self, {one.name!r}, {value})")
    if hasattr(cls, "__post_init__"):
        body.append(" self.__post_init__()")
    keyword = ["*", *by_name] if by_name else []
    head = f"def __init__({', '.join(['self', *by_place, *keyword])}):"
    exec("\n".join([head, *(body or [" pass"])]), names)  # noqa: S102  # names of fields only
    init: Callable[..., None] = names["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    init.__annotations__ = {one.name: one.type for one in dataclasses.fields(cls) if one.init}
    return init


def _default(one: dataclasses.Field[Any], names: dict[str, Any]) -> str:
    if one.default_factory is not _MISSING:
        return "=_omitted"
    if one.default is _MISSING:
        return ""
    names[f"_default_{one.name}"] = one.default
    return f"=_default_{one.name}"


def _refuse(self: object, name: str, *_: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, one.name) for one in dataclasses.fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for one, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, one.name, value)


@recursive_repr()
def _repr(self: Any) -> str:
    shown = (one.name for one in dataclasses.fields(self) if one.repr)
    values = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
    return f"{type(self).__qualname__}({values})"


def _add_equality(cls: Any, own: Collection[str], *, hashable: bool) -> None:
    """Comparison by the values of the fields, and a hash if `hashable`, unless the class defines
    them.
    """
    names = [one.name for one in dataclasses.fields(cls) if one.compare]
    values: Callable[[Any], Any] = attrgetter(*names) if names else lambda _: ()

    def equal(self: object, other: object) -> Any:
        return values(self) == values(other) if type(self) is type(other) else NotImplemented

    def hashed(self: object) -> int:
        return hash(values(self))

    if "__eq__" not in own:
        cls.__eq__ = equal
    if vars(cls).get("__hash__") is None:
        cls.__hash__ = hashed if hashable else None
