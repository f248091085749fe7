"""The `data` section to arrays that a model takes: opened, bound, arranged, checked and split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..diagnostics import Diagnostic, Fault
from ..infer import TypedGraph, infer
from ..lint import lint
from ..pipeline import Compiled
from ..shapes import PENDING, Tensor
from ..spec.data import DataSection
from ..spec.training import Training
from .checks import check_count, check_lookups, lookups
from .columns import Binding, Wanted, bind, gather, unequal_lengths
from .errors import DataError, Findings
from .fitting import arrange, bind_sizes, cast, resolved_shapes
from .sources import open_source
from .split import Positions, everything, split
from .table import Array, Table
from .targets import Target, fit_target, loss_of

Arrays = Mapping[str, Array]


@dataclass(frozen=True)
class Examples:
    """The examples of one source, as the model takes them; the first axis of every array counts them."""

    inputs: Arrays
    """By model input."""
    targets: Arrays
    """By model output; empty where they were not asked for."""
    count: int
    table: Table
    outputs: tuple[str, ...]
    """The model's outputs, those without targets included."""


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


def prepare(compiled: Compiled) -> Prepared:
    """Opens and checks the data of a spec that has a `data` section.

    Raises `DataError` with everything that is wrong with it. Loads no framework.
    """
    data = _section(compiled)
    tables = {
        part: open_source(source, compiled.file.context, data.source_spans.get(part))
        for part, source in data.sources.items()
    }
    binding = bind(data, _inputs(compiled), _trained(compiled.training), tables["train"])
    findings = Findings()
    raw = {part: _gather(table, binding, compiled, findings) for part, table in tables.items()}
    findings.stop_if_wrong()
    compiled = resolve_auto(compiled, raw["train"].inputs)
    examples = {part: _fit(raw[part], table, binding, compiled, findings) for part, table in tables.items()}
    findings.stop_if_wrong()
    parts = _parts(compiled, data, examples, findings)
    _check_batches(compiled, data, parts, findings)
    findings.stop_if_wrong()
    return Prepared(compiled, binding, parts, findings.diagnostics)


def prepare_source(compiled: Compiled, table: Table, *, with_targets: bool) -> tuple[Examples, tuple[Diagnostic, ...]]:
    """The examples of another source, for a spec whose sizes are known; and warnings. Raises `DataError`."""
    trained = _trained(compiled.training) if with_targets else ()
    binding = bind(_section(compiled), _inputs(compiled), trained, table, with_targets=with_targets)
    findings = Findings()
    raw = _gather(table, binding, compiled, findings)
    findings.stop_if_wrong()
    examples = _fit(raw, table, binding, compiled, findings)
    findings.stop_if_wrong()
    return examples, findings.diagnostics


def whole(examples: Examples) -> Part:
    """All examples of a source."""
    return Part(examples, everything(examples.count))


def _section(compiled: Compiled) -> DataSection:
    assert compiled.data is not None, "the spec has no data section"
    return compiled.data


def _typed(compiled: Compiled) -> TypedGraph:
    assert compiled.graph is not None, "the spec has errors"
    return compiled.graph


def _inputs(compiled: Compiled) -> tuple[str, ...]:
    return tuple(_typed(compiled).inputs)


def _trained(training: Training | None) -> tuple[str, ...]:
    """The outputs that something is measured against."""
    if training is None:
        return ()
    return tuple(dict.fromkeys((*training.losses, *training.metrics, *training.weighted_metrics)))


# Columns to arrays ---------------------------------------------------------------------------------------------------


_CLASSES = "write classes as whole numbers from 0"


@dataclass(frozen=True)
class _Raw:
    """The values of every feature, as the source has them."""

    inputs: Arrays
    targets: Arrays


def _gather(table: Table, binding: Binding, compiled: Compiled, findings: Findings) -> _Raw:
    types = _typed(compiled).inputs
    inputs: dict[str, Array] = {}
    for name, bound in binding.inputs.items():
        text = name in types and types[name].dtype == "string"
        values = gather(table, bound, Wanted(f"input `{name}`", text), findings)
        if values is not None:
            inputs[name] = values
    targets: dict[str, Array] = {}
    for name, bound in binding.targets.items():
        values = gather(table, bound, Wanted(f"the target of `{name}`", help=_CLASSES), findings)
        if values is not None:
            targets[name] = values
    _check_lengths({**inputs, **targets}, binding, table, findings)
    return _Raw(inputs, targets)


