"""The base class of the components of plugins: `modelspec.Component`."""

from collections.abc import Iterator
from inspect import get_annotations
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel

from modelspec.core.plugins.declared import KerasDeclared
from modelspec.core.registry import Registry
from modelspec.core.settings import Settings

from .plugin_kinds import KINDS, unknown_kind
from .setting_types import Component as AnyComponent

if TYPE_CHECKING:  # type checkers need the name of the metaclass, which is private
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)


class ByKind(ModelMetaclass):
    """Adds the base class of the kind that a class names: `class Tempered(Component,
    kind="activation")`.
    """

    def __new__(
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any
    ) -> Any:
        kind = _kind_of(namespace, options)
        found = KINDS.get(kind) if isinstance(kind, str) else None
        if found is not None and not any(issubclass(one, found.settings) for one in bases):
            bases = (*bases, found.settings)
        with_inherited_types(namespace, bases)
        cls: Any = super().__new__(mcs, name, bases, namespace, **options)
        if kind is not None:
            cls.family = kind if isinstance(kind, str) else repr(kind)
            for fact, value in (found.facts if found is not None else {}).items():
                if fact not in namespace:
                    setattr(cls, fact, value)
        return cls


def _kind_of(namespace: dict[str, Any], options: dict[str, Any]) -> Any:
    """The kind that a class definition names; also as an attribute, which would otherwise replace
    the method `kind`.
    """
    kind = options.pop("kind", None)
    written = namespace.get("kind")
    if written is None or isinstance(written, classmethod):
        return kind
    del namespace["kind"]
    namespace.get("__annotations__", {}).pop("kind", None)
    return written


def with_inherited_types(namespace: dict[str, Any], bases: tuple[type, ...]) -> None:
    """Gives settings that modelspec declares their type there: a class of a plugin only changes
    their default, so that `learning_rate: float = 0.01` still takes schedules.
    """
    annotations = namespace.get("__annotations__", {})
    for name in annotations:
        for base in (one for cls in bases for one in cls.__mro__):
            inherited = get_annotations(base).get(name)
            if inherited is not None and is_of_modelspec(base) and "ClassVar" not in str(inherited):
                annotations[name] = inherited
                break


def is_of_modelspec(cls: type) -> bool:
    """Whether a class of settings is one of modelspec."""
    return issubclass(cls, Settings) and cls.__module__.startswith("modelspec.")


class Component(KerasDeclared, AnyComponent, metaclass=ByKind):
    """An activation, an initializer, a regularizer, a constraint, an optimizer, a schedule or a
    callback of your own: settings as annotations, the kind, and the import path of the Keras class.
    """

    family: ClassVar[str] = ""
    """The kind: `activation`, `initializer`, `regularizer`, `constraint`, `optimizer`, `schedule`
    or `callback`.
    """

    if TYPE_CHECKING:

        def __init_subclass__(cls, *, kind: str = "") -> None: ...

    @classmethod
    def registry(cls) -> Registry:
        """The table of the components of its kind."""
        return KINDS[cls.family].family

    @classmethod
    def keras_base(cls) -> str:
        """The base class in Keras."""
        return KINDS[cls.family].keras

    @classmethod
    def in_model(cls) -> bool:
        """Whether saved models contain its objects."""
        return KINDS[cls.family].in_model

    @classmethod
    def problems(cls) -> Iterator[str]:
        """What is wrong with the declaration."""
        if not cls.family:
            yield (
                "names no kind: write"
                f' `class {cls.__name__}(ms.Component, kind="activation")`, or another kind'
            )
        elif cls.family not in KINDS:
            yield f"has {unknown_kind(cls.family)}"
        yield from super().problems()
        yield from taken_names(cls)


def taken_names(cls: type[Settings]) -> Iterator[str]:
    """The settings of a class whose names have another meaning in modelspec."""
    own = (one for one in cls.__mro__ if not one.__module__.startswith(("modelspec.", "pydantic.")))
    for name in dict.fromkeys(name for one in own for name in get_annotations(one)):
        if name in cls.model_fields and is_taken(cls, name):
            yield f"has a setting `{name}`, a name that modelspec already uses: rename it"


def is_taken(cls: type, name: str) -> bool:
    """Whether a base class in modelspec has an attribute of this name that is not a setting."""
    bases = (one for one in cls.__mro__ if one.__module__.startswith(("modelspec.", "pydantic.")))
    return any(name in vars(one) or _is_fact(get_annotations(one).get(name)) for one in bases)


def _is_fact(annotation: object) -> bool:
    return annotation is not None and "ClassVar" in str(annotation)
