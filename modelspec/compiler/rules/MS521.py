"""A callback that watches validation data where there is none."""

from __future__ import annotations

from .case import Case


def check(case: Case) -> None:
    """Every `monitor` of a quantity that training logs."""
    for monitor in case.monitors:
        if monitor.unvalidated:
            case.report.error(
                "MS521",
                f"`{monitor.callback.written}` watches `{monitor.name}`, but there is no validation"
                " data",
                monitor.span,
                suggestion=monitor.bare if monitor.written else None,
                help=f"add `validation: 0.1` to `data.split`, or watch `{monitor.bare}`",
            )
