"""A file path of a callback with a placeholder that the run does not log."""

from __future__ import annotations

import json

from modelspec.core.diagnostics import listed

from .case import Case
from .logged_quantities import FileValue, nearest_logged


def check(case: Case) -> None:
    """Check every placeholder in braces."""
    for one in case.file_values:
        if one.is_known:
            continue
        near = nearest_logged(one.name, one.known)
        case.report.error(
            "MS562",
            f"the `filepath` of `{one.callback.written}` contains `{one.name}`, {_why(one)}",
            one.span,
            suggestion=json.dumps(_meant(one, near), ensure_ascii=False) if near else None,
            help=f"did you mean `{near}`?" if near else f"available: {listed(one.known)}",
        )


def _meant(one: FileValue, near: str) -> str:
    """The corrected path. It is quoted, as braces have a meaning in YAML."""
    return one.path.replace(f"{{{one.name}", f"{{{near}")


def _why(one: FileValue) -> str:
    at_steps = "batch" in one.known
    bare = one.name.removeprefix("val_")
    if one.name == "batch":
        return "but it writes at the end of an epoch: `batch` requires an integer `save_freq`"
    if bare != one.name and bare in one.known:
        return (
            "but it writes at steps, and validation data are measured at the end of an epoch"
            if at_steps
            else "but there is no validation data"
        )
    return "which the run does not log"
