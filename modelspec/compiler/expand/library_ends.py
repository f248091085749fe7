"""Where a library model ends: at the layer that `until` names, or at the layers of `taps`."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.core.diagnostics import Collector, Fault, Span, listed, nearest
from modelspec.core.settings import describe
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, Value, plain

from .flatten import Flattener
from .tensor_scope import Tensor

_SHOWN = 4
"""Layers at the beginning and at the end of a model that a help names."""


class Ends:
    """The ends of one library model, as its entry sets them."""

    def __init__(
        self, kind: str, until: Entry | None, taps: Entry | None, collector: Collector
    ) -> None:
        self.kind = kind
        self.until = until
        self.taps = taps
        self.collector = collector
        self.broken = False
        """Whether `taps` is invalid: the outputs of the model are then unknown."""
        self.outputs: Entry | None = None
        """The outputs by the names of their layers, with `taps`."""
        if until is not None and taps is not None:
            fault = Fault(
                "MS208",
                f"`{kind}` has both `until` and `taps`",
                help="add the layer of `until` to `taps`",
            )
            self._wrong(fault, until.key_span)

    def _wrong(self, fault: Fault, span: Span) -> None:
        self.broken = True
        self.collector.report(fault, span)

    def cut(self, flattener: Flattener, layers: Node) -> Node | None:
        """The layers that the ends require; None if neither setting is given. Without a valid name
        they are all layers.
        """
        if self.taps is not None:
            return self._tapped(self.taps, flattener, layers)
        if self.until is None:
            return None
        name = plain(self.until.value)
        found = flattener.end_at(name) if isinstance(name, str) else None
        if found is not None:
            return Sequence(found, layers.span)
        fault = self._unknown_layer("until", name, flattener)
        self.collector.report(fault, self.until.value.span)
        return layers

    def _tapped(self, taps: Entry, flattener: Flattener, layers: Node) -> Node:
        found: dict[str, tuple[Tensor, Node]] = {}
        for node in self._items(taps.value):
            name = plain(node)
            tensor = flattener.named(name) if isinstance(name, str) else None
            if tensor is None:
                fault = self._unknown_layer("taps", name, flattener)
                self._wrong(fault, node.span)
            elif str(name) in found:
                fault = Fault("MS304", f"`taps` names `{name}` twice", help="remove one of them")
                self._wrong(fault, node.span)
            else:
                found[str(name)] = tensor, node
        if not found:
            return layers
        kept = flattener.end_at_all(tensor for tensor, _ in found.values())
        entries = {
            name: Entry(node.span, Scalar(tensor.text, node.span))
            for name, (tensor, node) in found.items()
        }
        self.outputs = Entry(taps.key_span, Mapping(entries, taps.value.span))
        return Sequence(kept, layers.span)

    def _items(self, value: Node) -> Iterator[Node]:
        if not isinstance(value, Sequence):
            yield value
            return
        if not value.items:
            message = f"`taps` of `{self.kind}` must name at least one layer"
            self._wrong(Fault("MS205", message), value.span)
        yield from value.items

    def _unknown_layer(self, setting: str, name: Value, flattener: Flattener) -> Fault:
        if not isinstance(name, str):
            wanted = "the name of a layer in it"
            if setting == "taps":
                wanted = "a list of names of layers in it"
            return Fault(
                "MS204", f"`{setting}` of `{self.kind}` must be {wanted}, found {describe(name)}"
            )
        known = list(flattener.flat.by_name)
        near = nearest(name, known)
        ends = [*known[:_SHOWN], *known[-_SHOWN:]] if len(known) > 2 * _SHOWN else known
        return Fault(
            "MS302",
            f"`{self.kind}` has no layer `{name}`",
            suggestion=near,
            help=f"did you mean `{near}`?" if near else f"among its layers are {listed(ends)}",
        )
