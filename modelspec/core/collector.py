"""A stage's notebook: where it writes down what it finds, until it hands over a tuple of
diagnostics.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence as SequenceType
from dataclasses import replace
from typing import TypeVar

from .diagnostics import Diagnostic, Fault, Note, Path, Span, in_file_order, listed, nearest
from .settings import Context, Faults, Settings
from .source import Mapping, Node, Scalar, Sequence, Value, locate, plain
from .source.offsets import place

S = TypeVar("S", bound=Settings)


class Collector:
    """Collects the diagnostics of one stage."""

    def __init__(self) -> None:
        self._found: list[Diagnostic] = []

    def error(
        self,
        code: str,
        message: str,
        span: Span | None,
        *,
        notes: Iterable[Note] = (),
        help: str | None = None,
        suggestion: str | None = None,
    ) -> None:
        self._found.append(Diagnostic(code, "error", message, span, tuple(notes), help, suggestion))

    def warning(
        self,
        code: str,
        message: str,
        span: Span | None,
        *,
        notes: Iterable[Note] = (),
        help: str | None = None,
    ) -> None:
        self._found.append(Diagnostic(code, "warning", message, span, tuple(notes), help))

    def note(self, code: str, message: str, span: Span | None, *, help: str | None = None) -> None:
        self._found.append(Diagnostic(code, "note", message, span, (), help))

    def fault(
        self,
        fault: Fault,
        node: Node | None,
        default: Span,
        *,
        whole: bool = False,
        notes: Iterable[Note] = (),
    ) -> None:
        """A fault at the place below `node` that its path leads to; at `default` where that was not
        written.

        `whole` marks key and value, for a fault of the value against something outside (a shape).
        """
        if (
            fault.part is not None
            and node is not None
            and (text := _text_at(node, fault.path)) is not None
        ):
            span = part = place(text, *fault.part)
            if part == text.span and part.text != str(text.value)[slice(*fault.part)]:
                fault = replace(
                    fault, suggestion=None
                )  # written with escapes: only the whole can be shown
        else:
            at = (
                locate(node, fault.path, key=fault.at_key, whole=whole)
                if node is not None and fault.path
                else None
            )
            span = at or default
        self._found.append(fault.at(span, tuple(notes)))

    def read(
        self,
        cls: type[S],
        node: Node,
        default: Span,
        context: Context,
        values: dict[str, Value] | None = None,
    ) -> S | None:
        """An instance of a section from its mapping; None, with every fault noted down, where there
        is any.

        `values` are what to read in place of the mapping's own (some of its keys taken out).
        """
        body = plain(node) if values is None else values
        if not isinstance(body, dict):
            fault = Fault("MS204", f"`{cls.kind()}` must be a mapping")
            self._found.append(fault.at(node.span))
            return None
        try:
            return cls.build(body, context)
        except Faults as error:
            for fault in error.faults:
                self.fault(fault, node, default)
            return None

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        self._found.extend(diagnostics)

    @property
    def has_errors(self) -> bool:
        return any(d.severity == "error" for d in self._found)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What was found so far, in file order."""
        return in_file_order(self._found)


def _text_at(node: Node, path: Path) -> Scalar | None:
    """The text that a path leads to; a step that was not written is passed over, as in `locate`."""
    for step in path:
        if isinstance(node, Mapping) and step in node.entries:
            node = node.entries[str(step)].value
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
    return node if isinstance(node, Scalar) and isinstance(node.value, str) else None


def recovered(node: Mapping, keys: SequenceType[str], title: str, report: Collector) -> Mapping:
    """The section with the keys that it has; MS201 for any other.

    A misspelt key is read as the one that it was most likely meant to be, so that what follows from
    the slip (a model without layers, names that nothing defines) is not reported as well.
    """
    if all(key in keys for key in node.entries):
        return node
    found = {key: entry for key, entry in node.entries.items() if key in keys}
    for key, entry in node.entries.items():
        if key in found:
            continue
        near = nearest(key, [k for k in keys if k not in found]) or nearest(key, keys)
        report.error(
            "MS201",
            f"`{title}` has no key `{key}`",
            entry.key_span,
            suggestion=near,
            help=f"did you mean `{near}`?" if near else f"its keys are {listed(keys)}",
        )
        if near and near not in found:
            found[near] = entry
    return Mapping(found, node.span)
