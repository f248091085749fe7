"""What a run answers in Python: predictions of rows, metrics, what becomes of a row, its data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import Diagnostic

from ..backend.process_state import own_state
from ..data import Part, RunError, Table
from ..data.explain_row import FeatureSteps, feature_steps
from ..data.skipped_rows import SkippedRow, SkippedRows
from ..data.table import Array
from .evaluate import Evaluation, evaluated, own_part
from .open_run import SavedRun
from .predict import stream_of
from .prediction_options import Options
from .row_sources import table_of, table_of_rows
from .run_data import loader, saved_state
from .thresholds import Stored

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


@dataclass(frozen=True)
class PreparedPart:
    """The prepared examples of one part of a run's data."""

    name: str
    part: Part = field(repr=False)
    batch_size: int

    def __len__(self) -> int:
        return len(self.part)

    def dataset(self, batch_size: int | None = None) -> tf.data.Dataset:
        """Batches of (inputs, targets), or (inputs, targets, weights) where the data have a column
        of these, in the order of the source: one array, or a mapping by name where a model has
        several.
        """
        from ..data.batches import Feed

        with own_state():
            feed = Feed(self.part.examples)
            return feed.plain(self.part.positions, batch_size or self.batch_size)

    def arrays(self) -> tuple[Any, ...]:
        """The same as NumPy arrays of all examples, (inputs, targets) or (inputs, targets,
        weights), whose first axis counts the examples.
        """
        batches = [_numpy(batch) for batch in self.dataset()]
        return tuple(_joined([batch[at] for batch in batches]) for at in range(len(batches[0])))


def _numpy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _numpy(one) for name, one in value.items()}
    return tuple(map(_numpy, value)) if isinstance(value, tuple) else np.asarray(value)


def _joined(parts: list[Any]) -> Any:
    if isinstance(parts[0], Mapping):
        return {name: _joined([part[name] for part in parts]) for name in parts[0]}
    return np.concatenate(parts)


@dataclass(frozen=True)
class RowExplanation:
    """What a run makes of one row: printed, a line for each step."""

    inputs: Mapping[str, FeatureSteps]
    """By input: the cells, what is read of them, what each layer of the transform gives, and what
    the model gets.
    """
    prediction: Mapping[str, Any]
    """By the names that predictions have."""

    def __str__(self) -> str:
        lines: list[str] = []
        for name, one in self.inputs.items():
            lines.append(f"{name}")
            lines += [f"  {column} = {_short(value)}" for column, value in one.columns.items()]
            lines.append(f"  read: {_short(one.read)}")
            lines += [f"  {layer}: {_short(value)}" for layer, value in one.steps]
            lines.append(f"  the model gets: {_short(one.given)}")
        lines.append("prediction")
        lines += [f"  {name} = {_short(value)}" for name, value in self.prediction.items()]
        return "\n".join(lines)


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return np.array2string(value, precision=6, threshold=20, separator=", ")
    return f"{value:.6g}" if isinstance(value, float) else repr(value)


@dataclass(frozen=True)
class Pipeline:
    """A run's model with its preprocessing: called with raw rows, it gives predictions. Everything
    is loaded when it is made.
    """

    _run: SavedRun = field(repr=False)
    model: keras.Model = field(repr=False)
    """The model alone, which takes prepared inputs."""

    def __call__(self, rows: Any, **options: Any) -> Any:
        """As `Run.predict`."""
        return _predicted(self._run, rows, self.model, options)


