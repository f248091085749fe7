"""The shapes of tensors while the list of layers is written, for blocks that use the size of their
input: `$(input.shape[-1])`.

Each entry is checked and inferred once: those that were written since the last question form a
model of their own, whose inputs are the tensors that they take from entries before them.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from dataclasses import replace
from typing import NamedTuple

from modelspec.catalog.layers import LAYERS
from modelspec.core.diagnostics import MOST, Collector, Span, TooManyFaults
from modelspec.core.shapes import PENDING, Size
from modelspec.core.shapes import Tensor as TensorType
from modelspec.core.source import Document, Entry, Mapping, Node, Scalar, Sequence, walk

from ..graph import link
from ..graph.symbols import TensorName, output_index
from ..infer import TypedGraph, infer
from ..legacy import modernize
from ..spec.model_section import read_model
from ..spec.shared_steps import with_shared_steps
from .flat_entry import FlatEntry
from .surroundings import Surroundings


class _Outputs(NamedTuple):
    """The tensors of an input or an entry."""

    types: tuple[TensorType, ...]
    names: tuple[str, ...] = ()


class InputShapes:
    """The types of the tensors of one model, as far as its layers are written."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.has_errors = False
        """Whether an entry is invalid, so that the types after it are unknown."""
        self._known: dict[str, _Outputs] = {}
        self._count = 0

    def shape(
        self, text: str, entries: list[FlatEntry], made: MappingType[str, Entry]
    ) -> tuple[Size, ...] | None:
        """The shape of a tensor by its name in the flat list, batch axis first; None if unknown.

        `entries` are those written so far, `made` the sub-models that they call.
        """
        if self.around.inputs is None:
            return None
        self._add(entries[self._count :], entries[self._count - 1] if self._count else None, made)
        self._count = len(entries)
        found = self._type(TensorName.parse(text))
        return None if found is None else found.shape

    def _type(self, name: TensorName) -> TensorType | None:
        found = self._known.get(name.producer)
        if found is None:
            return None
        if name.output is None:
            return found.types[0] if len(found.types) == 1 else None
        index = output_index(name.output, found.names, len(found.types))
        return None if index is None else found.types[index]

    def _add(
        self, new: list[FlatEntry], before: FlatEntry | None, made: MappingType[str, Entry]
    ) -> None:
        written = _Segment([one for one in new if one.whole is None], before, self._known)
        if self._known and not written.layers:
            return
        typed = self._inferred(self._model(written, made))
        if typed is None:
            self.has_errors = True
            return
        if not self._known:
            self._known = {name: _Outputs((one,)) for name, one in typed.inputs.items()}
        self._known |= {one.name: _Outputs(one.outputs, one.output_names) for one in typed.layers}

    def _model(self, written: _Segment, made: MappingType[str, Entry]) -> Mapping:
        """The entries as the `model` of a spec."""
        around = self.around
        assert around.inputs is not None
        span = around.inputs.key_span
        inputs = around.inputs.value if not self._known else written.inputs(span)
        layers = Sequence(tuple(written.layers), span)
        shared = _called(layers, {**around.shared, **made})
        entries = {"inputs": Entry(span, inputs)}
        if shared:
            entries["shared"] = Entry(span, Mapping(shared, span))
        entries["layers"] = Entry(span, layers)
        if around.data_format is not None:
            entries["image_data_format"] = around.data_format
        return Mapping({"model": Entry(span, Mapping(entries, span))}, span)

    def _inferred(self, root: Mapping) -> TypedGraph | None:
        """The types of a model; its diagnostics are those of the whole model, found later."""
        report = Collector(MOST)
        try:
            document = report.collect(modernize(Document(root)))
            document = report.collect(with_shared_steps(document))
            node = document.root.entries["model"].value
            section = read_model(node, self.around.context, report)
            graph = None if section is None else report.collect(link(section, broken=True))
            typed = None if graph is None else report.collect(infer(graph))
        except TooManyFaults:
            return None
        self.has_errors = self.has_errors or report.has_errors
        return typed


class _Segment:
    """Some entries, whose references to earlier tensors are references to inputs."""

    def __init__(
        self,
        entries: list[FlatEntry],
        before: FlatEntry | None,
        known: MappingType[str, _Outputs],
    ) -> None:
        self.known = known
        self.taken: dict[str, tuple[str, TensorType]] = {}
        """The name of the input and the type of each earlier tensor, by its reference."""
        self.own = {one.name for one in entries}
        self.layers = list(self._nodes(entries, before))

    def inputs(self, span: Span) -> Mapping:
        """The inputs of the model: at least one, which has the batch axis."""
        if not self.taken:
            first = next(iter(self.known.values())).types[0]
            self.taken[""] = self._input_name(), first
        found = {name: Entry(span, _input(one, span)) for name, one in self.taken.values()}
        return Mapping(found, span)

    def _input_name(self) -> str:
        name = f"tensor_{len(self.taken)}"
        while name in self.own or name in self.known:
            name = f"{name}_"
        return name

    def _nodes(self, entries: list[FlatEntry], before: FlatEntry | None) -> Iterator[Node]:
        above = before.name if before is not None else None
        for one in entries:
            source = one.source
            if source is None and above is not None and above not in self.own:
                layer = LAYERS.find(one.kind)
                if not getattr(layer, "takes_no_tensor", False):
                    source = Entry(one.span, Scalar(above, one.span))
            if source is not None:
                source = Entry(source.key_span, self._rewritten(source.value))
            yield replace(one, named=True, source=source).node()
            above = one.name

    def _rewritten(self, node: Node) -> Node:
        if isinstance(node, Sequence):
            return Sequence(tuple(map(self._rewritten, node.items)), node.span)
        if isinstance(node, Mapping):
            entries = {
                key: Entry(one.key_span, self._rewritten(one.value))
                for key, one in node.entries.items()
            }
            return Mapping(entries, node.span)
        text = str(node.value)
        name = TensorName.parse(text)
        found = self.known.get(name.producer)
        if name.producer in self.own or found is None:
            return node
        index = (
            0 if name.output is None else output_index(name.output, found.names, len(found.types))
        )
        if index is None or index >= len(found.types):
            return node
        if text not in self.taken:
            self.taken[text] = self._input_name(), found.types[index]
        return node._replace(value=self.taken[text][0])


def _input(one: TensorType, span: Span) -> Node:
    """The declaration of an input of a type."""
    sizes = tuple(Scalar("auto" if size == PENDING else size, span) for size in one.shape[1:])
    entries = {
        "shape": Entry(span, Sequence(sizes, span)),
        "dtype": Entry(span, Scalar(one.dtype, span)),
    }
    if isinstance(one.shape[0], int):
        entries["batch_size"] = Entry(span, Scalar(one.shape[0], span))
    return Mapping(entries, span)


def _called(layers: Node, definitions: MappingType[str, Entry]) -> dict[str, Entry]:
    """The definitions that layers call, directly or through others, in their order."""
    if not definitions:
        return {}
    found: set[str] = set()
    queue: list[Node] = [layers]
    while queue:
        new = {word for word in _words(queue.pop()) if word in definitions} - found
        found |= new
        queue.extend(definitions[name].value for name in new)
    return {name: entry for name, entry in definitions.items() if name in found}


def _words(node: Node) -> Iterator[str]:
    """Every key and string in a value."""
    for one in walk(node):
        if isinstance(one, Mapping):
            yield from one.entries
        elif isinstance(one, Scalar) and isinstance(one.value, str):
            yield one.value
