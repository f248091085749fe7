"""`names` of the initial weights names a weight that the model does not have."""

from __future__ import annotations

from modelspec.core.diagnostics import did_you_mean, listed, nearest
from modelspec.core.source import Mapping, find

from .case import Case
from .starting_weights import starting


def check(case: Case) -> None:
    """Compare the keys of `names` with the weights of the model."""
    found = starting(case)
    if found is None or not found.settings.names:
        return
    assert case.training is not None
    known = {name for one in found.weights for name in one.names}
    node = find(case.training.node, ("weights", "names"))
    for name in found.settings.names:
        if name in known:
            continue
        entry = node.entries.get(name) if isinstance(node, Mapping) else None
        near = nearest(name, known)
        first = [one.names[0] for one in found.weights[:5]]
        case.report.error(
            "MS545",
            f"`names` names `{name}`, which is not a weight of the model",
            entry.key_span if entry is not None else found.span,
            suggestion=near,
            help=did_you_mean(near, f"weights of the model: {listed(first)}"),
        )
