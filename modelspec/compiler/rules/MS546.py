"""XLA beside determinism."""

from __future__ import annotations

from modelspec.core.source import locate

from .case import Case


def check(case: Case) -> None:
    """XLA has no deterministic form of some operations: Keras turns it off for all where
    determinism is asked for.
    """
    if case.training is None or case.file is None:
        return
    if case.file.runtime.jit is True and case.file.runtime.deterministic:
        case.report.warning(
            "MS546",
            "XLA (`jit: true`) compiles nothing in a training that is `deterministic`",
            locate(case.file.root, ("runtime", "jit"), key=True),
            help="write `deterministic: false` beside it, or leave `jit` out",
        )
