"""Layers that join several tensors into one: elementwise (Add, Multiply, ...), Concatenate and
Dot.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import (
    PENDING,
    Shape,
    Size,
    Tensor,
    broadcasts,
    is_name,
    join,
    known,
    may_equal,
    product,
    show,
    total,
)

from .common import axis_in, need_equal, need_float, need_number
from .layer import Argument, Example, Inputs, Layer
from .saved import Saved
from .setting_types import either

_LIST = (Argument("inputs", many=True, least=2),)
_PAIR = (Argument("inputs", many=True, least=2, most=2),)


def _alike(tensors: Sequence[Tensor]) -> bool:
    """Whether all may have one shape: TensorFlow stretches no axis of a sparse tensor."""
    first, *rest = (x.shape for x in tensors)
    return all(len(one) == len(first) and all(map(may_equal, one, first)) for one in rest)


class Merge(Layer):
    """Base of layers that take a list of tensors; the batch sizes must agree."""

    keeps_sparse: ClassVar[Literal["all", "any"] | None] = "all"
    supports_masking = True
    arguments: ClassVar[tuple[Argument, ...]] = _LIST

    def batch(self, tensors: tuple[Tensor, ...]) -> Size:
        size: Size = None
        shapes = tuple(x.shape for x in tensors)
        for x in tensors:
            if not x.rank:
                raise Fault(
                    "MS401",
                    f"`{self.kind()}` takes tensors with a batch axis, found a scalar",
                )
            need_equal(size, x.shape[0], "the batch sizes", shapes)
            size = join(size, x.shape[0])
        return size


_Sizes: TypeAlias = Iterable[tuple[int, Size]]
"""Sizes with their axes."""


def _conflicts(
    tensors: tuple[Tensor, ...], sizes: Callable[[Tensor], _Sizes]
) -> Iterator[tuple[Tensor, Tensor]]:
    """The pairs of tensors whose sizes cannot be equal: for each tensor, the first conflicting one
    before it.

    All pairs count, not only neighbours: an unknown size between them would hide that 5 and 7
    differ. Only two numbers or two names can differ, so the first of each along an axis represents
    all earlier ones: n tensors take n steps.
    """
    firsts: dict[tuple[int, bool], tuple[Size, int]] = {}
    for at, x in enumerate(tensors):
        differing: list[int] = []
        for axis, size in sizes(x):
            number = known(size) is not None
            if number or is_name(size):
                first, place = firsts.setdefault((axis, number), (size, at))
                if first != size:
                    differing.append(place)
        if differing:
            yield tensors[min(differing)], x


def _required(
    tensors: tuple[Tensor, ...], sizes: Callable[[Tensor], _Sizes], *others: int
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The unknown sizes along axes with a known size, each with that one and `others`."""
    known_sizes: dict[int, int] = {}
    unknown: dict[tuple[int, str], None] = {}
    for axis, size in (one for x in tensors for one in sizes(x)):
        if isinstance(size, int):
            known_sizes.setdefault(axis, size)
        elif size is not None and size != PENDING:
            unknown[axis, size] = None
    for axis, size in unknown:
        if axis in known_sizes:
            yield size, (known_sizes[axis], *others)


def _stretchable(x: Tensor) -> _Sizes:
    """The sizes of an elementwise operation, the last axis first; 1 stretches."""
    return ((axis, size) for axis, size in enumerate(reversed(x.shape[1:])) if size != 1)


def _besides(x: Tensor, along: int) -> _Sizes:
    """How many axes there are, and the sizes along the others."""
    yield -1, x.rank
    yield from ((axis, size) for axis, size in enumerate(x.shape) if axis != along)


class ElementwiseMerge(Merge):
    """Base of Add, Multiply and the other elementwise layers: shapes broadcast, aligned at the last
    axis.
    """

    keeps_dtype = True
    joins_masks = "all"

    def takes_sparse(self, sparse: Sequence[Tensor], dense: Sequence[Tensor]) -> bool:
        return _alike([*sparse, *dense])

    def output(self, inputs: Inputs) -> Tensor:
        tensors = inputs.many
        need_number(self, *tensors)
        if all(x.dtype == "bool" for x in tensors):  # Keras raises only when the model runs
            raise Fault(
                "MS404",
                f"`{self.kind()}` takes numbers, found booleans",
                help="give the inputs `dtype: float32`",
            )
        shape = tensors[0].shape[1:]
        for first, second in _conflicts(tensors, _stretchable):
            self._check(first, second)
        for second in tensors[1:]:
            shape = _elementwise(shape, second.shape[1:])
        return self.result((self.batch(tensors), *shape))

    def required_sizes(
        self, tensors: Mapping[str, Tensor | tuple[Tensor, ...]]
    ) -> Iterable[tuple[str, tuple[int, ...]]]:
        return _required(Inputs(tensors).many, _stretchable, 1)

    def _check(self, first: Tensor, second: Tensor) -> None:
        shapes = (first.shape, second.shape)
        for a, b in zip(reversed(first.shape[1:]), reversed(second.shape[1:]), strict=False):
            if not broadcasts(a, b):
                need_equal(
                    a,
                    b,
                    f"the sizes that `{self.kind()}` joins",
                    shapes,
                    help=(
                        "make the sizes equal, or one of them 1, e.g. with a `Dense` or a"
                        " convolution of kernel size 1 on one of the paths"
                    ),
                )


