"""A moving average that is called with sizes for which it has other weights than its source."""

from __future__ import annotations

from modelspec.core.diagnostics import Note
from modelspec.core.shapes import Shape

from .averaged_parts import averaged_parts
from .case import Case


def check(case: Case) -> None:
    """Compare the weights by their order."""
    for part in averaged_parts(case):
        if part.source is None:
            continue
        here, there = part.call.weights, part.source.weights
        pairs = list(zip(here, there, strict=False))
        wrong = next((pair for pair in pairs if not _same(pair[0].shape, pair[1].shape)), None)
        if wrong is None and len(here) == len(there):
            continue
        name, source = part.average.name, part.average.source
        problem = f"`{name}` has {len(here)} weights, and `{source}` has {len(there)}"
        if wrong is not None:
            problem = (
                f"`{wrong[0].name}` of `{name}` has the shape {_plain(wrong[0].shape)}, and that of"
                f" `{source}` has {_plain(wrong[1].shape)}"
            )
        case.report.error(
            "MS537",
            f"`{name}` cannot be the moving average of `{source}` here: {problem}",
            part.call.call.use.kind_span,
            notes=[Note(f"the first call of `{source}`", part.source.call.use.kind_span)],
            help="call both with tensors of the same sizes",
        )


def _same(one: Shape, other: Shape) -> bool:
    return len(one) == len(other) and all(
        a == b or not isinstance(a, int) or not isinstance(b, int)
        for a, b in zip(one, other, strict=True)
    )


def _plain(shape: Shape) -> str:
    return f"({', '.join(str(size) for size in shape)})"
