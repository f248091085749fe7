"""The graph: calls in order, every reference resolved to the tensor it names. No shapes yet.

`link` turns a `ModelSection` into a `Graph`; sub-models are graphs of their own, nested to any depth.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from .diagnostics import Checked, Fault, Note, Span, listed, nearest
from .layers.base import Argument, Layer
from .layers.common import snake_case
from .settings import describe
from .source import locate
from .spec.entries import Reference, Use
from .spec.inputs import InputSpec
from .spec.model import ModelSection, SharedLayer
from .spec.report import Report

MAX_DEPTH = 100
"""Models that call one another in a chain."""
ANY_INPUT = "input"
"""The name of the one input of a sub-model that is written as a list of layers."""


class Ref(NamedTuple):
    """A tensor: an output of an input (always its only one) or of a call."""

    producer: str
    output: str | None
    """What stands behind the dot, as written; None for the only output."""
    span: Span


@dataclass(frozen=True)
class Call:
    """One call of a layer or of a sub-model."""

    name: str
    use: Use
    callee: Layer | Graph | None
    """None where the callee is in error."""
    inputs: Mapping[str, Ref | tuple[Ref, ...]] | None
    """Tensors by call argument; None where they are in error."""
    shared: str | None = None
    """The shared name that is called: all its calls have one set of weights."""

    def refs(self) -> Iterator[Ref]:
        """Every tensor it takes."""
        for item in (self.inputs or {}).values():
            yield from (item,) if isinstance(item, Ref) else item


@dataclass(frozen=True)
class Graph:
    """A model or sub-model whose names are resolved."""

    span: Span
    inputs: tuple[InputSpec, ...] | None
    """None: one input, of whatever type it is called with."""
    calls: tuple[Call, ...]
    outputs: Mapping[str, Ref]
    """Public name -> tensor."""
    trainable: bool = True
    shared: Mapping[str, Layer | Graph | None] = field(default_factory=dict)
    depth: int = 1
    """How deep models that it calls are nested, itself counted."""

    @property
    def input_names(self) -> tuple[str, ...]:
        return (ANY_INPUT,) if self.inputs is None else tuple(one.name for one in self.inputs)

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """What a call of it takes, in the same terms as a layer."""
        if self.inputs is None:
            return (Argument(ANY_INPUT),)
        return tuple(Argument(one.name, required=not one.optional) for one in self.inputs)


Callee: TypeAlias = "Layer | Graph | None"


def link(section: ModelSection, *, broken: bool = False) -> Checked[Graph]:
    """Resolve the names of a model. References that lead nowhere are faults; the calls that need them stay in error.

    `broken`: the section has faults already, so that what nothing seems to use may only look so.
    """
    report = Report()
    graph = _Linker(report, {}, frozenset(), broken).graph(section)
    return Checked(graph, report.diagnostics)


def interface(model: ModelSection | None, graph: Graph | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of a model's inputs and outputs, those whose tensor is in error too; empty where they are not known."""
    if model is None or graph is None:
        return (), ()
    if model.outputs is None:
        return graph.input_names, tuple(graph.outputs)
    made = {*graph.input_names, *(call.name for call in graph.calls)}
    names = [public or _meant(ref, made) for public, ref in model.outputs]
    known = tuple(name for name in names if name is not None)
    return graph.input_names, known if len(known) == len(names) else ()


def _meant(reference: Reference | None, made: Iterable[str]) -> str | None:
    """The producer that a reference names, or was most likely meant to name."""
    return nearest(reference.text.partition(".")[0], made) if reference is not None else None


@dataclass
class _Linker:
    """Links one model. `outer` are the shared things of the models around it; `unfinished` those being defined."""

    report: Report
    outer: Mapping[str, Callee]
    unfinished: frozenset[str]
    broken: bool

    def graph(self, section: ModelSection) -> Graph:
        shared = self._shared(section)
        scope = _Scope(self.report, section)
        visible = {**self.outer, **shared}
        calls: list[Call] = []
        for use in section.uses:
            name = scope.name(use)
            calls.append(self._call(use, name, scope, visible))
            scope.define(name, use)
        outputs = scope.outputs(section, calls)
        depth = 1 + max((call.callee.depth for call in calls if isinstance(call.callee, Graph)), default=0)
        graph = Graph(section.span, section.inputs, tuple(calls), outputs, section.trainable, shared, depth)
        if not self.broken and not self.report.has_errors:
            _unused(graph, section, self.report)
        return graph

    def _shared(self, section: ModelSection) -> dict[str, Callee]:
        found: dict[str, Callee] = {}
        pending = frozenset(section.shared)
        for name, thing in section.shared.items():
            if isinstance(thing, SharedLayer):
                found[name] = thing.use.layer
            else:
                visible = {**self.outer, **found}
                found[name] = _Linker(self.report, visible, self.unfinished | pending - found.keys(), self.broken).graph(
                    thing
                )
        return found

    def _call(self, use: Use, name: str, scope: _Scope, visible: Mapping[str, Callee]) -> Call:
        callee: Callee = use.layer
        if use.shared:
            if use.kind not in visible and use.kind in self.unfinished:
                self.report.error(
                    "MS314", f"`{use.kind}` is not defined yet where it is called: a shared model cannot call itself "
                             "or one that is defined after it", use.kind_span,
                    help="define what it calls before it, above in `shared`")
            callee = visible.get(use.kind)
            if isinstance(callee, Graph) and callee.depth >= MAX_DEPTH:
                self.report.error("MS108", f"more than {MAX_DEPTH} models call one another here", use.kind_span)
                callee = None
        sources = scope.sources(use)
        inputs = _arguments(callee, sources, use, self.report) if callee is not None and sources is not None else None
        if callee is not None:
            _options(callee, use, self.report)
        return Call(name, use, callee, inputs, use.kind if use.shared else None)


