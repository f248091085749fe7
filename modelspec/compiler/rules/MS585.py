"""A callback that sends to a host which the user did not allow."""

from __future__ import annotations

from modelspec.core.places import Host

from .case import Case


def check(case: Case) -> None:
    """Every callback that sends somewhere. In a run, the training itself refuses: its evaluation
    sends nothing.
    """
    if case.training is None or case.file is None or case.file.context.places.when_opened:
        return
    for callback in case.training.callbacks:
        target = getattr(callback.settings, "sends_to", None)
        if target is not None and not case.file.context.places.allow_host(*target):
            host = Host(*target)
            case.report.error(
                "MS585",
                f"`{callback.written}` sends to {host}, a host that is not allowed",
                callback.span,
                help=f"if you let this spec send there, give `--allow-host {host}`",
            )
