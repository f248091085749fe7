"""From the `data` section to arrays that a model takes: opened, scanned, split, adapted,
prepared and checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.data_section import DataSection
from modelspec.core.diagnostics import Diagnostic

from .adapt import adapt, check_transforms
from .adapted_state import State
from .arranged import LACKING, Arranged, arranged
from .balanced_sampling import sampling_of
from .columns import Binding, bind
from .errors import Findings
from .example_weights import check_weights
from .examples import Examples, Part, Prepared, sizes_of
from .file_columns import with_files
from .filtered import filtered
from .idle_steps import check_idle_steps
from .letter_case import report_capitals
from .objective_types import check_terms
from .open_columns import with_columns
from .parts import CountedSource, check_batches, cut
from .pixel_range import check_bits, check_ranges
from .plugin_code import printed
from .random_inputs import random_inputs
from .scan import Scan, scan
from .skipped_rows import SkippedRows
from .skipped_values import without_unknown
from .slices import slices_of_parts
from .sources import open_source
from .spec_facts import measured_outputs, section, trained_outputs, typed_graph
from .split import Positions, everything
from .storage import PreparedSource, Storage
from .table import Array, Table
from .training_examples import weighed
from .transforms import load_keras
from .unvalidated import check_validated
from .zero_targets import check_zero_targets

_Parts = Mapping[str, Positions]


def prepare(
    compiled: Compiled,
    *,
    state: State | None = None,
    load: Callable[[], None] = load_keras,
    shared: bool = False,
) -> Prepared:
    """Opens, checks and prepares the data of a spec that has a `data` section.

    `state` is what an earlier run learned; without it, it is learned from the training split.
    `load` loads Keras. It is called only when the source data passed the checks, and only if there
    is something to prepare. `shared`: other processes of this host prepare the same data now; one
    does, and the others wait for its entries of the cache, except with `cache: memory` and `off`.
    Raises `DataError` with all problems of the data, and `RunError`.
    """
    spec = _opened(compiled, load, state)
    storage = Storage(compiled, spec.data, spec.binding, load, spec.train.fingerprint)
    storage = replace(storage, shared=shared, found=len(spec.findings.diagnostics))
    with storage.in_turn(spec.train) as storage:
        cached = storage.find(spec.train)
        if state is not None and (cached is None or cached.state.digest() != state.digest()):
            # What another run learned does not come from this source.
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
    skipped: SkippedRows | None = None,
) -> tuple[Examples, tuple[Diagnostic, ...]]:
    """The examples of another source, for a spec whose sizes are known; and warnings. Raises
    `DataError`.

    `state` is what the run learned. Without targets every row is an example, even with missing
    values. Rows that cannot be read are an error, or are noted in `skipped` if it is given.
    """
    trained = measured_outputs(compiled.training) if with_targets else ()
    data = section(compiled)
    inputs = tuple(typed_graph(compiled).inputs)
    binding = bind(data, inputs, trained, table, with_targets=with_targets)
    findings = Findings()
    findings.extend(table.warnings)
    if with_targets:
        table = filtered(table, compiled, binding, findings, state=state)
        findings.stop_if_wrong()
    table = with_files(table, data, compiled.file.context, findings, targets=with_targets)
    rows = arranged(compiled, replace(data, split=None), {"train": table}, findings)
    table = rows.tables["train"]
    scanned = scan(
        table,
        binding,
        compiled,
        findings,
        state=state,
        with_targets=with_targets,
        once=True,
        skipped=skipped,
    )
    findings.stop_if_wrong()
    assert scanned is not None
    check_transforms(scanned)
    if state is not None:
        check_bits(scanned, state, findings)
        findings.stop_if_wrong()
    else:
        state = _adapted(scanned, everything(scanned.kept), load)
    if skipped is not None:
        scanned = without_unknown(scanned, state, skipped)
    storage = Storage(compiled, replace(data, cache="off"), binding, load, once=True)
    made = storage.make(scanned, state, findings)
    examples = _examples(made, table, compiled, data, findings)
    if data.window is not None:
        lacking = {"train": made.of_kind(LACKING)}
        examples = rows.windowed(
            data, {"train": examples}, lacking, findings, predicted=not with_targets
        )[0]["train"]
    findings.extend(printed(data, binding))
    findings.stop_if_wrong()
    return examples, findings.diagnostics


# Stages -------------------------------------------------------------------------------------------


def _opened(compiled: Compiled, load: Callable[[], None], state: State | None) -> _Opened:
    """A spec with its open sources. Raises `DataError`."""
    data = section(compiled)
    tables = {
        part: open_source(source, compiled.file.context, data.source_spans.get(part))
        for part, source in data.sources.items()
    }
    train = tables["train"]
    compiled = with_columns(compiled, train)
    data = section(compiled)
    inputs = tuple(typed_graph(compiled).inputs)
    binding = bind(data, inputs, trained_outputs(compiled, train), train)
    findings = Findings()
    for table in tables.values():
        findings.extend(table.warnings)
    tables = {
        part: filtered(table, compiled, binding, findings, state=state)
        for part, table in tables.items()
    }
    findings.stop_if_wrong()
    tables = {
        part: with_files(table, data, compiled.file.context, findings)
        for part, table in tables.items()
    }
    rows = arranged(compiled, data, tables, findings)
    return _Opened(compiled, data, rows, binding, findings, load)


@dataclass(frozen=True)
class _Opened:
    """A spec and its sources, with the findings so far."""

    compiled: Compiled
    data: DataSection
    rows: Arranged
    binding: Binding
    findings: Findings
    load: Callable[[], None]

    @property
    def tables(self) -> Mapping[str, Table]:
        """By part; a source that is split is under `train`."""
        return self.rows.tables

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
        """The same, if the training source was found in the cache."""
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
        if self.rows.parts is not None:
            return self.rows.parts
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
        """All sources; those of validation and test are prepared like the training source."""
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
        check_terms(compiled, examples["train"], findings)
        findings.stop_if_wrong()
        chosen, windowed = dict(parts), self.data.window is not None
        if windowed:
            lacking = {source: one.of_kind(LACKING) for source, one in made.items()}
            examples, chosen = self.rows.windowed(self.data, examples, lacking, findings)
            findings.stop_if_wrong()
        counted = examples["train"].rows_of("targets", chosen["train"])
        examples["train"] = weighed(examples["train"], train, self.binding, counted, findings)
        sampling = sampling_of(self.data, examples["train"], chosen["train"], findings)
        examples["train"] = replace(examples["train"], sampling=sampling)
        found = {
            part: Part(
                examples.get(part, examples["train"]), positions, parts[part] if windowed else None
            )
            for part, positions in chosen.items()
        }
        counts = sizes_of(found)
        check_batches(compiled, self.data, counts, findings)
        check_validated(compiled, counts, findings)
        check_idle_steps(compiled, counts, findings)
        check_zero_targets(compiled.training, found, findings)
        slices = slices_of_parts(compiled, found, findings, state=train.state)
        findings.extend(printed(self.data, self.binding))
        findings.stop_if_wrong()
        cache = tuple(one.explanation for one in made.values())
        warnings = findings.diagnostics
        return Prepared(compiled, self.binding, found, warnings, train.state, cache, slices)


def _adapted(source: Scan, train: Positions, load: Callable[[], None]) -> State:
    """What the training examples determine, with Keras loaded if a transform requires it."""
    if any(one.bound.chain is not None for one in source.features.values()):
        load()
    return adapt(source, train)


def _examples(
    source: PreparedSource, table: Table, compiled: Compiled, data: DataSection, findings: Findings
) -> Examples:
    """Arrays by their use."""
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
        random=random_inputs(compiled),
        objective=compiled.training is not None and compiled.training.has_objective,
    )
