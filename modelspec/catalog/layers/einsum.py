"""EinsumDense: a dense layer along any axes."""

import re
from typing import Annotated, Any, ClassVar, NamedTuple, Self

from pydantic import model_validator

from modelspec.core.diagnostics import Fault
from modelspec.core.settings import refuse
from modelspec.core.shapes import PENDING, Shape, Size, Tensor, needs, product, show, show_size

from .common import need_number
from .core import NoQuantization, adapters, free_of_constraint
from .layer import Example, Inputs, Layer, Weight
from .setting_types import (
    Activation,
    Constraint,
    Count,
    Initializer,
    PlainSizes,
    Regularizer,
    omitted,
)

_EQUATION = re.compile(
    r"(?P<left>\.\.\.)?(?P<given>[a-zA-Z]+)(?P<right>\.\.\.)?,(?P<kernel>[a-zA-Z]+)"
    r"->(?P<left_out>\.\.\.)?(?P<made>[a-zA-Z]+)(?P<right_out>\.\.\.)?"
)


class Terms(NamedTuple):
    """A parsed equation: the letters of input, kernel and output, and the position of the input's
    other axes.
    """

    given: str
    kernel: str
    made: str
    left: bool = False
    right: bool = False


class Plan(NamedTuple):
    """An equation applied to one input."""

    output: Shape
    sizes: dict[str, Size]
    """The size of each letter: from the output if it appears there, else from the input."""
    elided: Shape
    """The sizes of the axes without a letter, except the batch axis."""


