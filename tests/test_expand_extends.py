"""`extends`: files that a spec builds on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import modelspec as ms
from modelspec.compiler.expand import expand
from modelspec.compiler.pipeline import compile_spec
from modelspec.core.settings import Context
from modelspec.core.source import plain, read

BASE = """
vars: {width: 4, depth: 2}
seed: 1
model:
  inputs: {x: [8]}
  layers: [{Dense: $width}, {Dense: 3}]
training: {optimizer: {Adam: {learning_rate: 0.1, beta_1: 0.8}}, loss: mse, epochs: 3, metrics: [mae]}
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Write files into a project that is the working directory; the first one's path is given
    back.
    """
    monkeypatch.chdir(tmp_path)

    def make(**files: str) -> Path:
        for name, text in files.items():
            path = tmp_path / f"{name.replace('__', '/')}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        return Path(f"{next(iter(files)).replace('__', '/')}.yaml")

    return make


def merged(path: Path) -> dict[str, Any]:
    document = read(path)
    assert document.value is not None
    folder = path.resolve().parent
    found = expand(document.value, Context(folder=folder, project=Path.cwd()), {})
    assert not found.diagnostics, "\n".join(map(str, found.diagnostics))
    assert found.value is not None
    root: Any = plain(found.value.root)
    return dict(root)


def said(path: Path) -> list[str]:
    found = compile_spec(str(path)).diagnostics
    return [
        f"{one.code} {one.span or '-'} {one.span.text if one.span else ''}".strip() for one in found
    ]


def test_mappings_merge_key_by_key_and_all_else_is_replaced(write: Any) -> None:
    path = write(
        own=(
            "extends: base.yaml\nvars: {width: 6}\nname: own\n"
            "training: {epochs: 9, metrics: [mse], loss: {Huber: {delta: 2.0}}}\n"
        ),
        base=BASE,
    )
    found = merged(path)
    assert found["model"]["layers"] == ({"Dense": 6}, {"Dense": 3})
    assert found["training"] == {
        "optimizer": {"Adam": {"learning_rate": 0.1, "beta_1": 0.8}},
        "loss": {"Huber": {"delta": 2.0}},
        "epochs": 9,
        "metrics": ("mse",),
    }
    assert (found["seed"], found["name"]) == (1, "own")
    assert "extends" not in found
    assert compile_spec(str(path)).ok
    assert ms.load_spec(path).name == "own"


def test_a_component_of_another_name_replaces_the_whole(write: Any) -> None:
    """`{SGD: ...}` over `{Adam: ...}`: a name with its settings is one value. The same name merges
    its settings.
    """
    found = merged(
        write(own="extends: base.yaml\ntraining: {optimizer: {SGD: {momentum: 0.9}}}", base=BASE)
    )
    assert found["training"]["optimizer"] == {"SGD": {"momentum": 0.9}}
    found = merged(
        write(own="extends: base.yaml\ntraining: {optimizer: {Adam: {beta_1: 0.7}}}", base=BASE)
    )
    assert found["training"]["optimizer"] == {"Adam": {"learning_rate": 0.1, "beta_1": 0.7}}


def test_several_files_the_later_ones_over_the_earlier(write: Any) -> None:
    found = merged(
        write(
            own="extends: [base.yaml, parts/more.yaml]\nseed: 4",
            base=BASE,
            parts__more="extends: ../common.yaml\nseed: 3\nvars: {depth: 7}",
            common="vars: {extra: 5, depth: 6}\nname: c",
        )
    )
    assert (found["seed"], found["name"]) == (4, "c")


def test_a_link_that_leads_out_of_the_project_is_refused(
    write: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret.yaml"
    outside.write_text("seed: 1")
    path = write(own="extends: inside.yaml\nmodel: {inputs: {x: [8]}, layers: [ReLU]}")
    Path("inside.yaml").symlink_to(outside)
    assert said(path) == ["MS210 own.yaml:1:10 inside.yaml"]


def test_a_pipe_or_folder_is_no_file(write: Any) -> None:
    path = write(own="extends: [pipe.yaml, folder]\nmodel: {inputs: {x: [8]}, layers: [ReLU]}")
    os.mkfifo("pipe.yaml")
    Path("folder").mkdir()
    assert said(path) == ["MS701 own.yaml:1:11 pipe.yaml", "MS701 own.yaml:1:22 folder"]


def test_files_are_counted(write: Any) -> None:
    files = {"own": "extends: [a0.yaml, a0.yaml]"}
    files |= {
        f"a{index}": f"extends: [a{index + 1}.yaml, a{index + 1}.yaml]" for index in range(20)
    }
    files["a20"] = "seed: 1"
    assert [one.partition(" ")[0] for one in said(write(**files))] == ["MS108"]


DATA = """
data: {source: {csv: t.csv}, split: {test: 0.2, stratify: g}, inputs: {columns: [a, b]}, targets: c}
"""


@pytest.mark.parametrize(
    ("over", "at", "note"),
    [
        ("{targets: {columns: [d, e]}}", "a.yaml:2:17", "`column` is written here (b.yaml:2:100)"),
        ("{split: {group: h}}", "a.yaml:2:16", "`stratify` is written here (b.yaml:2:49)"),
        ("{source: {images: {csv: u.csv}}}", "", ""),
        ("{train: {csv: u.csv}}", "a.yaml:2:8", "`source` is written here (b.yaml:2:8)"),
    ],
)
def test_a_conflict_of_two_files_names_both(write: Any, over: str, at: str, note: str) -> None:
    base = f"model: {{inputs: {{x: [2]}}, layers: [{{Dense: 1}}]}}{DATA}".replace(
        "c}", "{column: c}}"
    )
    found = compile_spec(write(a=f"extends: b.yaml\ndata: {over}", b=base)).diagnostics
    conflicts = [one for one in found if one.code == "MS208"]
    assert [(str(one.span), [str(n) for n in one.notes]) for one in conflicts] == (
        [(at, [note])] if at else []
    )
