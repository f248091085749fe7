"""The `data` section to arrays that a model takes: opened, looked through, cut, learned from,
prepared and checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from modelspec.compiler.infer import TypedGraph, infer
from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.rules import lint
from modelspec.compiler.spec.data_section import Chain, DataSection
from modelspec.compiler.spec.training_section import Training
from modelspec.core.diagnostics import Diagnostic, Fault
from modelspec.core.shapes import PENDING

from .adapt import check_transforms, learn
from .adapted_state import State
from .cache import Explanation
from .columns import Binding, bind, bound_of
from .conform import resolved_shapes
from .errors import DataError, Findings
from .example_weights import check_weights, class_weights
from .materialise import about_target
from .parts import Counted, check_batches, cut
from .scan import Survey, survey
from .sources import open_source
from .split import Positions, everything
from .storage import Keeper, Kept
from .table import Array, Table
from .targets import Target
from .transforms import load_keras

Arrays = Mapping[str, Array]


@dataclass(frozen=True)
class Examples:
    """The examples of one source, as the model takes them; the first axis of every array counts
    them.
    """

    inputs: Arrays
    """By model input."""
    targets: Arrays
    """By model output; empty where they were not asked for."""
    count: int
    table: Table
    outputs: tuple[str, ...]
    """The model's outputs, those without targets included."""
    rows: Array | None = None
    """Where each example stands in the source; None: in its own place."""
    weights: Array | None = None
    """How much each example counts, wherever it is used."""
    class_weights: Arrays = field(default_factory=dict)
    """By output: how much each example counts in training for its class."""
    augment: Mapping[str, Chain] = field(default_factory=dict)
    """By input: layers that vary the examples in training."""


@dataclass(frozen=True)
class Part:
    """Some of the examples of a source."""

    examples: Examples
    positions: Positions
    """Which, in ascending order."""

    def __len__(self) -> int:
        return len(self.positions)


@dataclass(frozen=True)
class Prepared:
    """Everything that training needs of the data."""

    compiled: Compiled
    """The spec with every `auto` known."""
    binding: Binding
    parts: Mapping[str, Part]
    """`train`, and `validation` and `test` where there are any."""
    warnings: tuple[Diagnostic, ...]
    state: State = field(default_factory=lambda: State({}))
    """What was learned from the training split."""
    cache: tuple[Explanation, ...] = ()
    """What became of the prepared data of each source."""

    def save(self, folder: Path) -> None:
        """Puts what `evaluate` and `predict` need beside the model into a run folder. Raises
        `OSError`.
        """
        if not self.state.empty:
            self.state.save(folder)


