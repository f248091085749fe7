"""A version of a text, and all that the compiler finds in it. Every answer to the editor is a
function of one `Analysis`, so that no answer mixes two versions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from modelspec.compiler.infer.typed_graph import TypedCall, TypedGraph
from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.core.diagnostics import Checked, Diagnostic, Span
from modelspec.core.diagnostics.derived import origin_of
from modelspec.core.paths import context_for
from modelspec.core.source import Document, kind_of, read_text

from .positions import Lines, Unit


@dataclass(frozen=True, eq=False)
class Analysis:
    """One version of one text."""

    name: str
    """The path of the file, as messages name it."""
    text: str
    lines: Lines
    read: Checked[Document | None]
    """The text as written, before its expansion; of broken text, what could be understood."""
    checked: Checked[Compiled | None]

    @property
    def document(self) -> Document | None:
        """The tree of keys and values as written, with the place of each."""
        return self.read.value

    @property
    def compiled(self) -> Compiled | None:
        """The spec as far as it could be understood."""
        return self.checked.value

    @property
    def graph(self) -> TypedGraph | None:
        """The layers with shapes, without those that have errors."""
        return self.compiled.graph if self.compiled is not None else None

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """All diagnostics, also those in files that the text extends."""
        return self.checked.diagnostics

    @cached_property
    def calls_by_place(self) -> dict[int, list[TypedCall]]:
        """The calls of each entry in this text, by the offset of its kind: several for an entry of
        a block, a loop or a shared model.
        """
        found: dict[int, list[TypedCall]] = {}
        if self.graph is not None:
            for call in _all_calls(self.graph, set()):
                span = call.call.use.kind_span
                if self.is_here(span):
                    found.setdefault(span.start, []).append(call)
        return found

    def is_here(self, span: Span) -> bool:
        """Whether a place is in this text, and not in a file that it extends."""
        source = origin_of(span).source
        return source.name == self.name and source.text == self.text


def analyze(path: Path, text: str, unit: Unit = "utf-16") -> Analysis:
    """Check a text as the content of a file, which need not exist. Raises nothing."""
    name = str(path)
    text = text.removeprefix("\ufeff")
    read = read_text(text, name, kind_of(name))
    checked = compile_spec(read, None, context_for(path))
    return Analysis(name, text, Lines(text, unit), read, checked)


def _all_calls(graph: TypedGraph, seen: set[int]) -> Iterator[TypedCall]:
    """Every call, also those in sub-models; a sub-model at its first call of each type."""
    for call in graph.layers:
        yield call
        if call.inside is not None and id(call.inside) not in seen:
            seen.add(id(call.inside))
            yield from _all_calls(call.inside, seen)
