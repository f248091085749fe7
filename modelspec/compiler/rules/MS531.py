"""A name or a pattern that no layer of the model has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modelspec.core.diagnostics import nearest

from .case import Case
from .layer_patterns import SKIP, all_paths, patterns

_WILD = "*?[]"


def check(case: Case) -> None:
    """What `freeze` names, and what `weights` skips."""
    if case.typed is None or case.fitting is None:
        return
    paths = sorted(all_paths(case.typed))
    called = {call.name: call.shared for call in case.typed.graph.calls if call.shared}
    for found in (case.frozen, patterns(case.typed, case.fitting, SKIP)):
        for pattern in found:
            if pattern.named:
                continue
            near = _meant(pattern.text, paths, called)
            exact = near if near and not any(sign in pattern.text for sign in _WILD) else None
            case.report.error(
                "MS531",
                f"no layer of the model is named `{pattern.text}`",
                pattern.span,
                suggestion=exact,
                help=(
                    f"did you mean `{near}`?"
                    if near
                    else "`modelspec show` lists the names of its layers"
                ),
            )


def _meant(pattern: str, paths: Sequence[str], called: Mapping[str, str]) -> str | None:
    """The layer that a pattern was most likely meant to name: for a call of something shared
    (`called`, by the name of the call), what is called.
    """
    if pattern in called:
        return called[pattern]
    return nearest(pattern.translate({ord(sign): None for sign in _WILD}), paths)
