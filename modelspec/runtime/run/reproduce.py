"""`reproduce`: trains a run again from its own resolved spec, and compares the results bit for bit.

manifest     read; a run that did not end has no results to compare with
differences  versions, machine, threads, spec: reported in one table before the training; data
  when it is open
train        with the threads and oneDNN setting of the original run
compare      weights, history, metrics
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from modelspec.compiler.pipeline import Compiled

from ..data import Prepared, RunError
from ..history import Record, altered, read_record
from . import drift
from .drift import Difference
from .events import Watcher
from .folder import MODEL, RESOLVED, SPEC
from .framework import Pins
from .manifest import Manifest
from .open_run import read_resolved
from .result import Run
from .train import train
from .weight_reader import stored_weights
from .weight_tools import Compared, compared


@dataclass(frozen=True)
class Value:
    """One value that both runs have, or one of them."""

    name: str
    """`history: val_loss, epoch 3`, `metrics: test accuracy`."""
    was: float | None
    now: float | None

    @property
    def equal(self) -> bool:
        """To the bit."""
        if self.was is None or self.now is None:
            return self.was is self.now
        return struct.pack("<d", self.was) == struct.pack("<d", self.now)


@dataclass(frozen=True)
class Reproduction:
    """A run, and the results of training it again."""

    directory: Path
    run: Run
    """The new run."""
    weights: tuple[Compared, ...]
    values: tuple[Value, ...]
    """The history and metrics, value by value."""
    differences: tuple[Difference, ...] = ()
    """The differences of the environment."""

    @property
    def equal(self) -> bool:
        """Whether weights, history and metrics are the same to the bit."""
        return all(one.equal for one in self.weights) and all(one.equal for one in self.values)

    def as_json(self) -> dict[str, Any]:
        return {
            "run": str(self.directory),
            "again": str(self.run.directory),
            "equal": self.equal,
            "weights": [one.as_json() for one in self.weights],
            "values": [
                {"name": one.name, "was": one.was, "now": one.now, "equal": one.equal}
                for one in self.values
            ],
            "differences": [one.as_json() for one in self.differences],
        }


@dataclass(frozen=True)
class _Resolved:
    """The arguments of `train`."""

    compiled: Compiled


def reproduce(
    run_dir: str | PathLike[str],
    into: str | PathLike[str] | None = None,
    *,
    allow_inexact: bool = False,
    watcher: Watcher | None = None,
) -> Reproduction:
    """Train a completed run again in the folder `into` (the next `runs/<name>/<n>` by default), and
    compare.

    Raises `RunError`: MS773 for a run that was not completed, MS772 if versions, machine or data
    differ from those of the original run, unless `allow_inexact`; and the errors of `train`.
    """
    directory = Path(fspath(run_dir))
    manifest = Manifest.read(directory)
    _require_an_end(directory, manifest)
    compiled = read_resolved(directory, manifest)
    pins = Pins.here(manifest.values.get("backend"))
    differences = [*_of_text(directory, manifest), *drift.of_environment(manifest, pins)]
    _refuse(directory, differences, allow_inexact)

    def look(prepared: Prepared) -> None:
        differences.extend(drift.of_data(manifest, prepared))
        _refuse(directory, differences, allow_inexact)

    again = train(
        _Resolved(compiled),
        None if into is None else Path(fspath(into)),
        watcher=watcher,
        pins=pins,
        look=look,
    )
    with (
        stored_weights(directory, optimizer=True) as was,
        stored_weights(again.directory, optimizer=True) as now,
    ):
        weights = tuple(compared(was, now))
    values = tuple(_values(_record(directory), _record(again.directory)))
    return Reproduction(directory, again, weights, values, tuple(differences))


def _require_an_end(directory: Path, manifest: Manifest) -> None:
    if manifest.outcome != "completed":
        raise RunError.of(
            "MS773",
            f"the run in `{directory}` was not completed, so it has no results to compare with",
            help=f"`modelspec resume {directory}` continues it",
        )
    if not (directory / MODEL).is_file():
        raise RunError.of(
            "MS773",
            f"the `{MODEL}` of the run in `{directory}` does not exist, so its weights cannot be"
            " compared",
        )


def _of_text(directory: Path, manifest: Manifest) -> Iterator[Difference]:
    written = (manifest.values.get("spec") or {}).get("resolved_sha256")
    found = sha256((directory / RESOLVED).read_bytes()).hexdigest()
    if written != found:
        yield Difference(RESOLVED, str(written)[:12], found[:12])
    if (what := altered(directory, manifest.values).get(SPEC)) is not None:
        yield Difference(SPEC, "as it was trained", what, harmless=True)
    if manifest.values.get("inexact") is True:
        yield Difference("the run itself", "resumed inexactly", "trained in one go")


def _refuse(directory: Path, differences: list[Difference], allow_inexact: bool) -> None:
    mattering = [one for one in differences if not one.harmless]
    if mattering and not allow_inexact:
        changed = drift.changed(mattering)
        raise RunError.of(
            "MS772",
            f"the run in `{directory}` cannot be reproduced to the bit: {changed}",
            notes=drift.table(differences),
            help=(
                "reproduce it in the original environment, or pass `--allow-inexact` to see how"
                " far the results differ"
            ),
        )


def _record(directory: Path) -> Record:
    read = read_record(directory)
    if read.value is None or not read.ok:  # an edited file is a warning
        raise RunError(read.diagnostics)
    return read.value


def _values(was: Record, now: Record) -> Iterator[Value]:
    for name in dict.fromkeys((*was.history, *now.history)):
        one, other = was.history.get(name, ()), now.history.get(name, ())
        for epoch in range(max(len(one), len(other))):
            yield Value(f"history: {name}, epoch {epoch + 1}", _at(one, epoch), _at(other, epoch))
    for part in dict.fromkeys((*was.by_part, *now.by_part)):
        before, after = was.by_part.get(part, {}), now.by_part.get(part, {})
        yield from _metrics(part, before, after)


def _metrics(part: str, before: Mapping[str, float], after: Mapping[str, float]) -> Iterator[Value]:
    for name in dict.fromkeys((*before, *after)):
        yield Value(f"metrics: {part} {name}", before.get(name), after.get(name))


def _at(values: tuple[float, ...], position: int) -> float | None:
    return values[position] if position < len(values) else None
