"""Types of what moves, joins and multiplies tensors: `reshape`, `concatenate`, `einsum`, `@`."""

from __future__ import annotations

import re

from modelspec.core.diagnostics import Fault
from modelspec.core.dtypes import is_integer
from modelspec.core.shapes import PENDING, Shape, Size, Tensor, may_equal, mul, product, show, total

from .elementwise import BATCH, Arguments, broadcast, require_equal
from .operands import combine, need_numbers
from .reductions import axes_in, axis_in

_TERM = re.compile(r"[a-zA-Z]*(\.\.\.)?[a-zA-Z]*")


# Joining ------------------------------------------------------------------------------------------


def concatenate(call: Arguments) -> Tensor:
    """One after the other along an axis."""
    tensors = call.several("xs")
    first = tensors[0]
    along = axis_in(call, call.settings["axis"], first.rank, first.shape)
    for other in tensors[1:]:
        _need_rank(call, first, other)
        for axis, (a, b) in enumerate(zip(first.shape, other.shape, strict=True)):
            if axis != along:
                require_equal(f"axis {axis} of `{call.function}`", a, b, first.shape, other.shape)
    sizes = tuple(_known_best(sizes) for sizes in zip(*(x.shape for x in tensors), strict=True))
    joined = total(x.shape[along] for x in tensors)
    return Tensor((*sizes[:along], joined, *sizes[along + 1 :]), combine(tensors))


def stack(call: Arguments) -> Tensor:
    """Side by side along a new axis."""
    tensors = call.several("x")
    first = tensors[0]
    for other in tensors[1:]:
        _need_rank(call, first, other)
        for axis, (a, b) in enumerate(zip(first.shape, other.shape, strict=True)):
            require_equal(f"axis {axis} of `{call.function}`", a, b, first.shape, other.shape)
    along = axis_in(call, call.settings["axis"], first.rank + 1, first.shape)
    sizes = tuple(_known_best(sizes) for sizes in zip(*(x.shape for x in tensors), strict=True))
    return Tensor((*sizes[:along], len(tensors), *sizes[along:]), combine(tensors))


def _need_rank(call: Arguments, first: Tensor, other: Tensor) -> None:
    if first.rank != other.rank:
        raise Fault(
            "MS401",
            f"`{call.function}` takes tensors with the same number of axes, found"
            f" {show(first.shape)} and {show(other.shape)}",
            help="add an axis where one is missing: `x[:, None]`",
        )


def _known_best(sizes: tuple[Size, ...]) -> Size:
    """The most that is known of sizes that are equal."""
    known = [size for size in sizes if isinstance(size, int)]
    return next(iter((*known, *(size for size in sizes if size not in (None, PENDING)))), sizes[0])


# Moving -------------------------------------------------------------------------------------------


def reshape(call: Arguments) -> Tensor:
    """Other axes, the same entries; `-1` is the size that follows."""
    x, sizes = call.x, call.settings["newshape"]
    if list(sizes).count(-1) > 1 or any(size < 1 and size != -1 for size in sizes):
        raise Fault(
            "MS406",
            "`newshape` is a list of sizes of at least 1, one of which may be -1",
            ("newshape",),
        )
    unknown = tuple(size for size in x.shape if not isinstance(size, int))
    given, wanted = (
        product(s for s in x.shape if isinstance(s, int)),
        product(s for s in sizes if s != -1),
    )
    assert isinstance(given, int) and isinstance(wanted, int)
    follows = _following(unknown, given, wanted, -1 in sizes)
    if follows == 0:
        raise Fault(
            "MS406",
            f"the entries of {show(x.shape)} do not fill {_sizes(sizes)}",
            ("newshape",),
            help=(
                "the first size is the batch's: write -1 there, and sizes behind it that multiply"
                " to the same"
            ),
        )
    return Tensor(tuple(follows if size == -1 else size for size in sizes), x.dtype)


def _following(unknown: Shape, given: int, wanted: int, open_size: bool) -> Size:
    """The size that -1 stands for (any where there is none); 0 where the entries do not fit."""
    if None in unknown or PENDING in unknown:
        return PENDING if PENDING in unknown else None
    if not open_size:
        return 1 if not unknown and given == wanted else 0
    if given % wanted == 0:
        return product((*unknown, given // wanted))
    # What has a name may be divisible when it is known; the batch never is for certain.
    return 0 if set(unknown) <= {BATCH} else None


def _sizes(sizes: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, sizes))})"


