"""The objective of a training as a class of the script: a Keras model that adds the terms to its
losses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from modelspec.catalog.formula.tree import Call, Choice, Constant, Formula, Name, Node, listed
from modelspec.compiler.graph import Ref
from modelspec.compiler.infer import TypedGraph
from modelspec.compiler.infer.objective_terms import (
    ResolvedTerm,
    gradient_depth,
    in_single,
    resolved_terms,
    term_type,
    type_of,
)
from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.training_section import Training
from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Tensor
from modelspec.runtime.backend.inner_names import inner_name

from .formula_code import tensors_code
from .python_code import INDENT, Bracketed, Code, call, docstring, literal, statement

CLASS: Final = "Trained"
_BODY: Final = INDENT * 2
_WATCHED: Final = (
    "for one in keras.tree.flatten(inputs):",
    f"{INDENT}if keras.backend.is_float_dtype(one.dtype):",
    f"{INDENT * 2}tape.watch(one)",
)
_GRADIENT: Final = (
    f"{INDENT}def gradient(self, y, x, depth):",
    f'{_BODY}"""The gradient of the sum of `y` with respect to a tensor of the model."""',
    f"{_BODY}tape = self.tapes[-depth]",
    f"{_BODY}with tape.stop_recording():  # the tapes around it record how it is computed",
    f'{_BODY}{INDENT}found = tape.gradient(y, x, unconnected_gradients="zero")',
    f"{_BODY}return tf.convert_to_tensor(found)",
    "",
)
"""The method that terms with a `gradient` call."""


def tensor_name(term: str, name: str) -> str:
    """The key of a tensor among those that `build_model` returns beside the model."""
    return f"{term}.{name}"


class ObjectiveCode:
    """The class of one objective."""

    def __init__(
        self, typed: TypedGraph, training: Training, targets: Mapping[str, Tensor | None]
    ) -> None:
        """`targets` are the types of the targets that terms read, where they are known."""
        found = resolved_terms(typed, training.objective)
        left_out = [one for one in found if _has_half_gradient(one, typed)]
        self.terms = tuple(one for one in found if one not in left_out)
        self.left_out = tuple(one.name for one in left_out)
        depths = (gradient_depth(one.term.formula.root) for one in self.terms)
        self._depth = max(depths, default=0)
        """How deeply the terms nest `gradient`: so many tapes record what they are computed of."""
        self._indent = _BODY + INDENT if self._depth else _BODY
        self.typed = typed
        self.targets = targets
        self.has_losses = bool(training.losses)

    @property
    def notices(self) -> tuple[str, ...]:
        """What the script leaves out."""
        return tuple(
            f"the term `{name}` is left out of the script, because it contains the `gradient` of a"
            " tensor in half precision"
            for name in self.left_out
        )

    def lines(self) -> list[str]:
        """The class."""
        several = len(self.typed.outputs) > 1
        return [
            f"class {CLASS}(keras.Model):",
            docstring("A model and the terms of its objective.", INDENT),
            "",
            *self._init(),
            "",
            f"{INDENT}def call(self, inputs, training=None):",
            *self._recorded(_WATCHED),
            f"{self._indent}outputs, self.found = self.inside(inputs, training=training)",
            f"{_BODY}return outputs",
            "",
            *self._loss(several),
            "",
            *(_GRADIENT if self._depth else ()),
            f"{INDENT}def compute_metrics(self, x, y, y_pred, sample_weight=None):",
            f"{_BODY}y = self.compared(y)",
            f"{_BODY}return super().compute_metrics(x, y, y_pred, sample_weight)",
            "",
            *self._compared(several),
        ]

    def _init(self) -> list[str]:
        lines = [
            f"{INDENT}def __init__(self, model, tensors):",
            f"{_BODY}super().__init__(name=model.name)",
            f"{_BODY}self.inside = keras.Model(model.input, [model.output, tensors])",
            f'{_BODY}self.epoch = keras.Variable(0.0, trainable=False, name="epoch")',
            f'{_BODY}self.step = keras.Variable(0.0, trainable=False, name="step")',
        ]
        for one in self.terms:
            mean = f"keras.metrics.Mean(name={literal(inner_name(one.name))})"
            lines.append(f"{_BODY}self.{_attribute(one)} = {mean}")
        return lines

    def _loss(self, several: bool) -> list[str]:
        lines = [
            f"{INDENT}def compute_loss(",
            f"{_BODY}self, x=None, y=None, y_pred=None, sample_weight=None, training=True",
            f"{INDENT}):",
        ]
        if self.has_losses:
            lines += [
                f"{_BODY}total = super().compute_loss(",
                f"{_BODY}{INDENT}x, self.compared(y), y_pred, sample_weight, training",
                f"{_BODY})",
            ]
        else:
            lines.append(
                f"{_BODY}total = sum((ops.sum(one) for one in self.losses), ops.zeros(()))"
            )
        lines.append(f"{_BODY}count = ops.shape(y_pred{self._first(several)})[0]")
        lines += self._recorded()
        for one in self.terms:
            lines += self._term(one, several)
        return [
            *lines,
            f"{_BODY}if training:",
            f"{_BODY}{INDENT}self.step.assign(self.step + 1)",
            f"{_BODY}return total",
        ]

    def _recorded(self, more: tuple[str, ...] = ()) -> list[str]:
        """The lines before those that the tapes record; `more` are repeated for each tape."""
        if not self._depth:
            return []
        tapes = f"(tf.GradientTape(persistent=True) for _ in range({self._depth}))"
        return [
            *([f"{_BODY}self.tapes = tuple{tapes}"] if more else []),
            f"{_BODY}with contextlib.ExitStack() as recorded:",
            f"{_BODY}{INDENT}for tape in self.tapes:",
            f"{_BODY}{INDENT * 2}recorded.enter_context(tape)",
            *(f"{_BODY}{INDENT * 2}{one}" for one in more),
        ]

    def _first(self, several: bool) -> str:
        return f"[{literal(next(iter(self.typed.outputs)))}]" if several else ""

    def _term(self, one: ResolvedTerm, several: bool) -> list[str]:
        names, types = dict[str, str](), dict[str, Tensor]()
        for name, ref in one.tensors.items():
            found = type_of(ref, self.typed)
            assert found is not None  # the spec has no errors
            code = f"self.found[{literal(tensor_name(one.name, name))}]"
            is_half = in_single(found) != found
            names[name] = f'ops.cast({code}, "float32")' if is_half else code
            types[name] = found
        for name, target in one.targets.items():
            names[name] = f"y[{literal(target)}]" if several or not self._alone else "y"
            if (known := self.targets.get(target)) is not None:
                types[name] = known
        dtypes, per_example = self._types(one, types)
        variable = _attribute(one)
        made = tensors_code(one.term.formula.root, names, dtypes)
        body = self._indent
        lines = statement(f"{variable} = ", made, body)
        if per_example:
            lines += [
                f"{body}if sample_weight is not None and not keras.tree.is_nested(sample_weight):",
                f"{body}{INDENT}{variable} = ops.reshape({variable}, [-1]) * sample_weight",
                f"{body}{variable} = ops.mean({variable})",
            ]
        added: Code = variable
        if one.term.weight != 1:
            added = call("ops.multiply", weight_code(one.term.weight), variable)
        return [
            *lines,
            f"{body}self.{variable}.update_state({variable}, sample_weight=count)",
            *statement("total = ", call("ops.add", "total", added), body),
        ]

    @property
    def _alone(self) -> bool:
        """Whether `y` is the target of the only output."""
        outputs = tuple(self.typed.outputs)
        return all(set(one.targets.values()) <= {*outputs[:1]} for one in self.terms)

    def _types(
        self, one: ResolvedTerm, types: Mapping[str, Tensor]
    ) -> tuple[Mapping[int, str], bool]:
        if len(types) < len(one.term.references):
            return {}, True  # `ops.mean` of one number is that number
        try:
            found = term_type(one.term, types)
        except Fault:
            return {}, True
        return found.dtypes, found.per_example

    def _compared(self, several: bool) -> list[str]:
        """The method that gives the targets of outputs among all targets."""
        lines = [
            f"{INDENT}def compared(self, y):",
            f'{_BODY}"""The targets that outputs are compared with."""',
        ]
        outputs = tuple(self.typed.outputs)
        if several:
            names = literal(outputs)
            return [
                *lines,
                f"{_BODY}return y and {{name: y[name] for name in {names} if name in y}}",
            ]
        name = literal(outputs[0])
        return [*lines, f"{_BODY}return y.get({name}) if isinstance(y, dict) else y"]


def kept_tensors(compiled: Compiled) -> dict[str, Ref]:
    """The tensors of the model that the script of a spec adds its terms to, by their keys."""
    training, typed = compiled.training, compiled.graph
    if training is None or typed is None or training.stages:
        return {}
    return {
        tensor_name(one.name, name): ref
        for one in ObjectiveCode(typed, training, {}).terms
        for name, ref in one.tensors.items()
    }


def _attribute(one: ResolvedTerm) -> str:
    """The variable of a term; the methods of a Keras model have no such name."""
    return f"term_{one.name}"


def _has_half_gradient(one: ResolvedTerm, typed: TypedGraph) -> bool:
    """Whether a term has a `gradient`, and reads a tensor in half precision: that tensor is cast
    for its formula, and a gradient with respect to the cast tensor would be 0.
    """
    found = [type_of(ref, typed) for ref in one.tensors.values()]
    is_half = any(tensor is not None and in_single(tensor) != tensor for tensor in found)
    return is_half and gradient_depth(one.term.formula.root) > 0


EPOCHS: Final = (
    "class EpochCounter(keras.callbacks.Callback):",
    f'{INDENT}"""Sets the epoch of a model, on which the weights of its terms depend."""',
    "",
    f"{INDENT}def on_epoch_begin(self, epoch, logs=None):",
    f"{INDENT * 2}self.model.epoch.assign(epoch)",
)
"""The class that a script requires where a weight is a formula over `epoch`."""


def names_of(weight: float | Formula) -> tuple[str, ...]:
    """The names in the formula of a weight."""
    return weight.arguments if isinstance(weight, Formula) else ()


# Weights ------------------------------------------------------------------------------------------


def weight_code(weight: float | Formula) -> Code:
    """A weight as code, with `self.epoch` and `self.step`."""
    return _numbers(weight.root) if isinstance(weight, Formula) else repr(weight)


def _numbers(node: Node) -> Code:
    if isinstance(node, Constant):
        return repr(float(node.value))
    if isinstance(node, Name):
        return f"self.{node.name}"
    if isinstance(node, Choice):
        parts = tuple(map(_numbers, (node.test, node.yes, node.no)))
        return Bracketed("ops.where(", parts, ")")
    assert isinstance(node, Call)
    given = [_numbers(one) for one in listed(node.tensors["x"])]
    function = {"min": "minimum", "max": "maximum"}.get(node.function, node.function)
    found = given[0]
    if len(given) == 1:
        return found if function != node.function else Bracketed(f"ops.{function}(", (found,), ")")
    for other in given[1:]:
        found = Bracketed(f"ops.{function}(", (found, other), ")")
    return found
