"""Ends commands whose run failed or was interrupted."""

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
    """Reports a `RunError` or an interruption, and exits with its status.

    `interrupted` and `status_` apply where no training had started.
    """
    from modelspec.runtime.distributed.supervised import workers_option
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
            f"interrupted by {error.signal} after {epochs}{steps}; to continue: modelspec resume"
            f" {error.directory}{workers_option()}",
            sys.stderr,
        )
        sys.exit(status.INTERRUPTED)
    except Abandoned as error:
        write(
            f"stopped; to continue from the last checkpoint: modelspec resume {error.directory}",
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


_OF_ARGUMENTS = (
    *("MS711", "MS760", "MS774", "MS787", "MS788", "MS789", "MS790", "MS791"),
    *("MS792", "MS793", "MS794", "MS795", "MS796", "MS798", "MS916"),
)
"""Faults of arguments: an unknown format, a path that cannot be written, an unknown weight, or a
decoding, a search or a generation that does not fit the run.
"""


_OF_SPEC = ("MS705", "MS810")
"""Faults of a spec that appear only with its data or in training: missing sections, unmet
expectations of the model.
"""


_OF_OTHERS = ("MS939", "MS940", "MS942")
"""Faults of other processes of the run, or of its network: the same command may succeed later."""


def _status(error: RunError) -> int:
    """The status of an error. A fault of the spec that appears only with its data or in training,
    such as an `auto` size, has the status of a spec with errors.
    """
    errors = [one for one in error.diagnostics if one.severity == "error"]
    codes = [one.code for one in errors]
    if codes and all(code in _OF_ARGUMENTS for code in codes):
        return status.USAGE
    if codes and all(code in _OF_OTHERS for code in codes):
        return status.INTERRUPTED
    # Data of a spec have a place in it; those of `--data` have none.
    if errors and all(one.code == "MS601" and one.span is None for one in errors):
        return status.USAGE
    return (
        status.ERRORS if all(code[2] < "6" or code in _OF_SPEC for code in codes) else status.FAILED
    )
