"""`predict`: predictions for raw rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from modelspec.compiler.infer import TypedGraph
from modelspec.core.diagnostics import Diagnostic

from ..backend.process_state import own_state
from ..data import Examples, RunError, Table
from ..data.adapted_state import State
from ..data.columns import binding_of
from ..data.readable_files import with_readable_files
from ..data.skipped_rows import SkippedRow, SkippedRows
from ..data.table import Array
from ..data.target_inverse import has_inverse, inverse
from .carried_columns import carried
from .decisions import Decision, check_top, decisions, labelled, target_layers
from .decoding import Decoder, decoder_of, require_decodable
from .open_run import SavedRun, open_run, table_for
from .prediction_options import Options
from .prediction_rows import Naming, Predictions
from .prediction_steps import Masks, masks_for
from .row_sources import is_same_file
from .run_data import prepared_source

if TYPE_CHECKING:
    import keras

    from ..data.split import Positions
    from .prediction_batches import Computed


@dataclass(frozen=True)
class Written:
    """Predictions that were written to a file."""

    path: Path
    rows: int
    warnings: tuple[Diagnostic, ...] = ()
    skipped: tuple[SkippedRow, ...] = ()
    """The number of unreadable rows, which are skipped."""
    errors: Path | None = None
    """The file that lists these rows, if there are any."""

    def __len__(self) -> int:
        return self.rows


@dataclass(frozen=True)
class Stream:
    """Predictions that are computed lazily, batch by batch, and again for each iteration."""

    rows: int
    """The number of predictions."""
    warnings: tuple[Diagnostic, ...]
    _batches: Callable[[], Iterator[Predictions]] = field(repr=False)
    skipped: tuple[SkippedRow, ...] = ()
    """The unreadable rows, which are skipped."""

    def __iter__(self) -> Iterator[Predictions]:
        return self._batches()

    def head(self, rows: int) -> Predictions:
        """The first rows."""
        from .prediction_writer import joined

        taken: list[Predictions] = []
        for batch in self:
            taken.append(batch)
            if sum(map(len, taken)) >= rows:
                break
        return joined(taken).taken(slice(rows))


Layers = str | Sequence[str] | None


@overload
def predict(
    run_dir: str | PathLike[str],
    source: str | Table,
    output: None = None,
    layer: Layers = None,
    **options: Any,
) -> Predictions: ...
@overload
def predict(
    run_dir: str | PathLike[str],
    source: str | Table,
    output: str | PathLike[str],
    layer: Layers = None,
    *,
    raw: bool = False,
    **options: Any,
) -> Written: ...
def predict(
    run_dir: str | PathLike[str],
    source: str | Table,
    output: str | PathLike[str] | None = None,
    layer: Layers = None,
    *,
    raw: bool = False,
    **options: Any,
) -> Predictions | Written:
    """The outputs of the model in a run folder for every row of `source` (a path, `kind=path`, or
    an open table); only the input columns are required. `layer` requests the tensors of one or
    several inner layers instead: `hidden`, `encoder/conv1` inside a sub-model. `options` are the
    fields of `Options`: `id`, `keep`, `top`, `threshold`, `errors`, `batch_size`, `decode`, ...

    `output` is a file to write them to: `.csv`, `.jsonl`, `.npz`, `.parquet` or `.arrow`. They are
    written as they are computed, so memory contains only a few batches; the file appears when it is
    complete. In a csv file, strings that a spreadsheet would run as formulas begin with an
    apostrophe, unless `raw`. Without `output` they are returned as arrays. Raises `RunError`: MS711
    for a file that cannot be written in this format, MS712 for an unknown layer, MS688 and MS730 to
    MS734 for options that do not fit, and errors if the run or the source cannot be used.
    """
    from .prediction_outputs import check_output
    from .prediction_writer import joined, write_errors, write_output

    if output is None:
        stream = predictions(run_dir, source, layer, **options)
        return joined(list(stream))
    path = Path(fspath(output))
    check_output(path)
    if isinstance(source, str) and is_same_file(source, path):
        raise RunError.of("MS711", f"`{path}` is the file that is read", help="choose another file")
    stream = predictions(run_dir, source, layer, **options)
    write_output(stream, stream.rows, path, raw=raw)
    errors = write_errors(stream.skipped, path, options.get("id"))
    return Written(path, stream.rows, stream.warnings, stream.skipped, errors)


@own_state()
def predictions(
    run_dir: str | PathLike[str], source: str | Table, layer: Layers = None, **options: Any
) -> Stream:
    """As `predict`, in batches: `for batch in predictions(...)`; each may raise the same errors."""
    layers = () if layer is None else (layer,) if isinstance(layer, str) else tuple(layer)
    return stream_of(open_run(Path(fspath(run_dir))), source, Options(layers, **options).checked())


def stream_of(
    run: SavedRun,
    source: str | Table,
    options: Options,
    model: keras.Model | None = None,
    skipped: SkippedRows | None = None,
) -> Stream:
    """The predictions of a run; `model` is its model if it is already loaded, `skipped` has the
    rows that were skipped when the table was opened.
    """
    from .introspection import check_names
    from .thresholds import stored_threshold

    typed = run.compiled.graph
    assert typed is not None
    check_names(typed, options.layers)
    require_decodable(run.compiled, options)
    skipped = skipped or (SkippedRows() if options.errors == "skip" else None)
    table = _table(run, source, skipped)
    if options.nearest is not None:
        return _nearest(run, table, options, model, skipped)
    examples, state, found = prepared_source(
        run.compiled, table, run.directory, with_targets=False, skipped=skipped
    )
    warnings = (*run.warnings, *found)
    kept = stored_threshold(run.directory) if options.threshold is None else None
    thresholds = options.thresholds if kept is None else kept.by_output
    if kept is not None and not options.layers:
        warnings = (*warnings, kept.note(run.directory))
    decided = {} if options.layers else decisions(run.compiled, state, thresholds)
    check_top(decided, options.top)
    decoder = decoder_of(run.compiled, state, options)
    batches = PredictedBatches(run, examples, state, options, decided, warnings, decoder)
    loaded = model if model is not None else run.model(measured=False)
    return _numbered(table, examples, options, warnings, skipped, lambda: batches.computed(loaded))


def _nearest(
    run: SavedRun,
    table: Table,
    options: Options,
    model: keras.Model | None,
    skipped: SkippedRows | None,
) -> Stream:
    """The nearest items of every row."""
    from .nearest import search

    loaded = model if model is not None else run.model(measured=False)
    examples, found, computed = search(run, table, options, loaded, skipped)
    return _numbered(table, examples, options, (*run.warnings, *found), skipped, computed)


def _numbered(
    table: Table,
    examples: Examples,
    options: Options,
    warnings: tuple[Diagnostic, ...],
    skipped: SkippedRows | None,
    computed: Callable[[], Iterator[Predictions]],
) -> Stream:
    """The batches with the columns that identify their rows."""
    rows = np.arange(examples.count) if examples.rows is None else examples.rows
    before = carried(table, rows, id=options.id, keep=options.keep, numbered=options.numbered)
    left_out = () if skipped is None else skipped.with_ids(table, options.id)
    if left_out:
        assert skipped is not None
        warnings = (*warnings, skipped.warning(table, len(rows)))

    def numbered() -> Iterator[Predictions]:
        sizes: list[int] = []
        ids = before.batches(iter(lambda: sizes.pop(), None))
        for batch in computed():
            sizes.append(len(batch))
            yield replace(batch, ids=next(ids))

    return Stream(len(rows), warnings, numbered, left_out)


def _table(run: SavedRun, source: str | Table, skipped: SkippedRows | None) -> Table:
    if isinstance(source, Table):
        return source
    table = table_for(run, source, skipped)
    if skipped is None or run.compiled.data is None:
        return table
    return with_readable_files(table, run.compiled.data, run.compiled.file.context, skipped)


@dataclass(frozen=True)
class PredictedBatches:
    """The state for computing the batches of one stream."""

    run: SavedRun
    examples: Examples
    state: State | None
    options: Options
    decided: Mapping[str, Decision]
    warnings: tuple[Diagnostic, ...]
    decoder: Decoder | None = None
    positions: Positions | None = None
    """The examples to predict; None: all."""

    def computed(self, model: keras.Model) -> Iterator[Predictions]:
        from .framework_errors import as_run_error

        layers = self.options.layers
        about = {} if layers else self._about()
        with as_run_error("the prediction failed"), own_state():
            computed = self._computed(model)
        while True:
            with as_run_error("the prediction failed"), own_state():
                found = next(computed, None)
            if found is None:
                return
            outputs, steps = found
            if layers:
                yield Predictions(outputs, {}, self.warnings)
                continue
            named = replace(self._named(outputs), naming=about, steps=steps)
            yield named if self.decoder is None else self.decoder.named(named)

    def _computed(self, model: keras.Model) -> Iterator[Computed]:
        """The outputs of the model, or of inner layers, for the rows in order."""
        from ..data.batches import Feed
        from .prediction_batches import batch_size, computed, fixed_size

        compiled, layers = self.run.compiled, self.options.layers
        typed = compiled.graph
        assert typed is not None
        wanted = model if not layers else _inner(model, typed, layers)
        masks = None if layers else masks_for(wanted, compiled)
        feed = Feed(self.examples)
        positions = range(self.examples.count) if self.positions is None else self.positions
        names, fixed = tuple(typed.outputs), fixed_size(compiled)
        if fixed is not None:
            return _of_fixed(wanted, masks, feed.plain(positions, fixed), fixed, names)
        size = self.options.batch_size or batch_size(compiled)
        return computed(wanted, masks, feed, positions, size, names)

    def _about(self) -> dict[str, Naming]:
        """The names of the entries of each output."""
        bounds = binding_of(self.run.compiled).targets
        found = {name: Naming(bound.names) for name, bound in bounds.items() if bound.stacked}
        for name, one in self.decided.items():
            bound = bounds.get(name)
            written = bound.written if bound is not None else None
            mark = (written.separator if written is not None else None) or "|"
            found[name] = Naming(one.labels, one.kind == "several", not one.margins, mark)
        return found

    def _named(self, outputs: Mapping[str, Array]) -> Predictions:
        """Predictions in the terms of the target's column: labels for classes, numbers before their
        transform.
        """
        layers = target_layers(self.run.compiled, self.state)
        plain, classes, shares, chosen = {}, {}, {}, {}
        for name, values in outputs.items():
            about, chain = self.decided.get(name), layers.get(name, ())
            if about is None:
                plain[name] = inverse(chain, values) if has_inverse(chain) else values
                continue
            plain[name], shares[name] = values, about.shares(values)
            numbers = about.classes(values, shares[name])
            several = about.kind == "several"
            units = shares[name].shape[-1]
            classes[name] = numbers if several else labelled(numbers, chain, units)
            if not several and not about.margins:
                chosen[name] = about.chosen(numbers, shares[name])
        return Predictions(plain, classes, self.warnings, shares, chosen, top=self.options.top)


def _inner(model: keras.Model, typed: TypedGraph, layers: Sequence[str]) -> keras.Model:
    from .introspection import inner_model

    return inner_model(model, typed, layers)


def _of_fixed(
    model: keras.Model, masks: Masks | None, feed: Iterable[Any], size: int, names: tuple[str, ...]
) -> Iterator[Computed]:
    """For each batch of a model with a fixed batch size its outputs, and which of their steps are
    not padding.
    """
    from .prediction_batches import by_name

    def outputs(batch: Any) -> dict[str, Array]:
        return by_name(model.predict_on_batch(batch), names)

    for batch in feed:
        steps = {} if masks is None else whole_batch(masks, batch, size)
        yield whole_batch(outputs, batch, size), steps


def whole_batch(
    computed: Callable[[Any], dict[str, Array]], batch: Any, size: int
) -> dict[str, Array]:
    """The outputs of a batch. The last one is padded with its last row, and the extra outputs are
    dropped.
    """
    import keras
    import tensorflow as tf

    first = next(one for one in keras.tree.flatten(batch) if one is not None)
    count = len(first)
    if count == size:
        return computed(batch)
    rows = np.minimum(np.arange(size), count - 1)
    filled = keras.tree.map_structure(lambda one: tf.gather(one, rows), batch)
    return {name: values[:count] for name, values in computed(filled).items()}
