"""Type rules of products that sum over axes: `@`, `einsum`."""

from __future__ import annotations

import re

from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Shape, Size, Tensor, product, show

from .elementwise import Arguments, broadcast, require_equal
from .operands import combine, need_numbers
from .shape_functions import best_known

_TERM = re.compile(r"[a-zA-Z]*(\.\.\.)?[a-zA-Z]*")


def matmul(call: Arguments) -> Tensor:
    """`@`: contracts the last axis of the first tensor with the second to last of the second; other
    axes broadcast.
    """
    first, second = call.pair
    assert isinstance(first, Tensor) and isinstance(second, Tensor)
    for x in (first, second):
        if not x.rank:
            raise Fault(
                "MS401", "`matmul` takes tensors with axes, found a scalar", help="write `*`"
            )
    inner = second.shape[-2] if second.rank > 1 else second.shape[-1]
    require_equal("the inner axes of `matmul`", first.shape[-1], inner, first.shape, second.shape)
    batches = broadcast("matmul", (Tensor(x.shape[:-2], x.dtype) for x in (first, second)))
    rows = first.shape[-2:-1]
    columns = second.shape[-1:] if second.rank > 1 else ()
    return Tensor((*batches, *rows, *columns), _product_dtype(call, (first, second)))


def _product_dtype(call: Arguments, tensors: tuple[Tensor, ...]) -> str:
    dtype = combine(tensors)
    need_numbers(call.function, dtype)
    return "int32" if dtype == "int8" else dtype


def matmul_cost(call: Arguments) -> Size:
    first, _ = call.pair
    assert isinstance(first, Tensor)
    return product((*matmul(call).shape, first.shape[-1]))


def einsum(call: Arguments) -> Tensor:
    """Products summed over the letters that are not in the output."""
    tensors, (terms, output) = call.several("operands"), _equation(call)
    sizes, elided = _letters(call, terms, tensors)
    shape: list[Size] = []
    for letter in output.replace("...", "."):
        shape.extend(elided if letter == "." else (sizes[letter],))
    return Tensor(tuple(shape), _product_dtype(call, tensors))


def contracted_axes(call: Arguments) -> list[tuple[Tensor, tuple[int, ...]]]:
    """The axes of each tensor over which a product sums."""
    if call.function != "einsum":
        first, second = call.pair
        assert isinstance(first, Tensor) and isinstance(second, Tensor)
        return [(first, (first.rank - 1,)), (second, (max(second.rank - 2, 0),))]
    terms, output = _equation(call)
    found: list[tuple[Tensor, tuple[int, ...]]] = []
    for term, x in zip(terms, call.several("operands"), strict=True):
        before, _, after = term.partition("...")
        axes = (*range(len(before)), *range(x.rank - len(after), x.rank))
        letters = zip(axes, before + after, strict=True)
        found.append((x, tuple(axis for axis, letter in letters if letter not in output)))
    return found


def einsum_cost(call: Arguments) -> Size:
    terms, _ = _equation(call)
    sizes, elided = _letters(call, terms, call.several("operands"))
    return product((*elided, *sizes.values())) if len(terms) > 1 else 0


def _equation(call: Arguments) -> tuple[list[str], str]:
    """The terms before the arrow, and the one after it. Raises `Fault`."""
    text = call.settings["subscripts"].replace(" ", "")
    left, arrow, output = text.partition("->")
    terms = left.split(",")
    if not arrow or not all(_TERM.fullmatch(term) for term in (*terms, output)):
        raise Fault(
            "MS406",
            f"`{text}` is not an equation of `einsum`",
            ("subscripts",),
            help=(
                "write the axes of each tensor as letters, and those of the result after an arrow:"
                " 'bij,bjk->bik'"
            ),
        )
    _check_letters(text, terms, output)
    if ("..." in output) != any("..." in term for term in terms):
        raise Fault(
            "MS406", f"`...` appears on only one side of the arrow of `{text}`", ("subscripts",)
        )
    return terms, output


def _check_letters(text: str, terms: list[str], output: str) -> None:
    """Raises if a term repeats a letter, or if the output has a letter of no input."""
    for term in (*terms, output):
        letters = term.replace("...", "")
        if len(set(letters)) < len(letters):
            raise Fault("MS406", f"`{term}` of `{text}` has a letter twice", ("subscripts",))
    known = set("".join(terms))
    for letter in output.replace(".", ""):
        if letter not in known:
            raise Fault(
                "MS406",
                f"`{letter}` appears after the arrow of `{text}`, but not before it",
                ("subscripts",),
            )


def _letters(
    call: Arguments, terms: list[str], tensors: tuple[Tensor, ...]
) -> tuple[dict[str, Size], Shape]:
    """The size of each letter, and the sizes of `...`."""
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
        _check_term(term, before + after, bool(dots), x)
        end = x.rank - len(after)
        if dots:
            elided.append(Tensor(x.shape[len(before) : end], x.dtype))
        named = (*x.shape[: len(before)], *x.shape[end:])
        for letter, size in zip(before + after, named, strict=True):
            if letter in sizes:
                known = sizes[letter]
                what = f"axis `{letter}` of `einsum`"
                require_equal(what, known, size, where[letter].shape, x.shape)
                size = best_known((known, size))
            sizes[letter], where[letter] = size, x
    return sizes, broadcast("einsum", elided) if elided else ()


def _check_term(term: str, letters: str, dots: bool, x: Tensor) -> None:
    """Raises MS401 unless a term has one letter for each axis."""
    if x.rank < len(letters) or (not dots and x.rank > len(letters)):
        raise Fault(
            "MS401",
            f"`{term}` has {len(letters)} axes, but its tensor has {x.rank}: {show(x.shape)}",
            ("subscripts",),
            help="write one letter for each axis, the batch's first, or `...` for the others",
        )
