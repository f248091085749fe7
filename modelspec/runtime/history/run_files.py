"""The files of a run folder, and whether a process is writing it."""

from __future__ import annotations

import fcntl
import re
from pathlib import Path
from typing import Final

from modelspec.core.run_names import CHECKPOINTS as CHECKPOINTS
from modelspec.core.run_names import HISTORY as HISTORY
from modelspec.core.run_names import LOCK as LOCK
from modelspec.core.run_names import MANIFEST as MANIFEST
from modelspec.core.run_names import METRICS as METRICS
from modelspec.core.run_names import MODEL as MODEL
from modelspec.core.run_names import REPORT as REPORT
from modelspec.core.run_names import RESOLVED as RESOLVED
from modelspec.core.run_names import SPEC as SPEC
from modelspec.core.source.own_files import open_own

BASELINES: Final = "baselines"
"""The folder beside a spec with the baselines of accepted runs."""


def is_written(path: Path) -> bool:
    """Whether a process is writing the run folder now."""
    try:
        with open_own(path, LOCK) as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def file_name(name: str) -> str:
    """A spec's name as the name of a folder or a file."""
    return re.sub(r"[^\w.+-]+", "_", name).strip(".") or "model"


def numbered_folder(parent: Path) -> Path:
    """A new folder `parent/<n>`, where n is one more than the highest existing one. Raises
    `OSError`.
    """
    number = max((int(one.name) for one in parent.iterdir() if one.name.isdecimal()), default=0)
    while True:
        number += 1
        path = parent / str(number)
        try:
            path.mkdir()
        except FileExistsError:  # another process was faster
            continue
        return path
