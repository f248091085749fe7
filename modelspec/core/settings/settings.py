"""The base class of everything that a spec configures: layers, components, sections.

Each is a frozen, strict pydantic class whose fields are Keras's constructor parameters with Keras's
defaults. A value that is not right raises `Faults`, each with its path below the value that was
read.

There is no `from __future__ import annotations` here: pydantic would compile the text of every
annotation for each class that is made, a quarter of the time that a layer's class takes.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path as FilePath
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo

from ..diagnostics import Fault, nearest
from ..places import NOWHERE, Places
from ..registry import Registry
from ..source import Value
from .faults import Faults
from .values import describe


@dataclass(frozen=True)
class Context:
    """What settings that were not written follow from."""

    image_data_format: str = "channels_last"
    precision: str = "float32"
    """The dtype policy of every layer that names none."""
    folder: FilePath | None = None
    """The folder that paths in the spec are relative to."""
    project: FilePath | None = None
    """The folder that no path in the spec may leave, but for data in `places`."""
    places: Places = NOWHERE
    """What the user granted beside the project."""


def context_of(info: ValidationInfo) -> Context:
    """The context that a validator runs in."""
    return info.context if isinstance(info.context, Context) else Context()


class Settings(BaseModel):
    """The settings of one kind of thing. Subclasses are named as Keras names the class that they
    configure.
    """

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        defer_build=True,
        arbitrary_types_allowed=True,
        # Texts below fields are for the manual and the schema, which read them when asked
        # (`views.schema.field_docs`): pydantic would read the source of every class for them, a
        # quarter of a cold check.
        use_attribute_docstrings=False,
    )

    keras_module: ClassVar[str] = ""
    """Where Keras has the class: `layers`, `initializers`, `optimizers.schedules`."""
    field_noun: ClassVar[str] = "setting"
    unknown_code: ClassVar[str] = "MS202"
    reserved: ClassVar[tuple[str, ...]] = ()
    """Words that may be written among the settings; a misspelt one is offered too."""
    common: ClassVar[tuple[str, ...]] = ()
    """Fields that every member of the family has; they are never the primary setting."""

    @classmethod
    def kind(cls) -> str:
        """The name it has in a spec."""
        return cls.__name__

    @classmethod
    @cache
    def primary(cls) -> str | None:
        """The setting that `- Kind: value` sets: the first one of Keras's constructor."""
        return next((name for name in cls.model_fields if name not in cls.common), None)

    @classmethod
    def primary_family(cls) -> Registry | None:
        """The catalogue that the primary setting is written from, where it is a component or a
        layer itself.
        """
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
        """An instance from what stands behind the name: settings, the primary setting, or nothing.
        Raises `Faults`.
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
            message = f"`{cls.kind()}` takes no settings, but {describe(body)} stands here"
            raise Faults([Fault("MS204", message, help=f"write `{cls.kind()}` alone")])
        return primary


class Section(Settings):
    """A section of the file (`training`): its fields are keys rather than settings."""

    field_noun: ClassVar[str] = "key"
    unknown_code: ClassVar[str] = "MS201"
    title: ClassVar[str]

    @classmethod
    def kind(cls) -> str:
        return cls.title

    def without_effect(self) -> Collection[str]:
        """The keys that mean nothing beside those that the section has; writing one is a fault."""
        return ()


def _names_member(family: Registry, key: str, fields: Iterable[str]) -> bool:
    """Whether an unknown key was more likely meant as a member of the family than as a setting."""
    if key in family or key in family.refused:
        return True
    near_setting, near_member = nearest(key, fields), nearest(key, family.names())
    return near_setting is None and (near_member is not None or key[:1].isupper())
