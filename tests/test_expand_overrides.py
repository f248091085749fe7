"""Values set by path from outside of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import modelspec as ms
from modelspec.cli import main
from modelspec.compiler.expand import expand
from modelspec.compiler.expand.value_paths import parse_path
from modelspec.core.settings import Context
from modelspec.core.source import plain, read_text

from .expanding import faults, shapes, values

TEXT = """
blocks: {b: {parameters: {w: null, act: relu}, primary: w, layers: [{Dense: {units: $w, activation: $act}}]}}
vars: {width: 4}
model:
  inputs: {x: [8]}
  layers:
    - Dense: 64
    - Dense: {units: $width, name: stem}
    - Flatten
    - repeat: 2
      do: [{Dense: {units: 2, name: deep}}]
    - b: 3
training:
  optimizer: {Adam: 0.1}
  loss: mse
  epochs: 3
  callbacks: [{EarlyStopping: {patience: 3}}, TerminateOnNaN]
"""


def value_at(path: str, *way: str | int, value: Any = 7) -> Any:
    """What stands at `way` once `path` is set."""
    document = read_text(TEXT.replace("$", "$$"), "spec.yaml").value
    assert document is not None
    found = expand(document, Context(), {path: value})
    assert not found.diagnostics, found.diagnostics
    assert found.value is not None
    node: Any = plain(found.value.root)
    for step in way:
        node = node[step]
    return node


@pytest.mark.parametrize(
    ("path", "way"),
    [
        ("training.epochs", ("training", "epochs")),
        ("training.batch_size", ("training", "batch_size")),
        ("seed", ("seed",)),
        ("runtime.precision", ("runtime", "precision")),
        ("model.layers[1].Dense.units", ("model", "layers", 1, "Dense", "units")),
        ("model.layers.stem.units", ("model", "layers", 1, "Dense", "units")),
        ("model.layers.stem.use_bias", ("model", "layers", 1, "Dense", "use_bias")),
        ("model.layers[0].Dense.units", ("model", "layers", 0, "Dense", "units")),
        ("model.layers[0].Dense.activation", ("model", "layers", 0, "Dense", "activation")),
        ("model.layers[2].Flatten.data_format", ("model", "layers", 2, "Flatten", "data_format")),
        ("model.layers.Flatten.data_format", ("model", "layers", 2, "Flatten", "data_format")),
        ("model.layers.deep.units", ("model", "layers", 4, "Dense", "units")),
        ("model['inputs'].x[0]", ("model", "inputs", "x", 0)),
        ('model."inputs".x', None),
        (
            "training.optimizer.Adam.learning_rate",
            ("training", "optimizer", "Adam", "learning_rate"),
        ),
        ("training.optimizer.Adam.beta_1", ("training", "optimizer", "Adam", "beta_1")),
        (
            "training.callbacks.EarlyStopping.patience",
            ("training", "callbacks", 0, "EarlyStopping", "patience"),
        ),
        (
            "training.callbacks[-2].EarlyStopping.patience",
            ("training", "callbacks", 0, "EarlyStopping", "patience"),
        ),
        (
            "training.loss.MeanSquaredError.reduction",
            ("training", "loss", "MeanSquaredError", "reduction"),
        ),
        ("model.layers[stem].units", ("model", "layers", 1, "Dense", "units")),
        ("model.layers[stem].Dense.units", ("model", "layers", 1, "Dense", "units")),
        ("model.layers.stem.Dense.units", ("model", "layers", 1, "Dense", "units")),
        ("model.layers[-4].Dense.units", ("model", "layers", 1, "Dense", "units")),
        ("model.layers.dense.units", ("model", "layers", 0, "Dense", "units")),
        ("model.layers.dense.use_bias", ("model", "layers", 0, "Dense", "use_bias")),
        ("model.layers.flatten.data_format", ("model", "layers", 2, "Flatten", "data_format")),
        ("model.layers[deep].Dense.use_bias", ("model", "layers", 4, "Dense", "use_bias")),
        ("model.inputs.x.dtype", ("model", "inputs", "x", "dtype")),
        (
            "training.callbacks[0].EarlyStopping.patience",
            ("training", "callbacks", 0, "EarlyStopping", "patience"),
        ),
        ("training.callbacks[-1].TerminateOnNaN", ("training", "callbacks", 1, "TerminateOnNaN")),
        ("data.inputs.x.column", ("data", "inputs", "x", "column")),
    ],
)
def test_paths(path: str, way: tuple[str | int, ...] | None) -> None:
    if way is None:
        assert [one.code for one in faults(TEXT, {path: 7})] == ["MS130"]
        return
    assert value_at(path, *way) == 7


def test_a_short_form_keeps_what_it_said() -> None:
    assert value_at("model.layers[0].Dense.activation", "model", "layers", 0, value="relu") == {
        "Dense": {"units": 64, "activation": "relu", "name": "dense"}
    }
    assert value_at("training.optimizer.Adam.beta_1", "training", "optimizer") == {
        "Adam": {"learning_rate": 0.1, "beta_1": 7}
    }


def test_a_blocks_primary_parameter() -> None:
    assert shapes_with({"model.layers.b.act": "tanh", "model.layers.b.w": 6})[-1] == (
        "b_dense",
        (6,),
    )
    assert shapes_with({"model.layers[4].b.act": "tanh"})[-1] == ("b_dense", (3,))


def shapes_with(overrides: dict[str, Any]) -> list[tuple[str, Any]]:
    """Name and units of every layer, as expansion writes them."""
    bodies = [next(iter(one.values())) for one in values(TEXT, overrides)["model"]["layers"]]
    return [(body["name"], (body.get("units"),)) for body in bodies]


def test_into_blocks_and_their_parameters() -> None:
    assert shapes_with({"blocks.b.layers[0].Dense.units": 9})[-1] == ("b_dense", (9,))
    assert shapes_with({"blocks.b.layers.Dense.units": "$(w * 5)"})[-1] == ("b_dense", (15,))
    found = values(TEXT, {"blocks.b.parameters.act": "tanh"})["model"]["layers"][-1]["Dense"]
    assert found["activation"] == "tanh"


def test_a_block_and_a_shared_model_that_are_lists() -> None:
    text = """
    blocks: {b: [{Dense: 3}]}
    model:
      inputs: [8]
      shared: {s: [{Dense: 4}]}
      layers: [b, s]
    """
    with_block = values(
        text, {"blocks.b[0].Dense.units": 5, "blocks.b.layers[0].Dense.use_bias": False}
    )
    assert with_block["model"]["layers"][0]["Dense"]["units"] == 5
    shared = values(text, {"model.shared.s[0].Dense.units": 6, "model.shared.s.trainable": False})
    assert shared["model"]["shared"]["s"] == {
        "layers": ({"Dense": {"units": 6}},),
        "trainable": False,
    }
    assert values(text, {"model.inputs.dtype": "float64"})["model"]["inputs"] == {
        "shape": (8,),
        "dtype": "float64",
    }


def test_features_of_the_data() -> None:
    text = TEXT + "data: {source: {csv: t.csv}, inputs: {x: [a, b]}, targets: c}\n"
    found = values(
        text,
        {
            "data.inputs.x.missing": "mean",
            "data.targets.missing": "drop",
            "data.source.csv.delimiter": ";",
            "data.split.test": 0.2,
        },
    )["data"]
    assert found == {
        "source": {"csv": {"path": "t.csv", "delimiter": ";"}},
        "split": {"test": 0.2},
        "inputs": {"x": {"columns": ("a", "b"), "missing": "mean"}},
        "targets": {"column": "c", "missing": "drop"},
    }


def test_names_that_entries_get_by_themselves_end_where_they_are_not_plain() -> None:
    text = """
    model:
      inputs: {x: [8]}
      layers: [{Dense: 3}, {Dense: {units: 4, name: dense_1}}, {Dense: 5}, {Dense: {units: 6, repeat: 2}}, {Dense: 7}]
    """
    found = values(text, {"model.layers.dense_2.units": 50, "model.layers.dense_1.units": 40})[
        "model"
    ]["layers"]
    assert [one["Dense"]["units"] for one in found] == [3, 40, 50, 6, 6, 7]
    assert [one.code for one in faults(text, {"model.layers.dense_3.units": 1})] == ["MS130"]


def test_a_variable_that_only_the_command_line_knows() -> None:
    text = TEXT.replace("vars: {width: 4}\n", "")
    assert dict(shapes_in(text, {"vars.width": 9}))["stem"] == (9,)
    found = faults(TEXT, {"vars.widht": 9, "blocks.b.parameters.acte": 1, "vars.other": 3})
    assert [(one.code, one.span.text if one.span else "", one.suggestion) for one in found] == [
        ("MS147", "acte", "act"),
        ("MS147", "other", None),
        ("MS147", "widht", "width"),
    ]


def shapes_in(text: str, overrides: dict[str, Any]) -> list[tuple[str, Any]]:
    bodies = [next(iter(one.values())) for one in values(text, overrides)["model"]["layers"]]
    return [(body["name"], (body.get("units"),)) for body in bodies]


def test_through_a_file_that_extends_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("base.yaml").write_text(TEXT)
    Path("net.yaml").write_text("extends: base.yaml\nname: net\n")
    spec = ms.load_spec("net.yaml", {"model.layers[stem].Dense.units": 11, "training.epochs": 2})
    assert spec.graph.layer("stem").output_shape == (None, 11)  # type: ignore[union-attr]
    assert spec.compiled.training.epochs == 2  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "command", [["check"], ["show"], ["resolve"], ["train", "--dry-run"], ["diff", "spec.yaml"]]
)
def test_every_command_takes_them_and_tells_of_slips(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("spec.yaml").write_text(TEXT)
    found = CliRunner().invoke(
        main, [*command, "spec.yaml", "--set", "training.epohcs=3", "--set", "vars.width=8"]
    )
    assert found.exit_code == 1, found.output
    assert "MS201" in found.output and "did you mean `epochs`?" in found.output
    assert "--set training.epohcs:1:10" in found.output


def test_overrides_come_before_expressions_and_may_be_expressions() -> None:
    assert dict(shapes_with({"vars.width": 9}))["stem"] == (9,)
    assert dict(shapes_with({"vars.width": 9, "model.layers.stem.units": "$(width + 1)"}))[
        "stem"
    ] == (10,)


def test_later_ones_win_and_whole_values_replace() -> None:
    assert value_at("training", "training", value={"loss": "mae"}) == {"loss": "mae"}
    found = values(TEXT, {"training": None, "training.epochs": 5, "model.layers[-1]": "ReLU"})
    assert found["training"] == {"epochs": 5}


def test_an_override_makes_a_spec_out_of_one_without_expansion() -> None:
    text = "model: {inputs: {x: [4]}, layers: [{Dense: 3}]}"
    assert shapes(text) == [("dense", (3,))]
    assert values(text, {"model.layers[0].Dense": 5})["model"]["layers"] == ({"Dense": 5},)


@pytest.mark.parametrize(
    ("path", "value", "code", "place", "help"),
    [
        (
            "training.epochs.first",
            3,
            "MS130",
            "first",
            "set it as a whole: `training.epochs={first: ...}`",
        ),
        ("training.loss.x", 3, "MS130", "x", "set it as a whole: `training.loss={x: ...}`"),
        (
            "training.loss.Adam.x",
            3,
            "MS130",
            "Adam",
            "set it as a whole: `training.loss={Adam: ...}`",
        ),
        ("model.layers[9]", 3, "MS130", "[9]", "the indices are [0] to [4]"),
        ("model.layers[-6]", 3, "MS130", "[-6]", "the indices are [0] to [4]"),
        ("model.layers.0.Dense.units", 3, "MS130", "0", "write `model.layers[0]`"),
        ("model.layers.stam.units", 3, "MS130", "stam", "did you mean `stem`?"),
        ("model.layers.Dense.units", 3, "MS130", "Dense", "write the index: `[0]` or `[1]`"),
        (
            "model.layers.unknown_thing.units",
            3,
            "MS130",
            "unknown_thing",
            "write an index, e.g. `[0]`",
        ),
        ("training[0]", 3, "MS130", "[0]", "remove the index"),
        ("training.epochs[0]", 3, "MS130", "[0]", "remove the index"),
        ("training.epochz", 3, "MS201", "epochz", "did you mean `epochs`?"),
        ("trainign.epochs", 3, "MS201", "trainign", "did you mean `training`?"),
        ("model.layers.stem.unitz", 3, "MS202", "unitz", "did you mean `units`?"),
        ("training.epochs", "three", "MS204", '"three"', None),
        ("training.epochs", 0, "MS205", "0", None),
        (
            "training..epochs",
            3,
            "MS130",
            "training..epochs",
            "write e.g. `training.epochs` or `model.layers[3].Dense.units`",
        ),
        ("", 3, "MS130", "", "write e.g. `training.epochs` or `model.layers[3].Dense.units`"),
        (
            "[0]",
            3,
            "MS130",
            "[0]",
            "write e.g. `training.epochs` or `model.layers[3].Dense.units`",
        ),
        ("extends", "base.yaml", "MS130", "extends", "set it in the file"),
        ("seed", 2.0**80, "MS204", "1.2089258196146292e+24", None),
        (
            "seed",
            2**80,
            "MS109",
            str(2**80),
            "write it as a float (`1e20`), or in quotes if it is a string",
        ),
        ("seed", float("nan"), "MS109", "1.0", "use a finite number, or None"),
        (
            "seed",
            object(),
            "MS204",
            "null",
            "use a str, an int, a float, a bool, None, a list or a dict",
        ),
        (
            "vars.width",
            "$nope",
            "MS121",
            "nope",
            "no names are defined here; define them in `vars`; write `$$` for a dollar sign",
        ),
    ],
)
def test_faults_point_into_the_flag(
    path: str, value: Any, code: str, place: str, help: str | None
) -> None:
    found = [one for one in faults(TEXT, {path: value}) if one.file == f"--set {path}"]
    assert found, faults(TEXT, {path: value})
    assert (found[0].code, found[0].span.text if found[0].span else None, found[0].help) == (
        code,
        place,
        help,
    )
    assert found[0].line == 1


def test_a_fault_elsewhere_that_an_override_makes() -> None:
    found = faults(TEXT, {"model.layers.stem.units": -1})
    assert [(one.code, one.file, one.column) for one in found] == [
        ("MS205", "--set model.layers.stem.units", 25)
    ]


def test_from_python_and_from_the_api(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(TEXT)
    assert ms.load_spec(path, overrides={"training.epochs": 9}).compiled.training.epochs == 9  # type: ignore[union-attr]
    assert [one.code for one in ms.check(path, overrides={"training.epoch.x": 9}).diagnostics] == [
        "MS201"
    ]
    with pytest.raises(ms.SpecError, match="MS130"):
        ms.load_spec(path, overrides={"training.epochs.x": 9})


STEPS = st.lists(
    st.sampled_from(
        [
            "training",
            "model",
            "layers",
            "epochs",
            "[0]",
            "[-1]",
            "[9]",
            "Dense",
            "units",
            "stem",
            "optimizer",
            "Adam",
            "x",
            "['a.b']",
            ".",
            "..",
            "[",
            "$",
            "",
            " ",
            "=",
            "name",
            "blocks",
            "b",
            "vars",
            "width",
            "extends",
        ]
    ),
    max_size=6,
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.just("$width"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(STEPS, VALUES, st.booleans())
def test_no_override_raises(steps: list[str], value: Any, dots: bool) -> None:
    path = "".join(
        step if step.startswith("[") or not index else f".{step}"
        for index, step in enumerate(steps)
    )
    for diagnostic in faults(TEXT, {path if dots else "".join(steps): value}):
        assert diagnostic.message


def test_steps_of_a_path() -> None:
    assert [step.key for step in parse_path("a.b-c[3][\"d.e\"]['f'].g h[-1]")] == [
        "a",
        "b-c",
        3,
        "d.e",
        "f",
        "g h",
        -1,
    ]
