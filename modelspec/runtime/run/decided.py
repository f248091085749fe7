"""Which expectations a run meets before it ends; its files contain the same once they
are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelspec.compiler.pipeline import Compiled

from ..history.decide import Decision, Results, baseline_of, decide, decisions_of
from ..history.record import Record as Written
from ..history.slices import PREFIXES, flat_few, flat_metrics
from .manifest import Manifest, Record
from .open_run import read_resolved

if TYPE_CHECKING:
    from .evaluate import Evaluation


def decided(
    compiled: Compiled,
    record: Record,
    reached: Mapping[str, Any],
    history: Mapping[str, Sequence[float]],
    by_part: Mapping[str, Mapping[str, float]],
    slices: Mapping[str, float],
    few: Iterable[str],
) -> dict[str, dict[str, Any]]:
    """The decisions as in `metrics.json`. `reached` contains the epochs and seconds that the
    manifest will have.
    """
    if not compiled.expectations:
        return {}
    written = Written(
        record.folder.path,
        {**record.values, **reached},
        {name: tuple(values) for name, values in history.items()},
        by_part,
        slices=slices,
        few_slices=frozenset(few),
    )
    return as_json(decisions_of(written, compiled))


def decided_of_part(directory: Path, found: Evaluation) -> dict[str, dict[str, Any]]:
    """The expectations for a part of the run's own data that was measured again, decided by these
    numbers. Raises `RunError` (MS708) where the run cannot be read.
    """
    manifest = Manifest.read(directory)
    compiled = read_resolved(directory, manifest)
    here = tuple(one for one in compiled.expectations if one.part == found.on and one.over is None)
    if not here or found.on not in PREFIXES:
        return {}
    sliced = {found.on: found.slices}
    results = Results(
        {
            **{f"{PREFIXES[found.on]}{name}": value for name, value in found.metrics.items()},
            **flat_metrics(sliced),
        },
        few=flat_few(sliced),
    )
    baseline = baseline_of(compiled, manifest.spec_path)
    return as_json(decide(compiled, results, baseline, here))


def as_json(decisions: Iterable[Decision]) -> dict[str, dict[str, Any]]:
    """Decisions by their keys."""
    return {one.key: one.as_json() for one in decisions}
