"""One side of a comparison: a spec, or the folder of a run with what came of it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.core.diagnostics import Checked, Fault
from modelspec.core.settings import Context

RESOLVED: Final = "resolved.yaml"
_MOST: Final = 50_000_000
"""Bytes of a history that are read."""


@dataclass(frozen=True)
class Side:
    """One side. `metrics` by part of the data, and `history` a row per epoch, are those of a
    run.
    """

    name: str
    compiled: Compiled
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    history: tuple[Mapping[str, float], ...] = ()


def open_side(path: str, overrides: Mapping[str, Any] | None = None) -> Checked[Side | None]:
    """A spec by its file (`-`: standard input), or a run by its folder; None where it has errors.

    A run that left no resolved spec, or whose files cannot be read, is MS716.
    """
    folder = Path(path)
    if path == "-" or not folder.is_dir():
        return _side(path, compile_spec(path, overrides))
    if not (folder / RESOLVED).is_file():
        fault = Fault(
            "MS716",
            f"`{path}` is a folder, and no run: it has no `{RESOLVED}`",
            help="give a spec, or the folder of a run, e.g. `runs/digits/1`",
        )
        return Checked(None, (fault.at(None),))
    try:
        metrics, history = _metrics(folder / "metrics.json"), _history(folder / "history.csv")
    except (OSError, ValueError) as error:
        fault = Fault("MS716", f"the results of the run in `{path}` cannot be read: {error}")
        return Checked(None, (fault.at(None),))
    return _side(path, _compiled(folder / RESOLVED, overrides), metrics, history)


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


def _compiled(path: Path, overrides: Mapping[str, Any] | None) -> Checked[Compiled | None]:
    """The spec that a run left. Its paths start at the folder of the spec that was run: they are
    not followed here.
    """
    here = path.parent.resolve()
    return compile_spec(path, overrides, Context(folder=here, project=Path(here.anchor)))


def _metrics(path: Path) -> dict[str, dict[str, float]]:
    """Metrics by part of the data. Raises `ValueError` where the file holds something else."""
    if not path.is_file():
        return {}
    found = json.loads(_text(path))
    if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
        raise ValueError(f"`{path.name}` holds no metrics")
    return {
        str(part): {str(name): _number(value) for name, value in one.items()}
        for part, one in found.items()
    }


def _history(path: Path) -> tuple[dict[str, float], ...]:
    """A row for each epoch, empty cells left out. Raises `ValueError` where a cell is no number."""
    if not path.is_file():
        return ()
    rows = csv.DictReader(io.StringIO(_text(path)))
    return tuple(
        {name: _number(cell) for name, cell in row.items() if name and cell} for row in rows
    )


def _text(path: Path) -> str:
    if path.stat().st_size > _MOST:
        raise ValueError(f"`{path.name}` is larger than {_MOST // 1_000_000} MB")
    return path.read_text(encoding="utf-8")


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"{str(value)[:40]!r} is no number")
    return float(value)
