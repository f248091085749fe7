"""The predictions of a stream, batch by batch, in the terms of the target's columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from modelspec.compiler.infer import TypedGraph
from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import Diagnostic

from ..backend.process_state import own_state
from ..data import Examples
from ..data.adapted_state import State
from ..data.columns import binding_of
from ..data.table import Array
from ..data.target_inverse import has_inverse, inverse
from .decisions import Decision, labelled, target_layers
from .decoding import Decoder
from .open_run import SavedRun
from .prediction_options import Options
from .prediction_rows import Naming, Predictions
from .prediction_sizes import batch_size, fixed_size
from .prediction_steps import Masks, masks_for

if TYPE_CHECKING:
    import keras

    from ..data.split import Positions
    from ..distributed.shared_rows import SharedRows
    from .prediction_batches import Computed


def size_of(compiled: Compiled, options: Options) -> int:
    """The number of rows of a batch."""
    return fixed_size(compiled) or options.batch_size or batch_size(compiled)


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
    shares: SharedRows | None = None
    """How several processes divide them."""

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
        from .prediction_batches import computed

        compiled, layers = self.run.compiled, self.options.layers
        typed = compiled.graph
        assert typed is not None
        wanted = model if not layers else _inner(model, typed, layers)
        masks = None if layers else masks_for(wanted, compiled)
        feed = Feed(self.examples)
        names, fixed = tuple(typed.outputs), fixed_size(compiled)

        def of(positions: Positions | range) -> Iterator[Computed]:
            if fixed is not None:
                return _of_fixed(wanted, masks, feed.plain(positions, fixed), fixed, names)
            size = size_of(compiled, self.options)
            return computed(wanted, masks, feed, positions, size, names)

        if self.shares is not None:
            return self.shares.computed(of)
        return of(range(self.examples.count) if self.positions is None else self.positions)

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
