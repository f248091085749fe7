"""Values set from outside the file (`--set training.epochs=3`), each in a text of its own that
faults can point into.

They come after `extends` and before expressions, so that an override may be an expression, and
reaches what follows from it. A key that the language does not know is set all the same: reading the
spec then finds it.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from typing import Any

from modelspec.core.diagnostics import Diagnostic, Fault, Source, Span, listed, nearest
from modelspec.core.settings import describe
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, find, plain
from modelspec.core.source.from_mapping import render
from modelspec.core.source.json_reader import Reader
from modelspec.core.source.reader import Reading

from .entry_paths import Way, default_names, kind_of, long_form, mentioned, names
from .notebook import Notebook
from .short_forms import primary_of, same_thing
from .value_paths import Step, parse_path


def override(root: Mapping, values: MappingType[str, Any], notebook: Notebook) -> Mapping:
    """The spec with every value set at its path, in order. What is wrong with paths and values is
    reported.
    """
    for path, value in values.items():
        text = str(path)
        node, source, faults = _written(text, value)
        notebook.found.extend(faults)
        if node is None:
            continue
        try:
            steps = parse_path(text)
            if steps[0].key == "extends":
                raise Fault(
                    "MS130", "`extends` is read before anything is set", help="write it in the file"
                )
            changed = _Setter(source, root, steps, node).set(root, 0, None)
            assert isinstance(changed, Mapping)
            _check_use(steps, root, changed)
        except _Misplaced as misplaced:
            notebook.report(misplaced.fault, Span(source, misplaced.step.start, misplaced.step.end))
            continue
        except Fault as fault:
            notebook.report(fault, Span(source, 0, len(text)))
            continue
        root = changed
    return root


def _check_use(steps: tuple[Step, ...], before: Mapping, after: Mapping) -> None:
    """Raises `_Misplaced` (MS147) for a new name that no expression uses: a slip would change
    nothing, silently.
    """
    keys = [step.key for step in steps]
    at = (
        1
        if keys[0] == "vars"
        else 3
        if len(keys) > 2 and keys[0] == "blocks" and keys[2] == "parameters"
        else None
    )
    if at is None or len(steps) <= at:
        return
    old, scope = find(before, tuple(keys[:at])), after if at == 1 else find(after, tuple(keys[:2]))
    name, known = keys[at], list(old.entries) if isinstance(old, Mapping) else []
    if not isinstance(name, str) or name in known or scope is None or mentioned(name, scope):
        return
    near = nearest(name, known)
    raise _Misplaced(
        Fault(
            "MS147",
            f"there is no name `{name}` in {listed(['.'.join(map(str, keys[:at]))])}, and nothing"
            " uses one",
            help=(
                f"did you mean `{near}`?"
                if near
                else f"the names here are {listed(known)}"
                if known
                else None
            ),
            suggestion=near,
        ),
        steps[at],
    )


def _written(path: str, value: Any) -> tuple[Node | None, Source, list[Diagnostic]]:
    """The value as a node of the text `path=value`, and the faults of what no spec can hold."""
    text, misfits, whole = render(value)
    text = text.rstrip("\n")
    name = f"--set {path}" if len(path) <= 60 else f"--set {path[:57]}..."
    source = Source(name, f"{path}={text}")
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
    return node, source, reading.diagnostics


@dataclass
class _Misplaced(Exception):
    """A path that leads nowhere from this step on."""

    fault: Fault
    step: Step


@dataclass
class _Setter:
    """Sets one value. Every node on the way is made anew; the others are kept."""

    source: Source
    root: Mapping
    steps: tuple[Step, ...]
    value: Node

    def set(self, node: Node | None, at: int, kind: str | None) -> Node:
        """`node` with the value set at `steps[at:]`; `kind` is the key that led here: what a short
        form is of.
        """
        if at == len(self.steps):
            return self.value
        step = self.steps[at]
        if not isinstance(node, Mapping) and node is not None:
            node = long_form(node, [one.key for one in self.steps[:at]], step.key) or node
        if isinstance(node, Sequence):
            return self._in_list(node, at)
        if isinstance(step.key, int):
            raise self._lost(step, f"{self._so_far(at)} is no list", "leave the index out")
        if node is None or (isinstance(node, Scalar) and node.value is None):
            return self._in_mapping(Mapping({}, self._span(step)), at)
        if isinstance(node, Mapping):
            return self._in_mapping(node, at)
        return self._in_mapping(self._long_form(node, step, kind, at), at)

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
        """The entry of that `name`, or the only one of that kind."""
        step = self.steps[at]
        assert isinstance(step.key, str)
        found = [way for way, name in names(node) if name == step.key]
        if found:
            return self._along(node, found[0], self._past_kind(found[0][-1], at + 1))
        indices = [index for index, item in enumerate(node.items) if kind_of(item) == step.key]
        if len(indices) == 1:
            return self._item(node, indices[0], lambda item: self.set(item, at, None))
        unnamed = [index for index, name in default_names(node) if name == step.key]
        if unnamed:
            return self._item(node, unnamed[0], lambda item: self._settings(item, at + 1))
        if indices:
            raise self._lost(
                step,
                f"{self._so_far(at)} has {len(indices)} entries of kind `{step.key}`",
                f"write the index: {listed([f'[{index}]' for index in indices[:4]], 'or')}",
            )
        if step.key.isdecimal():
            raise self._lost(
                step,
                f"{self._so_far(at)} is a list, whose entries have their index in brackets",
                f"write `{self._text(at)}[{step.key}]`",
            )
        known = [*(name for _, name in names(node)), *filter(None, map(kind_of, node.items))]
        near = nearest(step.key, known)
        raise self._lost(
            step,
            f"{self._so_far(at)} has no entry named `{step.key}`",
            f"did you mean `{near}`?" if near else "write an index, e.g. `[0]`",
            near,
        )

    def _past_kind(self, kind: str | int | None, at: int) -> int:
        """Where the settings' own steps begin: `[stem].Conv2D.filters` names the kind of `stem`
        once more.
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
        """`node` with the value set below the place that `way` leads to."""
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
        """What a short form is short for: `adam` for `{Adam: ...}`, `64` behind `Dense` for
        `{units: 64}`.
        """
        assert isinstance(step.key, str)
        if isinstance(node.value, str) and same_thing(node.value, step.key):
            return Mapping({step.key: Entry(node.span, Scalar(None, node.span))}, node.span)
        primary = primary_of(kind, self.root) if kind else None
        if primary:
            return Mapping({primary: Entry(node.span, node)}, node.span)
        raise self._lost(
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
        return Span(self.source, step.start, step.end)

    def _out_of_range(self, step: Step, count: int, at: int) -> _Misplaced:
        entries = "one entry" if count == 1 else f"{count} entries" if count else "no entries"
        return self._lost(
            step,
            f"{self._so_far(at)} has {entries}, none at [{step.key}]",
            f"its entries go from [0] to [{count - 1}]" if count > 1 else None,
        )

    def _lost(
        self, step: Step, message: str, help: str | None, suggestion: str | None = None
    ) -> _Misplaced:
        return _Misplaced(Fault("MS130", message, help=help, suggestion=suggestion), step)
