"""A callback that monitors validation data where the spec has none."""

from __future__ import annotations

from .case import Case


def check(case: Case) -> None:
    """Check every `monitor` of a quantity that training logs."""
    for monitor in case.monitors:
        if monitor.unvalidated:
            case.report.error(
                "MS521",
                f"`{monitor.callback.written}` monitors `{monitor.name}`, but there is no"
                " validation data",
                monitor.span,
                suggestion=monitor.bare if monitor.written else None,
                help=f"add `validation: 0.1` to `data.split`, or monitor `{monitor.bare}`",
            )