def _elementwise(first: Shape, second: Shape) -> Shape:
    """The shape of an elementwise operation; missing axes count as 1."""
    rank = max(len(first), len(second))
    padded = [(1,) * (rank - len(shape)) + shape for shape in (first, second)]
    return tuple(_meet(a, b) for a, b in zip(*padded, strict=True))


def _meet(a: Size, b: Size) -> Size:
    """The size Keras infers for two sizes that broadcast: unknown if either is unknown, since it
    may be 1.
    """
    if a == b or b == 1:
        return a
    if a == 1:
        return b
    if PENDING in (a, b):
        return PENDING
    return None


def _each_pair(inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
    """The saved tensors if inputs are combined pairwise: both of each pair."""
    return Saved(inputs=True, own=made * (len(inputs.many) - 2))


class Add(ElementwiseMerge):
    """Adds its inputs elementwise.

    ```yaml
    - Add: {from: [main, skip]}
    ```

    Takes tensors of one shape, or shapes that broadcast; gives that shape.
    """

    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 4, 5), (None, 4, 5))),
        Example({}, ((None, 1, 5), (None, 4, 1), (None, 5))),
        Example({}, ((None, None, 5), (None, 4, 5)), "int32"),
    )


class Subtract(ElementwiseMerge):
    """Subtracts the second input from the first, elementwise.

    ```yaml
    - Subtract: {from: [seen, expected]}
    ```

    Takes two tensors of one shape, or shapes that broadcast; gives that shape.
    """

    arguments: ClassVar[tuple[Argument, ...]] = _PAIR

    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((None, 4, 5), (None, 4, 5))),)


class Multiply(ElementwiseMerge):
    """Multiplies its inputs elementwise.

    ```yaml
    - Multiply: {from: [features, gate]}
    ```

    Takes tensors of one shape, or shapes that broadcast; gives that shape.
    """

    keeps_sparse = "any"
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 4, 5), (None, 4, 5))),
        Example({}, ((None, 4, 4, 8), (None, 8))),
    )

    def mask_rank(self, rank: int) -> int | None:
        return rank - 1

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return _each_pair(inputs, made)


class Average(ElementwiseMerge):
    """The elementwise mean of its inputs.

    ```yaml
    - Average: {from: [first, second, third]}
    ```

    Takes tensors of one shape, or shapes that broadcast; gives that shape.
    """

    keeps_dtype = False
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 4, 5), (None, 4, 5), (None, 4, 5))),
    )


class Maximum(ElementwiseMerge):
    """The elementwise maximum of its inputs.

    ```yaml
    - Maximum: {from: [first, second]}
    ```

    Takes tensors of one shape, or shapes that broadcast; gives that shape.
    """

    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((None, 4, 5), (None, 4, 5))),)

    def takes_sparse(self, sparse: Sequence[Tensor], dense: Sequence[Tensor]) -> bool:
        return _alike(sparse)

    def mask_rank(self, rank: int) -> int | None:
        return rank - 1

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return _each_pair(inputs, made)


class Minimum(ElementwiseMerge):
    """The elementwise minimum of its inputs.

    ```yaml
    - Minimum: {from: [first, second]}
    ```

    Takes tensors of one shape, or shapes that broadcast; gives that shape.
    """

    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((None, 4, 5), (None, 4, 5))),)

    def takes_sparse(self, sparse: Sequence[Tensor], dense: Sequence[Tensor]) -> bool:
        return _alike(sparse)

    def mask_rank(self, rank: int) -> int | None:
        return rank - 1

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return _each_pair(inputs, made)


