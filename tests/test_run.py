"""Runs: what training does and leaves, and what evaluation and prediction make of it."""

from __future__ import annotations

import csv
import json
import os
import signal
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import modelspec as ms
from modelspec.cli import main
from modelspec.core.source import plain, read
from modelspec.runtime.data import prepare
from modelspec.runtime.run import (
    Interrupted,
    Run,
    RunError,
    Watcher,
    evaluate,
    predict,
    train,
    trial,
)
from modelspec.runtime.run.events import Epoch, Plan

pytestmark = pytest.mark.tensorflow

SPEC: dict[str, Any] = {
    "name": "small",
    "seed": 5,
    "model": {
        "inputs": {"x": ["auto"]},
        "layers": [
            {"BatchNormalization": {}},
            {"Dense": {"units": 8, "activation": "relu", "name": "hidden"}},
            {"Dropout": 0.2},
            {"Dense": {"units": 3, "activation": "softmax", "name": "kind"}},
            {"Dense": {"units": 1, "from": "hidden", "name": "price"}},
        ],
        "outputs": ["kind", "price"],
    },
    "data": {
        "source": {"csv": "t.csv"},
        "split": {"validation": 0.2, "test": 0.2, "stratify": "kind"},
        "inputs": ["a", "b"],
        "targets": {"kind": "kind", "price": "price"},
    },
    "training": {
        "optimizer": {"Adam": 0.01},
        "loss": {"kind": "sparse_categorical_crossentropy", "price": "mse"},
        "metrics": {"kind": ["accuracy"]},
        "epochs": 3,
        "batch_size": 16,
    },
}
ONE: dict[str, Any] = {
    "model": {"inputs": {"x": [2]}, "layers": [{"Dense": {"units": 1, "name": "price"}}]},
    "data": {"source": {"csv": "t.csv"}, "inputs": ["a", "b"], "targets": "price"},
    "training": {"optimizer": {"SGD": 0.01}, "loss": "mse", "epochs": 1, "batch_size": 30},
}


