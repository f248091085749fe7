"""The language server: which texts are open, and what is published about them.

It reads files as `modelspec check` does, writes none, and loads no framework.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path

import modelspec

from . import translation
from .analysis import Analysis
from .checking import Checking
from .open_files import Change, OpenFile
from .positions import Position, Unit
from .problems import problems
from .protocol import Protocol
from .workspace_symbols import Specs

_PAUSE: Final = 0.04
"""Seconds without a change after which a text is checked, if nothing is asked about it before."""
_WATCHED: Final = ("**/*.{yaml,yml,json}", "**/pyproject.toml")
_Published = dict[str, list[lsp.Diagnostic]]


class Server(LanguageServer):
    """A language server for specs."""

    def __init__(self) -> None:
        logging.getLogger("pygls").setLevel(logging.CRITICAL)
        super().__init__("modelspec", modelspec.__version__, protocol_cls=Protocol)
        self.checking = Checking()
        self.unit: Unit = "utf-16"
        self.site = ""
        """The address of the documentation, where the client has one."""
        self.specs = Specs(self.unit)
        self._published: dict[str, _Published] = {}
        """What each text says about each file, by URI."""
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    # Lifecycle ------------------------------------------------------------------------------------

    def begin(self, params: lsp.InitializeParams) -> None:
        """Read what the client can do."""
        kinds = translation.units()
        general = params.capabilities.general
        offered = (general.position_encodings or ()) if general is not None else ()
        self.unit = next(
            (kinds[str(_value(one))] for one in offered if _value(one) in kinds), "utf-16"
        )
        self.specs = Specs(self.unit)
        options = params.initialization_options
        site = options.get("site") if isinstance(options, dict) else None
        self.site = (
            site if isinstance(site, str) and site.startswith(("https://", "http://")) else ""
        )

    async def watch(self) -> None:
        """Ask the client to report changes of files."""
        workspace = self.client_capabilities.workspace
        watched = workspace.did_change_watched_files if workspace is not None else None
        if watched is None or not watched.dynamic_registration:
            return
        options = lsp.DidChangeWatchedFilesRegistrationOptions(
            [lsp.FileSystemWatcher(glob) for glob in _WATCHED]
        )
        method = lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES
        registration = lsp.Registration("watched-files", method, options)
        await self.client_register_capability_async(lsp.RegistrationParams([registration]))

    def shutdown(self) -> None:
        self.checking.close()
        super().shutdown()

    # Texts ----------------------------------------------------------------------------------------

    def opened(self, params: lsp.DidOpenTextDocumentParams) -> None:
        one = params.text_document
        file = OpenFile(
            one.uri, self.path_of(one.uri, one.language_id), one.text, one.version, one.language_id
        )
        file.unit = self.unit
        for changed in self.checking.open(file):
            self._check_later(changed)

    def changed(self, params: lsp.DidChangeTextDocumentParams) -> None:
        file = self.checking.files.get(params.text_document.uri)
        if file is None:
            return
        file.change([_change(one) for one in params.content_changes], params.text_document.version)
        for changed in (file, *self.checking.touch(file.path)):
            self._check_later(changed)

    def closed(self, params: lsp.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        file, changed = self.checking.forget(uri)
        if (timer := self._timers.pop(uri, None)) is not None:
            timer.cancel()
        if file is not None:
            self._publish(uri, {}, None)
        for one in changed:
            self._check_later(one)

    def files_changed(self, params: lsp.DidChangeWatchedFilesParams) -> None:
        """Check the specs again that depend on changed files."""
        for change in params.changes:
            path = self.path_of(change.uri)
            of_project = path.name == "pyproject.toml"
            for one in self.checking.touch_all() if of_project else self.checking.touch(path):
                self._check_later(one)

    def path_of(self, uri: str, language: str = "") -> Path:
        """The path of a URI; a text without a file is one in the folder of the workspace."""
        path = to_fs_path(uri) if uri.startswith("file:") else None
        if path is not None:
            return Path(os.path.abspath(path))  # noqa: PTH100  # `resolve` would follow links
        name = uri.rpartition("/")[2].rpartition(":")[2] or "untitled"
        folders = self.folders()
        suffix = ".json" if language in ("json", "jsonc") else ".yaml"
        return (folders[0] if folders else Path.cwd()) / f"{name}{suffix}"

    def folders(self) -> list[Path]:
        """The folders of the workspace."""
        named = list(self.workspace.folders) or [self.workspace.root_uri or ""]
        paths = (to_fs_path(uri) for uri in named if uri.startswith("file:"))
        return [Path(path) for path in paths if path is not None]

    def uri_of(self, name: str) -> str:
        """The URI of a file, as the client writes it if the file is open."""
        path = Path(os.path.abspath(name))  # noqa: PTH100  # `resolve` would follow links
        opened = self.checking.called(path)
        return opened.uri if opened is not None else from_fs_path(str(path)) or ""

    # Diagnostics ----------------------------------------------------------------------------------

    def _check_later(self, file: OpenFile) -> None:
        """Publish the diagnostics once the text is not changed any more."""
        if not file.is_spec:
            return
        if (timer := self._timers.pop(file.uri, None)) is not None:
            timer.cancel()
        loop = asyncio.get_running_loop()
        self._timers[file.uri] = loop.call_later(_PAUSE, self._start, file.uri)

    def _start(self, uri: str) -> None:
        self._timers.pop(uri, None)
        task = asyncio.get_running_loop().create_task(self._diagnose(uri))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _diagnose(self, uri: str) -> None:
        file = self.checking.files.get(uri)
        analysis = await self.checking.analysis(uri)
        if file is None or analysis is None:
            return
        version = file.version
        found = await self.checking.compute(self._translated, analysis, uri)
        if file.current is analysis and self.checking.files.get(uri) is file:
            self._publish(uri, found, version)

    def _translated(self, analysis: Analysis, uri: str) -> _Published:
        found = problems(analysis)
        return {
            uri if name == analysis.name else self.uri_of(name): translation.diagnostics(
                some, analysis, self.uri_of, self.site
            )
            for name, some in found.items()
        }

    def _publish(self, owner: str, found: _Published, version: int | None) -> None:
        """Publish what one text says. What several texts say about a file that is not open is
        published together.
        """
        before = self._published.pop(owner, {})
        if found:
            self._published[owner] = found
        for uri in dict.fromkeys((owner, *before, *found)):
            is_own = uri == owner and uri in self.checking.files
            if is_own:
                said = found.get(uri, [])
            elif uri in self.checking.files:
                continue  # it has its own diagnostics
            else:
                said = _distinct(
                    one for some in self._published.values() for one in some.get(uri, ())
                )
            self.text_document_publish_diagnostics(
                lsp.PublishDiagnosticsParams(uri, said, version=version if is_own else None)
            )


def _distinct(diagnostics: Iterable[lsp.Diagnostic]) -> list[lsp.Diagnostic]:
    found: list[lsp.Diagnostic] = []
    for one in diagnostics:
        if one not in found:
            found.append(one)
    return found


def _change(one: lsp.TextDocumentContentChangeEvent) -> Change:
    if isinstance(one, lsp.TextDocumentContentChangePartial):
        start, end = one.range.start, one.range.end
        return Change(
            one.text, Position(start.line, start.character), Position(end.line, end.character)
        )
    return Change(one.text)


def _value(encoding: Any) -> Any:
    """The name of an encoding, which a client may send as text."""
    return getattr(encoding, "value", encoding)


def server() -> Server:
    """A server with all its answers."""
    from .answers import add_answers

    made = Server()
    add_answers(made)
    return made