def transpose(call: Arguments) -> Tensor:
    """The axes in another order; reversed where none is written."""
    axes, shape = call.settings["axes"], call.x.shape
    if axes is None:
        return Tensor(shape[::-1], call.x.dtype)
    found = axes_in(call, "axes")
    if len(found) != len(shape):
        raise Fault(
            "MS407",
            f"`transpose` names {len(found)} axes, but there are {len(shape)}: {show(shape)}",
            ("axes",),
            help="name every axis once; axis 0 is the batch",
        )
    return Tensor(tuple(shape[axis] for axis in found), call.x.dtype)


def swapaxes(call: Arguments) -> Tensor:
    shape = list(call.x.shape)
    a, b = (
        axis_in(call, call.settings[name], len(shape), call.x.shape, name)
        for name in ("axis1", "axis2")
    )
    shape[a], shape[b] = shape[b], shape[a]
    return Tensor(tuple(shape), call.x.dtype)


def expand_dims(call: Arguments) -> Tensor:
    axis = axis_in(call, call.settings["axis"], call.x.rank + 1, call.x.shape)
    return Tensor((*call.x.shape[:axis], 1, *call.x.shape[axis:]), call.x.dtype)


def squeeze(call: Arguments) -> Tensor:
    """Without axes of size 1."""
    gone, shape = axes_in(call), call.x.shape
    for axis in gone:
        if shape[axis] == BATCH or not may_equal(shape[axis], 1):
            raise Fault(
                "MS403",
                f"axis {axis} is no axis of 1: {show(shape)}",
                ("axis",),
                help="only an axis of size 1 can be left out; take one entry with `x[:, 0]`",
            )
    return Tensor(tuple(size for axis, size in enumerate(shape) if axis not in gone), call.x.dtype)


def repeat(call: Arguments) -> Tensor:
    """Every entry several times along an axis."""
    axis = axis_in(call, call.settings["axis"], call.x.rank, call.x.shape)
    shape = list(call.x.shape)
    shape[axis] = mul(shape[axis], call.settings["repeats"])
    return Tensor(tuple(shape), call.x.dtype)


def triangle(call: Arguments) -> Tensor:
    """`tril`, `triu`: a matrix with one side of its diagonal 0."""
    if call.x.rank < 2:
        raise Fault("MS401", f"`{call.function}` takes at least 2 axes, found {show(call.x.shape)}")
    return call.x


def one_hot(call: Arguments) -> Tensor:
    """A new axis with a 1 at the index, and 0 elsewhere."""
    x, classes, axis = call.x, call.settings["num_classes"], call.settings["axis"]
    if not is_integer(x.dtype):
        raise Fault(
            "MS404",
            f"`one_hot` takes class numbers, which are integers, found {x.dtype}",
            help="cast them first: `cast(x, 'int32')`",
        )
    if classes < 1:
        raise Fault("MS143", f"`num_classes` must be at least 1, found {classes}", ("num_classes",))
    if not -1 <= axis < x.rank:
        raise Fault(
            "MS407",
            f"`one_hot` makes no axis {axis} of {show(x.shape)}",
            ("axis",),
            help=f"use -1, or an axis from 0 to {x.rank - 1}",
        )
    along = x.rank if axis == -1 else axis
    return Tensor(
        (*x.shape[:along], classes, *x.shape[along:]), call.settings["dtype"] or "float32"
    )


# Products -----------------------------------------------------------------------------------------


def matmul(call: Arguments) -> Tensor:
    """`@`: the last axis of the first with the last but one of the second; other axes broadcast."""
    first, second = call.pair
    assert isinstance(first, Tensor) and isinstance(second, Tensor)
    for x in (first, second):
        if not x.rank:
            raise Fault(
                "MS401", "`matmul` takes tensors with axes, found one without", help="write `*`"
            )
    inner = second.shape[-2] if second.rank > 1 else second.shape[-1]
    require_equal("the inner axes of `matmul`", first.shape[-1], inner, first.shape, second.shape)
    batches = (Tensor(x.shape[:-2], x.dtype) for x in (first, second))
    rows, columns = first.shape[-2:-1], second.shape[-1:] if second.rank > 1 else ()
    return Tensor(
        (*broadcast("matmul", batches), *rows, *columns), _product_dtype(call, (first, second))
    )


