"""Whether XLA compiles the steps of a training with `jit: auto`: the choice of each stage, as the
manifest of the run keeps it.

A resumed run reads the choices, so that it continues with the same steps: XLA computes the same
numbers in another order, and draws other random ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, TypeGuard

from ..history.execution import LENGTHS, MEASURED, NOT_FINITE, REFUSED, SHORT

_OF_A_TRAINING: Final = (MEASURED, SHORT, REFUSED, NOT_FINITE, LENGTHS)
"""The reasons that a training finds out; the others follow from the spec and the devices."""


@dataclass(frozen=True)
class Choice:
    """The choice for a stage."""

    stage: int
    step: int
    """The number of completed steps of the run from which it holds; without XLA before."""
    planned: int
    """The number of steps of the run at which the stage is planned to end."""
    why: str
    xla: bool = False
    step_seconds: float | None = None
    """The measured time of a step without XLA."""
    xla_step_seconds: float | None = None
    """The same with XLA."""
    compile_seconds: float | None = None
    """What the compilation took."""

    def as_json(self) -> dict[str, Any]:
        """Without empty entries."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    @classmethod
    def of_json(cls, value: Any) -> Choice | None:
        """None for a value that no run has written: its file may be from anybody."""
        if not isinstance(value, Mapping):
            return None
        stage, step, planned = (value.get(name) for name in ("stage", "step", "planned"))
        if not (_is_count(stage) and _is_count(step) and _is_count(planned)):
            return None
        why, xla = value.get("why"), value.get("xla")
        if why not in _OF_A_TRAINING or not isinstance(xla, bool) or (xla and why != MEASURED):
            return None
        plain, compiled, compiling = (
            one if _is_time(one) else None for one in map(value.get, _SECONDS)
        )
        return cls(stage, step, planned, why, xla, plain, compiled, compiling)


_SECONDS: Final = ("step_seconds", "xla_step_seconds", "compile_seconds")


class Choices:
    """The choices of a run, with at most one for each stage."""

    def __init__(self, *, auto: bool) -> None:
        self.auto = auto
        """Whether the spec leaves the choice to the run."""
        self._by_stage: dict[int, Choice] = {}
        self._write: Callable[[list[dict[str, Any]]], None] = lambda entries: None

    def keep(self, execution: Any, write: Callable[[list[dict[str, Any]]], None]) -> None:
        """Continue with the choices in the `execution` of a manifest; `write` writes new ones."""
        self._write = write
        recorded = execution.get("jit") if isinstance(execution, Mapping) else None
        listed: Iterable[Any] = recorded if self.auto and isinstance(recorded, list) else ()
        for one in map(Choice.of_json, listed):
            if one is not None:
                self._by_stage[one.stage] = one

    def of(self, stage: int, planned: int) -> Choice | None:
        """The choice for a stage that is planned to end at this step, if it was made. One for too
        few steps does not hold for more of them.
        """
        found = self._by_stage.get(stage)
        return None if found and found.why == SHORT and found.planned < planned else found

    def make(self, choice: Choice, *, write: bool = True) -> None:
        """Keep a choice; `write` it at once if it cannot be made again from the spec alone."""
        self._by_stage[choice.stage] = choice
        if write:
            self._write(self.as_json())

    def as_json(self) -> list[dict[str, Any]]:
        """In the order of the stages."""
        return [one.as_json() for _, one in sorted(self._by_stage.items())]


def _is_count(value: Any) -> TypeGuard[int]:
    return type(value) is int and value >= 0


def _is_time(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and value >= 0
