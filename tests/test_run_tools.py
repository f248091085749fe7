"""A run in hand: opened again, looked into, differentiated, its weights listed and compared,
reproduced.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import modelspec as ms
from modelspec.cli import main
from modelspec.runtime.run import Run, RunError, predict, predictions
from modelspec.runtime.run.checkpoints import Store
from modelspec.runtime.run.weight_reader import stored_weights
from modelspec.runtime.run.weight_tools import arrays_compared

pytestmark = pytest.mark.tensorflow

SPEC: dict[str, Any] = {
    "name": "small",
    "seed": 5,
    "model": {
        "inputs": {"x": [2]},
        "shared": {
            "tower": [
                {"Dense": {"units": 4, "name": "first", "use_bias": False}},
                {"BatchNormalization": {"name": "bn"}},
            ]
        },
        "layers": [
            {"tower": {"name": "one"}},
            {"Dropout": 0.2},
            {"Dense": {"units": 8, "activation": "tanh", "name": "hidden"}},
            {"Reshape": [4, 2]},
            {"LSTM": {"units": 3, "name": "rnn"}},
            {"Dense": {"units": 3, "activation": "softmax", "name": "y"}},
        ],
    },
    "data": {
        "source": {"csv": "t.csv"},
        "split": {"validation": 0.2, "test": 0.2},
        "inputs": ["a", "b"],
        "targets": "y",
    },
    "training": {
        "optimizer": {"Adam": 0.01},
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["accuracy"],
        "epochs": 2,
        "batch_size": 16,
    },
}
X = np.random.default_rng(1).normal(size=(5, 2)).astype("float32")


def write_table() -> None:
    rng = np.random.default_rng(0)
    kinds = np.arange(120) % 3
    features = rng.normal(size=(120, 2)) + kinds[:, None]
    rows = [f"{a!r},{b!r},{kind}\n" for (a, b), kind in zip(features.tolist(), kinds, strict=True)]
    Path("t.csv").write_text("a,b,y\n" + "".join(rows))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that holds the table and the run of this module."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _in_the_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    write_table()


@pytest.fixture(scope="module")
def run(home: Path) -> Iterator[Run]:
    before = Path.cwd()
    os.chdir(home)
    write_table()
    yield ms.load_spec(SPEC).train("run")
    os.chdir(before)


def code(error: pytest.ExceptionInfo[RunError]) -> str:
    return error.value.diagnostics[0].code


def command(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def copy(run: Run, to: str, **manifest: Any) -> Path:
    """Another folder of the same run, whose manifest says something else."""
    path = Path(to)
    shutil.copytree(run.directory, path)
    values = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps({**values, **manifest}))
    return path


# Opened again -------------------------------------------------------------------------------------


def test_a_run_is_opened_as_training_gave_it(run: Run) -> None:
    again = ms.open_run("run")
    assert (again.history, again.metrics, again.by_part) == (run.history, run.metrics, run.by_part)
    assert (again.directory, again.outcome) == (Path("run").absolute(), "completed")
    assert again.spec.graph.parameters == run.spec.graph.parameters
    assert "model" not in vars(again)
    for one, other in zip(again.model.get_weights(), run.model.get_weights(), strict=True):
        assert one.tobytes() == other.tobytes()
    assert again.model is again.model
    with pytest.raises(RunError) as error:
        ms.open_run("elsewhere")
    assert code(error) == "MS708"


def test_a_run_that_was_killed_has_the_weights_of_its_last_checkpoint(run: Run) -> None:
    killed = copy(run, "killed", outcome="running", files=None)
    for name in ("model.keras", "metrics.json"):
        (killed / name).unlink()
    found = Store(killed / "checkpoints").latest()
    assert found is not None
    kept = {
        name.split("/", 2)[2]: values
        for name, values in found.tensors().items()
        if name.startswith("model/")
    }
    again = ms.open_run(killed)
    assert again.outcome == "running"
    assert again.metrics["val_loss"] == run.history["val_loss"][-1]
    weights = {weight.path: np.asarray(weight) for weight in again.model.weights}
    assert len(weights) == 12
    assert all(np.array_equal(kept[path], values) for path, values in weights.items())
    with stored_weights(killed) as listed:
        assert set(listed) == {
            f"tower/{path}" if path.startswith(("first", "bn")) else path for path in weights
        }
    assert (run.directory / "model.keras").exists() and not (killed / "model.keras").exists()
    measured = command("evaluate", "killed", "--format", "json")
    assert measured.exit_code == 0, measured.output
    assert "MS778" in measured.stderr
    assert json.loads(measured.stdout)["metrics"] == dict(run.metrics)
    shutil.rmtree(killed / "checkpoints")
    assert "MS713" in command("predict", "killed", "--data", "t.csv").stderr
    with pytest.raises(RunError) as error:
        assert ms.open_run(killed).model
    assert code(error) == "MS713"


def test_texts_that_were_edited_are_noticed(run: Run) -> None:
    mine, gone, theirs = (copy(run, name) for name in ("mine", "gone", "theirs"))
    with (mine / "spec.yaml").open("a") as file:
        file.write("# a remark\n")
    (gone / "spec.yaml").unlink()
    text = (theirs / "resolved.yaml").read_text()
    (theirs / "resolved.yaml").write_text(text.replace("tanh", "relu"))
    assert json.loads(command("runs", "run", "--format", "json").stdout)["altered"] == {}
    assert list(json.loads(command("runs", "gone", "--format", "json").stdout)["altered"]) == [
        "spec.yaml"
    ]
    assert "altered   spec.yaml was edited after the run wrote it" in command("runs", "mine").stdout
    assert "altered   spec.yaml was deleted" in command("runs", "gone").stdout
    assert "altered   resolved.yaml was edited" in command("runs", "theirs").stdout
    told = command("resume", "mine")
    assert (told.exit_code, "warning[MS777]" in told.stderr) == (0, True)
    assert [one.code for one in ms.open_run(gone).warnings] == ["MS777"]
    for refused in (command("evaluate", "theirs"), command("predict", "theirs", "--data", "t.csv")):
        assert (refused.exit_code, "error[MS777]" in refused.stderr) == (3, True)
    with pytest.raises(RunError) as error:
        assert ms.open_run(theirs).model
    assert code(error) == "MS777"
    assert "MS772" in command("reproduce", "theirs").stderr


def test_a_run_leaves_a_report(run: Run) -> None:
    text = (run.directory / "report.html").read_text()
    assert "completed" in text
    assert "val_accuracy" in text
    assert "data:image/svg+xml;base64," in text
    dependencies = json.loads((run.directory / "manifest.json").read_text())["dependencies"]
    assert {"keras", "tensorflow", "numpy", "ml-dtypes"} <= dependencies.keys()


# Inside the model ---------------------------------------------------------------------------------


def test_outputs_of_layers_and_of_layers_in_sub_models(run: Run) -> None:
    model = run.model
    tower = model.get_layer("tower")
    first = tower.get_layer("first")(X)
    one = tower.get_layer("bn")(first, training=False)
    found = run.outputs(["x", "one/first", "one", "hidden", "y"], X, batch_size=2)
    assert list(found) == ["x", "one/first", "one", "hidden", "y"]
    assert np.array_equal(found["x"], X)
    assert np.allclose(found["one/first"], first, atol=1e-6)
    assert np.allclose(found["one"], one, atol=1e-6)
    assert np.allclose(found["hidden"], model.get_layer("hidden")(one), atol=1e-6)
    assert np.allclose(run.outputs("y", X), model(X), atol=1e-6)


@pytest.mark.parametrize(
    ("names", "x", "expected", "words"),
    [
        ("hiden", X, "MS712", "did you mean `hidden`?"),
        ("one/frst", X, "MS712", "did you mean `one/first`?"),
        ("first", X, "MS712", "did you mean `one/first`?"),
        ("y", X[:, :1], "MS775", "(batch, 2)"),
        ("y", X[0], "MS775", "first axis"),
        ("y", {"z": X}, "MS775", "`z`"),
        ("y", {}, "MS775", "`x`"),
        ("y", X.astype("U8"), "MS775", "float32"),
    ],
)
def test_what_does_not_fit_is_told(run: Run, names: str, x: Any, expected: str, words: str) -> None:
    for ask in (run.outputs, lambda names, x: run.gradients(names, None, x)):
        with pytest.raises(RunError) as error:
            ask(names, x)
        assert code(error) == expected
        told = error.value.diagnostics[0]
        assert words in f"{told.message} {told.help}"


def test_gradients_with_respect_to_the_input(run: Run) -> None:
    import tensorflow as tf

    x = tf.constant(X)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = run.model(x, training=False)
        unit, every = y[:, 2], run.model.get_layer("tower")(x, training=False)
        loss = run.model.compute_loss(y=np.array([0, 1, 2, 0, 1]), y_pred=y)
    assert np.allclose(run.gradients("y", None, X, unit=2), tape.gradient(unit, x), atol=1e-7)
    assert np.allclose(run.gradients("y", "x", X, unit=(2,)), tape.gradient(unit, x), atol=1e-7)
    assert np.allclose(run.gradients("one", "x", X), tape.gradient(every, x), atol=1e-6)
    found = run.gradients("loss", ["x"], X, np.array([0, 1, 2, 0, 1]))
    assert np.allclose(found["x"], tape.gradient(loss, x), atol=1e-7)
    assert np.abs(found["x"]).max() > 1e-4


def test_gradients_with_respect_to_inner_layers(run: Run) -> None:
    import tensorflow as tf

    layer = run.model.get_layer
    first = layer("tower").get_layer("first")(X)
    with tf.GradientTape() as tape:
        tape.watch(first)
        hidden = layer("hidden")(layer("tower").get_layer("bn")(first, training=False))
        y = layer("y")(layer("rnn")(tf.reshape(hidden, (-1, 4, 2))))[:, 0]
    expected = tape.gradient(y, [first, hidden])
    found = run.gradients("y", ["one/first", "hidden"], X, unit=0)
    assert list(found) == ["one/first", "hidden"]
    assert found["hidden"].shape == (5, 8)
    for one, other in zip(found.values(), expected, strict=True):
        assert np.allclose(one, other, atol=1e-6)
        assert np.abs(one).max() > 1e-4


@pytest.mark.parametrize(
    ("output", "at", "unit", "expected"),
    [
        ("hidden", "y", None, "MS776"),
        ("y", "x", 3, "MS775"),
        ("y", "x", (0, 0), "MS775"),
        ("loss", "x", None, "MS712"),
    ],
)
def test_gradients_that_there_are_not(
    run: Run, output: str, at: str, unit: Any, expected: str
) -> None:
    with pytest.raises(RunError) as error:
        run.gradients(output, at, X, unit=unit)
    assert code(error) == expected


def untrained(model: dict[str, Any]) -> Run:
    """A run of a model as it is before any training."""
    spec = ms.load_spec({"model": model})
    model_ = spec.build()
    return Run(Path(), {}, {}, {}, spec.compiled, lambda: model_)


def test_each_call_of_a_shared_model_has_tensors_of_its_own() -> None:
    run = untrained(
        {
            "inputs": {"a": [2], "b": [2]},
            "shared": {
                "inner": [{"Dense": {"units": 2, "name": "d"}}],
                "both": [
                    {"inner": {"name": "i"}},
                    {"Dense": {"units": 3, "activation": "tanh", "name": "e"}},
                ],
            },
            "layers": [
                {"both": {"from": "a", "name": "one"}},
                {"both": {"from": "b", "name": "two"}},
                {"Subtract": {"from": ["one", "two"], "name": "less"}},
                {"Dense": {"units": 1, "name": "y"}},
            ],
        }
    )
    given = {"a": X, "b": X[::-1].copy()}
    found = run.outputs(["one/i/d", "two/i/d", "one/e", "one", "two/e"], given)
    kernel, bias = run.model.get_layer("both").get_layer("inner").get_layer("d").get_weights()
    assert np.allclose(found["one/i/d"], X @ kernel + bias, atol=1e-6)
    assert np.array_equal(found["two/i/d"], found["one/i/d"][::-1])
    assert np.array_equal(found["one"], found["one/e"])
    slopes = run.gradients("y", ["one/e", "two/e", "a"], given)
    assert np.allclose(slopes["one/e"], -slopes["two/e"])
    assert np.allclose(slopes["one/e"], run.model.get_layer("y").get_weights()[0].T)
    assert set(run.gradients("y", None, given)) == {"a", "b"}


def test_indices_have_no_gradient_and_what_an_embedding_makes_of_them_has() -> None:
    run = untrained(
        {
            "inputs": {"t": {"shape": [3], "dtype": "int32"}},
            "layers": [
                {"Embedding": {"input_dim": 5, "output_dim": 2, "name": "e"}},
                {"LSTM": {"units": 2, "return_state": True, "name": "rnn"}},
                {"Dense": {"units": 1, "name": "y", "from": "rnn.0"}},
            ],
        }
    )
    tokens = np.array([[0, 1, 2], [4, 4, 4]])
    with pytest.raises(RunError) as error:
        run.gradients("y", None, tokens)
    assert code(error) == "MS776"
    assert run.gradients("y", "e", tokens).shape == (2, 3, 2)
    assert {name: one.shape for name, one in run.outputs("rnn", tokens).items()} == {
        "rnn_0": (2, 2),
        "rnn_1": (2, 2),
        "rnn_2": (2, 2),
    }
    with pytest.raises(RunError) as error:
        run.gradients("rnn", "e", tokens)
    assert code(error) == "MS776"


# Predictions in a stream --------------------------------------------------------------------------


def test_predictions_come_in_batches_and_of_several_inner_layers(run: Run) -> None:
    Path("new.csv").write_text(
        "a,b\n" + "".join(f"{a!r},{b!r}\n" for a, b in np.repeat(X, 8, 0).tolist())
    )
    whole = predict("run", "new.csv")
    stream = predictions("run", "new.csv", batch_size=16)
    assert stream.rows == len(whole) == 40
    assert [len(one) for one in stream] == [16, 16, 8]
    assert np.array_equal(np.concatenate([one.outputs["y"] for one in stream]), whole.outputs["y"])
    assert stream.head(3).classes["y"].tolist() == whole.classes["y"][:3].tolist()
    assert len(predict("run", "new.csv", "inner.npz", ["one/first", "hidden"])) == 40
    with np.load("inner.npz") as found:
        expected = run.outputs(["one/first", "hidden"], np.repeat(X, 8, 0))
        assert set(found) == {"row", *expected}
        assert all(np.allclose(found[name], values, atol=1e-6) for name, values in expected.items())
    told = command(
        "predict", "run", "--data", "new.csv", "--layer", "one/first", "--layer", "hidden"
    )
    assert "one/first_0" in told.output
    assert "30 more rows" in told.output
    rows = json.loads(command("predict", "run", "--data", "new.csv", "--format", "json").stdout)
    assert [row["y"] for row in rows] == whole.classes["y"].tolist()
    shares = [[row[f"p[{at}]"] for at in range(whole.outputs["y"].shape[1])] for row in rows]
    assert np.array_equal(np.array(shares, "float32"), whole.outputs["y"])


def test_ctrl_c_before_the_training_begins_is_told(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    Path("small.json").write_text(json.dumps(SPEC))
    for name in ("train", "resume"):
        monkeypatch.setattr(
            import_module(f"modelspec.runtime.run.{name}"), "prepared_data", interrupted
        )
    ended = command("train", "small.json", "--run-dir", "never")
    assert (ended.exit_code, ended.stderr) == (
        130,
        "interrupted before training started: no run folder was created\n",
    )
    assert not Path("never").exists()
    ended = command("resume", "run", "--set", "training.epochs=9")
    assert (ended.exit_code, ended.stderr) == (
        75,
        "interrupted before training; the run has not changed: modelspec resume run\n",
    )
    assert json.loads((run.directory / "manifest.json").read_text())["outcome"] == "completed"


def test_an_interrupted_prediction_leaves_the_file_of_before(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from modelspec.runtime.run.prediction_batches import _Steps

    Path("new.csv").write_text("a,b\n" + "1,2\n" * 40)
    Path("out.csv").write_text("before")
    real, calls = _Steps.__call__, []

    def interrupted(self: Any, iterator: Any, count: int) -> Any:
        calls.append(count)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(self, iterator, count)

    monkeypatch.setattr(_Steps, "__call__", interrupted)
    options = ("--batch-size", "4", "-o", "out.csv")
    ended = command("predict", "run", "--data", "new.csv", *options)
    assert (ended.exit_code, ended.stderr) == (130, "interrupted: out.csv was not written\n")
    assert len(calls) == 2
    assert Path("out.csv").read_text() == "before"
    assert not [one.name for one in Path().iterdir() if one.name.startswith(".")]


# Weights ------------------------------------------------------------------------------------------


def test_weights_are_listed_by_name_with_what_is_in_them(run: Run) -> None:
    listed = {
        one["name"]: one for one in json.loads(command("weights", "run", "--format", "json").output)
    }
    layers = {
        "tower/first": run.model.get_layer("tower").get_layer("first"),
        "hidden": run.model.get_layer("hidden"),
    }
    for path, layer in layers.items():
        for weight in layer.weights:
            one, values = listed[f"{path}/{weight.name}"], np.asarray(weight, "float64")
            assert one["shape"] == list(values.shape)
            for name, figure in (
                ("mean", values.mean()),
                ("std", values.std()),
                ("max", values.max()),
            ):
                assert one[name] == pytest.approx(figure, abs=1e-6)
            assert (one["zeros"], one["not_finite"], one["dtype"]) == (0, 0, "float32")
    assert {"rnn/lstm_cell/recurrent_kernel", "tower/bn/moving_variance", "y/bias"} <= listed.keys()
    assert len(listed) == 12
    assert "12 weights" in command("weights", "run").output
    assert any(
        name.startswith("optimizer/")
        for name in [
            one["name"]
            for one in json.loads(
                command("weights", "run", "--optimizer", "--format", "json").output
            )
        ]
    )


def test_weights_of_every_kind_of_file_are_the_model_s(run: Run) -> None:
    run.model.save_weights("w.weights.h5")
    kernel = np.asarray(run.model.get_layer("hidden").kernel)
    with stored_weights(Path("run")) as one, stored_weights(Path("w.weights.h5")) as other:
        assert np.array_equal(one["hidden/kernel"].read(), kernel)
        assert np.array_equal(other["hidden/0"].read(), kernel)
    for ending in ("npy", "npz", "safetensors"):
        assert (
            command("weights", "run", "--extract", "hidden/kernel", "-o", f"k.{ending}").exit_code
            == 0
        )
    from safetensors.numpy import load_file

    assert np.array_equal(np.load("k.npy"), kernel)
    assert np.array_equal(np.load("k.npz")["hidden/kernel"], kernel)
    assert np.array_equal(load_file("k.safetensors")["hidden/kernel"], kernel)
    assert (
        command("weights", "run", "--extract", "hidden/*", "-o", "h.npz").output
        == "2 weights written to h.npz\n"
    )


@pytest.mark.parametrize(
    ("name", "file", "words"),
    [
        ("hiden/kernel", "k.npy", "did you mean `hidden/kernel`?"),
        ("hidden/*", "k.npy", "holds one array"),
        ("hidden/kernel", "k.txt", ".safetensors"),
        ("hidden/kernel", "none/k.npy", "does not exist"),
    ],
)
def test_weights_that_cannot_be_extracted(run: Run, name: str, file: str, words: str) -> None:
    told = command("weights", "run", "--extract", name, "-o", file)
    assert told.exit_code == 2
    assert "MS774" in told.output
    assert words in told.output


def test_weights_are_compared_to_the_bit(run: Run) -> None:
    same = command("weights", "run", "run")
    assert (same.exit_code, same.output) == (0, "all 12 weights are bitwise identical\n")
    run.model.save_weights("w.weights.h5")
    other = ms.open_run("run").model
    kernel = other.get_layer("hidden").kernel
    values = np.asarray(kernel).copy()
    values[2, 3] += 0.25
    kernel.assign(values)
    other.save_weights("v.weights.h5")
    told = json.loads(command("weights", "w.weights.h5", "v.weights.h5", "--format", "json").output)
    assert {one["name"]: one["largest_difference"] for one in told if not one["equal"]} == {
        "hidden/0": pytest.approx(0.25, abs=1e-6)
    }
    apart = command("weights", "w.weights.h5", "v.weights.h5")
    assert apart.exit_code == 4
    assert "11 of 12" in apart.output
    for tolerance, status in (("0.2", 4), ("0.3", 0)):
        assert (
            command("weights", "w.weights.h5", "v.weights.h5", "--tolerance", tolerance).exit_code
            == status
        )
    assert command("weights", "run", "--tolerance", "0.2").exit_code == 2


@pytest.mark.parametrize(
    ("one", "other", "equal", "largest"),
    [
        ([1.0, np.nan], [1.0, np.nan], True, 0.0),
        ([0.0], [-0.0], False, 0.0),
        ([1.0], [1.5], False, 0.5),
        ([np.inf], [np.inf], True, 0.0),
        ([np.inf], [1.0], False, np.inf),
        ([1, 2], [1, 4], False, 2.0),
        ([1.0], [[1.0]], False, None),
    ],
)
def test_two_arrays(one: Any, other: Any, equal: bool, largest: float | None) -> None:
    found = arrays_compared("w", np.array(one), np.array(other))
    assert (found.equal, found.largest) == (equal, largest)


# Reproduced ---------------------------------------------------------------------------------------


def test_a_run_is_reproduced_to_the_bit(run: Run) -> None:
    done = command("reproduce", "run", "--run-dir", "again")
    assert done.exit_code == 0, done.output
    assert done.output.endswith("numbers of history and metrics are bitwise identical\n")
    assert "weights are bitwise identical" in done.output
    one, other = (
        json.loads((Path(where) / "manifest.json").read_text()) for where in ("run", "again")
    )
    assert one["spec"]["resolved_sha256"] == other["spec"]["resolved_sha256"]
    assert command("weights", "run", "again", "--optimizer").exit_code == 0


def test_what_is_not_as_it_was_is_refused_before_anything_is_trained(run: Run) -> None:
    values = json.loads((run.directory / "manifest.json").read_text())
    copy(run, "older", versions={**values["versions"], "keras": "3.0.0"})
    refused = command("reproduce", "older", "--run-dir", "again2")
    assert refused.exit_code == 3
    assert "MS772" in refused.output
    assert "was 3.0.0" in refused.output
    assert not Path("again2").exists()
    with Path("t.csv").open("a") as file:
        file.write("1,2,0\n")
    refused = command("reproduce", "run", "--run-dir", "again2")
    assert refused.exit_code == 3
    assert "data: train, sha256" in refused.output
    assert not Path("again2").exists()


def test_what_differs_is_told_and_is_exit_status_4(run: Run) -> None:
    values = json.loads((run.directory / "manifest.json").read_text())
    older = copy(run, "older2", versions={**values["versions"], "keras": "3.0.0"})
    history = (older / "history.csv").read_text().splitlines()
    cells = history[1].split(",")
    cells[1] = "0.5"
    (older / "history.csv").write_text(
        "\n".join([history[0], ",".join(cells), *history[2:]]) + "\n"
    )
    told = command(
        "reproduce", "older2", "--run-dir", "again3", "--allow-inexact", "--format", "json"
    )
    assert told.exit_code == 4, told.output
    found = json.loads(told.output)
    assert not found["equal"]
    assert [one["name"] for one in found["values"] if not one["equal"]] == [
        "history: loss, epoch 1"
    ]
    assert all(one["equal"] for one in found["weights"])
    assert [one["what"] for one in found["differences"]] == ["keras"]


def test_a_run_without_an_end_is_not_reproduced(run: Run) -> None:
    copy(run, "stopped", outcome="interrupted")
    told = command("reproduce", "stopped")
    assert told.exit_code == 3
    assert "MS773" in told.output
    assert "modelspec resume stopped" in told.output