Resolved: TypeAlias = "tuple[Ref | None, ...] | dict[str, Ref | tuple[Ref | None, ...] | None]"


class _Scope:
    """The names of one model, as far as it is read."""

    def __init__(self, report: Report, section: ModelSection) -> None:
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
                self.report.error("MS304", f"`{use.name}` is defined twice", use.name_span,
                                  notes=[Note("first defined here", first)] if first else [])
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
            key: self.resolve(item) if isinstance(item, Reference) else tuple(self.resolve(ref) for ref in item)
            for key, item in use.sources.items()
        }
        return None if any(_has_gap(item) for item in found.values()) else found

    def resolve(self, reference: Reference) -> Ref | None:
        """The tensor that a reference names; a fault and None where there is none."""
        producer, dot, output = reference.text.partition(".")
        if producer in self.defined:
            return Ref(producer, output if dot else None, reference.span)
        if producer in self.later:
            self.report.error("MS303", f"`{producer}` is used before it is defined", reference.span,
                              notes=[Note("it is defined here", self.later[producer])],
                              help="move its entry above this one")
            return None
        near = nearest(producer, self.defined)
        names = [name for name in self.defined if not name[-1:].isdigit()][:12]
        self.report.error("MS302", f"there is no tensor `{producer}`", reference.span,
                          suggestion=(near + dot + output) if near else None,
                          help=f"did you mean `{near}`?" if near else f"defined so far: {listed(names)}")
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
            if reference is None or ref is None:  # it stays, so that what selects this output says nothing
                found[name] = Ref("", None, section.span)
                continue
            if name in found:
                name = reference.text.replace(".", "_")
            if name in found:
                self.report.error("MS304", f"`{name}` is named twice among the outputs", reference.span)
            found[name] = ref
        return found


def _has_gap(item: Ref | tuple[Ref | None, ...] | None) -> bool:
    """Whether one of the references led nowhere."""
    return item is None or (not isinstance(item, Ref) and None in item)


# Call arguments ------------------------------------------------------------------------------------------------------


def _arguments(
    callee: Layer | Graph, sources: Any, use: Use, report: Report
) -> Mapping[str, Ref | tuple[Ref, ...]] | None:
    """Tensors by call argument, from the form in which `from` was written; None and a fault where they do not fit."""
    arguments = callee.arguments
    span = use.sources_span or use.kind_span
    if isinstance(sources, dict):
        if isinstance(callee, Layer):
            try:
                callee.check_names(tuple(sources))
            except Fault as fault:
                report.fault(fault, use.body, span)
                return None
        return _by_name(arguments, sources, use, span, report)
    given = _by_position(arguments, sources)
    if given is None:
        most = len(arguments)
        wanted = "one tensor" if most == 1 else f"at most {most} tensors ({listed([a.name for a in arguments])})"
        report.error("MS310", f"`{use.kind}` takes {wanted}, found {len(sources)}", span,
                     help="join them first, e.g. with `Concatenate`" if most == 1 else None)
        return None
    return given if _complete(arguments, given, use, span, report) else None


def _by_position(arguments: tuple[Argument, ...], refs: tuple[Ref, ...]) -> dict[str, Ref | tuple[Ref, ...]] | None:
    """Tensors to arguments in order; an argument that takes a list takes all that are left."""
    given: dict[str, Ref | tuple[Ref, ...]] = {}
    rest = list(refs)
    for argument in arguments:
        if not rest:
            break
        if argument.many:
            given[argument.name], rest = tuple(rest), []
        else:
            given[argument.name] = rest.pop(0)
    return None if rest else given