class EinsumDense(Layer):
    """A dense layer defined by an Einstein summation of the input and the kernel.

    ```yaml
    - EinsumDense: {equation: "abc,cd->abd", output_shape: [null, 64], bias_axes: d}
    - EinsumDense: {equation: "...x,xy->...y", output_shape: 64}
    ```

    Takes a tensor with the axes before the comma, gives those after the arrow. `output_shape`
    excludes the batch axis; `null` takes the input's size. Axes of `...` are kept, and
    `output_shape` excludes them.
    """

    equation: str
    output_shape: Annotated[Any, PlainSizes]
    activation: Activation | None = None
    bias_axes: str | None = None
    kernel_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None
    lora_rank: Count | None = None
    lora_alpha: float | None = None
    gptq_unpacked_column_size: Annotated[None, omitted("it is only for quantized models")] = None
    quantization_config: NoQuantization = None

    low_rank = "kernel"
    keeps_rank: ClassVar[bool] = True
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"equation": "ab,bc->ac", "output_shape": 64, "bias_axes": "c"}, ((None, 32),)),
        Example(
            {"equation": "abc,cd->abd", "output_shape": (None, 64), "bias_axes": "d"},
            ((None, 32, 128),),
        ),
        Example(
            {"equation": "...x,xy->...y", "output_shape": 64, "bias_axes": "y"}, ((None, 32, 128),)
        ),
        Example(
            {"equation": "abc,bde->acde", "output_shape": (4, 2, 3), "lora_rank": 2},
            ((None, 5, 4),),
        ),
        Example({"equation": "ab...,bc->ac...", "output_shape": 6}, ((None, 5, 4),)),
    )

    @model_validator(mode="after")
    def _equation_holds(self) -> Self:
        terms = self._terms()
        for letters, others, where in (
            (terms.made, terms.given + terms.kernel, "the output does not appear before the arrow"),
            (
                terms.kernel,
                terms.given + terms.made,
                "the kernel appears in neither the input nor the output",
            ),
        ):
            if lost := next((letter for letter in letters if letter not in others), None):
                refuse(
                    f"axis `{lost}` of {where} in `{self.equation}`",
                    "MS205",
                    "equation",
                    help="every axis must appear in two of the three terms",
                )
        if repeated := _repeated(terms):
            refuse(
                f"axis `{repeated}` appears twice in one term of `{self.equation}`",
                "MS205",
                "equation",
                help="use a different letter for each axis of a term",
            )
        if self.bias_axes is not None and (
            not self.bias_axes or set(self.bias_axes) - set(terms.made)
        ):
            refuse(
                f"`bias_axes` must be axes of the output `{terms.made}`, found `{self.bias_axes}`",
                "MS205",
                "bias_axes",
                help="use letters from after the arrow, or leave out `bias_axes`",
            )
        return free_of_constraint(self, "kernel_constraint", self.lora_rank)

    def _terms(self) -> Terms:
        match = _EQUATION.fullmatch(self.equation)
        if match is not None:
            left, right = bool(match["left"]), bool(match["right"])
            given, kernel, made = match["given"], match["kernel"], match["made"]
            # Axes may be omitted on one side, the same one before and after the arrow.
            same = (left, right) == (bool(match["left_out"]), bool(match["right_out"]))
            if same and not (left and right) and not (right and len(given) < 2):
                return Terms(given, kernel, made, left, right)
        raise Fault(
            "MS205",
            f"`{self.equation}` is not an equation of a dense layer",
            ("equation",),
            help='write it as "ab,bc->ac", "...b,bc->...c" or "ab...,bc->ac..."',
        )

    def output(self, inputs: Inputs) -> Tensor:
        need_number(self, inputs.one)
        plan = self._plan(inputs.one)
        for letter in self._terms().kernel:
            needs(
                plan.sizes[letter],
                f"axis `{letter}` of `{self.equation}`",
                "set its size to a number in `output_shape`, or in the input if it appears there",
            )
        for size in self._bias(plan):
            needs(
                size,
                "an axis of the bias",
                "leave it out of `bias_axes`, or set its size in `output_shape`",
            )
        return self.result(plan.output)

    def _plan(self, x: Tensor) -> Plan:
        terms = self._terms()
        elided = self._elided(terms, x)
        named = x.shape[len(elided) :] if terms.left else x.shape[: len(terms.given)]
        given = dict(zip(terms.given, named, strict=True))
        made = self._made(terms, x, given)
        sizes = {**given, **made}
        others = elided if not terms.left else elided[1:]
        output = (
            (x.shape[0], *_passed(others), *made.values())
            if terms.left
            else (*made.values(), *others)
        )
        return Plan(output, sizes, others)

    def _elided(self, terms: Terms, x: Tensor) -> Shape:
        """The sizes of `...`; on the left they include the batch axis."""
        count = x.rank - len(terms.given)
        if count < int(terms.left) or (count and not (terms.left or terms.right)):
            needed = len(terms.given) + terms.left
            more = "at least " if terms.left or terms.right else ""
            raise Fault(
                "MS401",
                f"`{self.equation}` takes {more}{needed} axes (including the batch axis), found "
                f"{x.rank}: {show(x.shape)}",
                ("equation",),
                help="use one letter for each axis, or `...`",
            )
        return x.shape[:count] if terms.left else x.shape[x.rank - count :]

    def _made(self, terms: Terms, x: Tensor, given: dict[str, Size]) -> dict[str, Size]:
        """The sizes of the output's letters, from `output_shape` and the batch axis."""
        listed = (
            (self.output_shape,) if isinstance(self.output_shape, int) else tuple(self.output_shape)
        )
        sizes: Shape = listed if terms.left else (x.shape[0], *listed)
        if len(sizes) != len(terms.made):
            raise Fault(
                "MS406",
                f"`output_shape` gives {len(listed)} sizes, but `{self.equation}` makes "
                f"{len(terms.made) - (not terms.left)} axes (without the batch axis and `...`)",
                ("output_shape",),
                help="give one size for each letter after the arrow, `null` for the input's size",
            )
        made = dict(zip(terms.made, sizes, strict=True))
        for letter in filter(given.__contains__, terms.made):
            made[letter] = self._agreed(letter, given[letter], made[letter], x)
        return made

    def _agreed(self, letter: str, given: Size, made: Size, x: Tensor) -> Size:
        """The size of a letter of both input and output. Raises if they differ."""
        if made is None:
            return given if isinstance(given, str) else None  # an unknown size keeps its name
        if made != given and given != PENDING:
            raise Fault(
                "MS403" if isinstance(given, int) else "MS405",
                f"axis `{letter}` is {show_size(given)} in the input {show(x.shape)},"
                f" but {show_size(made)} in `output_shape`",
                ("output_shape",),
                help="write `null` to take the input's size",
            )
        return made

    def _bias(self, plan: Plan) -> Shape:
        if self.bias_axes is None:
            return ()
        terms = self._terms()
        first = min(terms.made.find(letter) for letter in self.bias_axes)
        bias = tuple(
            plan.sizes[letter] if letter in self.bias_axes else 1 for letter in terms.made[first:]
        )
        return bias if terms.left else bias + (1,) * len(plan.elided)

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        plan = self._plan(inputs.one)
        kernel = tuple(plan.sizes[letter] for letter in self._terms().kernel)
        weights = [self.weight("kernel", *kernel, trainable=self.lora_rank is None)]
        if self.bias_axes is not None:
            weights.append(self.weight("bias", *self._bias(plan)))
        if self.lora_rank is not None:
            first, second = adapters(self, "kernel", self.lora_rank, 0, kernel[-1])
            weights += [first._replace(shape=(*kernel[:-1], self.lora_rank)), second]
        return tuple(weights)

    def multiply_adds(self, inputs: Inputs) -> Size:
        terms, plan = self._terms(), self._plan(inputs.one)
        batch = "" if terms.left else terms.given[0]
        letters = dict.fromkeys(terms.given + terms.kernel)
        return product(
            (*plan.elided, *(plan.sizes[letter] for letter in letters if letter != batch))
        )


def _repeated(terms: Terms) -> str | None:
    """A letter that appears twice in one term."""
    letters = (letter for term in terms[:3] for letter in term if term.count(letter) > 1)
    return next(letters, None)


def _passed(sizes: Shape) -> Shape:
    """The sizes of a `...` on the left, as far as Keras infers them.

    Keras reverses two or more of them. If that makes a difference they are treated as unknown.
    """
    return tuple(a if a == b else None for a, b in zip(sizes, reversed(sizes), strict=True))
