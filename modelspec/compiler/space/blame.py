"""Which values of a trial make it invalid."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from modelspec.core.diagnostics import Diagnostic, Note, Span, listed
from modelspec.core.diagnostics.derived import origin_of
from modelspec.core.settings import describe
from modelspec.core.source import Node, plain

from ..pipeline import Compiled
from ..spec.sweep_section import Parameter
from .combinations import Domains, key_of
from .trials import Assignment, Space, own_faults

_MOST_TRIED: Final = 4
"""Other values of a parameter that are tried, to decide whether it matters."""
_SHOWN: Final = 40
_INTEGERS: Final = "the numbers of such a range have a decimal point; `integers` gives integers"

Signature = tuple[str, Span | None]
"""The code of a fault and its place: two trials with the same one have the same fault."""


class Outcome(NamedTuple):
    """The spec of a trial and its errors."""

    compiled: Compiled | None
    errors: tuple[Diagnostic, ...]

    @property
    def signatures(self) -> set[Signature]:
        return {signature_of(one) for one in self.errors}


@dataclass
class Trials:
    """Compiles trials, each once."""

    space: Space
    known: dict[tuple[tuple[str, str], ...], Outcome] = field(default_factory=dict)

    def outcome(self, values: Assignment) -> Outcome:
        key = key_of(values)
        if key not in self.known:
            found = self.space.trial(values)
            self.known[key] = Outcome(found.value, tuple(own_faults(found.diagnostics)))
        return self.known[key]


def signature_of(one: Diagnostic) -> Signature:
    """The signature of a fault."""
    return one.code, origin_of(one.span) if one.span is not None else None


@dataclass
class Blame:
    """Finds the values that cause a fault, and reports each cause once."""

    trials: Trials
    domains: Domains
    reported: list[Diagnostic] = field(default_factory=list)
    causes: list[tuple[Signature, frozenset[tuple[str, str]]]] = field(default_factory=list)
    """The faults that are explained, each with the values that cause it."""
    wrong_paths: set[str] = field(default_factory=set)
    """Parameters whose path or every value is at fault."""

    def is_known(self, values: Assignment) -> bool:
        """Whether the trial has a value that alone makes every trial invalid."""
        pairs = set(key_of(values))
        return any(len(cause) == 1 and cause <= pairs for _, cause in self.causes)

    def without_wrong_paths(self, values: Assignment) -> Assignment:
        """The trial without the parameters of which every value is at fault, which is reported."""
        return {path: node for path, node in values.items() if path not in self.wrong_paths}

    def add(self, fault: Diagnostic, values: Assignment) -> None:
        """Reports a fault of a trial, unless its cause is known."""
        signature, pairs = signature_of(fault), set(key_of(values))
        if any(known == signature and cause <= pairs for known, cause in self.causes):
            return
        own = self._written_in(fault, values)
        if own is not None:
            self._remember(signature, values, (own,))
            if signature not in map(signature_of, self.reported):
                self.reported.append(self._of_range(fault, own))
            return
        responsible = self._responsible(signature, values)
        self._remember(signature, values, responsible)
        if len(responsible) == 1:
            fault = self._of_range(fault, responsible[0])
        self.reported.append(self._report(fault, values, responsible))

    def _of_range(self, fault: Diagnostic, path: str) -> Diagnostic:
        """The fault with a help, if all numbers of a range have the wrong type: the others are not
        tried.
        """
        kind = next(one.kind for one in self.trials.space.parameters if one.path == path)
        if fault.code != "MS204" or kind not in ("uniform", "log_uniform"):
            return fault
        self.wrong_paths.add(path)
        return replace(fault, help=fault.help or _INTEGERS)

    def _remember(self, signature: Signature, values: Assignment, paths: Iterable[str]) -> None:
        chosen = set(paths)
        cause = frozenset(pair for pair in key_of(values) if pair[0] in chosen)
        self.causes.append((signature, cause))

    def _written_in(self, fault: Diagnostic, values: Assignment) -> str | None:
        """The parameter whose value or path is the place of a fault."""
        if fault.span is None:
            return None
        span = origin_of(fault.span)
        for one in self._parameters(values):
            if _within(span, values[one.path].span):
                return one.path
            if _within(span, one.span):
                self.wrong_paths.add(one.path)
                return one.path
        return None

    def _parameters(self, values: Assignment) -> Iterator[Parameter]:
        return (one for one in self.trials.space.parameters if one.path in values)

    def _responsible(self, signature: Signature, values: Assignment) -> tuple[str, ...]:
        """The parameters whose other values avoid a fault. (A value that makes another fault may
        only hide this one.)
        """
        others = self.trials.outcome(values).signatures - {signature}
        found = tuple(
            one.path
            for one in self._parameters(values)
            if any(
                self.trials.outcome(other).signatures <= others
                for other in self._others(one, values)
            )
        )
        if found:
            return found
        for one in self._parameters(values):
            alone = {one.path: values[one.path]}
            if signature in self.trials.outcome(alone).signatures:
                return (one.path,)
        return tuple(values)

    def _others(self, one: Parameter, values: Assignment) -> Iterator[Assignment]:
        """The trial with other values of one parameter."""
        written = repr(plain(values[one.path]))
        others = [node for node in self.domains[one.path] if repr(plain(node)) != written]
        for node in others[:_MOST_TRIED]:
            yield self._with_conditions({**values, one.path: node})

    def _with_conditions(self, values: Assignment) -> Assignment:
        """The trial without parameters whose condition no longer holds, and with the first value of
        those whose condition does now.
        """
        space, found = self.trials.space, dict[str, Node]()
        for one in space.parameters:
            if one.path not in self.wrong_paths and space.activity(one, found).value:
                found[one.path] = values.get(one.path, self.domains[one.path][0])
        return found

    def _report(self, fault: Diagnostic, values: Assignment, paths: tuple[str, ...]) -> Diagnostic:
        """The fault at the value that causes it; of several, at the one that the fault uses, else
        at the last.
        """
        chosen = next((path for path in paths if _uses(fault, path, values[path])), paths[-1])
        texts = [f"{path}: {_text(values, path)}" for path in paths]
        notes = [Note("found here", fault.span)] if fault.span is not None else []
        span = values[chosen].span
        others = [
            Note(f"`{path}` is {_text(values, path)} here", values[path].span)
            for path in paths
            if path != chosen
        ]
        return replace(
            fault,
            message=f"with {listed(texts)}: {fault.message}",
            span=span,
            notes=(*notes, *others, *(one for one in fault.notes if one.span != span)),
            suggestion=None,
            edits=(),
        )


def _uses(fault: Diagnostic, path: str, value: Node) -> bool:
    """Whether the place of a fault is computed from a value, as far as that is written there."""
    if any(note.span is not None and origin_of(note.span) == value.span for note in fault.notes):
        return True
    name = path.removeprefix("vars.")
    text = fault.span.text if fault.span is not None and name != path else ""
    return "$" in text and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _text(values: Assignment, path: str) -> str:
    """A value as it is written."""
    node = values[path]
    value, text = plain(node), node.span.text
    if not isinstance(value, (tuple, dict)):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= _SHOWN and "\n" not in text else describe(value)


def _within(inner: Span, outer: Span) -> bool:
    outer = origin_of(outer)
    return inner.source is outer.source and outer.start <= inner.start and inner.end <= outer.end
