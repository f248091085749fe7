"""The files of a run folder, and whether some process is writing it."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import Final

LOCK: Final = ".lock"
MANIFEST: Final = "manifest.json"
MODEL: Final = "model.keras"
RESOLVED: Final = "resolved.yaml"
SPEC: Final = "spec.yaml"
HISTORY: Final = "history.csv"
METRICS: Final = "metrics.json"
CHECKPOINTS: Final = "checkpoints"
REPORT: Final = "report.html"


def is_written(path: Path) -> bool:
    """Whether some process is writing the run folder just now."""
    try:
        with (path / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
