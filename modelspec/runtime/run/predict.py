"""`predict`: predictions for raw rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from modelspec.core.diagnostics import Diagnostic

from ..backend.process_state import own_state
from ..data import Examples, RunError, Table
from ..data.readable_files import with_readable_files
from ..data.skipped_rows import SkippedRow, SkippedRows
from ..data.table import Array
from ..distributed.cluster import current_channel
from ..distributed.together import same_outcome
from .carried_columns import carried
from .decisions import check_top, decisions
from .decoding import decoder_of, require_decodable
from .open_run import SavedRun, open_run, table_for
from .predicted_batches import PredictedBatches, size_of
from .prediction_options import Options
from .prediction_rows import Predictions
from .row_sources import is_same_file
from .run_data import prepared_source

if TYPE_CHECKING:
    import keras

    from modelspec.compiler.pipeline import Compiled

    from ..distributed.shared_rows import SharedRows


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
    is_reported: bool = True
    """False in a process that computed for another one, which wrote the file."""

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
    is_reported: bool = True
    """False in a process that computes for another one: it gets no predictions, but must iterate
    over them.
    """

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
    if not stream.is_reported:
        list(stream)
        return Written(path, 0, is_reported=False)
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
    if options.nearest is not None:
        return _nearest(run, _table(run, source, skipped), options, model, skipped)
    shares = _shares(run.compiled, options)
    with same_outcome() as facts:
        table = _table(run, source, skipped)
        facts["data: sha256"] = str(table.fingerprint)
        own = table if shares is None else shares.prepared_here(table)
        examples, state, found = prepared_source(
            run.compiled, own, run.directory, with_targets=False, skipped=skipped
        )
    if shares is not None:
        examples = shares.located(examples)
    warnings = (*run.warnings, *found)
    kept = stored_threshold(run.directory) if options.threshold is None else None
    thresholds = options.thresholds if kept is None else kept.by_output
    if kept is not None and not options.layers:
        warnings = (*warnings, kept.note(run.directory))
    decided = {} if options.layers else decisions(run.compiled, state, thresholds)
    check_top(decided, options.top)
    decoder = decoder_of(run.compiled, state, options)
    batches = PredictedBatches(
        run, examples, state, options, decided, warnings, decoder, shares=shares
    )
    loaded = model if model is not None else run.model(measured=False)
    stream = _numbered(
        table, _rows(examples, shares), options, warnings, skipped, lambda: batches.computed(loaded)
    )
    return stream if shares is None or shares.is_chief else replace(stream, is_reported=False)


def _shares(compiled: Compiled, options: Options) -> SharedRows | None:
    """The rows of this process, if several predict together. Skipped rows must be known to all."""
    channel = current_channel()
    if channel is None:
        return None
    from ..distributed.shared_rows import SharedRows

    size = size_of(compiled, options)
    return SharedRows(channel, compiled, size, apart=options.errors == "stop")


def _rows(examples: Examples, shares: SharedRows | None) -> Array:
    """The rows of all predictions."""
    if shares is not None:
        return shares.all_rows(examples)
    return np.arange(examples.count) if examples.rows is None else examples.rows


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
    rows = _rows(examples, None)
    return _numbered(table, rows, options, (*run.warnings, *found), skipped, computed)


def _numbered(
    table: Table,
    rows: Array,
    options: Options,
    warnings: tuple[Diagnostic, ...],
    skipped: SkippedRows | None,
    computed: Callable[[], Iterator[Predictions]],
) -> Stream:
    """The batches with the columns that identify their rows."""
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
