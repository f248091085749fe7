"""The descriptions of a model in an HDF5 file: Keras 1 to 3 store them in attributes of the root.
They are read by a separate process.

Run as a module, this is that process: it prints the descriptions as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelspec.core import sandbox as apart

from .architecture import Unreadable
from .json_text import LARGEST

_NAMES = ("model_config", "training_config")
_WRITER = ("keras_version", "backend")
_LONGEST_WORD = 40


def read(path: Path) -> tuple[str | None, str | None, dict[str, str]]:
    """The architecture of the model, its compile settings, and the program that wrote the file, as
    far as it is in it. Raises `Unreadable`.
    """
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    with apart.start(__name__, str(path), stdin=nothing, stdout=pipe, stderr=nothing) as process:
        printed, _ = process.communicate()
    if process.returncode:
        raise Unreadable("the HDF5 library crashes on the file")
    answer = json.loads(printed)
    if "fault" in answer:
        raise Unreadable(answer["fault"])
    model, training = answer["found"]
    return model, training, answer["writer"]


def main() -> None:
    """Prints the descriptions in the file of the argument, or the error."""
    import h5py

    apart.limit()
    apart.limit_time()
    try:
        with h5py.File(sys.argv[1], "r") as opened:
            answer: dict[str, Any] = {
                "found": [_attribute(opened, name, h5py) for name in _NAMES],
                "writer": dict(_writer(opened, h5py)),
            }
    except Unreadable as error:
        answer = {"fault": str(error)}
    except (
        OSError,
        RuntimeError,
        ValueError,
        TypeError,
        KeyError,
        OverflowError,
        MemoryError,
    ) as error:
        answer = {"fault": f"the HDF5 file is damaged ({str(error)[:120]})"}
    sys.stdout.write(json.dumps(answer))


def _writer(file: Any, h5py: Any) -> Iterator[tuple[str, str]]:
    """The version of Keras and its backend; other values under these names are passed over."""
    for name in _WRITER:
        try:
            text = _attribute(file, name, h5py)
        except (Unreadable, UnicodeDecodeError):
            text = None
        if text is not None and len(text) < _LONGEST_WORD:
            yield name, text


def _attribute(file: Any, name: str, h5py: Any) -> str | None:
    if name not in file.attrs:
        return None
    found = file.attrs.get_id(name)
    text = h5py.check_string_dtype(found.dtype)
    if text is None or found.shape != () or (text.length or 0) > LARGEST:
        raise Unreadable(f"its attribute `{name}` is not a string")
    value = file.attrs[name]
    content = bytes(value).decode() if isinstance(value, bytes) else str(value)
    if len(content.encode()) > LARGEST:
        raise Unreadable(f"its attribute `{name}` is longer than the maximum of {LARGEST:,} bytes")
    return content


if __name__ == "__main__":
    main()
