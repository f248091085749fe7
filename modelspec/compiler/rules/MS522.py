"""A callback that cannot infer whether a higher or a lower value is better."""

from __future__ import annotations

from .case import Case


def check(case: Case) -> None:
    """Check every `monitor` of a quantity that is logged."""
    for monitor in case.monitors:
        if not monitor.known or monitor.unvalidated:
            continue
        mode = getattr(monitor.callback.settings, "mode", None)
        if mode == "auto" and monitor.logged[monitor.bare] is None:
            case.report.error(
                "MS522",
                f"`{monitor.callback.written}` cannot infer whether a higher or a lower"
                f" `{monitor.name}` is better",
                monitor.span,
                help="add `mode: max` or `mode: min`",
            )