def prepare(
    compiled: Compiled, *, state: State | None = None, load: Callable[[], None] = load_keras
) -> Prepared:
    """Opens, checks and prepares the data of a spec that has a `data` section.

    `state` is what an earlier run learned; without it, it is learned from the training split.
    `load` loads Keras, and is called when the data as they were read are known to be right, and
    only where there is something to prepare. Raises `DataError` with everything that is wrong with
    the data, and `RunError`.
    """
    data = section(compiled)
    tables = {
        part: open_source(source, compiled.file.context, data.source_spans.get(part))
        for part, source in data.sources.items()
    }
    binding = bind(
        data, _inputs(compiled), trained_outputs(compiled, tables["train"]), tables["train"]
    )
    findings = Findings()
    for opened in tables.values():
        findings.extend(opened.warnings)
    keeper = Keeper(compiled, data, binding, load, tables["train"].fingerprint)
    found = keeper.find(tables["train"])
    if state is not None and (found is None or found.state.digest() != state.digest()):
        found, keeper = (
            None,
            replace(keeper, own=None),
        )  # what another run learned is not what this source says
    if found is None:
        sources = _surveys(tables, binding, compiled, state, findings)
        parts = _cut(compiled, data, sources, findings)
        state = state if state is not None else _learned(sources["train"], parts["train"], load)
        kept = keeper.make(sources["train"], state, findings)
    else:
        state, kept = found.state, found
        others = {part: table for part, table in tables.items() if part != "train"}
        sources = _surveys(others, binding, compiled, state, findings)
        parts = _cut(
            compiled,
            data,
            sources,
            findings,
            {"train": Counted(tables["train"], kept.count, kept.rows)},
        )
    compiled = kept.compiled
    keeper = replace(keeper, compiled=compiled)
    made = {
        "train": kept,
        **{
            part: keeper.make(one, state, findings)
            for part, one in sources.items()
            if part != "train"
        },
    }
    examples = {
        part: _examples(one, tables[part], compiled, data, findings) for part, one in made.items()
    }
    findings.stop_if_wrong()
    examples["train"] = _weighed(
        examples["train"], kept, binding, compiled, parts["train"], findings
    )
    found_parts = {
        part: Part(examples.get(part, examples["train"]), positions)
        for part, positions in parts.items()
    }
    check_batches(compiled, data, {part: len(one) for part, one in found_parts.items()}, findings)
    findings.stop_if_wrong()
    return Prepared(
        compiled,
        binding,
        found_parts,
        findings.diagnostics,
        state,
        tuple(one.explanation for one in made.values()),
    )


def prepare_source(
    compiled: Compiled,
    table: Table,
    *,
    with_targets: bool,
    state: State | None = None,
    load: Callable[[], None] = load_keras,
) -> tuple[Examples, tuple[Diagnostic, ...]]:
    """The examples of another source, for a spec whose sizes are known; and warnings. Raises
    `DataError`.

    `state` is what the run learned. Without targets every row is an example, whatever it lacks.
    """
    trained = _trained(compiled.training) if with_targets else ()
    data = section(compiled)
    binding = bind(data, _inputs(compiled), trained, table, with_targets=with_targets)
    findings = Findings()
    findings.extend(table.warnings)
    seen = survey(
        table, binding, compiled, findings, state=state, with_targets=with_targets, once=True
    )
    findings.stop_if_wrong()
    assert seen is not None
    check_transforms(seen)
    if state is None:
        state = _learned(seen, everything(seen.kept), load)
    keeper = Keeper(compiled, replace(data, cache="off"), binding, load, once=True)
    examples = _examples(keeper.make(seen, state, findings), table, compiled, data, findings)
    findings.stop_if_wrong()
    return examples, findings.diagnostics


def whole(examples: Examples) -> Part:
    """All examples of a source."""
    return Part(examples, everything(examples.count))


def binding_of(compiled: Compiled) -> Binding:
    """The columns that the spec itself names, before any source is open."""
    data = section(compiled)
    return Binding(
        *(
            {name: bound_of(one, data, (key, name)) for name, one in (features or {}).items()}
            for key, features in (("inputs", data.inputs), ("targets", data.targets))
        )
    )


def section(compiled: Compiled) -> DataSection:
    """The data section of a spec that has one."""
    assert compiled.data is not None, "the spec has no data section"
    return compiled.data


def _typed(compiled: Compiled) -> TypedGraph:
    assert compiled.graph is not None, "the spec has errors"
    return compiled.graph


def _inputs(compiled: Compiled) -> tuple[str, ...]:
    return tuple(_typed(compiled).inputs)


def trained_outputs(compiled: Compiled, table: Table) -> tuple[str, ...]:
    """The outputs that something is measured against; without a `training` section those that have
    targets.
    """
    if compiled.training is not None:
        return _trained(compiled.training)
    targets, outputs = section(compiled).targets, tuple(_typed(compiled).outputs)
    if targets is not None:
        return tuple(targets)
    return outputs if len(outputs) == 1 and table.default_target is not None else ()


