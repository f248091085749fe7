"""Calls of a layer to compare: examples, and variations of their settings, shapes and dtypes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from modelspec.catalog.layers.layer import Example, Inputs, Layer
from modelspec.core.diagnostics import Fault
from modelspec.core.settings import Context, Faults
from modelspec.core.shapes import Shape, Tensor

_SIZES: Final = (1, 2, 3, 4, 5, 6, 8)
_POLICIES: Final = ("mixed_float16", "float64", "float16")
_TRIED: Final[tuple[Shape, ...]] = (
    (None, 4),
    (None, 6, 4),
    (None, 8, 6, 4),
    (None, 5, 8, 6, 4),
)
"""Shapes that are tried for a layer without examples."""


@dataclass(frozen=True)
class Call:
    """One call of a layer, in plain values."""

    kind: str
    settings: Mapping[str, Any]
    tensors: Mapping[str, Tensor | tuple[Tensor, ...]]
    options: Mapping[str, Any]

    def __str__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self.settings.items())
        tensors = ", ".join(map(_shown, self.tensors.values()))
        options = "".join(f", {name}={value!r}" for name, value in self.options.items())
        return f"{self.kind}({settings})({tensors}{options})"

    @property
    def all_tensors(self) -> tuple[Tensor, ...]:
        """The tensors of all arguments."""
        several = ((one,) if isinstance(one, Tensor) else one for one in self.tensors.values())
        return tuple(tensor for tensors in several for tensor in tensors)

    @property
    def inputs(self) -> Inputs:
        return Inputs(self.tensors, self.options)

    def with_shapes(self, change: Any) -> Call:
        """The call with every shape changed by a function."""
        changed = {
            name: (
                value._replace(shape=change(value.shape))
                if isinstance(value, Tensor)
                else tuple(one._replace(shape=change(one.shape)) for one in value)
            )
            for name, value in self.tensors.items()
        }
        return replace(self, tensors=changed)

    def layer(self, cls: type[Layer]) -> Layer:
        """The settings. Raises `Faults`."""
        return cls.build({"name": "checked", **self.settings}, Context())


def _shown(value: Tensor | tuple[Tensor, ...]) -> str:
    return str(value) if isinstance(value, Tensor) else f"[{', '.join(map(str, value))}]"


def calls(layer: type[Layer], examples: Sequence[Example], draws: int, seed: int) -> list[Call]:
    """The examples, and `draws` variations of them; each call once. Raises `ValueError` for a layer
    without examples whose calls cannot be guessed.
    """
    known = [_of_example(layer, one) for one in (*examples, *layer.examples)]
    known = known or list(_guessed(layer))
    if not known:
        required = [name for name, one in layer.model_fields.items() if one.is_required()]
        why = f"it requires {', '.join(required)}" if required else "it accepts no usual shapes"
        raise ValueError(
            f"`{layer.kind()}` needs examples, because {why}: pass"
            " `examples=[Example({...settings}, ((None, 4),))]`"
        )
    rng = Random(seed)  # noqa: S311  # draws tests, no secrets
    varied = (_varied(rng, layer, rng.choice(known)) for _ in range(draws))
    return list({str(one): one for one in (*known, *varied)}.values())


def _of_example(layer: type[Layer], example: Example) -> Call:
    first = layer.arguments[0]
    inputs = example.inputs
    if not isinstance(inputs, Mapping):
        inputs = {first.name: inputs if first.many else inputs[0]}
    many = {one.name: one.many for one in layer.arguments}
    tensors: dict[str, Tensor | tuple[Tensor, ...]] = {}
    for name, shapes in inputs.items():
        found: Any = shapes
        dtype = "bool" if name.endswith("mask") else example.dtype
        tensors[name] = (
            tuple(Tensor(tuple(one), dtype) for one in found)
            if many[name]
            else Tensor(tuple(found), dtype)
        )
    return Call(layer.kind(), dict(example.settings), tensors, dict(example.options))


def _guessed(layer: type[Layer]) -> Iterator[Call]:
    """Calls with the default settings that the shape rule accepts."""
    first = layer.arguments[0]
    for count in (1, 2, 3) if first.many else (1,):
        for shape in _TRIED:
            call = _of_example(layer, Example({}, (shape,) * count))
            try:
                call.layer(layer).output(call.inputs)
            except (Fault, Faults):
                continue
            yield call


# Variations ---------------------------------------------------------------------------------------


def _varied(rng: Random, layer: type[Layer], call: Call) -> Call:
    call = replace(call, settings=_other_settings(rng, layer, call.settings))
    change = rng.choice((_as_it_is, _as_it_is, _resized, _resized, _unknown, _one_resized))
    return change(rng, call)


def _other_settings(rng: Random, layer: type[Layer], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Up to two settings with other values, and sometimes another dtype, or frozen weights."""
    found = dict(settings)
    own = [name for name in layer.model_fields if name not in layer.common]
    for name in rng.sample(own, min(len(own), rng.randint(0, 2))):
        field = layer.model_fields[name]
        now = found.get(name, None if field.is_required() else field.default)
        others = list(other_values(field.annotation, now))
        if others:
            found[name] = rng.choice(others)
    if rng.random() < 0.2:
        found["dtype"] = rng.choice(_POLICIES)
    if rng.random() < 0.15:
        found["trainable"] = False
    return found


def other_values(annotation: Any, now: Any) -> Iterator[Any]:
    """Other values of a setting of this type, near its present value."""
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        for one in get_args(annotation):
            yield from other_values(one, now)
    elif origin is Literal:
        yield from (one for one in get_args(annotation) if one != now)
    elif annotation is bool:
        yield not now
    elif annotation is int and type(now) is int:
        yield from (now + 1, max(now - 1, 1), 2 * now)
    elif annotation is float and type(now) in (int, float):
        yield from (now + 0.5, now / 2)
    elif annotation is type(None) and now is not None:
        yield None


def _as_it_is(rng: Random, call: Call) -> Call:
    return call


def _sizes(call: Call) -> list[int]:
    shapes = [one.shape for one in call.all_tensors]
    return sorted({size for shape in shapes for size in shape[1:] if isinstance(size, int)})


def _resized(rng: Random, call: Call) -> Call:
    """One size changed wherever it occurs, so that sizes that agree still agree."""
    sizes = _sizes(call)
    if not sizes:
        return call
    old, new = rng.choice(sizes), rng.choice(_SIZES)
    return call.with_shapes(
        lambda shape: (*shape[:1], *(new if s == old else s for s in shape[1:]))
    )


def _one_resized(rng: Random, call: Call) -> Call:
    """One size of the first tensor changed."""
    place, new, done = rng.randint(1, 4), rng.choice(_SIZES), list[bool]()

    def change(shape: Shape) -> Shape:
        if done or place >= len(shape):
            return shape
        done.append(True)
        return (*shape[:place], new, *shape[place + 1 :])

    return call.with_shapes(change)


def _unknown(rng: Random, call: Call) -> Call:
    """The same axis of every tensor unknown."""
    place = rng.randint(1, 3)
    return call.with_shapes(
        lambda shape: tuple(None if i == place else s for i, s in enumerate(shape))
    )
