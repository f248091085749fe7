"""The YAML language server of the editors, over its standard input and output: what it reports about
a text, and what it offers at a place.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PROGRAM = "MODELSPEC_YAML_SERVER"
"""The variable with the path of the program, if it is not on the PATH."""


class YamlServer:
    """A running server with one schema for every file."""

    def __init__(self, process: subprocess.Popen[bytes], schema: Path) -> None:
        assert process.stdin is not None and process.stdout is not None
        self._in, self._out = process.stdin, process.stdout
        self._number, self._version = 0, 0
        self._schema = schema
        self._reports: dict[str, list[Any]] = {}
        self._ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        self._send("initialized", {})

    def report(self, text: str) -> list[str]:
        """The messages about a text, as `line: message`, lines from 1."""
        uri = self._open(text)
        while uri not in self._reports:
            self._handle(self._read())
        return [
            f"{one['range']['start']['line'] + 1}: {one['message']}" for one in self._reports[uri]
        ]

    def offers(self, text: str) -> dict[str, str]:
        """The labels that are offered at the mark `|` in a text, with what each inserts."""
        before, _, after = text.partition("|")
        uri = self._open(before + after)
        place = {"line": before.count("\n"), "character": len(before) - before.rfind("\n") - 1}
        found = self._ask(
            "textDocument/completion", {"textDocument": {"uri": uri}, "position": place}
        )
        items = found["items"] if isinstance(found, dict) else found or []
        return {
            one["label"]: one.get("textEdit", {}).get("newText", one.get("insertText", ""))
            for one in items
        }

    def hover(self, text: str) -> str:
        """The text of the hover at the mark `|`."""
        before, _, after = text.partition("|")
        uri = self._open(before + after)
        place = {"line": before.count("\n"), "character": len(before) - before.rfind("\n") - 1}
        found = self._ask("textDocument/hover", {"textDocument": {"uri": uri}, "position": place})
        return str(found["contents"]["value"]) if found else ""

    def _open(self, text: str) -> str:
        self._version += 1
        uri = f"file:///work/{self._version}.yaml"
        item = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._send("textDocument/didOpen", {"textDocument": item})
        return uri

    def _ask(self, method: str, parameters: Any) -> Any:
        self._number += 1
        self._write({"id": self._number, "method": method, "params": parameters})
        while True:
            answer = self._read()
            if answer.get("id") == self._number and "method" not in answer:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self._handle(answer)

    def _handle(self, message: dict[str, Any]) -> None:
        if message.get("method") == "textDocument/publishDiagnostics":
            found = message["params"]
            self._reports[found["uri"]] = found["diagnostics"]
        elif "id" in message and "method" in message:
            self._write({"id": message["id"], "result": self._answer(message)})

    def _answer(self, message: dict[str, Any]) -> Any:
        if message["method"] != "workspace/configuration":
            return None
        settings = {
            "yaml": {
                "schemas": {self._schema.as_uri(): ["*.yaml"]},
                "validate": True,
                "completion": True,
                "hover": True,
                "schemaStore": {"enable": False},
            }
        }
        return [settings.get(one.get("section"), {}) for one in message["params"]["items"]]

    def _send(self, method: str, parameters: Any) -> None:
        self._write({"method": method, "params": parameters})

    def _write(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._in.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._in.flush()

    def _read(self) -> dict[str, Any]:
        length = 0
        while line := self._out.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        assert length, "the server ended"
        found: dict[str, Any] = json.loads(self._out.read(length))
        return found


@contextmanager
def yaml_server(schema: Path) -> Iterator[YamlServer]:
    """A server with a schema. Skips the test where it is not installed."""
    program = os.environ.get(PROGRAM) or shutil.which("yaml-language-server")
    if program is None or shutil.which("node") is None:
        pytest.skip(f"requires Node and yaml-language-server (on the PATH, or in {PROGRAM})")
    process = subprocess.Popen(
        [program, "--stdio"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield YamlServer(process, schema)
    finally:
        process.kill()
        process.wait()
