"""Formulas and tensors, drawn: most of them fit together, some do not."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import strategies as st

from modelspec.catalog.formula.function import Function, Parameter
from modelspec.catalog.formula.function_table import FUNCTIONS
from modelspec.catalog.formula.operands import DTYPES
from modelspec.core.shapes import Tensor

NAMES = ("a", "b", "c")
OPERATORS = (
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "**",
    "@",
    "<",
    "<=",
    ">",
    ">=",
    "==",
    "!=",
    "and",
    "or",
)
SIZES = (1, 2, 3)


class Case(NamedTuple):
    """A formula and the tensors that it may name."""

    text: str
    tensors: dict[str, Tensor]


@st.composite
def tensors(draw: st.DrawFn, dtypes: tuple[str, ...] = DTYPES) -> dict[str, Tensor]:
    """Three tensors whose sizes are often the same."""
    common = draw(st.lists(st.sampled_from(SIZES), min_size=0, max_size=3))
    dtype = draw(st.sampled_from(dtypes))
    found = {}
    for name in NAMES:
        sizes = (
            common
            if draw(st.integers(0, 9)) < 7
            else draw(st.lists(st.sampled_from(SIZES), max_size=3))
        )
        own = dtype if draw(st.integers(0, 9)) < 7 else draw(st.sampled_from(dtypes))
        found[name] = Tensor((None, *sizes), own)
    return found


_FUNCTIONS = sorted(name for name, one in FUNCTIONS.items() if not one.objective)


@st.composite
def formulas(draw: st.DrawFn, depth: int = 3) -> str:
    """Texts of formulas; nearly all are well formed."""
    form = draw(st.integers(0, 9)) if depth else draw(st.sampled_from([0, 0, 10]))
    if form in (0, 1):
        return draw(st.sampled_from(NAMES))
    if form == 10:
        return draw(numbers())
    if form in (2, 3):
        return (
            f"({draw(formulas(depth - 1))} {draw(st.sampled_from(OPERATORS))}"
            f" {draw(formulas(depth - 1))})"
        )
    if form == 4:
        return f"({draw(st.sampled_from(['-', 'not ']))}{draw(formulas(depth - 1))})"
    if form == 5:
        return f"{draw(st.sampled_from(NAMES))}[{draw(indices())}]"
    return draw(calls(FUNCTIONS[draw(st.sampled_from(_FUNCTIONS))], depth - 1))


def numbers() -> st.SearchStrategy[str]:
    return st.sampled_from(["0", "1", "2", "3", "0.5", "1.5", "300", "2 * 3", "1 / 4"])


def indices() -> st.SearchStrategy[str]:
    item = st.sampled_from([":", ":", "0", "-1", "1", ":2", "1:", "::-1", "None", "...", ":-1"])
    return st.lists(item, min_size=1, max_size=3).map(lambda items: ", ".join([":", *items]))


@st.composite
def calls(draw: st.DrawFn, function: Function, depth: int) -> str:
    written: list[str] = []
    for parameter in function.parameters:
        if (
            parameter.name not in ("x", "x1", "x2")
            and parameter.default in (None, False, True)
            and draw(st.booleans())
        ):
            continue
        value = draw(argument(parameter, depth))
        by_name = (
            bool(written)
            and parameter.kind not in ("rest", "tensor", "operand")
            and draw(st.booleans())
        )
        written.append(f"{parameter.name}={value}" if by_name else value)
        if not by_name and any("=" in one and "==" not in one for one in written[:-1]):
            written[-1] = f"{parameter.name}={value}"
    call = f"{function.name}({', '.join(written)})"
    return f"{call}[{draw(st.integers(0, 1))}]" if function.results else call


def argument(parameter: Parameter, depth: int) -> st.SearchStrategy[str]:
    inner = formulas(depth)
    axis = st.sampled_from(["-1", "1", "1", "-2", "2", "0"])
    drawn = {
        "tensor": inner,
        "operand": inner,
        "axis": axis,
        "flag": st.sampled_from(["True", "False"]),
        "axes": st.one_of(axis, st.sampled_from(["[1, 2]", "[0, 2, 1]", "(-1,)", "[1, 0]"])),
        "tensors": (
            st.lists(inner, min_size=1, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        ),
        "number": numbers(),
        "whole": st.sampled_from(["1", "2", "3"]),
        "wholes": st.sampled_from(["1", "2", "[1, 2]", "[2, 2]"]),
        "pairs": st.lists(
            st.sampled_from(["[0, 0]", "[1, 0]", "[1, 2]"]), min_size=1, max_size=3
        ).map(lambda widths: f"[[0, 0], {', '.join(widths)}]"),
        "pair": st.one_of(
            st.sampled_from(["rfft(a)", "rfft(a, 4)", "stft(a, 2, 1, 2)"]),
            st.tuples(inner, inner).map(lambda parts: f"[{', '.join(parts)}]"),
        ),
        "size": st.sampled_from(["1", "2", "3"]),
        "sizes": st.sampled_from(
            ["[-1, 1]", "[-1, 2, 3]", "[-1, 6]", "[-1, 4]", "(-1, 3, 2, 1)", "[2, 3]"]
        ),
        "dtype": st.sampled_from([f"'{dtype}'" for dtype in DTYPES]),
        "text": st.sampled_from(WORDS.get(parameter.name, ("'x'",))),
        "rest": st.sampled_from(["a, b", "a, a", "b, c"]),
    }
    found: st.SearchStrategy[str] = drawn[parameter.kind]
    return found


WORDS = {
    "subscripts": (
        "'bi,bi->b'",
        "'bij,bij->bij'",
        "'bij,bkj->bik'",
        "'...i,...i->...'",
        "'b...,b...->b...'",
    ),
    "data_format": ("'channels_last'", "'channels_first'", "'channels'"),
    "interpolation": ("'bilinear'", "'nearest'", "'cubic'"),
    "mode": ("'constant'", "'reflect'", "'symmetric'", "'edge'"),
    "padding": ("'valid'", "'same'", "'full'"),
    "window": ("'hann'", "'hamming'", "None"),
}
"""The texts for a parameter."""


@st.composite
def cases(draw: st.DrawFn, dtypes: tuple[str, ...] = DTYPES) -> Case:
    return Case(draw(formulas()), draw(tensors(dtypes)))
