"""An array in a file of weights, known by shape and dtype before anything of it is read; and what
refuses a file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from modelspec.runtime.data.errors import RunError

Array: TypeAlias = NDArray[Any]

_SEE = "save it again with Keras, e.g. `model.save_weights('NAME.weights.h5')`"


@dataclass(frozen=True)
class Entry:
    """One array. `read` gives it, in C order; it is asked for only where the shape is the one that
    is needed.
    """

    name: str
    """Where in the file it is."""
    shape: tuple[int, ...]
    read: Callable[[], Array]


def refused(shown: str, what: str, help: str = _SEE) -> RunError:
    """A file that asks for what no file of weights needs (MS751)."""
    return RunError.of("MS751", f"`{shown}` is refused: {what}", help=help)


def broken(shown: str, what: str) -> RunError:
    """A file that cannot be read as what its ending says (MS750)."""
    return RunError.of(
        "MS750", f"`{shown}` cannot be read: {what}", help="get or write the file again"
    )


def from_bfloat16(bits: Array) -> Array:
    """float32 values of bfloat16 numbers that are given as their 16 bits: the upper half of a
    float32.
    """
    values: Array = (bits.astype(np.uint32) << 16).view(np.float32)
    return values
