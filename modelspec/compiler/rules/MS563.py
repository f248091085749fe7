"""A checkpoint of the best model at steps that monitors a quantity logged per epoch."""

from __future__ import annotations

from .case import Case


def check(case: Case) -> None:
    """Check every callback that saves only the best model, at steps."""
    for monitor in case.monitors:
        settings = monitor.callback.settings
        at_steps = getattr(settings, "save_freq", "epoch") != "epoch"
        if not (at_steps and getattr(settings, "save_best_only", False)):
            continue
        if monitor.known and monitor.bare != monitor.name and not monitor.unvalidated:
            case.report.warning(
                "MS563",
                f"`{monitor.callback.written}` saves at steps, where `{monitor.name}` is not known:"
                " it would save every time, even if the model is not better",
                monitor.span,
                help=f"monitor `{monitor.bare}`, or leave `save_freq` out to save after each epoch",
            )
