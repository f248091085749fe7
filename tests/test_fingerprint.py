"""The fingerprint of a run: what changes it, what does not, and which part it names."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from modelspec.compiler.pipeline import compile_spec
from modelspec.runtime.history.file_hashes import hash_of
from modelspec.runtime.history.fingerprint import Fingerprint, fingerprint, needs_opening

from .testing_specs import write_points, write_spec

IMAGES = """\
model:
  inputs: {image: [4, 4, 3]}
  layers: [Flatten, {Dense: {units: 1, activation: sigmoid, name: kind}}]
data: {source: {images: {path: photos, size: 4}}, inputs: {image: image}, targets: {kind: label}}
training: {optimizer: SGD, loss: binary_crossentropy, epochs: 1, batch_size: 2}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_points(tmp_path / "points.csv")
    return tmp_path


def of(path: Path | str) -> Fingerprint:
    """The fingerprint of a spec that has no faults."""
    checked = compile_spec(path)
    assert checked.ok and checked.value is not None, [str(one) for one in checked.diagnostics]
    found = fingerprint(checked.value)
    assert found is not None
    return found


def edit(path: str, old: str, new: str) -> None:
    text = Path(path).read_text("utf-8")
    assert old in text
    Path(path).write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# a comment", "# another\n"),
        ("name: a\n", "name: b\ndescription: points in a plane\n"),
        (">= 0.5", ">= 0.9"),
        ("{units: 4, activation: relu}", "\n        units: 4\n        activation: relu"),
        ("seed: 1", "seed: $(2 - 1)"),
        ("batch_size: 16", "batch_size: 16\nx-note: anything"),
    ],
)
def test_what_changes_no_number_leaves_it_as_it_is(old: str, new: str) -> None:
    before = of(write_spec(Path("a.yaml")))
    edit("a.yaml", old, new)
    after = of("a.yaml")
    assert after.differences(before) == ()
    assert after.digest == before.digest


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("units: 4", "units: 5", "spec/model"),
        ("seed: 1", "seed: 2", "spec/seed"),
        ("epochs: 3", "epochs: 4", "spec/training"),
        ("test: 0.2", "test: 0.3", "spec/data"),
        ("expect:", "runtime: {deterministic: false}\nexpect:", "spec/runtime"),
    ],
)
def test_a_change_of_the_spec_names_its_section(old: str, new: str, part: str) -> None:
    before = of(write_spec(Path("a.yaml")))
    edit("a.yaml", old, new)
    assert of("a.yaml").differences(before) == (part,)


def test_it_names_the_data_that_changed() -> None:
    """The hash is that of the bytes, whatever their time of change."""
    before = of(write_spec(Path("a.yaml")))
    raw = Path("points.csv").read_bytes()
    assert before.parts["data/points.csv"] == hashlib.sha256(raw).hexdigest()
    Path("points.csv").write_bytes(raw)
    assert of("a.yaml").differences(before) == ()
    Path("points.csv").write_bytes(raw[:-2] + (b"0\n" if raw.endswith(b"1\n") else b"1\n"))
    assert of("a.yaml").differences(before) == ("data/points.csv",)


def test_it_depends_on_what_the_spec_extends_and_not_on_where_that_is_written() -> None:
    write_spec(Path("base.yaml"))
    Path("a.yaml").write_text("extends: base.yaml\ntraining: {epochs: 5}\n", encoding="utf-8")
    before = of("a.yaml")
    edit("base.yaml", "epochs: 3", "epochs: 7")
    assert of("a.yaml").differences(before) == ()
    edit("base.yaml", "units: 4", "units: 6")
    assert of("a.yaml").differences(before) == ("spec/model",)


def test_vocabularies_and_weights_are_part_of_it() -> None:
    Path("words.txt").write_text("red\ngreen\n", encoding="utf-8")
    Path("start.weights.h5").write_bytes(b"one")
    Path("a.yaml").write_text(
        "model:\n  inputs: {word: {shape: [1], dtype: string}}\n  layers:\n"
        "    - StringLookup: {vocabulary: words.txt}\n"
        "    - Embedding: {input_dim: 3, output_dim: 2}\n    - Flatten\n    - Dense: 1\n"
        "data: {source: {csv: t.csv}, inputs: {word: w}, targets: {dense: y}}\n"
        "training: {optimizer: SGD, loss: mse, epochs: 1, weights: start.weights.h5}\n",
        encoding="utf-8",
    )
    Path("t.csv").write_text("w,y\nred,1\n", encoding="utf-8")
    before = of("a.yaml")
    assert set(before.of("data")) == {"data/t.csv", "data/words.txt", "data/start.weights.h5"}
    Path("words.txt").write_text("red\nblue\n", encoding="utf-8")
    assert of("a.yaml").differences(before) == ("data/words.txt",)


