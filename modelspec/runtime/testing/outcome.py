"""The outcome of the test of one spec."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from modelspec.core.diagnostics import Diagnostic

from ..history.decide import Decision

State: TypeAlias = Literal[
    "errors", "checked", "passed", "unmet", "failed", "interrupted", "left out"
]
BAD: Final[tuple[State, ...]] = ("errors", "failed", "unmet", "interrupted")
"""The failing states; the first that occurs determines the exit status."""
WORDS: Final[Mapping[State, str]] = {
    "errors": "has errors",
    "checked": "checked",
    "passed": "passed",
    "unmet": "not met",
    "failed": "failed",
    "interrupted": "interrupted",
    "left out": "left out",
}


FAILED: Final = "the run failed"
"""The start of the message for a run that failed without a fault."""


@dataclass(frozen=True)
class Outcome:
    """The outcome for one spec."""

    file: str
    """As passed, or below the passed folder."""
    name: str
    state: State
    diagnostics: tuple[Diagnostic, ...] = ()
    decisions: tuple[Decision, ...] = ()
    """The decisions on the measured expectations."""
    run: Path | None = None
    """The folder of its run; None without one."""
    reused: str | None = None
    """The source of its numbers without training: `baseline`, `run`; otherwise None."""
    reason: str = ""
    """Why it was, or was not, trained."""
    fault: str = ""
    """Why it failed, or did not finish."""
    seconds: float = 0.0
    """The duration of the test."""
    output: str = ""
    """The output of its process."""
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_bad(self) -> bool:
        return self.state in BAD

    @property
    def explains_itself(self) -> bool:
        """Whether the faults state why a run failed, so that its output adds nothing."""
        return self.state != "failed" or not any(
            one.message.startswith(FAILED) for one in self.diagnostics
        )

    @property
    def explanation(self) -> str:
        """The source of its numbers, and the reason; empty without a reason."""
        if not self.reason:
            return ""
        trained = self.run is not None and self.state != "left out"
        how = "reused" if self.reused else "trained" if trained else "not trained"
        return f"{how}: {self.reason}"

    @property
    def words(self) -> str:
        """`passed (reused)`."""
        return WORDS[self.state] + (" (reused)" if self.reused else "")

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "file": self.file,
            "name": self.name,
            "state": self.state,
            "reused": self.reused,
            "run": str(self.run) if self.run is not None else None,
            "reason": self.reason,
            "fault": self.fault or None,
            "seconds": round(self.seconds, 3),
            "expectations": {one.key: one.as_json() for one in self.decisions},
            "diagnostics": [one.to_dict() for one in self.diagnostics],
        }


def summary(outcomes: Iterable[Outcome]) -> str:
    """`8 specs: 1 not met, 5 passed (4 reused), 2 checked`."""
    found = list(outcomes)
    parts = []
    for state, words in WORDS.items():
        count = sum(one.state == state for one in found)
        reused = sum(one.state == state and one.reused is not None for one in found)
        if count:
            parts.append(f"{count} {words}" + (f" ({reused} reused)" if reused else ""))
    noun = "spec" if len(found) == 1 else "specs"
    return f"{len(found)} {noun}: {', '.join(parts)}" if parts else "0 specs"
