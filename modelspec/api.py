"""The Python API: `load_spec`, `check`, and the objects that they return. No framework is loaded
before a model is built.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

from .compiler.infer import TypedGraph
from .compiler.pipeline import Compiled, compile_spec
from .core import forked as _forked  # noqa: F401  # detects forks after its import
from .core.diagnostics import Diagnostic
from .core.diagnostics.render.text import count as counted
from .core.places import granting
from .core.source.from_mapping import plain_copy
from .errors import SpecError

if TYPE_CHECKING:
    import keras

    from .runtime.run import Run
    from .runtime.run.verbose import Verbose
    from .sweep.python import SweepTrials


@dataclass(frozen=True, repr=False)
class Report:
    """The result of `check`."""

    diagnostics: tuple[Diagnostic, ...]

    @property
    def ok(self) -> bool:
        """Whether the diagnostics contain no error."""
        return not any(d.severity == "error" for d in self.diagnostics)

    def __dir__(self) -> list[str]:
        """The public names, for completion."""
        return [name for name in super().__dir__() if not name.startswith("_")]

    def __repr__(self) -> str:
        return f"<Report: {counted(self.diagnostics)}>"

    def _repr_html_(self) -> str:
        """The representation in notebooks: every fault with its place."""
        from .views.notebook import diagnostics_html

        return diagnostics_html(self.diagnostics)


@dataclass(frozen=True, repr=False, eq=False)
class Spec:
    """A checked spec: its graph is typed, and it can be built and trained.

    A spec is immutable, hashable and can be pickled. Two specs are equal if their resolved specs,
    their sweeps, their names and the folders of their paths are equal.
    """

    compiled: Compiled
    diagnostics: tuple[Diagnostic, ...] = ()
    """Warnings and notes; a spec with errors is never created."""
    written: Mapping[str, object] | None = None
    """The mapping that the spec was loaded from, if it was a mapping."""

    def __dir__(self) -> list[str]:
        """The public names, for completion."""
        return [name for name in super().__dir__() if not name.startswith("_")]

    def __repr__(self) -> str:
        layers = self.graph.depth_first_calls
        noun = "layer" if layers == 1 else "layers"
        warnings = f", {counted(self.diagnostics)}" if self.diagnostics else ""
        parameters = self.graph.parameters
        size = "unknown" if parameters is None else f"{parameters:,}"
        return f"<Spec {self.name!r}: {layers:,} {noun}, {size} parameters{warnings}>"

    def _repr_html_(self) -> str:
        """The representation in notebooks: a picture of the model, its layers, and warnings."""
        from .views.notebook import model_html

        return model_html(self.name, self.graph, self.diagnostics)

    def __eq__(self, other: object) -> bool:
        return self._identity == other._identity if isinstance(other, Spec) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._identity)

    @cached_property
    def _identity(self) -> tuple[object, ...]:
        """The values that are compared."""
        from .views.resolve import resolved_text

        sweep = repr(self.compiled.sweep)  # a resolved spec has none
        return resolved_text(self.compiled), sweep, self.name, self.compiled.file.context

    @property
    def name(self) -> str:
        """The name of the spec, or that of its file."""
        return self.compiled.name

    @property
    def graph(self) -> TypedGraph:
        """All layer calls with shapes, dtypes, weights and cost, inferred without a framework."""
        assert self.compiled.graph is not None
        return self.compiled.graph

    def build(self) -> keras.Model:
        """Build the Keras model, compiled if the spec has a `training` section: an ordinary
        `keras.Model`, with the same initial weights every time. `auto` sizes are read from the
        data.

        Loads TensorFlow. Raises `RunError` if the data cannot be used, or a size is `auto` and the
        spec has no data (MS729), and `backend.MismatchError` if the built model differs from the
        inferred one (a bug of modelspec, never an error of the spec).
        """
        from .runtime.backend import build
        from .runtime.backend.process_state import own_state
        from .runtime.run import framework
        from .runtime.run.run_data import with_sizes_of_data

        with own_state():
            framework.load(self.compiled.file.seed, deterministic=False)
            return build(with_sizes_of_data(self.compiled))

    def train(
        self,
        run_dir: str | PathLike[str] | None = None,
        data: object = None,
        *,
        verbose: Verbose = "auto",
    ) -> Run:
        """Train the spec, evaluate it on the test split, and save the run in a folder.

        `run_dir` is `runs/<name>/<n>` by default. `data` replaces the sources of the `data`
        section: a mapping of columns to arrays, a data frame, `(x, y)`, a `tf.data.Dataset`, a
        `keras.utils.PyDataset` or any iterable of batches; or a mapping of `train`, `validation`
        and `test` to one of these each. Without a `data` section, columns feed the inputs and
        outputs of the same names, and the arrays of `(x, y)` the single input and output.
        `verbose` is 0 (silent), 1 (a bar), 2 (a line for each epoch), or "auto": a bar in a
        notebook and on a terminal, silent elsewhere. May be called in several threads; each
        training gives the same result as alone. The global state of the process is restored
        afterwards. In the main thread, SIGINT, SIGTERM and SIGHUP end the training after the
        current step, and then call the handlers of the program. Raises `RunError` if the data or
        the run fails, and `Interrupted` after a signal.
        """
        from .runtime.run import train
        from .runtime.run.verbose import watcher_for

        spec, watcher = self, watcher_for(verbose)
        if data is not None:
            from .runtime.data.in_memory import with_data

            spec = replace(self, compiled=with_data(self.compiled, data))
        folder = None if run_dir is None else Path(fspath(run_dir)).absolute()
        run = train(spec, run_dir=folder, watcher=watcher)
        return replace(run, spec=self, directory=run.directory.absolute())

    def sweep(
        self,
        *,
        jobs: int = 1,
        storage: str | None = None,
        fresh: bool = False,
        verbose: Verbose = "auto",
    ) -> SweepTrials:
        """Search over the values in the `sweep` section of the spec, or train all folds of its
        split, as `modelspec sweep` does: the trials as a list, with `best`, `front` and `frame()`.

        The sweep is the folder `runs/<name>/sweep-<n>` of the working directory; the same spec
        continues it, unless `fresh`. `jobs` workers run at once, each in a separate process if
        there are several; `storage` is the address of a database that several hosts share.
        `verbose` is that of `train`: a line for each trial, unless it is 0. Requires Optuna
        (`pip install 'modelspec[sweep]'`). Raises `SpecError` if the spec has no `sweep`, or its
        space has errors, `RunError` if the sweep fails, and `Interrupted` after a signal.
        """
        from .sweep.python import swept

        return swept(self.compiled, jobs=jobs, storage=storage, fresh=fresh, verbose=verbose)


def load_spec(
    source: str | PathLike[str] | Mapping[str, object],
    overrides: Mapping[str, object] | None = None,
    *,
    data_roots: Iterable[str | PathLike[str]] = (),
    allow_hosts: Iterable[str] = (),
) -> Spec:
    """Load and check a spec from a file or a mapping; `overrides` are values by path:
    `{"training.epochs": 3}`.

    `data_roots` are folders outside the project, and addresses such as `s3://bucket/data`, that the
    spec may read data from; `allow_hosts` are hosts (`HOST` or `HOST:PORT`) that its run may send
    data to. Raises `SpecError` with all faults if the spec has errors, and `ValueError` for a root
    that does not exist or an invalid host.
    """
    with granting(data_roots, allow_hosts):
        compiled = compile_spec(source, overrides)
    if not compiled.ok or compiled.value is None:
        raise SpecError(compiled.diagnostics)
    written = plain_copy(source) if isinstance(source, Mapping) and not overrides else None
    return Spec(compiled.value, compiled.diagnostics, written)


def check(
    source: str | PathLike[str] | Mapping[str, object],
    overrides: Mapping[str, object] | None = None,
    *,
    data_roots: Iterable[str | PathLike[str]] = (),
    allow_hosts: Iterable[str] = (),
) -> Report:
    """Report every fault of a file or a mapping, and of the trials of its `sweep`. Raises nothing
    for an invalid spec, and loads no framework.

    `data_roots` and `allow_hosts` are those of `load_spec`.
    """
    with granting(data_roots, allow_hosts):
        checked = compile_spec(source, overrides)
        if checked.value is not None and checked.value.sweep is not None:
            from .compiler.space import with_space

            checked, _ = with_space(checked)
        return Report(checked.diagnostics)


def resume(
    run_dir: str | PathLike[str],
    overrides: Mapping[str, object] | None = None,
    *,
    data: object = None,
    allow_inexact: bool = False,
    data_roots: Iterable[str | PathLike[str]] = (),
    allow_hosts: Iterable[str] = (),
    verbose: Verbose = "auto",
) -> Run:
    """Continue a run from its newest checkpoint. The result is the same as without the
    interruption.

    A completed run is returned unchanged, unless `overrides={"training.epochs": N}` adds epochs to
    it. `data` must be the same data again if `Spec.train` was called with `data`. Raises
    `run.RunError` for differences that change results, unless `allow_inexact`. `data_roots` and
    `allow_hosts` are those of `load_spec`: a run folder does not store them. `verbose` is that of
    `Spec.train`.
    """
    from .runtime.run import resume
    from .runtime.run.verbose import watcher_for

    watcher = watcher_for(verbose)
    with granting(data_roots, allow_hosts):
        found = resume(run_dir, overrides, data=data, allow_inexact=allow_inexact, watcher=watcher)
        return _with_spec(found)


def open_run(
    run_dir: str | PathLike[str], *, data_roots: Iterable[str | PathLike[str]] = ()
) -> Run:
    """Open the run in a folder: `history`, `metrics`, `by_part`, `spec` (as it was trained),
    `directory`, and `model`.

    The model is loaded on first use of `model`, `outputs` or `gradients`. An unfinished run has the
    weights of its last checkpoint. `data_roots` are those of `load_spec`. Raises `run.RunError` if
    the folder does not contain a run.
    """
    from .runtime.run import opened

    with granting(data_roots):
        return _with_spec(opened(Path(fspath(run_dir))))


def _with_spec(run: Run) -> Run:
    return replace(run, spec=Spec(run.compiled), directory=run.directory.absolute())


def load_model(
    path: str | PathLike[str],
    *,
    custom_objects: Mapping[str, object] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> keras.Model:
    """Load a saved model (`.keras`), with the layers of modelspec, and of the plugins of the
    working directory, registered in Keras. Loads TensorFlow.

    `custom_objects`, `compile` and `safe_mode` are those of `keras.models.load_model`, which gives
    the same model after `import modelspec.backend.layers`.
    """
    from .runtime.backend.process_state import import_keras, own_state

    with own_state():
        import_keras()
        import keras

        from .core.plugins import plugins_for
        from .runtime.backend import layers  # noqa: F401  # importing it registers them
        from .runtime.backend.plugin_classes import register_classes

        register_classes(plugins_for(Path.cwd().resolve()).plugins)
        return keras.models.load_model(
            fspath(path), custom_objects=custom_objects, compile=compile, safe_mode=safe_mode
        )


def from_keras(model: keras.Model) -> Spec:
    """Convert a Keras model to a spec, with loss, optimizer and metrics if it is compiled; `dump`
    returns its YAML.

    The model is not changed. Whatever a spec does not support (`steps_per_execution`, a custom
    metric) is a Python warning and one of the `diagnostics` of the spec. Raises `SpecError` for
    unsupported layers, e.g. a `Lambda`, for a custom model class, for a `Sequential` that is not
    built, and for anything other than a Keras model. Weights are not copied: use
    `spec.build().set_weights(model.get_weights())` if the layers are in the same order, or
    `modelspec import FILE --weights`.
    """
    from warnings import warn

    from .importers.live_model import imported, same_size

    found = imported(model)
    if found.value is None:
        raise SpecError(found.diagnostics)
    spec = load_spec(found.value)
    if (wrong := same_size(model, spec.graph.parameters)) is not None:
        raise SpecError((wrong,))
    for one in found.diagnostics:
        warn(f"{one.code}: {one.message}", UserWarning, stacklevel=2)
    return replace(spec, diagnostics=(*spec.diagnostics, *found.diagnostics))


def dump(spec: Spec) -> str:
    """The spec as YAML: as written if it was loaded from a mapping or a model, resolved if from a
    file.
    """
    from .views.resolve import resolved_text
    from .views.resolve.dump import dump

    return resolved_text(spec.compiled) if spec.written is None else dump(spec.written)
