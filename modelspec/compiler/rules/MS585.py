"""A callback or a logger that sends data to a host that the user has not allowed."""

from __future__ import annotations

from modelspec.core.places import Host

from .case import Case
from .logger_spans import logger_spans


def check(case: Case) -> None:
    """Check everything that sends data. In a run the training checks this, as an evaluation sends
    nothing.
    """
    if case.training is None or case.file is None or case.file.context.places.when_opened:
        return
    callbacks = ((one.written, one.settings, one.span) for one in case.training.callbacks)
    loggers = ((one.kind(), one, span) for one, span in logger_spans(case.file))
    for written, settings, span in (*callbacks, *loggers):
        target = getattr(settings, "sends_to", None)
        if target is not None and not case.file.context.places.allow_host(*target):
            host = Host(*target)
            case.report.error(
                "MS585",
                f"`{written}` sends data to {host}, which is not an allowed host",
                span,
                help=f"to allow this, pass `--allow-host {host}`",
            )
