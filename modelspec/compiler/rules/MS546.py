"""XLA in a deterministic run."""

from __future__ import annotations

from modelspec.core.source import locate

from .case import Case


def check(case: Case) -> None:
    """XLA has no deterministic implementation of some operations: Keras disables it when
    determinism is enabled.
    """
    if case.training is None or case.file is None:
        return
    if case.file.runtime.jit is True and case.file.runtime.deterministic:
        case.report.warning(
            "MS546",
            "`jit: true` has no effect: Keras disables XLA in a `deterministic` run",
            locate(case.file.root, ("runtime", "jit"), key=True),
            help="add `deterministic: false`, or leave `jit` out",
        )
