"""The `data` section to arrays that a model takes: opened, scanned, cut, adapted to, prepared and
checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.data_section import DataSection
from modelspec.core.diagnostics import Diagnostic

from .adapt import adapt, check_transforms
from .adapted_state import State
from .columns import Binding, bind
from .errors import Findings
from .example_weights import check_weights, class_weights
from .examples import Examples, Part, Prepared
from .idle_steps import check_idle_steps
from .letter_case import report_capitals
from .materialise import KEPT, target_of
from .parts import CountedSource, check_batches, cut
from .pixel_range import check_bits, check_ranges
from .scan import Scan, scan
from .sequences import steps_of
from .sources import open_source
from .spec_facts import measured_outputs, section, trained_outputs, typed_graph
from .split import Positions, everything
from .storage import PreparedSource, Storage
from .table import Array, Table
from .transforms import load_keras
from .zero_targets import check_zero_targets

_Parts = Mapping[str, Positions]


def prepare(
    compiled: Compiled, *, state: State | None = None, load: Callable[[], None] = load_keras
) -> Prepared:
    """Opens, checks and prepares the data of a spec that has a `data` section.

    `state` is what an earlier run learned; without it, it is learned from the training split.
    `load` loads Keras, and is called when the data as they were read are known to be right, and
    only where there is something to prepare. Raises `DataError` with everything that is wrong with
    the data, and `RunError`.
    """
    spec = _opened(compiled, load)
    storage = Storage(compiled, spec.data, spec.binding, load, spec.train.fingerprint)
    cached = storage.find(spec.train)
    if state is not None and (cached is None or cached.state.digest() != state.digest()):
        # What another run learned is not what this source says.
        cached, storage = None, replace(storage, own=None)
    if cached is None:
        made, parts = spec.prepare_all(storage, state)
    else:
        made, parts = spec.prepare_others(storage, cached)
    return spec.checked(made, parts)


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
    trained = measured_outputs(compiled.training) if with_targets else ()
    data = section(compiled)
    inputs = tuple(typed_graph(compiled).inputs)
    binding = bind(data, inputs, trained, table, with_targets=with_targets)
    findings = Findings()
    findings.extend(table.warnings)
    scanned = scan(
        table, binding, compiled, findings, state=state, with_targets=with_targets, once=True
    )
    findings.stop_if_wrong()
    assert scanned is not None
    check_transforms(scanned)
    if state is not None:
        check_bits(scanned, state, findings)
        findings.stop_if_wrong()
    else:
        state = _adapted(scanned, everything(scanned.kept), load)
    storage = Storage(compiled, replace(data, cache="off"), binding, load, once=True)
    examples = _examples(storage.make(scanned, state, findings), table, compiled, data, findings)
    findings.stop_if_wrong()
    return examples, findings.diagnostics


# Stages -------------------------------------------------------------------------------------------


def _opened(compiled: Compiled, load: Callable[[], None]) -> _Opened:
    """A spec with its sources open. Raises `DataError`."""
    data = section(compiled)
    tables = {
        part: open_source(source, compiled.file.context, data.source_spans.get(part))
        for part, source in data.sources.items()
    }
    train = tables["train"]
    inputs = tuple(typed_graph(compiled).inputs)
    binding = bind(data, inputs, trained_outputs(compiled, train), train)
    findings = Findings()
    for table in tables.values():
        findings.extend(table.warnings)
    return _Opened(compiled, data, tables, binding, findings, load)


@dataclass(frozen=True)
class _Opened:
    """A spec, and its sources with what was found in them so far."""

    compiled: Compiled
    data: DataSection
    tables: Mapping[str, Table]
    """By part; one source that is cut is under `train`."""
    binding: Binding
    findings: Findings
    load: Callable[[], None]

    @property
    def train(self) -> Table:
        return self.tables["train"]

    def prepare_all(
        self, storage: Storage, state: State | None
    ) -> tuple[dict[str, PreparedSource], _Parts]:
        """Every source, and the examples of each part."""
        scans = self._scans(self.tables, state)
        parts = self._cut(scans)
        if state is None:
            report_capitals(scans["train"], parts["train"], self.findings)
            check_ranges(scans["train"], self.compiled, self.findings)
            self.findings.stop_if_wrong()
            state = _adapted(scans["train"], parts["train"], self.load)
        train = storage.make(scans["train"], state, self.findings)
        return self._with_others(storage, train, scans), parts

    def prepare_others(
        self, storage: Storage, train: PreparedSource
    ) -> tuple[dict[str, PreparedSource], _Parts]:
        """The same where the source that is trained on was found prepared."""
        others = {part: table for part, table in self.tables.items() if part != "train"}
        scans = self._scans(others, train.state)
        known = {"train": CountedSource(self.train, train.count, train.rows)}
        parts = self._cut(scans, known)
        return self._with_others(storage, train, scans), parts

    def _scans(self, tables: Mapping[str, Table], state: State | None) -> dict[str, Scan]:
        found = {
            part: scan(table, self.binding, self.compiled, self.findings, state=state)
            for part, table in tables.items()
        }
        self.findings.stop_if_wrong()
        known = {part: one for part, one in found.items() if one is not None}
        for one in known.values():
            check_transforms(one)
        return known

    def _cut(
        self, scans: Mapping[str, Scan], known: Mapping[str, CountedSource] | None = None
    ) -> _Parts:
        """The positions of every part."""
        counted = {
            **(known or {}),
            **{part: CountedSource(one.table, one.kept, one.rows) for part, one in scans.items()},
        }
        found = cut(self.compiled, self.data, counted, self.findings)
        self.findings.stop_if_wrong()
        return found

    def _with_others(
        self, storage: Storage, train: PreparedSource, scans: Mapping[str, Scan]
    ) -> dict[str, PreparedSource]:
        """All sources, those of validation and test prepared as the one that is trained on."""
        storage = replace(storage, compiled=train.compiled)
        made = {"train": train}
        for part, one in scans.items():
            if part != "train":
                made[part] = storage.make(one, train.state, self.findings)
        return made

    def checked(self, made: Mapping[str, PreparedSource], parts: _Parts) -> Prepared:
        """The examples with their weights, and every part. Raises `DataError`."""
        train = made["train"]
        compiled, findings = train.compiled, self.findings
        examples = {
            part: _examples(one, self.tables[part], compiled, self.data, findings)
            for part, one in made.items()
        }
        findings.stop_if_wrong()
        examples["train"] = self._weighed(examples["train"], train, parts["train"])
        found = {
            part: Part(examples.get(part, examples["train"]), positions)
            for part, positions in parts.items()
        }
        counts = {part: len(one) for part, one in found.items()}
        check_batches(compiled, self.data, counts, findings)
        check_idle_steps(compiled, counts, findings)
        check_zero_targets(compiled.training, found, findings)
        findings.stop_if_wrong()
        cache = tuple(one.explanation for one in made.values())
        return Prepared(compiled, self.binding, found, findings.diagnostics, train.state, cache)

    def _weighed(self, examples: Examples, source: PreparedSource, train: Positions) -> Examples:
        """With what holds in training alone: weights of classes, and layers that vary examples."""
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
            for name, bound in self.binding.targets.items()
            if name in examples.targets
        }
        chosen = training.class_weights if training else {}
        weights, balanced = class_weights(
            chosen, examples.targets, about, train, self.findings, self._real_steps(source)
        )
        return replace(
            examples, class_weights=weights, balanced=balanced, augment=self.data.augment
        )

    def _real_steps(self, source: PreparedSource) -> dict[str, Array]:
        """By output: which steps of a padded target are no padding."""
        found: dict[str, Array] = {}
        for name, kept in source.of_kind(KEPT).items():
            pad, length = self.binding.targets[name].pad, source.state.features["targets", name]
            if pad is not None and length.length is not None:
                marks = steps_of(kept, length.length, pad)
                found[name] = np.moveaxis(marks, 1, -1) if marks.ndim > 2 else marks
        return found


def _adapted(source: Scan, train: Positions, load: Callable[[], None]) -> State:
    """What the training examples say, with Keras loaded where a transform needs it."""
    if any(one.bound.chain is not None for one in source.features.values()):
        load()
    return adapt(source, train)


def _examples(
    source: PreparedSource, table: Table, compiled: Compiled, data: DataSection, findings: Findings
) -> Examples:
    """Arrays by what they are for."""
    weights: Array | None = source.arrays.get("weights")
    if weights is not None and data.weights is not None:
        span = data.spans.get(("weights",))
        check_weights(weights, data.weights, table, source.rows, span, findings)
    return Examples(
        source.of_kind("inputs"),
        source.of_kind("targets"),
        source.count,
        table,
        tuple(typed_graph(compiled).outputs),
        source.rows,
        weights,
    )
