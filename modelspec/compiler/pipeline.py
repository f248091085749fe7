"""The whole pipeline: a source becomes a compiled spec. No stage here loads a framework.

read      source        -> Document      places, duplicate keys, YAML 1.2 scalars, budgets
expand    Document      -> Document      extends, overrides, expressions, blocks, loops
modernize Document      -> Document      spellings of older Keras versions are updated, with
warnings
validate  Document      -> SpecFile      sections, kinds, settings, forms
link      ModelSection  -> Graph         calls in order, every reference resolved
sections  SpecFile      -> Sections      training and data, linked to the names of the graph
infer     Graph         -> TypedGraph    shapes, dtypes, weights, cost
freeze    TypedGraph    -> TypedGraph    layers whose weights are not trained
adapt     TypedGraph    -> TypedGraph    low-rank adapters beside frozen weights
lint      Compiled      -> diagnostics   combinations that cannot work
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from modelspec.core.diagnostics import (
    Checked,
    Collector,
    Diagnostic,
    TooManyFaults,
    bounded_searches,
)
from modelspec.core.paths import opened_context
from modelspec.core.paused_collection import paused_collection
from modelspec.core.records import NamedTuple, dataclass
from modelspec.core.settings import Context
from modelspec.core.source import Document, read, read_mapping, recovered
from modelspec.core.source import Mapping as Mapping_

from .expand import expand
from .expand.row_types import check_where
from .graph import Graph, interface, link
from .infer import MAX_LAYERS, TypedGraph, infer
from .infer.freeze import freeze
from .infer.low_rank import adapt
from .infer.player_graphs import PlayerGraph, player_graphs
from .infer.stage_graphs import StageGraph, stage_graphs
from .legacy import modernize
from .rules import lint
from .spec.data_section import DataSection
from .spec.objective_section import named_tensors
from .spec.shared_steps import with_shared_steps
from .spec.spec_file import SpecFile, read_sections, validate
from .spec.training_section import Training

if TYPE_CHECKING:
    from .spec.expect_section import Expectations
    from .spec.stages import Stage
    from .spec.sweep_section import Sweep

SpecSource: TypeAlias = "str | os.PathLike[str] | Mapping[str, Any] | Checked[Document | None]"
"""A file (`-`: standard input), a Python mapping, or a document that is already parsed."""


class Written(NamedTuple):
    """A document that was read, with the values that were set from outside."""

    document: Document
    overrides: Mapping[str, Any]
    context: Context


@dataclass(frozen=True)
class Compiled:
    """A spec as far as it could be understood; complete unless it has errors."""

    file: SpecFile
    graph: TypedGraph | None
    training: Training | None
    data: DataSection | None
    unfrozen: TypedGraph | None = None
    """The graph before `freeze`, for a training with stages."""
    plain: TypedGraph | None = None
    """With `training.lora`: the graph without its adapters."""
    written: Written | None = None
    """With a `sweep`: what its trials are compiled from."""

    @property
    def sweep(self) -> Sweep | None:
        """The search over values of the spec; None without one."""
        return self.file.sweep

    @property
    def merged(self) -> Compiled:
        """The spec of the model whose adapters are merged into its kernels."""
        if self.plain is None:
            return self
        training = self.training.without_lora() if self.training is not None else None
        return replace(self, graph=self.plain, training=training, plain=None)

    @property
    def stages(self) -> tuple[Compiled, ...]:
        """The spec as each stage of its training uses it: `training.stages` in the same order."""
        graphs: list[TypedGraph | None] = [one.graph for one in self.stage_graphs]
        graphs = graphs or [None] * len(self.training_stages)
        return tuple(
            replace(
                self,
                graph=graph,
                training=one.training,
                data=self.data and one.data.over(self.data),
            )
            for one, graph in zip(self.training_stages, graphs, strict=True)
        )

    @property
    def stage_graphs(self) -> tuple[StageGraph, ...]:
        """Each stage with its graph; empty if the graph is not known."""
        if self.unfrozen is None:
            return ()
        return stage_graphs(self.unfrozen, self.training_stages)

    @property
    def player_graphs(self) -> tuple[PlayerGraph, ...]:
        """Each player of the training with its graph; empty if the graph is not known."""
        if self.graph is None or self.training is None:
            return ()
        return player_graphs(self.graph, self.training.players)

    @property
    def training_stages(self) -> tuple[Stage, ...]:
        """The stages of the training, if it has any."""
        return self.training.stages if self.training is not None else ()

    def with_graph(self, typed: TypedGraph | None) -> Compiled:
        """The same with a graph, whose layers are frozen, or have adapters, as the training
        specifies.
        """
        if typed is None or self.training is None:
            return replace(self, graph=typed)
        frozen, lora = freeze(typed, self.training.freeze), self.training.lora
        before = typed if self.training.stages else None
        if lora is None:
            return replace(self, graph=frozen, unfrozen=before)
        return replace(self, graph=adapt(frozen, lora), plain=frozen, unfrozen=before)

    @property
    def expectations(self) -> Expectations:
        """Expectations of the model, and of a finished run."""
        over_folds = self.fold_expectations
        return tuple(one for one in self.file.expectations if one not in over_folds)

    @property
    def fold_expectations(self) -> Expectations:
        """Expectations of the means over all folds, which the runs of a sweep decide together."""
        if self.sweep is None or not self.sweep.folds:
            return ()
        from .spec.fold_expectations import is_over_folds

        return tuple(filter(is_over_folds, self.file.expectations))

    @property
    def name(self) -> str:
        """The name of the spec, or of its file."""
        return (
            self.file.name or Path(self.file.document.root.span.file).stem.strip("<->") or "model"
        )


@paused_collection()
@bounded_searches()
def compile_spec(
    source: SpecSource,
    overrides: Mapping[str, Any] | None = None,
    context: Context | None = None,
) -> Checked[Compiled | None]:
    """Read and check a spec, with `overrides` by path: `{"training.epochs": 3}`.

    `context` sets the folder that paths in the spec are relative to: by default the folder of its
    file, or the working directory. The value is None if the text cannot be read or expanded. After
    a syntax error the rest of the text is compiled: layers on the broken line, and those that
    depend on them, are in the graph without types.
    """
    found = Collector()
    if context is None:
        context, warnings = opened_context(_path_of(source))
        found.extend(warnings)
    with context.plugins.active():
        compiled = _of_source(source, overrides or {}, context, found)
    return Checked(compiled, found.diagnostics)


def _of_source(
    source: SpecSource, overrides: Mapping[str, Any], context: Context, found: Collector
) -> Compiled | None:
    parsed = document = found.collect(recovered(_read(source)))
    written = None if parsed is None else Written(parsed, dict(overrides), context)
    if document is not None:
        document = found.collect(expand(document, context, overrides))
    if document is not None and overrides:
        from .expand.rebase import with_named_places

        context = with_named_places(document.root, context)
    if document is None:
        return None
    try:
        compiled = found.collect(compile_document(document, context))
        if document.repaired and parsed is not None:
            found.found = _without_consequences(found.found, parsed, document, context)
        elif found.has_errors:
            found.found = _without_lost_names(found.found, compiled, written)
        return replace(compiled, written=written) if compiled.sweep is not None else compiled
    except TooManyFaults as many:
        found.extend((*many.found, many.last("the rest of the spec")))
    return None


def _without_lost_names(
    found: list[Diagnostic], compiled: Compiled, written: Written | None
) -> list[Diagnostic]:
    from .graph.lost_names import TENSORS, lost, unnamed
    from .graph.misspelt_definitions import at_definitions

    names = lost(found, unnamed(compiled.file.model), codes=TENSORS)
    rest = [one for one in found if one not in names]
    return rest if written is None else at_definitions(rest, written.document.root)


def _without_consequences(
    found: list[Diagnostic], written: Document, expanded: Document, context: Context
) -> list[Diagnostic]:
    from .graph.after_repairs import without_consequences

    def recompile(root: Mapping_) -> tuple[Diagnostic, ...]:
        return compile_document(expanded.with_root(root), context).diagnostics

    return list(without_consequences(found, written.root, expanded.root, recompile))


@bounded_searches()
def compile_document(document: Document, context: Context) -> Checked[Compiled]:
    """Check an expanded document: run every stage after the expansion. Raises `TooManyFaults`."""
    found = Collector()
    try:
        return Checked(_compiled(document, context, found), found.diagnostics)
    except TooManyFaults as many:
        raise TooManyFaults((*found.found, *many.found)) from None


def _compiled(document: Document, context: Context, found: Collector) -> Compiled:
    document = found.collect(modernize(document))
    document = found.collect(with_shared_steps(document))
    validated = validate(document, context)
    spec = found.collect(validated)
    broken = document.repaired or not validated.ok
    graph = found.collect(_linked(spec, broken=broken))
    sections = found.collect(read_sections(spec, *interface(spec.model, graph)))
    typed = found.collect(_inferred(graph))
    compiled = Compiled(spec, None, sections.training, sections.data).with_graph(typed)
    dtypes = {name: tensor.dtype for name, tensor in typed.inputs.items()} if typed else {}
    check_where(sections.data, dtypes, found)
    found.extend(linted(compiled))
    for stage, one in zip(compiled.stages, compiled.training_stages, strict=True):
        if stage.data is not None and one.data.where is not None:
            check_where(replace(stage.data, where=one.data.where), dtypes, found)
    # A stage reports what it leaves out: a layer dropped silently would change the model.
    assert found.has_errors or document.repaired or (typed is not None and typed.is_whole)
    return compiled


def linted(compiled: Compiled) -> tuple[Diagnostic, ...]:
    """What the rules find in a spec, and in each of its stages and players; each finding once."""
    graphs = compiled.stage_graphs
    whole = lint(compiled.graph, compiled.training, compiled.data, compiled.file, graphs)
    found = dict.fromkeys(whole)
    without = replace(compiled.file, expectations=())  # those are about the whole run
    for stage in compiled.stages:
        found |= dict.fromkeys(lint(stage.graph, stage.training, stage.data, without))
    for player, graph in compiled.player_graphs:
        assert compiled.training is not None
        if graph.trainable_parameters == 0:
            continue  # MS863
        found |= dict.fromkeys(lint(graph, player.training(compiled.training), None))
    return tuple(found)


def _path_of(source: SpecSource) -> Path | None:
    if isinstance(source, (Mapping, Checked)) or os.fspath(source) == "-":
        return None
    return Path(source)


def _read(source: SpecSource) -> Checked[Document | None]:
    if isinstance(source, Checked):
        return source
    return read_mapping(source) if isinstance(source, Mapping) else read(source)


def _linked(spec: SpecFile, *, broken: bool) -> Checked[Graph | None]:
    if spec.model is None:
        return Checked(None)
    training = spec.root.entries.get("training")
    kept = named_tensors(training.value if training is not None else None)
    kept |= spec.generation.tensor_names if spec.generation is not None else frozenset()
    return link(spec.model, broken=broken, kept=kept)


def _inferred(graph: Graph | None) -> Checked[TypedGraph | None]:
    """The typed graph; None if it has more calls than the later stages can process."""
    if graph is None:
        return Checked(None)
    typed = infer(graph)
    within = typed.value.depth_first_calls <= MAX_LAYERS
    return typed if within else Checked(None, typed.diagnostics)
