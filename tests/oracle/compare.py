"""Where the two sides differ, and the few places where they differ on purpose."""

from __future__ import annotations

import re

from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Tensor, erase

from . import keras_side, our_side
from .case import Answer, Case, Refusal, layer_class
from .stricter import is_stricter

UNKNOWN_SIZES = (17, 4, 3, 8, 64, 1)
"""Numbers of entries tried along unknown axes, with those of the known axes, before a call counts
as one that can never run.
"""
KILLS_THE_PROCESS = ("AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D")
"""Layers that are not tried: on a CPU a single window ends the process with a floating-point
signal.
"""


def sizes_to_try(case: Case) -> tuple[int, ...]:
    sizes = {size for tensor in case.tensors for size in erase(tensor.shape)[1:]}
    if None not in sizes:
        return UNKNOWN_SIZES[:1]  # no axis is unknown: one try is all
    return tuple(
        dict.fromkeys((*UNKNOWN_SIZES, *sorted(size for size in sizes if size is not None)))
    )


def disagreement(case: Case) -> str | None:
    """What modelspec and Keras do not agree on, in words."""
    ours, theirs = our_side.answer_or_fault(case), keras_side.answer(case)
    if isinstance(ours, Fault):
        return _badly_said(case, ours) or (
            None if isinstance(theirs, Refusal) else _refused_alone(case, ours, theirs)
        )
    if isinstance(theirs, Refusal):
        return f"accepted: {ours.outputs}\nKeras: {theirs}"
    return _difference(case, our_side.erased(ours), theirs)


def _difference(case: Case, ours: Answer, theirs: Answer) -> str | None:
    if (
        ours.outputs != theirs.outputs
        and not _keras_is_wrong(case, ours, theirs)
        and not _said_one_by_one(case, ours)
    ):
        return f"outputs: {ours.outputs}\nKeras: {theirs.outputs}"
    if ours.weights != theirs.weights:
        return (
            f"weights: {list(map(tuple, ours.weights))}\nKeras: {list(map(tuple, theirs.weights))}"
        )
    return None


def _keras_is_wrong(case: Case, ours: Answer, theirs: Answer) -> bool:
    """Whether Keras, when it runs, gives other shapes than it says, and those that modelspec
    says.
    """
    if case.kind in KILLS_THE_PROCESS:
        return False
    for unknown in sizes_to_try(case):
        ran = keras_side.run(case, unknown)
        if not isinstance(ran, Refusal):
            return not _all_agree(theirs.outputs, ran) and _all_agree(ours.outputs, ran)
    return False


def _said_one_by_one(case: Case, ours: Answer) -> bool:
    """Whether Keras says the same of the layers of a `Pipeline` when they are called outside of it:
    inside, it looks at what they do, and a few run in another dtype than they say.
    """
    if case.kind != "Pipeline":
        return False
    tensors: tuple[Tensor, ...] = case.tensors
    for layer in case.settings["layers"]:
        ((kind, settings),) = layer.items() if isinstance(layer, dict) else ((layer, {}),)
        first = layer_class(kind).arguments[0].name
        settings = (
            settings if isinstance(settings, dict) else {layer_class(kind).primary(): settings}
        )
        said = keras_side.answer(Case(kind, settings, {first: tensors[0]}))
        if isinstance(said, Refusal):
            return False
        tensors = said.outputs
    return tensors == ours.outputs


def _refused_alone(case: Case, ours: Fault, theirs: Answer) -> str | None:
    """Keras lets some calls pass that cannot run with any data, or give another shape than it says;
    to refuse those is right.
    """
    if (
        is_stricter(case, ours)
        or _without_entries(theirs.outputs)
        or never_runs(case, theirs.outputs)
    ):
        return None
    return f"refused ({ours.code}: {ours.message})\nKeras: {theirs.outputs}"


def _without_entries(outputs: tuple[Tensor, ...]) -> bool:
    return any(isinstance(size, int) and size < 1 for tensor in outputs for size in tensor.shape)


def never_runs(case: Case, said: tuple[Tensor, ...]) -> bool:
    """Whether Keras fails on data of every size tried, or gives other shapes than it said, for a
    reason that lies in the call and not in this machine.
    """
    if case.kind in KILLS_THE_PROCESS:
        return False
    for unknown in sizes_to_try(case):
        result = keras_side.run(case, unknown)
        if not isinstance(result, Refusal):
            if not _without_entries(result) and _all_agree(said, result):
                return False
        elif _for_want_of_a_kernel(result):
            return False
    return True


def _for_want_of_a_kernel(refusal: Refusal) -> bool:
    """TensorFlow has no CPU kernel for some calls that run on a GPU."""
    if "is not in the list of allowed values" in refusal.message:
        return False  # the operation has no such form on any device
    return bool(
        re.search(
            r"NHWC|NCHW|channels_first|on (the )?CPU|No OpKernel|Could not find device",
            refusal.message,
        )
    )


def _badly_said(case: Case, fault: Fault) -> str | None:
    """A fault must lead to its place: a code, a sentence, a setting or call argument that the layer
    has.
    """
    layer = layer_class(case.kind)
    if not re.fullmatch(r"MS[2-4]\d\d", fault.code) or not fault.message:
        return f"a fault without a code or a sentence: {fault!r}"
    if (
        fault.path
        and fault.path[0] not in layer.model_fields
        and fault.path[0] not in case.settings
    ):
        return f"the path {fault.path} of {fault.code} leads to no setting"
    if fault.argument is not None and fault.argument not in {
        argument.name for argument in layer.arguments
    }:
        return (
            f"{fault.code} names the call argument `{fault.argument}`, which the layer does not"
            " have"
        )
    return None


def run_disagreement(case: Case, batch: int = 2) -> str | None:
    """What the inferred shapes and those of a run on random data do not agree on.

    Dtypes are Keras's symbolic ones (`disagreement`); a few of its layers run in another one than
    they say.
    """
    for unknown in sizes_to_try(case):
        ran = keras_side.run(case, unknown, batch)
        if not isinstance(ran, Refusal):
            return _other_shapes(
                case,
                case.map(lambda t, unknown=unknown: keras_side.with_numbers(t, unknown, batch)),
                ran,
            )
    # Whether a processor has kernels for `channels_first` depends on oneDNN (they need AVX-512).
    lacks_kernel = ran.code == "UnimplementedError" and "only supports the NHWC" in ran.message
    return None if lacks_kernel else f"Keras: {ran}"


def _other_shapes(case: Case, with_numbers: Case, ran: tuple[Tensor, ...]) -> str | None:
    for given in (case, with_numbers):
        ours = our_side.answer(given)
        if isinstance(ours, Refusal):
            return f"{given}: {ours}"
        if not _all_agree(ours.outputs, ran):
            return f"{given}: {ours.outputs}\nKeras ran it: {ran}"
    return None


def _all_agree(inferred: tuple[Tensor, ...], ran: tuple[Tensor, ...]) -> bool:
    return len(inferred) == len(ran) and all(map(_agrees, inferred, ran))


def _agrees(inferred: Tensor, ran: Tensor) -> bool:
    sizes = erase(inferred.shape)
    return len(sizes) == len(ran.shape) and all(
        size is None or size == there for size, there in zip(sizes, ran.shape, strict=True)
    )
