"""What a newcomer writes: one diagnostic for one fault, with the fix that works."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

import modelspec as ms
from modelspec.cli import main
from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.views.schema import schema

TABLE: dict[str, Any] = {
    "model": {"inputs": {"x": [1]}, "layers": [{"Dense": {"units": 1, "name": "y"}}]},
    "data": {"source": {"csv": "t.csv"}, "inputs": {"x": {"column": "x"}}, "targets": "y"},
    "training": {"loss": "mse", "epochs": 1, "batch_size": 2},
}


def faults(value: Mapping[str, Any], **more: Any) -> list[tuple[str, str, str | None]]:
    found = ms.check(value, **more).diagnostics
    return [(one.code, one.message, one.help) for one in found if one.severity == "error"]


def compiled(source: Any) -> Compiled:
    found = compile_spec(source).value
    assert found is not None
    return found


# Expressions in brackets --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "quoted"),
    [
        ("$(s[-1] != w)", '"$(s[-1] != w)"'),
        ("$(max(s[0], w) == 4)", '"$(max(s[0], w) == 4)"'),
        ("$(1 + s[0] > 3)", '"$(1 + s[0] > 3)"'),
        ("$(w in [1, 2] or \"a\" == 'a')", None),
        ("$s[0]", '"$s[0]"'),
    ],
)
def test_an_expression_in_brackets_is_one_fault_and_its_fix_works(
    tmp_path: Path, expression: str, quoted: str | None
) -> None:
    def spec(when: str) -> Path:
        path = tmp_path / "spec.yaml"
        path.write_text(
            "vars: {w: 4, s: [4, 5]}\n"
            "model:\n  inputs: {x: [4]}\n  layers:\n"
            f"    - {{Dense: {{units: 4}}, when: {when}}}\n    - Dense: 1\n"
        )
        return path

    result = CliRunner().invoke(main, ["check", str(spec(expression))])
    assert result.output.count("MS103") == 1 and "1 error" in result.output, result.output
    assert "^" * len(expression) in result.output
    if quoted is not None:
        assert f"write `{quoted}`" in result.output
        after = CliRunner().invoke(main, ["check", str(spec(quoted))])
        assert "MS103" not in after.output


def test_two_loops_in_one_mapping_are_one_fault(tmp_path: Path) -> None:
    text = (
        "vars: {a: [p, q], b: [r, s]}\nmodel:\n  inputs:\n"
        "    for: {c: $a}\n    do: {$c: [1]}\n    for: {d: $b}\n    do: {$d: [1]}\n"
        "  layers:\n    - Concatenate: {from: [p, q]}\n    - Dense: 1\n"
    )
    path = tmp_path / "spec.yaml"
    path.write_text(text)
    found = CliRunner().invoke(main, ["check", str(path)]).output
    assert found.count("MS104") == 1 and "1 error" in found
    assert "$(a + b)" in found and "inside the `do` of the first" in found
    one = text.replace("    for: {d: $b}\n    do: {$d: [1]}\n", "").replace("$a}", "$(a + b)}")
    path.write_text(one.replace("[p, q]}", "[p, q, r, s]}"))
    assert CliRunner().invoke(main, ["check", str(path)]).exit_code == 0


SECTIONS = ("model", "data", "training")


@lru_cache
def editor() -> Any:
    jsonschema = pytest.importorskip("jsonschema")
    return jsonschema.Draft202012Validator(schema())


# Null ---------------------------------------------------------------------------------------------

OPTIONAL = [
    *("data", "training", "generate", "expect", "runtime", "name", "description", "seed"),
    *("data.test", "data.validation", "data.train", "data.cache", "data.split", "data.slices"),
    *("model.shared", "training.freeze", "training.metrics", "training.stages"),
]


@pytest.mark.parametrize("key", OPTIONAL)
def test_null_switches_off_what_is_optional(key: str) -> None:
    """For `check`, and for an editor."""
    assert faults(TABLE, overrides={key: None}) == []
    value: dict[str, Any] = {**TABLE, **{name: dict(TABLE[name]) for name in SECTIONS}}
    *section, last = key.split(".")
    (value[section[0]] if section else value)[last] = None
    assert list(editor().iter_errors(value)) == []


def test_null_in_a_file_that_extends_switches_off_a_part(tmp_path: Path) -> None:
    base = {**TABLE, "data": {**TABLE["data"], "train": {"csv": "t.csv"}, "test": {"csv": "u.csv"}}}
    del base["data"]["source"]
    for name, value in (
        ("base", base),
        ("parts", {"extends": "base.yaml", "data": {"test": None}}),
        ("model", {"extends": "base.yaml", "data": None, "training": None}),
    ):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(value, sort_keys=False))
    (tmp_path / "t.csv").write_text("x,y\n1,2\n2,3\n")
    parts = compiled(tmp_path / "parts.yaml")
    assert parts.data is not None and set(parts.data.sources) == {"train"}
    model = compiled(tmp_path / "model.yaml")
    assert model.data is None and model.training is None


def test_a_section_without_content_is_not_switched_off(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("model: {inputs: {x: [1]}, layers: [{Dense: 1}]}\ntraining:\n")
    assert "MS204" in CliRunner().invoke(main, ["check", str(path)]).output


def test_targets_that_are_null_are_missing() -> None:
    assert [one[0] for one in faults(TABLE, overrides={"data.targets": None})] == ["MS623"]


# Data ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "labels", "help"),
    [
        ("IntegerLookup", ["-1", "1"], "oov_token: -2"),
        ("StringLookup", ["[UNK]", "b"], 'oov_token: "[OOV]"'),
    ],
)
def test_a_label_that_is_the_oov_token_names_the_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, labels: list[str], help: str
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"{row},{labels[row % 2]}" for row in range(8)]
    Path("t.csv").write_text("\n".join(["x,y", *rows]) + "\n")
    layers = [{"Dense": {"units": 2, "activation": "softmax", "name": "y"}}]
    lookup = {kind: {"num_oov_indices": 0}}
    data = {**TABLE["data"], "targets": {"y": {"column": "y", "transform": [lookup]}}}
    value = {
        "model": {"inputs": {"x": [1]}, "layers": layers},
        "data": data,
        "training": {**TABLE["training"], "loss": "sparse_categorical_crossentropy"},
    }
    Path("spec.yaml").write_text(yaml.safe_dump(value))
    found = CliRunner().invoke(main, ["check", "--data", "spec.yaml"]).output
    assert found.count("MS627") == 1 and f"the `oov_token` of `{kind}`" in found
    assert f"`{help}`" in found
    setting, token = help.split(": ")
    path = f"data.targets.y.transform[0].{kind}.{setting}={token}"
    after = CliRunner().invoke(main, ["check", "--data", "spec.yaml", "--set", path])
    assert after.exit_code == 0, after.output


@pytest.mark.parametrize("columns", [["rho (g/m**3)", "T"], ["rho (g/m**3)"]])
@pytest.mark.parametrize("file", ["t.csv", "t.npz", "t.jsonl"])
def test_the_exact_name_of_a_column_is_no_pattern(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: list[str], file: str
) -> None:
    """Also if the name, read as a pattern, matches another column."""
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("rho (g/m**3),rho (g/mxy3),T,y\n1,5,2,3\n2,5,3,4\n")
    Path("t.jsonl").write_text('{"rho (g/m**3)": 1, "rho (g/mxy3)": 5, "T": 2, "y": 3}\n' * 2)
    names: dict[str, Any] = {"rho (g/m**3)": 1.0, "rho (g/mxy3)": 5.0, "T": 2.0, "y": 3.0}
    arrays: dict[str, Any] = {name: np.full(2, one) for name, one in names.items()}
    np.savez("t.npz", **arrays)
    value = {
        **TABLE,
        "model": {"inputs": {"x": [len(columns)]}, "layers": TABLE["model"]["layers"]},
        "data": {
            **TABLE["data"],
            "source": {file.split(".")[1]: file},
            "inputs": {"x": {"columns": columns}},
        },
    }
    assert ms.check(value).diagnostics == ()
    data = compiled(value).data
    assert data is not None and data.inputs is not None
    assert data.inputs["x"].columns == tuple(columns)


def test_the_size_of_crossed_columns_is_known_without_the_data() -> None:
    crossing = {"columns": ["a", "b"], "transform": [{"HashedCrossing": {"num_bins": 10}}]}
    value = {**TABLE, "model": {"inputs": {"x": [10]}, "layers": TABLE["model"]["layers"]}}
    value["data"] = {**TABLE["data"], "inputs": {"x": crossing}}
    assert [one[0] for one in faults(value)] == ["MS626"]


# Settings of text ---------------------------------------------------------------------------------


def of_text(*transform: Any) -> list[tuple[str, str, str | None]]:
    value = {
        "model": {
            "inputs": {"x": {"shape": [8], "dtype": "int32"}},
            "layers": [
                {"Embedding": {"input_dim": 500, "output_dim": 2}},
                "Flatten",
                {"Dense": {"units": 1, "name": "y"}},
            ],
        },
        "data": {**TABLE["data"], "inputs": {"x": {"column": "x", "transform": list(transform)}}},
        "training": {"loss": "mse"},
    }
    return faults(value)


LEARNED = {"vocabulary_size": 400, "length": 8}


@pytest.mark.parametrize(
    ("layer", "code", "words"),
    [
        ({"WordPiece": {**LEARNED, "start": "[PAD]"}}, "MS208", "both `start` and the padding"),
        ({"WordPiece": {**LEARNED, "padding_token": "[UNK]"}}, "MS208", "both `unknown_token`"),
        ({"BPE": {**LEARNED, "unknown_token": "?"}}, "MS208", "`unknown_token` has no effect"),
        ({"WordPiece": {"file": "t.json", "unknown_token": "?"}}, "MS208", "has no effect"),
        ({"Replace": {"pattern": ""}}, "MS205", "must have at least 1 character, found 0"),
        ({"Replace": {"pattern": "a", "replacement": "b" * 201}}, "MS205", "at most 200 char"),
        ({"WordPiece": {**LEARNED, "special_tokens": "[MASK]"}}, "MS204", "must be a list"),
    ],
)
def test_settings_of_text_that_contradict_each_other(
    layer: dict[str, Any], code: str, words: str
) -> None:
    transform = [layer] if "Replace" not in layer else [layer, {"WordPiece": LEARNED}]
    ((found, message, help),) = of_text(*transform)
    assert found == code and words in message
    if "special_tokens" in str(layer):
        assert help == 'write `["[MASK]"]`'


def test_a_vocabulary_that_is_its_own_says_so() -> None:
    own = {"WordPiece": {"vocabulary": {"of": "x"}, "length": 8}}
    ((code, message, help),) = of_text(own)
    assert (code, message) == (
        "MS681",
        "`x` shares its own vocabulary, so that nothing determines it",
    )
    assert help == "leave it out, or name another input or target"


@pytest.mark.parametrize("key", ["data", "training"])
def test_a_training_names_the_section_that_is_switched_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("spec.yaml").write_text(yaml.safe_dump(TABLE))
    result = CliRunner().invoke(main, ["train", "spec.yaml", "--set", f"{key}=null"])
    assert f"a spec requires `{key}` to be trained" in result.output


def test_an_unknown_name_of_a_loop_is_not_a_missing_shape() -> None:
    """The shape of a state follows from the formula that has the wrong name."""
    loop = {"initial": {"z": {"random": "normal"}}, "inputs": {"x": "zz"}, "result": "y"}
    assert [one[:2] for one in faults({**TABLE, "generate": loop})] == [
        ("MS144", "the formula names `zz`, which does not exist here")
    ]
    assert faults({**TABLE, "generate": {**loop, "inputs": {"x": "z"}}}) == []
