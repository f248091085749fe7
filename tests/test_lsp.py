"""The language server over its protocol, asked by a client that shares no code with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.test_editor import BLOCKS
from tests.tools.lsp_client import Client, Refused

pytest.importorskip("pygls", reason="requires modelspec[editor]")

SIMPLE = """\
modelspec: 1
model:
  inputs: {x: [4]}
  layers:
    - Dense: {units: 8, name: first}
    - Dense: {units: 2, from: first}
training:
  loss: mse
"""
OLD = "model:\n  inputs: {x: [4]}\n  layers:\n    - Dense: {output_dim: 3}\n"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server that several tests share; each opens texts of its own."""
    made = Client(tmp_path_factory.mktemp("work"))
    made.start(initializationOptions={"site": "https://example.org/docs/"})
    yield made
    made.kill()


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Client]:
    """A server of one test, which is not initialized."""
    made = Client(tmp_path)
    yield made
    made.kill()


def position(line: int, character: int) -> dict[str, int]:
    return {"line": line, "character": character}


def span(line: int, start: int, end: int) -> dict[str, Any]:
    return {"start": position(line, start), "end": position(line, end)}


def replaced(line: int, start: int, end: int, text: str) -> dict[str, Any]:
    return {"range": span(line, start, end), "text": text}


# The life of a server -----------------------------------------------------------------------------


def test_a_server_starts_and_stops(alone: Client) -> None:
    found = alone.start()
    assert found["serverInfo"]["name"] == "modelspec"
    able = found["capabilities"]
    assert able["textDocumentSync"]["change"] == 2 and able["positionEncoding"] == "utf-16"
    assert able["executeCommandProvider"]["commands"] == ["modelspec.picture"]
    assert {"completionProvider", "hoverProvider", "renameProvider", "inlayHintProvider"} <= set(
        able
    )
    alone.open("model.yaml", SIMPLE)
    assert alone.stop() == 0
    assert alone.process.stderr is not None and alone.process.stderr.read() == b""


def test_a_server_ends_with_its_input(alone: Client) -> None:
    alone.start()
    assert alone.process.stdin is not None
    alone.process.stdin.close()
    assert alone.process.wait(30) == 0


def test_the_client_is_asked_to_watch_files(client: Client) -> None:
    client.of("documentSymbol", client.open("watched.yaml", SIMPLE))
    [asked] = [one for one in client.asked if one["method"] == "client/registerCapability"]
    [one] = asked["params"]["registrations"]
    globs = [glob["globPattern"] for glob in one["registerOptions"]["watchers"]]
    assert "**/pyproject.toml" in globs


# Texts --------------------------------------------------------------------------------------------


def test_diagnostics_follow_typed_changes(client: Client) -> None:
    uri = client.open("typed.yaml", SIMPLE)
    assert client.diagnostics(uri, 1) == []
    client.change(uri, 2, replaced(5, 14, 19, "unts"))
    [one] = client.diagnostics(uri, 2)
    assert one["code"] == "MS202"
    assert one["range"] == span(5, 14, 18) and one["severity"] == 1
    assert (
        one["codeDescription"]["href"] == f"https://example.org/docs/reference/codes/{one['code']}/"
    )
    client.change(uri, 3, replaced(5, 14, 18, "unit"), replaced(5, 18, 18, "s"))
    assert client.diagnostics(uri, 3) == []
    assert client.hints(uri)[5] == "[2] · 18"


def test_a_change_of_the_whole_text(client: Client) -> None:
    uri = client.open("whole.yaml", SIMPLE)
    client.change(uri, 2, {"text": SIMPLE.replace("units: 2", "units: 5")})
    assert client.hints(uri)[5] == "[5] · 45"


def test_typing_faster_than_checks_gives_the_answer_for_the_last_text(client: Client) -> None:
    uri = client.open("fast.yaml", SIMPLE)
    numbers = []
    for version in range(2, 60):
        client.change(uri, version, replaced(4, 21, 22, str(version % 9 + 1)))
        if version % 7 == 0:
            request = {
                "textDocument": {"uri": uri},
                "range": {"start": position(0, 0), "end": position(99, 0)},
            }
            numbers.append(client.begin("textDocument/inlayHint", request))
    client.diagnostics(uri, 59)
    published = [one.get("version") for one in client.published[uri]]
    assert published == sorted(published) and len(published) < 40
    last = client.hints(uri)
    for number in numbers:
        found = {one["position"]["line"]: one["label"] for one in client.end(number)}
        width = int(found[4].split("]")[0][1:])
        assert found[5] == f"[2] · {2 * width + 2}"  # both of one version
    assert last[4].startswith(f"[{59 % 9 + 1}]")


