"""How a command that runs something ends where the run does not."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from . import status
from .output import report, write

if TYPE_CHECKING:
    from modelspec.runtime.run import RunError


@contextmanager
def failures(
    interrupted: str = "interrupted", status_: int = status.KILLED_BY_INTERRUPT
) -> Iterator[None]:
    """Tells of a `RunError` or an interruption, and exits with its status.

    `interrupted` and `status_` are for an interruption before any training began, or without one.
    """
    from modelspec.runtime.run import Abandoned, Interrupted, RunError

    try:
        yield
    except Interrupted as error:
        epochs = "1 epoch" if error.epochs == 1 else f"{error.epochs} epochs"
        steps = (
            ""
            if not error.step
            else " and 1 step"
            if error.step == 1
            else f" and {error.step} steps"
        )
        write(
            f"interrupted by {error.signal} after {epochs}{steps}; to go on: modelspec resume"
            f" {error.directory}",
            sys.stderr,
        )
        sys.exit(status.INTERRUPTED)
    except Abandoned as error:
        write(
            f"ended at once; modelspec resume {error.directory} goes on from the last checkpoint",
            sys.stderr,
        )
        sys.exit(status.KILLED_BY_INTERRUPT)
    except KeyboardInterrupt:
        write(interrupted, sys.stderr)
        sys.exit(status_)
    except RunError as error:
        if os.environ.get("MODELSPEC_TRACEBACK"):
            import traceback

            traceback.print_exception(error)
        report(error.diagnostics, sys.stderr)
        sys.exit(_status(error))


_OF_OUTPUTS = ("MS711", "MS760", "MS774")
"""An output of a format that there is none of, in a place that cannot be written, or of a weight
that no layer has.
"""


def _status(error: RunError) -> int:
    """A fault that only the data, or the want to train, shows in a spec is still the spec's: sizes
    that were `auto`.
    """
    errors = [one for one in error.diagnostics if one.severity == "error"]
    codes = [one.code for one in errors]
    if codes and all(code in _OF_OUTPUTS for code in codes):
        return status.USAGE
    # Data that a spec names have a place in that spec; those of `--data` have none.
    if errors and all(one.code == "MS601" and one.span is None for one in errors):
        return status.USAGE
    return (
        status.ERRORS if all(code[2] < "6" or code == "MS705" for code in codes) else status.FAILED
    )