class Concatenate(Merge):
    """Concatenates its inputs along an axis.

    ```yaml
    - Concatenate: {from: [image_features, text_features]}
    - Concatenate: {axis: 1, from: [first, second]}
    ```

    Takes tensors whose other sizes agree; gives the sum of the sizes along the axis.
    """

    keeps_dtype = True
    joins_masks = "axis"

    axis: int = -1

    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 4, 5), (None, 4, 3))),
        Example({"axis": 1}, ((None, None, 5), (None, 4, 5), (None, 2, 5))),
        Example({"axis": -2}, ((None, 4, 5), (None, 4, 5)), "int32"),
    )

    def takes_sparse(self, sparse: Sequence[Tensor], dense: Sequence[Tensor]) -> bool:
        return True

    def mask_rank(self, rank: int) -> int | None:
        return rank - 1

    def takes_mask(self, mask: Shape, made: Tensor) -> bool:
        """Keras uses a mask with all axes of its tensor unchanged."""
        return len(mask) == made.rank

    def changes_batch(self, made: Tensor) -> str | None:
        return "axis" if self.axis in (0, -made.rank) else None

    def output(self, inputs: Inputs) -> Tensor:
        tensors = inputs.many
        first = tensors[0]
        strings = sum(x.dtype == "string" for x in tensors)
        if strings and strings < len(tensors):
            need_number(self, *tensors)
        along = axis_in(self, self.axis, first, "axis")
        for other, second in _conflicts(tensors, lambda x: _besides(x, along)):
            self._check(other, second, along)
        shape = (
            *first.shape[:along],
            total(x.shape[along] for x in tensors),
            *first.shape[along + 1 :],
        )
        return Tensor(shape, "string") if strings else self.result(shape)

    def required_sizes(
        self, tensors: Mapping[str, Tensor | tuple[Tensor, ...]]
    ) -> Iterable[tuple[str, tuple[int, ...]]]:
        along = self.axis % Inputs(tensors).many[0].rank
        return _required(Inputs(tensors).many, lambda x: _besides(x, along))

    def _check(self, first: Tensor, second: Tensor, along: int) -> None:
        if first.rank != second.rank:
            raise Fault(
                "MS401",
                "`Concatenate` takes tensors with the same number of axes, found "
                f"{show(first.shape)} and {show(second.shape)}",
                help=(
                    "give them the same number of axes first, with `Flatten`, `Reshape` or a"
                    " pooling layer"
                ),
            )
        for axis, (a, b) in enumerate(zip(first.shape, second.shape, strict=True)):
            if axis != along:
                need_equal(
                    a,
                    b,
                    f"the sizes along axis {axis}, which is not the one to concatenate ({along}),",
                    (first.shape, second.shape),
                    help=f"use `axis: {axis}`, or make the sizes equal",
                )


class Dot(Merge):
    """The dot product of two tensors along an axis of each, for each example.

    ```yaml
    - Dot: {axes: 1, from: [user, item]}
    - Dot: {axes: [2, 1], normalize: true, from: [queries, items]}
    ```

    Takes two tensors whose sizes along the axes agree; gives the other axes of the first, then
    those of the second; (batch, 1) if none remain. `normalize` makes it the cosine similarity.
    """

    keeps_dtype = True
    joins_masks = "none"
    steps = "rearranged"
    arguments: ClassVar[tuple[Argument, ...]] = _PAIR

    axes: Annotated[Any, either(int, 2)]
    normalize: bool = False

    @property
    def similarity(self) -> str:
        """How it compares two vectors: by `dot` product, or by the `cosine` of their angle."""
        return "cosine" if self.normalize else "dot"

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"axes": 1}, ((None, 5), (None, 5))),
        Example({"axes": (2, 1), "normalize": True}, ((None, 4, 5), (None, 5, 6))),
        Example({"axes": -1}, ((None, None, 5), (None, 5))),
    )

    def takes_sparse(self, sparse: Sequence[Tensor], dense: Sequence[Tensor]) -> bool:
        return not self.normalize

    def output(self, inputs: Inputs) -> Tensor:
        first, second = inputs.many
        need_number(self, first, second)
        if self.normalize:
            need_float(self, first, second, doing="normalizes")
        self._check(first, second)
        a, b = self._axes(first, second)
        rest = (*_without(first.shape, a)[1:], *_without(second.shape, b)[1:])
        self.batch((first, second))
        return self.result((first.shape[0], *(rest or (1,))))

    def _axes(self, first: Tensor, second: Tensor) -> tuple[int, int]:
        given = self.axes if isinstance(self.axes, tuple) else (self.axes, self.axes)
        a, b = (
            axis_in(self, axis, x, "axes") for axis, x in zip(given, (first, second), strict=True)
        )
        if a == 0 or b == 0:  # Keras raises only when the model runs
            raise Fault(
                "MS407",
                "`Dot` cannot multiply along axis 0, the batch",
                ("axes",),
                help="use axes from 1 on, or -1 for the last",
            )
        return a, b

    def _check(self, first: Tensor, second: Tensor) -> None:
        a, b = self._axes(first, second)
        sizes = first.shape[a], second.shape[b]
        need_equal(
            *sizes,
            f"the sizes along the axes {a} and {b} of `Dot`",
            (first.shape, second.shape),
            help="choose other `axes`, or make the sizes equal",
        )
        if PENDING not in sizes and sum(known(size) is None for size in sizes) == 1:
            # Keras treats two unknown sizes as equal, and an unknown size and a number as
            # different.
            raise Fault(
                "MS405",
                "`Dot` multiplies along axes of which one size is known and the other is not: "
                f"{show(first.shape)} and {show(second.shape)}",
                help="set both sizes to a number, or neither",
            )

    def multiply_adds(self, inputs: Inputs) -> Size:
        first, second = inputs.many
        _, b = self._axes(first, second)
        return product((*first.shape[1:], *_without(second.shape, b)[1:]))

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        if not self.normalize:
            return Saved(inputs=True)
        axes = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        lengths = [
            x._replace(shape=(*x.shape[: axis % x.rank], 1, *x.shape[axis % x.rank + 1 :]))
            for x, axis in zip(inputs.many, axes, strict=True)
        ]
        return Saved(inputs=True, own=(*inputs.many, *lengths, *lengths))


def _without(shape: Shape, axis: int) -> Shape:
    return (*shape[:axis], *shape[axis + 1 :])
