"""A checkpoint of the best model at steps that watches what only the end of an epoch has."""

from __future__ import annotations

from .case import Case


def check(case: Case) -> None:
    """Every callback that saves the best model only, at steps."""
    for monitor in case.monitors:
        settings = monitor.callback.settings
        at_steps = getattr(settings, "save_freq", "epoch") != "epoch"
        if not (at_steps and getattr(settings, "save_best_only", False)):
            continue
        if monitor.known and monitor.bare != monitor.name and not monitor.unvalidated:
            case.report.warning(
                "MS563",
                f"`{monitor.callback.written}` saves at steps, where there is no `{monitor.name}`:"
                " it saves every time, whether the model is better or not",
                monitor.span,
                help=f"watch `{monitor.bare}`, or leave `save_freq` out: it then saves at epochs",
            )
