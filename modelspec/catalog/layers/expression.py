"""A layer defined by a formula: arithmetic on tensors without Python code."""

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
from ..formula.saved_steps import saved_steps
from ..formula.tree import Call
from .factors import is_number
from .layer import NAMED, Argument, Example, Inputs, Layer
from .saved import Saved
from .standardize import size_of

ONE_LEARNED = "learned"
"""The name in the formula of a statistic without a name."""
_Types: TypeAlias = tuple[tuple[str, Tensor], ...]


@lru_cache(maxsize=64)
def _inferred(formula: Formula, tensors: _Types, constants: _Types) -> Inferred:
    """The inferred types, used by the shape rule and the cost of one call."""
    return infer(formula, dict(tensors), dict(constants))


class _Names:
    """The call arguments of an `Expression` are the names in its formula that are not learned."""

    def __get__(self, layer: Expression | None, owner: type[Expression]) -> tuple[Argument, ...]:
        if layer is None:
            return NAMED
        names = layer.formula.arguments
        return tuple(Argument(name) for name in names if name not in (layer.learned or {}))


def _learned(value: Any) -> Any:
    """Formulas by name; a learned value is a number, or nested tuples of numbers."""
    given = {ONE_LEARNED: value} if isinstance(value, str) else value
    expected = "a formula over the training rows, or formulas by name"
    help = 'write e.g. `learned: {m: "mean(x)", s: "std(x)"}`'
    if not isinstance(given, dict) or not given:
        raise Unfit(expected, help=help)
    found: dict[str, Any] = {}
    for name, one in given.items():
        if not isinstance(name, str) or not name.isidentifier():
            raise Unfit(f"{expected}; a name consists of letters, digits and `_`", help=help)
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
    """Whether the value is a number, or nested tuples of numbers."""
    if isinstance(value, (tuple, list)):
        return bool(value) and all(_is_known(item) for item in value)
    return is_number(value)


Learned = Annotated[Any, PlainValidator(_learned, json_schema_input_type=str | dict[str, str])]
"""The statistics of the training rows in a formula."""


