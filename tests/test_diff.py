"""`modelspec diff`: layers, shapes, parameters, settings, weights and results of two specs or
runs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings

from modelspec.cli import main
from modelspec.compiler.pipeline import compile_spec
from modelspec.views.diff import Difference, Side, as_text, compare
from modelspec.views.resolve import resolved

from .drawing import specs

SPEC: dict[str, Any] = {
    "name": "net",
    "seed": 1,
    "model": {
        "inputs": {"x": [8]},
        "layers": [
            {"Dense": {"units": 16, "activation": "relu", "name": "stem"}},
            {"Dropout": 0.1},
            {"Dense": 8},
            {"Dense": {"units": 3, "activation": "softmax", "name": "head"}},
        ],
    },
    "training": {
        "optimizer": "adam",
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["accuracy"],
        "epochs": 3,
    },
}


def side(name: str, spec: dict[str, Any], **results: Any) -> Side:
    checked = compile_spec(spec)
    assert checked.ok and checked.value is not None, checked.diagnostics
    return Side(name, checked.value, **results)


def changed(change: Any, spec: dict[str, Any] = SPEC) -> dict[str, Any]:
    """A copy of the spec that `change` was made to."""
    copy: dict[str, Any] = json.loads(json.dumps(spec))
    change(copy)
    return copy


def layers(spec: dict[str, Any]) -> list[Any]:
    found: list[Any] = spec["model"]["layers"]
    return found


def diff(change: Any, spec: dict[str, Any] = SPEC) -> Difference:
    return compare(side("a", spec), side("b", changed(change, spec)))


def changes(found: Difference) -> dict[str, list[tuple[str, Any, Any]]]:
    return {one.after.name: [tuple(change) for change in one.changes] for one in found.changed}  # type: ignore[misc]


def test_equal_specs() -> None:
    found = diff(lambda spec: None)
    assert not found.differs
    assert found.loading.whole and not found.loading.unused
    assert as_text(found) == "a -> b\n\nno differences\n"


def test_other_forms_of_the_same_are_no_difference() -> None:
    def rewrite(spec: dict[str, Any]) -> None:
        spec["model"]["layers"] = [
            {
                "Dense": {
                    "units": 16,
                    "activation": "relu",
                    "use_bias": True,
                    "name": "stem",
                    "kernel_initializer": {"GlorotUniform": {}},
                }
            },
            {"Dropout": {"rate": 0.1}},
            {"Dense": {"units": 8, "bias_initializer": "Zeros"}},
            {"Dense": {"name": "head", "units": 3, "activation": "softmax"}},
        ]
        spec["training"]["optimizer"] = {"Adam": {"learning_rate": 0.001}}
        spec["training"]["batch_size"] = 32

    assert not diff(rewrite).differs


def test_a_setting() -> None:
    found = diff(lambda spec: layers(spec)[0]["Dense"].update(units=32, kernel_regularizer="l2"))
    assert changes(found) == {
        "stem": [
            ("units", 16, 32),
            ("kernel_regularizer", None, {"L2": {"l2": 0.01}}),
            ("output", "(batch, 16) float32", "(batch, 32) float32"),
            ("parameters", 144, 288),
        ],
        "dropout": [("output", "(batch, 16) float32", "(batch, 32) float32")],
        "dense": [("parameters", 136, 264)],
    }
    assert (found.added, found.removed) == ((), ())
    assert [(one.path, one.before, one.after) for one in found.totals] == [
        ("parameters", 307, 579),
        ("trainable_parameters", 307, 579),
        ("flops", 280, 536),
    ]
    assert [tuple(one) for one in found.loading.unloaded] == [
        ("stem", "`kernel` is (8, 16) there and (8, 32) here"),
        ("dense", "`kernel` is (16, 8) there and (32, 8) here"),
    ]
    assert found.loading.loaded == ("head",)


def test_added_and_removed_layers_do_not_disturb_the_others() -> None:
    found = diff(lambda spec: layers(spec).insert(2, {"Dense": 5}))
    assert [(row.name, row.kind, row.parameters) for row in found.added] == [("dense", "Dense", 85)]
    assert found.removed == ()
    assert changes(found) == {
        "dense_1": [("from", ["dropout"], ["dense"]), ("parameters", 136, 48)]
    }
    back = compare(found.b, found.a)
    assert [row.name for row in back.removed] == ["dense"]
    gone = diff(lambda spec: layers(spec).pop(1))
    assert [row.name for row in gone.removed] == ["dropout"]
    assert changes(gone) == {"dense": [("from", ["dropout"], ["stem"])]}
    assert gone.loading.whole


def test_renamed_and_moved_layers() -> None:
    found = diff(lambda spec: layers(spec)[3]["Dense"].update(name="verdict"))
    assert [(one.before.name, one.after.name, one.changes) for one in found.changed] == [
        ("head", "verdict", ())
    ]
    assert [
        (one.path, one.before, one.after) for one in found.ends if not isinstance(one.before, str)
    ] == [("outputs.verdict", found.ends[1].before, "(batch, 3) float32")]
    assert tuple(found.loading.unloaded[0]) == ("verdict", "its name is `head` there")
    spec: dict[str, Any] = {"model": {"inputs": {"x": [8]}}}
    spec = changed(
        lambda spec: spec["model"].update(
            layers=[
                {"ReLU": {"name": "a"}},
                {"Dense": {"units": 8, "name": "b"}},
                {"Dropout": {"rate": 0.1, "name": "c"}},
            ]
        ),
        spec,
    )
    moved = diff(
        lambda spec: spec["model"].update(layers=layers(spec)[1:] + layers(spec)[:1]), spec
    )
    assert [(one.after.name, one.moved) for one in moved.changed if one.moved] == [("a", True)]
    assert (moved.added, moved.removed) == ((), ())


def test_a_layer_of_another_kind() -> None:
    found = diff(
        lambda spec: layers(spec).__setitem__(
            0, {"EinsumDense": {"equation": "ab,bc->ac", "output_shape": 16, "name": "stem"}}
        )
    )
    assert changes(found)["stem"][0] == ("kind", "Dense", "EinsumDense")


def test_inputs_outputs_and_sections() -> None:
    def change(spec: dict[str, Any]) -> None:
        spec["model"]["inputs"]["x"] = [9]
        spec["training"].update(
            epochs=4, metrics=["accuracy", "SparseTopKCategoricalAccuracy"], optimizer={"SGD": 0.1}
        )
        spec["seed"] = 2
        spec["runtime"] = {"precision": "float64"}

    found = diff(change)
    assert tuple(found.ends[0]) == ("inputs.x", "(batch, 8) float32", "(batch, 9) float32")
    sections = {one.path: (one.before, one.after) for one in found.sections}
    assert sections["training.epochs"] == (3, 4)
    assert sections["seed"] == (1, 2)
    assert sections["runtime.precision"] == ("float32", "float64")
    assert sections["training.optimizer.SGD"][1]["learning_rate"] == 0.1
    assert [path for path in sections if "metrics" in path] == [
        "training.metrics[SparseTopKCategoricalAccuracy]"
    ]


def test_shared_layers_and_models_are_compared_once() -> None:
    def spec(units: int) -> dict[str, Any]:
        return {
            "model": {
                "inputs": {"l": [4], "r": [4]},
                "shared": {"tower": [{"Dense": units}], "judge": {"Dense": 1}},
                "layers": [
                    {"tower": {"from": "l", "name": "a"}},
                    {"tower": {"from": "r", "name": "b"}},
                    {"Subtract": {"from": ["a", "b"]}},
                    "judge",
                ],
            }
        }

    found = compare(side("a", spec(5)), side("b", spec(6)))
    assert changes(found)["tower/dense"][0] == ("units", 5, 6)
    assert changes(found)["shared.judge"][-1] == ("parameters", 6, 7)
    assert len(found.loading.unloaded) == 2


def test_weights_that_are_left_over() -> None:
    found = diff(lambda spec: layers(spec).pop(2))
    assert "dense" in found.loading.unused
    assert not found.loading.whole  # the head takes another input


@settings(max_examples=30, deadline=None)
@given(specs(most=10))
def test_a_spec_does_not_differ_from_what_it_resolves_to(spec: dict[str, Any]) -> None:
    checked = compile_spec(spec)
    if not checked.ok or checked.value is None:
        return
    a = Side("a", checked.value)
    assert not compare(a, a).differs
    for defaults in (False, True):
        values = json.loads(
            json.dumps(resolved(checked.value, defaults=defaults)).replace("$$", "$")
        )
        found = compare(a, side("b", values))
        assert not found.added and not found.removed and found.loading.whole, as_text(found)
        assert not any(one.changes for one in found.changed), as_text(found)


# On the command line ------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.json").write_text(json.dumps(SPEC))
    Path("b.json").write_text(json.dumps(changed(lambda spec: spec["training"].update(epochs=5))))


def run(*arguments: str, text: str | None = None) -> Any:
    return CliRunner().invoke(main, ["diff", *arguments], input=text)


def test_exit_statuses() -> None:
    assert run("a.json", "b.json").exit_code == 0
    assert run("a.json", "b.json", "--exit-code").exit_code == 1
    assert run("a.json", "a.json", "--exit-code").exit_code == 0
    assert run("a.json", "b.json", "--exit-code", "--set", "training.epochs=5").exit_code == 0
    assert run("a.json", "a.json", "--exit-code", "--set-b", "training.epochs=5").exit_code == 1
    assert run("a.json", "b.json", "--exit-code", "--set-a", "training.epochs=5").exit_code == 0
    assert run("a.json", "-", "--exit-code", text=json.dumps(SPEC)).exit_code == 0
    Path("wrong.yaml").write_text("model: {inputs: {x: [8]}, layers: [Dens]}")
    wrong = run("wrong.yaml", "missing.yaml")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert "MS301" in wrong.stderr and "MS701" in wrong.stderr
    assert run("wrong.yaml", "wrong.yaml").exit_code == 1


def test_text_and_json() -> None:
    assert run("a.json", "b.json").output.endswith(
        "\ntraining, data and runtime\n  ~ training.epochs: 3 -> 5\n\n"
        "weights\n  all weights of a.json can be loaded into b.json\n"
    )
    found = json.loads(run("a.json", "b.json", "--format", "json", "--set-b", "vars={}").output)
    assert found["sections"] == [{"path": "training.epochs", "before": 3, "after": 5}]
    assert found["differs"] is True
    assert found["weights"]["load"] == "all"
    assert found["parameters"] == {"before": 307, "after": 307}
    assert "\x1b[33m" in as_text(diff(lambda spec: spec.update(seed=9)), colour=True)


def make_run(folder: str, spec: str, metrics: Any, history: str) -> None:
    Path(folder).mkdir(parents=True)
    text = CliRunner().invoke(main, ["resolve", spec]).stdout
    Path(folder, "resolved.yaml").write_text(text)
    Path(folder, "metrics.json").write_text(json.dumps(metrics))
    Path(folder, "history.csv").write_text(history)


def test_runs_side_by_side() -> None:
    make_run(
        "runs/net/1",
        "a.json",
        {"test": {"loss": 0.5, "accuracy": 0.8}},
        "epoch,loss\n1,0.9\n2,0.6\n",
    )
    make_run(
        "runs/net/2",
        "b.json",
        {"test": {"loss": 0.25, "accuracy": 0.9}},
        "epoch,loss,val_loss\n1,0.4,0.5\n",
    )
    text = run("runs/net/1", "runs/net/2").output
    assert "test loss: 0.5 -> 0.25 (-0.25)" in text
    assert "epochs: 2 -> 1" in text
    assert "last loss: 0.6 -> 0.4 (-0.2)" in text and "last val_loss: - -> 0.5" in text
    found = json.loads(run("runs/net/1", "a.json", "--format", "json").output)
    assert found["metrics"]["a"] == {"test": {"loss": 0.5, "accuracy": 0.8}}
    assert found["history"] == {
        "a": [{"epoch": 1, "loss": 0.9}, {"epoch": 2, "loss": 0.6}],
        "b": [],
    }
    assert not found["differs"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("metrics.json", "[1]"),
        ("metrics.json", '{"test": {"loss": []}}'),
        ("metrics.json", "{"),
        ("history.csv", "epoch,loss\n1,low\n"),
        ("metrics.json", '{"test": 3}'),
    ],
)
def test_a_damaged_run(name: str, text: str) -> None:
    make_run("runs/net/1", "a.json", {}, "epoch,loss\n")
    Path("runs/net/1", name).write_text(text)
    found = run("runs/net/1", "a.json")
    assert (found.exit_code, "MS716" in found.stderr) == (1, True), found.output
    assert "MS716" in run("runs/net", "a.json").stderr