def _trained(training: Training | None) -> tuple[str, ...]:
    """The outputs that something is measured against."""
    if training is None:
        return ()
    return tuple(dict.fromkeys((*training.losses, *training.metrics, *training.weighted_metrics)))


# Stages -------------------------------------------------------------------------------------------


def _surveys(
    tables: Mapping[str, Table],
    binding: Binding,
    compiled: Compiled,
    state: State | None,
    findings: Findings,
) -> dict[str, Survey]:
    found = {
        part: survey(table, binding, compiled, findings, state=state)
        for part, table in tables.items()
    }
    findings.stop_if_wrong()
    known = {part: one for part, one in found.items() if one is not None}
    for one in known.values():
        check_transforms(one)
    return known


def _cut(
    compiled: Compiled,
    data: DataSection,
    sources: Mapping[str, Survey],
    findings: Findings,
    known: Mapping[str, Counted] | None = None,
) -> dict[str, Positions]:
    counted = {
        **(known or {}),
        **{part: Counted(one.table, one.kept, one.rows) for part, one in sources.items()},
    }
    found = cut(compiled, data, counted, findings)
    findings.stop_if_wrong()
    return found


def _learned(source: Survey, train: Positions, load: Callable[[], None]) -> State:
    if any(one.bound.chain is not None for one in source.seen.values()):
        load()
    return learn(source, train)


def _examples(
    kept: Kept, table: Table, compiled: Compiled, data: DataSection, findings: Findings
) -> Examples:
    """Arrays by what they are for."""
    inputs = {
        name.partition("/")[2]: one
        for name, one in kept.arrays.items()
        if name.startswith("inputs/")
    }
    targets = {
        name.partition("/")[2]: one
        for name, one in kept.arrays.items()
        if name.startswith("targets/")
    }
    weights = kept.arrays.get("weights")
    if weights is not None and data.weights is not None:
        check_weights(
            weights, data.weights, table, kept.rows, data.spans.get(("weights",)), findings
        )
    return Examples(
        inputs, targets, kept.count, table, tuple(_typed(compiled).outputs), kept.rows, weights
    )


def _weighed(
    examples: Examples,
    kept: Kept,
    binding: Binding,
    compiled: Compiled,
    train: Positions,
    findings: Findings,
) -> Examples:
    """With what holds in training alone: weights of classes, and layers that vary examples."""
    chosen = compiled.training.class_weights if compiled.training else {}
    about: dict[str, Target] = {
        name: about_target(
            compiled,
            name,
            bound,
            kept.state.features["targets", name].layers(bound),
            examples.table,
            kept.rows,
        )
        for name, bound in binding.targets.items()
        if name in examples.targets
    }
    weights = class_weights(chosen, examples.targets, about, train, findings)
    return replace(examples, class_weights=weights, augment=section(compiled).augment)


def resolve_auto(compiled: Compiled, inputs: Arrays) -> Compiled:
    """The spec with every `auto` size taken from the data, and its types inferred anew.

    Raises `DataError` where the data does not fit, or the model does not fit the data's sizes
    (codes of the model).
    """
    typed = _typed(compiled)
    shapes = {name: tensor.shape for name, tensor in typed.inputs.items()}
    if not any(PENDING in shape for shape in shapes.values()):
        return compiled
    try:
        known = resolved_shapes(inputs, shapes)
    except Fault as fault:
        span = section(compiled).spans.get(("inputs", str(fault.path[0])))
        raise DataError([fault.at(span)]) from None
    declared = tuple(replace(one, shape=known[one.name][1:]) for one in typed.graph.inputs or ())
    checked = infer(replace(typed.graph, inputs=declared))
    found = (*checked.diagnostics, *lint(checked.value, compiled.training, compiled.data))
    if any(one.severity == "error" for one in found):
        raise DataError(found)
    return replace(compiled, graph=checked.value)


__all__ = ["Examples", "Part", "Prepared", "prepare", "prepare_source", "resolve_auto", "whole"]
