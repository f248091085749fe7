"""The whole chain on one screen: text becomes a compiled spec. No stage here loads a framework.

read      path          -> Document      places, duplicate keys, YAML 1.2 scalars, budgets
expand    Document      -> Document      extends, overrides, expressions, blocks, loops: plain values come out
modernize Document      -> Document      older Keras's spellings become today's, each with a warning
validate  Document      -> SpecFile      sections, kinds, settings, forms
link      ModelSection  -> Graph         calls in order, every reference resolved
infer     Graph         -> TypedGraph    shapes, dtypes, weights, cost
lint      TypedGraph, training, data     pairs that cannot work
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelspec.catalog.layers import LAYERS
from modelspec.core.diagnostics import Checked, Diagnostic, in_file_order
from modelspec.core.settings import Context
from modelspec.core.source import Document, mentions, read, read_mapping

from .expand import expand
from .graph import interface, link
from .infer import MAX_LAYERS, TypedGraph, infer
from .infer.freeze import freeze
from .rules import lint
from .spec.data_section import DataSection
from .spec.spec_file import SpecFile, context_for, read_sections, read_spec
from .spec.training_section import Training

_TAKES_BOTH = ("output_mode",)
"""Settings with an older value that Keras still takes (`binary` for `multi_hot`)."""


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


def compile_path(path: str, overrides: Mapping[str, Any] | None = None) -> Checked[Compiled | None]:
    """Read and check a file; `-` is standard input."""
    return _compile(read(path), context_for(None if path == "-" else Path(path)), overrides)


def compile_mapping(
    values: Mapping[str, Any], overrides: Mapping[str, Any] | None = None
) -> Checked[Compiled | None]:
    """Check a spec that is a Python mapping already."""
    return _compile(read_mapping(values), context_for(None), overrides)


def _compile(
    document: Checked[Document | None], context: Context, overrides: Mapping[str, Any] | None
) -> Checked[Compiled | None]:
    if document.value is None:
        return Checked(None, document.diagnostics)
    expanded = expand(document.value, context, overrides or {})
    found = [*document.diagnostics, *expanded.diagnostics]
    if expanded.value is None:
        return Checked(None, in_file_order(found))
    compiled = compile_document(expanded.value, context)
    return Checked(compiled.value, in_file_order([*found, *compiled.diagnostics]))


def compile_document(document: Document, context: Context) -> Checked[Compiled]:
    """Check a document: every stage but the reading and the expansion.

    Spellings of older Keras are no words of the language, so a spec has them only where it has
    faults, or where Keras still takes both: the tables of old words load for such a spec alone.
    """
    checked = _compile_today(document, context)
    if checked.ok and not mentions(document.root, {*LAYERS.aliases, *_TAKES_BOTH}):
        return checked
    from .legacy import modernize

    modern = modernize(document)
    if not modern.diagnostics:
        return checked
    again = _compile_today(modern.value, context)
    return Checked(again.value, in_file_order([*modern.diagnostics, *again.diagnostics]))


def _compile_today(document: Document, context: Context) -> Checked[Compiled]:
    """Check a document in today's words."""
    found: list[Diagnostic] = []
    spec = read_spec(document, context)
    found.extend(spec.diagnostics)
    graph = typed = None
    if spec.value.model is not None:
        linked = link(spec.value.model, broken=not spec.ok)
        found.extend(linked.diagnostics)
        graph = linked.value
        inferred = infer(graph)
        found.extend(inferred.diagnostics)
        # What follows walks every call of a shared model: past the budget that would never end.
        typed = inferred.value if inferred.value.depth_first_calls <= MAX_LAYERS else None
    sections = read_sections(spec.value, *interface(spec.value.model, graph))
    found.extend(sections.diagnostics)
    if typed is not None and sections.value.training is not None:
        typed = freeze(typed, sections.value.training.freeze)
    compiled = Compiled(spec.value, typed, sections.value.training, sections.value.data)
    found.extend(lint(compiled.graph, compiled.training, compiled.data, compiled.file))
    checked = Checked(compiled, in_file_order(found))
    # What a stage leaves out it must have said: a layer that is lost silently would be a model that
    # is not the spec's.
    assert not checked.ok or (typed is not None and len(typed.layers) == len(typed.graph.calls))
    return checked
