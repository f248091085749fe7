"""Tensors that do not depend on an input: Parameter, Constant."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    Field,
    PlainValidator,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from modelspec.core.diagnostics import Fault
from modelspec.core.dtypes import is_float
from modelspec.core.paths import ProjectPath, reached
from modelspec.core.places import is_address
from modelspec.core.settings import Unfit, context_of, is_int, refuse
from modelspec.core.shapes import MAX_AXES, Tensor
from modelspec.core.source.array_header import ArrayHeader, array_header

from .factors import is_number
from .layer import Example, Inputs, Layer, Weight
from .saved import Saved
from .setting_types import Constraint, Initializer, Regularizer


def _sizes(value: Any) -> tuple[int, ...]:
    if not isinstance(value, (tuple, list)) or not all(is_int(one) and one > 0 for one in value):
        raise Unfit("a list of sizes of at least 1, without the batch axis")
    if len(value) >= MAX_AXES:
        raise Unfit(f"a list of at most {MAX_AXES - 1} sizes", code="MS205")
    return tuple(value)


_Item = Annotated[int, Field(gt=0)]
TensorShape = Annotated[
    tuple[int, ...], PlainValidator(_sizes, json_schema_input_type=tuple[_Item, ...])
]
"""A shape without the batch axis; an empty list for one number."""


class FreeTensor(Layer):
    """Base of the tensors without an input."""

    supports_masking = True
    takes_no_tensor = True
    keras_module: ClassVar[str] = "modelspec"
    alone: ClassVar[bool] = True

    @property
    def passes_mask(self) -> bool:
        return False

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        """Nothing: the gradient of a repeated tensor is a sum."""
        return Saved()


class Parameter(FreeTensor):
    """A trained tensor that does not depend on an input: a class token, positions, a latent array,
    a temperature.

    ```yaml
    - Parameter: {shape: [1, 64], initializer: {RandomNormal: {stddev: 0.02}}, name: token}
    - Concatenate: {from: [token, patches], axis: 1}      # in front of every sequence
    - Parameter: {shape: [], initializer: {Constant: 1.0}, name: scale}
    - Expression: {formula: "x * s[:, None]", from: {x: features, s: scale}}
    ```

    Takes no tensor, gives (batch, *shape): the tensor is repeated for every example of the batch,
    whose size is that of the model's first input. It has one weight, `value`, of the given shape.
    """

    shape: TensorShape
    """The shape of the tensor, without the batch axis: `[]` for one number."""
    initializer: Initializer = "glorot_uniform"
    """The initial values."""
    regularizer: Regularizer | None = None
    """The penalty on the values, which is added to the loss."""
    constraint: Constraint | None = None
    """The constraint on the values after each update."""

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"shape": (1, 6)}, ((None, 4),)),
        Example({"shape": (2, 3, 4), "initializer": "zeros"}, ((None, None, 3),)),
        Example({"shape": (), "initializer": "ones"}, ((None, 4),), "int32"),
    )

    def output(self, inputs: Inputs) -> Tensor:
        return self.result((inputs.one.shape[0], *self.shape))

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        return (self.weight("value", *self.shape),)


# Constants ----------------------------------------------------------------------------------------


def _numbers(value: Any) -> Any:
    """Nested tuples of numbers or booleans, all of one length at each level."""
    found = _nested(value)
    try:
        described(found)
    except ValueError:
        raise Unfit(
            "nested lists of the same length, which contain numbers or booleans", code="MS419"
        ) from None
    return found


def _nested(value: Any) -> Any:
    return tuple(map(_nested, value)) if isinstance(value, (tuple, list)) else value


def described(value: Any) -> ArrayHeader:
    """The shape and dtype of nested tuples: booleans, int32 (int64 if a number requires it) or
    float32. Raises `ValueError` if they are not an array of numbers.
    """
    shape, level = [], [value]
    while level and isinstance(level[0], tuple):
        shape.append(len(level[0]))
        if any(not isinstance(one, tuple) or len(one) != shape[-1] for one in level):
            raise ValueError
        level = [item for one in level for item in one]
    if not level or len(shape) >= MAX_AXES:
        raise ValueError
    if all(isinstance(one, bool) for one in level):
        return ArrayHeader(tuple(shape), "bool")
    if not all(is_number(one) for one in level):
        raise ValueError
    if any(isinstance(one, float) for one in level):
        return ArrayHeader(tuple(shape), "float32")
    is_small = all(-(2**31) <= one < 2**31 for one in level)
    return ArrayHeader(tuple(shape), "int32" if is_small else "int64")


def _file(value: Any, path: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    """A path in the project or an allowed place, as a `Path`."""
    written = path(value)
    if is_address(written):
        raise Unfit("the path of a `.npy` or `.npz` file, not an address", code="MS205")
    return reached(written, context_of(info)) or Path(written)


ArrayPath = Annotated[ProjectPath, WrapValidator(_file, json_schema_input_type=str)]
Numbers = Annotated[Any, PlainValidator(_numbers, json_schema_input_type=list[Any] | float | bool)]


class Constant(FreeTensor):
    """A tensor of given numbers: an adjacency matrix, fixed positions, the kernel of a filter.

    ```yaml
    - Constant: {value: [[0, 1], [1, 0]], name: edges}
    - Constant: {file: adjacency.npy, dtype: float32, name: graph}
    - Constant: {file: tables.npz, array: positions, name: positions}
    - Expression: {formula: "g @ x", from: {g: graph, x: nodes}}
    ```

    Takes no tensor, gives (batch, *shape): the numbers are repeated for every example of the batch,
    whose size is that of the model's first input. They are one weight, `value`, that is never
    trained, so that a saved model contains them.

    Integers and booleans keep their dtype; other numbers have the dtype of the layer, e.g.
    `float32`. `dtype: float32` also converts integers. A file is in the project, or in a place that
    the user allowed (`--data-root`), has at most 256 MB, and contains no Python objects.
    """

    value: Numbers | None = None
    """A number, or nested lists of numbers or booleans."""
    file: ArrayPath | None = None
    """The path of a `.npy` or `.npz` file."""
    array: str | None = None
    """The name of the array in a `.npz` file that contains several."""

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"value": ((0, 1, 0), (1, 0, 1))}, ((None, 4),)),
        Example({"value": (0.5, 1.5)}, ((None, None, 3),)),
        Example({"value": ((True,), (False,))}, ((None, 4),), "int32"),
        Example({"value": 3.0}, ((None, 4),)),
    )

    @model_validator(mode="after")
    def _has_numbers(self) -> Self:
        if (self.value is None) == (self.file is None):
            refuse(
                "`Constant` requires either `value` or `file`"
                + (", found both" if self.value is not None else ""),
                "MS208",
                *(() if self.file is None else ("file",)),
                help="write e.g. `Constant: {value: [[0, 1], [1, 0]]}`",
            )
        if self.array is not None and self.file is None:
            refuse("`array` names an array of a `file`", "MS208", "array", help="set `file`")
        return self

    @property
    def header(self) -> ArrayHeader:
        """The shape and dtype of the numbers. Raises `Fault` (MS419) for an invalid file."""
        if self.file is None:
            return described(self.value)
        found = array_header(Path(self.file), self.array)
        if len(found.shape) >= MAX_AXES:
            raise Fault(
                "MS419",
                f"an array has at most {MAX_AXES - 1} axes, found {len(found.shape)}",
                ("file",),
            )
        return found

    @property
    def derived(self) -> Mapping[str, Any]:
        return {"numbers": self.number_dtype}

    @property
    def number_dtype(self) -> str:
        """The dtype of the weight."""
        found = self.header.dtype
        if is_float(found) or "dtype" in self.model_fields_set:
            return self.variable_dtype
        return found

    def output(self, inputs: Inputs) -> Tensor:
        dtype = self.number_dtype
        if dtype == "string" or dtype.startswith("complex"):
            raise Fault("MS404", f"`Constant` contains numbers, found dtype {dtype}", ("dtype",))
        return Tensor((inputs.one.shape[0], *self.header.shape), self.cast(dtype))

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        return (Weight("value", self.header.shape, False, self.number_dtype),)
