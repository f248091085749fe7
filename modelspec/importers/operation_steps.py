"""Operations on tensors as a tree: a call in a file becomes one step, or several nested ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .architecture import Source, Unreadable

FORMULA_HELP = "write it as a formula: `modelspec explain Expression`"


class Step(NamedTuple):
    """An operation under the class name of Keras 3."""

    kind: str
    arguments: Mapping[str, Any]
    """Tensors, steps and constants, by name or by position; the first has no name."""


def is_tensor(value: Any) -> bool:
    """Whether a value is a tensor of the model, or the result of a step."""
    return isinstance(value, (Source, Step))


RESULT = "Result"
"""The kind of a step that selects one result of another: `("", position)`."""


def step(kind: str, *positional: Any, **named: Any) -> Step:
    """A step; a named argument that is None is left out."""
    numbered = {str(place or ""): value for place, value in enumerate(positional)}
    return Step(kind, {**numbered, **{key: one for key, one in named.items() if one is not None}})


def index(x: Any, *parts: Any) -> Step:
    """`x[parts]`."""
    return step("GetItem", x, list(parts))


ELLIPSIS: Mapping[str, str] = {"class_name": "__ellipsis__"}


def part(start: Any = None, stop: Any = None, stride: Any = None) -> dict[str, Any]:
    """A slice, as files contain it."""
    return {"start": start, "stop": stop, "step": stride}


def along(x: Any, axis: int, item: Any) -> Step:
    """`x` with an index or a slice of one axis."""
    if axis >= 0:
        return index(x, *[part()] * axis, item)
    return index(x, ELLIPSIS, item, *[part()] * (-axis - 1))


def whole(value: Any, what: str) -> int:
    """An integer setting. Raises `Unreadable` for anything else."""
    if type(value) is not int:
        raise Unreadable(f"its {what} is not an integer of the file", FORMULA_HELP)
    return value


def wholes(value: Any, what: str) -> list[int]:
    """A list of integers, or one. Raises `Unreadable` for anything else."""
    items = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return [whole(one, what) for one in items]


def number(value: Any, what: str) -> float | int:
    """A number. Raises `Unreadable` for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Unreadable(f"its {what} is not a number of the file", FORMULA_HELP)
    return value