def test_a_question_about_a_position_in_a_text_that_has_changed_is_refused(client: Client) -> None:
    uri = client.open("late.yaml", SIMPLE)
    client.change(uri, 2, replaced(4, 21, 22, "7"))
    where = {"textDocument": {"uri": uri}, "position": position(5, 8)}
    number = client.begin("textDocument/hover", where)
    client.change(uri, 3, replaced(0, 0, 0, "# a comment\n"))
    try:
        found = client.end(number)
    except Refused as refused:
        assert refused.code == -32801
    else:
        assert found["range"]["start"]["line"] == 5  # it was answered before the change arrived
    assert client.at("hover", uri, 6, 8)["range"]["start"]["line"] == 6


def test_a_cancelled_request_is_answered_as_such(client: Client) -> None:
    uri = client.open("cancelled.yaml", SIMPLE)
    client.change(uri, 2, replaced(4, 21, 22, "6"))
    number = client.begin(
        "textDocument/hover", {"textDocument": {"uri": uri}, "position": position(5, 8)}
    )
    client.notify("$/cancelRequest", {"id": number})
    try:
        client.end(number)
    except Refused as refused:
        assert refused.code == -32800
    assert client.hints(uri)[4] == "[6] · 30"


@pytest.mark.parametrize("unit", ["utf-8", "utf-16", "utf-32"])
def test_columns_are_counted_in_the_unit_of_the_client(alone: Client, unit: str) -> None:
    assert alone.start(unit)["capabilities"]["positionEncoding"] == unit
    text = 'vars: {e: "é\U0001f600", w: 3}\nmodel: {description: "\U0001f600", inputs: {x: [4]}, layers: [Dnse: 3]}\n'
    uri = alone.open("model.yaml", text)
    line = text.splitlines()[1]
    before = line[: line.index("Dnse")]
    size = {
        "utf-8": len(before.encode()),
        "utf-16": len(before.encode("utf-16-le")) // 2,
        "utf-32": len(before),
    }
    ranges = [one["range"] for one in alone.diagnostics(uri, 1)]
    assert span(1, size[unit], size[unit] + 4) in ranges
    alone.change(uri, 2, replaced(1, size[unit], size[unit] + 4, "Dense"))
    found = alone.of("documentSymbol", uri)
    assert "Dense" in json.dumps(found)


def test_files_that_are_no_specs_are_left_alone(client: Client) -> None:
    uri = client.open("docker-compose.yaml", "services:\n  web: {image: nginx}\n")
    assert client.hints(uri) == {} and client.of("documentSymbol", uri) is None
    other = client.open("part.txt", "layers: [Dense: 3]\n", "modelspec")
    assert client.diagnostics(other, 1)
    assert uri not in client.published


def test_unknown_and_closed_texts_have_no_answers(client: Client) -> None:
    for uri in (client.uri("never.yaml"), "untitled:Untitled-1"):
        assert client.at("hover", uri, 0, 0) is None and client.hints(uri) == {}
        client.change(uri, 2, {"text": "a: 1"})
        client.close(uri)
    uri = client.open("closed.yaml", SIMPLE.replace("Dense", "Dnse"))
    assert client.diagnostics(uri, 1)
    client.close(uri)
    assert client.at("hover", uri, 4, 8) is None
    assert client.published[uri][-1]["diagnostics"] == []


def test_a_text_without_a_file_is_checked(client: Client) -> None:
    uri = "untitled:Untitled-7"
    document = {"uri": uri, "languageId": "yaml", "version": 1, "text": SIMPLE}
    client.notify("textDocument/didOpen", {"textDocument": document})
    assert client.diagnostics(uri, 1) == [] and client.hints(uri)[4] == "[8] · 40"


