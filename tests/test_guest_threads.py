"""Threads and processes of the program around: calls of modelspec in several of them give what they
give alone, and leave the others' models, numbers, output and signals as they are.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms
from tests.global_state import changed, of_process

ROOT = Path(ms.__file__).parents[1]
SPEC: dict[str, Any] = {
    "seed": 1,
    "model": {
        "inputs": {"x": [4]},
        "layers": [
            {"Dense": {"units": 6, "activation": "relu"}},
            "BatchNormalization",
            {"GaussianNoise": 0.1},
            {"Dropout": 0.3},
            {"Dense": {"units": 1, "name": "y"}},
        ],
    },
    "data": {
        "source": {"npz": "d.npz"},
        "split": {"validation": 0.25},
        "inputs": {"x": {"column": "x", "transform": ["Normalization"]}},
        "targets": {"y": {"column": "y"}},
    },
    "training": {"loss": "mse", "optimizer": "adam", "epochs": 2, "batch_size": 16},
}


def data() -> dict[str, Any]:
    drawn = np.random.default_rng(0)
    return {"x": drawn.random((80, 4)), "y": drawn.random((80, 1))}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def together(*calls: Callable[[], Any]) -> list[Any]:
    """What calls give that begin at one time, each in a thread of its own."""
    begin = threading.Barrier(len(calls))

    def call(one: Callable[[], Any]) -> Any:
        begin.wait()
        return one()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(call, calls))


def same(one: Any, other: Any) -> bool:
    return len(one) == len(other) and all(map(np.array_equal, one, other))


# Trainings ----------------------------------------------------------------------------------------


@pytest.mark.tensorflow
def test_four_trainings_in_four_threads_give_what_they_give_alone() -> None:
    """Of four seeds; and afterwards the process is as it was."""
    given, specs = data(), [ms.load_spec(SPEC, {"seed": seed}) for seed in range(4)]

    def train(seed: int, name: str) -> Any:
        run = specs[seed].train(f"{name}{seed}", data=given)
        return run.history, run.model.get_weights()

    alone = [train(seed, "alone") for seed in range(4)]
    before = of_process()
    found = together(*(lambda seed=seed: train(seed, "thread") for seed in range(4)))
    assert changed(before, of_process()) == {}
    for (history, weights), (expected, wanted) in zip(found, alone, strict=True):
        assert history == expected and same(weights, wanted)
    assert not same(alone[0][1], alone[1][1])


@pytest.mark.tensorflow
def test_builds_and_estimators_in_threads_give_what_they_give_alone() -> None:
    spec, x = ms.load_spec(SPEC), data()["x"]
    y = (x[:, 0] > 0.5).astype(int)

    def fit() -> Any:
        return ms.SpecClassifier(epochs=2, random_state=5).fit(x, y).weights_

    def build() -> Any:
        return spec.build().get_weights()

    fitted, built = fit(), build()
    found = together(fit, build, fit, build)
    assert same(found[0], fitted) and same(found[2], fitted)
    assert same(found[1], built) and same(found[3], built)


@pytest.mark.tensorflow
def test_predictions_in_threads_are_what_they_are_alone() -> None:
    """Of one run, whose model is loaded by all of them at once; while another thread trains."""
    ms.load_spec(SPEC).train("run", data=data())
    rows = [np.random.default_rng(seed).random((30, 4)) for seed in range(4)]
    expected = [ms.open_run("run").predict({"x": one})["y"] for one in rows]
    run = ms.open_run("run")
    calls = [lambda one=one: [run.predict({"x": one})["y"] for _ in range(3)] for one in rows]
    *found, _ = together(*calls, lambda: ms.load_spec(SPEC).train("other", data=data()))
    for answers, wanted in zip(found, expected, strict=True):
        assert all(np.array_equal(one, wanted) for one in answers)


def test_checks_in_threads_are_what_they_are_alone() -> None:
    """They leave the filters of warnings as they are: each parses texts of which Python warns."""
    layers = [{"Expression": "x * 2 if 1 else x"}, {"Dense": "$(1if 2 else 3)"}]
    wrong = {"model": {"inputs": {"x": [4]}, "layers": [*layers, {"Dense": "$('\\d')"}]}}
    expected, before = ms.check(wrong).diagnostics, list(warnings.filters)
    assert expected
    found = together(*[lambda: [ms.check(wrong).diagnostics for _ in range(20)]] * 8)
    assert all(one == expected for several in found for one in several)
    assert warnings.filters == before


# The program's own work beside it -----------------------------------------------------------------


def own_model(seed: int) -> Any:
    """A model of the program's, with what it draws, trained with Keras."""
    import keras

    drawn = random.Random(seed)
    x = np.array([[drawn.random() for _ in range(3)] for _ in range(40)])
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(4, kernel_initializer=keras.initializers.GlorotUniform(seed)),
            keras.layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(seed + 1)),
        ]
    )
    model.compile("sgd", "mse", jit_compile=False)
    model.fit(x, x.sum(1), epochs=2, shuffle=False, verbose=0)
    return model.get_weights()


