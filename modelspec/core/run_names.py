"""The names of the files and folders that a run writes into its folder."""

from __future__ import annotations

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
PREPROCESSING: Final = "preprocessing"
THRESHOLD: Final = "threshold.json"
PRESETS: Final = "presets"
LOGGED: Final = "logged-{kind}.jsonl"
"""What the logger of a plugin has logged."""

OWN: Final = frozenset(
    (
        *(LOCK, MANIFEST, MODEL, RESOLVED, SPEC, HISTORY, METRICS, CHECKPOINTS),
        *(REPORT, PREPROCESSING, THRESHOLD, PRESETS),
    )
)
"""All of them with a fixed name."""


def is_own(name: str) -> bool:
    """Whether a run writes a file or a folder of this name, which callbacks must not. Some file
    systems ignore case.
    """
    start, end = LOGGED.split("{kind}")
    lower = name.lower()
    return lower in OWN or (lower.startswith(start) and lower.endswith(end))
