"""What assistants get from `modelspec mcp`: the same as users of the command line, about files below
one folder.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from modelspec.compiler.pipeline import compile_spec
from modelspec.core.diagnostics import Diagnostic
from modelspec.mcp.tools import Refused, Tools

from .test_runs import make

SPEC = """\
modelspec: 1
vars: {width: 8}
model:
  inputs: {x: [4]}
  layers:
    - Dense: {units: $width, activation: relu, name: hidden}
    - Dense: {units: 3, name: out}
"""


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    folder = tmp_path / "project"
    folder.mkdir()
    (tmp_path / "secret.yaml").write_text(SPEC)
    (folder / "spec.yaml").write_text(SPEC)
    monkeypatch.chdir(folder)
    return Tools(Path.cwd())


def test_check_gives_what_the_compiler_finds(tools: Tools) -> None:
    good = tools.check("spec.yaml")
    assert good["ok"] and good["layers"] == 2 and good["parameters"] == 67
    Path("bad.yaml").write_text(SPEC.replace("units: $width", "unit: 8"))
    found: tuple[Diagnostic, ...] = compile_spec("bad.yaml").diagnostics
    bad = tools.check("bad.yaml")
    assert not bad["ok"] and bad["diagnostics"] == [one.to_dict() for one in found]
    assert bad["report"].splitlines()[0].startswith("error[MS202]")


def test_a_text_is_checked_in_the_place_of_a_file(tools: Tools) -> None:
    Path("base.yaml").write_text(SPEC)
    extending = "extends: base.yaml\nvars: {width: 5}\n"
    assert tools.check(text=extending)["parameters"] == 4 * 5 + 5 + 5 * 3 + 3
    Path("below").mkdir()
    below = tools.check("below/new.yaml", extending.replace("base", "../base"))
    assert below["ok"] and not Path("below/new.yaml").exists()
    assert tools.check("spec.yaml", overrides={"model.layers.hidden.units": 2})["parameters"] == 19


def test_show_explain_and_schema(tools: Tools) -> None:
    assert "hidden" in tools.show("spec.yaml") and "67" in tools.show("spec.yaml")
    with pytest.raises(Refused, match="MS202"):
        tools.show(text=SPEC.replace("units: $width", "unit: 8"))
    assert tools.explain("MS402").startswith("# MS402")
    assert "warm" in tools.explain("learning rate warmup").lower()
    with pytest.raises(Refused, match="did you mean `Conv2D`"):
        tools.explain("Conv2DD")
    whole = tools.schema()
    assert {"model", "data", "training"} <= set(whole["properties"])
    assert "units" in str(tools.schema("layer.Dense"))
    with pytest.raises(Refused, match="no definition"):
        tools.schema("nothing")


def test_fix_returns_the_text_and_writes_nothing(tools: Tools) -> None:
    old = SPEC.replace("units: $width", "output_dim: $width")
    Path("old.yaml").write_text(old)
    fixed = tools.fix("old.yaml")
    assert fixed["changed"] and fixed["text"] == SPEC and "-    - Dense: {output" in fixed["diff"]
    assert Path("old.yaml").read_text() == old


def test_runs(tools: Tools) -> None:
    assert tools.runs() == {"runs": [], "count": 0}
    make("runs/a/1", rows=3)
    listed = tools.runs()
    assert listed["count"] == 1
    one = tools.runs("runs/a/1")
    assert one["state"] == listed["runs"][0]["state"] and len(next(iter(one["history"].values())))
    with pytest.raises(Refused, match="MS770"):
        tools.runs("nowhere")


@pytest.mark.parametrize("path", ["../secret.yaml", "/etc/passwd", "link.yaml", "a\0b", "x" * 5000])
def test_nothing_outside_the_folder_is_read(tools: Tools, path: str) -> None:
    Path("link.yaml").symlink_to(tools.root.parent / "secret.yaml")
    for ask in (tools.check, tools.show, tools.fix, tools.runs, tools.path):
        with pytest.raises(Refused, match=r"outside the folder|not a path|cannot be read|MS770"):
            ask(path)
    outside = tools.check(text=f"extends: {path!r}\n".replace("\\x00", ""))
    assert not outside["ok"] and "parameters" not in outside
