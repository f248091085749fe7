"""The whole chain on one screen: a source becomes a compiled spec. No stage here loads a framework.

read      source        -> Document      places, duplicate keys, YAML 1.2 scalars, budgets
expand    Document      -> Document      extends, overrides, expressions, blocks, loops
modernize Document      -> Document      older Keras's spellings become today's, each with a warning
validate  Document      -> SpecFile      sections, kinds, settings, forms
link      ModelSection  -> Graph         calls in order, every reference resolved
sections  SpecFile      -> Sections      training and data, tied to the names of the graph
infer     Graph         -> TypedGraph    shapes, dtypes, weights, cost
freeze    TypedGraph    -> TypedGraph    layers whose weights stay as they are
lint      Compiled      -> diagnostics   pairs that cannot work
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from modelspec.core.diagnostics import Checked, Collector, TooManyFaults, bounded_searches
from modelspec.core.paths import opened_context
from modelspec.core.settings import Context
from modelspec.core.source import Document, read, read_mapping

from .expand import expand
from .expand.row_types import check_where
from .graph import Graph, interface, link
from .infer import MAX_LAYERS, TypedGraph, infer
from .infer.freeze import freeze
from .legacy import modernize
from .rules import lint
from .spec.data_section import DataSection
from .spec.shared_steps import with_shared_steps
from .spec.spec_file import SpecFile, read_sections, validate
from .spec.training_section import Training

SpecSource: TypeAlias = "str | os.PathLike[str] | Mapping[str, Any] | Checked[Document | None]"
"""A file (`-`: standard input), a mapping of Python, or a text that was read already."""


@dataclass(frozen=True)
class Compiled:
    """A spec as far as it could be understood; whole where there are no errors."""

    file: SpecFile
    graph: TypedGraph | None
    training: Training | None
    data: DataSection | None

    @property
    def name(self) -> str:
        """The spec's name, or that of its file."""
        return (
            self.file.name or Path(self.file.document.root.span.file).stem.strip("<->") or "model"
        )


@bounded_searches()
def compile_spec(
    source: SpecSource,
    overrides: Mapping[str, Any] | None = None,
    context: Context | None = None,
) -> Checked[Compiled | None]:
    """Read and check a spec, with `overrides` by path: `{"training.epochs": 3}`.

    `context` says where the paths of the spec start: by default in the folder of its file, or in
    the working directory. The value is None where the text cannot be read or expanded.
    """
    found = Collector()
    if context is None:
        context, warnings = opened_context(_path_of(source))
        found.extend(warnings)
    document = found.collect(_read(source))
    if document is not None:
        document = found.collect(expand(document, context, overrides or {}))
    if document is not None and overrides:
        from .expand.rebase import with_named_places

        context = with_named_places(document.root, context)
    compiled = None
    if document is not None:
        try:
            compiled = found.collect(compile_document(document, context))
        except TooManyFaults as many:
            found.extend((*many.found, many.last("the rest of the spec")))
    return Checked(compiled, found.diagnostics)


@bounded_searches()
def compile_document(document: Document, context: Context) -> Checked[Compiled]:
    """Check an expanded document: every stage after the expansion. Raises `TooManyFaults`."""
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
    graph = found.collect(_linked(spec, broken=not validated.ok))
    sections = found.collect(read_sections(spec, *interface(spec.model, graph)))
    typed = found.collect(_inferred(graph))
    if typed is not None and sections.training is not None:
        typed = freeze(typed, sections.training.freeze)
    dtypes = {name: tensor.dtype for name, tensor in typed.inputs.items()} if typed else {}
    check_where(sections.data, dtypes, found)
    compiled = Compiled(spec, typed, sections.training, sections.data)
    found.extend(lint(compiled.graph, compiled.training, compiled.data, compiled.file))
    # A stage reports what it leaves out: a layer that is lost silently would make another model.
    assert found.has_errors or (typed is not None and len(typed.layers) == len(typed.graph.calls))
    return compiled


def _path_of(source: SpecSource) -> Path | None:
    if isinstance(source, (Mapping, Checked)) or os.fspath(source) == "-":
        return None
    return Path(source)


def _read(source: SpecSource) -> Checked[Document | None]:
    if isinstance(source, Checked):
        return source
    return read_mapping(source) if isinstance(source, Mapping) else read(source)


def _linked(spec: SpecFile, *, broken: bool) -> Checked[Graph | None]:
    return Checked(None) if spec.model is None else link(spec.model, broken=broken)


def _inferred(graph: Graph | None) -> Checked[TypedGraph | None]:
    """The types of a graph; None where it has more calls than the later stages can walk."""
    if graph is None:
        return Checked(None)
    typed = infer(graph)
    within = typed.value.depth_first_calls <= MAX_LAYERS
    return typed if within else Checked(None, typed.diagnostics)
