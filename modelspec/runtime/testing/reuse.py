"""Runs that can be reused: one with the same fingerprint was accepted or completed, or can be
resumed.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from modelspec.core.source.regular_files import read_regular

from ..history import Record, read_record
from ..history.baseline import Baseline
from ..history.fingerprint import Fingerprint
from ..history.listing import run_folders
from ..history.machine import machine
from ..history.run_files import MANIFEST

RUNS: Final = Path("runs")
"""Where runs are made, below the working directory."""
_MOST: Final = 64 * 2**20
"""The most bytes of a manifest."""
_SHOWN: Final = 6
"""The most parts of a fingerprint that are named if several differ."""


@dataclass(frozen=True)
class Known:
    """The fingerprint of an existing run."""

    path: Path
    name: str
    outcome: str
    started: str
    fingerprint: Fingerprint


class Runs:
    """The runs below a folder, by fingerprint. Their manifests are read once."""

    def __init__(self, folder: Path = RUNS) -> None:
        found = [one for path in run_folders(folder) if (one := _known(path)) is not None]
        self.all = sorted(found, key=lambda one: one.started, reverse=True)
        self._by_digest: Mapping[str, list[Known]] = _grouped(self.all)

    def completed(self, fingerprint: Fingerprint) -> Record | None:
        """The newest completed run with this fingerprint and with metrics."""
        for one in self._by_digest.get(fingerprint.digest, ()):
            record = _record(one.path) if one.outcome == "completed" else None
            if record is not None and record.is_exact and record.by_part:
                return record
        return None

    def stopped(self, fingerprint: Fingerprint) -> Record | None:
        """The newest run with this fingerprint that was interrupted or killed, and has a
        checkpoint; on this processor, since `resume` refuses others.
        """
        for one in self._by_digest.get(fingerprint.digest, ()):
            record = _record(one.path) if one.outcome in ("interrupted", "running") else None
            if (
                record is not None
                and record.state in ("interrupted", "killed")
                and record.is_exact
                and record.has_checkpoint
                and record.text("machine", "cpu") == machine()["cpu"]
            ):
                return record
        return None


def explained(fingerprint: Fingerprint, name: str, runs: Runs, baseline: Baseline | None) -> str:
    """Why no run can be reused: the parts in which the nearest run, or the baseline, differs."""
    candidates = [("the baseline", baseline.fingerprint)] if baseline is not None else []
    candidates += [(str(one.path), one.fingerprint) for one in runs.all if one.name == name]
    found = [(where, fingerprint.differences(one)) for where, one in candidates if one is not None]
    if not found:
        return "it has no run, and no baseline with a fingerprint"
    where, parts = min(found, key=lambda one: len(one[1]))
    if not parts:
        return f"{where} has the same fingerprint, but no usable result"
    return f"differs from {where} in {_listed(parts)}"


def _listed(parts: tuple[str, ...]) -> str:
    more = f" and {len(parts) - _SHOWN} more" if len(parts) > _SHOWN else ""
    return ", ".join(parts[:_SHOWN]) + more


def _grouped(found: Iterable[Known]) -> dict[str, list[Known]]:
    groups: defaultdict[str, list[Known]] = defaultdict(list)
    for one in found:
        groups[one.fingerprint.digest].append(one)
    return dict(groups)


def _known(path: Path) -> Known | None:
    try:
        manifest: Any = json.loads(read_regular(path / MANIFEST, _MOST))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(manifest, dict):
        return None
    fingerprint = Fingerprint.read(manifest.get("fingerprint"))
    if fingerprint is None:
        return None
    name, outcome, started = (
        str(manifest.get(key) or "") for key in ("name", "outcome", "started")
    )
    return Known(path, name, outcome, started, fingerprint)


def _record(path: Path) -> Record | None:
    read = read_record(path)
    return read.value if read.ok and not read.diagnostics else None
