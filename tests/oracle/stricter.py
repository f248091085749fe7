"""Where modelspec refuses on purpose what Keras takes and could run.

Each row has a witness, a call that shows the difference; `test_layers` runs it, so a row that is no longer needed fails.
A call that Keras takes but that can run with no data at all needs no row: `compare.never_runs` tries it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from modelspec.diagnostics import Fault
from modelspec.shapes import Tensor

from .case import Case


class Stricter(NamedTuple):
    """Faults with this code at this setting of these kinds (None: any), and why."""

    kinds: tuple[str, ...] | None
    code: str
    setting: str | None
    reason: str
    witness: Case

    def covers(self, case: Case, fault: Fault) -> bool:
        setting = fault.path[0] if fault.path else None
        return (self.kinds is None or case.kind in self.kinds) and (self.code, self.setting) == (fault.code, setting)


def _case(kind: str, settings: dict[str, Any], *shapes: tuple[int | None, ...], dtype: str = "float32") -> Case:
    tensors = tuple(Tensor(shape, dtype) for shape in shapes)
    return Case(kind, settings, {"inputs": tensors[0] if len(tensors) == 1 else tensors})


STRICTER: tuple[Stricter, ...] = ()


def is_stricter(case: Case, fault: Fault) -> bool:
    return any(row.covers(case, fault) for row in STRICTER)
