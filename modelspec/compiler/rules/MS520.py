"""A callback that monitors a quantity that is not logged."""

from __future__ import annotations

from modelspec.core.diagnostics import listed

from .case import Case
from .logged_quantities import Monitor, nearest_logged


def check(case: Case) -> None:
    """Check every `monitor`."""
    known: list[str] = []
    for monitor in case.monitors:
        if monitor.known:
            continue
        known = known or _known(monitor)  # the same for every callback
        near = nearest_logged(monitor.name, known)
        case.report.error(
            "MS520",
            f"`{monitor.callback.written}` monitors `{monitor.name}`, which training does not log",
            monitor.span,
            suggestion=near,
            help=f"did you mean `{near}`?" if near else f"training logs {listed(known)}",
        )


def _known(monitor: Monitor) -> list[str]:
    """What training logs."""
    validated = [f"val_{name}" for name in monitor.logged] if monitor.validated else []
    return [*monitor.logged, *validated]
