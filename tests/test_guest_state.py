"""No public call leaves anything of the process changed: what a program has set, drawn or opened is
as it was.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms
from tests.global_state import changed, of_process

SPEC: dict[str, Any] = {
    "seed": 1,
    "model": {
        "inputs": {"x": ["auto"], "kind": ["auto"]},
        "layers": [
            {"Concatenate": {"from": ["x", "kind"]}},
            {"Dense": {"units": 4, "name": "hidden"}},
            "BatchNormalization",
            {"Dropout": 0.3},
            {"Dense": {"units": 1, "activation": "sigmoid", "name": "y"}},
        ],
    },
    "data": {
        "source": {"csv": "d.csv"},
        "split": {"validation": 0.2, "test": 0.2},
        "inputs": {
            "x": {"columns": ["a", "b"], "missing": "mean", "transform": ["Normalization"]},
            "kind": {
                "column": "c",
                "transform": [{"StringLookup": {"output_mode": "one_hot"}}],
            },
        },
        "targets": {"y": {"column": "y"}},
    },
    "training": {
        "loss": "binary_crossentropy",
        "metrics": ["accuracy"],
        "epochs": 2,
        "batch_size": 8,
        "callbacks": [{"EarlyStopping": {"patience": 5}}],
    },
}
ROW = {"a": "0.5", "b": "1", "c": "u", "y": "1"}
Call = Callable[[], Any]


def written(folder: Path) -> None:
    drawn = random.Random(0)
    rows = [
        f"{drawn.random()},{drawn.choice(['', '1.5', '2'])},{drawn.choice('uvw')},{i % 2}"
        for i in range(60)
    ]
    (folder / "d.csv").write_text("\n".join(["a,b,c,y", *rows, ""]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with data and a run in it, once all libraries are loaded and were used: what they
    change while they load is theirs.
    """
    import keras
    import pandas as pd
    import sklearn.linear_model  # noqa: F401

    here, before = tmp_path_factory.mktemp("guest"), Path.cwd()
    os.chdir(here)
    written(here)
    plain = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    plain.compile("sgd", "mse")
    plain.fit(np.ones((4, 2)), np.ones(4), verbose=0)
    plain.save("plain.keras")
    ms.load_spec(SPEC).train("run").predict(pd.read_csv("d.csv"))
    yield here
    os.chdir(before)


def calls(at: Path) -> dict[str, Call]:
    """Every public call, by a name; what it needs is made before."""
    import keras
    import pandas as pd

    sizes = {"x": [2], "kind": [4]}
    sized = ms.load_spec({**SPEC, "model": {**SPEC["model"], "inputs": sizes}})
    spec, run, frame = ms.load_spec(SPEC), ms.open_run("run"), pd.read_csv("d.csv")
    x, y = frame[["a"]].to_numpy(), frame["y"].to_numpy()
    fitted = ms.SpecClassifier(epochs=1, random_state=3).fit(x, y)
    kept = pickle.dumps(fitted)
    plain = keras.models.load_model("plain.keras")
    plain_layers = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    new = iter(range(1000))
    given = run.data("test").arrays()[0]

    def folder() -> str:
        return str(at / f"new{next(new)}")

    return {
        "load_spec": lambda: ms.load_spec(SPEC),
        "load_spec with errors": lambda: refused(lambda: ms.load_spec({"model": {"layers": [1]}})),
        "check": lambda: ms.check({"model": {"inputs": {"x": ["$(1 is 1)"]}, "layers": []}}),
        "dump": lambda: ms.dump(spec),
        "displays": lambda: (spec._repr_html_(), run._repr_html_()),
        "build": sized.build,
        "train": lambda: spec.train(folder()),
        "train on data": lambda: spec.train(folder(), data=frame),
        "train that fails": lambda: refused(lambda: spec.train("run")),
        "resume": lambda: ms.resume("run"),
        "more epochs": lambda: ms.resume(copied(folder()), {"training.epochs": 3}),
        "open_run": lambda: ms.open_run("run").model,
        "predict": lambda: run.predict(frame),
        "predict a file": lambda: run.predict("d.csv"),
        "predict that fails": lambda: refused(lambda: run.predict({"a": ["x"]})),
        "evaluate": run.evaluate,
        "explain_row": lambda: run.explain_row(ROW),
        "data": lambda: run.data("test").arrays(),
        "pipeline": lambda: run.pipeline()(frame),
        "choose_threshold": run.choose_threshold,
        "outputs": lambda: run.outputs("hidden", given),
        "load_model": lambda: ms.load_model("run/model.keras"),
        "from_keras": lambda: (ms.from_keras(plain), ms.from_keras(plain_layers)),
        "export to keras": lambda: ms.export("run", "keras", folder() + ".keras"),
        "export to python": lambda: ms.export("run", "python", folder() + ".py"),
        "fit": lambda: ms.SpecRegressor(epochs=1).fit(x, y),
        "fit by a generator": lambda: ms.SpecClassifier(
            epochs=1, random_state=np.random.RandomState(1)
        ).fit(x, y),
        "fit a frame": lambda: ms.SpecClassifier(SPEC).fit(frame, y),
        "predict of an estimator": lambda: fitted.predict_proba(x),
        "unpickling": lambda: pickle.loads(kept).predict(x),
    }


