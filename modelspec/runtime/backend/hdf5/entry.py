"""An array in a weight file, with shape and dtype before its data is read; and the errors for
rejected files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from modelspec.errors import RunError

Array: TypeAlias = NDArray[Any]

_SEE = "save it again with Keras, e.g. `model.save_weights('NAME.weights.h5')`"


@dataclass(frozen=True)
class Entry:
    """One array. `read` returns it in C order; it is called only if the shape is the required
    one.
    """

    name: str
    """Its path in the file."""
    shape: tuple[int, ...]
    read: Callable[[], Array]


def refused(shown: str, what: str, help: str = _SEE) -> RunError:
    """A file that uses features that no weight file needs (MS751)."""
    return RunError.of("MS751", f"`{shown}` was rejected: {what}", help=help)


def broken(shown: str, what: str) -> RunError:
    """A file that cannot be read in the format of its extension (MS750)."""
    return RunError.of(
        "MS750", f"`{shown}` cannot be read: {what}", help="download or save the file again"
    )


def from_bfloat16(bits: Array) -> Array:
    """The float32 values of bfloat16 numbers given as 16 bits, which are the upper half of a
    float32.
    """
    values: Array = (bits.astype(np.uint32) << 16).view(np.float32)
    return values
