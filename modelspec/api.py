"""The Python API: `load_spec`, `check`, and what they give. Nothing here loads a framework until a
model is built.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .compiler.infer import TypedGraph
from .compiler.pipeline import Compiled, compile_spec
from .core.diagnostics import Diagnostic
from .core.diagnostics.render.text import count as counted
from .core.places import granting
from .errors import SpecError

if TYPE_CHECKING:
    import keras

    from .runtime.run import Run


@dataclass(frozen=True, repr=False)
class Report:
    """What `check` found."""

    diagnostics: tuple[Diagnostic, ...]

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return not any(d.severity == "error" for d in self.diagnostics)

    def __repr__(self) -> str:
        return f"<Report: {counted(self.diagnostics)}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: every fault at its place."""
        from .views.notebook import diagnostics_html

        return diagnostics_html(self.diagnostics)


@dataclass(frozen=True, repr=False)
class Spec:
    """A checked spec: its graph is typed, and it can be built and trained."""

    compiled: Compiled
    diagnostics: tuple[Diagnostic, ...] = ()
    """Warnings and notes; a spec with errors is never made."""
    written: Mapping[str, Any] | None = None
    """The mapping that it came from, where it came from one."""

    def __repr__(self) -> str:
        layers = self.graph.depth_first_calls
        noun = "layer" if layers == 1 else "layers"
        warnings = f", {counted(self.diagnostics)}" if self.diagnostics else ""
        parameters = self.graph.parameters
        size = "unknown" if parameters is None else f"{parameters:,}"
        return f"<Spec {self.name!r}: {layers:,} {noun}, {size} parameters{warnings}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the picture of the model, its layers, and the warnings."""
        from .views.notebook import model_html

        return model_html(self.name, self.graph, self.diagnostics)

    @property
    def name(self) -> str:
        """The spec's name, or that of its file."""
        return self.compiled.name

    @property
    def graph(self) -> TypedGraph:
        """Every call with its shape, dtype, weights and cost, inferred without a framework."""
        assert self.compiled.graph is not None
        return self.compiled.graph

    def build(self) -> keras.Model:
        """The model in Keras, compiled where the spec has a `training` section: an ordinary
        `keras.Model`.

        Loads TensorFlow. Raises `backend.MismatchError` where the built model differs from the
        inferred one (a fault of modelspec, never of the spec).
        """
        from .runtime.backend import build
        from .runtime.backend.process_state import own_state
        from .runtime.run import framework

        with own_state(), framework.seeding:
            framework.load(self.compiled.file.seed, deterministic=False)
            return build(self.compiled)

    def train(self, run_dir: str | PathLike[str] | None = None, data: Any = None) -> Run:
        """Train as the spec says, evaluate on the test split, and save all of it in the run folder.

        `run_dir` is `runs/<name>/<n>` by default. `data` takes the place of the sources of the
        spec's `data` section: a mapping of columns to arrays, a data frame, `(x, y)`, a
        `tf.data.Dataset`, a `keras.utils.PyDataset` or any iterable of batches; or a mapping of
        `train`, `validation` and `test` to one each. Without a `data` section columns feed the
        inputs and outputs of their names, and the arrays of `(x, y)` the single input and output.
        Raises `run.RunError` where the data or the run fails.
        """
        from .runtime.run import train

        spec = self
        if data is not None:
            from .runtime.data.in_memory import with_data

            spec = replace(self, compiled=with_data(self.compiled, data))
        run = train(spec, run_dir=None if run_dir is None else Path(fspath(run_dir)))
        return replace(run, spec=self)


def load_spec(
    source: str | PathLike[str] | Mapping[str, Any],
    overrides: Mapping[str, Any] | None = None,
    *,
    data_roots: Iterable[str | PathLike[str]] = (),
    allow_hosts: Iterable[str] = (),
) -> Spec:
    """A checked spec from a file or a mapping; `overrides` are values by path: `{"training.epochs":
    3}`.

    `data_roots` are folders, and addresses such as `s3://bucket/data`, that its data may lie in
    beside the project; `allow_hosts` are hosts (`HOST` or `HOST:PORT`) that its run may send to.
    Raises `SpecError` with every fault where there is an error, and `ValueError` for a root
    that is not there or a malformed host.
    """
    with granting(data_roots, allow_hosts):
        compiled = compile_spec(source, overrides)
    if not compiled.ok or compiled.value is None:
        raise SpecError(compiled.diagnostics)
    written = deepcopy(source) if isinstance(source, Mapping) and not overrides else None
    return Spec(compiled.value, compiled.diagnostics, written)


