"""Layers that rearrange values without changing them: Flatten, Reshape, Permute, RepeatVector."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from modelspec.core.diagnostics import Fault
from modelspec.core.settings import refuse
from modelspec.core.shapes import PENDING, Shape, Size, Tensor, known, mul, product, show

from .layer import Example, Inputs, Layer, need_rank
from .saved import Saved
from .setting_types import Count, DataFormat


class Flatten(Layer):
    """Flattens all axes except the batch axis into one.

    ```yaml
    - Flatten
    ```

    Takes (batch, ...), gives (batch, product of the sizes). The data format only affects the order
    of the values.
    """

    keeps_sparse = "all"
    keeps_dtype = True
    keeps_values = "all"
    prepares_data = True

    data_format: DataFormat = None

    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 4, 5),)),
        Example({"data_format": "channels_first"}, ((None, 3, None, 5),)),
        Example({}, ((None,),), "int32"),
    )

    def takes_sparse(self, sparse: Sequence[Tensor], dense: Sequence[Tensor]) -> bool:
        return True

    def column_types(self) -> tuple[str, ...]:
        return ("string", "float32")

    def output(self, inputs: Inputs) -> Tensor:
        x = inputs.one
        sizes = x.shape[1:]
        # Keras does not check whether an unknown size is multiplied by zero.
        flat = None if None in sizes else product(sizes)
        return self.like(x, (x.shape[0], flat))

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return Saved(passes_on=self.data_format != "channels_first")


class Reshape(Layer):
    """Reshapes each example to `target_shape`, with its values in the same order.

    ```yaml
    - Reshape: [7, 7, 64]
    - Reshape: {target_shape: [-1, 8]}
    ```

    Takes (batch, ...), gives (batch, *target_shape). The shape excludes the batch axis; one size
    may be -1, which is inferred.
    """

    keeps_sparse = "all"
    keeps_dtype = True
    steps = "rearranged"
    keeps_values = "all"
    prepares_data = True

    target_shape: tuple[Annotated[int, Field(ge=-1)] | None, ...]

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"target_shape": (2, 10)}, ((None, 4, 5),)),
        Example({"target_shape": (-1, 2)}, ((None, 4, 5),), "int32"),
        Example({"target_shape": (-1, 2)}, ((None, None, 5),)),
    )

    def takes_sparse(self, sparse: Sequence[Tensor], dense: Sequence[Tensor]) -> bool:
        return True

    @model_validator(mode="after")
    def _one_open_size(self) -> Self:
        open_sizes = self.target_shape.count(-1) + self.target_shape.count(None)
        if open_sizes > 1:
            refuse(
                f"`target_shape` of `Reshape` has {open_sizes} unknown sizes (-1 or null), but only"
                " one can be inferred",
                "MS406",
                "target_shape",
                help="set all sizes but one",
            )
        return self

    def column_types(self) -> tuple[str, ...]:
        return ("string", "float32")

    def output(self, inputs: Inputs) -> Tensor:
        x = inputs.one
        need_rank(self, x, at_least=1)
        given, target = x.shape[1:], self.target_shape
        if all(isinstance(size, int) for size in given):
            sizes: Shape = self._resolved(given, x)
        else:
            self._check_known(given, x)
            sizes = tuple(_left_over(given, target) if size == -1 else size for size in target)
        return self.like(x, (x.shape[0], *sizes))

    def required_sizes(
        self, tensors: Mapping[str, Tensor | tuple[Tensor, ...]]
    ) -> Iterable[tuple[str, tuple[int, ...]]]:
        (x,) = tensors.values()
        if isinstance(x, Tensor) and not {-1, None} & {*self.target_shape}:
            entries = product(x.shape[1:])
            if isinstance(entries, str) and entries != PENDING:
                yield entries, (_fixed(self.target_shape),)

    def _check_known(self, given: Shape, x: Tensor) -> None:
        """Raises MS406 if no unknown sizes give as many elements as the target has."""
        entries = _fixed(given)
        if {-1, None} & {*self.target_shape} or not entries:
            return
        fixed = _fixed(self.target_shape)
        if fixed % entries:
            found = f"a multiple of {entries} entries: {show(x.shape)}"
            raise self._misfit(found, f"has {fixed}")

    def _resolved(self, given: Shape, x: Tensor) -> Shape:
        entries, target = known(product(given)) or 0, self.target_shape
        fixed = _fixed(target)
        if not {-1, None} & {*target}:
            if entries != fixed:
                raise self._misfit(f"{entries} entries: {show(x.shape)}", f"has {fixed}")
            return target
        if not fixed or entries % fixed:
            raise self._misfit(
                f"{entries} entries: {show(x.shape)}", f"requires a multiple of {fixed}"
            )
        return tuple(entries // fixed if size == -1 else size for size in target)

    def _misfit(self, found: str, wanted: str) -> Fault:
        shown = ", ".join(str(size) for size in self.target_shape)
        return Fault(
            "MS406",
            f"the input has {found}, but `target_shape` [{shown}] {wanted}",
            ("target_shape",),
            help=(
                "use sizes whose product is the number of elements of one example, or -1 for one of"
                " them"
            ),
        )

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return Saved(passes_on=True)


def _left_over(given: Shape, target: tuple[int | None, ...]) -> Size:
    """The size inferred for -1 if some size is unknown: `time` for (time, 4) to (-1, 4), else
    unknown.
    """
    if PENDING in given:
        return PENDING
    open_sizes = [size for size in given if not isinstance(size, int)]
    if None in open_sizes or None in target:
        return None
    numbers, fixed = _fixed(given), _fixed(target)
    if not fixed or numbers % fixed:
        return None
    return mul(product(open_sizes), numbers // fixed)


def _fixed(sizes: Shape) -> int:
    """The product of the known sizes."""
    return known(product(size for size in sizes if isinstance(size, int) and size != -1)) or 0


class Permute(Layer):
    """Permutes the axes of each example.

    ```yaml
    - Permute: [2, 1]
    ```

    Takes (batch, ...), gives the axes in the order of `dims`, counted from 1 (the batch axis stays
    first).
    """

    keeps_sparse = "all"
    keeps_dtype = True
    steps = "rearranged"
    keeps_values = "all"
    prepares_data = True

    dims: tuple[int, ...]

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"dims": (2, 1)}, ((None, 4, 5),)),
        Example({"dims": (3, 1, 2)}, ((None, None, 5, 6),), "int32"),
    )

    def takes_sparse(self, sparse: Sequence[Tensor], dense: Sequence[Tensor]) -> bool:
        return True

    @model_validator(mode="after")
    def _is_permutation(self) -> Self:
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            refuse(
                f"`dims` of `Permute` must contain each of 1 to {len(self.dims)} once, found"
                f" {list(self.dims)}",
                "MS205",
                "dims",
                help="count the axes from 1, without the batch axis",
            )
        return self

    def output(self, inputs: Inputs) -> Tensor:
        x = inputs.one
        if x.rank != len(self.dims) + 1:
            raise Fault(
                "MS401",
                f"`dims` orders {len(self.dims)} axes, but the input has {x.rank - 1} besides the "
                f"batch axis: {show(x.shape)}",
                ("dims",),
                help=f"name each of the axes 1 to {x.rank - 1} once" if x.rank > 1 else None,
            )
        return self.like(x, (x.shape[0], *(x.shape[axis] for axis in self.dims)))


class RepeatVector(Layer):
    """Repeats a vector along a new axis, e.g. to start every step of a decoder from one encoding.

    ```yaml
    - RepeatVector: 10
    ```

    Takes (batch, features), gives (batch, n, features).
    """

    keeps_dtype = True
    keeps_values = "all"
    prepares_data = True

    n: Count

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"n": 3}, ((None, 5),)),
        Example({"n": 2}, ((None, None),)),
    )

    def output(self, inputs: Inputs) -> Tensor:
        x = inputs.one
        need_rank(self, x, 2)
        return self.result((x.shape[0], self.n, x.shape[1]))
