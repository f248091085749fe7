"""A mask that a layer does not use as it should."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case


def check(case: Case) -> None:
    """Check every call of a layer that gets a mask with the axes that it expects."""
    for mask, user, reason in case.masks.misused:
        layer = f"`{user.name}`"
        if mask is None:
            case.report.error(
                "MS435",
                f"{layer} has a `mask`, but {reason}",
                user.call.use.kind_span,
                help="leave `mask` out, or use another axis",
            )
            continue
        case.report.error(
            "MS435",
            f"{layer} has the mask of `{mask.made.name}`, but {reason}",
            user.call.use.kind_span,
            notes=[Note(f"`{mask.made.name}` creates the mask", mask.made.call.use.kind_span)],
            help="insert a `Reshape` to the same shape before it, which drops the mask, use"
            f" `{mask.made.name}` without one, or use another axis",
        )
