"""A name or a pattern that matches no layer of the model."""

from __future__ import annotations

from collections.abc import Sequence

from modelspec.core.diagnostics import nearest

from ..infer import TypedGraph
from ..spec.players_section import PLAYERS
from .case import Case
from .layer_patterns import ONLY, SKIP, TRAINED, all_paths, patterns

_WILD = "*?[]"


def check(case: Case) -> None:
    """Check the patterns of `freeze`, of `lora`, of `skip` in `weights`, and of players."""
    if case.typed is None or case.fitting is None:
        return
    paths: list[str] | None = None  # most specs have no pattern without a layer
    keys = (SKIP, ONLY, TRAINED, *((PLAYERS, one.name, "trains") for one in case.fitting.players))
    others = (patterns(case.typed, case.fitting, key) for key in keys)
    for found in (case.frozen, case.adapted, *others):
        for pattern in found:
            if pattern.named:
                continue
            paths = sorted(all_paths(case.typed)) if paths is None else paths
            near = _meant(pattern.text, paths, case.typed)
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


def _meant(pattern: str, paths: Sequence[str], typed: TypedGraph) -> str | None:
    """The layer that a pattern was most likely meant to name. For the call of a shared layer this
    is the shared layer.
    """
    called = next((call for call in typed.graph.calls if call.name == pattern), None)
    if called is not None and called.shared:
        return called.shared
    return nearest(pattern.translate({ord(sign): None for sign in _WILD}), paths)
