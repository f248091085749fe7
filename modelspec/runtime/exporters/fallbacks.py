"""Formats that support some models with preparation, some without, and some not at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from modelspec.core.diagnostics import listed

from ..data import RunError
from .job import Job
from .written import Written

_LACKING = re.compile(r"'(?:tf|tfl)\.(\w+)' op is neither")


def first_that_works(
    job: Job, name: str, attempt: Callable[[bool], Written], allowed: float
) -> Written:
    """The model with its preparation; without it, and with a notice, if the format does not support
    it, or computes it with too little precision.

    Raises `RunError` (MS763) if it supports neither.
    """
    notices: list[str] = []
    if job.half is not None:
        notices.append(f"it computes in float32, but the run in {job.half}")
    if job.wants_preparing and not job.preparing.empty:
        found = _with_preparation(job, name, attempt, allowed)
        if isinstance(found, Written):
            return _with_notices(found, notices)
        notices.append(
            f"the preparation is left out ({found}): pass the prepared inputs of the model"
        )
    return _with_notices(_last(name, [lambda: attempt(False)]), notices)


def _with_preparation(
    job: Job, name: str, attempt: Callable[[bool], Written], allowed: float
) -> Written | str:
    """The model with its preparation, or the reason why it is left out."""
    if job.preparing.has_text:
        return f"{name} does not support string operations"
    if (alone := job.preparing.alone) is not None:
        return f"the preparation of `{alone}` runs one example at a time"
    try:
        written = attempt(True)
        difference = job.compare(written)
    except RunError:
        raise
    except Exception as error:  # noqa: BLE001  # converters raise any exception
        return f"{name} does not support it ({said(error)})"
    if not difference <= allowed:
        return f"{name} computes it with too little precision (difference {difference:.2g})"
    return written


def _last(name: str, attempts: Sequence[Callable[[], Written]]) -> Written:
    problem = ""
    for attempt in attempts:
        try:
            return attempt()
        except RunError:
            raise
        except Exception as error:  # noqa: BLE001  # as above
            problem = said(error)
    raise RunError.of(
        "MS763",
        f"{name} does not support this model: {problem}",
        help="export to `saved_model` or `keras`",
    )


def _with_notices(written: Written, notices: Sequence[str]) -> Written:
    return replace(written, notices=(*notices, *written.notices))


def said(error: Exception) -> str:
    """The short form of an error message."""
    return sentence(str(error)) or type(error).__name__


def sentence(text: str) -> str:
    """The message of a converter: the operations that it lacks, otherwise its first line."""
    lacking = sorted(set(_LACKING.findall(text)))
    if lacking:
        return f"it has no operation for {listed([*lacking[:5]])}"
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return first if len(first) <= 200 else first[:197] + "..."