def _by_name(
    arguments: tuple[Argument, ...], sources: dict[str, Any], use: Use, span: Span, report: Report
) -> Mapping[str, Ref | tuple[Ref, ...]] | None:
    by_name = {argument.name: argument for argument in arguments}
    items = next((a for a in arguments if a.items), None)
    names = [*by_name, *(items.items if items else ())]
    given: dict[str, Ref | tuple[Ref, ...]] = {}
    listed_items: dict[str, Ref] = {}
    for key, value in sources.items():
        if key in by_name:
            given[key] = (value,) if by_name[key].many and isinstance(value, Ref) else value
        elif items and key in items.items and isinstance(value, Ref):
            listed_items[key] = value
        else:
            near = nearest(key, names)
            where = locate(use.body, ("from", key), key=True) if use.body is not None else None
            report.error("MS311", f"a call of `{use.kind}` has no argument `{key}`", where or span, suggestion=near,
                         help=f"did you mean `{near}`?" if near else f"it takes {listed(names)}")
            return None
    if items and listed_items:
        missing = [name for name in items.items[: items.least] if name not in listed_items]
        if missing:
            report.error("MS310", f"`{use.kind}` needs {listed(missing)}", span)
            return None
        given = {items.name: tuple(listed_items[name] for name in items.items if name in listed_items), **given}
    ordered = {argument.name: given[argument.name] for argument in arguments if argument.name in given}
    return ordered if _complete(arguments, ordered, use, span, report) else None


def _complete(
    arguments: tuple[Argument, ...], given: Mapping[str, Ref | tuple[Ref, ...]], use: Use, span: Span, report: Report
) -> bool:
    missing = [a.name for a in arguments if a.required and a.name not in given]
    if missing:
        report.error("MS310", f"`{use.kind}` needs {listed(missing)}", span,
                     help=f"write `from: {{{', '.join(f'{a.name}: ...' for a in arguments if a.required)}}}`")
        return False
    for argument in arguments:
        if (value := given.get(argument.name)) is None:
            continue
        if not argument.many and not isinstance(value, Ref):
            report.error("MS310", f"`{argument.name}` of `{use.kind}` takes one tensor, found {len(value)}", span)
            return False
        count = 1 if isinstance(value, Ref) else len(value)
        if argument.many and (count < argument.least or (argument.most is not None and count > argument.most)):
            report.error("MS310", f"`{use.kind}` takes {_how_many(argument)}, found {count}", span,
                         help="write `from: [a, b]`" if count < argument.least else None)
            return False
    return True


def _how_many(argument: Argument) -> str:
    if argument.most is None:
        return f"a list of at least {argument.least} tensors"
    if argument.most == argument.least:
        return f"a list of {argument.least} tensors"
    return f"a list of {argument.least} to {argument.most} tensors"


def _options(callee: Layer | Graph, use: Use, report: Report) -> None:
    """Checks `call`: the arguments of a call that are not tensors."""
    known: Mapping[str, type] = {"training": bool, **(callee.options if isinstance(callee, Layer) else {})}
    for key, value in use.options.items():
        assert use.options_node is not None
        entry = use.options_node.entries[key]
        if key not in known:
            near = nearest(key, known)
            report.error("MS311", f"a call of `{use.kind}` has no argument `{key}`", entry.key_span, suggestion=near,
                         help=f"did you mean `{near}`?" if near else f"it takes {listed(list(known))}")
        elif type(value) is not known[key]:
            wanted = {bool: "`true` or `false`", int: "a whole number", float: "a number"}[known[key]]
            report.error("MS204", f"`{key}` must be {wanted}, found {describe(value)}", entry.value.span)


# What nothing uses ---------------------------------------------------------------------------------------------------


def _unused(graph: Graph, section: ModelSection, report: Report) -> None:
    """Dead layers, inputs that nothing uses, shared things that nothing calls."""
    by_name = {call.name: call for call in graph.calls}
    alive: set[str] = set()
    queue = [ref.producer for ref in graph.outputs.values()]
    while queue:
        name = queue.pop()
        if name in alive:
            continue
        alive.add(name)
        if name in by_name:
            queue.extend(ref.producer for ref in by_name[name].refs())
    used = {ref.producer for call in graph.calls for ref in call.refs()}
    for one in section.inputs or ():
        if one.name not in alive and one.name not in used:
            report.error("MS308", f"nothing uses input `{one.name}`", one.span,
                         help=f"take it with `from: {one.name}`, or remove it")
    for call in graph.calls:
        if call.name not in alive and call.name not in used:
            report.warning("MS307", f"no output depends on `{call.name}`", call.use.name_span or call.use.kind_span,
                           help="add it to `outputs`, or remove it")
    called = {call.shared for call in graph.calls} | _called_inside(graph)
    for name, span in section.shared_spans.items():
        if name not in called:
            report.warning("MS313", f"nothing calls shared `{name}`", span, help=f"call it with `- {name}`, or remove it")


def _called_inside(graph: Graph) -> set[str]:
    """Shared names of this model that its own sub-models call."""
    found: set[str] = set()
    for thing in graph.shared.values():
        if isinstance(thing, Graph):
            found |= {call.shared for call in thing.calls if call.shared} | _called_inside(thing)
    return found