class Predicting:
    """A run that answers for raw rows."""

    compiled: Compiled
    directory: Path

    @property
    def model(self) -> keras.Model:
        raise NotImplementedError

    @property
    def _saved(self) -> SavedRun:
        from .manifest import Manifest

        return SavedRun(self.directory, Manifest.read(self.directory), self.compiled)

    @own_state()
    def predict(self, rows: Any, **options: Any) -> Any:
        """Predictions of raw rows, by the names that the columns of a file of them have: `species`,
        `species_probability`, `p[Adelie]`.

        `rows` is a path (or `kind=path`), a list of mappings, a mapping of columns to arrays, a
        data frame of pandas or polars, an array, or whatever else `Spec.train(data=...)` takes;
        only the columns of the inputs are needed. A data frame gives a data frame of its own kind,
        one of pandas with its index; everything else a dict of arrays, whose first axis counts the
        rows.

        `options`: `id` and `keep` (columns to carry over; `keep="all"`), `top` (so many of the most
        probable labels), `threshold` (a number, or numbers by label), `errors="skip"` (leave out
        rows that cannot be read, with a warning of Python's), `batch_size`, `layers` (inner layers
        in place of the outputs). Raises `RunError` where the rows cannot be used, MS730 to MS734
        for options that do not fit.
        """
        return _predicted(self._saved, rows, self.model, options)

    @own_state()
    def evaluate(
        self,
        data: Any = None,
        *,
        split: Literal["train", "validation", "test"] | None = None,
    ) -> Evaluation:
        """The metrics on other data with targets (as `rows` of `predict`), or on a part of the
        run's own: by default the test part, the validation part where there is none. Raises
        `RunError`.
        """
        if data is not None and split is not None:
            raise RunError.of(
                "MS688",
                f"the part `{split}` is one of the run's own data, and other data are given",
                help="leave out `split`, or the data",
            )
        source = None if data is None else _source(data)
        return evaluated(self._saved, source, split, self.model)

    @own_state()
    def explain_row(self, row: Mapping[str, Any]) -> RowExplanation:
        """What becomes of one raw row, a mapping of columns to values: what each layer of each
        transform gives, what the model gets, and the prediction. Raises `RunError` where the row
        cannot be used.
        """
        from .prediction_outputs import arrays, as_row
        from .prediction_steps import ended
        from .prediction_writer import joined
        from .run_data import prepared_source

        run, table = self._saved, table_of_rows([row], "row")
        state = saved_state(run.compiled, run.directory)
        steps = feature_steps(run.compiled, table, state, loader(run.compiled))
        examples, _, _ = prepared_source(run.compiled, table, run.directory, with_targets=False)
        inputs = {
            name: FeatureSteps(one.columns, one.read, one.steps, examples.inputs[name][0])
            for name, one in steps.items()
        }
        found = joined(list(stream_of(run, table, Options(numbered=False), self.model)))
        return RowExplanation(inputs, as_row(ended(found, arrays(found), 0)))

    @own_state()
    def data(self, part: Literal["train", "validation", "test"] = "train") -> PreparedPart:
        """The prepared examples of a part of the run's data: `dataset()` and `arrays()`. Raises
        `RunError`: MS710 where there is no such part, MS714 where the data changed since.
        """
        run = self._saved
        name, found, _, _ = own_part(run, part)
        training = run.compiled.training
        return PreparedPart(name, found, training.batch_size if training is not None else 32)

    @own_state()
    def pipeline(self) -> Pipeline:
        """The model with its preprocessing, as a function of raw rows: `run.pipeline()(rows)` is
        `run.predict(rows)`, with everything loaded. What an export gives for other programs,
        `modelspec export` writes.
        """
        return Pipeline(self._saved, self.model)

    def choose_threshold(
        self, metric: str = "f1", *, split: Literal["train", "validation", "test"] = "validation"
    ) -> Stored:
        """The threshold for which `metric` is largest on a part, stored with the run: see
        `modelspec evaluate --choose-threshold`. Raises `RunError`.
        """
        from .choose_threshold import chosen_threshold

        return chosen_threshold(self._saved, metric, split, self.model)


def _source(data: Any, skipped: SkippedRows | None = None) -> str | Table:
    return fspath(data) if isinstance(data, (str, PathLike)) else table_of(data, skipped)


def _predicted(run: SavedRun, rows: Any, model: keras.Model, options: Mapping[str, Any]) -> Any:
    from .prediction_outputs import arrays, columns
    from .prediction_writer import joined

    skipped = SkippedRows() if options.get("errors") == "skip" else None
    source = _source(rows, skipped)
    layers = options.get("layers", ())
    chosen = Options(
        **{
            "numbered": isinstance(source, str),
            **options,
            "layers": (layers,) if isinstance(layers, str) else tuple(layers),
        }
    ).checked()
    stream = stream_of(run, source, chosen, model, skipped)
    _warn(stream.warnings)
    found = joined(list(stream))
    frame = _framed(rows)
    return arrays(found) if frame is None else frame(columns(found), rows, stream.skipped)


def _warn(found: tuple[Diagnostic, ...]) -> None:
    import warnings

    for one in found:
        if one.code == "MS733":
            warnings.warn(f"{one.code}: {one.message}", UserWarning, stacklevel=4)


# Frames -------------------------------------------------------------------------------------------


def _framed(
    rows: Any,
) -> Callable[[Mapping[str, Array], Any, Sequence[SkippedRow]], Any] | None:
    """What makes a data frame of the kind of `rows`; None where these are none."""
    if hasattr(rows, "iloc") and hasattr(rows, "columns"):
        return _pandas
    if type(rows).__module__.partition(".")[0] == "polars" and hasattr(rows, "columns"):
        return _polars
    return None


def _pandas(found: Mapping[str, Array], rows: Any, skipped: Sequence[SkippedRow]) -> Any:
    import pandas as pd

    left_out = {one.number - 1 for one in skipped}
    kept = [at for at in range(len(rows)) if at not in left_out]
    return pd.DataFrame(dict(found), index=rows.index[kept] if left_out else rows.index)


def _polars(found: Mapping[str, Array], rows: Any, skipped: Sequence[SkippedRow]) -> Any:
    pl = import_module("polars")
    return pl.DataFrame(
        {
            name: values.tolist() if values.dtype.kind in "OU" else values
            for name, values in found.items()
        }
    )
