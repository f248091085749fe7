"""A path is relative to the file that holds its text, and in `--set` to the working directory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.core.paths import confined, context_for, from_folder, matches
from modelspec.core.settings import Context
from modelspec.runtime.data import prepare
from modelspec.runtime.run.resolved_spec import paths_start, resolved
from modelspec.views.resolve import resolved_text

MODEL = """
model:
  inputs: {x: {shape: [1], dtype: string}}
  layers:
    - StringLookup: {vocabulary: words.txt}
    - Embedding: {input_dim: 9, output_dim: 2}
    - Flatten
    - Dense: {units: 1, name: y}
"""
BASE = f"""{MODEL}
data:
  source: {{csv: data.csv}}
  inputs: {{x: {{column: x}}}}
  targets: {{y: {{column: y}}}}
training: {{loss: mse, weights: w.weights.h5}}
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Write files into a project that is the working directory, beside files of data in each of its
    folders.
    """
    monkeypatch.chdir(tmp_path)

    def make(**files: str) -> None:
        for folder in ("base", "exp", "base/deep", "."):
            (tmp_path / folder).mkdir(exist_ok=True)
            for name in ("data.csv", "more.csv", "words.txt", "w.weights.h5"):
                (tmp_path / folder / name).write_text(f"x,y\n{folder},1\n")
        for name, text in files.items():
            (tmp_path / f"{name.replace('__', '/')}.yaml").write_text(text)

    return make


def compiled(file: str = "exp/a.yaml", overrides: Any = None) -> Compiled:
    checked = compile_spec(file, overrides)
    assert checked.ok and checked.value is not None, [str(one) for one in checked.diagnostics]
    return checked.value


def shown(path: Path | None) -> str:
    """A file by its place in the project."""
    assert path is not None and path.exists()
    return str(path.relative_to(Path.cwd().resolve()))


def source(spec: Compiled, setting: str = "path") -> Any:
    assert spec.data is not None
    value = getattr(spec.data.sources["train"], setting)
    if isinstance(value, tuple):
        found = [name for _, names in matches(value, spec.file.context) for name in names]
        return [shown(confined(one, spec.file.context)) for one in found]
    return shown(confined(value, spec.file.context))


def vocabulary(spec: Compiled) -> str:
    assert spec.graph is not None
    return shown(spec.graph.layers[0].call.callee.vocabulary)  # type: ignore[union-attr]


def weights(spec: Compiled) -> str:
    assert spec.training is not None and spec.training.weights is not None
    return shown(confined(spec.training.weights.path, spec.file.context))


def test_paths_of_a_file_that_is_extended(write: Any) -> None:
    write(base__b=BASE, exp__a="extends: ../base/b.yaml")
    found = compiled()
    assert (source(found), vocabulary(found), weights(found)) == (
        "base/data.csv",
        "base/words.txt",
        "base/w.weights.h5",
    )
    write(exp__a="extends: ../base/b.yaml\ndata: {source: {csv: data.csv}}")
    found = compiled()
    assert (source(found), vocabulary(found)) == ("exp/data.csv", "base/words.txt")


def test_a_file_that_extends_another_that_extends(write: Any) -> None:
    write(
        base__deep__c=BASE,
        base__b="extends: deep/c.yaml\ntraining: {weights: {path: w.weights.h5, by_name: true}}",
        exp__a="extends: [../base/b.yaml]\nseed: 1",
    )
    found = compiled()
    assert (source(found), weights(found)) == ("base/deep/data.csv", "base/w.weights.h5")


def test_lists_patterns_tables_of_images_and_parts(write: Any) -> None:
    base = BASE.replace("csv: data.csv", "csv: [data.csv, 'm*.csv', ../exp/more.csv]")
    write(base__b=base, exp__a="extends: ../base/b.yaml")
    assert source(compiled()) == ["base/data.csv", "base/more.csv", "exp/more.csv"]
    base = BASE.replace("csv: data.csv", "images: {csv: data.csv, root: deep}")
    write(base__b=base)
    assert source(compiled(), "csv") == "base/data.csv"
    assert source(compiled(), "root") == "base/deep"
    parts = "  train: {csv: data.csv}\n  test: {csv: {path: more.csv}}"
    base = BASE.replace("  source: {csv: data.csv}", parts)
    write(base__b=base)
    found = compiled()
    assert found.data is not None
    path = found.data.sources["test"].path  # type: ignore[attr-defined]
    assert shown(confined(path, found.file.context)) == "base/more.csv"


def test_a_vocabulary_of_a_transform(write: Any) -> None:
    layers = "layers: [{Dense: {units: 1, name: y}}]"
    model = "model: {inputs: {x: [3]}, " + layers + "}\n"
    look = "[{StringLookup: {vocabulary: words.txt, output_mode: one_hot}}]"
    data = f"data: {{source: {{csv: data.csv}}, inputs: {{x: {{column: x, transform: {look}}}}}}}"
    write(base__b=model + data, exp__a="extends: ../base/b.yaml")
    found = compiled()
    assert found.data is not None and found.data.inputs is not None
    (layer,) = found.data.inputs["x"].transform.layers
    assert shown(layer.vocabulary) == "base/words.txt"
    tokens = data.replace("words.txt", "[words.txt, b]")
    write(base__b=model + tokens)
    found = compiled()
    assert found.data is not None and found.data.inputs is not None
    assert found.data.inputs["x"].transform.layers[0].vocabulary == ("words.txt", "b")


def test_weights_of_a_sub_model(write: Any) -> None:
    base = """
model:
  inputs: {x: [1]}
  shared: {part: {inputs: {z: [1]}, layers: [{Dense: 1}], weights: w.weights.h5}}
  layers: [{part: {name: y}}]