def test_positions_outside_of_the_text(client: Client) -> None:
    uri = client.open("outside.yaml", SIMPLE)
    assert client.at("hover", uri, 999, 999) is None
    assert client.at("definition", uri, 4, 9999) == []
    client.change(uri, 2, replaced(500, 3, 9, "# end\n"))
    assert client.hints(uri)[4] == "[8] · 40"


def test_an_unknown_method_is_an_error(client: Client) -> None:
    with pytest.raises(Refused) as refused:
        client.request("textDocument/nothing", {})
    assert refused.value.code == -32601


# Files that extend others -------------------------------------------------------------------------


def test_a_spec_follows_the_open_text_of_the_file_that_it_extends(client: Client) -> None:
    base = client.folder / "base.yaml"
    base.write_text(SIMPLE)
    uri = client.open("child.yaml", "extends: base.yaml\ntraining: {epochs: 2}\n")
    assert client.diagnostics(uri, 1) == []
    count = len(client.published[uri])
    opened = client.open("base.yaml", SIMPLE.replace("Dense: {units: 8", "Conv2D: {filters: 8"))
    [one] = client.diagnostics(uri, 1, count)
    assert one["range"] == span(0, 9, 18)
    assert one["relatedInformation"][0]["location"]["uri"] == opened
    count = len(client.published[uri])
    client.close(opened)
    assert client.diagnostics(uri, 1, count) == []
    count = len(client.published[uri])
    base.write_text(SIMPLE.replace("Dense: {units: 8", "Conv2D: {filters: 8"))
    client.notify(
        "workspace/didChangeWatchedFiles", {"changes": [{"uri": base.as_uri(), "type": 2}]}
    )
    assert client.diagnostics(uri, 1, count)


# Questions ----------------------------------------------------------------------------------------


def test_hover_hints_and_names_in_blocks(client: Client) -> None:
    uri = client.open("blocks.yaml", BLOCKS)
    lines = BLOCKS.splitlines()
    inside = lines.index("      - Dense: {units: $units, name: a}")
    assert client.hints(uri)[inside] == "[8] · 264 (first of 2 uses)"
    use = lines.index("    - wide: 16")
    client.at("documentHighlight", uri, use, 8)
    assert client.hints(uri)[inside] == "[16] · 272 (this of 2 uses)"
    assert any(one["method"] == "workspace/inlayHint/refresh" for one in client.asked)
    assert "`8`, `16`" in client.at("hover", uri, inside, 25)["contents"]["value"]
    [place] = client.at("definition", uri, use, 7)
    assert place["range"] == span(lines.index("  wide:"), 2, 6)
    found = client.at("references", uri, use, 7, context={"includeDeclaration": True})
    assert {one["range"]["start"]["line"] for one in found} == {3, use - 1, use}


def test_completion(client: Client) -> None:
    uri = client.open("completed.yaml", SIMPLE)
    client.change(uri, 2, replaced(6, 0, 0, "    - Conv\n"))
    found = client.at("completion", uri, 6, 10)
    edits = {one["label"]: one["textEdit"] for one in found["items"]}
    assert edits["Conv2D"]["range"] == span(6, 6, 10)


def test_rename_and_its_refusal(client: Client) -> None:
    uri = client.open("renamed.yaml", SIMPLE)
    assert client.at("prepareRename", uri, 5, 31) == span(5, 30, 35)
    found = client.at("rename", uri, 5, 31, newName="start")
    assert {one["range"]["start"]["line"] for one in found["changes"][uri]} == {4, 5}
    with pytest.raises(Refused, match="not a valid name"):
        client.at("rename", uri, 5, 31, newName="no name")


def test_quick_fixes(client: Client) -> None:
    uri = client.open("fixed.yaml", SIMPLE.replace("units: 8", "unts: 8"))
    [one] = client.of("codeAction", uri, range=span(4, 14, 14), context={"diagnostics": []})
    assert one["title"] == "Replace `unts` with `units`" and one["kind"] == "quickfix"
    assert one["edit"]["changes"][uri] == [{"range": span(4, 14, 18), "newText": "units"}]
    assert one["diagnostics"][0]["message"]
    assert client.of("codeAction", uri, range=span(0, 0, 0), context={"diagnostics": []}) == []