def _product_dtype(call: Arguments, tensors: tuple[Tensor, ...]) -> str:
    dtype = combine(tensors)
    need_numbers(call.function, dtype)
    return "int32" if dtype == "int8" else dtype


def matmul_cost(call: Arguments) -> Size:
    first, _ = call.pair
    assert isinstance(first, Tensor)
    return product((*matmul(call).shape, first.shape[-1]))


def einsum(call: Arguments) -> Tensor:
    """Products summed over the letters that the output leaves out."""
    tensors, (terms, output) = call.several("operands"), _equation(call)
    sizes, elided = _letters(call, terms, tensors)
    shape: list[Size] = []
    for letter in output.replace("...", "."):
        shape.extend(elided if letter == "." else (sizes[letter],))
    return Tensor(tuple(shape), _product_dtype(call, tensors))


def einsum_cost(call: Arguments) -> Size:
    terms, _ = _equation(call)
    sizes, elided = _letters(call, terms, call.several("operands"))
    return product((*elided, *sizes.values())) if len(terms) > 1 else 0


def _equation(call: Arguments) -> tuple[list[str], str]:
    text = call.settings["subscripts"].replace(" ", "")
    left, arrow, output = text.partition("->")
    terms = left.split(",")
    if not arrow or not all(_TERM.fullmatch(term) for term in (*terms, output)):
        raise Fault(
            "MS406",
            f"`{text}` is no equation of `einsum`",
            ("subscripts",),
            help=(
                "write the axes of each tensor as letters, and those of the result behind an arrow:"
                " 'bij,bjk->bik'"
            ),
        )
    for term in (*terms, output):
        letters = term.replace("...", "")
        if len(set(letters)) < len(letters):
            raise Fault("MS406", f"`{term}` of `{text}` has a letter twice", ("subscripts",))
    known = set("".join(terms).replace(".", ""))
    if lost := next((letter for letter in output.replace(".", "") if letter not in known), None):
        raise Fault(
            "MS406",
            f"`{lost}` stands behind the arrow of `{text}`, and not before it",
            ("subscripts",),
        )
    if ("..." in output) != any("..." in term for term in terms):
        raise Fault(
            "MS406", f"`...` stands on one side of the arrow of `{text}` only", ("subscripts",)
        )
    return terms, output


def _letters(
    call: Arguments, terms: list[str], tensors: tuple[Tensor, ...]
) -> tuple[dict[str, Size], Shape]:
    """The size of each letter, and the sizes under `...`."""
    if len(terms) != len(tensors):
        raise Fault(
            "MS143",
            f"`{call.settings['subscripts']}` is for {len(terms)} tensors, found {len(tensors)}",
            ("subscripts",),
        )
    sizes: dict[str, Size] = {}
    where: dict[str, Tensor] = {}
    elided: list[Tensor] = []
    for term, x in zip(terms, tensors, strict=True):
        before, dots, after = term.partition("...")
        if x.rank < len(before + after) or (not dots and x.rank > len(before)):
            raise Fault(
                "MS401",
                f"`{term}` has {len(before + after)} axes, but its tensor has {x.rank}: "
                f"{show(x.shape)}",
                ("subscripts",),
                help="write one letter for each axis, the batch's first, or `...` for the others",
            )
        end = x.rank - len(after)
        elided += [Tensor(x.shape[len(before) : end], x.dtype)] if dots else []
        for letter, size in zip(
            before + after, (*x.shape[: len(before)], *x.shape[end:]), strict=True
        ):
            if letter in sizes:
                require_equal(
                    f"axis `{letter}` of `einsum`",
                    sizes[letter],
                    size,
                    where[letter].shape,
                    x.shape,
                )
                size = _known_best((sizes[letter], size))
            sizes[letter], where[letter] = size, x
    return sizes, broadcast("einsum", elided) if elided else ()
