"""The methods of a run in Python: predictions, metrics, the explanation of a row, its data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, Unpack, overload

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
from .prediction_options import Options, Threshold
from .row_sources import table_of, table_of_rows
from .run_data import loader, saved_state
from .thresholds import Stored

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

Plain: TypeAlias = "str | PathLike[str] | Mapping[str, object] | Sequence[object] | Array"
"""Rows whose predictions are a dictionary of arrays: all types except data frames."""


class Asked(TypedDict, total=False):
    """The options of `Run.predict`, described there."""

    layers: str | Sequence[str]
    id: str | None
    keep: str | Sequence[str]
    top: int | None
    threshold: Threshold
    errors: Literal["stop", "skip"]
    batch_size: int | None
    decode: Literal["ctc_greedy", "ctc_beam"] | None
    beam_width: int | None
    top_paths: int | None
    nearest: int | None
    items: Any
    item_id: str | None
    similarity: Literal["dot", "cosine"] | None


@dataclass(frozen=True)
class PreparedPart:
    """The prepared examples of one part of a run's data."""

    name: str
    part: Part = field(repr=False)
    batch_size: int

    def __len__(self) -> int:
        return len(self.part)

    def dataset(self, batch_size: int | None = None) -> tf.data.Dataset:
        """Batches of (inputs, targets), or (inputs, targets, weights) if the data has a weight
        column, in the order of the source: one array, or a mapping by name if the model has several
        inputs or outputs.
        """
        from ..data.batches import Feed

        with own_state():
            feed = Feed(self.part.examples)
            return feed.plain(self.part.positions, batch_size or self.batch_size)

    def arrays(self) -> tuple[Any, ...]:
        """The same as NumPy arrays of all examples, (inputs, targets) or (inputs, targets,
        weights), whose first axis counts the examples; (inputs,) for data without targets.
        """
        batches = [_numpy(batch) for batch in self.dataset()]
        if not isinstance(batches[0], tuple):
            return (_joined(batches),)
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
    """How a run processes one row; printed with a line for each step."""

    inputs: Mapping[str, FeatureSteps]
    """By input: the cells, the parsed values, the result of each transform layer, and the input of
    the model.
    """
    prediction: Mapping[str, object]
    """The predictions by name."""

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
    """The model of a run with its preprocessing: called with raw rows, it returns predictions.
    Everything is loaded when it is created.
    """

    _run: SavedRun = field(repr=False)
    model: keras.Model = field(repr=False)
    """The model without preprocessing, which takes prepared inputs."""

    @overload
    def __call__(self, rows: Plain, **options: Unpack[Asked]) -> dict[str, Array]: ...

    @overload
    def __call__(self, rows: object, **options: Unpack[Asked]) -> Any: ...

    @own_state()
    def __call__(self, rows: object, **options: Unpack[Asked]) -> Any:
        """As `Run.predict`."""
        return _predicted(self._run, rows, self.model, options)


class Predicting:
    """A run that processes raw rows."""

    compiled: Compiled
    directory: Path

    @property
    def model(self) -> keras.Model:
        raise NotImplementedError

    @property
    def _saved(self) -> SavedRun:
        from .manifest import Manifest

        return SavedRun(self.directory, Manifest.read(self.directory), self.compiled)

    @overload
    def predict(self, rows: Plain, **options: Unpack[Asked]) -> dict[str, Array]: ...

    @overload
    def predict(self, rows: object, **options: Unpack[Asked]) -> Any: ...

    @own_state()
    def predict(self, rows: object, **options: Unpack[Asked]) -> Any:
        """Predictions for raw rows, by the column names of a prediction file: `species`,
        `species_probability`, `p[Adelie]`.

        `rows` is a path (or `kind=path`), a list of mappings, a mapping of columns to arrays, a
        data frame of pandas or polars, an array, or anything else that `Spec.train(data=...)`
        accepts; only the input columns are required. For a data frame the result is a data frame of
        the same type (with the index for pandas), otherwise a dictionary of arrays whose first axis
        counts the rows.

        `options`: `id` and `keep` (columns to copy; `keep="all"`), `top` (the number of most
        probable labels), `threshold` (a number, or numbers by label), `errors="skip"` (skip
        unreadable rows with a Python warning), `batch_size`, `layers` (inner layers instead of the
        outputs), `decode="ctc_greedy"` or `"ctc_beam"` (the labels of outputs with a CTC loss) with
        `beam_width` and `top_paths`, `nearest=10` and `items` (the nearest items of each row, of
        any type that `rows` may have) with `item_id`, `similarity` and the two tensors in `layers`.
        Raises `RunError` if the rows cannot be used, MS730 to MS734 and MS787 to MS791 for options
        that do not fit.
        """
        return _predicted(self._saved, rows, self.model, options)

    @own_state()
    def evaluate(
        self,
        data: object = None,
        *,
        split: Literal["train", "validation", "test"] | None = None,
    ) -> Evaluation:
        """The metrics on other data with targets (as `rows` of `predict`), or on a part of the
        run's own data: by default the test part, or the validation part if the run has no test
        part. Raises `RunError`.
        """
        if data is not None and split is not None:
            raise RunError.of(
                "MS688",
                f"`split={split!r}` is a part of the run's own data, but other data was passed",
                help="omit `split`, or the data",
            )
        source = None if data is None else _source(data, self.compiled)
        return evaluated(self._saved, source, split, self.model)

    @own_state()
    def explain_row(self, row: Mapping[str, object]) -> RowExplanation:
        """How one raw row, a mapping of columns to values, is processed: the result of each
        transform layer, the input of the model, and the prediction. Raises `RunError` if the row
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
        `RunError`: MS710 if the part does not exist, MS714 if the data changed since the training.
        """
        run = self._saved
        name, found, _, _ = own_part(run, part)
        training = run.compiled.training
        return PreparedPart(name, found, training.batch_size if training is not None else 32)

    @own_state()
    def pipeline(self) -> Pipeline:
        """The model with its preprocessing, as a function of raw rows: `run.pipeline()(rows)`
        equals `run.predict(rows)`, with everything loaded. For use in other programs, see
        `modelspec export`.
        """
        return Pipeline(self._saved, self.model)

    @own_state()
    def choose_threshold(
        self, metric: str = "f1", *, split: Literal["train", "validation", "test"] = "validation"
    ) -> Stored:
        """The threshold for which `metric` is largest on a part, stored with the run: see
        `modelspec evaluate --choose-threshold`. Raises `RunError`.
        """
        from .choose_threshold import chosen_threshold

        return chosen_threshold(self._saved, metric, split, self.model)


def _source(data: Any, compiled: Compiled, skipped: SkippedRows | None = None) -> str | Table:
    return fspath(data) if isinstance(data, (str, PathLike)) else table_of(data, compiled, skipped)


def _predicted(run: SavedRun, rows: Any, model: keras.Model, options: Asked) -> Any:
    from .prediction_outputs import arrays, columns
    from .prediction_writer import joined

    skipped = SkippedRows() if options.get("errors") == "skip" else None
    source = _source(rows, run.compiled, skipped)
    layers = options.get("layers", ())
    given: dict[str, Any] = {
        "numbered": isinstance(source, str),
        **options,
        "layers": (layers,) if isinstance(layers, str) else tuple(layers),
    }
    if options.get("items") is not None:
        given["items"] = _source(options["items"], run.compiled)
    chosen = Options(**given).checked()
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
    """The constructor for data frames of the type of `rows`; None if these are not a data frame."""
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
