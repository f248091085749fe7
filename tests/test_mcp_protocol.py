"""`modelspec mcp` with the client of the protocol's SDK."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp.server.mcpserver", reason="requires the package mcp, version 2")

from mcp import Client, StdioServerParameters, stdio_client

from .test_mcp import SPEC

TINY = (
    SPEC.replace("{units: 3, name: out}", "{units: 3, activation: softmax, name: out}")
    + """\
data:
  source: {csv: rows.csv}
  inputs: {x: {columns: [a, b, c, d]}}
  targets: {out: {column: label}}
training: {optimizer: SGD, loss: sparse_categorical_crossentropy, epochs: 1, batch_size: 4}
"""
)
ROWS = "a,b,c,d,label\n" + "".join(f"{at},{-at},1,0,{at % 3}\n" for at in range(12))


def asked(folder: Path, questions: Callable[[Client], Awaitable[None]], *options: str) -> None:
    """Asks a server in a process of its own."""
    command = StdioServerParameters(
        command=sys.executable, args=["-m", "modelspec", "mcp", *options], cwd=str(folder)
    )

    async def run() -> None:
        async with Client(stdio_client(command)) as client:
            await questions(client)

    asyncio.run(asyncio.wait_for(run(), 300))


def test_an_assistant_checks_reads_and_is_refused(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)

    async def questions(client: Client) -> None:
        listed = (await client.list_tools()).tools
        assert {one.name for one in listed} == {
            "check", "show", "explain", "schema", "fix", "runs",
        }  # fmt: skip
        assert all(one.annotations and one.annotations.read_only_hint for one in listed)
        assert all(one.description for one in listed)
        found = await client.call_tool("check", {"file": "spec.yaml"})
        answer: Any = found.structured_content
        assert answer["ok"] and answer["parameters"] == 67
        page: Any = (await client.call_tool("explain", {"topic": "Conv2D"})).content[0]
        assert page.text.startswith("# Conv2D")
        refused = await client.call_tool("show", {"file": "../spec.yaml"})
        words: Any = refused.content[0]
        assert refused.is_error and "outside the folder" in words.text
        unknown = await client.call_tool("train", {"file": "spec.yaml"})
        assert unknown.is_error

    asked(tmp_path, questions)


@pytest.mark.tensorflow
def test_training_has_to_be_allowed(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(TINY)
    (tmp_path / "rows.csv").write_text(ROWS)

    async def questions(client: Client) -> None:
        asking = {"file": "spec.yaml", "overrides": {"training.epochs": 2}}
        answer: Any = (await client.call_tool("train", asking)).structured_content
        assert answer["exit_status"] == 0, answer["output"]
        assert answer["record"]["epochs"] == 2 and (tmp_path / answer["run"]).is_dir()
        runs: Any = (await client.call_tool("runs", {})).structured_content
        assert runs["count"] == 1

    asked(tmp_path, questions, "--allow-train")
