"""The data of the stages of a training. A stage uses the parts of the spec: it may choose some of
the training examples (`where`), vary them in another way, and weigh their classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.stages import Stage
from modelspec.core.diagnostics import Fault
from modelspec.core.source import plain

from .errors import Findings
from .examples import Part, Prepared, sizes_of
from .filtered import FilteredTable, filtered
from .idle_steps import check_idle_steps
from .parts import check_batches
from .prepare import prepare
from .spec_facts import compared_outputs, section
from .split import Positions
from .variations import at_spans, variations

_PREPARED_BY: Final = ("loss", "class_weight")
"""The keys of `training` that determine the form of targets and their weights."""


def with_stages(prepared: Prepared, load: Callable[[], None]) -> Prepared:
    """The same with the data of each stage. Raises `DataError`: MS838 if a stage has no training
    examples, and as `prepare` does.
    """
    compiled = prepared.compiled
    stages = tuple(
        _of_stage(prepared, one, stage, load)
        for one, stage in zip(compiled.stages, compiled.training_stages, strict=True)
    )
    warnings = (*prepared.warnings, *(one for stage in stages for one in stage.warnings))
    return replace(prepared, stages=stages, warnings=tuple(dict.fromkeys(warnings)))


def _of_stage(
    prepared: Prepared, compiled: Compiled, stage: Stage, load: Callable[[], None]
) -> Prepared:
    if _prepared_by(compiled) == _prepared_by(prepared.compiled):
        found = replace(prepared, compiled=compiled, warnings=())
    else:
        found = replace(prepare(compiled, state=prepared.state, load=load), warnings=())
    findings = Findings()
    train = _varied(found, stage, findings)
    if stage.data.where is not None:
        train = _chosen(found, train, stage, findings)
    parts = {**found.parts, "train": train}
    counts = sizes_of(parts)
    check_batches(compiled, section(compiled), counts, findings)
    check_idle_steps(compiled, counts, findings)
    findings.stop_if_wrong()
    new = tuple(one for one in findings.diagnostics if one not in prepared.warnings)
    return replace(found, parts=parts, warnings=new)


def _prepared_by(compiled: Compiled) -> list[object]:
    """What the prepared arrays depend on, besides the data."""
    assert compiled.training is not None
    entries = compiled.training.node.entries
    written = (plain(entries[key].value) if key in entries else None for key in _PREPARED_BY)
    return [sorted(compared_outputs(compiled.training)), *written]


def _varied(found: Prepared, stage: Stage, findings: Findings) -> Part:
    """The training part with the layers that vary the examples of the stage."""
    train = found.parts["train"]
    if stage.data.augment is None:
        return train
    plain_examples = replace(train.examples, augment={})
    try:
        varied = variations(found.compiled, found.binding, plain_examples)
    except Fault as fault:
        findings.extend([at_spans(fault, found.compiled)])
        return train
    return replace(train, examples=replace(plain_examples, augment=varied))


def _chosen(found: Prepared, train: Part, stage: Stage, findings: Findings) -> Part:
    """The examples of the training part that `where` of the stage keeps; MS838 if there are none.
    A window is kept if its last row is.
    """
    where, table = stage.data.where, train.examples.table
    assert where is not None
    data = replace(section(found.compiled), where=where)
    kept = filtered(
        table, replace(found.compiled, data=data), found.binding, findings, state=found.state
    )
    findings.stop_if_wrong()
    assert isinstance(kept, FilteredTable)
    positions = _positions(train, kept.rows)
    if not len(positions):
        findings.error(
            "MS838",
            f"`where` of the stage `{stage.name}` keeps none of the {len(train):,} training"
            f" examples of {table.name}",
            where.node.span,
            help="the rows that it keeps are in other parts; change the condition, or the split",
        )
        findings.stop_if_wrong()
    return replace(train, positions=positions)


def _positions(train: Part, kept: Positions) -> Positions:
    """The positions of the examples whose row is kept."""
    rows = train.examples.rows
    own = train.positions if rows is None else rows[train.positions]
    return train.positions[np.isin(own, kept)]