def _check_lengths(arrays: Arrays, binding: Binding, table: Table, findings: Findings) -> None:
    lengths = {name: len(values) for name, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        unequal_lengths(lengths, table, findings, table.span)
    elif lengths and not next(iter(lengths.values())):
        findings.error("MS612", f"{table.name} has no examples", table.span)


def resolve_auto(compiled: Compiled, inputs: Arrays) -> Compiled:
    """The spec with every `auto` size taken from the data, and its types inferred anew.

    Raises `DataError` where the data does not fit, or the model does not fit the data's sizes (codes of the model).
    """
    typed = _typed(compiled)
    shapes = {name: tensor.shape for name, tensor in typed.inputs.items()}
    if not any(PENDING in shape for shape in shapes.values()):
        return compiled
    try:
        known = resolved_shapes(inputs, shapes)
    except Fault as fault:
        span = _section(compiled).spans.get(("inputs", str(fault.path[0])))
        raise DataError([fault.at(span)]) from None
    declared = tuple(replace(one, shape=known[one.name][1:]) for one in typed.graph.inputs or ())
    checked = infer(replace(typed.graph, inputs=declared))
    found = (*checked.diagnostics, *lint(checked.value, compiled.training, compiled.data))
    if any(one.severity == "error" for one in found):
        raise DataError(found)
    return replace(compiled, graph=checked.value)


# Arrays to what the model takes --------------------------------------------------------------------------------------


def _fit(raw: _Raw, table: Table, binding: Binding, compiled: Compiled, findings: Findings) -> Examples:
    typed = _typed(compiled)
    inputs = _fit_inputs(raw, table, binding, typed, findings)
    targets: dict[str, Array] = {}
    for name, values in raw.targets.items():
        loss = loss_of(compiled.training, name)
        target = Target(name, typed.outputs[name], loss, binding.targets[name], table)
        fitted = fit_target(values, target, findings)
        if fitted is not None:
            targets[name] = fitted
    count = len(next(iter(raw.inputs.values()), ()))
    return Examples(inputs, targets, count, table, tuple(typed.outputs))


def _fit_inputs(raw: _Raw, table: Table, binding: Binding, typed: TypedGraph, findings: Findings) -> dict[str, Array]:
    found: dict[str, Array] = {}
    sizes: dict[str, tuple[int, str]] = {}
    looked_up = lookups(typed)
    for name, values in raw.inputs.items():
        wanted: Tensor = typed.inputs[name]
        subject, bound = f"input `{name}`", binding.inputs[name]
        told = _told(bound.names, table)
        try:
            arranged = arrange(values, wanted.shape[1:], subject, told)
            bind_sizes(arranged, wanted.shape[1:], subject, sizes)
            found[name] = cast(arranged, wanted.dtype, told)
        except Fault as fault:
            findings.extend([fault.at(bound.span)])
        else:
            check_lookups(values, name, looked_up.get(name, []), bound, table, findings)
    return found


def _told(names: tuple[str, ...], table: Table) -> str:
    """The columns of a feature, as a message names them."""
    if len(names) == 1:
        return f"`{names[0]}` of {table.name}"
    some = ", ".join(f"`{name}`" for name in names[:6])
    return f"the stack of {len(names)} columns of {table.name} ({some}{', ...' if len(names) > 6 else ''})"


# Parts ---------------------------------------------------------------------------------------------------------------


def _parts(
    compiled: Compiled, data: DataSection, examples: Mapping[str, Examples], findings: Findings
) -> dict[str, Part]:
    if data.split is None:
        return {part: whole(one) for part, one in examples.items()}
    source = examples["train"]
    strata = _strata(data, source, findings)
    findings.stop_if_wrong()
    cut = split(compiled.file.seed, source.count, data.split.validation, data.split.test, strata)
    asked = {"train": 1.0, "validation": data.split.validation, "test": data.split.test}
    for part, fraction in asked.items():
        if fraction and not len(cut[part]):
            findings.error("MS618", f"the split leaves nothing for {_PURPOSE[part]}: {source.table.name} has "
                                    f"{source.count} examples", data.span, help="change the fractions, or add examples")
    return {part: Part(source, cut[part]) for part in ("train", "validation", "test") if len(cut[part])}


_PURPOSE = {"train": "training", "validation": "validation", "test": "the test"}


def _strata(data: DataSection, source: Examples, findings: Findings) -> Array | None:
    assert data.split is not None
    name = data.split.stratify
    if name is None:
        return None
    span = data.spans.get(("split", "stratify"), data.span)
    values = source.table.column(name, span)
    if values.ndim != 1 or len(values) != source.count:
        findings.error("MS618", f"`{name}` of {source.table.name} has the shape {values.shape}, but `stratify` takes "
                                "one value for each example", span)
        return None
    alone = _alone(values)
    if alone:
        findings.warning("MS618", f"`stratify: {name}` cannot share out {alone} of its values, which "
                                  f"{'has' if alone == 1 else 'have'} one example each", span,
                         help="those examples train; a column of classes is meant, not one of numbers")
    return values


def _alone(values: Array) -> int:
    """How many values stand only once."""
    return int(np.count_nonzero(np.unique(values, return_counts=True)[1] == 1))


def _check_batches(
    compiled: Compiled, data: DataSection, parts: Mapping[str, Part], findings: Findings
) -> None:
    if compiled.training is None or "train" not in parts:  # a split that leaves nothing was told already
        return
    batch_size = compiled.training.batch_size
    check_count(len(parts["train"]), batch_size, data.source_spans.get("train"), findings)
    for one in _typed(compiled).graph.inputs or ():
        fixed = one.batch_size
        if fixed is None:
            continue
        if fixed != batch_size:
            findings.error("MS624", f"input `{one.name}` takes batches of {fixed}, but `batch_size` is "
                                    f"{batch_size}", one.span, help="make them equal")
        else:
            for part, examples in parts.items():
                if rest := len(examples) % fixed:
                    findings.error("MS624", f"input `{one.name}` takes batches of {fixed}, but the last one of "
                                            f"{_PURPOSE[part]} would have {rest} ({len(examples)} examples)", one.span,
                                   help="leave `batch_size` out of the input, or change the number of examples")
