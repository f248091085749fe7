"""Values of a spec with all expressions evaluated."""

from __future__ import annotations

import os
from collections.abc import Mapping as MappingType

from modelspec.core.diagnostics import Collector, Fault, Note, Span
from modelspec.core.diagnostics.derived import Cause, derive, held_in, is_silent
from modelspec.core.settings import Context, describe
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, Value
from modelspec.core.source.offsets import place

from . import limits
from .evaluator import evaluate
from .expression_syntax import Expression, Misread, parse
from .interpolation import Part, cut_off, split, suggest
from .limits import Spent
from .node_lookup import part_of, with_causes
from .scope import Binding, Scope
from .unknown_size import contains_unknown, unknown_size

_MOST_CAUSES = 3


class Values:
    """Evaluates expressions. An invalid value is reported once, and causes no further errors."""

    def __init__(
        self,
        collector: Collector,
        spent: Spent,
        environment: MappingType[str, str] | None = None,
        context: Context | None = None,
    ) -> None:
        self.collector = collector
        self.spent = spent
        self.environment = os.environ if environment is None else environment
        self.context = Context() if context is None else context
        self._read: set[str] = set()
        self.lacks_names = False
        """Whether `vars` are not known, so that unknown names may be theirs."""

    def node(self, node: Node, scope: Scope, level: int = 1, *, env: bool = False) -> Node:
        """The node at a place: its expressions evaluated, its spans extended by the uses around it.

        `level` is the nesting depth of the node if it is a mapping or a list; `env`: whether
        environment variables may be used.
        """
        if scope.final:
            return node
        self.spent.node(node.span)
        if isinstance(node, Scalar):
            if isinstance(node.value, str) and "$" in node.value:
                return self._text(node, scope, level, env)
            return node._replace(span=scope.frame.place(node.span)) if scope.frame.causes else node
        if isinstance(node, Sequence):
            return self._sequence(node, scope, level, env)
        return self.mapping(node, scope, level, env=env)

    def _sequence(self, node: Sequence, scope: Scope, level: int, env: bool) -> Sequence:
        items = tuple(self.node(item, scope, level + 1, env=env) for item in node.items)
        same = all(new is old for new, old in zip(items, node.items, strict=True))
        if same and not scope.frame.causes:
            return node
        return Sequence(items, scope.frame.place(node.span))

    def mapping(
        self,
        node: Mapping,
        scope: Scope,
        level: int = 1,
        *,
        env: bool = False,
        leave_out: tuple[str, ...] = (),
    ) -> Mapping:
        """The same for a mapping, without some of its keys."""
        if scope.final:
            return Mapping(
                {key: entry for key, entry in node.entries.items() if key not in leave_out},
                node.span,
            )
        if "for" in node.entries and "do" in node.entries:
            from .key_loops import written_keys

            kept = {key: entry for key, entry in node.entries.items() if key not in leave_out}
            return written_keys(Mapping(kept, node.span), scope, self, level, env=env)
        entries: dict[str, Entry] = {}
        same = not scope.frame.causes
        for key, entry in node.entries.items():
            if key in leave_out:
                same = False
                continue
            value = self.node(entry.value, scope, level + 1, env=env)
            same = same and value is entry.value
            entries[key] = Entry(scope.frame.place(entry.key_span), value)
        return node if same else Mapping(entries, scope.frame.place(node.span))

    # Strings --------------------------------------------------------------------------------------

    def _text(self, scalar: Scalar, scope: Scope, level: int, env: bool) -> Node:
        assert isinstance(scalar.value, str)
        try:
            parts = split(scalar.value)
        except Misread as misread:
            misread.fault = cut_off(scalar, misread.fault)
            return self._wrong(misread, scalar, 0, scope, ())
        if len(parts) == 1 and parts[0].expression and not _split_name(parts[0], scope)[1]:
            return self._whole(scalar, parts[0], scope, level, env)
        return self._joined(scalar, parts, scope, env)

    def _whole(self, scalar: Scalar, part: Part, scope: Scope, level: int, env: bool) -> Node:
        """A string that is one expression has the type of the expression."""
        binding = scope.find(part.text)  # most are a single name
        if binding is not None and isinstance(binding.node, Scalar) and not in_error(binding.node):
            span = scope.frame.place_after(scalar.span, _causes({part.text: binding}))
            return _held(binding.node, span)
        read = self._parse(scalar, part.text, part.start, scope)
        if read is None:
            return silenced(scalar)
        expression, names = read
        found = part_of(expression.tree, names)
        if found is not None and contains_unknown(found):
            misread = Misread(unknown_size(part.text), 0, len(part.text))
            return self._wrong(misread, scalar, part.start, scope, ())
        if found is not None:
            return self._part(found, scalar, names, scope, level)
        value, right = self._value(expression, names, scalar, part.start, scope, env)
        if not right:
            return silenced(scalar)
        span = scope.frame.place_after(scalar.span, _causes(names))
        return self._written(value, span, level)

    def _part(
        self, found: Node, scalar: Scalar, names: dict[str, Binding], scope: Scope, level: int
    ) -> Node:
        """The value of a name, or a part of it."""
        if in_error(found):
            return silenced(scalar)
        if not isinstance(found, Scalar):
            return self._taken(found, scalar, scope, level, next(iter(names.values())))
        return _held(found, scope.frame.place_after(scalar.span, _causes(names)))

    def _taken(
        self, node: Node, scalar: Scalar, scope: Scope, level: int, binding: Binding
    ) -> Node:
        """The mapping or list of a name: it keeps its own places, with a note for this use."""
        self.spent.node(scalar.span, binding.count)
        if level + binding.levels - 1 > limits.LEVELS:
            self.collector.report(_too_deep(), scope.frame.place(scalar.span))
            return silenced(scalar)
        span = scalar.span
        shown = span.text if len(span.text) <= 40 else "an expression"
        use = Cause(f"`{shown}` is replaced by it here", span, "replacement")
        return with_causes(node, (use, *scope.frame.causes))

    def _joined(self, scalar: Scalar, parts: tuple[Part, ...], scope: Scope, env: bool) -> Node:
        """A string that contains expressions."""
        pieces: list[str] = []
        causes: dict[str, Binding] = {}
        for part in parts:
            if not part.expression:
                pieces.append(part.text)
                continue
            text, rest = _split_name(part, scope)
            read = self._parse(scalar, text, part.start, scope)
            if read is None:
                return silenced(scalar)
            value, right = self._value(*read, scalar, part.start, scope, env)
            if right and isinstance(value, (tuple, dict)):
                fault = Fault(
                    "MS123",
                    f"{describe(value)} cannot be part of a string",
                    help="a list or mapping must be the whole value",
                )
                self._wrong(
                    Misread(fault, 0, len(text)), scalar, part.start, scope, _causes(read[1])
                )
                right = False
            if not right:
                return silenced(scalar)
            causes |= read[1]
            pieces.append(_as_text(value) + rest)
        joined = "".join(pieces)
        if len(joined) > max(limits.SIZE, len(str(scalar.value))):
            self.collector.report(
                Fault("MS108", f"the string has more than {limits.SIZE:,} characters"),
                scope.frame.place(scalar.span),
            )
            return silenced(scalar)
        return Scalar(joined, scope.frame.place_after(scalar.span, _causes(causes)))

    # Expressions ----------------------------------------------------------------------------------

    def _parse(
        self, scalar: Scalar, text: str, start: int, scope: Scope
    ) -> tuple[Expression, dict[str, Binding]] | None:
        """The expression and the values of its names; None, with all errors reported, if it is
        invalid.
        """
        if text not in self._read:
            self._read.add(text)
            self.spent.read(scalar.span, min(len(text), limits.LENGTH))
        try:
            expression = parse(text)
        except Misread as misread:
            self._wrong(misread, scalar, start, scope, ())
            return None
        names: dict[str, Binding] = {}
        right = True
        for name in expression.names:
            binding = scope.find(name.text)
            if binding is None:
                self._unknown(name.text, place(scalar, start + name.start, start + name.end), scope)
            if binding is None or binding.node is None:
                right = False
            else:
                names[name.text] = binding
        return (expression, names) if right else None

    def _unknown(self, name: str, span: Span, scope: Scope) -> None:
        if self.lacks_names:
            return
        later = scope.is_later(name)
        if later is not None:
            self.collector.report(
                Fault(
                    "MS121",
                    f"`{name}` is used before it is defined",
                    help="move its definition up, above its use",
                ),
                scope.frame.place(span),
                Note("it is defined here", later),
            )
            return
        near, help = suggest(name, scope.known())
        if near is None:
            help = f"{help}; write `$$` for a dollar sign"
        self.collector.report(
            Fault("MS121", f"unknown name `{name}`", help=help, suggestion=near),
            scope.frame.place(span),
        )

    def _value(
        self,
        expression: Expression,
        names: dict[str, Binding],
        scalar: Scalar,
        start: int,
        scope: Scope,
        env: bool,
    ) -> tuple[Value, bool]:
        """The value of the expression, and whether it has one."""
        if not all(binding.whole for binding in names.values()):
            return None, False
        values = {name: binding.value for name, binding in names.items()}
        try:
            value, steps = evaluate(expression, values, self.environment.get if env else None)
        except Misread as misread:
            self.spent.step(scalar.span, limits.STEPS if misread.fault.code == "MS108" else 1)
            self._wrong(misread, scalar, start, scope, _causes(names))
            return None, False
        self.spent.step(scalar.span, steps)
        return value, True

    def _written(self, value: Value, span: Span, level: int) -> Node:
        """A value as a node; all of it has the place of the expression."""
        self.spent.node(span)
        if isinstance(value, (tuple, dict)) and level > limits.LEVELS:
            self.collector.report(_too_deep(), span)
            return Scalar(None, derive(span, silent=True))
        if isinstance(value, tuple):
            return Sequence(tuple(self._written(item, span, level + 1) for item in value), span)
        if isinstance(value, dict):
            entries = {
                key: Entry(span, self._written(item, span, level + 1))
                for key, item in value.items()
            }
            return Mapping(entries, span)
        return Scalar(value, span, True)

    def _wrong(
        self, misread: Misread, scalar: Scalar, start: int, scope: Scope, causes: tuple[Cause, ...]
    ) -> Scalar:
        span = place(scalar, start + misread.start, start + misread.end)
        self.collector.report(misread.fault, scope.frame.place_after(span, causes))
        return silenced(scalar)


