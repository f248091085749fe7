"""An output with fewer units than its built-in data set has classes."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case


def check(case: Case) -> None:
    """Check every target that is the class index of a data set with known classes."""
    for one in case.trained:
        target, head = one.target, one.head
        if target is None or one.misfits or one.settings.targets != "indices":
            continue
        classes = target.source.class_count
        if target.feature.names != ("target",) or not isinstance(head.units, int):
            continue
        if classes and head.units < classes:
            case.report.error(
                "MS519",
                f"`{target.source.shown_name}` has {classes} classes, but output `{head.output}` "
                f"has {head.units} units",
                head.call.call.use.kind_span,
                notes=[Note("the target", target.span)],
                help=f"give `{head.call.name}` {classes} units",
            )
