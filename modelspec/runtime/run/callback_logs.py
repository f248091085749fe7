"""Files that callbacks append to during a run: when a run is resumed from a checkpoint, they are
rewound to it.
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
    """The size in bytes of each file of a `TensorBoard` callback, by its path in the log folder;
    empty for other callbacks.
    """
    if not isinstance(callback, keras.callbacks.TensorBoard):
        return {}
    for writer in callback._writers.values():
        writer.flush()
    folder = Path(callback.log_dir)
    return {str(path.relative_to(folder)): path.stat().st_size for path in folder.glob(_EVENTS)}


def rewind(
    callbacks: Iterable[Any], start: Snapshot | None, others: int = 0, first_epoch: int = 0
) -> None:
    """Rewind the files to the state of a snapshot; later output is appended to them.

    In the state, `others` callbacks come before these, which count epochs from `first_epoch` on.

    Must be called before `set_model` of the callbacks, because some of them write then. Raises
    `RunError` (MS703).
    """
    for index, callback in enumerate(callbacks, others):
        try:
            if isinstance(callback, keras.callbacks.CSVLogger):
                _rewind_rows(callback, start.epoch - first_epoch if start is not None else 0)
            elif isinstance(callback, keras.callbacks.TensorBoard):
                _rewind_events(callback, _sizes(index, start))
        except OSError as error:
            raise cannot_write(Path(error.filename or "."), error) from None


def _sizes(index: int, start: Snapshot | None) -> Mapping[str, int] | None:
    """The result of `extent` when the snapshot was taken; None if the run did not have such a
    callback then.
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
    """New events are written to a new file in the same folder; TensorBoard reads them
    as one log.
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
