"""Runs are logged to services completely and once, also if they are killed and resumed, and no
service can end a run.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms
from modelspec.catalog.components import LOGGERS
from modelspec.core.diagnostics import Diagnostic
from modelspec.core.places import NOWHERE
from modelspec.runtime.history.fingerprint import fingerprint
from modelspec.runtime.run import RunError, Watcher, resume, train
from modelspec.runtime.run.events import Epoch
from modelspec.runtime.run.logging import guarded, services
from modelspec.runtime.run.logging.guarded import Guarded
from modelspec.runtime.run.logging.journal import JOURNAL, Journal
from modelspec.runtime.run.logging.logged import Logging
from modelspec.runtime.run.logging.service import Ended, Entry, LoggedRun
from modelspec.runtime.run.saver import Snapshot
from modelspec.runtime.run.train import require_training

LOGGED = import_module("modelspec.runtime.run.logging.logged")
EPOCHS, STEPS = 5, 4
SPEC: dict[str, Any] = {
    "name": "small",
    "seed": 3,
    "model": {
        "inputs": {"image": [4, 4, 1]},
        "layers": ["Flatten", {"Dropout": 0.2}, {"Dense": {"units": 1, "name": "y"}}],
    },
    "data": {
        "source": {"npz": "d.npz"},
        "split": {"validation": 0.2, "test": 0.2},
        "inputs": {"image": "x"},
        "targets": {"y": "y"},
    },
    "training": {
        "loss": "mse",
        "metrics": ["mae"],
        "optimizer": {"Adam": 0.01},
        "epochs": EPOCHS,
        "batch_size": 12,
        "checkpoint": {"every": "3 steps", "keep": 3},
    },
}
VALUES = ("loss", "mae", "val_loss", "val_mae")


def installed(package: str) -> Any:
    return pytest.mark.skipif(
        find_spec(package) is None, reason=f"requires `pip install {package}` (test-logging)"
    )


def with_logging(loggers: Any, **training: Any) -> dict[str, Any]:
    return {
        **SPEC,
        "training": {**SPEC["training"], **training},
        "runtime": {"logging": loggers},
    }


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 4, 4, 1)).astype("float32")
    np.savez(folder / "d.npz", x=x, y=x.sum((1, 2, 3)))
    return folder


@pytest.fixture(autouse=True)
def _in_the_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    for name in ("MLFLOW_TRACKING_URI", "WANDB_MODE", "WANDB_BASE_URL", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MODELSPEC_ALLOW_HOSTS", "")


def codes(spec: Any, **options: Any) -> list[str]:
    return [one.code for one in ms.check(spec, **options).diagnostics]


# The spec -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "loggers",
    [
        ["tensorboard", "mlflow", "wandb"],
        "mlflow",
        {"mlflow": {"experiment": "penguins", "artifacts": ["report", "model"]}},
        [{"tensorboard": {"histograms": 2, "steps": 10}}, {"wandb": "penguins"}],
        None,
    ],
)
def test_a_logger_is_written_as_a_name_or_with_settings(loggers: Any) -> None:
    assert codes(with_logging(loggers)) == []


@pytest.mark.parametrize(
    ("loggers", "code"),
    [
        (["mlflow", {"mlflow": {"experiment": "a"}}], "MS568"),
        (["neptune"], "MS206"),
        ([{"mlflow": {"uri": "http://a"}}], "MS202"),
        ([{"mlflow": {"artifacts": ["weights"]}}], "MS205"),
        ([{"tensorboard": {"log_dir": "../logs"}}], "MS210"),
        ([{"tensorboard": {"steps": -1}}], "MS205"),
        (3, "MS207"),
    ],
)
def test_a_wrong_logger_is_reported_once(loggers: Any, code: str) -> None:
    assert codes(with_logging(loggers)) == [code]


def test_a_callback_and_a_logger_cannot_share_a_folder() -> None:
    callbacks = [{"TensorBoard": {"log_dir": "tensorboard"}}]
    assert codes(with_logging(["tensorboard"], callbacks=callbacks)) == ["MS569"]
    assert codes(with_logging([{"tensorboard": {"log_dir": "tb"}}], callbacks=callbacks)) == []


@pytest.mark.parametrize(
    ("variables", "host"),
    [
        ({"MLFLOW_TRACKING_URI": "https://logs.example.org"}, "logs.example.org:443"),
        ({"MLFLOW_TRACKING_URI": "http://localhost:5000"}, "localhost:5000"),
        ({"MLFLOW_TRACKING_URI": "http://user:key@logs.example.org:80"}, "logs.example.org:80"),
        ({"MLFLOW_TRACKING_URI": "postgresql://db.example.org/m"}, "db.example.org"),
        ({"MLFLOW_TRACKING_URI": "databricks"}, "databricks"),
        ({"MLFLOW_TRACKING_URI": "databricks://profile"}, "databricks"),
        ({"WANDB_MODE": "online"}, "api.wandb.ai:443"),
        ({"WANDB_BASE_URL": "https://wandb.example.org"}, "wandb.example.org:443"),
        ({"WANDB_BASE_URL": "https://wandb.example.org", "WANDB_MODE": "offline"}, None),
        ({"MLFLOW_TRACKING_URI": "sqlite:///mlflow.db"}, None),
        ({"MLFLOW_TRACKING_URI": "file:///tmp/mlruns"}, None),
    ],
)
def test_an_address_of_the_environment_needs_an_allowed_host(
    variables: dict[str, str], host: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    spec = with_logging(["mlflow", "wandb"])
    assert codes(spec) == ([] if host is None else ["MS585"])
    if host is not None:
        assert codes(spec, allow_hosts=[host]) == []
        monkeypatch.setattr(services, "find_spec", lambda name: True)
        compiled = ms.load_spec(spec, allow_hosts=[host]).compiled
        assert require_training(compiled) is compiled.training
        without = replace(compiled.file.context, places=NOWHERE)
        with pytest.raises(RunError, match="not an allowed host"):  # as a resumed run checks it
            require_training(replace(compiled, file=replace(compiled.file, context=without)))


def test_a_package_that_is_missing_is_reported_before_a_framework_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(services, "find_spec", lambda name: None)
    with pytest.raises(RunError, match=r"pip install|not installed") as error:
        train(ms.load_spec(with_logging(["wandb"])), Path("absent"))
    assert [one.code for one in error.value.diagnostics] == ["MS779"]
    assert not Path("absent").exists()


def test_logging_changes_no_result() -> None:
    """So a logged run has the fingerprint of one that is not, and can be resumed with another
    logger.
    """
    plain = fingerprint(ms.load_spec(SPEC).compiled)
    more = fingerprint(ms.load_spec(with_logging(["mlflow"])).compiled)
    other = {**with_logging(["mlflow"]), "runtime": {"logging": "wandb", "jit": True}}
    assert plain is not None and more is not None and plain.parts == more.parts
    assert plain.differences(fingerprint(ms.load_spec(other).compiled) or plain) == (
        "spec/runtime",
    )


# A service that fails -----------------------------------------------------------------------------


class Fake:
    """A service that records what it gets, and does `act` first."""

    run_id: str | None = None

    def __init__(self, act: Callable[[str], None] = lambda what: None) -> None:
        self.act, self.steps, self.ended, self.past = act, list[Any](), list[Ended](), ()

    def start(self, run: LoggedRun) -> None:
        self.act("start")
        self.past = run.past

    def log(self, entry: Entry) -> None:
        self.act("log")
        self.steps.append(entry.step)

    def finish(self, ended: Ended) -> None:
        self.act("finish")
        self.ended.append(ended)


def guarded_by(fake: Fake) -> tuple[Guarded, list[Diagnostic]]:
    warnings: list[Diagnostic] = []
    return Guarded("fake", fake, 0, warnings.append), warnings


def test_what_failed_is_logged_with_the_next_values() -> None:
    failing = iter([False, True, True, False])

    def act(what: str) -> None:
        if next(failing, False):
            raise ValueError("disk\nfull")

    fake = Fake(act)
    one, warnings = guarded_by(fake)
    for step in range(1, 5):
        one.log(Entry("epoch", step, {}))
    assert fake.steps == [1, 2, 3, 4]
    assert [found.code for found in warnings] == ["MS765"]
    assert "ValueError: disk full" in warnings[0].message


def test_a_service_that_always_fails_is_left_out() -> None:
    calls: list[str] = []

    def act(what: str) -> None:
        calls.append(what)
        raise OSError("no route")

    one, warnings = guarded_by(Fake(act))
    for step in range(1, 9):
        one.log(Entry("epoch", step, {}))
    one.finish(Ended("completed", 8, {}))
    assert calls == ["log"] * 3 and len(warnings) == 1


def test_a_service_that_hangs_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded, "LOG_SECONDS", 0.1)
    release = threading.Event()
    fake = Fake(lambda what: (release.wait(60), None)[1])
    one, warnings = guarded_by(fake)
    began = time.monotonic()
    for step in range(1, 9):
        one.log(Entry("epoch", step, {}))
    one.finish(Ended("completed", 8, {}))
    assert time.monotonic() - began < 30
    assert [found.code for found in warnings] == ["MS766"] and fake.ended == []
    release.set()


def test_every_event_reaches_the_watcher() -> None:
    events = {name for name, one in vars(Watcher).items() if callable(one) and name[0] != "_"}
    assert events <= vars(Logging).keys()


@pytest.mark.tensorflow
@pytest.mark.parametrize("failing", ["start", "log", "finish"])
def test_a_logger_that_fails_never_ends_a_run(
    failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def act(what: str) -> None:
        if what == failing:
            raise RuntimeError("the server is gone")

    class Seen(Watcher):
        def __init__(self) -> None:
            self.codes: list[str] = []

        def warned(self, diagnostics: Any) -> None:
            self.codes += [one.code for one in diagnostics]

    seen = Seen()
    monkeypatch.setattr(LOGGED, "service_of", lambda one: Fake(act))
    monkeypatch.setattr(services, "find_spec", lambda name: True)
    run = train(ms.load_spec(with_logging(["wandb"])), Path(f"fails-{failing}"), watcher=seen)
    assert seen.codes.count("MS765") == 1
    assert manifest(run.directory)["outcome"] == "completed"
    assert len(rows(run.directory)) == EPOCHS


# The journal --------------------------------------------------------------------------------------


def test_the_journal_of_a_resumed_run_ends_at_its_checkpoint(tmp_path: Path) -> None:
    first = Journal(tmp_path, None)
    assert first.past == () and first.sent == {"epoch": 0, "step": 0}
    written = [Entry("step", 2, {"loss": 1.0}), Entry("epoch", 1, {"loss": float("nan")})]
    written += [Entry("step", 6, {"loss": 0.5}), Entry("epoch", 2, {"loss": 0.25})]
    for entry in written:
        first.add(entry)
    with (tmp_path / JOURNAL).open("a") as file:
        file.write('["epoch", true, {}]\n["other", 1, {}]\n[1]\n["epoch", 3, {"lo')
    start = Snapshot(4, {}, {"history": {"seconds": [1.0]}})
    again = Journal(tmp_path, start)
    assert [(one.kind, one.step) for one in again.past] == [("step", 2), ("epoch", 1)]
    assert np.isnan(again.past[1].values["loss"])
    assert again.sent == {"epoch": 2, "step": 6}
    assert len((tmp_path / JOURNAL).read_text().splitlines()) == 2


# Killed and resumed -------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
import modelspec as ms
from modelspec.runtime.run import Watcher, train

class Killer(Watcher):
    wants_steps = True
    epochs = 0
    def epoch(self, epoch):
        self.epochs = epoch.number
    def step(self, epoch, step, logs):
        if self.epochs == 3 and step >= 2:
            os.kill(os.getpid(), signal.SIGKILL)

train(ms.load_spec("logged.yaml"), Path("logged"), watcher=Killer())
"""


