"""Files that a command adds to a run that has ended: their hashes join those in its manifest."""

from __future__ import annotations

from pathlib import Path

from ..history.edited_files import ENDED, is_unchanged, sealed
from ..history.run_files import MANIFEST
from .atomic_files import digest, write_bytes
from .manifest import Manifest


def record_file(directory: Path, name: str) -> None:
    """Writes the SHA-256 of a file to the manifest of a run. A manifest that somebody edited stays
    as it is, so that the change is still reported. Raises `RunError` (MS703, MS708).
    """
    manifest = Manifest.read(directory)
    files = manifest.values.get("files")
    path = directory / MANIFEST
    if not isinstance(files, dict) or manifest.outcome not in ENDED:
        return
    if not is_unchanged(path.read_bytes()):
        return
    found = {**files, name: digest(directory / name)}
    write_bytes(path, sealed({**manifest.values, "files": found}))
