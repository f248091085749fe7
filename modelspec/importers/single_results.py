"""Operations with several results (`split`, `top_k`) as one operation for each result that is used:
a formula has one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from .architecture import Architecture, CallDef, LayerDef, Source, with_sources
from .composed_operations import SEVERAL
from .operation_calls import has_results
from .tensorflow_functions import composed_kind, is_tensorflow


def with_single_results(model: Architecture, operations: set[str]) -> Architecture:
    """The model with a separate layer for each used result of its operations with several."""
    split = {name for name in operations if _has_several(model.layers[name])}
    if not split:
        return model
    used = _used(model, split)
    taken = set(model.layers) | {one.name for one in model.inputs}
    names: dict[tuple[str, int], str] = {}
    for name, results in used.items():
        for result in sorted(results):
            names[name, result] = _free(f"{name}_{result}", taken)

    def moved(source: Source) -> Source:
        name = names.get((source.layer, source.output))
        return source if name is None else Source(name, source.call, 0)

    layers: dict[str, LayerDef] = {}
    for name, layer in model.layers.items():
        if name not in split:
            layers[name] = layer
        for result in sorted(used.get(name, ())):
            own = names[name, result]
            layers[own] = replace(layer, name=own, result=result)
    calls: list[CallDef] = []
    for call in model.calls:
        one = replace(call, tensors=with_sources(call.tensors, moved))
        if call.layer in split:
            own_names = (names[call.layer, result] for result in sorted(used[call.layer]))
            calls.extend(replace(one, layer=own) for own in own_names)
        else:
            calls.append(one)
    return replace(
        model,
        layers=layers,
        calls=tuple(calls),
        outputs=_outputs(model, moved),
        sizes={moved(source): shape for source, shape in model.sizes.items()},
    )


def _has_several(layer: LayerDef) -> bool:
    kind = composed_kind(layer) if is_tensorflow(layer) else layer.kind
    return kind is not None and (kind in SEVERAL or has_results(kind))


def _used(model: Architecture, names: set[str]) -> dict[str, set[int]]:
    """The results that are used, by layer."""
    found: dict[str, set[int]] = {name: set() for name in names}
    ends = model.outputs.values() if isinstance(model.outputs, Mapping) else model.outputs
    for source in (*(one for call in model.calls for one in call.sources()), *ends):
        if source.layer in found:
            found[source.layer].add(source.output)
    return found


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"{name}_"
    taken.add(name)
    return name


def _outputs(
    model: Architecture, moved: Callable[[Source], Source]
) -> dict[str, Source] | tuple[Source, ...]:
    if isinstance(model.outputs, Mapping):
        return {name: moved(source) for name, source in model.outputs.items()}
    return tuple(map(moved, model.outputs))
