"""Layers that TensorFlow computes on a GPU, and not on every CPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from modelspec.catalog.layers.layer import Layer

from ..infer.shared import nested
from .case import Case
from .graph_walk import layer_of


class _Reason(NamedTuple):
    cause: str
    message: str
    help: str


def check(case: Case) -> None:
    """Each cause once, at the first layer of a model that is to be trained."""
    if case.fitting is None or _compiled(case):
        return
    said = set[str]()
    for typed in case.graphs:
        for call in typed.layers:
            layer = layer_of(call)
            for one, dtype in _computed(layer) if layer is not None else ():
                for reason in _reasons(one, dtype):
                    if reason.cause not in said:
                        said.add(reason.cause)
                        case.report.warning(
                            "MS411", reason.message, call.call.use.kind_span, help=reason.help
                        )


def _compiled(case: Case) -> bool:
    """Whether XLA, which brings kernels of its own, compiles the steps."""
    runtime = case.file.runtime if case.file is not None else None
    return runtime is not None and runtime.jit is True and not runtime.deterministic


def _computed(layer: Layer) -> Iterator[tuple[Layer, str]]:
    """The layer and those in it, each with the dtype that it computes in: that of the layer around
    it where that does not cast.
    """
    around: dict[int, str] = {}
    for one in nested(layer):
        if one.runs_uncast:
            around[id(getattr(one, "layer", None))] = one.compute_dtype
        yield one, around.get(id(one), one.compute_dtype)


def _reasons(layer: Layer, dtype: str) -> Iterator[_Reason]:
    if dtype in layer.gpu_kernel_in:
        yield _Reason(
            f"computed in {dtype}",
            f"`{layer.kind()}` in {dtype} runs on a GPU only: TensorFlow has no kernel of it for a"
            " CPU",
            "give the layer `dtype: float32`, or train on a GPU",
        )
    if layer.channels_last_on_cpu and getattr(layer, "data_format", None) == "channels_first":
        where = (
            "in float64 runs on a GPU only"
            if dtype == "float64"
            else "runs on a GPU, and of CPUs only on those with AVX-512"
        )
        yield _Reason(
            "the channels first",
            f"`{layer.kind()}` with `channels_first` {where}",
            "leave `data_format` out and bring the channels to the last axis with `Permute`, or"
            " train on a GPU",
        )
