"""`lora` beside settings that contradict it: frozen layers, layers that are trained in full, and
stages.
"""

from __future__ import annotations

from modelspec.core.source import locate

from ..infer.low_rank import covered
from ..spec.initial_weights import PatternSet
from .case import Case
from .layer_patterns import TRAINED, patterns


def check(case: Case) -> None:
    """Report adapters that would not be trained, and layers that are selected twice."""
    training = case.fitting
    if case.typed is None or training is None:
        return
    if any(one.training.lora is not None for one in training.stages):
        case.report.error(
            "MS579",
            "`lora` and `stages` cannot be used together: a stage cannot add or remove weights",
            locate(training.node, ("lora",)) or training.span,
            help="train the stages and the adapters in two runs: `weights` starts from a file",
        )
        return
    for pattern in case.adapted:
        match = PatternSet((pattern.text,))
        frozen = [
            one.path
            for one in case.adaptable
            if one.frozen and one.excluded_by is None and covered(match, one.path)
        ]
        if frozen:
            case.report.error(
                "MS579",
                f"`lora` adds adapters to `{frozen[0]}`, which is frozen: they would not be"
                " trained",
                pattern.span,
                help="remove it from `freeze`, or remove its `trainable: false`: with `lora`, all"
                " other weights are frozen anyway",
            )
    _selected_twice(case)


def _selected_twice(case: Case) -> None:
    assert case.typed is not None and case.fitting is not None
    for pattern in patterns(case.typed, case.fitting, TRAINED):
        match = PatternSet((pattern.text,))
        adapters = (one for one in case.adaptable if one.call.adapters is not None)
        both = next((one.path for one in adapters if covered(match, one.path)), None)
        if both is not None:
            case.report.error(
                "MS579",
                f"`train` and `layers` of `lora` both match `{both}`: a layer with adapters is"
                " not trained in full",
                pattern.span,
                help="choose one of them for each layer",
            )
