"""The path of a file that a callback writes, with a value in it that the run does not log."""

from __future__ import annotations

import json

from modelspec.core.diagnostics import listed

from .case import Case
from .logged_quantities import FileValue, nearest_logged


def check(case: Case) -> None:
    """Everything in braces."""
    for one in case.file_values:
        if one.is_known:
            continue
        near = nearest_logged(one.name, one.known)
        case.report.error(
            "MS562",
            f"the `filepath` of `{one.callback.written}` names `{one.name}`, {_why(one)}",
            one.span,
            suggestion=json.dumps(_meant(one, near), ensure_ascii=False) if near else None,
            help=f"did you mean `{near}`?" if near else f"there are {listed(one.known)}",
        )


def _meant(one: FileValue, near: str) -> str:
    """The path with the value that was meant. It is put in quotes: YAML has its own braces."""
    return one.path.replace(f"{{{one.name}", f"{{{near}")


def _why(one: FileValue) -> str:
    at_steps = "batch" in one.known
    bare = one.name.removeprefix("val_")
    if one.name == "batch":
        return "but it writes at the end of an epoch: only `save_freq` as a number has batches"
    if bare != one.name and bare in one.known:
        return (
            "but validation data are measured at the end of an epoch, and it writes at steps"
            if at_steps
            else "but there is no validation data"
        )
    return "which the run does not log"
