"""The files that people read: `trials.json`, `trials.csv` and `best.yaml` of a sweep."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from modelspec.compiler.space import Space
from modelspec.compiler.spec.sweep_section import Sweep
from modelspec.core.spreadsheet_cells import inert
from modelspec.views.resolve import resolved_text

from .folder import BEST, TABLE, TRIALS, SweepFolder
from .trials import Trial, best_of, pareto


def write_trials(folder: SweepFolder, space: Space, trials: Sequence[Trial]) -> None:
    """Writes the trials so far. Raises `RunError` (MS703)."""
    sweep = space.sweep
    best = best_of(trials, sweep.objectives) if sweep.objectives else None
    values = {
        "format": 1,
        "objectives": [{"key": one.key, "maximize": one.maximize} for one in sweep.objectives],
        "parameters": [one.path for one in space.parameters],
        "planned": sweep.trials,
        "best": best.number if best is not None else None,
        "front": [one.number for one in pareto(trials, sweep.objectives)]
        if len(sweep.objectives) > 1
        else None,
        "trials": [one.as_json() for one in trials],
    }
    folder.write(TRIALS, json.dumps(values, indent=1, default=str) + "\n")
    folder.write(TABLE, table(sweep, [one.path for one in space.parameters], trials))


def write_best(folder: SweepFolder, space: Space, trials: Sequence[Trial]) -> str | None:
    """Writes the spec of the best trial, and returns its text; None if no trial has results."""
    text = best_spec(space, trials)
    if text is not None:
        folder.write(BEST, text)
    return text


def best_spec(space: Space, trials: Sequence[Trial]) -> str | None:
    """The resolved spec of the best trial, as YAML."""
    best = best_of(trials, space.sweep.objectives) if space.sweep.objectives else None
    if best is None or not space.sweep.is_search:
        return None
    checked = space.compiled_with(best.values)
    return resolved_text(checked.value) if checked.ok and checked.value is not None else None


def table(sweep: Sweep, paths: Sequence[str], trials: Sequence[Trial]) -> str:
    """A row for each trial, as CSV: its state, values and objectives. Strings that a spreadsheet
    would run as formulas begin with an apostrophe.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    keys = [one.key for one in sweep.objectives]
    header = ["trial", "state", *paths, *keys, "epochs", "seconds", "reused", "run", "fault"]
    writer.writerow(map(inert, header))
    for one in trials:
        objectives = [*one.objectives, *([""] * (len(keys) - len(one.objectives)))]
        row = [
            one.number,
            one.state,
            *(cell(one.values, path) for path in paths),
            *objectives,
            len(one.curve) or "",
            "" if one.seconds is None else one.seconds,
            "yes" if one.is_reused else "",
            one.runs[0] if len(one.runs) == 1 else "",
            one.fault or "",
        ]
        writer.writerow(map(inert, row))
    return text.getvalue()


def cell(values: Mapping[str, Any], path: str) -> Any:
    """The value of a parameter in a table; empty if the trial does not set it."""
    if path not in values:
        return ""
    value = values[path]
    if value is None or isinstance(value, (bool, dict, list, tuple)):
        return json.dumps(value, default=str)
    return value
