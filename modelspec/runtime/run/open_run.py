"""Opens a run folder: the resolved spec, and the model with the weights of the run.

    completed, or stopped by a signal   those of its model file
    killed, failed, still going on      those of its newest checkpoint

The model is built from the spec, never from the description of layers in a file: only arrays are
read from it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.core.diagnostics import Diagnostic
from modelspec.core.project import grants_for, places_for
from modelspec.core.settings import Context

from ..backend.process_state import own_state
from ..backend.weights.count_numbers import require_enough, require_numbers_of_run
from ..data import RunError, Table, open_source
from ..data.columns import binding_of
from ..data.skipped_rows import SkippedRows
from ..history import altered
from . import framework
from .atomic_files import digest
from .checkpoints import Store
from .folder import (
    CHECKPOINTS,
    HISTORY,
    MANIFEST,
    METRICS,
    MODEL,
    RESOLVED,
    SPEC,
    is_unbegun,
    is_written,
)
from .framework_errors import as_run_error
from .manifest import Manifest
from .row_sources import StandardInput, one_file, rows_of, standard_input
from .run_plugins import need_plugins, run_plugins
from .saver import Snapshot, latest
from .source_argument import source_of, with_own_header

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class SavedRun:
    """A run with weights."""

    directory: Path
    manifest: Manifest
    compiled: Compiled
    warnings: tuple[Diagnostic, ...] = ()
    """Warnings for users: which weights these are (MS778), an edited spec file (MS777)."""

    @property
    def model_path(self) -> Path:
        return self.directory / MODEL

    @own_state()
    def model(self, *, measured: bool) -> keras.Model:
        """The model at the end of the run, with adapters merged into the kernels; if `measured`,
        with its loss and metrics. Loads TensorFlow.

        Raises `RunError`: MS709 if the file is not the one that the run saved, MS777 if the spec is
        not the one that was trained, MS713 if all checkpoints are damaged, MS707 if the model
        cannot be loaded.
        """
        refuse_altered(self.directory, self.manifest)
        if has_model(self.directory, self.manifest):
            return self._from_file(measured)
        start = latest(Store(self.directory / CHECKPOINTS))
        if start is None:
            raise without_weights(self.directory, self.manifest)
        return self._from_checkpoint(start, measured)

    def _from_file(self, measured: bool) -> keras.Model:
        if not self.model_path.is_file() or digest(self.model_path) != self.manifest.model_hash:
            raise RunError.of(
                "MS709",
                f"`{self.model_path}` is not the model that this run saved: it was changed or"
                " damaged later",
                help="restore the file from a copy of the run, or train again",
            )
        file = self.compiled.file
        require_numbers_of_run(self.compiled, self.model_path)
        framework.load(file.seed, deterministic=file.runtime.deterministic)
        from ..backend import build
        from ..backend.attached_objective import at_place
        from ..backend.weights.run_weights import load_run_weights

        with as_run_error("the model cannot be loaded"):
            merged = self.compiled.merged  # as the file was saved
            model = build(merged if measured else replace(merged, training=None), pretrained=False)
            if measured:
                model.optimizer.build(model.trainable_variables)  # its values are in the file too
            load_run_weights(model, self.model_path)
            at_place(model, *self.manifest.reached)
        return model

    def _from_checkpoint(self, start: Snapshot, measured: bool) -> keras.Model:
        file, graph = self.compiled.file, self.compiled.graph
        numbers = sum(int(one.size) for one in start.tensors.values())
        if graph is not None:
            require_enough(numbers, graph.parameters, self.directory / CHECKPOINTS)
        framework.load(file.seed, deterministic=file.runtime.deterministic)
        from ..backend import build
        from ..backend.attached_objective import at_place

        with as_run_error("the model cannot be loaded"):
            from .training_state import State

            model = build(self.compiled, pretrained=False)
            model.optimizer.build(model.trainable_variables)
            State(model, ()).restore_weights(start.tensors)
            at_place(model, start.epoch, start.position)
            if self.compiled.plain is not None:
                from ..backend.adapters import merged

                return merged(self.compiled, model, measured=measured)
        return model


def open_run(directory: Path) -> SavedRun:
    """The run in a folder. Raises `RunError`: MS708 if it cannot be read, MS713 if it has no
    weights, MS777 if its resolved spec is not the one that was trained.
    """
    manifest = Manifest.read(directory)
    compiled = read_resolved(directory, manifest)
    refuse_altered(directory, manifest)
    warnings = grant_warnings(directory) + edited(directory, manifest)
    if not has_model(directory, manifest):
        if not Store(directory / CHECKPOINTS).committed():
            raise without_weights(directory, manifest)
        message = (
            f"the run in `{directory}` did not finish; using the weights of its newest checkpoint"
        )
        warnings += (
            Diagnostic("MS778", "warning", message, None, (), _go_on(directory, manifest)),
        )
    return SavedRun(directory, manifest, compiled, warnings)


def has_model(directory: Path, manifest: Manifest) -> bool:
    """Whether the model file has the final weights: if the run did not end, a checkpoint is newer,
    if there is one.
    """
    left = (directory / MODEL).exists() and manifest.model_hash is not None
    ended = manifest.outcome in ("completed", "interrupted")
    return left and (ended or not Store(directory / CHECKPOINTS).committed())


def without_weights(directory: Path, manifest: Manifest) -> RunError:
    """MS713."""
    why = why_no_model(directory, manifest)
    return RunError.of(
        "MS713",
        f"the run in `{directory}` has neither a model nor a checkpoint: {why}",
        help=_go_on(directory, manifest),
    )


def _go_on(directory: Path, manifest: Manifest) -> str | None:
    if manifest.outcome == "completed" or is_written(directory):
        return None
    return f"`modelspec resume {directory}` continues it"


def refuse_altered(directory: Path, manifest: Manifest) -> None:
    """Raises `RunError` (MS777) if the resolved spec exists, but is not the one that the run
    trained.
    """
    what = altered(directory, manifest.values).get(RESOLVED)
    if what is not None and (directory / RESOLVED).exists():
        raise RunError.of(
            "MS777",
            f"`{directory / RESOLVED}` {what}: it is not the spec that was trained",
            help="restore the file from a copy of the run, or train again",
        )


def edited(directory: Path, manifest: Manifest) -> tuple[Diagnostic, ...]:
    """MS777, as a warning, if the original spec file has changed, or a file with results."""
    found = altered(directory, manifest.values)
    results = tuple(
        Diagnostic("MS777", "warning", f"`{directory / name}` {found[name]}", None)
        for name in (MANIFEST, METRICS, HISTORY)
        if name in found
    )
    what = found.get(SPEC)
    if what is None:
        return results
    message = f"`{directory / SPEC}` {what}; the change has no effect: the run uses `{RESOLVED}`"
    return (
        *results,
        Diagnostic(
            "MS777",
            "warning",
            message,
            None,
            (),
            "`modelspec train` trains an edited spec, in a new run",
        ),
    )


def why_no_model(directory: Path, manifest: Manifest) -> str:
    """The reason, as part of a sentence."""
    if manifest.outcome == "running":
        return (
            "it is still being trained"
            if is_written(directory)
            else "it was killed before it saved a model"
        )
    if manifest.model_hash is not None:
        return f"it saved a model, but `{MODEL}` does not exist"
    return f"it {'was ' if manifest.outcome == 'interrupted' else ''}{manifest.outcome}"


def require_begun(directory: Path, manifest: Manifest) -> None:
    """Raises `RunError` (MS708) for a run whose training has not begun."""
    if not is_unbegun(directory):
        return
    if is_written(directory):
        raise RunError.of("MS708", f"the run in `{directory}` is still preparing its data")
    command = (
        f"modelspec train {quote(manifest.spec_path or 'SPEC')} --run-dir {quote(str(directory))}"
    )
    raise RunError.of(
        "MS708",
        f"the run in `{directory}` was killed before its training began",
        help=f"start it again: `{command}`",
    )


def read_resolved(directory: Path, manifest: Manifest) -> Compiled:
    """The resolved spec. Raises `RunError` (MS708, MS857)."""
    path = directory / RESOLVED
    require_begun(directory, manifest)
    need_plugins(directory, manifest)
    context = run_context(directory, manifest)
    checked = compile_spec(path, context=context)
    errors = [
        one
        for one in checked.diagnostics
        if one.severity == "error" and one.code not in _OF_ESTIMATES
    ]
    if not errors and checked.value is not None and checked.value.data is not None:
        return checked.value
    if errors and all(one.code in _OUT_OF_REACH for one in errors):
        raise RunError([replace(one, help=_reach(context)) for one in errors])
    notes = [str(one) for one in errors[:3]]
    raise RunError.of(
        "MS708", f"`{path}` is not a spec of a run that this version can read", notes=notes
    )


_OUT_OF_REACH = ("MS210", "MS682")
_OF_ESTIMATES = ("MS810",)
"""A later version may count parameters differently; its runs are still valid."""


def _reach(context: Context) -> str:
    """The help on how to allow a run to read the files of its spec."""
    return (
        f"its paths are relative to {context.folder}: run modelspec there; or, to allow this run"
        f" to read all files there, pass `--data-root {context.folder}`"
    )


def run_context(directory: Path, manifest: Manifest) -> Context:
    """The folder that the spec's paths are relative to, and the grants of the user.

    An untrusted manifest may name any folder: only a folder below the working directory, or in a
    granted place, becomes the project. Otherwise paths are relative to the folder of the run, but
    cannot be read until it is granted; this is checked when a file is opened, because a run can be
    used with other data if its training data is not accessible.
    """
    folder, here = manifest.spec_folder, Path.cwd().resolve()
    directory = directory.resolve()
    places = replace(places_for(here) + places_for(directory), when_opened=True)
    plugins = run_plugins(directory, manifest).plugins
    context = Context(folder=here, project=here, places=places, plugins=plugins, run=directory)
    if folder is not None and folder.is_absolute():
        folder = folder.resolve()
        if folder.is_relative_to(here):
            return replace(context, folder=folder)
        if places.hold(folder):
            return replace(context, folder=folder, project=folder)
        if directory.is_relative_to(folder):
            return replace(context, folder=folder, project=directory)
    return context


def grant_warnings(directory: Path) -> tuple[Diagnostic, ...]:
    """Warnings about the places that `run_context` grants: MS137 for a project that is not trusted,
    MS138, MS139.
    """
    folders = (Path.cwd().resolve(), directory.resolve())
    return tuple(dict.fromkeys(one for found in folders for one in grants_for(found).warnings))


def table_for(run: SavedRun, source: str, skipped: SkippedRows | None = None) -> Table:
    """The table of a SOURCE as written by the user: a path whose extension determines its kind, or
    `kind=path`; a row as a JSON object; one image; `-` for standard input.

    Settings of the spec for a source of this kind (e.g. words for missing values) apply too, except
    the delimiter and header of a CSV file, which are detected again. With `skipped`, rows of
    another width (CSV) and files that cannot be decoded (images) are skipped and recorded there.
    Raises `RunError` (MS601, MS739).
    """
    from ..data.lenient_sources import open_leniently

    sources = tuple(run.compiled.data.sources.values()) if run.compiled.data else ()
    here = Path.cwd()  # the user who names it may read it, an address too
    places = replace(places_for(here), everywhere=True)
    plugins = run.compiled.file.context.plugins
    context = Context(folder=here, project=Path(here.anchor), places=places, plugins=plugins)
    found = rows_of(source, run.compiled, skipped) or one_file(source, sources)
    if found is not None:
        return found
    kind, kept = standard_input(source, sources), None
    if kind is not None:
        kept = StandardInput(kind)
        source, context = f"{kind}={kept.name}", kept.context
    with plugins.active():
        settings = source_of(source, sources, context)
    columns = tuple(
        name for bound in binding_of(run.compiled).inputs.values() for name in bound.names
    )
    settings = with_own_header(settings, columns, context)
    table = (
        open_source(settings, context)
        if skipped is None
        else open_leniently(settings, context, skipped)
    )
    table.kept = kept
    return table
