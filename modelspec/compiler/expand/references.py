"""References to tensors: what a spec writes, and which tensor of the flat list it means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from modelspec.core.diagnostics import Fault, Note, Span, listed, nearest
from modelspec.core.settings import describe
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, plain

from .blocks import Block
from .naming import LOST, LeftOut, Names, Several, Target, Tensor, Unknown
from .notebook import Notebook
from .values import in_error, silenced

NOTHING: Final = "?"
"""Stands for a tensor in error: what no tensor can be called, so that the graph does not know it
either.
"""


class References:
    """Resolves the references of one model. `refer` hears of every tensor that one leads to."""

    def __init__(self, notebook: Notebook, refer: Callable[[str], None]) -> None:
        self.notebook = notebook
        self.refer = refer
        self.strict = False
        """Whether all names are known here: the graph, which sees the flat list alone, would not
        know some.
        """
        self.lenient = False
        """Whether entries are in error, so that a name that seems unknown may be one of theirs."""

    # One reference --------------------------------------------------------------------------------

    def target(self, reference: Scalar, names: Names, *, strict: bool = False) -> Target:
        """What a reference leads to, several tensors perhaps; `LOST`, with a report, where it leads
        nowhere.

        A reference that stays in the flat list may be left to the graph to judge; not so with
        `strict`.
        """
        assert isinstance(reference.value, str)
        if in_error(reference):
            return LOST
        producer, dot, output = reference.value.partition(".")
        found = names.table.get(producer)
        if found is None:
            return self._missing(
                reference, producer, names, strict or self.strict or names.block is not None
            )
        if isinstance(found, LeftOut):
            self.notebook.report(
                Fault(
                    "MS132",
                    f"`{producer}` was left out, so there is no such tensor",
                    help=f"leave this out as well, or choose: `$('{producer}' if ... else '...')`",
                ),
                reference.span,
                Note("left out here", found.span),
            )
            return LOST
        if not dot or isinstance(found, Unknown):
            return found
        return self._output(reference, found, producer, output)

    def _output(
        self, reference: Scalar, found: Tensor | Several, producer: str, output: str
    ) -> Target:
        """One of several outputs: `read.hidden`, `down.0`."""
        if isinstance(found, Tensor) and "." not in found.text:
            return Tensor(f"{found.text}.{output}")
        outputs = found.outputs if isinstance(found, Several) else {}
        if output in outputs:
            return outputs[output]
        if output.isdecimal() and len(output) < 6 and int(output) < len(outputs):
            return list(outputs.values())[int(output)]
        known = [f"{producer}.{name}" for name in outputs]
        near = nearest(output, outputs)
        self.notebook.report(
            Fault(
                "MS305",
                f"`{producer}` has no output `{output}`",
                suggestion=f"{producer}.{near}" if near else None,
                help=f"it has {listed(known)}" if known else f"it has one: write `{producer}`",
            ),
            reference.span,
        )
        return LOST

    def _missing(self, reference: Scalar, producer: str, names: Names, strict: bool) -> Target:
        if producer in names.later and strict:
            self.notebook.report(
                Fault(
                    "MS303",
                    f"`{producer}` is used before it is defined",
                    help="move its entry above this one",
                ),
                reference.span,
                Note("it is defined here", names.later[producer]),
            )
            return LOST
        if not strict and not self.lenient:
            return Tensor(
                str(reference.value)
            )  # the graph knows, or says that there is no such tensor
        if not self.lenient:
            self._unknown(reference, producer, names)
        return LOST

    def _unknown(self, reference: Scalar, producer: str, names: Names) -> None:
        known = [name for name, target in names.table.items() if not isinstance(target, LeftOut)]
        near = nearest(producer, known)
        suggestion = str(reference.value).replace(producer, near, 1) if near else None
        shown = listed([name for name in known if not name[-1:].isdigit()][:12])
        if names.block is None:
            help = f"did you mean `{near}`?" if near else f"defined so far: {shown}"
            fault = Fault(
                "MS302", f"there is no tensor `{producer}`", help=help, suggestion=suggestion
            )
        else:
            help = (
                f"did you mean `{near}`?"
                if near
                else f"a block sees its inputs and its own entries only: {shown}"
            )
            fault = Fault(
                "MS302",
                f"there is no tensor `{producer}` in block `{names.block}`",
                help=help,
                suggestion=suggestion,
            )
        self.notebook.report(fault, reference.span)

    def one(
        self, target: Target, span: Span, taker: str, name: str = "the entry before it"
    ) -> Tensor | Unknown:
        """The tensor, where it is one; MS312 where several are given."""
        if isinstance(target, Several):
            known = list(target.outputs)
            shown = f"`{name}`" if " " not in name else name
            choices = (
                listed([f"{name}.{one}" for one in known], "or")
                if " " not in name
                else listed(known, "or")
            )
            self.notebook.report(
                Fault(
                    "MS312",
                    f"{shown} gives {len(known)} tensors, and {taker} needs one here",
                    help=f"select one with `from`: {choices}",
                ),
                span,
                Note("its outputs are named here", target.span),
            )
            return LOST
        return target if isinstance(target, (Tensor, Unknown)) else LOST

    def _one(self, node: Node, names: Names, taker: str) -> Tensor | Unknown:
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            self._no_reference(node)
            return LOST
        return self.one(self.target(node, names, strict=True), node.span, taker, node.value)

    def _no_reference(self, node: Node) -> None:
        if not in_error(node):
            self.notebook.report(
                Fault(
                    "MS204", f"the name of a tensor must stand here, found {describe(plain(node))}"
                ),
                node.span,
            )

    # Forms of `from` ------------------------------------------------------------------------------

    def rewrite(self, node: Node, names: Names) -> Node:
        """A `from` with the names of the flat list. What is no reference stays, and reading the
        spec says so.
        """
        if isinstance(node, Sequence):
            return Sequence(tuple(self.rewrite(item, names) for item in node.items), node.span)
        if isinstance(node, Mapping):
            return Mapping(
                {
                    key: Entry(entry.key_span, self.rewrite(entry.value, names))
                    for key, entry in node.entries.items()
                },
                node.span,
            )
        if not isinstance(node.value, str):
            return node
        found = self.one(self.target(node, names), node.span, "one", node.value)
        if isinstance(found, Unknown):
            return silenced(node._replace(value=NOTHING))
        if found.text != node.value:
            self.refer(found.text)
        return node._replace(value=found.text)

    def source(self, node: Node, names: Names) -> Target:
        """The one tensor that a `from` names."""
        if isinstance(node, Sequence) and len(node.items) == 1:
            node = node.items[0]
        return self._one(node, names, "it")

    def inputs(self, node: Node, block: Block, names: Names) -> dict[str, Target]:
        """The tensors of a block's inputs, from one name, a list, or a mapping of inputs to
        names.
        """
        if isinstance(node, Mapping):
            found: dict[str, Target] = dict.fromkeys(block.inputs, LOST)
            self._by_name(node, block, names, found)
            return found
        items = node.items if isinstance(node, Sequence) else (node,)
        return self.in_order(
            tuple(self._one(item, names, f"block `{block.name}`") for item in items),
            block,
            node.span,
        )

    def in_order(
        self, tensors: tuple[Tensor | Unknown, ...], block: Block, span: Span
    ) -> dict[str, Target]:
        """The same from tensors in the order of the inputs."""
        if len(tensors) == len(block.inputs):
            return dict(zip(block.inputs, tensors, strict=True))
        wanted = (
            "one tensor"
            if len(block.inputs) == 1
            else f"{len(block.inputs)} tensors ({listed(block.inputs)})"
        )
        example = ", ".join(f"{name}: ..." for name in block.inputs)
        help = (
            f"write `from: {{{example}}}`"
            if len(block.inputs) > 1
            else "join them first, e.g. with `Concatenate`"
        )
        found = len(tensors) or "no `from`"
        self.notebook.report(
            Fault("MS310", f"block `{block.name}` takes {wanted}, found {found}", help=help), span
        )
        return dict.fromkeys(block.inputs, LOST)

    def _by_name(self, node: Mapping, block: Block, names: Names, found: dict[str, Target]) -> None:
        for key, entry in node.entries.items():
            if key in block.inputs:
                found[key] = self._one(entry.value, names, f"block `{block.name}`")
                continue
            near = nearest(key, block.inputs)
            self.notebook.report(
                Fault(
                    "MS311",
                    f"block `{block.name}` has no input `{key}`",
                    suggestion=near,
                    help=f"did you mean `{near}`?" if near else f"it has {listed(block.inputs)}",
                ),
                entry.key_span,
            )
        missing = [name for name in block.inputs if name not in node.entries]
        if missing and all(key in block.inputs for key in node.entries):
            self.notebook.report(
                Fault("MS310", f"block `{block.name}` needs {listed(missing)}"), node.span
            )

    # Outputs --------------------------------------------------------------------------------------

    def outputs(self, node: Node, names: Names) -> Target:
        """What a block gives: one tensor, or several by name."""
        if isinstance(node, Scalar):
            return self._one(node, names, "an output of a block")
        found: dict[str, Target] = {}
        if isinstance(node, Mapping):
            for key, entry in node.entries.items():
                found[key] = self._one(entry.value, names, "an output of a block")
        else:
            for item in node.items:
                name = (
                    item.value.replace(".", "_")
                    if isinstance(item, Scalar) and isinstance(item.value, str)
                    else ""
                )
                found[name] = self._one(item, names, "an output of a block")
        if len(found) == 1 and isinstance(node, Sequence):
            return next(iter(found.values()))
        return Several(found, node.span) if found else LOST

    def public(self, node: Node, names: Names) -> Node:
        """The `outputs` of a model with the names of the flat list; the names that they are known
        by stay.
        """
        if isinstance(node, Mapping):
            return self.rewrite(node, names)
        items = node.items if isinstance(node, Sequence) else (node,)
        entries: dict[str, Entry] = {}
        changed = False
        for item in items:
            if not isinstance(item, Scalar) or not isinstance(item.value, str):
                return node
            new = self.rewrite(item, names)
            assert isinstance(new, Scalar)
            changed = changed or new.value != item.value
            key = item.value.partition(".")[0]
            key = item.value.replace(".", "_") if key in entries else key
            if key in entries:
                return self.rewrite(node, names)
            entries[key] = Entry(item.span, new)
        return Mapping(entries, node.span) if changed else self.rewrite(node, names)
