"""XLA on several devices."""

from __future__ import annotations

from modelspec.core.source import locate

from .case import Case
from .several_devices import asks_for_xla, jit_help


def check(case: Case) -> None:
    """Steps on several devices are not compiled. MS546 reports `jit: true` in a deterministic run,
    where it has no effect on one device either.
    """
    if case.training is None or case.file is None:
        return
    runtime = case.file.runtime
    if runtime.has_several_devices and asks_for_xla(runtime):
        case.report.warning(
            "MS933",
            "`jit: true` has no effect: steps on several devices are not compiled with XLA",
            locate(case.file.root, ("runtime", "jit"), key=True),
            help=jit_help(),
        )
