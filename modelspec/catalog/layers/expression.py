"""A layer that is a formula: arithmetic on tensors where Keras would need Python code."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Self, TypeAlias

from pydantic import PlainValidator, model_validator

from modelspec.core.diagnostics import Fault
from modelspec.core.settings import Unfit, refuse
from modelspec.core.shapes import Size, Tensor

from ..formula import Formula, Inferred, infer
from ..formula.across_batch import Operation, free_name
from ..formula.formula_setting import TensorsFormula, check_names, tensors_formula
from ..formula.learned import STATISTICS, LearnedFormula, infer_learned
from ..formula.tree import Call
from .factors import is_number
from .layer import NAMED, Argument, Example, Inputs, Layer
from .standardize import size_of

ONE_LEARNED = "learned"
"""What the formula calls a statistic that is written without a name."""
_Types: TypeAlias = tuple[tuple[str, Tensor], ...]


@lru_cache(maxsize=64)
def _inferred(formula: Formula, tensors: _Types, constants: _Types) -> Inferred:
    """Types, which the shape rule and the cost of one call both ask for."""
    return infer(formula, dict(tensors), dict(constants))


class _Names:
    """The call arguments of an `Expression` are the names in its formula that it does not learn."""

    def __get__(self, layer: Expression | None, owner: type[Expression]) -> tuple[Argument, ...]:
        if layer is None:
            return NAMED
        names = layer.formula.arguments
        return tuple(Argument(name) for name in names if name not in (layer.learned or {}))


def _learned(value: Any) -> Any:
    """Formulas by name; what was learned of one is a number, or nested tuples of numbers."""
    given = {ONE_LEARNED: value} if isinstance(value, str) else value
    expected = "a formula over the training rows, or formulas by name"
    help = 'write e.g. `learned: {m: "mean(x)", s: "std(x)"}`'
    if not isinstance(given, dict) or not given:
        raise Unfit(expected, help=help)
    found: dict[str, Any] = {}
    for name, one in given.items():
        if not isinstance(name, str) or not name.isidentifier():
            raise Unfit(f"{expected}; a name is made of letters, digits and `_`", help=help)
        found[name] = one if _is_known(one) else _formula(one, name, alone=given is not value)
    return found


def _formula(value: Any, name: str, *, alone: bool) -> Formula:
    if not isinstance(value, (str, Formula)):
        raise Unfit("a formula over the training rows for each name")
    try:
        return tensors_formula(value)
    except Fault as fault:
        raise (fault if alone else fault.under(name)) from None


def _is_known(value: Any) -> bool:
    """Whether it is a number, or nested tuples of numbers."""
    if isinstance(value, (tuple, list)):
        return bool(value) and all(_is_known(item) for item in value)
    return is_number(value)


Learned = Annotated[Any, PlainValidator(_learned, json_schema_input_type=str | dict[str, str])]
"""Statistics of the training rows that a formula names."""


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

    In a `transform` the formula is computed in float64 of one example at a time: a reduction that
    reaches axis 0 there is an error. What needs other rows is `learned` from all training rows,
    kept with the run, and used as it is in `evaluate`, `predict` and exports:

    ```yaml
    transform:
      - Expression: {formula: "(x - m) / s", learned: {m: "mean(x, axis=0)", s: "std(x, axis=0)"}}
      - Expression: {formula: "x / learned", learned: "max(abs(x))"}
    ```

    A `learned` formula names the same tensor and reduces its rows, which are axis 0 there:
    `mean(x)` is one number over all rows and columns, `mean(x, axis=0)` one for each column. It
    takes `sum mean var std min max` of anything that is computed of each row alone, and arithmetic
    on them. It leaves out steps that `pad` has filled up.
    """

    prepares_data = True
    keras_module: ClassVar[str] = ""
    alone: ClassVar[bool] = True
    arguments: ClassVar[Any] = _Names()

    formula: TensorsFormula
    """What it computes; in quotes, since a `,` or a `:` ends a value of YAML inside braces."""
    learned: Learned | None = None
    """In a `transform`: what is learned from all training rows, by the names that the formula has
    for it (one without a name is `learned`).
    """

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"formula": "tanh(a) * sigmoid(b)"}, {"a": (None, 4), "b": (None, 4)}),
        Example({"formula": "x[:, -1]"}, {"x": (None, 5, 3)}),
    )

    @model_validator(mode="after")
    def _learned_is_used(self) -> Self:
        names = self.formula.arguments
        for name in self.learned or {}:
            if name not in names:
                refuse(
                    f"the formula does not name `{name}`, which is learned",
                    "MS146",
                    "learned",
                    help=f"use `{name}` in `{self.formula}`, or leave it out of `learned`",
                )
        if not self.arguments:
            refuse(
                "the formula names no tensor beside what is learned",
                "MS146",
                "formula",
                help='write e.g. `formula: "x - m"`',
            )
        return self

    @property
    def unlearned(self) -> Mapping[str, Formula]:
        """What is still to be learned, by name."""
        known = self.learned or {}
        return {name: one for name, one in known.items() if isinstance(one, Formula)}

    @property
    def prepares_only(self) -> bool:
        return self.learned is not None

    def check_names(self, given: tuple[str, ...]) -> None:
        """Raises MS144 at a name of the formula that the call does not give."""
        formula: Formula = self.formula
        try:
            check_names(formula, (*given, *(self.learned or {})))
        except Fault as fault:
            raise fault.under("formula") from None

    def inferred(self, inputs: Inputs) -> Inferred:
        """The types of every step. Raises `Fault`."""
        constants = self._constants(inputs)
        try:
            return _inferred(self.formula, self._types(inputs), constants)
        except Fault as fault:
            raise fault.under("formula") from None

    def _types(self, inputs: Inputs) -> _Types:
        return tuple(
            (name, x._replace(dtype=self.cast(x.dtype)))
            for name, x in inputs.tensors.items()
            if isinstance(x, Tensor)
        )

    def _constants(self, inputs: Inputs) -> _Types:
        """The types of what is learned. Raises `Fault`."""
        return tuple(
            (name, self.statistics(name, inputs).result)
            if isinstance(one, Formula)
            else (name, Tensor(size_of(one), self.compute_dtype))
            for name, one in (self.learned or {}).items()
        )

    def statistics(self, name: str, inputs: Inputs) -> LearnedFormula:
        """What is to be learned for a name. Raises `Fault`: MS144 for a tensor that the formula
        does not name, MS669 for what cannot be learned.
        """
        formula = self.unlearned[name]
        try:
            check_names(formula, tuple(inputs.tensors))
            return infer_learned(formula, dict(self._types(inputs)))
        except Fault as fault:
            path = ("learned",) if name == ONE_LEARNED else ("learned", name)
            raise fault.under(*path) from None

    def across_examples(self, inputs: Inputs) -> Fault | None:
        first = next(iter(self.inferred(inputs).across), None)
        if first is None:
            return None
        what = f"`{first.function}`" if isinstance(first, Call) else "the index"
        return Fault(
            "MS668",
            f"{what} takes several examples together, but a transform sees one example at a time",
            ("formula",),
            part=first.place,
            help=self._learn(first),
        )

    def _learn(self, node: Operation) -> str:
        """How to write a formula that learns what it must not compute of the examples at hand."""
        if not isinstance(node, Call) or node.function not in STATISTICS:
            return "use axes from 1 on: axis 0 counts the examples"
        text, (start, end) = self.formula.text, node.place
        name = free_name(self.formula.arguments)
        return (
            "learn it from the training rows: `Expression: {formula: "
            f'"{text[:start]}{name}{text[end:]}", learned: {{{name}: "{text[start:end]}"}}}}`; or'
            " use axes from 1 on"
        )

    def output(self, inputs: Inputs) -> Tensor:
        return self.inferred(inputs).result

    def multiply_adds(self, inputs: Inputs) -> Size:
        return self.inferred(inputs).multiply_adds