NAMES = [
    "load_spec",
    "load_spec with errors",
    "check",
    "dump",
    "displays",
    "build",
    "train",
    "train on data",
    "train that fails",
    "resume",
    "more epochs",
    "open_run",
    "predict",
    "predict a file",
    "predict that fails",
    "evaluate",
    "explain_row",
    "data",
    "pipeline",
    "choose_threshold",
    "outputs",
    "load_model",
    "from_keras",
    "export to keras",
    "export to python",
    "fit",
    "fit by a generator",
    "fit a frame",
    "predict of an estimator",
    "unpickling",
]


def refused(call: Call) -> None:
    with pytest.raises((ms.SpecError, ms.RunError)):
        call()


def copied(folder: str) -> str:
    import shutil

    shutil.copytree("run", folder)
    return folder


@pytest.fixture(scope="module")
def every(folder: Path) -> dict[str, Call]:
    return calls(folder)


@pytest.mark.tensorflow
def test_the_names_are_those_of_the_calls(every: dict[str, Call]) -> None:
    assert sorted(NAMES) == sorted(every)


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", NAMES)
def test_a_call_leaves_everything_as_it_was(name: str, every: dict[str, Call]) -> None:
    """Also where the program has set all that it can."""
    before = of_process()
    every[name]()
    assert changed(before, of_process()) == {}
    with EverythingSet():
        before = of_process()
        every[name]()
        assert changed(before, of_process()) == {}


class EverythingSet:
    """A program that has its own settings, seeds, handlers and levels."""

    def __enter__(self) -> None:
        import keras
        import tensorflow as tf

        self._config = keras.config
        self._was = of_settings()
        self._config.set_floatx("float64")
        self._config.set_epsilon(0.01)
        self._config.set_image_data_format("channels_first")
        self._config.set_dtype_policy("mixed_float16")
        self._config.set_max_epochs(7)
        self._config.disable_traceback_filtering()
        self._config.disable_interactive_logging()
        self._errors = np.seterr(all="raise")
        self._level = tf.get_logger().level
        tf.get_logger().setLevel("DEBUG")
        logging.disable(logging.DEBUG)
        os.environ["KERAS_BACKEND"] = "jax"
        random.seed(5)
        np.random.seed(6)
        tf.random.set_seed(7)

    def __exit__(self, *_: Any) -> None:
        import keras
        import tensorflow as tf

        floatx, epsilon, images, policy = self._was
        self._config.set_floatx(floatx)
        self._config.set_epsilon(epsilon)
        self._config.set_image_data_format(images)
        self._config.set_dtype_policy(policy)
        self._config.set_max_epochs(None)
        self._config.enable_traceback_filtering()
        self._config.enable_interactive_logging()
        np.seterr(**self._errors)
        tf.get_logger().setLevel(self._level)
        logging.disable(logging.NOTSET)
        os.environ["KERAS_BACKEND"] = keras.config.backend()


def of_settings() -> tuple[Any, ...]:
    import keras

    config = keras.config
    return config.floatx(), config.epsilon(), config.image_data_format(), config.dtype_policy()


# Random numbers -----------------------------------------------------------------------------------


