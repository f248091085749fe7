"""`resume`: continue a run where it stopped, with the same results as without the stop.

folder      locked; manifest and resolved spec read          before any framework is loaded
checkpoint  the newest undamaged one; without one the run starts again
differences spec, data, versions, machine: reported in one table; only harmless ones are accepted
framework   loaded with the same settings
loop        from the checkpoint to the end
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.compiler.spec.training_section import Training
from modelspec.core.diagnostics import Diagnostic
from modelspec.core.source import plain

from ..backend.process_state import own_state
from ..data import Prepared, RunError
from ..data.in_memory import with_data
from ..distributed.agreement import agree
from ..distributed.cluster import taking_part
from ..distributed.worker_folder import own_folder
from . import drift, framework
from .checkpoints import Store
from .drift import Begun, Difference
from .events import Watcher
from .folder import CHECKPOINTS, RESOLVED, RunFolder, is_written
from .framework import Pins
from .initial_weights import starting_weights
from .manifest import Manifest, Record
from .open_run import grant_warnings, read_resolved, require_begun, run_context
from .result import Run, opened
from .run_data import prepared_data
from .saver import Snapshot, latest
from .session import go
from .signals import Signals
from .stopped_early import counted_again, raises_patience, was_stopped
from .train import make_loop, own_watcher, require_training, room
from .trained_stages import Origin, trained_stages


@own_state()
def resume(
    run_dir: str | PathLike[str],
    overrides: Mapping[str, Any] | None = None,
    *,
    data: object = None,
    allow_inexact: bool = False,
    watcher: Watcher | None = None,
    signals: Signals | None = None,
) -> Run:
    """Continue a run from its newest checkpoint; a completed run is returned unchanged, unless
    epochs are added to it, or the patience that ended it is raised.

    `overrides` are values by path: `{"training.epochs": 30}`. If there are differences that would
    change results, raises `RunError` (MS720); with `allow_inexact` the run continues, and its
    manifest records this permanently. `data` is the training data for a run that was trained on
    data of a program. Raises `RunError` and `Interrupted` as `train` does.
    """
    directory, watcher = Path(fspath(run_dir)), own_watcher(watcher)
    if not is_written(directory):
        require_begun(directory, Manifest.read(directory))
    if has_ended(directory, overrides):
        return _ended(directory)
    with (
        taking_part(),
        own_folder(directory.name, lambda: RunFolder.reopen(directory)) as folder,
        signals or Signals() as signals,
        _watched(watcher),
    ):
        manifest = Manifest.read(directory)  # read again, now that no other process writes it
        going_on = _Resumption(directory, manifest, allow_inexact)
        was = read_resolved(directory, manifest)
        compiled = _with(data, _overridden(directory, manifest, was, overrides))
        return _continued(folder, going_on, was, compiled, watcher, signals)


def _continued(
    folder: RunFolder,
    going_on: _Resumption,
    was: Compiled,
    compiled: Compiled,
    watcher: Watcher,
    signals: Signals,
) -> Run:
    """Trains a run, whose spec `was` another one or the same, to its end."""
    directory, manifest = going_on.directory, going_on.manifest
    training = require_training(compiled)
    folder.needs(*room(compiled, training))
    start = _start(directory, watcher)
    pins = Pins.here(manifest.values.get("backend"))
    prepared = _prepared(compiled, pins, directory, watcher)
    going_on.compare(was, compiled, prepared, start, pins)
    start = _not_stopping_again(start, manifest, was, prepared, training)
    agree(prepared, start)
    watcher.loading()
    loop = make_loop(prepared, training, pins, pretrained=start is None)
    going_on.add(drift.of_backend(manifest, framework.backend()))
    signals.require_none()
    record = going_on.record(folder, prepared, start)
    return go(loop, record, signals, watcher, start)


def _ended(directory: Path) -> Run:
    with suppress(RunError):  # removes what was left if it was killed while it wrote its report
        RunFolder.reopen(directory).close()
    return opened(directory)


def _with(data: object, compiled: Compiled) -> Compiled:
    return compiled if data is None else with_data(compiled, data)


def _prepared(compiled: Compiled, pins: Pins, directory: Path, watcher: Watcher) -> Prepared:
    watcher.warned(grant_warnings(directory))
    prepared = prepared_data(compiled, pins=pins, directory=directory)
    watcher.warned(prepared.warnings)
    return prepared


def has_ended(directory: Path, overrides: Mapping[str, Any] | None = None) -> bool:
    """Whether a run has nothing left to do: it was completed, no epochs are added, and the patience
    that ended it early is not raised. Loads no framework.

    Raises `RunError` (MS708) if the folder does not contain a run.
    """
    manifest = Manifest.read(directory)
    if manifest.outcome != "completed":
        return False
    was = read_resolved(directory, manifest)
    now = _overridden(directory, manifest, was, overrides).training
    assert was.training is not None
    if now is None:
        return True
    if was_stopped(manifest) and raises_patience(was.training, now):
        return False
    return now.epochs <= was.training.epochs


def without_effect(directory: Path, overrides: Mapping[str, Any] | None) -> list[str]:
    """The paths of the spec that overrides change in a run that has ended: none of them has an
    effect. Fewer epochs and a smaller patience are not among them: the run has trained for them.
    """
    manifest = Manifest.read(directory)
    was = read_resolved(directory, manifest)
    found = drift.of_spec(
        _values(was), _values(_overridden(directory, manifest, was, overrides)), drift.Begun(0)
    )
    return [one.what for one in found if not one.harmless and not drift.is_length(one.what)]


def _not_stopping_again(
    start: Snapshot | None,
    manifest: Manifest,
    was: Compiled,
    prepared: Prepared,
    training: Training,
) -> Snapshot | None:
    """For a run that was stopped early and gets more epochs, but no larger patience: it does not
    stop at the same epoch again.
    """
    stopped = manifest.outcome == "completed" and was_stopped(manifest)
    if start is None or not stopped or was.training is None:
        return start
    if raises_patience(was.training, training):
        return start
    return counted_again(start, trained_stages(prepared, training)[Origin.of(start).stage])


@contextmanager
def _watched(watcher: Watcher) -> Iterator[None]:
    """The watcher is notified, however it ends."""
    try:
        yield
    except BaseException:
        watcher.ended()
        raise


def _overridden(
    directory: Path, manifest: Manifest, was: Compiled, overrides: Mapping[str, Any] | None
) -> Compiled:
    """The resolved spec with overrides from the command line. Raises `RunError` with
    their errors.
    """
    if not overrides:
        return was
    checked = compile_spec(directory / RESOLVED, overrides, run_context(directory, manifest))
    if checked.ok and checked.value is not None:
        return checked.value
    raise RunError([one for one in checked.diagnostics if one.severity == "error"])


def _start(directory: Path, watcher: Watcher) -> Snapshot | None:
    store = Store(directory / CHECKPOINTS)
    start = latest(store)
    watcher.warned(tuple(store.refused))
    if start is None:
        message = f"the run in `{directory}` has no usable checkpoint; starting from the beginning"
        watcher.warned((Diagnostic("MS723", "warning", message, None),))
    return start


@dataclass
class _Resumption:
    """The differences, and whether they are accepted."""

    directory: Path
    manifest: Manifest
    allow_inexact: bool

    def __post_init__(self) -> None:
        self.differences: list[Difference] = []

    def compare(
        self, was: Compiled, now: Compiled, prepared: Prepared, start: Snapshot | None, pins: Pins
    ) -> None:
        """Compares everything that is known before a framework is loaded. Raises `RunError`
        (MS720).
        """
        assert now.training is not None
        begun = _begun(prepared, now.training, start)
        found = [*self._of_text(), *drift.of_spec(_values(was), _values(now), begun)]
        if start is not None:
            found += drift.of_callbacks(start)
        if start is None or any(one.loads for one in now.training.stages[begun.stage + 1 :]):
            found += drift.of_weights(self.manifest, starting_weights(now))
        self.add(
            [
                *found,
                *drift.of_data(self.manifest, prepared),
                *drift.of_plugins(self.manifest, now),
                *drift.of_environment(self.manifest, pins),
            ]
        )

    def _of_text(self) -> Iterator[Difference]:
        """The difference between the text of the resolved spec and the one that the run wrote."""
        spec = self.manifest.values.get("spec")
        written = spec.get("resolved_sha256") if isinstance(spec, dict) else None
        found = sha256((self.directory / RESOLVED).read_bytes()).hexdigest()
        if written != found:
            yield Difference(RESOLVED, str(written)[:12], found[:12])

    def add(self, found: Iterator[Difference] | list[Difference]) -> None:
        """Adds differences. Raises `RunError` (MS720) if any of them changes results and this is
        not allowed.
        """
        self.differences += [one for one in found if one not in self.differences]
        mattering = [one for one in self.differences if not one.harmless]
        if mattering and not self.allow_inexact:
            changed = drift.changed(mattering)
            raise RunError.of(
                "MS720",
                f"the run in `{self.directory}` cannot be resumed exactly: {changed}",
                notes=drift.table(self.differences),
                help=(
                    "resume in the original environment, or pass `--allow-inexact`, which the"
                    " manifest records permanently"
                ),
            )

    def record(self, folder: RunFolder, prepared: Prepared, start: Snapshot | None) -> Record:
        """The manifest, which now records that the run was resumed, and from where."""
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


def _begun(prepared: Prepared, training: Training, start: Snapshot | None) -> Begun:
    """How far the run was at a checkpoint."""
    if start is None:
        return Begun(0)
    origin, stages = Origin.of(start), trained_stages(prepared, training)
    if origin.stage >= len(stages):
        raise RunError.of(
            "MS722",
            f"the checkpoint is one of stage {origin.stage + 1}, but the training has"
            f" {len(stages)}",
        )
    stage = stages[origin.stage]
    return Begun(-(-(start.position - origin.position) // stage.steps), origin.stage)


def _values(compiled: Compiled) -> Any:
    """The spec as plain values, including its epochs."""
    values = plain(compiled.file.document.root)
    assert isinstance(values, dict)
    training = values.get("training")
    of_stages = compiled.training is not None and compiled.training.stages
    if isinstance(training, dict) and compiled.training is not None and not of_stages:
        values = {**values, "training": {**training, "epochs": compiled.training.epochs}}
    return values
