"""The specs of the trials of a sweep."""

from __future__ import annotations

import json
from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, TypeAlias

from modelspec.core.diagnostics import Checked, Collector, Diagnostic, Span, TooManyFaults
from modelspec.core.diagnostics.diagnostic import Fault
from modelspec.core.ignored_keys import is_ignored
from modelspec.core.paused_collection import paused_collection
from modelspec.core.settings import Context, describe
from modelspec.core.source import Document, Entry, Mapping, Node, Scalar, Sequence, plain

from ..expand import merged
from ..expand.changes import Change, changed, condition, expanded, read_path
from ..expand.rebase import with_named_places
from ..pipeline import Compiled, compile_document
from ..spec.fold_expectations import without_fold_expectations
from ..spec.sweep_section import FOLD, Parameter, Sweep
from .conditions import Placed, placed

Assignment: TypeAlias = "dict[str, Node]"
"""The values of a trial by path; without those of parameters whose condition does not hold."""
_NOT_COMPARED: Final = ("name", "description", "expect")
"""Sections that may change without making another sweep."""


@dataclass(frozen=True, eq=False)
class Space:
    """The parameters of a sweep with the document that their values are set in."""

    compiled: Compiled
    sweep: Sweep
    root: Mapping
    """The document with the files that it extends, before any expression; without `sweep`."""
    context: Context
    moved: bool
    """Whether paths in it may be relative to other folders."""
    placed: tuple[Placed, ...]
    """The parameters; a condition uses earlier ones only."""
    decided: dict[tuple[Any, ...], Checked[bool]] = field(default_factory=dict, repr=False)
    """The conditions that were evaluated, by the values that they use."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters in an order in which a condition uses earlier ones only."""
        return tuple(one.parameter for one in self.placed)

    @property
    def is_conditional(self) -> bool:
        """Whether a trial may set some of the parameters only."""
        return any(one.when is not None for one in self.parameters)

    def is_active(self, parameter: Parameter, values: MappingType[str, Any]) -> bool:
        """Whether a trial with these values (of earlier parameters, by path) sets a parameter.
        False if its condition has no value.
        """
        return self.activity(parameter, self.nodes(values)).value

    def activity(self, parameter: Parameter, values: Assignment) -> Checked[bool]:
        """The same for values as nodes, with the faults of the condition."""
        node = parameter.when_node
        if node is None:
            return Checked(True)
        place = next(one for one in self.placed if one.parameter.path == parameter.path)
        used = [(path, repr(plain(values[path]))) for path in sorted(place.needs & values.keys())]
        key = (parameter.path, *used)
        if key not in self.decided:
            self.decided[key] = self._decided(node, values)
        return self.decided[key]

    def _decided(self, node: Node, values: Assignment) -> Checked[bool]:
        """The value of a condition."""
        own = [one for one in self.placed if one.keys[0] == "vars" and one.parameter.path in values]
        root = changed(self.root, self._changes(own, values), Collector())
        found = condition(node, root, self._others(values), self.context)
        if found.value is None:
            return Checked(False, found.diagnostics)
        value = plain(found.value)
        if isinstance(value, bool):
            return Checked(value)
        message = f"`when` must be `true` or `false`, found {describe(value)}"
        fault = Fault("MS204", message, help="compare it: `$(depth > 3)`")
        return Checked(False, (fault.at(node.span),))

    def compiled_with(self, values: MappingType[str, Any]) -> Checked[Compiled | None]:
        """The spec with values by path, which may be of other paths than the parameters."""
        return self.trial(self.nodes(values))

    @paused_collection()
    def trial(self, values: Assignment) -> Checked[Compiled | None]:
        """The spec of a trial: with the given values, and without `sweep`."""
        found = Collector()
        root = changed(self.root, self._changes(self._known(values), values), found)
        with self.context.plugins.active():
            document = found.collect(expanded(root, self.context, moved=self.moved))
            if document is None:
                return Checked(None, found.diagnostics)
            return Checked(self._compiled(document, found), found.diagnostics)

    def _compiled(self, document: Document, found: Collector) -> Compiled | None:
        context = self.context
        if self.moved:
            context = with_named_places(document.root, context)
        try:
            return found.collect(compile_document(document, context))
        except TooManyFaults as many:
            found.extend((*many.found, many.last("the rest of the spec")))
        return None

    # Values ---------------------------------------------------------------------------------------

    def nodes(self, values: MappingType[str, Any]) -> Assignment:
        """Plain values as nodes, each at the place where the sweep lists it, or its parameter."""
        return {path: self._node(path, value) for path, value in values.items()}

    def _node(self, path: str, value: Any) -> Node:
        one = next((one for one in self.parameters if one.path == path), None)
        if one is None:
            span = self.sweep.folds_span if path == FOLD else None
            return node_of(value, span or self.sweep.span)
        given = repr(_frozen(value))
        for node in one.nodes:
            if repr(plain(node)) == given:
                return node
        return node_of(value, one.span if one.kind == "values" else _over(one.nodes))

    def _known(self, values: Assignment) -> list[Placed]:
        """The places of all values, parameters first."""
        found = [one for one in self.placed if one.parameter.path in values]
        known = {one.parameter.path for one in found}
        for path in values:
            if path not in known:
                span = self.sweep.folds_span or self.sweep.span
                other = Parameter(path, "values", span=span, nodes=())
                found.append(Placed(other, read_path(path, span)))
        return found

    def _changes(self, places: SequenceType[Placed], values: Assignment) -> list[Change]:
        return [Change(one.path, one.steps, values[one.parameter.path]) for one in places]

    def _others(self, values: Assignment) -> dict[str, Node]:
        """What conditions may name besides `vars`: `training` with the parameters below it, null
        where the trial sets none.
        """
        found: dict[str, Any] = {}
        for one in sorted(self.placed, key=lambda one: len(one.steps)):
            if one.keys[0] != "vars":
                value = values.get(one.parameter.path)
                _nest(found, one.names, value or Scalar(None, one.parameter.span))
        return {name: _as_node(one, self.sweep.span) for name, one in found.items()}


