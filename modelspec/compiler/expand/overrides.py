"""Values set from outside the file (`--set training.epochs=3`), each with its own source text that
errors can point into.

They are applied after `extends` and before expressions, so that an override may be an expression,
and affects all values that depend on it. Unknown keys are set as well: the spec reader reports
them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from modelspec.core.diagnostics import Collector, Diagnostic, Fault, Source, Span, listed, nearest
from modelspec.core.settings import describe
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, find, plain
from modelspec.core.source.from_mapping import render
from modelspec.core.source.json_reader import Reader
from modelspec.core.source.offsets import place
from modelspec.core.source.reader import Reading

from .entry_paths import Way, automatic_names, kind_of, long_form, mentioned, names
from .families import is_same_class
from .short_forms import primary_of
from .value_paths import Step, parse_path

T = TypeVar("T")


def override(root: Mapping, values: MappingType[str, Any], collector: Collector) -> Mapping:
    """The spec with every value set at its path, in order. Invalid paths and values are
    reported.
    """
    for path, value in values.items():
        text = str(path)
        node, source, faults = _written(text, value)
        collector.found.extend(faults)
        if node is None:
            continue
        try:
            steps = parse_path(text)
            if steps[0].key == "extends":
                raise Fault(
                    "MS130", "`extends` is read before overrides", help="set it in the file"
                )
            changed = Setter(source, root, steps, node).set(root, 0, None)
            assert isinstance(changed, Mapping)
            check_use(steps, root, changed)
        except Misplaced as misplaced:
            collector.report(
                misplaced.fault, Span(source, misplaced.step.start, misplaced.step.end)
            )
            continue
        except Fault as fault:
            collector.report(fault, Span(source, 0, len(text)))
            continue
        root = changed
    return root


def check_use(steps: tuple[Step, ...], before: Mapping, after: Mapping) -> None:
    """Raises `Misplaced` (MS147) for a new name that no expression uses: a misspelling would
    silently change nothing.
    """
    keys = tuple(step.key for step in steps)
    scope = _scope_of(keys)
    if scope is None or len(keys) <= len(scope.names):
        return
    name, old, users = keys[len(scope.names)], find(before, scope.names), find(after, scope.users)
    known = list(old.entries) if isinstance(old, Mapping) else []
    if not isinstance(name, str) or name in known or users is None or mentioned(name, users):
        return
    where = ".".join(map(str, scope.names))
    raise Misplaced(_unused_name(name, where, known), steps[len(scope.names)])


def _unused_name(name: str, where: str, known: list[str]) -> Fault:
    near = nearest(name, known)
    listing = f"the names defined here are {listed(known)}" if known else None
    return Fault(
        "MS147",
        f"`{where}` has no name `{name}`, and no expression uses it",
        help=f"did you mean `{near}`?" if near else listing,
        suggestion=near,
    )


class _ValueScope(NamedTuple):
    """Where values have names, and where expressions may use those."""

    names: Way
    users: Way


def _scope_of(keys: Way) -> _ValueScope | None:
    """The scope in which a path sets a value."""
    match keys:
        case ("vars", *_):
            return _ValueScope(keys[:1], ())
        case ("blocks", _, "parameters", *_):
            return _ValueScope(keys[:3], keys[:2])
        case _:
            return None


def _written(path: str, value: Any) -> tuple[Node | None, Source, list[Diagnostic]]:
    """The value as a node of the text `path=value`, and errors for unsupported values."""
    text, misfits, whole = render(value)
    text = text.rstrip("\n")
    name = f"--set {path}" if len(path) <= 60 else f"--set {path[:57]}..."
    source = Source(name, f"{path}={text}", folder=Path.cwd().resolve(), by_user=True)
    reading = Reading(source)
    shift = len(path) + 1
    for fault, start, end in misfits:
        reading.report(fault, reading.span(start + shift, end + shift))
    node: Node | None = None
    if whole:
        reader = Reader(reading)
        reader.at = shift
        try:
            node = reader.value(1)
        except Fault:  # reported where it was found
            node = None
    return node, source, reading.found


@dataclass
class Misplaced(Exception):
    """A path that does not exist from this step on."""

    fault: Fault
    step: Step


def _by_name(named: Iterable[tuple[T, str]], name: str) -> T | None:
    """The first place that has a name."""
    return next((place for place, one in named if one == name), None)


@dataclass
class Setter:
    """Sets one value. Nodes on the path are replaced; the others are kept."""

    source: Source
    root: Mapping
    steps: tuple[Step, ...]
    value: Node
    written: Scalar | None = None
    """The path as a key of a spec, if it is one: the place of each step is there."""

    def set(self, node: Node | None, at: int, kind: str | None) -> Node:
        """`node` with the value set at `steps[at:]`; `kind` is the key that led here, which decides
        the long form of a short form.
        """
        if at == len(self.steps):
            return self.value
        step = self.steps[at]
        if not isinstance(node, Mapping) and node is not None:
            node = long_form(node, [one.key for one in self.steps[:at]], step.key) or node
        if isinstance(node, Sequence):
            return self._in_list(node, at)
        if isinstance(step.key, int):
            raise self._misplaced(step, f"{self._so_far(at)} is not a list", "remove the index")
        return self._in_mapping(self._as_mapping(node, step, kind, at), at)

    def _as_mapping(
        self, node: Mapping | Scalar | None, step: Step, kind: str | None, at: int
    ) -> Mapping:
        """A mapping in which a key can be set, instead of nothing or of a short form."""
        if isinstance(node, Mapping):
            return node
        if node is None or node.value is None:
            return Mapping({}, self._span(step))
        return self._long_form(node, step, kind, at)

    def _in_mapping(self, node: Mapping, at: int) -> Node:
        step = self.steps[at]
        assert isinstance(step.key, str)
        old = node.entries.get(step.key)
        key_span = self._span(step) if old is None or at + 1 == len(self.steps) else old.key_span
        value = self.set(old.value if old else None, at + 1, step.key)
        return Mapping({**node.entries, step.key: Entry(key_span, value)}, node.span)

    def _in_list(self, node: Sequence, at: int) -> Node:
        step = self.steps[at]
        if isinstance(step.key, int):
            index = step.key + len(node.items) if step.key < 0 else step.key
            if not 0 <= index < len(node.items):
                raise self._out_of_range(step, len(node.items), at)
            return self._item(node, index, lambda item: self.set(item, at + 1, None))
        return self._named(node, at)

    def _item(self, node: Sequence, index: int, change: Callable[[Node], Node]) -> Node:
        return Sequence(
            (*node.items[:index], change(node.items[index]), *node.items[index + 1 :]), node.span
        )

    # Entries by name ------------------------------------------------------------------------------

    def _named(self, node: Sequence, at: int) -> Node:
        """The entry with that `name`, or the only one of that kind."""
        step = self.steps[at]
        assert isinstance(step.key, str)
        way = _by_name(names(node), step.key)
        if way is not None:
            return self._along(node, way, self._past_kind(way[-1], at + 1))
        of_kind = [index for index, item in enumerate(node.items) if kind_of(item) == step.key]
        if len(of_kind) == 1:
            return self._item(node, of_kind[0], lambda item: self.set(item, at, None))
        unnamed = _by_name(automatic_names(node), step.key)
        if unnamed is not None:
            return self._item(node, unnamed, lambda item: self._settings(item, at + 1))
        raise self._no_entry(node, step, step.key, of_kind, at)

    def _no_entry(
        self, node: Sequence, step: Step, key: str, of_kind: list[int], at: int
    ) -> Misplaced:
        """The error if no entry of a list has the name, or several are of the kind."""
        here = self._so_far(at)
        if of_kind:
            return self._misplaced(
                step,
                f"{here} has {len(of_kind)} entries of kind `{key}`",
                f"write the index: {listed([f'[{index}]' for index in of_kind[:4]], 'or')}",
            )
        if key.isdecimal():
            return self._misplaced(
                step,
                f"{here} is a list, so its entries are selected by index or name in brackets",
                f"write `{self._text(at)}[{key}]`",
            )
        known = [*(name for _, name in names(node)), *filter(None, map(kind_of, node.items))]
        near = nearest(key, known)
        help = f"did you mean `{near}`?" if near else "write an index, e.g. `[0]`"
        return self._misplaced(step, f"{here} has no entry named `{key}`", help, near)

    def _past_kind(self, kind: str | int | None, at: int) -> int:
        """Where the steps among the settings begin: `[stem].Conv2D.filters` repeats the kind of
        `stem`.
        """
        return at + 1 if at + 1 < len(self.steps) and self.steps[at].key == kind else at

    def _settings(self, item: Node, at: int) -> Node:
        """An entry with the value set among its settings."""
        kind = kind_of(item)
        assert kind is not None
        entry = (
            item.entries[kind]
            if isinstance(item, Mapping)
            else Entry(item.span, Scalar(None, item.span))
        )
        value = self.set(entry.value, self._past_kind(kind, at), kind)
        return Mapping({kind: Entry(entry.key_span, value)}, item.span)

    def _along(self, node: Node, way: Way, at: int) -> Node:
        """`node` with the value set below the place at `way`."""
        if not way:
            return self.set(node, at, None)
        first, rest = way[0], way[1:]
        if isinstance(node, Sequence):
            assert isinstance(first, int)
            return self._item(node, first, lambda item: self._along(item, rest, at))
        assert isinstance(node, Mapping) and isinstance(first, str)
        entry = node.entries[first]
        return Mapping(
            {**node.entries, first: Entry(entry.key_span, self._along(entry.value, rest, at))},
            node.span,
        )

    # Short forms ----------------------------------------------------------------------------------

    def _long_form(self, node: Scalar, step: Step, kind: str | None, at: int) -> Mapping:
        """The long form of a short form: `{Adam: ...}` for `adam`, `{units: 64}` for `64` after
        `Dense`.
        """
        assert isinstance(step.key, str)
        if isinstance(node.value, str) and is_same_class(node.value, step.key):
            return Mapping({step.key: Entry(node.span, Scalar(None, node.span))}, node.span)
        primary = primary_of(kind, self.root) if kind else None
        if primary:
            return Mapping({primary: Entry(node.span, node)}, node.span)
        raise self._misplaced(
            step,
            f"{self._so_far(at)} is {describe(plain(node))}, and has no `{step.key}`",
            f"set it as a whole: `{self._text(at)}={{{step.key}: ...}}`",
        )

    # Faults ---------------------------------------------------------------------------------------

    def _text(self, at: int) -> str:
        return self.source.text[: self.steps[at - 1].end] if at else ""

    def _so_far(self, at: int) -> str:
        return f"`{self._text(at)}`" if at else "a spec"

    def _span(self, step: Step) -> Span:
        if self.written is not None:
            return place(self.written, step.start, step.end)
        return Span(self.source, step.start, step.end)

    def _out_of_range(self, step: Step, count: int, at: int) -> Misplaced:
        entries = "one entry" if count == 1 else f"{count} entries" if count else "no entries"
        return self._misplaced(
            step,
            f"{self._so_far(at)} has {entries}, so the index [{step.key}] is out of range",
            f"the indices are [0] to [{count - 1}]" if count > 1 else None,
        )

    def _misplaced(
        self, step: Step, message: str, help: str | None, suggestion: str | None = None
    ) -> Misplaced:
        return Misplaced(Fault("MS130", message, help=help, suggestion=suggestion), step)
