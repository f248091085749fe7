"""References to tensors: what a spec writes, and the tensor of the flat list that it means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from modelspec.core.diagnostics import Collector, Fault, Note, Span, listed, nearest
from modelspec.core.settings import describe
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, plain

from ..graph import symbol_faults
from ..graph.symbols import TensorName, output_index
from .blocks import Block
from .tensor_scope import UNRESOLVED, Several, Target, Tensor, TensorScope, Unresolved
from .values import in_error, silenced

NO_TENSOR: Final = "?"
"""Replaces an invalid tensor: a name that no tensor can have, so that the graph does not know it
either.
"""


class References:
    """Resolves the references of one model. `refer` is called with every referenced tensor."""

    def __init__(self, collector: Collector, refer: Callable[[str], None]) -> None:
        self.collector = collector
        self.refer = refer
        self.knows_all = False
        """Whether all names are known here: linking, which sees only the flat list, would not know
        some of them.
        """
        self.has_errors = False
        """Whether some entries are invalid, so that an unknown name may be one of theirs."""

    # One reference --------------------------------------------------------------------------------

    def resolve(self, reference: Scalar, scope: TensorScope, *, may_stay: bool = True) -> Target:
        """The meaning of a reference, possibly several tensors; `UNRESOLVED`, with a report, if it
        does not exist.

        With `may_stay`, a reference that linking can judge, because it knows all names, is kept as
        written.
        """
        assert isinstance(reference.value, str)
        if in_error(reference):
            return UNRESOLVED
        name = TensorName.parse(reference.value)
        if may_stay and not self._knows_all_of(scope) and not scope.is_known(name):
            return UNRESOLVED if self.has_errors else Tensor(reference.value)
        found = scope.resolve(name, reference.span, complete=not self.has_errors)
        found = UNRESOLVED if found is None else found
        if name.output is None or isinstance(found, Unresolved):
            return found
        return self._output(reference, found, name.producer, name.output)

    def _knows_all_of(self, scope: TensorScope) -> bool:
        return self.knows_all or scope.block is not None

    def _output(
        self, reference: Scalar, found: Tensor | Several, producer: str, output: str
    ) -> Target:
        """One of several outputs: `read.hidden`, `down.0`."""
        if isinstance(found, Tensor) and TensorName.parse(found.text).output is None:
            # Inference knows the outputs of a layer.
            return Tensor(f"{found.text}.{output}", reference.span)
        outputs = found.outputs if isinstance(found, Several) else {}
        names = list(outputs)
        index = output_index(output, names, len(names))
        if index is not None:
            return outputs[names[index]]
        shown = [f"{producer}.{name}" for name in names]
        self.collector.report(
            symbol_faults.no_output(producer, output, names, shown), reference.span
        )
        return UNRESOLVED

    def single(
        self, target: Target, span: Span, taker: str, name: str | None = None
    ) -> Tensor | Unresolved:
        """The tensor, if it is a single one; MS312 for several. Without a `name` it is that of the
        previous entry.
        """
        if not isinstance(target, Several):
            return target
        choices = [f"{name}.{output}" if name else output for output in target.outputs]
        fault = symbol_faults.several_outputs(
            f"`{name}`" if name else "the entry before it",
            len(choices),
            taker,
            choices,
            "select one with `from`",
        )
        self.collector.report(fault, span, Note("its outputs are named here", target.span))
        return UNRESOLVED

    def _single_at(self, node: Node, scope: TensorScope, taker: str) -> Tensor | Unresolved:
        """The single tensor that a node names."""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            target = self.resolve(node, scope, may_stay=False)
            return self.single(target, node.span, taker, node.value)
        if not in_error(node):
            self.collector.report(
                Fault("MS204", f"expected the name of a tensor, found {describe(plain(node))}"),
                node.span,
            )
        return UNRESOLVED

    # Forms of `from` ------------------------------------------------------------------------------

    def rewrite(self, node: Node, scope: TensorScope) -> Node:
        """A `from` with the names of the flat list. Other values are kept, and the spec reader
        reports them.
        """
        if isinstance(node, Sequence):
            return Sequence(tuple(self.rewrite(item, scope) for item in node.items), node.span)
        if isinstance(node, Mapping):
            entries = {
                key: Entry(entry.key_span, self.rewrite(entry.value, scope))
                for key, entry in node.entries.items()
            }
            return Mapping(entries, node.span)
        return self._rewrite_text(node, scope) if isinstance(node.value, str) else node

    def _rewrite_text(self, node: Scalar, scope: TensorScope) -> Scalar:
        assert isinstance(node.value, str)
        found = self.single(self.resolve(node, scope), node.span, "one", node.value)
        if isinstance(found, Unresolved):
            return silenced(node._replace(value=NO_TENSOR))
        if found.text != node.value:
            self.refer(found.text)
        return node._replace(value=found.text, span=found.selected or node.span)

    def source(self, node: Node, scope: TensorScope) -> Target:
        """The single tensor that a `from` names."""
        if isinstance(node, Sequence) and len(node.items) == 1:
            node = node.items[0]
        return self._single_at(node, scope, "it")

    # Inputs of blocks -----------------------------------------------------------------------------

    def inputs(self, node: Node, block: Block, scope: TensorScope) -> dict[str, Target]:
        """The tensors of the inputs of a block, from one name, a list, or a mapping of inputs to
        names.
        """
        taker = f"block `{block.name}`"
        if isinstance(node, Mapping):
            found = self._by_name(node, block, scope)
            return {name: found.get(name, UNRESOLVED) for name in block.inputs}
        items = node.items if isinstance(node, Sequence) else (node,)
        tensors = tuple(self._single_at(item, scope, taker) for item in items)
        return self.in_order(tensors, block, node.span)

    def in_order(
        self, tensors: tuple[Tensor | Unresolved, ...], block: Block, span: Span
    ) -> dict[str, Target]:
        """The same from tensors in the order of the inputs."""
        names = block.inputs
        if len(tensors) == len(names):
            return dict(zip(names, tensors, strict=True))
        if len(names) == 1:
            wanted, help = "one tensor", "join them first, e.g. with `Concatenate`"
        else:
            wanted = f"{len(names)} tensors ({listed(names)})"
            help = f"write `from: {{{', '.join(f'{name}: ...' for name in names)}}}`"
        found = len(tensors) or "no `from`"
        self.collector.report(
            Fault("MS310", f"block `{block.name}` takes {wanted}, found {found}", help=help), span
        )
        return dict.fromkeys(names, UNRESOLVED)

    def _by_name(
        self, node: Mapping, block: Block, scope: TensorScope
    ) -> dict[str, Tensor | Unresolved]:
        """The tensors of the inputs that are written."""
        found: dict[str, Tensor | Unresolved] = {}
        for key, entry in node.entries.items():
            if key in block.inputs:
                found[key] = self._single_at(entry.value, scope, f"block `{block.name}`")
            else:
                self._unknown_input(key, entry.key_span, block)
        missing = [name for name in block.inputs if name not in found]
        if missing and len(found) == len(node.entries):
            self.collector.report(
                Fault("MS310", f"block `{block.name}` requires {listed(missing)}"), node.span
            )
        return found

    def _unknown_input(self, name: str, span: Span, block: Block) -> None:
        near = nearest(name, block.inputs)
        self.collector.report(
            Fault(
                "MS311",
                f"block `{block.name}` has no input `{name}`",
                suggestion=near,
                help=f"did you mean `{near}`?" if near else f"it has {listed(block.inputs)}",
            ),
            span,
        )

    # Outputs --------------------------------------------------------------------------------------

    def outputs(self, node: Node, scope: TensorScope) -> Target:
        """The result of a block: one tensor, or several by name."""
        taker = "an output of a block"
        if isinstance(node, Scalar):
            return self._single_at(node, scope, taker)
        if isinstance(node, Mapping):
            named = [(name, entry.value) for name, entry in node.entries.items()]
        else:
            named = [(_output_name(item), item) for item in node.items]
        found: dict[str, Target] = {
            name: self._single_at(item, scope, taker) for name, item in named
        }
        if len(found) == 1 and isinstance(node, Sequence):
            return next(iter(found.values()))
        return Several(found, node.span) if found else UNRESOLVED

    def public(self, node: Node, scope: TensorScope) -> Node:
        """The `outputs` of a model with the names of the flat list; public names are kept."""
        if isinstance(node, Mapping):
            return self.rewrite(node, scope)
        items = node.items if isinstance(node, Sequence) else (node,)
        written = list(_texts_before_others(items))
        found = [self._rewrite_text(item, scope) for item in written]
        if len(written) < len(items):
            return node
        texts = [str(item.value) for item in written]
        names = _public_names(texts)
        if names is None or texts == [one.value for one in found]:
            return Sequence(tuple(found), node.span) if isinstance(node, Sequence) else found[0]
        return _named_outputs(names, written, found, node.span)


def _named_outputs(
    names: list[str], written: list[Scalar], found: list[Scalar], span: Span
) -> Mapping:
    entries = {
        name: Entry(item.span, one) for name, item, one in zip(names, written, found, strict=True)
    }
    return Mapping(entries, span)


def _texts_before_others(nodes: Iterable[Node]) -> Iterator[Scalar]:
    """The strings of a list, up to the first value of another type."""
    for node in nodes:
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            return
        yield node


def _output_name(node: Node) -> str:
    """The name of an unnamed output: `read_hidden` for `read.hidden`."""
    is_text = isinstance(node, Scalar) and isinstance(node.value, str)
    return str(plain(node)).replace(".", "_") if is_text else ""


def _public_names(references: list[str]) -> list[str] | None:
    """The names of unnamed outputs of a model: the names of their tensors; if those are equal, as
    in `_output_name`. None if the names are not unique.
    """
    found: dict[str, None] = {}
    for text in references:
        producer = TensorName.parse(text).producer
        name = text.replace(".", "_") if producer in found else producer
        if name in found:
            return None
        found[name] = None
    return list(found)