def test_files_of_columns_are_part_of_it() -> None:
    Path("x.npy").write_bytes(b"x")
    Path("y.npy").write_bytes(b"y")
    Path("a.yaml").write_text(
        "model: {inputs: {x: [2]}, layers: [{Dense: {units: 1, name: y}}]}\n"
        "data: {source: {npy: {x: x.npy, y: y.npy}}, inputs: {x: x}, targets: {y: y}}\n"
        "training: {optimizer: SGD, loss: mse, epochs: 1}\n",
        encoding="utf-8",
    )
    before = of("a.yaml")
    Path("y.npy").write_bytes(b"z")
    assert of("a.yaml").differences(before) == ("data/y.npy",)


@pytest.mark.parametrize(
    "change",
    [
        lambda: Path("photos/a/1.png").write_bytes(b"other"),
        lambda: Path("photos/a/3.png").write_bytes(b"new"),
        lambda: Path("photos/a/1.png").rename("photos/b/1.png"),
        lambda: Path("photos/b/2.png").unlink(),
    ],
)
def test_every_file_of_a_folder_counts(change: Callable[[], object]) -> None:
    for name in ("a/1.png", "b/2.png"):
        Path("photos", name).parent.mkdir(parents=True, exist_ok=True)
        Path("photos", name).write_bytes(name.encode())
    Path("a.yaml").write_text(IMAGES, encoding="utf-8")
    before = of("a.yaml")
    change()
    assert of("a.yaml").differences(before) == ("data/photos",)


def test_runs_hidden_files_and_specs_in_a_folder_of_data_do_not_count() -> None:
    context = compile_spec(write_spec(Path("a.yaml"))).value
    assert context is not None
    Path("photos").mkdir()
    Path("photos/1.png").write_bytes(b"1")
    before = hash_of("photos", context.file.context)
    for name in (".DS_Store", "note.yaml", "run/manifest.json", "run/resolved.yaml"):
        Path("photos", name).parent.mkdir(exist_ok=True)
        Path("photos", name).write_text("{}", encoding="utf-8")
    assert before is not None and hash_of("photos", context.file.context) == before


def test_a_pattern_is_all_that_it_matches() -> None:
    write_points(Path("part-1.csv"))
    write_spec(Path("a.yaml"))
    edit("a.yaml", "csv: points.csv", "csv: 'part-*.csv'")
    before = of("a.yaml")
    write_points(Path("part-2.csv"), 10)
    assert of("a.yaml").differences(before) == ("data/part-*.csv",)


def test_versions_and_the_class_of_the_machine_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from modelspec.runtime.history import machine

    before = of(write_spec(Path("a.yaml")))
    monkeypatch.setattr(machine, "version", lambda package: f"0 of {package}")
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "77")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true")
    names = of("a.yaml").differences(before)
    assert {"versions/keras", "versions/tensorflow", "machine/threads", "machine/onednn"} <= set(
        names
    )
    assert "machine/environment XLA_FLAGS" in names
    assert not [one for one in names if one.startswith(("spec/", "data/"))]


def test_it_is_not_known_where_a_file_is_missing_or_a_program_gives_the_data() -> None:
    write_spec(Path("a.yaml"))
    edit("a.yaml", "csv: points.csv", "csv: nowhere.csv")
    write_spec(Path("b.yaml"))
    edit("b.yaml", "source: {csv: points.csv}", "source: python")
    for name in ("a.yaml", "b.yaml"):
        compiled = compile_spec(name).value
        assert compiled is not None and fingerprint(compiled) is None


def test_files_that_a_table_names_are_read_with_it() -> None:
    """Only the opened table says which files they are."""
    pytest.importorskip("numpy")
    from PIL import Image

    from modelspec.runtime.run.table_hashes import table_hashes

    for name, color in (("1.png", "red"), ("2.png", "blue"), ("other.png", "blue")):
        Image.new("RGB", (4, 4), color).save(name)
    Path("t.csv").write_text("file,label\n1.png,0\n2.png,1\n", encoding="utf-8")
    text = IMAGES.replace("{path: photos, size: 4}", "{csv: t.csv, root: ., size: 4}")
    Path("a.yaml").write_text(text, encoding="utf-8")
    compiled = compile_spec("a.yaml").value
    assert compiled is not None and needs_opening(compiled)
    assert fingerprint(compiled) is None
    before = fingerprint(compiled, table_hashes)
    assert before is not None
    Image.new("RGB", (4, 4), "green").save("other.png")
    Path("note.txt").write_text("x", encoding="utf-8")
    same = fingerprint(compiled, table_hashes)
    assert same is not None and same.differences(before) == ()
    Image.new("RGB", (4, 4), "green").save("2.png")
    after = fingerprint(compiled, table_hashes)
    assert after is not None and after.differences(before) == ("data/opened train",)


@pytest.mark.parametrize("value", [None, {}, [], {"parts": {}}, {"parts": {"a": 1}}, "text"])
def test_what_is_not_one_is_not_read_as_one(value: object) -> None:
    assert Fingerprint.read(value) is None


def test_it_is_read_back_as_it_was_written() -> None:
    found = of(write_spec(Path("a.yaml")))
    assert Fingerprint.read(found.as_json()) == found
