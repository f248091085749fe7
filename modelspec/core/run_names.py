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

OWN: Final = frozenset(
    (
        *(LOCK, MANIFEST, MODEL, RESOLVED, SPEC, HISTORY, METRICS, CHECKPOINTS),
        *(REPORT, PREPROCESSING, THRESHOLD, PRESETS),
    )
)
"""All of them: callbacks must not write any of these."""
