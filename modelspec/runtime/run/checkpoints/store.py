"""The checkpoints of a run: each is committed atomically, and a damaged one is never used."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelspec.core.diagnostics import Diagnostic
from modelspec.core.source.own_files import read_own
from modelspec.runtime.data.errors import RunError

from ..atomic_files import cannot_write
from .disk import remove, sync_folder, write_new
from .tensors import Array, Content, Damaged, read_tensors, write_tensors

TENSORS = "tensors.safetensors"
INDEX = "index.json"

_FORMAT = 1
_NAME = re.compile(r"(\d{6,})-step-(\d+)")
_BESIDE = "."
"""The prefix of a folder's name while it is being written or removed."""
_LARGEST_INDEX = 2**28
_KINDS = {"name": str, "position": int, "state": dict, "tensors": dict}
_TENSORS_KINDS = {"size": int, "header": str, "sha256": dict}


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training, verified to be unchanged since it was written."""

    position: int
    """Steps of the run, all epochs counted."""
    state: Mapping[str, Any]
    """State other than tensors: counters, history, seeds."""
    path: Path
    arrays: Mapping[str, Array]

    def tensors(self) -> Mapping[str, Array]:
        """Every tensor by its name."""
        return self.arrays


class Store:
    """A folder of checkpoints that keeps the newest `keep`. Only one process writes it (see
    `RunFolder`).
    """

    def __init__(self, folder: Path, keep: int = 3) -> None:
        self.folder = folder
        self.keep = keep
        self.refused: list[Diagnostic] = []
        """Damaged checkpoints found by `latest` (MS741)."""

    def write(
        self, position: int, tensors: Mapping[str, Array], state: Mapping[str, Any] | str
    ) -> Path:
        """Commits a checkpoint: when this returns, it is complete and synced to disk; otherwise it
        does not exist.

        The state is JSON values, or JSON text. Raises `RunError` (MS740) if it cannot be written;
        earlier checkpoints are not changed.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.sweep()
            path = self._commit(position, tensors, state)
        except OSError as error:
            self.sweep()
            raise _not_committed(self.folder, position, error) from error
        self._forget()
        return path

    def _commit(
        self, position: int, tensors: Mapping[str, Array], state: Mapping[str, Any] | str
    ) -> Path:
        name = f"{self._next():06d}-step-{position}"
        beside, path = self.folder / f"{_BESIDE}{name}", self.folder / name
        beside.mkdir()
        content = write_tensors(beside / TENSORS, tensors)
        write_new(beside / INDEX, [_index(name, position, content, state)])
        sync_folder(beside)
        os.rename(beside, path)  # noqa: PTH104  # the operation itself, as the tests of crashes name it
        sync_folder(self.folder)
        return path

    def latest(self) -> Checkpoint | None:
        """The newest undamaged checkpoint; damaged ones are skipped and listed in `refused`."""
        self.refused = []
        for path in reversed(self.committed()):
            try:
                return _read(path)
            except (Damaged, OSError) as error:
                reason = (
                    str(error)
                    if isinstance(error, Damaged)
                    else (error.strerror or str(error)).lower()
                )
                self.refused.append(
                    Diagnostic(
                        "MS741",
                        "warning",
                        f"the checkpoint `{path}` is damaged and will not be used: {reason}",
                        None,
                    )
                )
        return None

    def committed(self) -> list[Path]:
        """Every checkpoint, the oldest first; none is opened."""
        try:
            names = os.listdir(self.folder)  # noqa: PTH208  # once per checkpoint: paths are slow
        except OSError:
            return []
        found = [self.folder / name for name in names if _NAME.fullmatch(name)]
        return sorted(found, key=_serial)

    def _next(self) -> int:
        committed = self.committed()
        return _serial(committed[-1]) + 1 if committed else 1

    def _forget(self) -> None:
        """Removes old checkpoints. A partly removed folder must not look like a checkpoint."""
        for path in self.committed()[: -self.keep]:
            beside = path.with_name(f"{_BESIDE}{path.name}")
            with suppress(OSError):
                path.rename(beside)
                remove(beside)

    def sweep(self) -> None:
        """Removes temporary folders of processes that ended during a write."""
        with suppress(OSError):
            for name in os.listdir(self.folder):  # noqa: PTH208  # as in `committed`
                if name.startswith(_BESIDE) and _NAME.fullmatch(name[len(_BESIDE) :]):
                    remove(self.folder / name)


def _serial(path: Path) -> int:
    match = _NAME.fullmatch(path.name)
    assert match is not None
    return int(match[1])


def _not_committed(folder: Path, position: int, error: OSError) -> RunError:
    """MS740, with the reason."""
    problem = cannot_write(folder, error).diagnostics[0]
    notes = [note.message for note in problem.notes]
    return RunError.of(
        "MS740",
        f"the checkpoint of step {position:,} could not be written: {problem.message}",
        notes=[*notes, "the previous checkpoint is intact"],
        help=problem.help,
    )


# The index ----------------------------------------------------------------------------------------


def as_text(value: Any) -> str:
    """JSON without spaces, which the fast encoder in C can write: checkpoints should not slow down
    the training.
    """
    return json.dumps(value, separators=(",", ":"))


def _index(name: str, position: int, content: Content, state: Mapping[str, Any] | str) -> bytes:
    tensors = {"size": content.size, "header": content.header, "sha256": dict(content.tensors)}
    known = as_text({"format": _FORMAT, "name": name, "position": position, "tensors": tensors})
    text = state if isinstance(state, str) else as_text(state)
    body = f'{known[:-1]},"state":{text}'.encode()
    return body + _closing(body)


def _closing(body: bytes) -> bytes:
    """The end of an index: the hash of all bytes before it."""
    return f',"sha256":"{hashlib.sha256(body).hexdigest()}"}}'.encode()


def _holds(found: Mapping[str, Any], kinds: Mapping[str, type]) -> bool:
    return all(isinstance(found.get(name), kind) for name, kind in kinds.items())


def _read(path: Path) -> Checkpoint:
    index = _read_index(path / INDEX)
    if index["name"] != path.name:
        raise Damaged(f"`{INDEX}` belongs to `{index['name']}`")
    listed = index["tensors"]
    content = Content(listed["size"], listed["header"], listed["sha256"])
    return Checkpoint(
        index["position"], index["state"], path, read_tensors(path / TENSORS, content)
    )


def _read_index(path: Path) -> dict[str, Any]:
    try:
        text = read_own(path.parent.parent, f"{path.parent.name}/{path.name}", _LARGEST_INDEX)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise Damaged(f"`{path.name}` is too large for an index") from None
        raise
    body = text[: -len(_closing(b""))]
    if text[len(body) :] != _closing(body):  # checked first, so that a changed file is never parsed
        raise Damaged(f"`{path.name}` was changed after it was written")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):  # a valid hash does not make it trusted
        raise Damaged(f"`{path.name}` is not an index") from None
    if not isinstance(found, dict) or found.get("format") != _FORMAT:
        raise Damaged(
            f"`{path.name}` is not an index of format {_FORMAT}, which this version reads"
        )
    if not _holds(found, _KINDS) or not _holds(found["tensors"], _TENSORS_KINDS):
        raise Damaged(f"`{path.name}` is not an index")
    return found
