"""One side of a comparison: a spec, or the folder of a run with its results."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.compiler.spec.data_split import SPLITS
from modelspec.core.diagnostics import Checked, Fault
from modelspec.core.plugins import plugins_for
from modelspec.core.settings import Context

RESOLVED: Final = "resolved.yaml"
_MOST: Final = 50_000_000
"""Maximum size of a history in bytes."""


@dataclass(frozen=True)
class Side:
    """One side. For a run it has `metrics` by part of the data, and `history` with a row per
    epoch.
    """

    name: str
    compiled: Compiled
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    history: tuple[Mapping[str, float], ...] = ()


def open_side(path: str, overrides: Mapping[str, Any] | None = None) -> Checked[Side | None]:
    """A spec from its file (`-`: standard input), or a run from its folder; None if it has errors.

    A run without a resolved spec, or with unreadable files, is reported as MS716.
    """
    folder = Path(path)
    if path == "-" or not folder.is_dir():
        return _side(path, compile_spec(path, overrides))
    if not (folder / RESOLVED).is_file():
        fault = Fault(
            "MS716",
            f"`{path}` is a folder but not a run: it has no `{RESOLVED}`",
            help="pass a spec, or the folder of a run, e.g. `runs/digits/1`",
        )
        return Checked(None, (fault.at(None),))
    try:
        metrics, history = _metrics(folder / "metrics.json"), _history(folder / "history.csv")
    except (OSError, ValueError) as error:
        fault = Fault("MS716", f"the results of the run in `{path}` cannot be read: {error}")
        return Checked(None, (fault.at(None),))
    return _side(path, compile_resolved(folder / RESOLVED, overrides), metrics, history)


def _side(
    name: str,
    compiled: Checked[Compiled | None],
    metrics: Mapping[str, Mapping[str, float]] | None = None,
    history: tuple[Mapping[str, float], ...] = (),
) -> Checked[Side | None]:
    right = compiled.ok and compiled.value is not None and compiled.value.graph is not None
    side = (
        Side(name, compiled.value, metrics or {}, history)
        if right and compiled.value is not None
        else None
    )
    return Checked(side, compiled.diagnostics)


def compile_resolved(
    path: Path, overrides: Mapping[str, Any] | None = None
) -> Checked[Compiled | None]:
    """The resolved spec of a run. Its paths are relative to the folder of the original spec: they
    are not followed here.
    """
    here = path.parent.resolve()
    plugins = plugins_for(Path.cwd(), here).plugins
    context = Context(folder=here, project=Path(here.anchor), plugins=plugins)
    return compile_spec(path, overrides, context)


def _metrics(path: Path) -> dict[str, dict[str, float]]:
    """Metrics by part of the data. Raises `ValueError` if the file contains other data."""
    if not path.is_file():
        return {}
    found = json.loads(_text(path))
    parts = [found.get(part, {}) for part in SPLITS] if isinstance(found, dict) else [found]
    if not all(isinstance(one, dict) for one in parts):
        raise ValueError(f"`{path.name}` contains no metrics")
    return {
        part: {str(name): _number(value) for name, value in one.items()}
        for part, one in zip(SPLITS, parts, strict=True)
        if one
    }


def _history(path: Path) -> tuple[dict[str, float], ...]:
    """A row for each epoch, without empty cells and the names of stages (the second column). Raises
    `ValueError` if a cell is not a number.
    """
    if not path.is_file():
        return ()
    rows = csv.DictReader(io.StringIO(_text(path)))
    names = [name for at, name in enumerate(rows.fieldnames or ()) if (at, name) != (1, "stage")]
    return tuple({name: _number(row[name]) for name in names if row.get(name)} for row in rows)


def _text(path: Path) -> str:
    if path.stat().st_size > _MOST:
        raise ValueError(f"`{path.name}` is larger than {_MOST // 1_000_000} MB")
    return path.read_text(encoding="utf-8")


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"{str(value)[:40]!r} is not a number")
    return float(value)
