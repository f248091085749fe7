"""The path of a file in a repository."""

from __future__ import annotations

import os
from pathlib import Path, PurePath


def relative_path(file: str, root: Path | None = None) -> str:
    """The path from `root` (by default the working directory) to a file, with slashes and without
    `./` and `..`; unchanged where it is elsewhere, or not a file (`<stdin>`, `--set ...`).
    """
    if file.startswith(("<", "--")):
        return file
    try:
        found = PurePath(os.path.relpath(file, root))
    except ValueError:  # another drive of Windows
        return file
    return file if found.parts[:1] == ("..",) else found.as_posix()
