"""A version of a text, and all that the compiler finds in it. Every answer to the editor is a
function of one `Analysis`, so that no answer mixes two versions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from modelspec.compiler.infer.typed_graph import TypedCall, TypedGraph
from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.core.diagnostics import Checked, Diagnostic, Span
from modelspec.core.diagnostics.derived import origin_of
from modelspec.core.paths import opened_context
from modelspec.core.paused_collection import paused_collection
from modelspec.core.settings import Context
from modelspec.core.source import Document, kind_of, read_text, recovered
from modelspec.core.source.open_texts import open_texts

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
    context: Context
    """The folder of the file, its project and its plugins."""
    warnings: tuple[Diagnostic, ...] = ()
    """What is wrong with the project and its plugins."""
    files: frozenset[Path] = frozenset()
    """The files that the spec extends, directly or through others, with links resolved."""

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
    def calls(self) -> tuple[TypedCall, ...]:
        """Every call, also those in sub-models; a sub-model at its first call of each type."""
        return () if self.graph is None else tuple(_all_calls(self.graph, set()))

    @cached_property
    def calls_by_place(self) -> dict[int, list[TypedCall]]:
        """The calls of each entry in this text, by the offset of its kind: several for an entry of
        a block, a loop or a shared model.
        """
        found: dict[int, list[TypedCall]] = {}
        for call in self.calls:
            span = call.call.use.kind_span
            if self.is_here(span):
                found.setdefault(span.start, []).append(call)
        return found

    def is_here(self, span: Span) -> bool:
        """Whether a place is in this text, and not in a file that it extends."""
        source = origin_of(span).source
        return source.name == self.name and source.text == self.text


@paused_collection()
def analyze(
    path: Path, text: str, unit: Unit = "utf-16", others: Mapping[Path, str] | None = None
) -> Analysis:
    """Check a text as the content of a file, which need not exist. Raises nothing.

    `others` are the texts of files that are open in the editor, by resolved path: they are read in
    place of the files that the spec extends.
    """
    name = str(path)
    lines = Lines.without_mark(text, unit)
    text = lines.text
    context, warnings = opened_context(path)
    with open_texts(others or {}) as reads:
        read = recovered(read_text(text, name, kind_of(name)))
        checked = compile_spec(read, None, context)
    files = frozenset(reads.files)
    return Analysis(name, text, lines, read, checked, context, warnings, files)


def _all_calls(graph: TypedGraph, seen: set[int]) -> Iterator[TypedCall]:
    """Every call, also those in sub-models; a sub-model at its first call of each type."""
    for call in graph.layers:
        yield call
        if call.inside is not None and id(call.inside) not in seen:
            seen.add(id(call.inside))
            yield from _all_calls(call.inside, seen)
