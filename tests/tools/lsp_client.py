"""A client of the language server that shares no code with it: JSON-RPC over pipes, with a thread
that reads the answers.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

_LONGEST = 60.0


class Refused(Exception):
    """The error of a request."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.code = error["code"]


class Client:
    """A started server, and its answers."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        import os

        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "modelspec", "lsp", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env={**os.environ, **environment},
        )
        self.answers: dict[int, queue.Queue[Any]] = {}
        self.published: dict[str, list[dict[str, Any]]] = {}
        self.asked: list[dict[str, Any]] = []
        """Requests of the server."""
        self._news = threading.Condition()
        self._count = 0
        threading.Thread(target=self._read, daemon=True).start()

    # Messages -------------------------------------------------------------------------------------

    def send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def notify(self, method: str, params: Any) -> None:
        self.send({"method": method, "params": params})

    def begin(self, method: str, params: Any) -> int:
        """Send a request; `end` waits for its answer."""
        self._count += 1
        self.answers[self._count] = queue.Queue()
        self.send({"id": self._count, "method": method, "params": params})
        return self._count

    def end(self, number: int) -> Any:
        answer = self.answers[number].get(timeout=_LONGEST)
        del self.answers[number]
        if "error" in answer:
            raise Refused(answer["error"])
        return answer.get("result")

    def request(self, method: str, params: Any) -> Any:
        return self.end(self.begin(method, params))

    def _read(self) -> None:
        with suppress(OSError, ValueError):  # the pipe is closed
            self._read_all()

    def _read_all(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        while header := stream.readline():
            length = int(header.split(b":")[1])
            while stream.readline().strip():
                pass
            self._take(json.loads(stream.read(length)))

    def _take(self, message: dict[str, Any]) -> None:
        if "method" not in message:
            self.answers[message["id"]].put(message)
        elif "id" in message:
            self.asked.append(message)
            self.send({"id": message["id"], "result": None})
        elif message["method"] == "textDocument/publishDiagnostics":
            with self._news:
                params = message["params"]
                self.published.setdefault(params["uri"], []).append(params)
                self._news.notify_all()

    # The life of a server -------------------------------------------------------------------------

    def start(self, unit: str | None = None, **options: Any) -> dict[str, Any]:
        general = {"positionEncodings": [unit]} if unit else {}
        found: dict[str, Any] = self.request(
            "initialize",
            {
                "processId": None,
                "rootUri": self.folder.as_uri(),
                "workspaceFolders": [{"uri": self.folder.as_uri(), "name": "work"}],
                "capabilities": {
                    "general": general,
                    "workspace": {
                        "didChangeWatchedFiles": {"dynamicRegistration": True},
                        "inlayHint": {"refreshSupport": True},
                    },
                    "textDocument": {"rename": {"prepareSupport": True}},
                },
                **options,
            },
        )
        self.notify("initialized", {})
        return found

    def stop(self) -> int:
        self.request("shutdown", None)
        self.notify("exit", None)
        return self.process.wait(20)

    def kill(self) -> None:
        """End the process if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            try:
                stream.close()
            except OSError:
                continue

    # Texts ----------------------------------------------------------------------------------------

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def open(self, name: str, text: str, language: str = "yaml", version: int = 1) -> str:
        uri = self.uri(name)
        document = {"uri": uri, "languageId": language, "version": version, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})
        return uri

    def change(self, uri: str, version: int, *changes: dict[str, Any]) -> None:
        document = {"uri": uri, "version": version}
        self.notify(
            "textDocument/didChange", {"textDocument": document, "contentChanges": list(changes)}
        )

    def close(self, uri: str) -> None:
        self.notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    def at(self, method: str, uri: str, line: int, character: int, **more: Any) -> Any:
        """Ask about a position."""
        position = {"line": line, "character": character}
        return self.request(
            f"textDocument/{method}", {"textDocument": {"uri": uri}, "position": position, **more}
        )

    def of(self, method: str, uri: str, **more: Any) -> Any:
        """Ask about a text."""
        return self.request(f"textDocument/{method}", {"textDocument": {"uri": uri}, **more})

    def hints(self, uri: str) -> dict[int, str]:
        """The hint of each line."""
        whole = {"start": {"line": 0, "character": 0}, "end": {"line": 9999, "character": 0}}
        found = self.of("inlayHint", uri, range=whole) or []
        return {one["position"]["line"]: one["label"] for one in found}

    def diagnostics(self, uri: str, version: int | None, after: int = 0) -> list[dict[str, Any]]:
        """The diagnostics of a version, as soon as they are published; of several, the last after
        the first `after`.
        """
        with self._news:
            arrived = self._news.wait_for(
                lambda: any(
                    one.get("version") == version for one in self.published.get(uri, ())[after:]
                ),
                _LONGEST,
            )
            assert arrived, f"no diagnostics of version {version}: {self.published.get(uri)}"
            fit = [one for one in self.published[uri][after:] if one.get("version") == version]
            return list(fit[-1]["diagnostics"])
