"""The checkpoints of a run: written so that each commits as one, read so that nothing damaged is
ever used.
"""

from __future__ import annotations

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
from modelspec.runtime.data.errors import RunError

from ..atomic_files import cannot_write
from .disk import remove, sync_folder, write_new
from .tensors import Array, Content, Damaged, read_tensors, write_tensors

TENSORS = "tensors.safetensors"
INDEX = "index.json"

_FORMAT = 1
_NAME = re.compile(r"(\d{6,})-step-(\d+)")
_BESIDE = "."
"""What a folder's name starts with while it is being written or removed."""
_LARGEST_INDEX = 2**28
_KINDS = {"name": str, "position": int, "state": dict, "tensors": dict}
_TENSORS_KINDS = {"size": int, "header": str, "sha256": dict}


@dataclass(frozen=True)
class Checkpoint:
    """A training as it was, every byte of it as it was written."""

    position: int
    """Steps of the run, all epochs counted."""
    state: Mapping[str, Any]
    """What is no tensor: counters, history, seeds."""
    path: Path
    arrays: Mapping[str, Array]

    def tensors(self) -> Mapping[str, Array]:
        """Every tensor by its name."""
        return self.arrays


class Store:
    """A folder of checkpoints, of which the newest `keep` stay. One process writes it (see
    `RunFolder`).
    """

    def __init__(self, folder: Path, keep: int = 3) -> None:
        self.folder = folder
        self.keep = keep
        self.refused: list[Diagnostic] = []
        """Checkpoints that `latest` found damaged (MS741)."""

    def write(
        self, position: int, tensors: Mapping[str, Array], state: Mapping[str, Any] | str
    ) -> Path:
        """Commits a checkpoint: it is there, whole and forced to disk, when this returns, or it is
        not there at all.

        The state is JSON's values, or their text already. Raises `RunError` (MS740) where the disk
        does not take it; those before it stay as they are.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._sweep()
            path = self._commit(position, tensors, state)
        except OSError as error:
            self._sweep()
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
        """The newest checkpoint that is whole; those that are not are listed in `refused`, and
        passed over.
        """
        self.refused = []
        for path in reversed(self.committed()):
            try:
                return _read(path)
            except (Damaged, OSError) as error:
                said = (
                    str(error)
                    if isinstance(error, Damaged)
                    else (error.strerror or str(error)).lower()
                )
                self.refused.append(
                    Diagnostic(
                        "MS741",
                        "warning",
                        f"the checkpoint `{path}` is damaged and is not used: {said}",
                        None,
                    )
                )
        return None

    def committed(self) -> list[Path]:
        """Every checkpoint, the oldest first; none is looked into."""
        try:
            found = [path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)]
        except OSError:
            return []
        return sorted(found, key=_serial)

    def _next(self) -> int:
        committed = self.committed()
        return _serial(committed[-1]) + 1 if committed else 1

    def _forget(self) -> None:
        """Removes those that are too old. A folder that is half removed must not look like a
        checkpoint.
        """
        for path in self.committed()[: -self.keep]:
            beside = path.with_name(f"{_BESIDE}{path.name}")
            with suppress(OSError):
                path.rename(beside)
                remove(beside)

    def _sweep(self) -> None:
        """Removes what a process left behind that ended while it wrote."""
        with suppress(OSError):
            for path in self.folder.iterdir():
                if path.name.startswith(_BESIDE) and _NAME.fullmatch(path.name[len(_BESIDE) :]):
                    remove(path)


def _serial(path: Path) -> int:
    match = _NAME.fullmatch(path.name)
    assert match is not None
    return int(match[1])


def _not_committed(folder: Path, position: int, error: OSError) -> RunError:
    """MS740, with what the disk says."""
    told = cannot_write(folder, error).diagnostics[0]
    notes = [note.message for note in told.notes]
    return RunError.of(
        "MS740",
        f"the checkpoint of step {position:,} could not be written: {told.message}",
        notes=[*notes, "the checkpoint before it is whole"],
        help=told.help,
    )


# The index ----------------------------------------------------------------------------------------


def as_text(value: Any) -> str:
    """JSON without a space, which the encoder written in C writes: a checkpoint is to take little
    from the training.
    """
    return json.dumps(value, separators=(",", ":"))


def _index(name: str, position: int, content: Content, state: Mapping[str, Any] | str) -> bytes:
    tensors = {"size": content.size, "header": content.header, "sha256": dict(content.tensors)}
    known = as_text({"format": _FORMAT, "name": name, "position": position, "tensors": tensors})
    text = state if isinstance(state, str) else as_text(state)
    body = f'{known[:-1]},"state":{text}'.encode()
    return body + _closing(body)


def _closing(body: bytes) -> bytes:
    """What an index ends with: the hash of every byte before."""
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
    if path.stat().st_size > _LARGEST_INDEX:
        raise Damaged(f"`{path.name}` is too large to be an index")
    text = path.read_bytes()
    body = text[: -len(_closing(b""))]
    if text[len(body) :] != _closing(
        body
    ):  # asked first, so that nothing that was changed is ever parsed
        raise Damaged(f"`{path.name}` is not what was written")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):  # a stranger can write a hash as well
        raise Damaged(f"`{path.name}` is no index") from None
    if not isinstance(found, dict) or found.get("format") != _FORMAT:
        raise Damaged(
            f"`{path.name}` is no index of the format {_FORMAT}, which this version reads"
        )
    if not _holds(found, _KINDS) or not _holds(found["tensors"], _TENSORS_KINDS):
        raise Damaged(f"`{path.name}` is no index")
    return found
