"""Rows of a run whose examples are made of several rows: an export contains only its model, which
takes the prepared windows.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.data_section import transform_of
from modelspec.compiler.spec.past_columns import examples_of_several_rows, with_past_columns

from ..data.examples import Examples
from ..data.spec_facts import section
from ..data.table import Array

ROWS = 128
"""The most examples that are used."""


def of_several_rows(compiled: Compiled) -> tuple[str, ...]:
    """The settings that make an example of several rows, in words; empty if each is one row."""
    return examples_of_several_rows(section(compiled))


def before_the_model(compiled: Compiled) -> tuple[str, ...]:
    """All steps on the rows of such a spec, in words."""
    rows = of_several_rows(compiled)
    if not rows:
        return ()
    chains = {
        name: transform_of(with_past_columns(feature))
        for name, feature in (section(compiled).inputs or {}).items()
    }
    layers = {
        name: ", ".join(f"`{use.kind}`" for use in chain.uses)
        for name, chain in chains.items()
        if chain is not None
    }
    return (*rows, *(f"{said} of `{name}`" for name, said in layers.items()))


def some_inputs(examples: Examples) -> Mapping[str, Array]:
    """The model's inputs for some examples, spread over all."""
    from ..data.batches import Feed

    count = examples.count
    chosen = np.unique(np.linspace(0, count - 1, min(ROWS, count)).astype(np.int64))
    batch = next(iter(Feed(examples).plain(chosen, len(chosen))))
    names = (*examples.inputs, *examples.random)
    found = batch if isinstance(batch, Mapping) else {names[0]: batch}
    return {name: np.asarray(values) for name, values in found.items()}
