"""`dataclass` and `NamedTuple` as in the standard library, with classes that are created faster.

The standard decorator compiles six functions for each frozen class, which was a tenth of a check.
Here only `__init__` is compiled; the other methods are shared by all classes. The standard
`NamedTuple` compiles the string of every annotation.
"""

from __future__ import annotations

import dataclasses
from collections import namedtuple
from collections.abc import Callable
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

_KNOWN = {"frozen", "eq", "repr"}
_MISSING = dataclasses.MISSING
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
    if not options.get("frozen") or not options.keys() <= _KNOWN:
        return dataclasses.dataclass(**options)(cls)
    if cls.__doc__ is None:
        cls.__doc__ = cls.__name__  # the standard one would compute a signature
    derived = any(_is_frozen(base) for base in cls.__mro__[1:])
    made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, frozen=derived)(cls)
    made.__dataclass_params__.frozen = True  # for classes derived from it
    own = vars(made)
    if "__init__" not in own:
        made.__init__ = _init(made)
    made.__setattr__, made.__delattr__ = _refuse, _refuse
    if options.get("repr", True) and "__repr__" not in own:
        made.__repr__ = _repr
    if options.get("eq", True):
        _add_equality(made)
    return made


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
            continue  # the default remains an attribute of the class
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


@recursive_repr()
def _repr(self: Any) -> str:
    shown = (one.name for one in dataclasses.fields(self) if one.repr)
    values = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
    return f"{type(self).__qualname__}({values})"


def _add_equality(cls: Any) -> None:
    """Comparison and hash by the values of the fields, unless the class defines them."""
    names = [one.name for one in dataclasses.fields(cls) if one.compare]
    values: Callable[[Any], Any] = attrgetter(*names) if names else lambda _: ()

    def equal(self: object, other: object) -> Any:
        return values(self) == values(other) if type(self) is type(other) else NotImplemented

    def hashed(self: object) -> int:
        return hash(values(self))

    own = vars(cls)
    if own.get("__hash__") is None:
        cls.__hash__ = hashed
    if "__eq__" not in own:
        cls.__eq__ = equal
