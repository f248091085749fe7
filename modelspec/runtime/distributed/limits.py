"""How long the processes of a run wait for each other."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from ..data.errors import RunError

WAIT: Final = "MODELSPEC_WAIT"
SILENCE: Final = "MODELSPEC_SILENCE"
STEP: Final = "MODELSPEC_STEP"
_DEFAULTS: Final = {WAIT: 300.0, SILENCE: 60.0, STEP: 600.0}
_LONGEST: Final = 7 * 86_400.0


@dataclass(frozen=True)
class Limits:
    """Times in seconds."""

    wait: float = _DEFAULTS[WAIT]
    """How long a process waits for the others before the first step."""
    silence: float = _DEFAULTS[SILENCE]
    """After how long without a sign of life a process is lost: killed, stopped, or disconnected."""
    step: float = _DEFAULTS[STEP]
    """How long a step waits for a process that is alive, but does not finish it."""

    @classmethod
    def here(cls) -> Limits:
        """Those of the environment. Raises `RunError` (MS938) if one of them is not a number."""
        return cls(_seconds(WAIT), _seconds(SILENCE), _seconds(STEP))


def _seconds(name: str) -> float:
    text = os.environ.get(name, "")
    try:
        found = float(text) if text else _DEFAULTS[name]
    except ValueError:
        found = 0.0
    if not 0 < found <= _LONGEST:
        raise RunError.of(
            "MS938",
            f"{name} must be a number of seconds greater than 0, found `{text}`",
            help=f"unset it for the default of {_DEFAULTS[name]:g} s",
        )
    return found