@pytest.mark.tensorflow
def test_models_of_the_program_are_not_disturbed() -> None:
    """One thread builds and trains models with Keras while others train with modelspec."""
    spec, given, done = ms.load_spec(SPEC), data(), threading.Event()
    spec.train("first", data=given)
    expected = [own_model(seed) for seed in range(3)]

    def work() -> Any:
        found: list[Any] = []
        while not done.is_set() or len(found) < 3:
            found.append(own_model(len(found) % 3))
        return found

    def train() -> None:
        try:
            spec.train("thread", data=given)
        finally:
            done.set()

    found, _ = together(work, train)
    assert all(same(one, expected[at % 3]) for at, one in enumerate(found))


@pytest.mark.tensorflow
def test_what_another_thread_draws_is_what_it_draws_alone() -> None:
    """From the global generators, with the seeds that it set; also Keras's layers without one."""
    import keras
    import tensorflow as tf

    spec, given = ms.load_spec(SPEC), data()
    reference = spec.train("first", data=given).model.get_weights()

    def draw() -> list[Any]:
        keras.utils.clear_session()
        keras.utils.set_random_seed(8)
        found: list[Any] = []
        for _ in range(40):
            layer = keras.layers.Dense(2)
            layer.build((None, 2))
            found += [random.random(), np.random.random(), float(tf.random.uniform(()))]
            found += [layer.name, *layer.kernel.numpy().ravel().tolist()]
            time.sleep(0.02)
        return found

    expected = draw()
    found, weights = together(draw, lambda: spec.train("thread", data=given).model.get_weights())
    assert found == expected
    assert same(weights, reference), "and nothing that it draws reaches the training"


def first_word() -> int:
    """Of the state of NumPy's generator: its seed, as long as nothing was drawn."""
    state: Any = np.random.get_state()
    return int(state[1][0])


@pytest.mark.tensorflow
def test_settings_that_another_thread_makes_are_kept() -> None:
    """The last one to leave puts back what was there, and not over what the program has set."""
    import keras
    import tensorflow as tf

    spec, given = ms.load_spec(SPEC), data()
    spec.train("first", data=given)
    seed = first_word()
    trained = threading.Thread(target=lambda: spec.train("thread", data=given))
    trained.start()
    while not (Path("thread") / "history.csv").exists():
        time.sleep(0.01)
    keras.config.set_epsilon(0.5)
    keras.config.set_dtype_policy("float64")
    tf.random.set_seed(77)
    np.random.seed(5)
    trained.join()
    try:
        assert keras.config.epsilon() == 0.5
        assert keras.config.dtype_policy().name == "float64"
        assert first_word() == 5 != seed
        drawn = float(tf.random.uniform(()))
        tf.random.set_seed(77)
        assert float(tf.random.uniform(())) == drawn
    finally:
        keras.config.set_epsilon(1e-7)
        keras.config.set_dtype_policy("float32")
        tf.random.set_seed(None)


@pytest.mark.tensorflow
def test_settings_are_put_back_in_every_thread() -> None:
    """Keras's dtype policy is of a thread; the first one in and the last one out may be two."""
    import keras

    spec, given = ms.load_spec(SPEC), data()

    def train(policy: str, count: int) -> tuple[str, Any]:
        keras.config.set_dtype_policy(policy)
        runs = [spec.train(data=given) for _ in range(count)]
        return keras.config.dtype_policy().name, runs[-1].model.get_weights()

    long, short = together(lambda: train("float64", 2), lambda: train("mixed_float16", 1))
    assert (long[0], short[0]) == ("float64", "mixed_float16")
    assert same(long[1], short[1]) and long[1][0].dtype == np.float32


# Output -------------------------------------------------------------------------------------------

FIRST = """
import os, sys, threading, time, numpy as np
import modelspec as ms
from tests.test_guest_threads import SPEC, data

before, stop = os.fstat(2), threading.Event()

def talk():
    count = 0
    while not stop.is_set():
        print(f"line {count} of the program", file=sys.stderr, flush=True)
        os.write(2, f"written {count}\\n".encode())
        count += 1
        time.sleep(0.05)
    print("lines", count)

talking = threading.Thread(target=talk)
talking.start()
spec = ms.load_spec(SPEC)
found = []
threads = [
    threading.Thread(target=lambda at=at: found.append(spec.train(f"t{at}", data=data()).history))
    for at in range(4)
]
for one in threads: one.start()
for one in threads: one.join()
stop.set()
talking.join()
assert found == [found[0]] * 4
assert os.path.samestat(before, os.fstat(2))
print("the end", file=sys.stderr)
"""


