"""The steps of a formula that a training step keeps for the backward pass.

The gradient of a product requires its factors, that of a `tanh` its result, that of a sum nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from modelspec.core.dtypes import is_float
from modelspec.core.shapes import Shape, Tensor

from .elementwise import BATCH
from .tree import Call, Choice, Constant, Formula, Index, Name, Node, Result, children, walk
from .type_inference import inference

_SAVES_RESULT = frozenset(
    [
        "elu",
        "exp",
        "expm1",
        "log_softmax",
        "logsumexp",
        "relu",
        "relu6",
        "rsqrt",
        "selu",
        "sigmoid",
        "softmax",
        "sqrt",
        "tanh",
    ]
)
_SAVES_BOTH = frozenset(["max", "min", "normalize", "prod", "std"])
_SAVES_NOTHING = frozenset(
    [
        "add",
        "all",
        "any",
        "arange",
        "argmax",
        "argmin",
        "argsort",
        "cast",
        "ceil",
        "concatenate",
        "cumsum",
        "depth_to_space",
        "diag",
        "equal",
        "expand_dims",
        "eye",
        "flip",
        "floor",
        "floor_divide",
        "gather",
        "greater",
        "greater_equal",
        "irfft",
        "isfinite",
        "isinf",
        "isnan",
        "istft",
        "less",
        "less_equal",
        "logical_and",
        "logical_not",
        "logical_or",
        "logical_xor",
        "mean",
        "negative",
        "not_equal",
        "one_hot",
        "ones_like",
        "pad",
        "patches",
        "repeat",
        "reshape",
        "resize",
        "rfft",
        "roll",
        "round",
        "segment_sum",
        "sign",
        "sort",
        "space_to_depth",
        "squeeze",
        "stack",
        "stft",
        "stop_gradient",
        "subtract",
        "sum",
        "swapaxes",
        "take_along_axis",
        "tile",
        "top_k",
        "transpose",
        "tril",
        "triu",
        "zeros_like",
    ]
)
"""All other functions keep their operands."""
_SAME_MEMORY = frozenset(("expand_dims", "reshape", "squeeze"))


class SavedSteps(NamedTuple):
    """The saved tensors of a formula that propagates a gradient."""

    inputs: bool
    """The tensors in the formula."""
    result: bool
    between: tuple[Tensor, ...]


def saved_steps(
    formula: Formula, tensors: Mapping[str, Tensor], constants: Mapping[str, Tensor]
) -> SavedSteps:
    """The steps of a formula on such tensors. The formula must be valid for them."""
    run = inference(formula, tensors, constants)
    run.operand(formula.root)
    kept = {id(one): one for one in _kept(formula.root)}
    between = [
        Tensor(_batched(run.shapes[key]), run.dtypes[key])
        for key, one in kept.items()
        if isinstance(one, (Call, Index, Result)) and one is not formula.root
    ]
    return SavedSteps(
        any(isinstance(one, Name) for one in kept.values()),
        id(formula.root) in kept,
        tuple(one for one in between if is_float(one.dtype)),
    )


def _kept(root: Node) -> Iterator[Node]:
    for node in walk(root):
        if not isinstance(node, Call) or node.function in _SAVES_NOTHING:
            continue
        if node.function in _SAVES_RESULT or node.function in _SAVES_BOTH:
            yield node
        if node.function not in _SAVES_RESULT and not _by_number(node):
            yield from (_memory(one) for one in children(node))


def _by_number(node: Call) -> bool:
    """Whether it is a product with a number: its gradient then only requires that number."""
    taken = list(children(node))
    numbers = [isinstance(one, (Constant, Choice)) for one in taken]
    return any(numbers) if node.function == "multiply" else node.function == "divide" and numbers[1]


def _memory(node: Node) -> Node:
    """The step whose memory a step shares."""
    while isinstance(node, Call) and node.function in _SAME_MEMORY:
        node = next(children(node))
    return node


def _batched(shape: Shape) -> Shape:
    """The shape with an unknown batch size."""
    return tuple(None if size == BATCH else size for size in shape)
