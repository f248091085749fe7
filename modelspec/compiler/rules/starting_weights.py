"""The file of `training.weights` of a spec, and the tensors in it, as far as they can be read
without a framework.
"""

from __future__ import annotations

from modelspec.core.diagnostics import Span
from modelspec.core.paths import reached
from modelspec.core.places import is_address
from modelspec.core.records import NamedTuple
from modelspec.core.source import locate
from modelspec.core.source.safetensors_header import Shapes, safetensors_shapes

from ..infer.weight_names import NamedWeight, named_weights
from ..spec.initial_weights import InitialWeights
from .case import Case


class Starting(NamedTuple):
    """The initial weights of a training."""

    settings: InitialWeights
    span: Span
    """Where the file is named."""
    weights: list[NamedWeight]
    """Those of the model."""

    def span_of(self, case: Case, *path: str | int) -> Span:
        """The place of a setting."""
        assert case.training is not None
        return locate(case.training.node, ("weights", *path)) or self.span


def starting(case: Case) -> Starting | None:
    """The initial weights of a training, if all layers are known."""
    typed, training = case.typed, case.fitting
    if typed is None or training is None or training.weights is None:
        return None
    if len(typed.layers) < len(typed.graph.calls):
        return None
    node = training.node
    span = locate(node, ("weights", "path")) or locate(node, ("weights",)) or training.span
    return Starting(training.weights, span, named_weights(typed))


def shapes_in(case: Case, path: str) -> Shapes | None:
    """The shapes of the tensors of a file; None if they cannot be read here: in another format, or
    from another place. The training reports a file that does not exist.
    """
    if case.file is None or is_address(path) or not path.lower().endswith(".safetensors"):
        return None
    try:
        found = reached(path, case.file.context)
    except (OSError, RuntimeError, ValueError):
        return None
    return None if found is None else safetensors_shapes(found)
