"""Settings of layers for their weights, with these weights: initializers and regularizers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import TypeVar

from modelspec.catalog.components.family import Family
from modelspec.catalog.layers.layer import LOW_RANK, Layer, Weight
from modelspec.core.settings import Context, Settings

from ..infer import TypedCall

T = TypeVar("T", bound=Settings)


def components(layer: Layer, suffix: str, family: Family, cls: type[T]) -> Iterator[tuple[str, T]]:
    """The settings of a layer with the suffix, as members of the family: `kernel` and its
    initializer.
    """
    for name, what in _fields(type(layer), suffix):
        value = getattr(layer, name)
        if value is None:
            continue
        if isinstance(value, str):
            value = _named(family, value)
        if isinstance(value, cls):
            yield what, value


@cache
def _fields(cls: type[Layer], suffix: str) -> tuple[tuple[str, str], ...]:
    """Each setting with the suffix, and its name without it."""
    names = (name for name in cls.model_fields if name.endswith(suffix))
    return tuple((name, name.removesuffix(suffix)) for name in names)


@lru_cache(maxsize=1024)
def _named(family: Family, name: str) -> Settings | None:
    """The member of a bare name, with its defaults: created once for all layers that use it."""
    found = family.find(name)
    return found.from_body(None, Context()) if found is not None else None


def weights_of(call: TypedCall, what: str) -> Iterator[Weight]:
    """The weights that a setting applies to: `recurrent_regularizer` applies to `recurrent_kernel`,
    in nested layers too.
    """
    for weight in call.weights:
        name = weight.name.rpartition("/")[2]
        if name == what or name.startswith(f"{what}_"):
            yield weight


def regularized(call: TypedCall, what: str) -> Iterator[Weight]:
    """The trained weights that a regularizer applies to: for a kernel with a low-rank part, the
    factors of that part.
    """
    for name in (what, f"{LOW_RANK}{what}"):
        yield from (weight for weight in weights_of(call, name) if weight.trainable)
