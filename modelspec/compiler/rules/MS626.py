"""A transform whose result does not match its input."""

from __future__ import annotations

from modelspec.core.shapes import Shape, Tensor, show

from ..spec.arrangement import match
from ..spec.data_window import input_row
from .case import Case
from .data_chains import layers_of


def check(case: Case) -> None:
    """Check every input whose transform has a known result."""
    if case.data is None or case.typed is None or case.data.window_in_error:
        return
    for name, feature in (case.data.inputs or {}).items():
        result, wanted = case.chains.transformed.get(("inputs", name)), case.typed.inputs.get(name)
        chain = layers_of(feature)
        if result is None or wanted is None or chain is None:
            continue
        if (window := case.data.window) is not None:
            if window.input_row(wanted.shape[1:]) is None:
                continue  # MS571
            wanted = input_row(wanted, window)
        found = _misfit(name, result, wanted)
        if found is not None:
            message, help = found
            case.report.error("MS626", message, chain.uses[-1].kind_span, help=help)


def _misfit(name: str, result: Tensor, wanted: Tensor) -> tuple[str, str] | None:
    """The problem and the fix; None if the input accepts the result."""
    if (result.dtype == "string") != (wanted.dtype == "string"):
        return (
            f"the transform outputs {result.dtype}, but input `{name}` takes {wanted.dtype}",
            "look up words with `StringLookup` or `TextVectorization`"
            if result.dtype == "string"
            else "move the lookup to the model, or give the input another dtype",
        )
    help = _misshapen(result, wanted)
    if help is None:
        return None
    return (
        f"the transform outputs {show(result.shape)}, but input `{name}` takes"
        f" {show(wanted.shape)}",
        help,
    )


def _misshapen(result: Tensor, wanted: Tensor) -> str | None:
    """The fix for different shapes."""
    sizes = [size for size in result.shape[1:] if isinstance(size, int)]
    if len(sizes) == result.rank - 1:
        if match(tuple(sizes), wanted.shape[1:]) is None:
            return f"declare the input as `{sizes}`" if sizes else "declare the input as `[1]`"
    elif result.rank == wanted.rank and not _may_agree(result.shape[1:], wanted.shape[1:]):
        return "the known sizes must be equal"
    return None


def _may_agree(found: Shape, wanted: Shape) -> bool:
    return all(
        one == other or not isinstance(one, int) or not isinstance(other, int)
        for one, other in zip(found, wanted, strict=True)
    )