def write_table() -> None:
    rng = np.random.default_rng(0)
    kinds = np.arange(150) % 3
    features = rng.normal(size=(150, 2)) + kinds[:, None]
    with Path("t.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "note", "kind", "price"])
        writer.writerows(
            [a, b, "some text", kind, a - b] for (a, b), kind in zip(features, kinds, strict=True)
        )


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
    yield train(ms.load_spec(SPEC))
    os.chdir(before)


def code(error: pytest.ExceptionInfo[RunError]) -> str:
    return error.value.diagnostics[0].code


def manifest(directory: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((directory / "manifest.json").read_text())
    return found


def weights(model: Any) -> list[Any]:
    return [np.asarray(weight) for weight in model.get_weights()]


def equal(one: list[Any], other: list[Any]) -> bool:
    return len(one) == len(other) and all((a == b).all() for a, b in zip(one, other, strict=True))


# What a run leaves --------------------------------------------------------------------------------


def test_a_run_leaves_its_spec_its_history_its_metrics_and_its_model(run: Run) -> None:
    assert run.directory == Path("runs/small/1")
    names = {one.name for one in run.directory.iterdir()} - {".lock"}
    assert names == {
        "spec.yaml",
        "resolved.yaml",
        "manifest.json",
        "history.csv",
        "metrics.json",
        "model.keras",
        "checkpoints",
        "report.html",
    }
    written = read(run.directory / "spec.yaml").value  # the mapping, as YAML
    assert written is not None and json.loads(json.dumps(plain(written.root))) == SPEC
    assert json.loads((run.directory / "metrics.json").read_text()) == run.by_part
    assert run.metrics == run.by_part["test"]
    assert set(run.by_part) == {"test", "validation"}


def test_the_history_has_a_row_for_each_epoch(run: Run) -> None:
    with (run.directory / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    for name in ("loss", "val_loss", "kind_accuracy", "val_kind_accuracy", "price_loss"):
        assert [float(row[name]) for row in rows] == run.history[name]
    assert float(rows[0]["learning_rate"]) == pytest.approx(0.01)


def test_the_manifest_says_what_it_was_made_of(run: Run) -> None:
    values = manifest(run.directory)
    assert values["outcome"] == "completed"
    assert values["epochs"] == 3
    assert values["seed"] == 5
    assert {part: values["data"][part]["examples"] for part in values["data"]} == {
        "train": 90,
        "validation": 30,
        "test": 30,
    }
    assert len(values["files"]["model.keras"]) == 64


def test_plain_keras_loads_the_model(run: Run) -> None:
    import keras

    loaded = keras.saving.load_model(run.directory / "model.keras")
    assert equal(weights(loaded), weights(run.model))
    rows = np.ones((4, 2), "float32")
    assert (np.asarray(loaded(rows)["kind"]) == np.asarray(run.model(rows)["kind"])).all()


def test_equal_specs_give_equal_weights_and_other_seeds_other_ones(run: Run) -> None:
    again = train(ms.load_spec(SPEC))
    assert equal(weights(again.model), weights(run.model))
    assert again.history == run.history
    assert again.directory == Path("runs/small/2")
    assert not equal(weights(train(ms.load_spec(SPEC, {"seed": 6})).model), weights(run.model))


def test_nothing_that_a_callback_writes_leaves_the_run_folder(home: Path) -> None:
    callbacks = [
        {"CSVLogger": "logs/epochs.csv"},
        {"ModelCheckpoint": {"filepath": "best/{epoch:02d}.keras", "monitor": "loss"}},
        {"EarlyStopping": {"monitor": "loss", "patience": 0}},
        {"ReduceLROnPlateau": {"monitor": "loss"}},
    ]
    before = {one.name for one in home.iterdir()}
    done = train(
        ms.load_spec({**ONE, "training": {**ONE["training"], "callbacks": callbacks}}), Path("mine")
    )
    assert (done.directory / "logs/epochs.csv").exists()
    assert (done.directory / "best/01.keras").exists()
    assert {one.name for one in home.iterdir()} - before == {"mine"}
    assert list(done.metrics) == ["loss", "learning_rate"]


# The order of examples ----------------------------------------------------------------------------


def test_every_epoch_sees_every_example_once_in_an_order_of_its_own() -> None:
    from modelspec.runtime.data.batches import Feed, order

    part = prepare(ms.load_spec(SPEC).compiled).parts["train"]
    inputs = part.examples.inputs["x"]
    batches = Feed(part.examples).training(part.positions, 5, 16, epochs=4, first_epoch=1)
    seen = [np.asarray(batch[0]) for batch in batches]
    assert [len(batch) for batch in seen] == [16, 16, 16, 16, 16, 10] * 3
    epochs = [np.concatenate(seen[6 * i : 6 * i + 6]) for i in range(3)]
    for number, epoch in enumerate(epochs, 1):
        assert (epoch == inputs[part.positions[order(5, number, 90)]]).all()
    assert not (epochs[0] == epochs[1]).all()


def test_an_output_that_nothing_trains_needs_no_target() -> None:
    spec = {
        **SPEC,
        "data": {**SPEC["data"], "targets": {"kind": "kind"}},
        "training": {
            **SPEC["training"],
            "loss": {"kind": "sparse_categorical_crossentropy"},
            "epochs": 1,
        },
    }
    assert set(train(ms.load_spec(spec)).metrics) == {"loss", "kind_accuracy"}


def test_several_inputs_and_outputs_are_fed_by_name() -> None:
    from modelspec.runtime.data.batches import Feed

    part = prepare(ms.load_spec(SPEC).compiled).parts["test"]
    inputs, targets = next(iter(Feed(part.examples).plain(part.positions, 7)))
    assert inputs.shape == (7, 2)
    assert {name: value.shape for name, value in targets.items()} == {"kind": (7,), "price": (7, 1)}
    assert (np.asarray(targets["kind"]) == part.examples.targets["kind"][part.positions[:7]]).all()


# How a run ends -----------------------------------------------------------------------------------


class Recorder(Watcher):
    """Notes down what it is told; sends this process a signal after some epochs."""

    def __init__(
        self,
        after: int | None = None,
        number: signal.Signals = signal.SIGTERM,
        *,
        steps: bool = False,
    ) -> None:
        self.after, self.number, self.wants_steps = after, number, steps
        self.plan: Plan | None = None
        self.epochs: list[Epoch] = []
        self.steps: list[tuple[int, int]] = []
        self.over = False

    def started(self, plan: Plan) -> None:
        self.plan = plan

    def step(self, epoch: int, step: int, logs: Any) -> None:
        assert "loss" in logs
        self.steps.append((epoch, step))

    def epoch(self, epoch: Epoch) -> None:
        self.epochs.append(epoch)
        if epoch.number == self.after:
            os.kill(os.getpid(), self.number)

    def ended(self) -> None:
        self.over = True


def test_a_watcher_is_told_of_epochs_and_steps() -> None:
    watcher = Recorder(steps=True)
    done = train(ms.load_spec(SPEC, {"training.epochs": 2}), watcher=watcher)
    assert watcher.plan is not None
    assert (watcher.plan.epochs, watcher.plan.steps, watcher.plan.directory) == (
        2,
        6,
        done.directory,
    )
    assert watcher.steps == sorted(set(watcher.steps))  # several quick steps are told of at once
    assert (
        {(1, 6), (2, 6)}
        <= set(watcher.steps)
        <= {(epoch, step) for epoch in (1, 2) for step in range(1, 7)}
    )
    assert [epoch.number for epoch in watcher.epochs] == [1, 2]
    assert [epoch.logs["loss"] for epoch in watcher.epochs] == done.history["loss"]
    assert watcher.over


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_run_and_what_was_reached_is_saved(number: signal.Signals) -> None:
    handler = signal.getsignal(number)
    with pytest.raises(Interrupted) as interrupted:
        train(ms.load_spec(SPEC, {"training.epochs": 1000}), watcher=Recorder(2, number))
    directory = interrupted.value.directory
    assert interrupted.value.epochs == 2
    assert interrupted.value.signal == number.name
    assert manifest(directory)["outcome"] == "interrupted"
    assert len((directory / "history.csv").read_text().splitlines()) == 1 + 2
    assert zipfile.is_zipfile(directory / "model.keras")
    assert evaluate(directory).metrics
    assert signal.getsignal(number) is handler


@pytest.mark.parametrize(("rate", "words"), [(1e4, "`loss` became")])
def test_a_loss_that_is_no_number_stops_the_run(rate: float, words: str) -> None:
    with pytest.raises(RunError) as error:
        train(
            ms.load_spec(ONE, {"training.optimizer.SGD": rate, "training.epochs": 500}),
            Path("diverged"),
        )
    assert code(error) == "MS706"
    assert words in error.value.diagnostics[0].message
    assert manifest(Path("diverged"))["outcome"] == "failed"
    assert manifest(Path("diverged"))["faults"][0]["code"] == "MS706"
    assert not Path("diverged/model.keras").exists()
    with pytest.raises(RunError) as error:
        evaluate("diverged")
    assert code(error) == "MS713"


def test_a_weight_that_is_no_number_is_found_though_the_loss_is_one(run: Run) -> None:
    from modelspec.runtime.run.epoch_callbacks import Finite, NotFinite

    callback = Finite()
    model = ms.load_spec(
        {"model": {"inputs": {"x": [2]}, "layers": [{"Dense": {"units": 1, "name": "d"}}]}}
    ).build()
    callback.set_model(model)
    callback.on_epoch_end(0, {"loss": 0.5})
    model.get_layer("d").bias.assign([float("nan")])
    with pytest.raises(NotFinite, match="d/bias"):
        callback.on_epoch_end(0, {"loss": 0.5})


def test_what_keras_raises_is_one_sentence() -> None:
    callbacks = [{"TerminateOnNaN": {"raise_error": True}}]
    training = {**ONE["training"], "callbacks": callbacks, "optimizer": {"SGD": 1e30}, "epochs": 50}
    with pytest.raises(RunError) as error:
        train(ms.load_spec({**ONE, "training": training}))
    assert code(error) in ("MS706", "MS707")
    assert "\n" not in error.value.diagnostics[0].message


def test_a_run_without_a_split_has_the_metrics_of_its_last_epoch_and_nothing_to_be_evaluated_on() -> (
    None
):
    done = train(ms.load_spec(ONE), Path("whole"))
    assert done.metrics["loss"] == done.history["loss"][-1]
    with pytest.raises(RunError) as error:
        evaluate("whole")
    assert code(error) == "MS710"
    assert evaluate("whole", "t.csv").examples == 150


def test_a_trial_writes_nothing(home: Path) -> None:
    before = sorted(home.rglob("*"))
    seen = trial(ms.load_spec(SPEC))
    assert set(seen.metrics) == {"loss", "kind_loss", "price_loss", "kind_accuracy"}
    assert seen.plan.examples == {"train": 90, "validation": 30, "test": 30}
    assert sorted(home.rglob("*")) == before


# Evaluation ---------------------------------------------------------------------------------------


def test_evaluation_gives_the_metrics_that_training_gave(run: Run) -> None:
    found = evaluate(run.directory)
    assert (found.on, found.examples) == ("test", 30)
    assert found.metrics == run.metrics


def test_evaluation_on_another_source_takes_all_of_it(run: Run) -> None:
    found = evaluate(run.directory, "csv=t.csv")
    assert (found.on, found.examples) == ("csv=t.csv", 150)
    assert set(found.metrics) == set(run.metrics)


def test_a_model_that_was_changed_is_refused(run: Run, tmp_path: Path) -> None:
    copied = _copy(run.directory, tmp_path)
    raw = bytearray((copied / "model.keras").read_bytes())
    raw[len(raw) // 2] ^= 1
    (copied / "model.keras").write_bytes(bytes(raw))
    with pytest.raises(RunError) as error:
        evaluate(copied)
    assert code(error) == "MS709"


def test_data_that_was_changed_is_refused(run: Run) -> None:
    with Path("t.csv").open("a") as file:
        file.write("1,2,,0,3\n")
    with pytest.raises(RunError) as error:
        evaluate(run.directory)
    assert code(error) == "MS714"


@pytest.mark.parametrize(
    "text", ["", "model: 3", "{", "model: {inputs: [2], layers: [{Lambda: x}]}"]
)
def test_a_resolved_spec_that_was_changed_is_no_run(run: Run, tmp_path: Path, text: str) -> None:
    copied = _copy(run.directory, tmp_path)
    (copied / "resolved.yaml").write_text(text)
    with pytest.raises(RunError) as error:
        evaluate(copied)
    assert code(error) == "MS708"


def test_a_run_from_elsewhere_reads_no_file_outside_of_here(run: Run, tmp_path: Path) -> None:
    """The manifest names the folder of the spec; one that is not around here is not believed."""
    copied = _copy(run.directory, tmp_path / "deep")
    values = manifest(copied)
    values["spec"]["folder"] = str(tmp_path / "other")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "t.csv").write_text("a,b,kind,price\n1,2,0,1\n")
    (copied / "manifest.json").write_text(json.dumps(values))
    Path("t.csv").unlink()
    with pytest.raises(RunError) as error:
        evaluate(copied)
    assert code(error) == "MS601"


def _copy(directory: Path, to: Path) -> Path:
    to.mkdir(exist_ok=True)
    for name in ("manifest.json", "resolved.yaml", "model.keras"):
        (to / name).write_bytes((directory / name).read_bytes())
    return to


# Prediction ---------------------------------------------------------------------------------------


@pytest.fixture
def rows() -> np.ndarray[Any, Any]:
    """Raw rows, in a file that has the inputs' columns and no others."""
    values = np.array([[0.5, 1.5], [-2.0, 3.0], [1e-3, 2.25]])
    Path("new.csv").write_text("b,a\n" + "".join(f"{b!r},{a!r}\n" for a, b in values.tolist()))
    return values


def test_predictions_are_those_of_the_model_with_the_decided_class(run: Run, rows: Any) -> None:
    found = predict(run.directory, "new.csv")
    expected = run.model.predict(rows.astype("float32"), verbose=0)
    assert len(found) == 3
    assert (found.outputs["kind"] == expected["kind"]).all()
    assert (found.outputs["price"] == expected["price"]).all()
    assert found.classes["kind"].tolist() == expected["kind"].argmax(-1).tolist()
    assert set(found.classes) == {"kind"}


def test_predictions_as_csv(run: Run, rows: Any) -> None:
    found = predict(run.directory, "new.csv")
    assert len(predict(run.directory, "new.csv", "out.csv")) == 3
    with Path("out.csv").open() as file:
        written = list(csv.DictReader(file))
    kind = ["kind", "kind_probability", "kind[0]", "kind[1]", "kind[2]"]
    assert list(written[0]) == ["row", *kind, "price"]
    assert [np.float32(row["kind[1]"]) for row in written] == found.outputs["kind"][:, 1].tolist()
    assert [np.float32(row["price"]) for row in written] == found.outputs["price"][:, 0].tolist()
    assert [int(row["kind"]) for row in written] == found.classes["kind"].tolist()


def test_predictions_as_jsonl(run: Run, rows: Any) -> None:
    found = predict(run.directory, "new.csv")
    assert len(predict(run.directory, "new.csv", "out.jsonl")) == 3
    written = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    kind = ["kind", "kind_probability", "kind[0]", "kind[1]", "kind[2]"]
    assert [list(row) for row in written] == [["row", *kind, "price"]] * 3
    assert (
        np.array([[row[f"kind[{at}]"] for at in range(3)] for row in written], "float32").tolist()
        == found.outputs["kind"].tolist()
    )
    assert [row["kind"] for row in written] == found.classes["kind"].tolist()
    assert np.float32(written[0]["price"]) == found.outputs["price"][0, 0]


def test_predictions_as_npz(run: Run, rows: Any) -> None:
    found = predict(run.directory, "new.csv")
    assert len(predict(run.directory, "new.csv", "out.npz")) == 3
    with np.load("out.npz") as written:
        kind = {"kind", "kind_probability", "kind[0]", "kind[1]", "kind[2]"}
        assert set(written) == {"row", "price", *kind}
        assert (written["kind[2]"] == found.outputs["kind"][:, 2]).all()


@pytest.mark.parametrize("name", ["out.xlsx", "out", "none/out.csv", "."])
def test_predictions_go_nowhere_that_cannot_be_written(run: Run, rows: Any, name: str) -> None:
    with pytest.raises(RunError) as error:
        predict(run.directory, "new.csv", name)
    assert code(error) == "MS711"


def test_predictions_as_parquet_need_pyarrow(run: Run, rows: Any) -> None:
    try:
        from pyarrow import parquet
    except ImportError:
        with pytest.raises(RunError) as error:
            predict(run.directory, "new.csv", "out.parquet")
        assert "pip install pyarrow" in str(error.value.diagnostics[0].help)
    else:
        predict(run.directory, "new.csv", "out.parquet")
        assert parquet.read_table("out.parquet").num_rows == 3


def test_the_tensor_of_an_inner_layer(run: Run, rows: Any) -> None:
    found = predict(run.directory, "new.csv", layer="hidden")
    assert found.outputs["hidden"].shape == (3, 8)
    assert (found.outputs["hidden"] >= 0).all()
    assert not found.classes
    with pytest.raises(RunError) as error:
        predict(run.directory, "new.csv", layer="hiden")
    assert code(error) == "MS712"
    assert error.value.diagnostics[0].help == "did you mean `hidden`?"


def test_the_tensor_of_a_call_of_something_shared() -> None:
    spec = {
        "model": {
            "inputs": {"x": [1], "y": [1]},
            "shared": {"both": [{"Dense": 2}]},
            "layers": [
                {"both": {"from": "x", "name": "one"}},
                {"both": {"from": "y", "name": "other"}},
                {"Concatenate": {"from": ["one", "other"]}},
                {"Dense": {"units": 1, "name": "price"}},
            ],
        },
        "data": {"source": {"csv": "t.csv"}, "inputs": {"x": "a", "y": "b"}, "targets": "price"},
        "training": {"loss": "mse"},
    }
    directory = train(ms.load_spec(spec), Path("shared")).directory
    Path("same.csv").write_text("a,b\n1,2\n2,1\n")
    one, other = (
        predict(directory, "same.csv", layer=name).outputs[name] for name in ("one", "other")
    )
    assert (one == other[::-1]).all()
    assert not (one == other).all()


def test_rows_that_cannot_be_predicted_are_told(run: Run) -> None:
    Path("new.csv").write_text("a,c\n1,2\n")
    with pytest.raises(RunError) as error:
        predict(run.directory, "new.csv")
    assert code(error) == "MS607"
    with pytest.raises(RunError) as error:
        predict(run.directory, "new.dat")
    assert "`csv=...`" in str(error.value.diagnostics[0].help)


@pytest.mark.parametrize(
    ("layers", "loss", "decided"),
    [
        (
            [{"Dense": {"units": 1, "activation": "sigmoid"}}],
            "binary_crossentropy",
            lambda out: out > 0.5,
        ),
        ([{"Dense": 1}], {"BinaryCrossentropy": {"from_logits": True}}, lambda out: out > 0),
        ([{"Dense": 1}], "mse", None),
    ],
)
def test_classes_are_decided_where_the_loss_is_one_for_classes(
    layers: Any, loss: Any, decided: Any
) -> None:
    Path("b.csv").write_text("a,b,y\n" + "1,2,0\n-1,3,1\n" * 20)
    spec = {
        "model": {"inputs": {"x": [2]}, "layers": layers},
        "training": {"loss": loss},
        "data": {"source": {"csv": "b.csv"}, "targets": "y"},
    }
    found = predict(train(ms.load_spec(spec)).directory, "b.csv")
    name = next(iter(found.outputs))
    if decided is None:
        assert not found.classes
    else:
        assert found.classes[name].tolist() == decided(found.outputs[name]).astype(int).tolist()


# On the command line ------------------------------------------------------------------------------


def command(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_train_evaluate_and_predict_on_the_command_line(rows: Any) -> None:
    Path("small.json").write_text(json.dumps(SPEC))
    done = command("train", "small.json", "--set", "training.epochs=2", "--run-dir", "mine2")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0] == "examples: 90 to train on, 30 to validate on, 30 to test on"
    assert lines[1].startswith("epoch 1/2  loss ")
    assert lines[-1] == "saved in mine2"
    told = command("evaluate", "mine2", "--format", "json")
    assert (
        json.loads(told.output)["metrics"]
        == json.loads(Path("mine2/metrics.json").read_text())["test"]
    )
    assert "kind_accuracy" in command("evaluate", "mine2").output
    assert "kind_probability" in command("predict", "mine2", "--data", "new.csv").output
    assert (
        command("predict", "mine2", "--data", "new.csv", "-o", "p.csv").output
        == "3 rows written to p.csv\n"
    )


def test_quiet_is_quiet_and_a_dry_run_trains_nothing(home: Path) -> None:
    Path("one.json").write_text(json.dumps(ONE))
    done = command("train", "one.json", "--quiet", "--run-dir", "quiet")
    assert (done.exit_code, done.output) == (0, "")
    tried = command("train", "one.json", "--dry-run", "--run-dir", "dry")
    assert tried.exit_code == 0
    assert "untrained: loss" in tried.output
    assert not Path("dry").exists()


@pytest.mark.parametrize(
    ("spec", "status", "words"),
    [
        ({**ONE, "training": {"loss": "msee"}}, 1, "MS206"),
        ({"model": ONE["model"]}, 1, "MS705"),
        ({**ONE, "data": {"source": {"csv": "none.csv"}, "targets": "price"}}, 3, "MS601"),
        (
            {**ONE, "model": {"inputs": {"x": ["auto", "auto"]}, "layers": [{"Dense": 1}]}},
            3,
            "MS610",
        ),
        (
            {**ONE, "training": {**ONE["training"], "optimizer": {"SGD": 1e30}, "epochs": 9}},
            3,
            "MS706",
        ),
    ],
)
def test_exit_statuses(spec: Any, status: int, words: str) -> None:
    Path("bad.json").write_text(json.dumps(spec))
    done = command("train", "bad.json")
    assert done.exit_code == status
    assert words in done.output
    assert "Traceback" not in done.output
