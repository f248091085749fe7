"""The language server with Neovim, which runs without a screen."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import pytest

pytestmark = [
    pytest.mark.skipif(shutil.which("nvim") is None, reason="needs Neovim"),
    pytest.mark.skipif(find_spec("pygls") is None, reason="needs the extra `editor`"),
]

SPEC = """\
modelspec: 1
vars: {width: 8}
model:
  inputs: {x: [4]}
  layers:
    - Dense: {units: $width, activation: rleu}
    - Dense: 1
"""

# Neovim 0.7 (Debian 12) and newer have these functions.
SCRIPT = """
local found = {}
local client = vim.lsp.start_client({
  name = "modelspec",
  cmd = {PYTHON, "-m", "modelspec", "lsp"},
  root_dir = vim.fn.getcwd(),
  on_error = function(code, message) table.insert(found, {error = {code, message}}) end,
})
vim.lsp.buf_attach_client(0, client)
local function diagnosed() return #vim.diagnostic.get(0) > 0 end
found.diagnosed = vim.wait(150000, diagnosed, 50)
found.diagnostics = vim.diagnostic.get(0)
local function ask(method, line, column)
  local parameters = {
    textDocument = vim.lsp.util.make_text_document_params(),
    position = {line = line, character = column},
  }
  if method == "textDocument/references" then
    parameters.context = {includeDeclaration = true}
  end
  local answers = vim.lsp.buf_request_sync(0, method, parameters, 30000) or {}
  return (answers[client] or {}).result
end
found.hover = ask("textDocument/hover", 5, 7)
found.definition = ask("textDocument/definition", 5, 23)
found.references = ask("textDocument/references", 1, 8)
found.symbols = ask("textDocument/documentSymbol", 0, 0)
-- The word is corrected in the buffer, as by a user who types.
vim.api.nvim_buf_set_lines(0, 5, 6, false, {"    - Dense: {units: $width, activation: re}"})
found.completion = ask("textDocument/completion", 5, 43)
vim.api.nvim_buf_set_lines(0, 5, 6, false, {"    - Dense: {units: $width, activation: relu}"})
found.cleared = vim.wait(60000, function() return not diagnosed() end, 50)
local file = io.open("found.json", "w")
file:write(vim.fn.json_encode(found))
file:close()
vim.lsp.stop_client(client)
vim.wait(5000, function() return vim.lsp.client_is_stopped(client) end, 50)
vim.cmd("qall!")
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("neovim")
    (folder / "spec.yaml").write_text(SPEC)
    (folder / "ask.lua").write_text(SCRIPT.replace("PYTHON", json.dumps(sys.executable)))
    command = ["nvim", "--headless", "--clean", "spec.yaml", "-c", "luafile ask.lua"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=400)
    result = folder / "found.json"
    assert result.exists(), done.stdout + done.stderr
    answers: dict[str, Any] = json.loads(result.read_text())
    return answers


def test_the_diagnostic_of_a_misspelt_word(found: dict[str, Any]) -> None:
    assert found["diagnosed"]
    (one,) = found["diagnostics"]
    assert (one["lnum"], one["col"]) == (5, 41)
    assert "rleu" in one["message"]
    assert one["source"] == "modelspec"


def test_it_is_gone_when_the_word_is_corrected(found: dict[str, Any]) -> None:
    assert found["cleared"]
    assert "error" not in found


def test_hover_shows_the_manual(found: dict[str, Any]) -> None:
    assert "Dense" in json.dumps(found["hover"])


def test_definition_and_references(found: dict[str, Any]) -> None:
    where = found["definition"]
    place = where[0] if isinstance(where, list) else where
    assert place["range"]["start"] == {"line": 1, "character": 7}
    assert sorted(one["range"]["start"]["line"] for one in found["references"]) == [1, 5]


def test_the_outline(found: dict[str, Any]) -> None:
    assert {"model", "vars"} <= {one["name"] for one in found["symbols"]}


def test_completion_in_a_changed_text(found: dict[str, Any]) -> None:
    answer = found["completion"]
    items = answer["items"] if isinstance(answer, dict) else answer
    assert "relu" in [one["label"] for one in items]
