"""The names of one model while its entries are linked, and the tensors of references."""

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
    """The names of one model, as far as it is read. A symbol is the name of an input or a call: its
    outputs are known only after type inference.
    """

    def __init__(self, collector: Collector, section: ModelSection) -> None:
        self.collector = collector
        self.table = SymbolTable[str](collector)
        self.table.upcoming = {use.name: use.name_span for use in section.uses if use.name}
        self.last: str | None = None
        """The tensor that an entry without `from` takes."""
        self.batch: str | None = None
        """The first input that a call always passes."""
        if section.inputs is None:
            self.table.define(ANY_INPUT, ANY_INPUT, None)
            self.last = self.batch = ANY_INPUT
        elif section.inputs:
            for one in section.inputs:
                self.table.define(one.name, one.name, one.span)
            self.last = section.inputs[0].name
            required = (one.name for one in section.inputs if not one.optional)
            self.batch = next(required, None)

    def name(self, use: Use) -> str:
        """The name of the call: explicit, or the one that Keras would give."""
        if use.name is not None:
            return use.name
        base = use.kind if use.shared else snake_case(use.kind)
        return self.table.automatic.next(base, self.table.is_free)

    def define(self, name: str, use: Use) -> None:
        """Make a call available to later entries; MS304 if the name is taken."""
        self.table.define(name, name, use.name_span or use.kind_span)
        self.last = name

    # References -----------------------------------------------------------------------------------

    def sources(self, use: Use) -> Sources | None:
        """The tensors that the entry takes, as written; None if one of them is invalid."""
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

    def any_batch(self, use: Use) -> Sources | None:
        """The input whose batch size a tensor without an input has; None, with a report, if there
        is none, or if the entry takes a tensor.
        """
        written = use.sources_span
        if written is not None and written != use.kind_span:  # not added by an expansion
            self.collector.error(
                "MS418",
                f"`{use.kind}` takes no tensor",
                written,
                help="remove `from`; to combine it with a tensor, name it in a later entry",
            )
            return None
        if self.batch is None:
            self.collector.error(
                "MS420",
                f"`{use.kind}` is repeated over the batch, but all inputs are optional",
                use.kind_span,
                help="declare an input without `optional: true`",
            )
            return None
        return (Ref(self.batch, None, use.kind_span),)

    def _all(self, references: tuple[Reference, ...]) -> tuple[Ref, ...] | None:
        found = [self.resolve(one) for one in references]
        known = tuple(one for one in found if one is not None)
        return known if len(known) == len(found) else None

    def resolve(self, reference: Reference) -> Ref | None:
        """The tensor that a reference names; None, with a report, if it does not exist."""
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
            elif public:  # kept, so that references to this output report no error
                found[public] = Ref("", None, section.span)
        return found

    def _public_name(
        self, public: str | None, reference: Reference, ref: Ref, taken: Container[str]
    ) -> str:
        """The name of an output: `read`, and `read_hidden` if `read` is another output."""
        name = public or ref.producer
        if name in taken:
            name = reference.text.replace(".", "_")
        if name in taken:
            self.collector.add(symbol_faults.output_named_twice(name, reference.span))
        return name