"""
    write(base__b=base, exp__a="extends: ../base/b.yaml")
    model = compiled().file.model
    assert model is not None
    part = model.shared["part"]
    assert part.weights is not None  # type: ignore[union-attr]
    assert part.weights.value == "../base/w.weights.h5"  # type: ignore[union-attr]


def test_the_text_of_a_name_belongs_to_the_file_that_has_it(write: Any) -> None:
    """`$path` is the text of `vars`; in `$(stem).csv` the text is that of the source."""
    base = BASE.replace("data.csv", "$path")
    write(base__b=f"vars: {{path: data.csv}}\n{base}", exp__a="extends: ../base/b.yaml")
    assert source(compiled()) == "base/data.csv"
    write(exp__a="extends: ../base/b.yaml\nvars: {path: data.csv}")
    assert source(compiled()) == "exp/data.csv"
    assert source(compiled(overrides={"vars.path": "base/more.csv"})) == "base/more.csv"
    base = BASE.replace("data.csv", "$all.first")
    write(base__b=base, exp__a="extends: ../base/b.yaml\nvars: {all: {first: data.csv}}")
    assert source(compiled()) == "exp/data.csv"
    base = BASE.replace("data.csv", "$(stem).csv")
    write(base__b=base, exp__a="extends: ../base/b.yaml\nvars: {stem: data}")
    assert source(compiled()) == "base/data.csv"


def test_a_path_in_a_block_and_one_that_is_given_to_it(write: Any) -> None:
    base = """
blocks:
  look:
    parameters: {words: words.txt}
    layers: [{StringLookup: {vocabulary: $words}}]
model: {inputs: {x: {shape: [1], dtype: string}}, layers: [look]}
"""
    write(base__b=base, exp__a="extends: ../base/b.yaml")
    assert vocabulary(compiled()) == "base/words.txt"
    given = "model: {layers: [{look: {words: words.txt}}]}"
    write(exp__a=f"extends: ../base/b.yaml\n{given}")
    assert vocabulary(compiled()) == "exp/words.txt"


def test_what_is_set_starts_in_the_working_directory(
    write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(exp__a=BASE)
    assert source(compiled()) == "exp/data.csv"
    for value in ("data.csv", str(Path("data.csv").resolve()), "exp/../data.csv"):
        assert source(compiled(overrides={"data.source.csv": value})) == "data.csv"
    found = compiled(overrides={"data.source": {"csv": {"path": "base/more.csv"}}})
    assert source(found) == "base/more.csv"
    found = compiled(overrides={"training.weights": "base/w.weights.h5"})
    assert weights(found) == "base/w.weights.h5"
    path = "model.layers.string_lookup.vocabulary"
    assert vocabulary(compiled(overrides={path: "base/words.txt"})) == "base/words.txt"
    monkeypatch.chdir("exp")
    spec = compile_spec("a.yaml", {"data.source.csv": "more.csv"})
    assert spec.ok and spec.value is not None and spec.value.data is not None
    assert spec.value.data.sources["train"].path == "more.csv"  # type: ignore[attr-defined]


def test_what_is_saved_leads_to_the_same_files(write: Any) -> None:
    """The resolved text starts in the folder of the spec, as the manifest of a run says."""
    write(base__b=BASE, exp__a="extends: ../base/b.yaml")
    for overrides in ({}, {"data.source.csv": "base/more.csv"}):
        first = compiled(overrides=overrides)
        Path("resolved.yaml").write_text(resolved_text(first))
        again = compile_spec("resolved.yaml", context=context_for(Path("exp/a.yaml"))).value
        assert again is not None
        for ask in (source, vocabulary, weights):
            assert ask(again) == ask(first)


def test_a_run_names_the_project_where_paths_leave_the_folder_of_the_spec(write: Any) -> None:
    """What stands in its folder can then be read from everywhere, as long as the run is there."""
    data = "data: {source: {csv: data.csv}, inputs: {z: {column: y}}, targets: {y: {column: y}}}"
    model = "model: {inputs: {z: [1]}, layers: [{Dense: {units: 1, name: y}}]}"
    write(base__b=f"{model}\n{data}\ntraining: {{loss: mse}}", exp__a="extends: ../base/b.yaml")
    for file, start, path in (
        ("exp/a.yaml", ".", "base/data.csv"),
        ("base/b.yaml", "base", "data.csv"),
    ):
        spec = compiled(file)
        assert paths_start(spec) == Path(start).resolve()
        assert resolved(prepare(spec))["data"]["source"] == {"csv": path}


def test_a_path_that_leaves_the_project_is_refused(write: Any) -> None:
    base = BASE.replace("data.csv", "../../data.csv")
    write(base__b=base, exp__a="extends: ../base/b.yaml")
    (found,) = compile_spec("exp/a.yaml").diagnostics
    assert found.code == "MS210" and found.span is not None
    assert found.span.file == "base/b.yaml" and found.span.text == "../../data.csv"


def test_links_are_followed_before_dots(tmp_path: Path) -> None:
    """`link/../x` is beside what the link leads to."""
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "spec").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a/b")
    context = Context(folder=tmp_path / "spec", project=tmp_path)
    for value in ("link/../x", "../link/../x", "link/x", "x", "./x", "/x", "spec/x", "../x"):
        moved = from_folder(value, tmp_path, context)
        assert os.path.realpath(context.folder / moved) == os.path.realpath(tmp_path / value)  # type: ignore[operator]
    assert from_folder("spec/x", tmp_path, context) == "x"
    assert from_folder("../spec/x", tmp_path / "a", context) == "x"
