"""Operations that select parts of tensors, and products, as steps of formulas.

Each function has the parameters of the operation in TensorFlow or Keras, and returns its step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .architecture import Unreadable
from .operation_steps import (
    ELLIPSIS,
    FORMULA_HELP,
    Step,
    along,
    index,
    part,
    step,
    whole,
    wholes,
)


def split(x: Any, indices_or_sections: Any, axis: Any = 0, result: int = 0) -> Step:
    """`keras.ops.split`: in equal parts, or before some indices."""
    if not isinstance(indices_or_sections, (list, tuple)):
        parts = whole(indices_or_sections, "number of parts")
        return step("PartOf", x, parts, whole(axis, "axis"), result)
    edges = [None, *wholes(indices_or_sections, "list of indices"), None]
    if result + 1 >= len(edges):
        raise Unreadable(f"it has {len(edges) - 1} parts, but part {result} is used")
    return along(x, whole(axis, "axis"), part(edges[result], edges[result + 1]))


def split_sizes(
    value: Any,
    num_or_size_splits: Any,
    axis: Any = 0,
    num: Any = None,
    result: int = 0,
) -> Step:
    """`tf.split`: in equal parts, or in parts of some sizes, one of which may be -1: the rest."""
    if not isinstance(num_or_size_splits, (list, tuple)):
        return split(value, num_or_size_splits, axis, result)
    sizes = wholes(num_or_size_splits, "list of sizes")
    if not 0 <= result < len(sizes):
        raise Unreadable(f"it has {len(sizes)} parts, but part {result} is used")
    rest = sizes.index(-1) if -1 in sizes else len(sizes)
    start: Any = sum(sizes[:result]) if result <= rest else -sum(sizes[result:])
    stop: Any = sum(sizes[: result + 1]) if result < rest else -sum(sizes[result + 1 :])
    return along(value, whole(axis, "axis"), part(start or None, stop or None))


def unstack(value: Any, num: Any = None, axis: Any = 0, result: int = 0) -> Step:
    return along(value, whole(axis, "axis"), result)


def slice_of(input_: Any, begin: Any, size: Any) -> Step:
    """`tf.slice`: `size` elements from `begin` on; -1 is all that follow."""
    starts, sizes = wholes(begin, "begin"), wholes(size, "size")
    if len(starts) != len(sizes):
        raise Unreadable("its slice has lists of different lengths", FORMULA_HELP)
    parts = [
        part(start or None, None if count == -1 else start + count)
        for start, count in zip(starts, sizes, strict=True)
    ]
    return index(input_, *parts)


def strided_slice(
    input_: Any,
    begin: Any,
    end: Any,
    strides: Any = None,
    begin_mask: Any = 0,
    end_mask: Any = 0,
    ellipsis_mask: Any = 0,
    new_axis_mask: Any = 0,
    shrink_axis_mask: Any = 0,
) -> Step:
    """`tf.strided_slice`: bit `i` of each mask is about part `i` of `x[...]`."""
    starts, stops = wholes(begin, "begin"), wholes(end, "end")
    steps = [1] * len(starts) if strides is None else wholes(strides, "strides")
    if not len(starts) == len(stops) == len(steps):
        raise Unreadable("its slice has lists of different lengths", FORMULA_HELP)
    parts: list[Any] = []
    for place, (first, last, stride) in enumerate(zip(starts, stops, steps, strict=True)):
        bit = 1 << place
        if (ellipsis_mask or 0) & bit:
            parts.append(ELLIPSIS)
        elif (new_axis_mask or 0) & bit:
            parts.append(None)
        elif (shrink_axis_mask or 0) & bit:
            parts.append(first)
        else:
            start = None if (begin_mask or 0) & bit or (first == 0 and stride > 0) else first
            stop = None if (end_mask or 0) & bit else last
            parts.append(part(start, stop, None if stride == 1 else stride))
    return index(input_, *parts)


def crop(
    image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any
) -> Step:
    """`tf.image.crop_to_bounding_box`."""
    places = ((offset_height, target_height), (offset_width, target_width))
    rows, columns = (
        part(whole(start, "offset"), start + whole(count, "size")) for start, count in places
    )
    return index(image, ELLIPSIS, rows, columns, part())


def flipped(axis: int) -> Callable[[Any], Step]:
    def flip(image: Any) -> Step:
        return step("Flip", image, axis=axis)

    return flip


def gather(params: Any, indices: Any, axis: Any = None, batch_dims: Any = 0) -> Step:
    if batch_dims and not (batch_dims == 1 and axis in (None, 1)):
        raise Unreadable("it selects other elements in every example", FORMULA_HELP)
    if batch_dims:
        return step("GatherInEach", params, indices)
    if type(indices) is int:
        return along(params, whole(axis or 0, "axis"), indices)
    return step("Gather", params, indices, axis=axis or None)


def embedding_lookup(params: Any, ids: Any, max_norm: Any = None) -> Step:
    return step("Gather", params, ids)


def einsum(equation: Any, *inputs: Any) -> Step:
    if not isinstance(equation, str) or not inputs:
        raise Unreadable("the file does not contain its tensors", FORMULA_HELP)
    operands = {str(place): one for place, one in enumerate(inputs, 1)}
    return Step("Einsum", {"": equation, **operands})


PARTS: Mapping[str, Callable[..., Any]] = {
    "Crop": crop,
    "EinsumOf": einsum,
    "EmbeddingLookup": embedding_lookup,
    "FlipLeftRight": flipped(-2),
    "FlipUpDown": flipped(-3),
    "Fliplr": flipped(1),
    "GatherOf": gather,
    "SliceOf": slice_of,
    "ArraySplit": split,
    "Split": split,
    "SplitSizes": split_sizes,
    "StridedSliceOf": strided_slice,
    "Unstack": unstack,
}
"""By the name of the operation in the tables of TensorFlow, or its class in Keras 3."""
