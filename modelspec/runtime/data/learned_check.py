"""Whether the learned state in a run folder has the form of one: the file may be from anybody.

A layer is given learned settings without the checks of a spec. A string in place of a vocabulary,
for example, is the path of a file for Keras, so only values of the types that are learned pass.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from modelspec.catalog.layers.layer import Layer

from .adapted_state import FeatureState, State
from .columns import Bound, Key
from .errors import RunError
from .state_arrays import Arrays

_LONGEST: Final = 2**31 - 1
"""The largest length or number of bins."""


def check_learned(state: State, bounds: Mapping[Key, Bound], shown: str) -> None:
    """Raises `RunError` (MS631) if the state is not one of a spec with these features."""
    for key, bound in bounds.items():
        one, (part, name) = state.features.get(key), key
        wrong = "it has no entry for it" if one is None else _problem(one, bound)
        if wrong:
            raise RunError.of(
                "MS631",
                f"`{shown}` does not fit `{name}` in `{part}` of the spec: {wrong}",
                help="train again, or get the file from a copy of the run",
            )


def _problem(one: FeatureState, bound: Bound) -> str | None:
    """The first error in the state of a feature."""
    layers = bound.chain.layers if bound.chain is not None else ()
    if len(one.learned) != len(layers) and bound.chain is not None:
        return f"it has {len(one.learned)} layers, and the transform has {len(layers)}"
    if not all(_is_plain(value) for value in one.fill.values()):
        return "a replacement of missing values is neither a number nor a string"
    if one.length is not None and not 0 < one.length <= _LONGEST:
        return f"its length is {one.length}"
    for layer, known in zip(layers, one.learned, strict=True) if layers else ():
        for name, value in (known or {}).items():
            if not _fits(layer, name, value):
                return f"`{name}` of `{layer.kind()}` is not a value that is learned"
    return None


def _fits(layer: Layer, name: str, value: Any) -> bool:
    if name != "state" and name not in type(layer).model_fields:
        return False
    check = _CHECKS.get(name)
    if check is None:  # other settings are at most a flag or a number
        return value is None or isinstance(value, (bool, int, float))
    return value is None or check(value)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, str))


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and math.isfinite(value)


def _are_numbers(value: Any) -> bool:
    """A number, or nested tuples of numbers."""
    return all(map(_are_numbers, value)) if isinstance(value, tuple) else _is_number(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LONGEST


def _are_tokens(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(one, (str, int)) for one in value)


def _is_token(value: Any) -> bool:
    return isinstance(value, (str, int)) and not isinstance(value, bool)


def _are_statistics(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(name, str) and _are_numbers(one) for name, one in value.items()
    )


_CHECKS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "mean": _are_numbers,
    "variance": _are_numbers,
    "idf_weights": _are_numbers,
    "bin_boundaries": _are_numbers,
    "num_bins": _is_count,
    "length": _is_count,
    "output_sequence_length": _is_count,
    "vocabulary": _are_tokens,
    "mask_token": _is_token,
    "padding_token": _is_token,
    "oov_token": _is_token,
    "learned": _are_statistics,
    "state": lambda value: isinstance(value, Arrays),
}
"""By setting: what its learned values look like."""
