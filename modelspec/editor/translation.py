"""Answers as messages of the protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from lsprotocol import types as lsp

from modelspec.core.diagnostics import Source, Span

from .analysis import Analysis
from .completion import Suggested
from .fixes import Fix, Replacement
from .folding import Fold
from .hints import Hint
from .hover import Shown
from .lenses import Lens
from .outline import Item
from .positions import Lines, Unit
from .problems import Problem
from .tokens import KINDS, Token

UriOf = Callable[[str], str]
"""The URI of a file by its name in messages."""

_SEVERITY: Final = {
    "error": lsp.DiagnosticSeverity.Error,
    "warning": lsp.DiagnosticSeverity.Warning,
    "note": lsp.DiagnosticSeverity.Information,
}
_SYMBOLS: Final = {
    "section": lsp.SymbolKind.Namespace,
    "variable": lsp.SymbolKind.Constant,
    "block": lsp.SymbolKind.Function,
    "input": lsp.SymbolKind.Variable,
    "output": lsp.SymbolKind.Variable,
    "layer": lsp.SymbolKind.Object,
    "model": lsp.SymbolKind.Class,
    "key": lsp.SymbolKind.Property,
}
_COMPLETIONS: Final = {
    "key": lsp.CompletionItemKind.Property,
    "value": lsp.CompletionItemKind.EnumMember,
    "layer": lsp.CompletionItemKind.Class,
    "tensor": lsp.CompletionItemKind.Variable,
    "variable": lsp.CompletionItemKind.Constant,
    "block": lsp.CompletionItemKind.Module,
    "path": lsp.CompletionItemKind.File,
    "metric": lsp.CompletionItemKind.Field,
    "column": lsp.CompletionItemKind.Field,
    "function": lsp.CompletionItemKind.Function,
}


def position(lines: Lines, offset: int) -> lsp.Position:
    """An offset as line and column."""
    return lsp.Position(*lines.position(offset))


def between(lines: Lines, start: int, end: int) -> lsp.Range:
    """The characters between two offsets."""
    return lsp.Range(position(lines, start), position(lines, end))


def lines_of(source: Source, analysis: Analysis) -> Lines:
    """The lines of a text, in the unit of the client."""
    return (
        analysis.lines if source.text == analysis.text else Lines(source.text, analysis.lines.unit)
    )


def location(span: Span, analysis: Analysis, uri_of: UriOf) -> lsp.Location:
    """A place in a file."""
    lines = lines_of(span.source, analysis)
    return lsp.Location(uri_of(span.file), between(lines, span.start, span.end))


# Diagnostics --------------------------------------------------------------------------------------


def diagnostics(
    found: Iterable[Problem], analysis: Analysis, uri_of: UriOf, site: str
) -> list[lsp.Diagnostic]:
    """The problems of one file."""
    return [diagnostic(one, analysis, uri_of, site) for one in found]


def diagnostic(one: Problem, analysis: Analysis, uri_of: UriOf, site: str) -> lsp.Diagnostic:
    """A problem, with a link to its page if the documentation has an address."""
    related = [
        lsp.DiagnosticRelatedInformation(location(place.span, analysis, uri_of), place.message)
        for place in one.related
        if not place.span.source.shipped
    ]
    tags = [lsp.DiagnosticTag.Unnecessary] if one.unneeded else []
    tags += [lsp.DiagnosticTag.Deprecated] if one.old else []
    page = f"{site.rstrip('/')}/reference/codes/{one.code}/"
    return lsp.Diagnostic(
        between(lines_of(one.span.source, analysis), one.span.start, one.span.end),
        one.message,
        severity=_SEVERITY[one.severity],
        code=one.code,
        code_description=lsp.CodeDescription(page) if site else None,
        source="modelspec",
        tags=tags or None,
        related_information=related or None,
    )


# Edits --------------------------------------------------------------------------------------------


def text_edits(edits: Iterable[Replacement], lines: Lines) -> list[lsp.TextEdit]:
    """Edits of one text."""
    return [lsp.TextEdit(between(lines, one.start, one.end), one.text) for one in edits]


def workspace_edit(
    edits: dict[str, list[lsp.TextEdit]], versions: dict[str, int | None], *, versioned: bool
) -> lsp.WorkspaceEdit:
    """Edits by URI; `versioned` if the client refuses edits of an older version."""
    if not versioned:
        return lsp.WorkspaceEdit(changes=dict(edits))
    changes: list[lsp.TextDocumentEdit | lsp.CreateFile | lsp.RenameFile | lsp.DeleteFile] = [
        lsp.TextDocumentEdit(
            lsp.OptionalVersionedTextDocumentIdentifier(uri, versions.get(uri)), list(some)
        )
        for uri, some in edits.items()
    ]
    return lsp.WorkspaceEdit(document_changes=changes)


def quick_fix(fix: Fix, edit: lsp.WorkspaceEdit, of: lsp.Diagnostic | None) -> lsp.CodeAction:
    """A fix of one diagnostic."""
    return lsp.CodeAction(
        fix.title,
        kind=lsp.CodeActionKind.QuickFix,
        diagnostics=[of] if of is not None else None,
        is_preferred=True,
        edit=edit,
    )


# What is shown ------------------------------------------------------------------------------------


def inlay_hints(found: Iterable[Hint], lines: Lines) -> list[lsp.InlayHint]:
    """Texts after lines."""
    return [
        lsp.InlayHint(
            position(lines, one.offset),
            one.text,
            tooltip=lsp.MarkupContent(lsp.MarkupKind.Markdown, one.tip) if one.tip else None,
            padding_left=True,
        )
        for one in found
    ]


def hover(found: Shown | None, lines: Lines) -> lsp.Hover | None:
    """A text about a place."""
    if found is None:
        return None
    content = lsp.MarkupContent(lsp.MarkupKind.Markdown, found.markdown)
    return lsp.Hover(content, between(lines, found.start, found.end))


def completion(found: Sequence[Suggested], lines: Lines) -> lsp.CompletionList:
    """What can be written at a place; the client filters it."""
    return lsp.CompletionList(
        False,
        [
            lsp.CompletionItem(
                one.label,
                kind=_COMPLETIONS.get(one.kind, lsp.CompletionItemKind.Text),
                detail=one.detail or None,
                documentation=lsp.MarkupContent(lsp.MarkupKind.Markdown, one.documentation)
                if one.documentation
                else None,
                sort_text=f"{one.rank:03}{index:05}",
                filter_text=one.label,
                text_edit=lsp.TextEdit(between(lines, one.start, one.end), one.text),
            )
            for index, one in enumerate(found)
        ],
    )


def document_symbols(items: Iterable[Item], lines: Lines) -> list[lsp.DocumentSymbol]:
    """An outline."""
    return [
        lsp.DocumentSymbol(
            one.name,
            _SYMBOLS[one.kind],
            between(lines, one.start, one.end),
            between(lines, one.name_start, one.name_end),
            detail=one.detail or None,
            children=document_symbols(one.below, lines) or None,
        )
        for one in items
    ]


def symbol_kind(kind: str) -> lsp.SymbolKind:
    """The kind of a line of an outline."""
    return _SYMBOLS[kind]


def folding_ranges(found: Iterable[Fold]) -> list[lsp.FoldingRange]:
    """Parts that can be folded."""
    return [
        lsp.FoldingRange(
            one.first,
            one.last,
            kind=lsp.FoldingRangeKind.Comment if one.kind == "comment" else None,
        )
        for one in found
    ]


def code_lenses(found: Iterable[Lens], lines: Lines, uri: str) -> list[lsp.CodeLens]:
    """Commands above lines; their argument is the URI."""
    return [
        lsp.CodeLens(
            between(lines, one.start, one.end),
            command=lsp.Command(one.title, one.command, arguments=[uri]),
        )
        for one in found
    ]


LEGEND: Final = lsp.SemanticTokensLegend([str(one) for one in KINDS], [])


def semantic_tokens(found: Iterable[Token], lines: Lines) -> lsp.SemanticTokens:
    """Tokens relative to those before them; a token of several lines is left out."""
    data: list[int] = []
    line = column = 0
    for one in found:
        start, end = lines.position(one.start), lines.position(one.end)
        if start.line != end.line:
            continue
        before = column if start.line == line else 0
        data += [start.line - line, start.column - before, end.column - start.column]
        data += [KINDS.index(one.kind), 0]
        line, column = start.line, start.column
    return lsp.SemanticTokens(data)


def units() -> dict[str, Unit]:
    """The units of columns by their names in the protocol."""
    return {"utf-8": "utf-8", "utf-16": "utf-16", "utf-32": "utf-32"}
