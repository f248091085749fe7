"""Files that callbacks add to while a run goes on: with a run that goes back to a checkpoint, they
go back as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import keras

from .atomic_files import cannot_write, write_bytes
from .saver import Snapshot

_EVENTS = "**/events.out.tfevents.*"


def extent(callback: Any) -> dict[str, int]:
    """How many bytes each file of a `TensorBoard` has, by its path in the folder of its logs;
    nothing of others.
    """
    if not isinstance(callback, keras.callbacks.TensorBoard):
        return {}
    for writer in callback._writers.values():
        writer.flush()
    folder = Path(callback.log_dir)
    return {str(path.relative_to(folder)): path.stat().st_size for path in folder.glob(_EVENTS)}


def rewind(callbacks: Iterable[Any], start: Snapshot | None) -> None:
    """Have files hold what they held when a snapshot was taken, and what follows be added to them.

    To be called before a model is given to the callbacks, which is when some of them write. Raises
    `RunError` (MS703).
    """
    for index, callback in enumerate(callbacks):
        try:
            if isinstance(callback, keras.callbacks.CSVLogger):
                _rewind_rows(callback, start.epoch if start is not None else 0)
            elif isinstance(callback, keras.callbacks.TensorBoard):
                _rewind_events(callback, _sizes(index, start))
        except OSError as error:
            raise cannot_write(Path(error.filename or "."), error) from None


def _sizes(index: int, start: Snapshot | None) -> Mapping[str, int] | None:
    """What `extent` said when the snapshot was taken; None where the run had no such callback
    then.
    """
    if start is None:
        return {}
    kept = start.state["callbacks"]
    same = index < len(kept) and kept[index]["name"] == "TensorBoard"
    return kept[index].get("files") if same else None


def _rewind_rows(callback: Any, epochs: int) -> None:
    path = Path(callback.filename)
    if path.exists():
        lines = path.read_bytes().splitlines(keepends=True)
        whole = [line for line in lines if line.endswith(b"\n")]
        write_bytes(path, b"".join(whole[: 1 + epochs]))
        callback.append = True


def _rewind_events(callback: Any, sizes: Mapping[str, int] | None) -> None:
    """What comes next goes into a file of its own, in the same folder: TensorBoard reads them as
    one.
    """
    if sizes is None:
        return
    folder = Path(callback.log_dir)
    for path in folder.glob(_EVENTS):
        size = sizes.get(str(path.relative_to(folder)), 0)
        if size:
            os.truncate(path, min(size, path.stat().st_size))
        else:
            path.unlink()
    if sizes:
        callback.write_graph = False  # it is there
