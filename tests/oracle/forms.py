"""What a setting may hold, read from its annotation: the one description that drawing and Keras's
side share.
"""

from __future__ import annotations

from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BeforeValidator, PlainValidator, WrapValidator
from pydantic.fields import FieldInfo

from modelspec.catalog.components.family import Family
from modelspec.catalog.layers import LAYERS
from modelspec.core.settings import Settings

UNION = (Union, UnionType)


def unwrap(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """The type below `Annotated`, and all metadata, that of nested `Field(...)` included."""
    if isinstance(annotation, FieldInfo):
        inner, metadata = unwrap(annotation.annotation)
        return inner, (*metadata, *_flat(annotation.metadata))
    if get_origin(annotation) is Annotated:
        base, *extra = get_args(annotation)
        inner, metadata = unwrap(base)
        return inner, (*metadata, *_flat(extra))
    return annotation, ()


def _flat(metadata: Any) -> list[Any]:
    return [
        item
        for each in metadata
        for item in (_flat(each.metadata) if isinstance(each, FieldInfo) else [each])
    ]


def written(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """The type of what a spec writes: the declared input type where a validator takes the value
    apart itself.
    """
    inner, metadata = unwrap(annotation)
    for item in metadata:
        if isinstance(item, (PlainValidator, BeforeValidator, WrapValidator)):
            declared = item.json_schema_input_type
            if isinstance(item, PlainValidator) or declared is not Any:
                return unwrap(declared) if declared is not Any else (Any, (item,))
    return inner, metadata


def options(annotation: Any) -> tuple[Any, ...]:
    """The branches of a union (`int | None`), or the annotation itself."""
    inner, _ = unwrap(annotation)
    return get_args(inner) if get_origin(inner) in UNION else (annotation,)


def nullable(annotation: Any) -> bool:
    inner, _ = written(annotation)
    return inner is None or any(option in (None, type(None)) for option in options(inner))


def family(annotation: Any) -> Family | None:
    """The family that a setting's components come from."""
    for option in options(annotation):
        for item in unwrap(option)[1]:
            found = getattr(getattr(item, "func", None), "family", None)
            if isinstance(found, Family):
                return found
    return None


def field_family(cls: type[Settings], name: str) -> Family | None:
    found = cls.model_fields.get(name)
    return family(found) if found else None


def is_layer(value: Any) -> bool:
    """Whether a value is a nested layer as a spec writes it: `Flatten`, `{Dense: 10}`."""
    name = next(iter(value)) if isinstance(value, dict) and len(value) == 1 else value
    return isinstance(name, str) and name in LAYERS


def spread(cls: type[Settings], body: Any) -> dict[str, Any]:
    """Settings by name from what stands behind a name."""
    if body is None:
        return {}
    if isinstance(body, dict):
        return dict(cls.spread(body))
    primary = cls.primary()
    return {primary: body} if primary else {}


def only_null(annotation: Any) -> bool:
    """Whether nothing but `null` can be written."""
    return written(annotation)[0] in (None, type(None))
