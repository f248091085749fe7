"""`predict --nearest K --items FILE`: for each row the items whose vectors are nearest to its own,
by the two towers of the model.

The items are computed once, and compared with each batch of rows in blocks: memory contains the
vectors of the items and one block of scores. Between equal scores the order of the items decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from modelspec.compiler.infer import TypedGraph
from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import Diagnostic, listed

from ..backend.process_state import own_state
from ..data import Examples, RunError, Table
from ..data.examples import whole
from ..data.skipped_rows import SkippedRows
from ..data.table import Array
from .carried_columns import carried
from .introspection import check_names
from .open_run import SavedRun, table_for
from .prediction_rows import Predictions
from .run_data import prepared_source

if TYPE_CHECKING:
    import keras

    from .prediction_options import Options

SIMILARITIES: Final = ("dot", "cosine")
_BLOCK: Final = 16_384
"""The items that are compared at once."""


class Towers(NamedTuple):
    """The tensors that are compared: of the rows, and of the items."""

    row: str
    item: str
    similarity: str


@dataclass(frozen=True)
class Tower:
    """One of the tensors, computed for the rows of a table."""

    run: SavedRun
    examples: Examples
    model: Any
    batch_size: int
    fixed: int | None

    def batches(self) -> Iterator[Array]:
        """The vectors of all rows, batch by batch."""
        from ..data.batches import Feed
        from .framework_errors import as_run_error

        with as_run_error("the vectors cannot be computed"), own_state():
            feed = iter(Feed(self.examples).plain(whole(self.examples).positions, self.batch_size))
        while True:
            with as_run_error("the vectors cannot be computed"), own_state():
                batch = next(feed, None)
                if batch is None:
                    return
                found = self._of(batch)
            yield found["vector"]

    def _of(self, batch: Any) -> dict[str, Array]:
        from .predicted_batches import whole_batch

        if self.fixed is None:
            return self._computed(batch)
        return whole_batch(self._computed, batch, self.fixed)

    def _computed(self, batch: Any) -> dict[str, Array]:
        return {"vector": np.asarray(self.model.predict_on_batch(batch))}


class Best:
    """The best items so far of each row of a batch."""

    def __init__(self, rows: int, count: int) -> None:
        self.scores = np.full((rows, count), -np.inf, np.float32)
        self.items = np.full((rows, count), -1, np.int64)

    def add(self, scores: Array, first: int) -> None:
        """Further items, the first of which has the number `first`; `scores` are [rows, items]."""
        count = self.scores.shape[1]
        for row, values in enumerate(scores):
            better = np.flatnonzero(values > self.scores[row, -1])
            if len(better) > count:
                least = np.partition(values[better], len(better) - count)[len(better) - count]
                better = better[values[better] >= least]
            every = np.concatenate([self.scores[row], values[better]])
            items = np.concatenate([self.items[row], better + first])
            order = np.argsort(-every, kind="stable")[:count]
            self.scores[row], self.items[row] = every[order], items[order]


def nearest_batches(
    rows: Iterator[Array], items: Array, count: int, similarity: str
) -> Iterator[Best]:
    """The nearest items of each batch of vectors."""
    for vectors in rows:
        best = Best(len(vectors), count)
        own = _compared(vectors, similarity)
        for first in range(0, len(items), _BLOCK):
            block = _compared(items[first : first + _BLOCK], similarity)
            # In float64, so that the place in a block does not decide between equal items.
            scores = (own @ block.T).astype(np.float32)
            best.add(np.where(np.isnan(scores), -np.inf, scores), first)
        yield best


def _compared(vectors: Array, similarity: str) -> Array:
    """Vectors in float64, of length 1 for the cosine; a vector of zeros stays as it is."""
    found = np.asarray(vectors, np.float64)
    if similarity != "cosine":
        return found
    sizes = np.linalg.norm(found, axis=-1, keepdims=True)
    return found / np.where(sizes > 0, sizes, 1.0)


# Runs ---------------------------------------------------------------------------------------------


def search(
    run: SavedRun,
    table: Table,
    options: Options,
    model: keras.Model,
    skipped: SkippedRows | None,
) -> tuple[Examples, tuple[Diagnostic, ...], Any]:
    """The examples of the rows, warnings, and a function that computes the nearest items of all of
    them. Raises `RunError`: MS790 and MS791 for a model without two such towers.
    """
    typed = run.compiled.graph
    assert typed is not None and options.items is not None and options.nearest is not None
    towers = towers_of(typed, options.layers, options.similarity)
    rows = _tower(run, typed, towers.row, table, model, options.batch_size, skipped)
    source = options.items
    item_table = source if isinstance(source, Table) else table_for(run, source)
    items = _tower(run, typed, towers.item, item_table, model, options.batch_size, None)
    numbers = _numbers(items[0].examples)
    before = carried(item_table, numbers, id=options.item_id, keep=(), numbered=True)
    count = options.nearest

    def computed() -> Iterator[Predictions]:
        names = next(iter(next(before.batches(iter([len(numbers)]))).values()))
        vectors = np.concatenate([np.asarray(one) for one in items[0].batches()])
        kept = min(count, len(vectors))
        for best in nearest_batches(rows[0].batches(), vectors, kept, towers.similarity):
            yield Predictions(_columns(best, names), {}, (*run.warnings, *rows[1], *items[1]))

    return rows[0].examples, (*rows[1], *items[1]), computed


def _columns(best: Best, names: Array) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for place in range(best.scores.shape[1]):
        found[f"nearest_{place + 1}"] = names[best.items[:, place]]
        found[f"nearest_{place + 1}_score"] = best.scores[:, place]
    return found


def _numbers(examples: Examples) -> Array:
    return np.arange(examples.count) if examples.rows is None else np.asarray(examples.rows)


def _tower(
    run: SavedRun,
    typed: TypedGraph,
    name: str,
    table: Table,
    model: keras.Model,
    batch_size: int | None,
    skipped: SkippedRows | None,
) -> tuple[Tower, tuple[Diagnostic, ...]]:
    """A tensor for the rows of a table, which has the columns of the inputs that it depends on."""
    inputs = inputs_before(typed, name)
    compiled = _with_inputs(run.compiled, inputs)
    examples, _, warnings = prepared_source(
        compiled, table, run.directory, with_targets=False, skipped=skipped
    )
    training = run.compiled.training
    fixed = next((one.batch_size for one in typed.graph.inputs or () if one.batch_size), None)
    size = batch_size or (training.batch_size if training else 32)
    from ..backend.replay import tower_model

    with own_state():
        inner = tower_model(model, typed, name, inputs)
    return Tower(run, examples, inner, fixed or size, fixed), warnings


def _with_inputs(compiled: Compiled, inputs: Sequence[str]) -> Compiled:
    """The same for data that have only the columns of some inputs."""
    data = compiled.data
    assert data is not None
    own = None if data.inputs is None else {n: f for n, f in data.inputs.items() if n in inputs}
    lacking = [name for name in inputs if own is not None and name not in own]
    if lacking:
        raise RunError.of("MS790", f"`data.inputs` of the run has no entry for `{lacking[0]}`")
    left = replace(data, inputs=own, weights=None, where=None, slices=(), expect={})
    return replace(compiled, data=left)


# Towers -------------------------------------------------------------------------------------------


def towers_of(typed: TypedGraph, names: Sequence[str], similarity: str | None) -> Towers:
    """The tensors with these names; without names those that a layer like `Dot` compares."""
    if not names:
        found = _compared_tensors(typed)
        if len(found) != 1:
            what = "several layers compare" if found else "no layer compares"
            raise RunError.of(
                "MS790",
                f"the towers cannot be inferred: {what} two vectors as `Dot` does",
                help="name the two tensors: `--layer USER --layer ITEM`, that of the rows first",
            )
        (towers,) = found
        if similarity is not None:
            towers = towers._replace(similarity=similarity)
    else:
        check_names(typed, names)
        towers = Towers(names[0], names[-1], similarity or "dot")
    _check_vectors(typed, towers)
    return towers


def _compared_tensors(typed: TypedGraph) -> list[Towers]:
    found = []
    for call in typed.alive:
        similarity = getattr(call.call.callee, "similarity", None)
        refs = list(call.call.refs())
        if similarity is None or len(refs) != 2 or any(one.output for one in refs):
            continue
        found.append(Towers(refs[0].producer, refs[1].producer, similarity))
    return found


def _check_vectors(typed: TypedGraph, towers: Towers) -> None:
    """Raises `RunError` (MS791) unless both tensors are vectors of one size."""
    shapes = [_shape(typed, name) for name in (towers.row, towers.item)]
    for name, shape in zip(towers, shapes, strict=False):
        if len(shape) != 2:
            sizes = ", ".join("unknown" if one is None else str(one) for one in shape[1:])
            raise RunError.of(
                "MS791",
                f"`{name}` has the shape ({sizes}) for each row, but the nearest items are found by"
                " vectors: one axis",
                help="name the layer that returns the vector of a row",
            )
    first, second = shapes
    if first[1] != second[1]:
        raise RunError.of(
            "MS791",
            f"the vectors of `{towers.row}` have {first[1]} numbers, and those of `{towers.item}`"
            f" {second[1]}: they cannot be compared",
            help="name two layers whose outputs have the same size",
        )


def _shape(typed: TypedGraph, path: str) -> tuple[Any, ...]:
    """The shape of a tensor by its path."""
    from modelspec.core.shapes import erase

    first, _, rest = path.partition("/")
    call = typed.by_name.get(first)
    if call is not None and rest and call.inside is not None:
        return _shape(call.inside, rest)
    if call is not None:
        if len(call.outputs) != 1:
            raise RunError.of("MS791", f"`{path}` has several outputs, so it is not one vector")
        return erase(call.outputs[0].shape)
    tensors = {**typed.outputs, **typed.inputs}
    return erase(tensors[first].shape)


def inputs_before(typed: TypedGraph, path: str) -> tuple[str, ...]:
    """The inputs of the model that a tensor depends on."""
    first = path.partition("/")[0]
    public = typed.graph.outputs.get(first)
    queue = [public.producer if first not in typed.by_name and public is not None else first]
    seen: set[str] = set()
    for name in queue:
        if name not in seen:
            seen.add(name)
            call = typed.by_name.get(name)
            queue.extend(ref.producer for ref in call.call.refs()) if call is not None else None
    return tuple(name for name in typed.inputs if name in seen)


def check_nearest(options: Options) -> None:
    """Raises `RunError` (MS789) for options of the search that do not fit together."""
    count, items = options.nearest, options.items
    given = {"items": items, "item_id": options.item_id, "similarity": options.similarity}
    if count is None:
        name = next((name for name, value in given.items() if value is not None), None)
        if name is not None:
            raise _unfit(f"`{name}` has no effect without `nearest`", "set `nearest`, or omit it")
        return
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise _unfit(f"`nearest` is {count!r}, but must be an integer, at least 1")
    if items is None:
        raise _unfit("`nearest` requires `items`, the items to choose from", "pass a file of items")
    if options.similarity not in (None, *SIMILARITIES):
        raise _unfit(f"`similarity` is {options.similarity!r}, but must be `dot` or `cosine`")
    if len(options.layers) > 2:
        raise _unfit(
            f"`nearest` compares two tensors, but {len(options.layers)} layers are named:"
            f" {listed(list(options.layers))}",
            "name the tensor of the rows, then that of the items",
        )
    others = {"top": options.top, "threshold": options.threshold, "decode": options.decode}
    name = next((name for name, value in others.items() if value is not None), None)
    if name is not None:
        raise _unfit(
            f"`{name}` applies to the outputs of the model, which `nearest` replaces",
            "omit one of the two",
        )


def _unfit(message: str, help: str | None = None) -> RunError:
    return RunError.of("MS789", message, help=help)
