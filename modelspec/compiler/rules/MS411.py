"""Layers that TensorFlow supports on GPUs but not on every CPU."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from modelspec.catalog.layers.layer import Layer
from modelspec.core.records import NamedTuple

from .case import Case
from .several_devices import asks_for_xla

_FACTS = ("gpu_because", "gpu_kernel_in", "channels_last_on_cpu", "one_dnn_because")
_WITH_AVX = "runs only on a GPU, or on a CPU with AVX-512"
_WITH_ONE_DNN = {
    "float64": "in float64 runs only on a GPU",
    "float16": "in float16 runs only on a GPU, or on a CPU with AVX512-FP16",
}
"""Where oneDNN has kernels, by dtype."""
_WITHOUT = {
    "data_format": "leave `data_format` out and move the channels to the last axis with `Permute`"
}
"""How to avoid a setting, if it is not enough to leave it out."""


class _Reason(NamedTuple):
    cause: str
    message: str
    help: str


def check(case: Case) -> None:
    """Report each cause once, at the first affected layer of a model with training."""
    if case.fitting is None:
        return
    compiled = _compiled(case)
    reported = set[str]()
    for call, _, parts, _ in case.layers.stating(*_FACTS):
        for one, dtype in _computed(parts):
            for reason in _reasons(one, dtype, compiled):
                if reason.cause not in reported:
                    reported.add(reason.cause)
                    case.report.warning(
                        "MS411", reason.message, call.call.use.kind_span, help=reason.help
                    )


def _compiled(case: Case) -> bool:
    """Whether XLA compiles the steps; it does not use the kernels of TensorFlow."""
    runtime = case.file.runtime if case.file is not None else None
    return runtime is not None and asks_for_xla(runtime) and not runtime.has_several_devices


def _computed(parts: Iterable[Layer]) -> Iterator[tuple[Layer, str]]:
    """The layer and its nested layers, each with its compute dtype. A wrapper that does not cast
    imposes its own dtype on the layer inside.
    """
    around: dict[int, str] = {}
    for one in parts:
        if one.runs_uncast:
            around[id(getattr(one, "layer", None))] = one.compute_dtype
        yield one, around.get(id(one), one.compute_dtype)


def _reasons(layer: Layer, dtype: str, compiled: bool) -> Iterator[_Reason]:
    if layer.gpu_because is not None:
        yield _Reason(
            layer.gpu_because,
            f"`{layer.kind()}` with this `{layer.gpu_because}` runs only on a GPU",
            f"leave out `{layer.gpu_because}`, or train on a GPU",
        )
    if compiled:
        return
    if dtype in layer.gpu_kernel_in:
        yield _Reason(
            f"computed in {dtype}",
            f"`{layer.kind()}` in {dtype} runs only on a GPU: TensorFlow has no CPU kernel for it",
            "give the layer `dtype: float32`, or train on a GPU",
        )
    setting = layer.one_dnn_because
    if setting is not None:
        written = "`channels_first`" if setting == "data_format" else f"this `{setting}`"
        yield _Reason(
            setting,
            f"`{layer.kind()}` with {written} {_WITH_ONE_DNN.get(dtype, _WITH_AVX)}",
            f"{_WITHOUT.get(setting, f'leave out `{setting}`')}, or train on a GPU",
        )