def space_of(compiled: Compiled) -> Checked[Space | None]:
    """The space of a compiled spec; None without a sweep, or if its paths or conditions are
    invalid.
    """
    sweep, written = compiled.sweep, compiled.written
    if sweep is None or written is None:
        return Checked(None)
    found, aside = Collector(), Collector()
    document, overrides, context = written
    root = merged(document.root, context, overrides, aside)
    moved = bool(overrides) or "extends" in document.root.entries
    rest = {key: one for key, one in root.entries.items() if key != "sweep"}
    root = Mapping(rest, root.span)
    if sweep.folds:
        root = without_fold_expectations(root)
    places = placed(sweep.parameters, root, found)
    if found.has_errors:
        return Checked(None, found.diagnostics)
    return Checked(Space(compiled, sweep, root, context, moved, places), found.diagnostics)


def resolved_with(
    spec: Compiled | Space, overrides: MappingType[str, Any]
) -> Checked[Compiled | None]:
    """The spec of a trial, with values by path. To compile many, pass `space_of(compiled).value`,
    which merges the files that the spec extends once.
    """
    if isinstance(spec, Space):
        return spec.compiled_with(overrides)
    space = space_of(spec)
    if space.value is None:
        return Checked(None, space.diagnostics)
    return space.value.compiled_with(overrides)


def identity(space: Space) -> str:
    """SHA-256 of everything that determines the trials of a sweep: the document and the sweep as
    written, without comments, names and expectations.
    """
    section = space.compiled.file.root.entries["sweep"].value
    kept = {
        key: plain(one.value)
        for key, one in space.root.entries.items()
        if key not in _NOT_COMPARED and not is_ignored(key)
    }
    text = json.dumps([kept, plain(section)], ensure_ascii=False, default=str)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def own_faults(found: SequenceType[Diagnostic]) -> list[Diagnostic]:
    """The errors of a trial; its warnings are those of one spec among many."""
    return [one for one in found if one.severity == "error"]


def node_of(value: Any, span: Span) -> Node:
    """A plain value as a node, all of it at one place."""
    if isinstance(value, MappingType):
        entries = {str(key): Entry(span, node_of(one, span)) for key, one in value.items()}
        return Mapping(entries, span)
    if isinstance(value, (list, tuple)):
        return Sequence(tuple(node_of(one, span) for one in value), span)
    return Scalar(value, span, True)


def _frozen(value: Any) -> Any:
    """A value with tuples for lists, as `plain` returns it."""
    if isinstance(value, MappingType):
        return {str(key): _frozen(one) for key, one in value.items()}
    return tuple(map(_frozen, value)) if isinstance(value, (list, tuple)) else value


def _over(nodes: SequenceType[Node]) -> Span:
    """The span of a range."""
    first, last = nodes[0].span, nodes[-1].span
    return first.to(last) if first.source is last.source else first


def _nest(tree: dict[str, Any], names: SequenceType[str], value: Node) -> None:
    """Sets a value in nested mappings, unless a shorter path has one."""
    for name in names[:-1]:
        below = tree.setdefault(name, {})
        if not isinstance(below, dict):
            return
        tree = below
    tree.setdefault(names[-1], value)


def _as_node(value: Any, span: Span) -> Node:
    """Nested mappings of nodes as one node."""
    if not isinstance(value, dict):
        found: Node = value
        return found
    return Mapping({key: Entry(span, _as_node(one, span)) for key, one in value.items()}, span)
