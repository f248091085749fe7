"""The terms of an objective, computed on a batch: formulas over tensors inside a model and over
targets.

    Taps        model, references         -> outputs and tensors of one forward pass
    Objective   tensors, targets, weights -> one number for each term, and their weighted sum

Several objectives may use the same `Taps`. Everything is public Keras: the tapped model is another
functional model over the same layers.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Final, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from modelspec.catalog.formula.tree import Call, Name, Node, listed
from modelspec.compiler.graph import Ref
from modelspec.compiler.infer.objective_terms import (
    RANDOM,
    ResolvedTerm,
    TermType,
    draws,
    gradient_depth,
    term_type,
)
from modelspec.core.shapes import Tensor

from ..data.target_names import EXAMPLE_WEIGHTS, TARGET_PREFIX
from .formulas import FormulaRun
from .inner_names import inner_name
from .weight_formulas import weight_value

_HALF: Final = ("float16", "bfloat16")
_STREAM: Final = 7
"""Separates these random numbers from others of the same seed."""
Key = tuple[str, str | None]
"""A tensor of the model: its producer, and the output."""


class Pass(NamedTuple):
    """One forward pass."""

    outputs: Any
    """As the model returns them; None if they were not computed."""
    tensors: Mapping[Key, Any]
    tapes: Sequence[tf.GradientTape]
    """For `gradient`: by its depth in a formula, the innermost first."""


class Taps:
    """A model that returns some of its inner tensors beside its outputs."""

    def __init__(
        self,
        model: keras.Model,
        refs: Iterable[Ref],
        tensor: Callable[[Ref], Any],
        depth: int = 0,
        *,
        outputs: bool = True,
    ) -> None:
        """`tensor` gives the Keras tensor of a reference. `depth`: how deeply the formulas on these
        tensors nest `gradient`. `outputs`: whether the outputs of the model are computed too; else
        only the layers before the tensors run.
        """
        found = {_key(ref): tensor(ref) for ref in refs}
        self._keys = tuple(found)
        self._depth = depth
        self._outputs = outputs
        tensors = list(found.values())
        made = [model.output, tensors] if outputs else tensors
        self.model = keras.Model(model.input, made, name=model.name)
        own = set(map(id, model.variables))
        self.variables = [one for one in self.model.variables if id(one) not in own]
        """The variables of layers that no output depends on: the seeds of random layers."""

    def run(self, inputs: Any, *, training: bool, outside: ExitStack) -> Pass:
        """A forward pass. `outside` keeps the tapes open while the formulas are computed."""
        tapes = [
            outside.enter_context(tf.GradientTape(persistent=True)) for _ in range(self._depth)
        ]
        for tape in tapes:
            tape.watch([one for one in keras.tree.flatten(inputs) if _is_float(one)])
        made = self.model(inputs, training=training)
        outputs, tensors = made if self._outputs else (None, keras.tree.flatten(made))
        found = dict(zip(self._keys, tensors, strict=True))
        return Pass(outputs, found, tapes[::-1])


class Objective:
    """The terms of one objective."""

    def __init__(self, terms: Sequence[ResolvedTerm], generators: Generators) -> None:
        self.terms = tuple(terms)
        self._draws = any(draws(one.term.formula.root) for one in self.terms)
        self._generators = generators
        self.means = {one.name: keras.metrics.Mean(name=inner_name(one.name)) for one in terms}
        """By term: its mean over the examples of an epoch so far."""
        self.epoch, self.step = (tf.Variable(0, trainable=False, dtype="int64") for _ in range(2))
        """The place of the next step in the run."""

    @property
    def variables(self) -> list[Any]:
        """The random state of the training."""
        return [self._generators.of(training=True).state] if self._draws else []

    def state(self, *, training: bool) -> Any:
        """The state of the random numbers of the terms; None if no term draws any."""
        return self._generators.of(training=training).state if self._draws else None

    @property
    def metrics(self) -> list[Any]:
        """The metrics that are logged."""
        return list(self.means.values())

    def begin_test(self) -> None:
        """Make a measurement draw the same random numbers as every other."""
        if self._draws:
            self._generators.of(training=False).begin_again()

    def at(self, epoch: int, step: int) -> None:
        """The next step is this one; both count from 0 over the whole run."""
        self.epoch.assign(epoch)
        self.step.assign(step)

    def advance(self) -> None:
        """Count one step."""
        self.step.assign_add(1)

    def values(
        self,
        found: Pass,
        targets: Mapping[str, Any],
        weights: Any,
        *,
        training: bool,
        only: Container[str] | None = None,
    ) -> dict[str, Any]:
        """By term: one number for the batch, in at least float32; `targets` are by their names,
        `weights` those of the examples, or None. `only`: the terms that are computed; None: all.
        """
        return {
            one.name: self._value(one, found, targets, weights, training)
            for one in self.terms
            if only is None or one.name in only
        }

    def total(self, values: Mapping[str, Any], *, training: bool) -> Any:
        """The sum of the terms that were computed, each times its weight at this step; in a
        measurement, at the last step of the training.
        """
        step = self.step if training else tf.maximum(self.step - 1, 0)
        return tf.add_n(
            [
                tf.cast(weight_value(one.term.weight, self.epoch, step), values[one.name].dtype)
                * values[one.name]
                for one in self.terms
                if one.name in values
            ]
        )

    def measure(self, values: Mapping[str, Any], examples: Any, taps: Taps) -> None:
        """Adds the values of a batch of so many examples, which `taps` ran, to what is logged."""
        self.update_means(values, examples)

    def update_means(self, values: Mapping[str, Any], examples: Any) -> None:
        """Adds the values of a batch of so many examples to the means."""
        for name, value in values.items():
            self.means[name].update_state(value, sample_weight=examples)

    @staticmethod
    def type_of(one: ResolvedTerm, found: Pass, targets: Mapping[str, Any]) -> TermType:
        """The type of a term on the tensors of a batch."""
        given = _given(one, found, targets)
        types = {name: Tensor(tuple(x.shape), _dtype(x)) for name, x in given.items()}
        return term_type(one.term, types)

    def _value(
        self,
        one: ResolvedTerm,
        found: Pass,
        targets: Mapping[str, Any],
        weights: Any,
        training: bool,
    ) -> Any:
        given = _given(one, found, targets)
        inferred = self.type_of(one, found, targets)
        run = _TermRun(
            {name: _single(x) for name, x in given.items()},
            inferred.dtypes,
            {name: given[name] for name in one.tensors},
            found.tapes,
            self._generators.of(training=training) if self._draws else None,
        )
        value = _single(tf.convert_to_tensor(run.value(one.term.formula.root)))
        value = value if _is_float(value) else tf.cast(value, "float32")
        if not inferred.per_example:
            return value
        value = tf.reshape(value, [-1])  # its further axes have the size 1
        # As Keras's losses: the weights do not change the number that the sum is divided by.
        return tf.reduce_mean(value if weights is None else value * tf.cast(weights, value.dtype))


def _given(one: ResolvedTerm, found: Pass, targets: Mapping[str, Any]) -> dict[str, Any]:
    """The tensors and targets that a term reads, by name in its formula."""
    given = {name: found.tensors[_key(ref)] for name, ref in one.tensors.items()}
    return given | {name: targets[target] for name, target in one.targets.items()}


def _key(ref: Ref) -> Key:
    return ref.producer, ref.output


def depth_of(terms: Iterable[ResolvedTerm]) -> int:
    """How deeply the formulas of some terms nest `gradient`."""
    return max((gradient_depth(one.term.formula.root) for one in terms), default=0)


def _dtype(x: Any) -> str:
    return str(keras.backend.standardize_dtype(x.dtype))


def _is_float(x: Any) -> bool:
    return x is not None and bool(keras.backend.is_float_dtype(_dtype(x)))


def _single(x: Any) -> Any:
    """A tensor in at least float32."""
    return tf.cast(x, "float32") if _dtype(x) in _HALF else x


# Random numbers ----------------------------------------------------------------------------------


class Generator(keras.random.SeedGenerator):
    """A generator that can begin again."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed=seed)
        self._first = ops.convert_to_numpy(self.state)

    def begin_again(self) -> None:
        """Draw the same numbers as at the beginning."""
        self.state.assign(self._first)


