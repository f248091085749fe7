"""Examples with the parts that are used only in training: class weights and augmentation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from modelspec.core.diagnostics import Fault

from .columns import Binding
from .errors import Findings
from .example_weights import class_weights
from .examples import Examples
from .materialise import KEPT, target_of
from .sequences import steps_of
from .split import Positions
from .storage import PreparedSource
from .table import Array
from .variations import at_spans, variations


def weighed(
    examples: Examples,
    source: PreparedSource,
    binding: Binding,
    train: Positions,
    findings: Findings,
) -> Examples:
    """Examples with the parts that are used only in training: class weights, which are counted on
    the rows `train`, and layers that augment examples.
    """
    training = source.compiled.training
    about = {
        name: target_of(
            source.compiled,
            name,
            bound,
            source.state.features["targets", name].layers(bound),
            examples.table,
            source.rows,
        )
        for name, bound in binding.targets.items()
        if name in examples.targets
    }
    chosen = training.class_weights if training else {}
    weights, balanced = class_weights(
        chosen, examples.targets, about, train, findings, _real_steps(source, binding)
    )
    found = replace(examples, class_weights=weights, balanced=balanced)
    try:
        varied = variations(source.compiled, binding, found)
    except Fault as fault:
        findings.extend([at_spans(fault, source.compiled)])
        varied = {}
    return replace(found, augment=varied)


def _real_steps(source: PreparedSource, binding: Binding) -> dict[str, Array]:
    """By output: which steps of a padded target are not padding."""
    found: dict[str, Array] = {}
    for name, kept in source.of_kind(KEPT).items():
        pad, length = binding.targets[name].pad, source.state.features["targets", name]
        if pad is not None and length.length is not None:
            marks = steps_of(kept, length.length, pad)
            found[name] = np.moveaxis(marks, 1, -1) if marks.ndim > 2 else marks
    return found
