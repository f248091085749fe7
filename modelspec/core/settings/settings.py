"""The base class of everything that a spec configures: layers, components, sections.

Each is a frozen, strict pydantic class whose fields are Keras's constructor parameters with Keras's
defaults. An invalid value raises `Faults`, each with its path below the value that was
read.

This module does not use `from __future__ import annotations`: pydantic would compile the string of
every annotation for each class, a quarter of the time to create the class of a layer.
"""

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from pathlib import Path as FilePath
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo

from ..diagnostics import Fault, nearest
from ..places import NOWHERE, Places
from ..plugins.plugin import NO_PLUGINS, Plugins
from ..records import dataclass
from ..registry import Registry
from ..source import Value
from .faults import Faults
from .values import describe


@dataclass(frozen=True)
class Context:
    """What the values of omitted settings depend on."""

    image_data_format: str = "channels_last"
    precision: str = "float32"
    """The dtype policy of layers that set none."""
    folder: FilePath | None = None
    """The folder that paths in the spec are relative to."""
    project: FilePath | None = None
    """The folder that no path in the spec may leave, except data in `places`."""
    places: Places = NOWHERE
    """What the user allowed outside the project."""
    plugins: Plugins = NO_PLUGINS
    """The plugins that the spec may use."""
    run: FilePath | None = None
    """The run folder whose spec is read: it contains copies of presets."""


def context_of(info: ValidationInfo) -> Context:
    """The context that a validator runs in."""
    return info.context if isinstance(info.context, Context) else Context()


class Settings(BaseModel):
    """The settings of one class. A subclass has the name of the Keras class that it configures."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        defer_build=True,
        arbitrary_types_allowed=True,
        # Docstrings of fields are for the manual and the schema, which read them on demand
        # (`views.schema.field_docs`): pydantic would read the source of every class for them, a
        # quarter of the time of a cold check.
        use_attribute_docstrings=False,
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        _forget_class_variables(cls)

    keras_module: ClassVar[str] = ""
    """The module of the class in Keras: `layers`, `initializers`, `optimizers.schedules`."""
    field_noun: ClassVar[str] = "setting"
    unknown_code: ClassVar[str] = "MS202"
    reserved: ClassVar[tuple[str, ...]] = ()
    """Words that may appear among the settings; they are also suggested for misspelt ones."""
    common: ClassVar[tuple[str, ...]] = ()
    """Fields that every member of the family has; they are never the primary setting."""

    @classmethod
    def kind(cls) -> str:
        """Its name in a spec."""
        return cls.__name__

    @property
    def derived(self) -> Mapping[str, Any]:
        """Constructor arguments of the Keras class that follow from the settings."""
        return {}

    @classmethod
    @cache
    def primary(cls) -> str | None:
        """The setting that `- Kind: value` sets: the first parameter of Keras's constructor."""
        return next((name for name in cls.model_fields if name not in cls.common), None)

    @classmethod
    def primary_family(cls) -> Registry | None:
        """The registry of the primary setting, where that is a component or a layer."""
        return None

    @classmethod
    def build(cls, values: Mapping[str, Any], context: Context) -> Self:
        """An instance from settings by name. Raises `Faults`."""
        try:
            return cls.model_validate(dict(values), context=context)
        except ValidationError as error:
            from .pydantic_faults import translate  # a spec without faults needs none of it

            raise Faults(translate(cls, values, error)) from None

    @classmethod
    def from_body(cls, body: Value, context: Context) -> Self:
        """An instance from what follows the name: settings, the primary setting, or nothing. Raises
        `Faults`.
        """
        if body is None:
            return cls.build({}, context)
        if isinstance(body, dict):
            return cls.build(cls.spread(body), context)
        return cls.build({cls._primary_or_fault(body): body}, context)

    @classmethod
    def spread(cls, body: dict[str, Value]) -> dict[str, Value]:
        """Settings by name from a mapping, which may be the primary setting itself: `Bidirectional:
        {LSTM: 8}`.
        """
        family, primary = cls.primary_family(), cls.primary()
        if family is None or primary is None or primary in body:
            return body
        others = [key for key in body if key not in cls.model_fields]
        if len(others) != 1 or not _names_member(family, others[0], cls.model_fields):
            return body
        rest = {key: value for key, value in body.items() if key != others[0]}
        return {primary: {others[0]: body[others[0]]}, **rest}

    @classmethod
    def _primary_or_fault(cls, body: Value) -> str:
        primary = cls.primary()
        if primary is None:
            message = f"`{cls.kind()}` takes no settings, found {describe(body)}"
            raise Faults([Fault("MS204", message, help=f"write `{cls.kind()}` alone")])
        return primary


def _forget_class_variables(cls: type[Settings]) -> None:
    """Drops the annotations of class variables, once the class is created.

    pydantic evaluates the annotations of all base classes again for each subclass, although it
    keeps their names (`__class_vars__`): 60 facts of a layer took an eighth of a cold check.
    """
    annotations = vars(cls).get("__annotations__", {})
    for name in cls.__class_vars__ & annotations.keys():
        del annotations[name]


_forget_class_variables(Settings)


class Section(Settings):
    """A section of the file (`training`): its fields are keys rather than settings."""

    field_noun: ClassVar[str] = "key"
    unknown_code: ClassVar[str] = "MS201"
    title: ClassVar[str]

    @classmethod
    def kind(cls) -> str:
        return cls.title

    def without_effect(self) -> Collection[str]:
        """The keys that have no effect in combination with the others; setting one is an error."""
        return ()


def _names_member(family: Registry, key: str, fields: Iterable[str]) -> bool:
    """Whether an unknown key is more likely a member of the family than a setting."""
    if key in family or key in family.refused:
        return True
    near_setting, near_member = nearest(key, fields), nearest(key, family.names())
    return near_setting is None and (near_member is not None or key[:1].isupper())