class Generators:
    """A generator for the training, and another for measurements, which do not change it."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._made: dict[bool, Generator] = {}

    def of(self, *, training: bool) -> Generator:
        """The generator for one of the two purposes, made when it is first used."""
        if training not in self._made:
            with tf.init_scope():
                sequence = np.random.SeedSequence([self._seed, _STREAM, training])
                self._made[training] = Generator(int(sequence.generate_state(1)[0] >> 1))
        return self._made[training]


# Formulas ----------------------------------------------------------------------------------------


class _TermRun(FormulaRun):
    """Computes a formula of a term: with gradients, and random numbers."""

    def __init__(
        self,
        tensors: Mapping[str, Any],
        dtypes: Mapping[int, str],
        sources: Mapping[str, Any],
        tapes: Sequence[tf.GradientTape],
        generator: Generator | None,
    ) -> None:
        super().__init__(tensors, dtypes)
        self._sources = sources
        """The tensors of the model, as the forward pass made them."""
        self._tapes = tapes
        self._generator = generator

    def _call(self, node: Call) -> Any:
        if node.function == "gradient":
            return self._gradient(node)
        if node.function in RANDOM:
            like = self.value(_operand(node, "like"))
            draw = keras.random.normal if node.function == "random_normal" else keras.random.uniform
            shape = ops.shape(like)
            return draw(shape, dtype=_dtype(like), seed=self._generator, **node.settings)
        return super()._call(node)

    def _gradient(self, node: Call) -> Any:
        """The gradient by the tape of its depth; the tapes around it record how it is computed."""
        y, x = _operand(node, "y"), _operand(node, "x")
        assert isinstance(x, Name)
        tape = self._tapes[gradient_depth(node) - 1]
        value = self.value(y)
        with tape.stop_recording():
            found = tape.gradient(
                value, self._sources[x.name], unconnected_gradients=tf.UnconnectedGradients.ZERO
            )
        return _single(tf.convert_to_tensor(found))


def _operand(node: Call, name: str) -> Node:
    return listed(node.tensors[name])[0]


# Batches -----------------------------------------------------------------------------------------


class Targets(NamedTuple):
    """The targets of a batch."""

    own: Any
    """As the losses and metrics of the outputs take them."""
    by_name: Mapping[str, Any]
    weights: Any
    """The weights of the examples, or None."""


def split_targets(targets: Any, outputs: Sequence[str]) -> Targets:
    """The targets of a batch by their use; `outputs` are the outputs of the model."""
    if not isinstance(targets, dict):
        return Targets(targets, {} if targets is None else {outputs[0]: targets}, None)
    own = {name: one for name, one in targets.items() if name in outputs}
    by_name = own | {
        name.removeprefix(TARGET_PREFIX): one
        for name, one in targets.items()
        if name.startswith(TARGET_PREFIX)
    }
    compared = own if len(outputs) > 1 and own else next(iter(own.values()), None)
    return Targets(compared, by_name, targets.get(EXAMPLE_WEIGHTS))
