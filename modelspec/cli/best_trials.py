"""`modelspec runs --best`: the best trial of each sweep below a folder, from files."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelspec.core.diagnostics import Diagnostic
from modelspec.core.text_table import text_table
from modelspec.core.visible import visible
from modelspec.errors import RunError
from modelspec.runtime.history.formatting import brief
from modelspec.sweep.folder import FILE, TRIALS, best_in_file, read_folder
from modelspec.sweep.trials import Trial

from .output import report, write

_DEEPEST = 3
"""The depth of sweeps below the listed folder: `runs/<name>/sweep-<n>`."""


def write_best_trials(folder: Path, form: str) -> None:
    """The sweeps below a folder with their best trials; what cannot be read is a warning."""
    found: list[tuple[Path, int, Trial, list[str]]] = []
    for path in _sweeps(folder):
        try:
            trials = read_folder(path).trials()
            number, keys = best_in_file(path)
        except RunError as error:
            report([_as_warning(one) for one in error.diagnostics], sys.stderr)
            continue
        best = next((one for one in trials if one.number == number), None)
        if best is not None:
            found.append((path, len(trials), best, keys))
    if form == "json":
        write(json.dumps([_as_json(*one) for one in found], indent=2))
    elif not found:
        write(f"no sweeps with completed trials in `{visible(str(folder))}`")
    else:
        rows = [_row(*one) for one in found]
        write(text_table(["sweep", "trials", "best", "objective", "values"], rows, left=(0, 3, 4)))


def _sweeps(folder: Path) -> Iterator[Path]:
    level = [folder]
    for _ in range(_DEEPEST):
        below: list[Path] = []
        for path in level:
            if (path / FILE).is_file() and (path / TRIALS).is_file():
                yield path
            else:
                below += _folders(path)
        level = below


def _folders(path: Path) -> list[Path]:
    try:
        return sorted(one for one in path.iterdir() if one.is_dir() and not one.is_symlink())
    except OSError:
        return []


def _as_warning(one: Diagnostic) -> Diagnostic:
    return Diagnostic(one.code, "warning", one.message, None)


def _row(path: Path, count: int, best: Trial, keys: list[str]) -> list[str]:
    pairs = zip(keys, best.objectives, strict=False)
    objectives = ", ".join(f"{key} {brief(value)}" for key, value in pairs)
    values = ", ".join(f"{name}={value}" for name, value in best.values.items())
    return [str(path), str(count), str(best.number), objectives, values]


def _as_json(path: Path, count: int, best: Trial, keys: list[str]) -> dict[str, Any]:
    values = [one if math.isfinite(one) else None for one in best.objectives]
    return {
        "sweep": str(path),
        "trials": count,
        "best": best.number,
        "objectives": dict(zip(keys, values, strict=False)),
        "values": dict(best.values),
        "runs": list(best.runs),
    }
