"""A run folder, opened again: the resolved spec, and the model with the weights that the run left.

    completed, or stopped by a signal   those of its model file
    killed, failed, still going on      those of its newest checkpoint

The model is built from the spec, never from what a file says of layers: of that only numbers are
read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.core.diagnostics import Diagnostic
from modelspec.core.project import grants_for, places_for
from modelspec.core.settings import Context

from ..backend.process_state import own_state
from ..data import RunError, Table, open_source
from ..data.columns import binding_of
from ..data.skipped_rows import SkippedRows
from ..history import altered
from . import framework
from .atomic_files import digest
from .checkpoints import Store
from .folder import CHECKPOINTS, MODEL, RESOLVED, SPEC, is_written
from .framework_errors import told
from .manifest import Manifest
from .row_sources import StandardInput, one_image, rows_of, standard_input
from .saver import Snapshot, latest
from .source_argument import source_of, with_own_header

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class SavedRun:
    """A run that left weights."""

    directory: Path
    manifest: Manifest
    compiled: Compiled
    warnings: tuple[Diagnostic, ...] = ()
    """What whoever uses it should know: which weights these are (MS778), a text that was edited
    (MS777).
    """

    @property
    def model_path(self) -> Path:
        return self.directory / MODEL

    @own_state()
    def model(self, *, measured: bool) -> keras.Model:
        """The model as the run left it, with its loss and metrics where it is to be `measured`.
        Loads TensorFlow.

        Raises `RunError`: MS709 where the file is not the one that the run saved, MS777 where the
        spec is not the one that it trained, MS713 where no checkpoint is whole, MS707 where the
        model cannot be loaded.
        """
        refuse_altered(self.directory, self.manifest)
        if has_model(self.directory, self.manifest):
            return self._from_file(measured)
        start = latest(Store(self.directory / CHECKPOINTS))
        if start is None:
            raise without_weights(self.directory, self.manifest)
        return self._from_checkpoint(start)

    def _from_file(self, measured: bool) -> keras.Model:
        from ..backend import build

        if not self.model_path.is_file() or digest(self.model_path) != self.manifest.model_hash:
            raise RunError.of(
                "MS709",
                f"`{self.model_path}` is not the model that this run saved: it was changed or "
                "damaged since",
                help="train again, or get the file from a copy of the run",
            )
        file = self.compiled.file
        framework.load(file.seed, deterministic=file.runtime.deterministic)
        with told("the model cannot be loaded"):
            model = build(
                self.compiled if measured else replace(self.compiled, training=None),
                pretrained=False,
            )
            if measured:
                model.optimizer.build(model.trainable_variables)  # its numbers are in the file too
            model.load_weights(self.model_path)
        return model

    def _from_checkpoint(self, start: Snapshot) -> keras.Model:
        from ..backend import build

        file = self.compiled.file
        framework.load(file.seed, deterministic=file.runtime.deterministic)
        with told("the model cannot be loaded"):
            from .training_state import State

            model = build(self.compiled, pretrained=False)
            model.optimizer.build(model.trainable_variables)
            State(model, ()).restore_weights(start.tensors)
        return model


def open_run(directory: Path) -> SavedRun:
    """The run in a folder. Raises `RunError`: MS708 where none can be read, MS713 where it left no
    weights, MS777 where its resolved spec is not the one that it trained.
    """
    manifest = Manifest.read(directory)
    compiled = read_resolved(directory, manifest)
    refuse_altered(directory, manifest)
    warnings = grant_warnings(directory) + edited(directory, manifest)
    if not has_model(directory, manifest):
        if not Store(directory / CHECKPOINTS).committed():
            raise without_weights(directory, manifest)
        said = (
            f"the run in `{directory}` did not end: these are the weights of its newest checkpoint"
        )
        warnings += (Diagnostic("MS778", "warning", said, None, (), _go_on(directory, manifest)),)
    return SavedRun(directory, manifest, compiled, warnings)


def has_model(directory: Path, manifest: Manifest) -> bool:
    """Whether the model file has what a run left: of one that did not end, a checkpoint is newer,
    if there is any.
    """
    left = (directory / MODEL).exists() and manifest.model_hash is not None
    ended = manifest.outcome in ("completed", "interrupted")
    return left and (ended or not Store(directory / CHECKPOINTS).committed())


def without_weights(directory: Path, manifest: Manifest) -> RunError:
    """MS713."""
    why = why_no_model(directory, manifest)
    return RunError.of(
        "MS713",
        f"the run in `{directory}` has no model: {why}, and it has no checkpoint",
        help=_go_on(directory, manifest),
    )


def _go_on(directory: Path, manifest: Manifest) -> str | None:
    if manifest.outcome == "completed" or is_written(directory):
        return None
    return f"`modelspec resume {directory}` goes on with it"


def refuse_altered(directory: Path, manifest: Manifest) -> None:
    """Raises `RunError` (MS777) where the resolved spec is there, and not the one that the run
    trained.
    """
    what = altered(directory, manifest.values).get(RESOLVED)
    if what is not None and (directory / RESOLVED).exists():
        raise RunError.of(
            "MS777",
            f"`{directory / RESOLVED}` {what}: it is not what was trained",
            help="get the file from a copy of the run, or train again",
        )


def edited(directory: Path, manifest: Manifest) -> tuple[Diagnostic, ...]:
    """MS777, as a warning, where the spec as it was written is another one by now."""
    what = altered(directory, manifest.values).get(SPEC)
    if what is None:
        return ()
    said = (
        f"`{directory / SPEC}` {what}; nothing follows from it any more: the run goes by"
        f" `{RESOLVED}`"
    )
    return (
        Diagnostic(
            "MS777",
            "warning",
            said,
            None,
            (),
            "`modelspec train` trains an edited spec, in a new run",
        ),
    )


def why_no_model(directory: Path, manifest: Manifest) -> str:
    """Half a sentence."""
    if manifest.outcome == "running":
        return (
            "it is still being trained"
            if is_written(directory)
            else "it was killed before it saved one"
        )
    if manifest.model_hash is not None:
        return f"it saved one, but `{MODEL}` is gone"
    return f"it {'was ' if manifest.outcome == 'interrupted' else ''}{manifest.outcome}"


def read_resolved(directory: Path, manifest: Manifest) -> Compiled:
    """The spec as it was run. Raises `RunError` (MS708)."""
    path = directory / RESOLVED
    context = run_context(directory, manifest)
    checked = compile_spec(path, context=context)
    if checked.ok and checked.value is not None and checked.value.data is not None:
        return checked.value
    errors = [one for one in checked.diagnostics if one.severity == "error"]
    if errors and all(one.code in _OUT_OF_REACH for one in errors):
        raise RunError([replace(one, help=_reach(context)) for one in errors])
    notes = [str(one) for one in errors[:3]]
    raise RunError.of(
        "MS708", f"`{path}` is not the spec of a run that this version can read", notes=notes
    )


_OUT_OF_REACH = ("MS210", "MS682")


def _reach(context: Context) -> str:
    """What lets a run read the files of its spec."""
    return (
        f"its paths start in {context.folder}: run modelspec there; or, if you let this run read"
        f" all that is there, give `--data-root {context.folder}`"
    )


def run_context(directory: Path, manifest: Manifest) -> Context:
    """Where the spec's paths start, and what the user granted.

    A manifest from a stranger may name any folder: only one below the working directory, or in a
    place that the user granted, becomes the project. In the folder that holds the run, paths start
    too, but lead nowhere until it is granted; they are judged when something is opened, since a run
    can be used for other data where those that it was trained on are out of reach.
    """
    folder, here = manifest.spec_folder, Path.cwd().resolve()
    directory = directory.resolve()
    places = replace(places_for(here) + places_for(directory), when_opened=True)
    if folder is not None and folder.is_absolute():
        folder = folder.resolve()
        if folder.is_relative_to(here):
            return Context(folder=folder, project=here, places=places)
        if places.hold(folder):
            return Context(folder=folder, project=folder, places=places)
        if directory.is_relative_to(folder):
            return Context(folder=folder, project=directory, places=places)
    return Context(folder=here, project=here, places=places)


def grant_warnings(directory: Path) -> tuple[Diagnostic, ...]:
    """What the user should know of the places that `run_context` grants: MS137 for a project that
    is not trusted, MS138, MS139.
    """
    folders = (Path.cwd().resolve(), directory.resolve())
    return tuple(dict.fromkeys(one for found in folders for one in grants_for(found).warnings))


def table_for(run: SavedRun, source: str, skipped: SkippedRows | None = None) -> Table:
    """The table of a SOURCE as a person writes it: a path whose ending tells its kind, or
    `kind=path`; a row as a JSON object; one image; `-` for standard input.

    Settings that the spec gives a source of this kind (words for missing values) hold for it too,
    but for the delimiter and the header of a csv file, which are found anew. With `skipped`, rows
    of another width (csv) and files that do not decode (images) are left out and noted
    there. Raises `RunError` (MS601, MS739).
    """
    from ..data.lenient_sources import open_leniently

    sources = tuple(run.compiled.data.sources.values()) if run.compiled.data else ()
    here = Path.cwd()  # whoever names it may read it, an address too
    places = replace(places_for(here), everywhere=True)
    context = Context(folder=here, project=Path(here.anchor), places=places)
    found = rows_of(source, run.compiled, skipped) or one_image(source, sources)
    if found is not None:
        return found
    kind, kept = standard_input(source, sources), None
    if kind is not None:
        kept = StandardInput(kind)
        source, context = f"{kind}={kept.name}", kept.context
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
