"""`resume`: go on where a run stopped, so that it ends as it would have ended without the stop.

folder      locked; manifest and resolved spec read          before any framework is loaded
checkpoint  the newest that is whole; without one the run begins again
differences spec, data, versions, machine: told in one table; only harmless ones are gone on with
framework   loaded as it was
loop        from the checkpoint to the end
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.core.diagnostics import Diagnostic
from modelspec.core.source import plain

from ..backend.process_state import own_state
from ..data import Prepared, RunError
from ..data.batches import steps
from . import drift, framework
from .checkpoints import Store
from .drift import Difference
from .events import Watcher
from .folder import CHECKPOINTS, RESOLVED, RunFolder
from .framework import Pins
from .initial_weights import starting_weights
from .manifest import Manifest, Record
from .open_run import grant_warnings, read_resolved, run_context
from .result import Run, opened
from .run_data import prepared_data
from .saver import Snapshot, latest
from .session import go
from .signals import Signals
from .train import make_loop, require_training, room


@own_state()
def resume(
    run_dir: str | PathLike[str],
    overrides: Mapping[str, Any] | None = None,
    *,
    allow_inexact: bool = False,
    watcher: Watcher | None = None,
) -> Run:
    """Go on with a run from its newest checkpoint; one that ended is given as it is, unless epochs
    are added to it.

    `overrides` are values by path: `{"training.epochs": 30}`. Where something differs that would
    change numbers, the run is refused (MS720), or gone on with where `allow_inexact`: its manifest
    then says so for ever. Raises `RunError` and `Interrupted` as `train` does.
    """
    directory, watcher = Path(fspath(run_dir)), watcher or Watcher()
    if has_ended(directory, overrides):
        return opened(directory)
    with RunFolder.reopen(directory) as folder, Signals() as signals, _watched(watcher):
        manifest = Manifest.read(directory)  # once more, now that nobody else writes it
        was = read_resolved(directory, manifest)
        compiled = _overridden(directory, manifest, was, overrides)
        training = require_training(compiled)
        folder.needs(*room(compiled, training))
        start = _start(folder, watcher)
        pins = Pins.here(manifest.values.get("backend"))
        watcher.warned(grant_warnings(directory))
        prepared = prepared_data(compiled, pins=pins, directory=directory)
        watcher.warned(prepared.warnings)
        going_on = _Resumption(directory, manifest, allow_inexact)
        going_on.compare(was, compiled, prepared, start, pins)
        watcher.loading()
        loop = make_loop(prepared, training, pins, pretrained=start is None)
        going_on.add(drift.of_backend(manifest, framework.backend()))
        record = going_on.record(folder, prepared, start)
        return go(loop, record, signals, watcher, start)


def has_ended(directory: Path, overrides: Mapping[str, Any] | None = None) -> bool:
    """Whether nothing is left to be done in a run: it was completed, and no epochs are added. Loads
    no framework.

    Raises `RunError` (MS708) where the folder holds no run.
    """
    manifest = Manifest.read(directory)
    if manifest.outcome != "completed":
        return False
    was = read_resolved(directory, manifest)
    epochs = _overridden(directory, manifest, was, overrides).training
    assert was.training is not None
    return epochs is None or epochs.epochs <= was.training.epochs


@contextmanager
def _watched(watcher: Watcher) -> Iterator[None]:
    """However it ends, the watcher is told."""
    try:
        yield
    except BaseException:
        watcher.ended()
        raise


def _overridden(
    directory: Path, manifest: Manifest, was: Compiled, overrides: Mapping[str, Any] | None
) -> Compiled:
    """The resolved spec with values of the command line in it. Raises `RunError` with the faults of
    these.
    """
    if not overrides:
        return was
    checked = compile_spec(directory / RESOLVED, overrides, run_context(directory, manifest))
    if checked.ok and checked.value is not None:
        return checked.value
    raise RunError([one for one in checked.diagnostics if one.severity == "error"])


def _start(folder: RunFolder, watcher: Watcher) -> Snapshot | None:
    store = Store(folder.file(CHECKPOINTS))
    start = latest(store)
    watcher.warned(tuple(store.refused))
    if start is None:
        said = f"the run in `{folder.path}` has no checkpoint that can be used: it begins again"
        watcher.warned((Diagnostic("MS723", "warning", said, None),))
    return start


@dataclass
class _Resumption:
    """What differs, and whether it may."""

    directory: Path
    manifest: Manifest
    allow_inexact: bool

    def __post_init__(self) -> None:
        self.differences: list[Difference] = []

    def compare(
        self, was: Compiled, now: Compiled, prepared: Prepared, start: Snapshot | None, pins: Pins
    ) -> None:
        """Everything that can be compared before a framework is loaded. Raises `RunError`
        (MS720).
        """
        assert now.training is not None
        per_epoch = steps(len(prepared.parts["train"]), now.training.batch_size)
        begun = -(-start.position // per_epoch) if start is not None else 0
        found = [*self._of_text(), *drift.of_spec(_values(was), _values(now), begun)]
        if start is not None:
            found += drift.of_callbacks(start)
        else:
            found += drift.of_weights(self.manifest, starting_weights(now))
        self.add(
            [
                *found,
                *drift.of_data(self.manifest, prepared),
                *drift.of_environment(self.manifest, pins),
            ]
        )

    def _of_text(self) -> Iterator[Difference]:
        """Of the resolved spec's text and the one that the run wrote."""
        spec = self.manifest.values.get("spec")
        written = spec.get("resolved_sha256") if isinstance(spec, dict) else None
        found = sha256((self.directory / RESOLVED).read_bytes()).hexdigest()
        if written != found:
            yield Difference(RESOLVED, str(written)[:12], found[:12])

    def add(self, found: Iterator[Difference] | list[Difference]) -> None:
        """Further ones. Raises `RunError` (MS720) where any of them matters and nothing allows
        it.
        """
        self.differences += [one for one in found if one not in self.differences]
        mattering = [one for one in self.differences if not one.harmless]
        if mattering and not self.allow_inexact:
            count = "one thing is" if len(mattering) == 1 else f"{len(mattering)} things are"
            raise RunError.of(
                "MS720",
                f"the run in `{self.directory}` cannot go on exactly: {count} not as it was",
                notes=drift.table(self.differences),
                help=(
                    "go on where it is as it was, or with `--allow-inexact`, which the manifest"
                    " keeps for ever"
                ),
            )

    def record(self, folder: RunFolder, prepared: Prepared, start: Snapshot | None) -> Record:
        """The manifest, which now says that the run went on, and from where."""
        inexact = any(not one.harmless for one in self.differences)
        place = {"epoch": start.epoch + 1, "step": start.step} if start is not None else None
        record = Record.reopen(
            folder,
            self.manifest,
            checkpoint=place,
            inexact=inexact,
            differences=[one.as_json() for one in self.differences],
        )
        record.data(prepared)
        if start is None:
            record.starts_from(starting_weights(prepared.compiled))
        return record


def _values(compiled: Compiled) -> Any:
    """The spec as plain values, its epochs among them."""
    values = plain(compiled.file.document.root)
    assert isinstance(values, dict)
    training = values.get("training")
    if isinstance(training, dict) and compiled.training is not None:
        values = {**values, "training": {**training, "epochs": compiled.training.epochs}}
    return values
