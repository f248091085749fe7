"""The origin of a value of a resolved spec: the place where it is written, and every use, name,
loop, file and flag on its way into the spec.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from modelspec.catalog import library
from modelspec.compiler.expand.entry_paths import name_of
from modelspec.compiler.expand.families import is_same_class
from modelspec.compiler.expand.value_paths import Step, parse_path
from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import Fault, Source, Span, did_you_mean, listed, nearest
from modelspec.core.diagnostics.derived import causes_of, origin_of
from modelspec.core.settings import describe
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, plain, read, read_text

from . import resolved_node
from .defaults import is_default
from .dump import scalar

_FLAG = "--set "
_LONGEST = 60  # maximum number of characters of a value that are shown as written


class Wayward(Exception):  # contains a diagnostic
    """A path that does not exist in the resolved spec."""

    def __init__(self, fault: Fault, span: Span) -> None:
        super().__init__(fault.message)
        self.fault = fault
        self.span = span


class OriginStep(NamedTuple):
    """One step of the origin of a value."""

    message: str
    span: Span | None
    path: str | None = None
    """The path of the step in its own file."""


@dataclass(frozen=True)
class Origin:
    """A value of a resolved spec, and its origin."""

    path: str
    value: Any
    default: bool
    steps: tuple[OriginStep, ...]

    def record(self) -> dict[str, Any]:
        """As plain values, for programs."""
        steps = [
            {
                "message": one.message,
                "file": one.span.file if one.span else None,
                "line": one.span.line if one.span else None,
                "column": one.span.column if one.span else None,
                "path": one.path,
            }
            for one in self.steps
        ]
        return {"path": self.path, "value": self.value, "default": self.default, "steps": steps}

    def lines(self) -> list[str]:
        """As text: the value, then a line for each step."""
        rows = [
            ("" if one.span is None else _shown(one.span), one.message, one.path)
            for one in self.steps
        ]
        width = max((len(place) for place, _, _ in rows), default=0)
        found = [f"{self.path}: {scalar(self.value)}"]
        for place, message, path in rows:
            lead = f"  {place.ljust(width)}  " if width else "  "
            found.append(f"{lead}{message}{f'  ({path})' if path else ''}")
        return found


def _shown(span: Span) -> str:
    """The place; a flag is a separate place."""
    return span.file if span.file.startswith(_FLAG) else str(span)


class Origins:
    """Finds the origins of the values of one spec."""

    def __init__(self, compiled: Compiled) -> None:
        self.file = compiled.file.document.root.span.file
        self.compiled = compiled
        self.root = resolved_node(compiled)
        self._files: dict[str, Mapping | None] = {}

    def of(self, path: str) -> Origin:
        """The value at a path with the syntax of `--set`. Raises `Wayward` (MS130, MS148)."""
        try:
            node, key_span = _Finder(self.root, path).find()
        except Wayward:
            node, key_span = _Finder(self._whole, path).find()
        default = is_default(node.span)
        steps = list(self._steps(node, key_span))
        files = dict.fromkeys(one.span.file for one in steps if one.span is not None)
        for file in files:
            steps.extend(one for one in self._extended(file) if one not in steps)
        return Origin(path, plain(node), default, tuple(steps))

    @cached_property
    def _whole(self) -> Mapping:
        """The document with every default."""
        return resolved_node(self.compiled, defaults=True)

    def _steps(self, node: Node, key_span: Span | None) -> Iterator[OriginStep]:
        span = node.span
        if is_default(span):
            yield OriginStep(span.file, None)
            if key_span is not None and not is_default(key_span):
                yield from self._way(key_span, "part of the value that is written here", set())
            return
        if key_span is not None and origin_of(span) == origin_of(self.root.span):
            yield OriginStep("set by the language", None)
            return
        yield from self._way(span, self._written(node), set())

    def _written(self, node: Node) -> str:
        span = origin_of(node.span)
        if span.file.startswith(_FLAG):
            return "set on the command line, or from Python"
        text = span.text
        short = isinstance(node, Scalar) and "\n" not in text and 0 < len(text) <= _LONGEST
        return f"written here, as `{text}`" if short else "written here"

    def _way(
        self, span: Span, message: str, seen: set[tuple[str, int, int]]
    ) -> Iterator[OriginStep]:
        """The step at a place, and the previous steps."""
        place = origin_of(span)
        yield OriginStep(message, place, self._path_at(place))
        for cause in causes_of(span):
            at = origin_of(cause.span)
            key = (cause.message, at.start, id(at.source))
            if key not in seen:
                seen.add(key)
                yield from self._way(cause.span, cause.message, seen)

    # Files ----------------------------------------------------------------------------------------

    def _path_at(self, span: Span) -> str | None:
        """The path of the value at a place, in its own file."""
        root = self._document(span)
        return (
            next((way for way, at in _places(root) if at == (span.start, span.end)), None)
            if root
            else None
        )

    def _document(self, span: Span) -> Mapping | None:
        name = span.file
        if name.startswith(_FLAG) or not span.source.text:
            return None
        if name not in self._files:
            document = read_text(span.source.text, name, "auto").value
            self._files[name] = document.root if document else None
        return self._files[name]

    def _extended(self, file: str) -> Iterator[OriginStep]:
        """The `extends` steps that include a file."""
        for extended, span in self._extends:
            if extended == _real(file):
                yield OriginStep(f"`{os.path.basename(file)}` is extended here", span)  # noqa: PTH119
                yield from self._extended(span.file)

    @cached_property
    def _extends(self) -> list[tuple[str, Span]]:
        """Every extended file, directly or indirectly, and the place of its `extends`."""
        found: list[tuple[str, Span]] = []
        queue, seen = [self.file], {_real(self.file)}
        while queue:
            name = queue.pop()
            document = None if name.startswith("<") or name == "-" else read(name).value
            entry = document.root.entries.get("extends") if document else None
            if entry is None:
                continue
            for item in entry.value.items if isinstance(entry.value, Sequence) else (entry.value,):
                path = _extended_path(name, str(plain(item)))
                found.append((_real(path), item.span))
                if _real(path) not in seen:
                    seen.add(_real(path))
                    queue.append(path)
        return found


def _extended_path(file: str, value: str) -> str:
    """The file that an `extends` refers to: relative to its own file, or from the library."""
    path = os.path.normpath(Path(file).parent / value)
    return (
        os.fspath(library.FOLDER / f"{value}.yaml")
        if library.is_kind(value) and not Path(path).exists()
        else path
    )


def _real(file: str) -> str:
    return os.path.realpath(file)


def _places(node: Node, way: str = "") -> Iterator[tuple[str, tuple[int, int]]]:
    """Every key and value of a document: its path and its place."""
    if isinstance(node, Mapping):
        for key, entry in node.entries.items():
            path = _joined(way, key)
            yield path, (entry.key_span.start, entry.key_span.end)
            yield path, (entry.value.span.start, entry.value.span.end)
            yield from _places(entry.value, path)
    elif isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield f"{way}[{index}]", (item.span.start, item.span.end)
            yield from _places(item, f"{way}[{index}]")


def _joined(way: str, key: str) -> str:
    if any(character in key for character in ".[]=\"'") or not key.strip():
        return f"{way}['{key}']"
    return f"{way}.{key}" if way else key


# Paths into the resolved spec ---------------------------------------------------------------------


class _Finder:
    """Follows one path."""

    def __init__(self, root: Mapping, path: str) -> None:
        self.root = root
        self.text = path
        self.source = Source(f"--explain {path}", path)

    def find(self) -> tuple[Node, Span | None]:
        """The value, and the place of its key."""
        try:
            steps = parse_path(self.text)
        except Fault as fault:
            raise Wayward(fault, Span(self.source, 0, len(self.text))) from None
        node: Node = self.root
        key_span: Span | None = None
        kind: str | None = None
        """The kind of an entry that was found by its name: it may be repeated as a step."""
        for step in steps:
            if (
                kind is not None
                and step.key == kind
                and not (isinstance(node, Mapping) and kind in node.entries)
            ):
                kind = None
                continue
            kind = None
            if isinstance(node, Mapping):
                entry = self._entry(node, step)
                node, key_span = entry.value, entry.key_span
            elif isinstance(node, Sequence):
                node, found, kind = self._item(node, step)
                key_span = found or key_span
            else:
                raise self._lost(
                    step,
                    f"{self._so_far(step)} is {describe(plain(node))} and has no keys or items",
                )
        return node, key_span

    def _entry(self, node: Mapping, step: Step) -> Entry:
        if isinstance(step.key, int):
            raise self._lost(
                step, f"{self._so_far(step)} is not a list", help="leave the index out"
            )
        if step.key in node.entries:
            return node.entries[step.key]
        alike = [
            key for key in node.entries if len(node.entries) == 1 and is_same_class(key, step.key)
        ]
        if alike:
            return node.entries[alike[0]]
        near = nearest(step.key, node.entries)
        known = listed(list(node.entries)[:8])
        raise self._lost(
            step,
            f"{self._so_far(step)} has no `{step.key}`",
            near,
            did_you_mean(near, f"its keys: {known}" if known else "it is empty"),
        )

    def _item(self, node: Sequence, step: Step) -> tuple[Node, Span | None, str | None]:
        if isinstance(step.key, int):
            return self._at(node, step, step.key), None, None
        entries = list(_named(node))
        for _, kind, entry in entries:
            if step.key == name_of(entry.value):
                return entry.value, entry.key_span, kind
        alike = [(index, entry) for index, kind, entry in entries if is_same_class(kind, step.key)]
        if len(alike) == 1:
            return alike[0][1].value, alike[0][1].key_span, None
        if alike:
            raise self._lost(
                step,
                f"{self._so_far(step)} has {len(alike)} entries of kind `{step.key}`",
                help=f"write the index: {listed([f'[{index}]' for index, _ in alike[:4]], 'or')}",
            )
        names = [name for _, _, entry in entries if (name := name_of(entry.value))]
        near = nearest(step.key, [*names, *(kind for _, kind, _ in entries)])
        raise self._lost(
            step,
            f"{self._so_far(step)} has no entry named `{step.key}`",
            near,
            did_you_mean(near, "write an index, e.g. `[0]`"),
        )

    def _at(self, node: Sequence, step: Step, position: int) -> Node:
        index = position + len(node.items) if position < 0 else position
        if not 0 <= index < len(node.items):
            raise self._lost(
                step,
                f"{self._so_far(step)} has {len(node.items)} entries, but no entry [{position}]",
            )
        return node.items[index]

    def _so_far(self, step: Step) -> str:
        before = self.text[: step.start].rstrip(".")
        return f"`{before}`" if before else "the resolved spec"

    def _lost(
        self, step: Step, message: str, suggestion: str | None = None, help: str | None = None
    ) -> Wayward:
        return Wayward(
            Fault("MS148", message, help=help, suggestion=suggestion),
            Span(self.source, step.start, step.end),
        )


def _named(node: Sequence) -> Iterator[tuple[int, str, Entry]]:
    """Every entry of a list with its kind."""
    for index, item in enumerate(node.items):
        if isinstance(item, Mapping) and len(item.entries) == 1:
            kind, entry = next(iter(item.entries.items()))
            yield index, kind, entry
