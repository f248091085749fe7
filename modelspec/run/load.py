"""A run folder, opened again: the resolved spec, and the model with the weights that the run saved.

The model is built from the spec, never from what the model file says of layers: of that only numbers are read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..data import RunError, Table, open_source
from ..pipeline import Compiled, compile_document
from ..settings import Context, Faults, Settings, read_form
from ..source import read
from ..spec.data import SOURCES
from . import framework
from .files import digest
from .folder import MODEL, RESOLVED, is_written
from .manifest import Manifest
from .train import told

if TYPE_CHECKING:
    import keras

_ENDINGS = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".npz": "npz"}


@dataclass(frozen=True)
class SavedRun:
    """A run that left a model."""

    directory: Path
    manifest: Manifest
    compiled: Compiled

    @property
    def model_path(self) -> Path:
        return self.directory / MODEL

    def model(self, *, measured: bool) -> keras.Model:
        """The model as the run left it, with its loss and metrics where it is to be `measured`. Loads TensorFlow.

        Raises `RunError`: MS709 where the file is not the one that the run saved, MS707 where it cannot be loaded.
        """
        from ..backend import build

        if not self.model_path.is_file() or digest(self.model_path) != self.manifest.model_hash:
            raise RunError.of("MS709", f"`{self.model_path}` is not the model that this run saved: it was changed or "
                                       "damaged since", help="train again, or get the file from a copy of the run")
        file = self.compiled.file
        framework.load(file.seed, deterministic=file.runtime.deterministic)
        with told("the model cannot be loaded"):
            model = build(self.compiled if measured else replace(self.compiled, training=None))
            if measured:
                model.optimizer.build(model.trainable_variables)  # its numbers are in the file too
            model.load_weights(self.model_path)
        return model


def open_run(directory: Path) -> SavedRun:
    """The run in a folder. Raises `RunError`: MS708 where none can be read, MS713 where it left no model."""
    manifest = Manifest.read(directory)
    if not (directory / MODEL).exists() or manifest.model_hash is None:
        raise RunError.of("MS713", f"the run in `{directory}` has no model: {_why_not(directory, manifest)}")
    return SavedRun(directory, manifest, _resolved(directory, manifest))


def _why_not(directory: Path, manifest: Manifest) -> str:
    if manifest.outcome == "running":
        return "it is still being trained" if is_written(directory) else "it was killed before it saved one"
    if manifest.model_hash is not None:
        return f"it saved one, but `{MODEL}` is gone"
    return f"it {'was ' if manifest.outcome == 'interrupted' else ''}{manifest.outcome}"


def _resolved(directory: Path, manifest: Manifest) -> Compiled:
    path = directory / RESOLVED
    document = read(str(path))
    errors = [one for one in document.diagnostics if one.severity == "error"]
    if document.value is not None and not errors:
        compiled = compile_document(document.value, _context(directory, manifest))
        errors = [one for one in compiled.diagnostics if one.severity == "error"]
        if not errors and compiled.value.data is not None:
            return compiled.value
    notes = [str(one) for one in errors[:3]]
    raise RunError.of("MS708", f"`{path}` is not the spec of a run that this version can read", notes=notes)


def _context(directory: Path, manifest: Manifest) -> Context:
    """Where the spec's paths start: the folder that the spec stood in, if that is around here.

    A manifest from a stranger may name any folder; only one below the working directory, or one that holds the run
    itself, is taken.
    """
    folder, here = manifest.spec_folder, Path.cwd().resolve()
    if folder is not None and folder.is_absolute():
        folder = folder.resolve()
        if folder.is_relative_to(here):
            return Context(folder=folder, project=here)
        if directory.resolve().is_relative_to(folder):
            return Context(folder=folder, project=folder)
    return Context(folder=here, project=here)


def table_for(run: SavedRun, source: str) -> Table:
    """The table of a SOURCE as a person writes it: a path whose ending tells its kind, or `kind=path`.

    Settings that the spec gives a source of this kind (a delimiter) hold for it too. Raises `RunError` (MS601).
    """
    anywhere = Context(folder=Path.cwd(), project=Path(Path.cwd().anchor))  # whoever names the path may read it
    return open_source(_source(run, source, anywhere), anywhere)


def _source(run: SavedRun, source: str, context: Context) -> Settings:
    kind, equals, value = source.partition("=")
    if not equals or kind not in SOURCES:
        kind, value = _ENDINGS.get(Path(source).suffix.lower(), ""), source
    if not kind:
        kinds = " or ".join(f"`{kind}=...`" for kind in SOURCES.kinds())
        raise RunError.of("MS601", f"the ending of `{source}` does not tell what it is",
                          help=f"write {kinds}, or name a file that ends in {', '.join(_ENDINGS)}")
    try:
        read_as = read_form(SOURCES, {kind: value}, context)
    except Faults as error:
        raise RunError([fault.at(None) for fault in error.faults]) from None
    alike = _alike(run, kind)
    if alike is not None and "path" in type(alike).model_fields:
        return alike.model_copy(update={"path": value})
    if kind == "csv" and Path(value).suffix.lower() == ".tsv":
        return read_as.model_copy(update={"delimiter": "\t"})
    return read_as


def _alike(run: SavedRun, kind: str) -> Settings | None:
    """The source of the run's own data, where it is of this kind."""
    sources = run.compiled.data.sources if run.compiled.data else {}
    return next((one for one in sources.values() if one.kind() == kind), None)