@pytest.mark.tensorflow
def test_first_trainings_in_threads_lose_nothing_of_standard_error() -> None:
    """While TensorFlow loads, its own greeting is kept from it; what the program writes is not."""
    kept = {
        name: value for name, value in os.environ.items() if name not in ("TF_CPP_MIN_LOG_LEVEL",)
    }
    done = subprocess.run(
        [sys.executable, "-c", FIRST],
        env={**kept, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    count = int(done.stdout.split("lines")[1])
    expected = [f"line {at} of the program" for at in range(count)]
    expected += [f"written {at}" for at in range(count)]
    assert count > 20
    assert sorted(done.stderr.splitlines()) == sorted([*expected, "the end"])


def test_what_is_redirected_in_two_threads_is_put_back(capfd: pytest.CaptureFixture[str]) -> None:
    """One waits for the other. What is not of a thread that is quiet is printed and logged."""
    from modelspec.runtime.backend.native_output import quiet

    before, streams = [os.fstat(number) for number in (1, 2)], (sys.stdout, sys.stderr)
    log, said = logging.getLogger("of.the.program"), []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    handler, inside, seen = Kept(), threading.Event(), threading.Event()
    stream = logging.StreamHandler()
    log.addHandler(handler)
    log.addHandler(stream)

    def convert() -> None:
        with quiet():
            inside.set()
            sys.stdout.write("a converter talks\n")
            os.write(2, b"and its library\n")
            log.error("and logs")
            time.sleep(0.05)
            seen.wait(5)

    def talk() -> None:
        inside.wait(5)
        sys.stdout.write("the program talks\n")
        sys.stderr.write("on both\n")
        log.error("the program logs")
        seen.set()

    try:
        together(convert, convert, talk)
    finally:
        log.removeHandler(handler)
        log.removeHandler(stream)
    sys.stdout.write("afterwards\n")
    after = [os.fstat(number) for number in (1, 2)]
    assert all(map(os.path.samestat, before, after)) and (sys.stdout, sys.stderr) == streams
    out, error = capfd.readouterr()
    assert out == "the program talks\nafterwards\n"
    assert error == "on both\nthe program logs\n" and stream.stream is sys.stderr
    assert said == ["the program logs"] and handler.filters == []


# Signals ------------------------------------------------------------------------------------------

ALL = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def handlers() -> Iterator[None]:
    before = {one: signal.getsignal(one) for one in ALL}
    yield
    for one, handler in before.items():
        signal.signal(one, handler)


def long_spec() -> ms.Spec:
    return ms.load_spec(SPEC, {"training.epochs": 100_000})


def epochs(directory: str) -> int:
    """How many a run in a folder has trained."""
    history = Path(directory) / "history.csv"
    return history.read_text().count("\n") - 1 if history.exists() else 0


def sent(number: signal.Signals, directory: str, after: int = 0) -> threading.Thread:
    """A thread that sends a signal to this process once a run has trained more epochs."""

    def send() -> None:
        while epochs(directory) <= after:
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


@pytest.mark.tensorflow
@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("number", ALL)
def test_a_handler_of_the_program_is_called_once_the_run_has_ended(
    number: signal.Signals,
) -> None:
    """The run is committed by then, and the handlers are the program's again."""
    called: list[Any] = []

    def handler(came: int, frame: Any) -> None:
        outcome = ms.open_run("run").outcome
        called.append((came, frame is not None, outcome, signal.getsignal(number) is handler))

    signal.signal(number, handler)
    sending = sent(number, "run")
    with pytest.raises(ms.Interrupted) as caught:
        long_spec().train("run", data=data())
    sending.join()
    assert called == [(number, True, "interrupted", True)]
    assert caught.value.signal == number.name


@pytest.mark.tensorflow
@pytest.mark.usefixtures("handlers")
def test_what_a_handler_raises_is_raised() -> None:
    """A service that ends with `sys.exit` in its handler ends, with its run committed."""

    def leave(number: int, frame: Any) -> None:
        raise SystemExit(3)

    signal.signal(signal.SIGTERM, leave)
    sending = sent(signal.SIGTERM, "run")
    with pytest.raises(SystemExit) as caught:
        long_spec().train("run", data=data())
    sending.join()
    assert caught.value.code == 3 and isinstance(caught.value.__context__, ms.Interrupted)
    assert ms.open_run("run").outcome == "interrupted"
    assert signal.getsignal(signal.SIGTERM) is leave


@pytest.mark.tensorflow
@pytest.mark.usefixtures("handlers")
def test_a_signal_that_the_program_ignores_is_ignored() -> None:
    """As `nohup` has SIGHUP."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    spec = ms.load_spec(SPEC, {"training.epochs": 60})
    sending = sent(signal.SIGHUP, "run")
    run = spec.train("run", data=data())
    sending.join()
    assert run.outcome == "completed" and len(run.history["loss"]) == 60
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


@pytest.mark.tensorflow
@pytest.mark.usefixtures("handlers")
def test_a_training_in_another_thread_takes_no_signal() -> None:
    """The program's handler gets it, at once, and the training goes to its end."""
    called: list[str] = []
    signal.signal(signal.SIGTERM, lambda number, frame: called.append("now"))
    handler = signal.getsignal(signal.SIGTERM)
    spec = ms.load_spec(SPEC, {"training.epochs": 60})
    sending = sent(signal.SIGTERM, "run")
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(lambda: spec.train("run", data=data()))
        while not work.done():
            assert signal.getsignal(signal.SIGTERM) is handler
            time.sleep(0.01)
    sending.join()
    assert work.result().outcome == "completed" and called == ["now"]


@pytest.mark.tensorflow
@pytest.mark.usefixtures("handlers")
def test_a_run_that_is_resumed_calls_handlers_too() -> None:
    called: list[tuple[int, str]] = []
    np.savez("d.npz", **data())
    sending = sent(signal.SIGINT, "run")
    with pytest.raises(ms.Interrupted):
        long_spec().train("run")
    sending.join()

    def handler(number: int, frame: Any) -> None:
        called.append((number, ms.open_run("run").outcome))

    signal.signal(signal.SIGTERM, handler)
    sending = sent(signal.SIGTERM, "run", after=epochs("run"))
    with pytest.raises(ms.Interrupted):
        ms.resume("run")
    sending.join()
    assert called == [(signal.SIGTERM, "interrupted")]


@pytest.mark.tensorflow
@pytest.mark.usefixtures("handlers")
def test_a_run_on_data_of_a_program_continues_with_them() -> None:
    """To the bit; with other data it is refused."""
    spec = ms.load_spec(SPEC, {"training.epochs": 200})
    sending = sent(signal.SIGINT, "run")
    with pytest.raises(ms.Interrupted):
        spec.train("run", data=data())
    sending.join()
    with pytest.raises(ms.RunError, match="cannot be resumed exactly"):
        ms.resume("run", data={name: values + 1 for name, values in data().items()})
    resumed = ms.resume("run", data=data())
    whole = spec.train("whole", data=data())
    assert resumed.history == whole.history
    for one, other in zip(resumed.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


# Processes ----------------------------------------------------------------------------------------


def checked(units: int) -> Any:
    spec = {"model": {"inputs": {"x": [4]}, "layers": [{"Dense": units}]}}
    return ms.load_spec(spec).graph.parameters


def trained(directory: str) -> Any:
    return ms.load_spec(SPEC).train(directory, data=data()).history


def predicted(directory: str) -> Any:
    return ms.open_run(directory).predict({"x": data()["x"]})["y"]


def failed(call: Callable[[str], Any], directory: str) -> str:
    """The code of what a call raises."""
    try:
        call(directory)
    except ms.RunError as error:
        return error.diagnostics[0].code
    return "none"


def test_a_forked_pool_checks() -> None:
    """Errors come back, too."""
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(checked, [3, 4]) == [15, 20]
        with pytest.raises(ms.SpecError, match="MS"):
            pool.apply(checked, (-1,))


@pytest.mark.tensorflow
@pytest.mark.parametrize("call", [trained, predicted])
def test_a_process_that_was_forked_after_tensorflow_was_used_is_refused(
    call: Callable[[str], Any],
) -> None:
    """There TensorFlow would wait for ever; a check works."""
    ms.load_spec(SPEC).train("run", data=data())
    at = "new" if call is trained else "run"
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply_async(failed, (call, at)).get(60) == "MS728"
        assert pool.apply_async(checked, (3,)).get(60) == 15


FORKS = """
import multiprocessing
from tests.test_guest_threads import predicted, trained
import modelspec as ms

if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(1) as pool:
        print(pool.apply(trained, ("there",)))
"""


@pytest.mark.tensorflow
def test_processes_that_are_forked_before_tensorflow_is_used_train() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKS],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.stdout == f"{trained('here')}\n", done.stderr[-3000:]


@pytest.mark.tensorflow
def test_a_spawned_pool_trains_and_predicts() -> None:
    history = trained("run")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(trained, ("there",)) == history
        assert np.array_equal(pool.apply(predicted, ("run",)), predicted("run"))