def _held(value: Scalar, span: Span) -> Scalar:
    """The value of a name at a place that uses it: a path in it is relative to its own file."""
    return Scalar(value.value, held_in(span, value.span.source.folder), value.plain)


def silenced(node: Node) -> Scalar:
    """Replaces an invalid value: later stages report nothing more about it."""
    value = node.value if isinstance(node, Scalar) else None
    return Scalar(value, derive(node.span, silent=True))


def in_error(node: Node) -> bool:
    """Whether the value is invalid, which is already reported."""
    return is_silent(node.span)


def _causes(names: dict[str, Binding]) -> tuple[Cause, ...]:
    found = (binding.cause for binding in names.values())
    return tuple(cause for cause in found if cause is not None)[:_MOST_CAUSES]


def _split_name(part: Part, scope: Scope) -> tuple[str, str]:
    """Of `$name.part` inside a string: the part that is the expression, and the literal text after
    it.

    A number or string has no members, so the part after its name is literal: `$run.csv`.
    """
    name = part.text[: part.bare]
    if not part.bare or part.bare == len(part.text):
        return part.text, ""
    binding = scope.find(name)
    if binding is None or isinstance(binding.node, Scalar):
        return name, part.text[part.bare :]
    return part.text, ""


def _as_text(value: Value) -> str:
    """A value inside a string, formatted as in a spec."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _too_deep() -> Fault:
    return Fault(
        "MS108",
        f"more than {limits.LEVELS} nested levels of mappings and lists",
        help="reduce the nesting",
    )
