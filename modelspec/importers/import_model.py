"""Converts a Keras architecture to a readable spec: with current names, and short."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from modelspec.compiler.infer import TypedGraph
from modelspec.compiler.legacy import modernize
from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.core.diagnostics import Checked, Diagnostic, Span
from modelspec.core.settings import Context
from modelspec.core.source import Document, Node, find, plain, read_mapping
from modelspec.core.source import Mapping as MappingNode
from modelspec.core.source import Sequence as SequenceNode

from .architecture import Architecture, Unreadable
from .automatic_names import is_automatic
from .compile_config import training_of
from .isomorphism import Pairs, is_same, paired
from .json_text import value_of
from .keras_json import architecture
from .known_sizes import with_known_sizes
from .reasons import Reason, by_reason
from .spec_names import LayerNames
from .stub_classes import context_with
from .stubs import Stored, Stub, Stubs, with_stubs
from .tidy import tidy
from .to_spec import Unsupported, Written, write_spec

_NO_TRAINING = "MS744"
_LOST = "MS981"


@dataclass(frozen=True)
class Options:
    """Options of an import."""

    folded: bool = True
    """Whether repetitions become blocks and loops."""
    placeholders: bool = False
    """Whether `Identity` replaces an unsupported layer; otherwise the import fails."""
    input_shape: tuple[int | None, ...] | None = None
    """The shape of the only input, if the file does not contain it; without the batch axis."""
    backend: str = ""
    """The backend of the model, if the file does not contain it: `theano`."""
    stubs: bool = False
    """Whether custom layers become layers of a plugin that is still to be written."""
    stored: Stored = field(default_factory=dict)
    """The weights in the file, for stubs."""


@dataclass(frozen=True)
class Imported:
    """A model as a spec."""

    spec: Mapping[str, Any]
    architecture: Architecture
    layers: LayerNames
    """The place of each layer of the file in the spec's model."""
    placeholders: Sequence[tuple[str, str]] = field(default_factory=tuple)
    """Names of the entries that replace unsupported layers, and the reasons."""
    stubs: tuple[Stub, ...] = ()
    """The layers of a plugin that is still to be written."""
    context: Context | None = None
    """The context of the spec, if stubs are used in it."""


def from_json(text: bytes | str, options: Options | None = None) -> Checked[dict[str, Any] | None]:
    """The spec of a model from its JSON; faults are returned, and name the layer."""
    try:
        value = value_of(text)
    except Unreadable as error:
        return Checked(None, (_refused(error),))
    found = import_model(value, None, options)
    return Checked(None if found.value is None else dict(found.value.spec), found.diagnostics)


def import_model(
    value: Any, training: Any = None, options: Options | None = None
) -> Checked[Imported | None]:
    """The spec of a model from its configuration. `training`: the compile settings, if known."""
    options = options or Options()
    try:
        model = architecture(value)
        model = replace(model, backend=model.backend or options.backend)
        if options.input_shape is not None:
            model = _with_shape(model, options.input_shape)
        if options.stubs:
            return _with_stubs(with_stubs(model, value, options.stored), training, options)
        written = write_spec(with_known_sizes(model), placeholders=options.placeholders)
    except Unsupported as error:
        return Checked(None, tuple(map(_unsupported, by_reason(error.found))))
    except Unreadable as error:
        return Checked(None, (_refused(error),))
    except RecursionError:
        return Checked(None, (_fault("its models or values are nested too deeply", None),))
    return _said(model, written, training, options)


def _with_stubs(stubs: Stubs, training: Any, options: Options) -> Checked[Imported | None]:
    context = context_with(stubs.found)
    with context.plugins.active():
        written = write_spec(with_known_sizes(stubs.model), placeholders=options.placeholders)
        found = _said(stubs.model, written, training, options, context)
    if found.value is None:
        return found
    imported = replace(found.value, stubs=stubs.found, context=context)
    return Checked(imported, found.diagnostics)


def _with_shape(model: Architecture, shape: tuple[int | None, ...]) -> Architecture:
    if len(model.inputs) != 1:
        raise Unreadable(
            f"`--input-shape` supports models with one input, but the model has {len(model.inputs)}"
        )
    return replace(model, inputs=(replace(model.inputs[0], shape=(None, *shape)),))


