"""A run in hand: what training gives, and what a run folder gives back, whatever state the run is
in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import Diagnostic

from ..data import RunError
from ..history import read_record
from ..history.formatting import number
from ..history.html_report import run_html
from .introspection import Probing
from .manifest import Manifest
from .open_run import SavedRun, edited, read_resolved
from .positive_labels import positive_labels
from .predicting import Predicting
from .run_data import saved_state

if TYPE_CHECKING:
    import keras


_SHOWN = 4
"""Metrics that a run is shown with on one line."""


@dataclass(frozen=True, repr=False)
class Run(Probing, Predicting):
    """A run: what it came to, and its model, which can be looked into (`outputs`, `gradients`) and
    answers for raw rows (`predict`, `evaluate`, `explain_row`, `pipeline`).
    """

    directory: Path
    history: Mapping[str, list[float]]
    """Losses and metrics by name, an entry for each epoch."""
    metrics: Mapping[str, float]
    """On the test split; on the validation split where there is none; else those of the last
    epoch.
    """
    by_part: Mapping[str, Mapping[str, float]]
    """Metrics of the final weights on `test` and `validation`."""
    compiled: Compiled = field(repr=False)
    """The spec as it was run, every size known."""
    load: Callable[[], keras.Model] = field(repr=False)
    warnings: tuple[Diagnostic, ...] = ()
    spec: Any = field(default=None, repr=False)
    """The spec, a `modelspec.Spec`."""
    outcome: str = "completed"
    """`completed`, `interrupted`, `failed`, or `running` where it was killed or still goes on."""

    def __repr__(self) -> str:
        epochs = max(map(len, self.history.values()), default=0)
        shown = [f"{name} {number(value)}" for name, value in [*self.metrics.items()][:_SHOWN]]
        measured = f", {', '.join(shown)}" if shown else ""
        return f"<Run {str(self.directory)!r}: {self.outcome}, {epochs:,} epochs{measured}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the metrics, and a curve of each over the epochs."""
        return run_html(repr(self), self.history, self.by_part)

    @cached_property
    def positive(self) -> Mapping[str, Any]:
        """By output: the label that its unit is the probability of, where a target of two labels
        feeds one unit. Raises `RunError` (MS631) where what the run learned cannot be read.
        """
        return positive_labels(self.compiled, saved_state(self.compiled, self.directory))

    @cached_property
    def model(self) -> keras.Model:
        """The model with the weights that the run ended with, of a run that did not end those of
        its last checkpoint.

        Loads TensorFlow when it is first asked for. Raises `RunError`: MS713 where the run left no
        weights, MS709 where they are not those that it saved, MS777 where the resolved spec is not
        the one that it trained, MS707 where the model cannot be loaded.
        """
        return self.load()


def opened(directory: Path) -> Run:
    """The run in a folder; nothing is loaded until its model is asked for.

    Raises `RunError` (MS708) where there is none that can be read.
    """
    manifest = Manifest.read(directory)
    compiled = read_resolved(directory, manifest)
    read = read_record(directory)
    if read.value is None:
        raise RunError(read.diagnostics)
    history = {name: list(values) for name, values in read.value.history.items()}
    last = {name: values[-1] for name, values in history.items() if values}
    metrics = next(iter(read.value.by_part.values()), last)
    saved = SavedRun(directory, manifest, compiled)
    return Run(
        directory,
        history,
        metrics,
        read.value.by_part,
        compiled,
        lambda: saved.model(measured=True),
        (*read.diagnostics, *edited(directory, manifest)),
        outcome=manifest.outcome,
    )
