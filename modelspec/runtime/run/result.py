"""A run object: the result of a training, or an opened run folder in any state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import Diagnostic
from modelspec.core.settings import Context

from ..data import RunError
from ..history import read_record
from ..history.decide import decisions_of
from ..history.formatting import number
from ..history.html_report import run_html
from .decided import as_json
from .generating import Generates
from .introspection import Probing
from .manifest import Manifest
from .open_run import SavedRun, edited, read_resolved
from .positive_labels import positive_labels
from .predicting import Predicting
from .run_data import saved_state

if TYPE_CHECKING:
    import keras

    from modelspec.api import Spec


_SHOWN = 4
"""Maximum number of metrics in the one-line display of a run."""


@dataclass(frozen=True, repr=False, eq=False)
class Run(Probing, Predicting, Generates):
    """A run: its results, and its model, with access to inner tensors (`outputs`, `gradients`) and
    methods for raw rows (`predict`, `generate`, `evaluate`, `explain_row`, `pipeline`).

    Two runs are equal if they have the same folder and the same results. A pickle contains the path
    of the folder, which is opened again on loading; this raises `RunError` (MS708) if the folder
    does not exist.
    """

    directory: Path
    history: Mapping[str, list[float]]
    """Losses and metrics by name, an entry for each epoch."""
    metrics: Mapping[str, float]
    """Metrics on the test split, or on the validation split if the spec has no test split;
    otherwise those of the last epoch.
    """
    by_part: Mapping[str, Mapping[str, float]]
    """Metrics of the final weights on `test` and `validation`."""
    compiled: Compiled = field(repr=False)
    """The resolved spec, with all sizes known."""
    load: Callable[[], keras.Model] = field(repr=False)
    warnings: tuple[Diagnostic, ...] = ()
    spec: Spec = field(default=None, repr=False)  # type: ignore[assignment]  # the API sets it
    """The resolved spec."""
    outcome: str = "completed"
    """`completed`, `interrupted`, `failed`, or `running` if it was killed or is still running."""
    slices: Mapping[str, float] = field(default_factory=dict, repr=False)
    """Metrics on the slices of `test` and `validation`: `test_accuracy@island=Dream`."""
    slice_examples: Mapping[str, int] = field(default_factory=dict, repr=False)
    """The number of examples of each slice: `test@island=Dream`, `val@island=Dream`."""
    few_slices: frozenset[str] = field(default=frozenset(), repr=False)
    """The slices with too few examples for a judgement."""
    expectations: Mapping[str, Mapping[str, object]] = field(default_factory=dict, repr=False)
    """What the spec expects, by key: `expected`, `measured`, `margin`, and whether it `holds`."""

    def __dir__(self) -> list[str]:
        """The names for tab completion: public ones."""
        return [name for name in super().__dir__() if not name.startswith("_")]

    def __repr__(self) -> str:
        epochs = max(map(len, self.history.values()), default=0)
        shown = [f"{name} {number(value)}" for name, value in [*self.metrics.items()][:_SHOWN]]
        measured = f", {', '.join(shown)}" if shown else ""
        return f"<Run {self._shown_directory!r}: {self.outcome}, {epochs:,} epochs{measured}>"

    @property
    def _shown_directory(self) -> str:
        """The folder relative to the working directory, if it is inside it."""
        here, found = Path.cwd(), self.directory
        return str(found.relative_to(here) if found.is_relative_to(here) else found)

    @property
    def _numbers(self) -> str:
        """The results as a string, in which numbers that are not finite are equal to themselves."""
        return repr((self.outcome, dict(self.history), dict(self.metrics), dict(self.by_part)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Run):
            return NotImplemented
        same_folder = self.directory.resolve() == other.directory.resolve()
        return same_folder and self._numbers == other._numbers

    def __hash__(self) -> int:
        return hash(self.directory.resolve())

    def __reduce__(self) -> tuple[Any, ...]:
        return _opened_again, (self.directory.absolute(), self.spec, self.compiled.file.context)

    def _repr_html_(self) -> str:
        """The display in a notebook: the metrics, and a curve of each over the epochs."""
        return run_html(repr(self), self.history, self.by_part)

    @cached_property
    def positive(self) -> Mapping[str, object]:
        """By output: the positive label, if a target with two labels feeds one unit. Raises
        `RunError` (MS631) if the learned state of the run cannot be read.
        """
        return positive_labels(self.compiled, saved_state(self.compiled, self.directory))

    @cached_property
    def model(self) -> keras.Model:
        """The model with the final weights of the run, or those of the last checkpoint if the run
        did not end.

        Loads TensorFlow on first access. Raises `RunError`: MS713 if the run has no weights, MS709
        if they are not those that it saved, MS777 if the resolved spec is not the one that was
        trained, MS707 if the model cannot be loaded.
        """
        return self.load()


def _opened_again(directory: Path, spec: Any, context: Context) -> Run:
    """An unpickled run, with its granted places."""
    run = opened(directory)
    compiled = replace(run.compiled, file=replace(run.compiled.file, context=context))
    saved = SavedRun(directory, Manifest.read(directory), compiled)
    return replace(run, compiled=compiled, load=partial(saved.model, measured=True), spec=spec)


def opened(directory: Path) -> Run:
    """The run in a folder; the model is loaded on first access.

    Raises `RunError` (MS708) if the folder does not contain a readable run.
    """
    manifest = Manifest.read(directory)
    compiled = read_resolved(directory, manifest)
    read = read_record(directory)
    if read.value is None:
        raise RunError(read.diagnostics)
    history = {name: list(values) for name, values in read.value.history.items()}
    last = {name: values[-1] for name, values in history.items() if values}
    metrics = next(iter(read.value.by_part.values()), last)
    saved = SavedRun(directory.absolute(), manifest, compiled)
    return Run(
        directory,
        history,
        metrics,
        read.value.by_part,
        compiled,
        partial(saved.model, measured=True),
        (*read.diagnostics, *edited(directory, manifest)),
        outcome=manifest.outcome,
        slices=read.value.slices,
        slice_examples=read.value.slice_examples,
        few_slices=read.value.few_slices,
        expectations=as_json(decisions_of(read.value, compiled))
        if manifest.outcome == "completed"
        else {},
    )