@pytest.mark.tensorflow
def test_what_is_drawn_between_calls_is_what_is_drawn_without_them(
    every: dict[str, Call],
) -> None:
    """Of Python, NumPy and TensorFlow, whose operations with a seed of their own count as well."""
    import keras
    import tensorflow as tf

    def drawn(between: Call) -> list[Any]:
        keras.utils.set_random_seed(11)
        found: list[Any] = []
        for _ in range(2):
            if found:
                between()
            found += [
                random.random(),
                np.random.choice(1000),
                float(tf.random.uniform(())),
                float(tf.random.uniform((), seed=4)),
                float(keras.random.uniform(())),
                keras.layers.Dense(2, kernel_initializer="uniform").name,
            ]
        return found

    def work() -> None:
        every["train"]()
        every["build"]()
        every["predict"]()
        every["fit"]()

    keras.utils.clear_session(free_memory=False)
    alone = drawn(lambda: None)
    keras.utils.clear_session(free_memory=False)
    assert drawn(work) == alone


@pytest.mark.tensorflow
def test_operations_of_the_program_without_a_seed_still_draw(every: dict[str, Call]) -> None:
    """Under op determinism TensorFlow refuses them; so it is off again."""
    import tensorflow as tf
    from tensorflow.python.framework import config

    tf.random.set_seed(None)
    every["train"]()
    assert not config.is_op_determinism_enabled()
    assert float(tf.random.uniform(())) != float(tf.random.uniform(()))


@pytest.mark.tensorflow
def test_a_deterministic_program_stays_so(every: dict[str, Call]) -> None:
    import tensorflow as tf
    from tensorflow.python.framework import config

    tf.config.experimental.enable_op_determinism()
    try:
        every["train"]()
        assert config.is_op_determinism_enabled()
    finally:
        config.disable_op_determinism()


@pytest.mark.tensorflow
def test_layers_of_the_program_are_called_what_they_were(every: dict[str, Call]) -> None:
    """Keras counts the names that it gives; those inside our models are not counted."""
    import keras

    keras.utils.clear_session(free_memory=False)
    first = keras.layers.Dense(1).name
    every["build"]()
    every["fit"]()
    second = keras.layers.Dense(1).name
    assert (first, second) == ("dense", "dense_1")


# A process that has loaded nothing yet ------------------------------------------------------------

COLD = """
import json, sys
from tests.global_state import changed, of_python
import numpy as np, pandas, h5py, pyarrow.csv, sklearn.base
import modelspec as ms

spec = ms.load_spec(json.loads(sys.argv[2]))
pyarrow.csv.read_csv("d.csv")  # which opens a pipe of its own
before = of_python()
if sys.argv[1] == "modelspec":
    spec.train("run").predict("d.csv")
else:
    import keras
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 2)), np.ones(4), verbose=0)
    model.save("plain.keras")
found = changed(before, of_python())
print("tensorflow" in sys.modules, json.dumps(sorted(found)))
print({name: both for name, both in found.items() if name != "random"}, file=sys.stderr)
"""


@pytest.mark.tensorflow
def test_a_first_call_changes_no_more_than_importing_keras_does(tmp_path: Path) -> None:
    """Which adds loggers, filters of warnings and finders of modules."""
    written(tmp_path)
    kept = {**os.environ, "PYTHONPATH": str(Path(ms.__file__).parents[1])}
    del kept["TF_CPP_MIN_LOG_LEVEL"], kept["KERAS_BACKEND"]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", COLD, of, json.dumps(SPEC)],
            cwd=tmp_path,
            env={**kept, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for of, more in (("modelspec", {}), ("keras", {"KERAS_BACKEND": "tensorflow"}))
    ]
    found = []
    for process in processes:
        out, error = process.communicate()
        loaded, names = out.split(maxsplit=1)
        assert (process.returncode, loaded) == (0, "True"), error
        # Threads of TensorFlow open and close files of the system at any time.
        found.append({one for one in json.loads(names) if not one.startswith("files")})
    ours, plain = found
    assert ours <= plain, error
    assert {"random", "loggers: tensorflow"} <= plain, "the comparison sees changes"
    assert "random" not in ours


CHARTED = """
import sys
from modelspec.runtime.history.charts import histogram
before = list(sys.meta_path)
histogram("t", [0, 1], [2], x_title="x", y_title="y")
assert "pygal" in sys.modules
added = [one for one in sys.meta_path if one not in before]
print([type(one).__module__ for one in added if type(one).__module__ == "pygal"])
"""


def test_a_chart_adds_no_finder_of_modules() -> None:
    """The one of pygal would make each later import warn."""
    found = subprocess.run(
        [sys.executable, "-c", CHARTED], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == "[]"
