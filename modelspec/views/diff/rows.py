"""The layers of a model as rows that can be compared: with all settings, in a canonical form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from modelspec.catalog.components.family import Family
from modelspec.catalog.layers.layer import Layer, Weight
from modelspec.compiler.infer import TypedCall, TypedGraph
from modelspec.core.settings import Settings
from modelspec.core.shapes import known, product, show, total

from ..resolve.defaults import family_of


@dataclass(frozen=True)
class Row:
    """One layer: an entry of the model, or of a shared layer (`tower/dense`)."""

    name: str
    kind: str
    settings: Mapping[str, Any]
    """Every setting with its value, including defaults; empty for a call of a shared layer."""
    named: bool
    """Whether the name is explicit."""
    inputs: tuple[str, ...]
    output: str
    weights: tuple[Weight, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parameters(self) -> int | None:
        """None if a size is not known."""
        return known(total(product(weight.shape) for weight in self.weights))


def rows(typed: TypedGraph) -> tuple[Row, ...]:
    """Every layer once: those of the model, then those of its shared layers (`tower/dense`,
    `shared.judge`).
    """
    return tuple(_rows(typed, "", set()))


def _rows(typed: TypedGraph, prefix: str, seen: set[str]) -> Iterator[Row]:
    shared: list[tuple[str, TypedCall]] = []
    for layer in typed.layers:
        yield _row(layer, prefix)
        if layer.shared is not None and layer.shared not in seen:
            seen.add(layer.shared)
            shared.append((layer.shared, layer))
    for name, layer in shared:
        if layer.inside is not None:
            yield from _rows(layer.inside, f"{prefix}{name}/", seen)
        elif isinstance(layer.call.callee, Layer):
            callee = layer.call.callee
            yield Row(
                f"{prefix}shared.{name}",
                callee.kind(),
                _settings(callee),
                True,
                (),
                "",
                layer.weights,
            )


def _row(layer: TypedCall, prefix: str) -> Row:
    callee = layer.call.callee
    own = layer.shared is None and isinstance(callee, Layer)
    output = ", ".join(f"{show(one.shape)} {one.dtype}" for one in layer.outputs)
    return Row(
        prefix + layer.name,
        " ".join((*(one.kind() for one in layer.call.use.around), layer.kind)),
        _settings(callee) if own and isinstance(callee, Layer) else {},
        layer.call.use.name is not None,
        tuple(layer.inputs),
        output,
        layer.weights if own else (),
        dict(layer.call.use.options),
    )


def _settings(layer: Settings) -> dict[str, Any]:
    """Every setting except the name."""
    return {
        name: plain_of(getattr(layer, name), family_of(one))
        for name, one in type(layer).model_fields.items()
        if name != "name"
    }


def plain_of(value: Any, family: Family | None = None) -> Any:
    """The value of a setting in a canonical plain form."""
    if isinstance(value, str) and family is not None and not family.takes_name_only(value):
        value = _with_defaults(value, family)
    if isinstance(value, Settings):
        inner = _settings(value)
        return {value.kind(): inner} if inner else value.kind()
    if isinstance(value, (tuple, list)):
        return [plain_of(item) for item in value]
    if isinstance(value, dict):
        return {key: plain_of(item) for key, item in value.items()}
    return value


def _with_defaults(name: str, family: Family) -> Settings | str:
    """The component of a name, if it has a class and requires no settings."""
    found = family.find(name) if name.lower() not in family.by_shape else None
    if found is None or any(one.is_required() for one in found.model_fields.values()):
        return name
    return found.model_construct()
