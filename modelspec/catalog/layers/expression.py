"""A layer that is a formula: arithmetic on tensors where Keras would need Python code."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar

from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Size, Tensor

from ..formula import Formula, Inferred, infer
from ..formula.formula_setting import TensorsFormula, check_names
from .layer import NAMED, Argument, Example, Inputs, Layer


@lru_cache(maxsize=64)
def _inferred(formula: Formula, tensors: tuple[tuple[str, Tensor], ...]) -> Inferred:
    """Types, which the shape rule and the cost of one call both ask for."""
    return infer(formula, dict(tensors))


class _Names:
    """The call arguments of an `Expression` are the names in its formula."""

    def __get__(self, layer: Expression | None, owner: type[Expression]) -> tuple[Argument, ...]:
        return NAMED if layer is None else tuple(Argument(name) for name in layer.formula.arguments)


class Expression(Layer):
    """A formula on tensors, in place of a `Lambda` layer.

    ```yaml
    - Expression: {formula: "tanh(a) * sigmoid(b)", from: {a: value, b: gate}}
    - Expression: "x[:, -1]"                              # the last step of a sequence
    - Expression: "x / (1 + abs(x))"
    - Expression: {formula: "q @ transpose(k, [0, 2, 1]) / sqrt(64)", from: {q: queries, k: keys}}
    - Expression:
        formula: "mean(x * cast(m, 'float32')[..., None], axis=1)"
        from: {x: words, m: present}
    ```

    The names in the formula are the call's arguments: `from` says which tensor each of them is. One
    name takes the tensor of the entry before, or `from: tensor`; several take a mapping, or a list
    in the order of the text.

    A formula is made of numbers, names, `+ - * / // % ** @`, comparisons, `and or not`, parts of
    tensors (`x[:, -1]`, `x[..., :3]`, `x[:, None]`) and functions of `keras.ops` by their names,
    with their parameters and defaults:

    - entry by entry: `abs sign square sqrt rsqrt exp expm1 log log1p log2 log10 sin cos tan arcsin
      arccos arctan sinh cosh tanh arcsinh arccosh arctanh floor ceil round erf erfinv maximum
      minimum power where clip cast isnan isinf isfinite zeros_like ones_like`, and the activations
      `relu relu6 sigmoid log_sigmoid softplus softsign silu gelu elu celu selu leaky_relu
      hard_sigmoid hard_silu hard_tanh hard_shrink soft_shrink tanh_shrink squareplus`
    - along axes: `sum mean prod max min any all var std argmax argmin logsumexp softmax log_softmax
      normalize cumsum cumprod flip roll`
    - axes and parts: `reshape transpose swapaxes expand_dims squeeze repeat concatenate stack tril
      triu one_hot einsum matmul`

    Axis 0 is the batch, and stays in front: axes are aligned at the last one, as in Keras, and a
    formula in which the batch would meet another axis is an error. A mask ends here. Floating-point
    tensors are cast to the layer's dtype first, as in every layer; integers divided by `/` and
    numbers with a fraction make `float32`. In a saved model the formula is a functional model of
    Keras's own operations, which loads without modelspec.
    """

    prepares_data = True
    keras_module: ClassVar[str] = ""
    alone: ClassVar[bool] = True
    arguments: ClassVar[Any] = _Names()

    formula: TensorsFormula
    """What it computes; in quotes, since a `,` or a `:` ends a value of YAML inside braces."""

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"formula": "tanh(a) * sigmoid(b)"}, {"a": (None, 4), "b": (None, 4)}),
        Example({"formula": "x[:, -1]"}, {"x": (None, 5, 3)}),
    )

    def check_names(self, given: tuple[str, ...]) -> None:
        """Raises MS144 at a name of the formula that the call does not give."""
        formula: Formula = self.formula
        try:
            check_names(formula, given)
        except Fault as fault:
            raise fault.under("formula") from None

    def inferred(self, inputs: Inputs) -> Inferred:
        """The types of every step. Raises `Fault`."""
        tensors = tuple(
            (name, x._replace(dtype=self.cast(x.dtype)))
            for name, x in inputs.tensors.items()
            if isinstance(x, Tensor)
        )
        try:
            return _inferred(self.formula, tensors)
        except Fault as fault:
            raise fault.under("formula") from None

    def output(self, inputs: Inputs) -> Tensor:
        return self.inferred(inputs).result

    def multiply_adds(self, inputs: Inputs) -> Size:
        return self.inferred(inputs).multiply_adds
