"""A merged document with other values at some of its paths, as the trials of a sweep have them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from modelspec.core.diagnostics import Checked, Collector, Fault, Source, Span, TooManyFaults
from modelspec.core.settings import Context
from modelspec.core.source import Document, Node, Scalar
from modelspec.core.source import Mapping as Root
from modelspec.core.source.offsets import place

from . import expand_merged
from .limits import FAULTS, Spent, TooMuch
from .overrides import Misplaced, Setter, check_use
from .scope import Binding, Scope
from .value_paths import Step, parse_path
from .values import Values

_KEPT: Final = ("extends", "modelspec", "name", "description", "expect", "sweep")
"""Sections that are the same in every trial."""


class Change(NamedTuple):
    """A value and the key that is the path where it is set, both as written."""

    path: Scalar
    steps: tuple[Step, ...]
    value: Node


def read_path(path: str, span: Span) -> tuple[Step, ...]:
    """The steps of a path that is written as a key. Raises `Fault` (MS130)."""
    steps = parse_path(path)
    if steps[0].key in _KEPT:
        raise Fault(
            "MS130",
            f"`{steps[0].key}` is the same in every trial",
            help="use a key of `vars`, `model`, `data`, `training` or `runtime`, or `seed`",
        )
    return steps


def changed(root: Root, changes: Iterable[Change], collector: Collector) -> Root:
    """The document with every value set at its path; short paths first, so that a value may be set
    inside another one. Paths that do not exist are reported.
    """
    for path, steps, value in sorted(changes, key=lambda one: len(one.steps)):
        source = Source("sweep", str(path.value))
        try:
            found = Setter(source, root, steps, value, path).set(root, 0, None)
            assert isinstance(found, Root)
            check_use(steps, root, found)
            root = found
        except Misplaced as misplaced:
            step = misplaced.step
            collector.report(misplaced.fault, place(path, step.start, step.end))
        except Fault as fault:
            collector.report(fault, path.span)
    return root


def expanded(root: Root, context: Context, *, moved: bool) -> Checked[Document | None]:
    """A changed document with plain values and flat lists of layers only; None if a limit is
    exceeded. `moved`: whether paths in it may be relative to other folders.
    """
    collector = Collector(FAULTS)
    try:
        return Checked(
            Document(expand_merged(root, None, context, collector, moved=moved)),
            collector.diagnostics,
        )
    except TooMuch as spent:
        collector.found.append(spent.fault.at(spent.span))
    except TooManyFaults as many:
        collector.found.append(many.last("the rest of the spec"))
    return Checked(None, collector.diagnostics)


def condition(
    node: Node, root: Root, others: Mapping[str, Node], context: Context
) -> Checked[Node | None]:
    """The value of an expression that uses the `vars` of a document, and `others` by name; None,
    with the faults, if it has none.
    """
    from .expand_document import read_vars

    collector, aside = Collector(), Collector()
    try:
        scope = read_vars(root, Values(aside, Spent(), {}, context))
        names = {name: Binding(name, None, one) for name, one in others.items()}
        scope = Scope({**names, **scope.names})
        value = Values(collector, Spent(), {}, context).node(node, scope)
    except TooMuch as spent:
        return Checked(None, (spent.fault.at(spent.span),))
    found = collector.diagnostics
    return Checked(None if found or aside.found else value, found)
