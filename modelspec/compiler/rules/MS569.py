"""A callback and a logger that write to the same folder."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case
from .logger_spans import logger_spans


def check(case: Case) -> None:
    """Both truncate the files in it when a run is resumed."""
    if case.training is None or case.file is None:
        return
    folders = {
        getattr(one.settings, "log_dir", None): one.span for one in case.training.every_callback
    }
    for logger, span in logger_spans(case.file):
        folder = getattr(logger, "log_dir", None)
        if folder is not None and folder in folders:
            case.report.error(
                "MS569",
                f"the logger `{logger.kind()}` and a callback both write to `{folder}`",
                span,
                notes=(Note("the callback is here", folders[folder]),),
                help="remove the callback, which logs the same, or set another `log_dir`",
            )