def check(
    source: str | PathLike[str] | Mapping[str, Any],
    overrides: Mapping[str, Any] | None = None,
    *,
    data_roots: Iterable[str | PathLike[str]] = (),
    allow_hosts: Iterable[str] = (),
) -> Report:
    """Every fault of a file or a mapping. Never raises for what it says, and loads no framework.

    `data_roots` and `allow_hosts` are those of `load_spec`.
    """
    with granting(data_roots, allow_hosts):
        return Report(compile_spec(source, overrides).diagnostics)


def resume(
    run_dir: str | PathLike[str],
    overrides: Mapping[str, Any] | None = None,
    *,
    allow_inexact: bool = False,
    data_roots: Iterable[str | PathLike[str]] = (),
    allow_hosts: Iterable[str] = (),
) -> Run:
    """Go on with a run from its newest checkpoint, so that it ends as if it had never stopped.

    A run that was completed is given as it is, unless `overrides={"training.epochs": N}` adds
    epochs to it. Raises `run.RunError` where something differs that would change numbers, unless
    `allow_inexact`. `data_roots` and `allow_hosts` are those of `load_spec`: a run folder keeps no
    grant.
    """
    from .runtime.run import resume

    with granting(data_roots, allow_hosts):
        return _with_spec(resume(run_dir, overrides, allow_inexact=allow_inexact))


def open_run(
    run_dir: str | PathLike[str], *, data_roots: Iterable[str | PathLike[str]] = ()
) -> Run:
    """The run in a folder: `history`, `metrics`, `by_part`, `spec` (as it was run), `directory`,
    and `model`.

    Nothing is loaded until `model` is asked for, or what needs it (`outputs`, `gradients`). A run
    that did not end has the weights of its last checkpoint. `data_roots` are those of `load_spec`.
    Raises `run.RunError` where the folder holds no run.
    """
    from .runtime.run import opened

    with granting(data_roots):
        return _with_spec(opened(Path(fspath(run_dir))))


def _with_spec(run: Run) -> Run:
    return replace(run, spec=Spec(run.compiled))


def load_model(path: str | PathLike[str], **options: Any) -> keras.Model:
    """A saved model (`.keras`), with the layers of modelspec's own known to Keras. Loads
    TensorFlow.

    `options` are those of `keras.models.load_model`, which does the same once
    `modelspec.backend.layers` is imported.
    """
    from .runtime.backend.process_state import import_keras, own_state

    with own_state():
        import_keras()
        import keras

        from .runtime.backend import layers  # noqa: F401  # importing it registers them

        return keras.models.load_model(fspath(path), **options)


def from_keras(model: keras.Model) -> Spec:
    """The spec of a Keras model, with loss, optimizer and metrics where it is compiled; `dump`
    gives its text.

    Only what Keras's own `model.to_json()` says of it is read. Raises `SpecError` with every layer
    that a spec cannot say, e.g. a `Lambda`. Weights stay in the model:
    `spec.build().set_weights(model.get_weights())` where the layers are in one order, or `modelspec
    import FILE --weights`.
    """
    from .importers.import_model import import_model
    from .importers.keras_json import value_of

    try:
        value = value_of(model.to_json())
    except (NotImplementedError, ValueError, TypeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise _not_importable(
            f"the model does not describe itself: {reason}",
            "only Sequential and functional models do",
        ) from None
    found = import_model(value, value.get("compile_config"))
    if found.value is None:
        raise SpecError(found.diagnostics)
    spec = load_spec(found.value.spec)
    if spec.graph.parameters not in (None, model.count_params()) and model.built:
        raise _not_importable(
            f"the model has {model.count_params():,} parameters, and what it says of itself"
            f" {spec.graph.parameters:,}: a layer is shared between models, which Keras"
            " does not write down",
            "call the shared layers in one model",
        )
    return replace(spec, diagnostics=(*spec.diagnostics, *found.diagnostics))


def _not_importable(message: str, help: str) -> SpecError:
    return SpecError((Diagnostic("MS742", "error", message, None, (), help),))


def dump(spec: Spec) -> str:
    """The spec as YAML: as it was written where it came from a mapping or a model, worked out where
    from a file.
    """
    from .views.resolve import resolved_text
    from .views.resolve.dump import dump

    return resolved_text(spec.compiled) if spec.written is None else dump(spec.written)
