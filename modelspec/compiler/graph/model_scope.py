"""The names of one model while its entries are linked, and the tensors that references mean."""

from __future__ import annotations

from collections.abc import Container
from typing import TypeAlias

from modelspec.core.diagnostics import Collector
from modelspec.core.registry import snake_case

from ..spec.entries import Reference, Use
from ..spec.model_section import ModelSection
from . import symbol_faults
from .graph import ANY_INPUT, Call, Ref
from .symbols import SymbolTable, TensorName

Sources: TypeAlias = "tuple[Ref, ...] | dict[str, Ref | tuple[Ref, ...]]"
"""The tensors of a `from`, in the form in which it was written."""


class ModelScope:
    """The names of one model, as far as it is read. A symbol is the name of an input or a call:
    which outputs that has is known once its types are.
    """

    def __init__(self, collector: Collector, section: ModelSection) -> None:
        self.collector = collector
        self.table = SymbolTable[str](collector)
        self.table.upcoming = {use.name: use.name_span for use in section.uses if use.name}
        self.last: str | None = None
        """What an entry without `from` takes."""
        if section.inputs is None:
            self.table.define(ANY_INPUT, ANY_INPUT, None)
            self.last = ANY_INPUT
        elif section.inputs:
            for one in section.inputs:
                self.table.define(one.name, one.name, one.span)
            self.last = section.inputs[0].name

    def name(self, use: Use) -> str:
        """The call's name: its own, or the one that Keras would give."""
        if use.name is not None:
            return use.name
        base = use.kind if use.shared else snake_case(use.kind)
        return self.table.automatic.next(base, self.table.is_free)

    def define(self, name: str, use: Use) -> None:
        """Let the entries below refer to a call; MS304 where something has its name."""
        self.table.define(name, name, use.name_span or use.kind_span)
        self.last = name

    # References -----------------------------------------------------------------------------------

    def sources(self, use: Use) -> Sources | None:
        """The tensors that the entry takes, as written; None where one of them is in error."""
        if use.sources is None:
            if use.sources_span is not None or self.last is None:
                return None
            return (Ref(self.last, None, use.kind_span),)
        if isinstance(use.sources, tuple):
            return self._all(use.sources)
        found = {
            argument: self.resolve(item) if isinstance(item, Reference) else self._all(item)
            for argument, item in use.sources.items()
        }
        known = {argument: item for argument, item in found.items() if item is not None}
        return known if len(known) == len(found) else None

    def _all(self, references: tuple[Reference, ...]) -> tuple[Ref, ...] | None:
        found = [self.resolve(one) for one in references]
        known = tuple(one for one in found if one is not None)
        return known if len(known) == len(found) else None

    def resolve(self, reference: Reference) -> Ref | None:
        """The tensor that a reference names; a fault and None where there is none."""
        name = TensorName.parse(reference.text)
        producer = self.table.resolve(name, reference.span)
        return None if producer is None else Ref(producer, name.output, reference.span)

    # Outputs --------------------------------------------------------------------------------------

    def outputs(self, section: ModelSection, calls: list[Call]) -> dict[str, Ref]:
        """The model's outputs; by default the last entry."""
        if section.outputs is None:
            if not calls:
                return {}
            last = calls[-1]
            return {last.name: Ref(last.name, None, last.use.kind_span)}
        found: dict[str, Ref] = {}
        for public, reference in section.outputs:
            ref = self.resolve(reference) if reference is not None else None
            if reference is not None and ref is not None:
                found[self._public_name(public, reference, ref, found)] = ref
            elif public:  # it stays, so that what selects this output says nothing
                found[public] = Ref("", None, section.span)
        return found

    def _public_name(
        self, public: str | None, reference: Reference, ref: Ref, taken: Container[str]
    ) -> str:
        """What an output is called: `read`, and `read_hidden` where `read` is another one."""
        name = public or ref.producer
        if name in taken:
            name = reference.text.replace(".", "_")
        if name in taken:
            self.collector.add(symbol_faults.output_named_twice(name, reference.span))
        return name