def manifest(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "manifest.json").read_text())
    return found


def rows(run: Path) -> list[dict[str, str]]:
    with (run / "history.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def resumed(home: Path) -> Path:
    """A run with every installed logger, that was killed in its fourth epoch and resumed from a
    checkpoint in its third: its epochs 3 and 4 are computed, and partly logged, twice.
    """
    loggers: dict[str, Any] = {
        "tensorboard": {"histograms": 2, "images": 2, "steps": 2},
        "mlflow": {"artifacts": ["report"], "steps": 2},
        "wandb": {"steps": 2},
    }
    found = [{name: one} for name, one in loggers.items() if find_spec(name) is not None]
    before = Path.cwd()
    os.chdir(home)
    try:
        Path("logged.yaml").write_text(json.dumps(with_logging(found)))
        alone = {name: one for name, one in os.environ.items() if name != "WANDB_SERVICE"}
        command = [sys.executable, "-c", KILLED]
        ended = subprocess.run(command, capture_output=True, check=False, env=alone)
        assert ended.returncode == -9, ended.stderr.decode()[-2000:]
        # The newest checkpoints are lost, as if the machine had stopped before it wrote them.
        for path in (home / "logged/checkpoints").iterdir():
            if int(path.name.rpartition("-")[2]) > 2 * STEPS + 1:
                shutil.rmtree(path)
        resume("logged")
    finally:
        os.chdir(before)
    return home / "logged"


def expected(run: Path, name: str) -> list[tuple[int, float]]:
    return [(int(row["epoch"]), float(row[name])) for row in rows(run)]


@pytest.mark.tensorflow
@installed("tensorboard")
def test_tensorboard_has_every_epoch_once(resumed: Path) -> None:
    import tensorflow as tf

    found: dict[str, list[tuple[int, float]]] = {}
    kinds: Counter[tuple[str, int]] = Counter()
    for folder in ("train", "validation", "steps", "test"):
        for path in sorted((resumed / "tensorboard" / folder).glob("events*")):
            for record in tf.data.TFRecordDataset(str(path)):
                event = tf.compat.v1.Event.FromString(record.numpy())
                if event.graph_def:
                    kinds["graph", event.step] += 1
                for value in event.summary.value:
                    kind = value.metadata.plugin_data.plugin_name
                    if kind == "scalars":
                        number = float(tf.make_ndarray(value.tensor))
                        found.setdefault(f"{folder}/{value.tag}", []).append((event.step, number))
                    else:
                        kinds[f"{kind} {value.tag}", event.step] += 1
    for name in VALUES:
        folder = "validation/" if name.startswith("val_") else "train/"
        logged_values = found[folder + name.removeprefix("val_")]
        np.testing.assert_allclose(logged_values, expected(resumed, name), rtol=1e-6)
    steps = [step for step, _ in found["steps/loss"]]
    assert steps == sorted(set(steps)) and steps[-1] > (EPOCHS - 1) * STEPS
    assert found["test/test_mae"][0][0] == EPOCHS
    assert kinds["graph", 0] == 1 and set(kinds.values()) == {1}
    assert kinds["images examples/image", 0] == 1
    assert {step for name, step in kinds if name.startswith("histograms")} == {2, 4}


@pytest.mark.tensorflow
@installed("mlflow")
def test_mlflow_has_every_epoch_once(resumed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    _holds_run(_client((resumed / "mlruns").as_uri()), resumed, "small")


def _client(uri: str) -> Any:
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=uri)


def _holds_run(client: Any, run: Path, experiment: str) -> None:
    """One run, with every epoch once."""
    (made,) = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    assert made.info.run_id == manifest(run)["logging"]["mlflow"]
    assert made.info.status == "FINISHED"
    for name in VALUES:
        history = client.get_metric_history(made.info.run_id, name)
        np.testing.assert_allclose(
            sorted((one.step, one.value) for one in history), expected(run, name)
        )
    steps = [one.step for one in client.get_metric_history(made.info.run_id, "step/loss")]
    assert steps == sorted(set(steps)) and steps[-1] > (EPOCHS - 1) * STEPS
    assert made.data.params["training.optimizer.Adam"] == "0.01"
    assert made.data.params["seed"] == "3" and "versions.keras" in made.data.params
    assert made.data.tags["modelspec.folder"] == str(run.resolve())
    results = json.loads((run / "metrics.json").read_text())
    assert made.data.metrics["test_mae"] == pytest.approx(results["test"]["mae"])
    assert [one.path for one in client.list_artifacts(made.info.run_id)] == ["report.html"]


@pytest.mark.tensorflow
@installed("wandb")
def test_wandb_has_every_epoch_once(resumed: Path) -> None:
    """In one file, which `wandb sync` uploads."""
    (path,) = (resumed / "wandb").glob("offline-run-*/*.wandb")
    assert path.stem == f"run-{manifest(resumed)['logging']['wandb']}"
    history = list(_wandb_rows(path))
    for name in VALUES:
        found = [(row["epoch"], row[name]) for row in history if name in row]
        np.testing.assert_allclose(found, expected(resumed, name))
    steps = [row["step/position"] for row in history if "step/loss" in row]
    assert steps == sorted(set(steps)) and steps[-1] > (EPOCHS - 1) * STEPS


def _wandb_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of the history: records in blocks of 32 kB (the log format of LevelDB)."""
    from wandb.proto.wandb_internal_pb2 import Record

    content, at, part = path.read_bytes(), 7, b""
    while at + 7 <= len(content):
        left = 2**15 - at % 2**15
        if left < 7:
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", content[at : at + 7])
        part += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # a whole record, or its last part
            record = Record.FromString(part)
            part = b""
            if record.WhichOneof("record_type") == "history":
                items = record.history.item
                yield {
                    one.key or "/".join(one.nested_key): json.loads(one.value_json) for one in items
                }


# A server -----------------------------------------------------------------------------------------


class Stopped(BaseException):
    """Ends a run, as a power cut does."""


class Stopper(Watcher):
    def epoch(self, epoch: Epoch) -> None:
        if epoch.number == 3:
            raise Stopped


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an MLflow server of this machine."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    stores = [f"--backend-store-uri=sqlite:///{folder}/m.db", f"--artifacts-destination={folder}/a"]
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [*command, *stores, "--workers", "1"],
        stdout=log,
        stderr=log,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                with urllib.request.urlopen(f"{address}/health", timeout=2):
                    break
            except OSError:
                assert process.poll() is None, (folder / "log").read_text()[-2000:]
                time.sleep(0.5)
        yield address
    finally:
        os.killpg(process.pid, 9)  # with its workers
        process.wait()
        log.close()


@pytest.mark.tensorflow
@installed("flask")
@installed("mlflow")
def test_a_server_has_every_epoch_of_a_resumed_run_once(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    loggers = {"mlflow": {"experiment": "served", "artifacts": ["report"], "steps": 2}}
    Path("served.yaml").write_text(json.dumps(with_logging(loggers)))
    monkeypatch.setenv("MODELSPEC_ALLOW_HOSTS", server.removeprefix("http://"))
    with pytest.raises(Stopped):
        train(ms.load_spec("served.yaml"), Path("served"), watcher=Stopper())
    monkeypatch.setenv("MODELSPEC_ALLOW_HOSTS", "")
    with pytest.raises(RunError, match="not an allowed host"):
        resume("served")
    monkeypatch.setenv("MODELSPEC_ALLOW_HOSTS", "127.0.0.1")
    resume("served")
    _holds_run(_client(server), Path("served"), "served")


# A plugin -----------------------------------------------------------------------------------------


def test_the_loggers_of_the_package() -> None:
    assert list(LOGGERS.kinds()) == ["tensorboard", "mlflow", "wandb"]
