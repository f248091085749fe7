"""A callback that watches what nothing produces."""

from __future__ import annotations

from modelspec.core.diagnostics import listed, nearest

from .case import Case


def check(case: Case) -> None:
    """Every `monitor`."""
    for monitor in case.monitors:
        if monitor.known:
            continue
        known = list(monitor.logged)
        if monitor.validated:
            known += [f"val_{name}" for name in monitor.logged]
        near = nearest(monitor.name, known)
        case.report.error(
            "MS520",
            f"`{monitor.callback.written}` watches `{monitor.name}`, which nothing produces",
            monitor.span,
            suggestion=near,
            help=f"did you mean `{near}`?" if near else f"training logs {listed(known)}",
        )