def _said(
    model: Architecture,
    written: Written,
    training: Any,
    options: Options,
    context: Context | None = None,
) -> Checked[Imported | None]:
    document = read_mapping(written.spec)
    if document.value is None:
        return Checked(
            None, tuple(replace(one, span=None, notes=()) for one in document.diagnostics)
        )
    modern: Any = plain(modernize(document.value).value.root)
    whole = compile_spec(modern, context=context)
    if not whole.ok or whole.value is None or whole.value.graph is None:
        spec = tidy(modern, folded=False)
        is_kept = options.placeholders or options.stubs
        left = Imported(spec, model, written.layers, written.placeholders) if is_kept else None
        return Checked(left, tuple(_by_layer(whole.diagnostics, modern)))
    spec, pairs = _shortest(modern, whole.value, context, folded=options.folded)
    chosen, notes = training_of(training, spec, list(whole.value.graph.graph.outputs))
    if chosen:
        spec = {**spec, "training": chosen}
    layers = written.layers if pairs is None else written.layers.renamed(pairs)
    return Checked(
        Imported(spec, model, layers, written.placeholders),
        (
            *(Diagnostic(_LOST, "warning", sentence, None) for sentence in model.lost),
            *(Diagnostic(_NO_TRAINING, "warning", note, None) for note in notes),
        ),
    )


def _shortest(
    modern: dict[str, Any], whole: Compiled, context: Context | None, *, folded: bool
) -> tuple[dict[str, Any], Pairs | None]:
    """The shortest equivalent spec, and the mapping of its names.

    Each shortened spec is verified: it is compiled again, and compared.
    """
    assert whole.graph is not None
    types = {layer.name: layer.outputs for layer in whole.graph.layers}
    flat = tidy(modern, folded=False, types=types)
    flat_graph = typed(flat, context)
    pairs = paired(whole.graph, flat_graph) if flat_graph is not None else None
    if flat_graph is None or pairs is None:
        return modern, None
    if folded:
        shorter = tidy(modern, types=types)
        again = _pairs_of_same(whole.graph, flat_graph, typed(shorter, context))
        if again is not None:
            return shorter, again
    return flat, pairs


def _pairs_of_same(whole: TypedGraph, flat: TypedGraph, graph: TypedGraph | None) -> Pairs | None:
    """The names of a graph by those of the full graph, if it is the same model; else None."""
    pairs = paired(whole, graph) if graph is not None else None
    if graph is None or pairs is None or not _keeps_names(whole, graph, pairs):
        return None
    return pairs if is_same(flat, graph, paired(flat, graph)) else None


def _keeps_names(whole: TypedGraph, graph: TypedGraph, pairs: Pairs) -> bool:
    """Whether every name given by the user is kept: of layers, inputs and outputs."""
    counted = {layer.name for layer in whole.layers if is_automatic(layer.kind, layer.name)}
    given = {layer.name for layer in whole.layers} - counted
    if any(pairs.names.get(name, name) != name for name in given):
        return False
    if list(whole.inputs) != list(graph.inputs):
        return False
    ends = zip(whole.graph.outputs, graph.graph.outputs, strict=True)
    return all(before == after or before in counted for before, after in ends)


# Faults -------------------------------------------------------------------------------------------


def _refused(error: Unreadable) -> Diagnostic:
    return Diagnostic(error.code, "error", str(error), None, (), error.help)


def _fault(message: str, help: str | None) -> Diagnostic:
    return _refused(Unreadable(message, help))


def _unsupported(reason: Reason) -> Diagnostic:
    which = "the layer" if len(reason.names) == 1 else f"{len(reason.names):,} layers"
    are = "is" if len(reason.names) == 1 else "are"
    return _fault(
        f"{which} {reason.shown} {are} not supported in a spec: {reason.text}", reason.help
    )


def _by_layer(found: Sequence[Diagnostic], spec: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Faults of a generated spec: reported by layer, as the user has not seen its lines."""
    document = read_mapping(spec).value
    places = list(_places(document)) if document is not None else []
    for one in found:
        if one.severity != "error":
            continue
        name = _layer_at(one.span, places)
        if name is None:
            yield _fault(one.message, one.help)
        else:
            yield _unsupported(Reason((name,), one.message, one.help))


def _layer_at(span: Span | None, places: Sequence[tuple[str, Node]]) -> str | None:
    """The name of the innermost layer around a place."""
    if span is None:
        return None
    for name, node in reversed(places):
        if node.span.start <= span.start <= node.span.end:
            return name
    return None


def _places(document: Document) -> Iterator[tuple[str, Node]]:
    """Every entry with the name of its layer, nested entries after the outer ones."""
    queue: list[Node | None] = [document.root]
    while queue:
        node = queue.pop()
        if isinstance(node, MappingNode):
            values = [entry.value for entry in node.entries.values()]
            for value in values:
                name = _name_in(value)
                if name is not None:
                    yield name, value
            queue.extend(values)
        elif isinstance(node, SequenceNode):
            queue.extend(node.items)


def _name_in(node: Node) -> str | None:
    """The text of a mapping's `name`."""
    found = find(node, ("name",)) if isinstance(node, MappingNode) else None
    name = plain(found) if found is not None else None
    return name if isinstance(name, str) else None


def typed(spec: Mapping[str, Any], context: Context | None = None) -> TypedGraph | None:
    """The graph of a spec, if it has no errors."""
    found = compile_spec(spec, context=context)
    return found.value.graph if found.ok and found.value is not None else None
