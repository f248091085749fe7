"""The names of one model, as far as it is read, and the tensors that references mean."""

from __future__ import annotations

from typing import TypeAlias

from modelspec.core.collector import Collector
from modelspec.core.diagnostics import Note, Span, listed, nearest
from modelspec.core.registry import snake_case

from ..spec.entries import Reference, Use
from ..spec.model_section import ModelSection
from .graph import ANY_INPUT, Call, Ref

Resolved: TypeAlias = "tuple[Ref | None, ...] | dict[str, Ref | tuple[Ref | None, ...] | None]"


class Scope:
    """The names of one model, as far as it is read."""

    def __init__(self, report: Collector, section: ModelSection) -> None:
        self.report = report
        self.defined: dict[str, Span | None] = {}
        self.later = {use.name: use.name_span for use in section.uses if use.name}
        self.last: str | None = None
        self._counts: dict[str, int] = {}
        inputs = section.inputs
        for one in inputs or ():
            self.defined[one.name] = one.span
        if inputs is None:
            self.defined[ANY_INPUT] = None
            self.last = ANY_INPUT
        elif inputs:
            self.last = inputs[0].name

    def name(self, use: Use) -> str:
        """The call's name: its own, or the one that Keras would give."""
        if use.name is not None:
            if use.name in self.defined:
                first = self.defined[use.name]
                self.report.error(
                    "MS304",
                    f"`{use.name}` is defined twice",
                    use.name_span,
                    notes=[Note("first defined here", first)] if first else [],
                )
            return use.name
        base = use.kind if use.shared else snake_case(use.kind) or "layer"
        while True:
            count = self._counts.get(base, 0)
            self._counts[base] = count + 1
            name = f"{base}_{count}" if count else base
            if name not in self.defined and name not in self.later:
                return name

    def define(self, name: str, use: Use) -> None:
        self.defined.setdefault(name, use.name_span or use.kind_span)
        self.last = name

    def sources(self, use: Use) -> Resolved | None:
        """The tensors that the entry takes, as written; None where one of them is in error."""
        if use.sources is None:
            if use.sources_span is not None or self.last is None:
                return None
            return (Ref(self.last, None, use.kind_span),)
        if isinstance(use.sources, tuple):
            refs = tuple(self.resolve(ref) for ref in use.sources)
            return None if None in refs else refs
        found = {
            key: (
                self.resolve(item)
                if isinstance(item, Reference)
                else tuple(self.resolve(ref) for ref in item)
            )
            for key, item in use.sources.items()
        }
        return None if any(_has_gap(item) for item in found.values()) else found

    def resolve(self, reference: Reference) -> Ref | None:
        """The tensor that a reference names; a fault and None where there is none."""
        producer, dot, output = reference.text.partition(".")
        if producer in self.defined:
            return Ref(producer, output if dot else None, reference.span)
        if producer in self.later:
            self.report.error(
                "MS303",
                f"`{producer}` is used before it is defined",
                reference.span,
                notes=[Note("it is defined here", self.later[producer])],
                help="move its entry above this one",
            )
            return None
        near = nearest(producer, self.defined)
        names = [name for name in self.defined if not name[-1:].isdigit()][:12]
        self.report.error(
            "MS302",
            f"there is no tensor `{producer}`",
            reference.span,
            suggestion=(near + dot + output) if near else None,
            help=f"did you mean `{near}`?" if near else f"defined so far: {listed(names)}",
        )
        return None

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
            name = public or (ref.producer if ref else None)
            if name is None:
                continue
            if (
                reference is None or ref is None
            ):  # it stays, so that what selects this output says nothing
                found[name] = Ref("", None, section.span)
                continue
            if name in found:
                name = reference.text.replace(".", "_")
            if name in found:
                self.report.error(
                    "MS304", f"`{name}` is named twice among the outputs", reference.span
                )
            found[name] = ref
        return found


def _has_gap(item: Ref | tuple[Ref | None, ...] | None) -> bool:
    """Whether one of the references led nowhere."""
    return item is None or (not isinstance(item, Ref) and None in item)
