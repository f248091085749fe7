"""Makes examples by the `generate` section of a spec: a loop of formulas around the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from modelspec.compiler.infer import TypedGraph
from modelspec.compiler.infer.generation import typed_generation
from modelspec.compiler.infer.generation_types import TypedFormula, TypedGeneration
from modelspec.compiler.infer.objective_terms import type_of
from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import Collector

from ...backend.process_state import own_state
from ...data import RunError
from ...data.table import Array
from ..open_run import SavedRun
from ..prediction_rows import Predictions
from .draws import Draws

if TYPE_CHECKING:
    import keras

EXAMPLE, SEED = "example", "seed"
"""The columns with the number of an example, from 1, and with the seed."""
_MOST_NUMBERS: Final = 2**26
"""The most numbers of one tensor of a loop."""


@dataclass(frozen=True)
class Rows:
    """The rows of a source for which examples are made."""

    inputs: Mapping[str, Array]
    """The prepared values, by input of the model."""
    ids: Mapping[str, Array]
    """The columns that identify the rows."""
    count: int


NO_ROWS = Rows({}, {}, 1)


def generation_of(compiled: Compiled) -> TypedGeneration:
    """The `generate` section of a run. Raises `RunError` (MS792) for a run without one."""
    generation, typed = compiled.file.generation, compiled.graph
    assert typed is not None
    if generation is None:
        raise RunError.of("MS792", "the spec of the run has no `generate` section")
    report = Collector()
    found = typed_generation(generation, typed, report)
    if found is None:
        raise RunError(report.diagnostics)
    return found


def most_examples(found: TypedGeneration) -> int:
    """How many examples are computed at once: a spec may have tensors of any size."""
    shapes = [tuple(tensor.shape[1:]) for tensor in found.states.values()]
    formulas = (*found.early, *found.late, *found.inputs.values(), *found.updates.values())
    shapes += [draw.shape for one in (*formulas, *found.results.values()) for draw in one.draws]
    largest = max(prod(size for size in shape if isinstance(size, int)) for shape in shapes)
    return max(1, _MOST_NUMBERS // max(1, largest))


def examples(
    run: SavedRun, rows: Rows, count: int, seed: int, size: int, model: keras.Model | None = None
) -> Iterator[Predictions]:
    """`count` examples for each row, in batches of at most `size`."""
    from ..framework_errors import as_run_error

    found, typed = generation_of(run.compiled), run.compiled.graph
    assert typed is not None
    fixed = next((one.batch_size for one in typed.graph.inputs or () if one.batch_size), None)
    with as_run_error("the examples cannot be generated"), own_state():
        loop = Loop(model if model is not None else run.model(measured=False), typed, found)
    every = [(row, number) for row in range(rows.count) for number in range(count)]
    for start in range(0, len(every), fixed or size):
        chosen = every[start : start + (fixed or size)]
        filled = chosen + [chosen[-1]] * ((fixed or len(chosen)) - len(chosen))
        with as_run_error("the examples cannot be generated"), own_state():
            made = loop(Draws(seed, filled), rows, np.array([row for row, _ in filled]))
        taken = np.array([row for row, _ in chosen])
        numbers = np.array([number + 1 for _, number in chosen])
        ids = {name: values[taken] for name, values in rows.ids.items()}
        outputs = {name: values[: len(chosen)] for name, values in made.items()}
        seeds = np.full(len(chosen), seed, np.uint64)
        yield Predictions(outputs, {}, run.warnings, ids={**ids, EXAMPLE: numbers, SEED: seeds})


class Loop:
    """The steps of a section with one model."""

    def __init__(self, model: keras.Model, typed: TypedGraph, found: TypedGeneration) -> None:
        from ...backend.replay import part_of_model
        from ...backend.traced import traced

        self.found, self.typed = found, typed
        self._part = part_of_model(model, typed, found.given, found.tensors)
        self._step = traced(self._computed, reduce_retracing=True)

    def __call__(self, draws: Draws, rows: Rows, chosen: Array) -> dict[str, Array]:
        """The results of the examples of `draws`, for the `chosen` rows."""
        import tensorflow as tf

        taken = {name: tf.constant(values[chosen]) for name, values in rows.inputs.items()}
        states = self._initial(draws, taken, len(chosen))
        given = {name: values for name, values in taken.items() if name in self._part.inputs}
        kept: Mapping[str, Any] = {}
        for step in range(self.found.generation.steps):
            drawn = {key: self._drawn(one, draws) for key, one in self._stepwise.items()}
            states, kept = self._step(states, given, tf.constant(step, "int32"), drawn)
        names = {**kept, **states}
        return {
            name: np.asarray(self._value(one, names, self._drawn(one, draws)))
            for name, one in self.found.results.items()
        }

    @cached_property
    def _stepwise(self) -> dict[str, TypedFormula]:
        """The formulas of a step that draw random numbers."""
        found = self.found
        groups = {
            "early": {one.named.name: one for one in found.early},
            "inputs": found.inputs,
            "late": {one.named.name: one for one in found.late},
            "update": found.updates,
        }
        return {
            f"{group}.{name}": one
            for group, formulas in groups.items()
            for name, one in formulas.items()
            if one.draws
        }

    def _initial(self, draws: Draws, rows: Mapping[str, Any], count: int) -> dict[str, Any]:
        """The states before the first step."""
        import tensorflow as tf

        found: dict[str, Any] = {}
        for name, tensor in self.found.states.items():
            initial = self.found.generation.states[name].initial
            shape = tuple(int(size) for size in tensor.shape[1:] if isinstance(size, int))
            values: Any
            if initial.input is not None:
                values = rows[initial.input]
            elif initial.random is not None:
                draw = draws.normal if initial.random == "normal" else draws.uniform
                values = initial.scale * draw(shape)
            else:
                values = np.full((count, *shape), initial.value)
            found[name] = tf.cast(values, tensor.dtype)
        return found

    def _drawn(self, one: TypedFormula, draws: Draws) -> list[Any]:
        import tensorflow as tf

        return [
            tf.cast(draws.of(node.function, shape, node.settings), one.dtypes[id(node)])
            for node, shape in one.draws
        ]

    # One step -------------------------------------------------------------------------------------

    def _computed(
        self,
        states: Mapping[str, Any],
        rows: Mapping[str, Any],
        step: Any,
        drawn: Mapping[str, list[Any]],
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The states after a step; and the values and tensors of the step that results read."""
        import tensorflow as tf

        found = self.found
        names = {**states, "step": step, "steps": tf.constant(found.generation.steps, "int32")}
        for one in found.early:
            name = one.named.name
            names[name] = self._value(one, names, drawn.get(f"early.{name}", []))
        count = tf.shape(next(iter(states.values())))[0] if states else 1
        given = {
            name: self._given(name, self._value(one, names, drawn.get(f"inputs.{name}", [])), count)
            for name, one in found.inputs.items()
        }
        tensors = self._part({**given, **rows})
        names |= {name: _single(tensor) for name, tensor in tensors.items()}
        for one in found.late:
            name = one.named.name
            names[name] = self._value(one, names, drawn.get(f"late.{name}", []))
        after = dict(states)
        for name, one in found.updates.items():
            after[name] = _as(
                self._value(one, names, drawn.get(f"update.{name}", [])), states[name]
            )
        read = {name for one in found.results.values() for name in one.named.formula.arguments}
        return after, {name: names[name] for name in read if name not in states}

    def _value(self, one: TypedFormula, names: Mapping[str, Any], drawn: Sequence[Any]) -> Any:
        """The result of a formula; `drawn` has its random numbers."""
        import tensorflow as tf

        from ...backend.formulas import FormulaRun

        known = {id(draw.node): numbers for draw, numbers in zip(one.draws, drawn, strict=True)}
        value = FormulaRun(names, one.dtypes, known).value(one.named.formula.root)
        return tf.convert_to_tensor(value)

    def _given(self, name: str, value: Any, count: Any) -> Any:
        """The value of a replaced tensor in its dtype and shape."""
        import tensorflow as tf

        wanted = type_of(self.found.given[name], self.typed)
        assert wanted is not None
        value = tf.cast(value, wanted.dtype)
        return value if value.shape.rank else tf.fill([count, *wanted.shape[1:]], value)


def _single(x: Any) -> Any:
    """A tensor in at least float32, as formulas compute."""
    import tensorflow as tf

    return tf.cast(x, "float32") if x.dtype in (tf.float16, tf.bfloat16) else x


def _as(value: Any, state: Any) -> Any:
    """A result in the dtype and the shape of a state."""
    import tensorflow as tf

    value = tf.cast(value, state.dtype)
    return value if value.shape.rank else tf.fill(tf.shape(state), value)
