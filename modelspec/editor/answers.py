"""The requests of the protocol. Each is answered from one version of a text: the newest. A request
about a position is refused if the text has changed since, because it means another place then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcContentModified, JsonRpcInvalidParams

from modelspec.core.diagnostics import Edit, Span

from . import translation
from .analysis import Analysis
from .completion import completions
from .fixes import fix_all, fixes, has_old_spellings
from .folding import folds
from .hints import choices, hints
from .hover import hover
from .lenses import lenses
from .names import Refusal, definition, prepare_rename, references, rename
from .outline import outline
from .pictures import drawn
from .problems import problems
from .server import Server
from .tokens import tokens

_P = ParamSpec("_P")
_T = TypeVar("_T")
_TRIGGERS: Final = [":", "$", "-", "{", "[", ",", "/", ".", '"', " "]
_FIX_ALL: Final = "source.fixAll.modelspec"


def add_answers(server: Server) -> None:
    """Register all requests."""
    _add_lifecycle(server)
    _add_whole(server)
    _add_places(server)
    _add_names(server)
    _add_actions(server)
    _add_workspace(server)


def _add_lifecycle(server: Server) -> None:
    @server.feature(lsp.INITIALIZE)
    def _(params: lsp.InitializeParams) -> None:
        server.begin(params)

    @server.feature(lsp.INITIALIZED)
    async def _(params: lsp.InitializedParams) -> None:
        await server.watch()

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def _(params: lsp.DidChangeWatchedFilesParams) -> None:
        server.files_changed(params)


# The whole text -----------------------------------------------------------------------------------


def _add_whole(server: Server) -> None:
    ask = server.checking.ask

    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    async def _(params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol] | None:
        return await ask(params.text_document.uri, _symbols)

    @server.feature(lsp.TEXT_DOCUMENT_FOLDING_RANGE)
    async def _(params: lsp.FoldingRangeParams) -> list[lsp.FoldingRange] | None:
        return await ask(
            params.text_document.uri, lambda one: translation.folding_ranges(folds(one))
        )

    @server.feature(lsp.TEXT_DOCUMENT_CODE_LENS)
    async def _(params: lsp.CodeLensParams) -> list[lsp.CodeLens] | None:
        uri = params.text_document.uri
        return await ask(uri, lambda one: translation.code_lenses(lenses(one), one.lines, uri))

    @server.feature(lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, translation.LEGEND)
    async def _(params: lsp.SemanticTokensParams) -> lsp.SemanticTokens | None:
        return await ask(params.text_document.uri, _tokens)

    @server.feature(lsp.TEXT_DOCUMENT_INLAY_HINT)
    async def _(params: lsp.InlayHintParams) -> list[lsp.InlayHint] | None:
        file = server.checking.files.get(params.text_document.uri)
        cursor = file.cursor if file is not None else None
        return await ask(params.text_document.uri, _hints, params.range, cursor)


def _symbols(analysis: Analysis) -> list[lsp.DocumentSymbol]:
    if analysis.document is None:
        return []
    return translation.document_symbols(outline(analysis.document.root), analysis.lines)


def _tokens(analysis: Analysis) -> lsp.SemanticTokens:
    return translation.semantic_tokens(tokens(analysis), analysis.lines)


def _hints(analysis: Analysis, wanted: lsp.Range, cursor: int | None) -> list[lsp.InlayHint]:
    start, end = _offsets(analysis, wanted)
    return translation.inlay_hints(hints(analysis, start, end, cursor), analysis.lines)


def _offsets(analysis: Analysis, wanted: lsp.Range) -> tuple[int, int]:
    start = _offset(analysis, wanted.start)
    return start, max(start, _offset(analysis, wanted.end))


def _offset(analysis: Analysis, position: lsp.Position) -> int:
    return analysis.lines.offset(position.line, position.character)


# Places -------------------------------------------------------------------------------------------


async def _at(
    server: Server,
    uri: str,
    position: lsp.Position,
    question: Callable[Concatenate[Analysis, int, _P], _T],
    *args: _P.args,
    **options: _P.kwargs,
) -> _T | None:
    """The answer about a position. Raises `JsonRpcContentModified` if the text has changed since
    the request.
    """
    file = server.checking.files.get(uri)
    version = file.version if file is not None else None
    analysis = await server.checking.analysis(uri)
    if analysis is None or file is None:
        return None
    if file.version != version:
        raise JsonRpcContentModified()
    offset = _offset(analysis, position)
    if not _is_in_block(analysis, offset):
        await _moved(server, uri, offset, analysis)
    return await server.checking.compute(question, analysis, offset, *args, **options)


def _is_in_block(analysis: Analysis, offset: int) -> bool:
    root = analysis.document.root if analysis.document is not None else None
    blocks = root.entries.get("blocks") if root is not None else None
    return blocks is not None and blocks.span.start <= offset <= blocks.span.end


async def _moved(server: Server, uri: str, offset: int, analysis: Analysis) -> None:
    """Keep the place of the cursor, and ask for new hints if they depend on it."""
    file = server.checking.files.get(uri)
    if file is None:
        return
    before, file.cursor = file.cursor, offset
    workspace = server.client_capabilities.workspace
    hint = workspace.inlay_hint if workspace is not None else None
    if hint is not None and hint.refresh_support:
        compute = server.checking.compute
        shown, now = [await compute(choices, analysis, one) for one in (before, offset)]
        if shown != now:
            server.workspace_inlay_hint_refresh(None)


def _add_places(server: Server) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    async def _(params: lsp.HoverParams) -> lsp.Hover | None:
        return await _at(server, params.text_document.uri, params.position, _hover)

    options = lsp.CompletionOptions(trigger_characters=_TRIGGERS)

    @server.feature(lsp.TEXT_DOCUMENT_COMPLETION, options)
    async def _(params: lsp.CompletionParams) -> lsp.CompletionList | None:
        return await _at(server, params.text_document.uri, params.position, _completion)

    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)
    async def _(params: lsp.DocumentHighlightParams) -> list[lsp.DocumentHighlight] | None:
        return await _at(server, params.text_document.uri, params.position, _highlights)


def _hover(analysis: Analysis, offset: int) -> lsp.Hover | None:
    return translation.hover(hover(analysis, offset), analysis.lines)


def _completion(analysis: Analysis, offset: int) -> lsp.CompletionList:
    return translation.completion(completions(analysis, offset), analysis.lines)


def _highlights(analysis: Analysis, offset: int) -> list[lsp.DocumentHighlight]:
    return [
        lsp.DocumentHighlight(translation.between(analysis.lines, one.start, one.end))
        for one in references(analysis, offset, True)
        if analysis.is_here(one)
    ]


# Names --------------------------------------------------------------------------------------------


def _add_names(server: Server) -> None:
    def located(analysis: Analysis, spans: list[Span]) -> list[lsp.Location]:
        shown = (one for one in spans if not one.source.shipped)
        return [translation.location(one, analysis, server.uri_of) for one in shown]

    @server.feature(lsp.TEXT_DOCUMENT_DEFINITION)
    async def _(params: lsp.DefinitionParams) -> list[lsp.Location] | None:
        def answer(analysis: Analysis, offset: int) -> list[lsp.Location]:
            return located(analysis, definition(analysis, offset))

        return await _at(server, params.text_document.uri, params.position, answer)

    @server.feature(lsp.TEXT_DOCUMENT_REFERENCES)
    async def _(params: lsp.ReferenceParams) -> list[lsp.Location] | None:
        def answer(analysis: Analysis, offset: int) -> list[lsp.Location]:
            also = params.context.include_declaration
            return located(analysis, references(analysis, offset, also))

        return await _at(server, params.text_document.uri, params.position, answer)

    @server.feature(lsp.TEXT_DOCUMENT_PREPARE_RENAME)
    async def _(params: lsp.PrepareRenameParams) -> lsp.Range | None:
        return await _at(server, params.text_document.uri, params.position, _prepared)

    @server.feature(lsp.TEXT_DOCUMENT_RENAME)
    async def _(params: lsp.RenameParams) -> lsp.WorkspaceEdit | None:
        def answer(analysis: Analysis, offset: int) -> lsp.WorkspaceEdit:
            found = rename(analysis, offset, params.new_name)
            if isinstance(found, Refusal):
                raise JsonRpcInvalidParams(found.reason)
            return _edits(server, analysis, found)

        return await _at(server, params.text_document.uri, params.position, answer)


def _prepared(analysis: Analysis, offset: int) -> lsp.Range | None:
    span = prepare_rename(analysis, offset)
    return None if span is None else translation.between(analysis.lines, span.start, span.end)


def _edits(server: Server, analysis: Analysis, edits: list[Edit]) -> lsp.WorkspaceEdit:
    by_uri: dict[str, list[lsp.TextEdit]] = {}
    for one in edits:
        lines = translation.lines_of(one.span.source, analysis)
        place = translation.between(lines, one.span.start, one.span.end)
        by_uri.setdefault(server.uri_of(one.span.file), []).append(lsp.TextEdit(place, one.text))
    return _workspace_edit(server, by_uri)


def _workspace_edit(server: Server, edits: dict[str, list[lsp.TextEdit]]) -> lsp.WorkspaceEdit:
    versions = {uri: file.version for uri, file in server.checking.files.items()}
    workspace = server.client_capabilities.workspace
    edit = workspace.workspace_edit if workspace is not None else None
    versioned = bool(edit is not None and edit.document_changes)
    return translation.workspace_edit(edits, versions, versioned=versioned)


# Fixes --------------------------------------------------------------------------------------------


def _add_actions(server: Server) -> None:
    options = lsp.CodeActionOptions(
        code_action_kinds=[lsp.CodeActionKind.QuickFix, lsp.CodeActionKind.SourceFixAll]
    )

    @server.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, options)
    async def _(params: lsp.CodeActionParams) -> list[lsp.CodeAction] | None:
        def answer(analysis: Analysis, start: int) -> list[lsp.CodeAction]:
            end = max(start, _offset(analysis, params.range.end))
            wanted = params.context.only
            found: list[lsp.CodeAction] = []
            if _is_wanted(lsp.CodeActionKind.QuickFix.value, wanted):
                found += _quick_fixes(server, analysis, params.text_document.uri, start, end)
            if _is_wanted(_FIX_ALL, wanted) and has_old_spellings(analysis):
                found += _fix_all(server, analysis, params.text_document.uri)
            return found

        return await _at(server, params.text_document.uri, params.range.start, answer)


def _is_wanted(kind: str, wanted: Any) -> bool:
    """Whether a kind is one of those that the client asks for, or below one of them."""
    if wanted is None:
        return True
    names = [str(getattr(one, "value", one)) for one in wanted]
    return any(not one or kind == one or kind.startswith(f"{one}.") for one in names)


def _quick_fixes(
    server: Server, analysis: Analysis, uri: str, start: int, end: int
) -> list[lsp.CodeAction]:
    found = fixes(analysis, start, end)
    if not found:
        return []
    shown = {id(one.diagnostic): one for one in problems(analysis)[analysis.name]}
    actions: list[lsp.CodeAction] = []
    for fix in found:
        edit = _workspace_edit(server, {uri: translation.text_edits(fix.edits, analysis.lines)})
        problem = shown.get(id(fix.diagnostic))
        of = problem and translation.diagnostic(problem, analysis, server.uri_of, server.site)
        actions.append(translation.quick_fix(fix, edit, of))
    return actions


def _fix_all(server: Server, analysis: Analysis, uri: str) -> list[lsp.CodeAction]:
    edits = fix_all(analysis)
    if not edits:
        return []
    edit = _workspace_edit(server, {uri: translation.text_edits(edits, analysis.lines)})
    return [lsp.CodeAction("Update all old spellings", kind=_FIX_ALL, edit=edit)]


# The workspace ------------------------------------------------------------------------------------


def _add_workspace(server: Server) -> None:
    @server.feature(lsp.WORKSPACE_SYMBOL)
    async def _(params: lsp.WorkspaceSymbolParams) -> list[lsp.SymbolInformation]:
        found = await server.checking.compute(server.specs.named, params.query, server.folders())
        return [
            lsp.SymbolInformation(
                lsp.Location(
                    server.uri_of(one.file),
                    lsp.Range(lsp.Position(*one.start), lsp.Position(*one.end)),
                ),
                one.name,
                translation.symbol_kind(one.kind),
                container_name=one.within or None,
            )
            for one in found
        ]

    @server.command("modelspec.picture")
    async def _(uri: str) -> dict[str, Any] | None:
        return await server.checking.ask(uri, drawn)