def test_fix_all(client: Client) -> None:
    uri = client.open("old.yaml", OLD)
    context = {"diagnostics": [], "only": ["source.fixAll"]}
    [one] = client.of("codeAction", uri, range=span(0, 0, 0), context=context)
    assert one["kind"] == "source.fixAll.modelspec"
    assert "Dense: 3" in json.dumps(one["edit"]) or "units: 3" in json.dumps(one["edit"])
    assert client.diagnostics(uri, 1)[0]["tags"] == [2]
    context = {"diagnostics": [], "only": ["refactor"]}
    assert client.of("codeAction", uri, range=span(0, 0, 0), context=context) == []


def test_outline_folding_lenses_and_colors(client: Client) -> None:
    uri = client.open("shown.yaml", BLOCKS + "training: {loss: mse}\n")
    assert [one["name"] for one in client.of("documentSymbol", uri)][-2:] == ["model", "training"]
    assert {"startLine": 2, "endLine": 8} in client.of("foldingRange", uri)
    lenses = [one["command"] for one in client.of("codeLens", uri)]
    assert [one["command"] for one in lenses] == ["modelspec.showPicture", "modelspec.train"]
    assert lenses[0]["arguments"] == [uri]
    data = client.of("semanticTokens/full", uri)["data"]
    assert data[:10] == [7, 23, 1, 4, 0, 0, 1, 5, 0, 0]


def test_workspace_symbols(client: Client) -> None:
    (client.folder / "inner").mkdir(exist_ok=True)
    (client.folder / "inner" / "named.yaml").write_text(SIMPLE.replace("first", "very_special"))
    (client.folder / "inner" / "other.yaml").write_text("services: {very_special: 1}\n")
    found = client.request("workspace/symbol", {"query": "vspecial"})
    assert [one["name"] for one in found] == ["very_special"]
    assert found[0]["location"]["uri"].endswith("named.yaml")


def test_the_picture_is_a_command(client: Client) -> None:
    uri = client.open("pictured.yaml", SIMPLE)
    found = client.request(
        "workspace/executeCommand", {"command": "modelspec.picture", "arguments": [uri]}
    )
    assert 'data-layer="first"' in found["svg"]
    assert found["layers"] == [{"name": "first", "line": 4}, {"name": "dense", "line": 5}]
    unknown = {"command": "modelspec.picture", "arguments": [client.uri("never.yaml")]}
    assert client.request("workspace/executeCommand", unknown) is None


def test_a_spec_in_json(client: Client) -> None:
    text = json.dumps({"model": {"inputs": {"x": [4]}, "layers": [{"Dense": 3}]}}, indent=2)
    uri = client.open("model.json", text, "json")
    assert client.diagnostics(uri, 1) == []
    line = next(at for at, one in enumerate(text.splitlines()) if "Dense" in one)
    assert client.hints(uri)[line] == "[3] · 15"
    assert "### Dense" in client.at("hover", uri, line, 12)["contents"]["value"]


def test_a_broken_line_keeps_the_answers_of_the_others(client: Client) -> None:
    uri = client.open("broken.yaml", SIMPLE.replace("units: 2, from: first}", "units: 2, from: fi"))
    assert client.hints(uri)[4] == "[8] · 40"
    assert client.diagnostics(uri, 1)
    assert "### Dense" in client.at("hover", uri, 4, 8)["contents"]["value"]
    assert client.of("documentSymbol", uri)


@pytest.mark.parametrize(
    "text", ["", "\n", "model:", "{", "\x00", "- a", "model: [", "\ufeffmodel: {}"]
)
def test_texts_that_are_hardly_a_spec(client: Client, text: str) -> None:
    uri = client.open(f"hardly-{len(text)}-{text[:1].encode().hex()}.yaml", text, "modelspec")
    client.diagnostics(uri, 1)
    client.hints(uri)
    for method in ("hover", "definition", "completion", "documentHighlight"):
        client.at(method, uri, 0, 1)
    for method in ("documentSymbol", "foldingRange", "codeLens", "semanticTokens/full"):
        client.of(method, uri)


def test_the_server_writes_no_file(client: Client) -> None:
    names = {path.name for path in client.folder.rglob("*") if path.is_file()}
    assert names <= {"base.yaml", "named.yaml", "other.yaml"}