class Expression(Layer):
    """Computes a formula on tensors; replaces a `Lambda` layer.

    ```yaml
    - Expression: {formula: "tanh(a) * sigmoid(b)", from: {a: value, b: gate}}
    - Expression: "x[:, -1]"                              # the last step of a sequence
    - Expression: "x / (1 + abs(x))"
    - Expression: {formula: "q @ transpose(k, [0, 2, 1]) / sqrt(64)", from: {q: queries, k: keys}}
    - Expression:
        formula: "mean(x * cast(m, 'float32')[..., None], axis=1)"
        from: {x: words, m: present}
    ```

    The names in the formula are the call's arguments: `from` assigns a tensor to each of them. A
    single name takes the tensor of the entry before, or `from: tensor`; several names take a
    mapping, or a list in the order in which they appear.

    A formula consists of numbers, names, `+ - * / // % ** @`, comparisons, `and or not`, parts of
    tensors (`x[:, -1]`, `x[..., :3]`, `x[:, None]`) and functions of `keras.ops` by their names,
    with their parameters and defaults:

    - elementwise: `abs sign square sqrt rsqrt exp expm1 log log1p log2 log10 sin cos tan arcsin
      arccos arctan arctan2 sinh cosh tanh arcsinh arccosh arctanh floor ceil round erf erfinv
      maximum minimum power where logical_xor clip cast isnan isinf isfinite zeros_like ones_like
      stop_gradient`, and the activations `relu relu6 sigmoid log_sigmoid softplus softsign silu
      gelu elu celu selu leaky_relu hard_sigmoid hard_silu hard_tanh hard_shrink soft_shrink
      tanh_shrink squareplus`
    - along axes: `sum mean prod max min any all var std argmax argmin logsumexp softmax log_softmax
      normalize cumsum cumprod flip roll sort argsort top_k cosine_similarity`
    - shapes, slices and products: `reshape transpose swapaxes expand_dims squeeze repeat tile
      concatenate stack tril triu diag pad gather take_along_axis segment_sum segment_max one_hot
      einsum matmul`, and `eye arange`, which take sizes: `x @ eye(3)`
    - signals and images: `rfft irfft stft istft space_to_depth depth_to_space resize patches
      convolve ssim`. Images have the axes (batch, height, width, channels). `patches` is
      `keras.ops.image.extract_patches`, `convolve` is `keras.ops.conv` with a kernel that is a
      tensor without a batch axis (`k[0]`), `ssim` is `tf.image.ssim`

    `top_k`, `rfft` and `stft` have two results, as in Keras, of which an index selects one:
    `top_k(x, 3)[0]` are the values and `[1]` the indices; `rfft(x)[0]` is the real and `[1]` the
    imaginary part. `irfft` and `istft` take both parts: `irfft([a, b])`, or `irfft(rfft(x))`.

    Axis 0 is the batch and stays first: shapes broadcast from the last axis, as in Keras, and a
    formula that would broadcast the batch against another axis is an error. It does not propagate
    masks. Floating-point tensors are cast to the layer's dtype first, as in every layer; integers
    divided by `/` or combined with fractional numbers give `float32`. In a saved model the formula
    is a functional model of Keras operations, which loads without modelspec.

    In a `transform` the formula is computed in float64 for one example at a time: a reduction over
    axis 0 is an error there. Statistics of other rows are `learned` from all training rows, stored
    with the run, and used unchanged in `evaluate`, `predict` and exports:

    ```yaml
    transform:
      - Expression: {formula: "(x - m) / s", learned: {m: "mean(x, axis=0)", s: "std(x, axis=0)"}}
      - Expression: {formula: "x / learned", learned: "max(abs(x))"}
    ```

    A `learned` formula names the same tensor and reduces over its rows, which are axis 0 there:
    `mean(x)` is one number over all rows and columns, `mean(x, axis=0)` one for each column. It
    supports `sum mean var std min max` of anything computed from each row separately, and
    arithmetic on them. Padded steps are excluded.
    """

    prepares_data = True
    keras_module: ClassVar[str] = ""
    alone: ClassVar[bool] = True
    arguments: ClassVar[Any] = _Names()

    formula: TensorsFormula
    """The formula to compute. Quote it, since `,` and `:` end a value inside braces in YAML."""
    learned: Learned | None = None
    """In a `transform`: statistics learned from all training rows, by their names in the formula (a
    single statistic without a name is `learned`).
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
                    help=f"use `{name}` in `{self.formula}`, or remove it from `learned`",
                )
        if not self.arguments:
            refuse(
                "the formula names no tensor other than learned statistics",
                "MS146",
                "formula",
                help='write e.g. `formula: "x - m"`',
            )
        return self

    @property
    def unlearned(self) -> Mapping[str, Formula]:
        """The statistics still to be learned, by name."""
        known = self.learned or {}
        return {name: one for name, one in known.items() if isinstance(one, Formula)}

    @property
    def prepares_only(self) -> bool:
        return self.learned is not None

    def check_names(self, given: tuple[str, ...]) -> None:
        """Raises MS144 at a name of the formula that the call does not pass."""
        formula: Formula = self.formula
        try:
            check_names(formula, (*given, *(self.learned or {})))
        except Fault as fault:
            raise fault.under("formula") from None

    def inferred(self, inputs: Inputs) -> Inferred:
        """The types of all steps. Raises `Fault`."""
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
        """The types of the learned statistics. Raises `Fault`."""
        return tuple(
            (name, self.statistics(name, inputs).result)
            if isinstance(one, Formula)
            else (name, Tensor(size_of(one), self.compute_dtype))
            for name, one in (self.learned or {}).items()
        )

    def statistics(self, name: str, inputs: Inputs) -> LearnedFormula:
        """The statistic to learn for a name. Raises `Fault`: MS144 for a tensor that the formula
        does not name, MS669 for a statistic that cannot be learned.
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
            f"{what} combines several examples, but a transform sees one example at a time",
            ("formula",),
            part=first.place,
            help=self._learn(first),
        )

    def _learn(self, node: Operation) -> str:
        """The help that rewrites a formula to learn a statistic instead of computing it from the
        batch.
        """
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

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        steps = saved_steps(self.formula, dict(self._types(inputs)), dict(self._constants(inputs)))
        return Saved(inputs=steps.inputs, outputs=steps.result, own=steps.between)
