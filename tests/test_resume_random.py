"""Trainings drawn at random, stopped at random steps and gone on with, end as they end undisturbed,
to the bit.

`MODELSPEC_RESUMES=100` draws that many, from number 0 on; otherwise there is one that holds much of
what may go wrong.
"""

from __future__ import annotations

import json
import os
import random
import signal
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms
from modelspec.runtime.run import Interrupted, Run, Watcher, resume, train

pytestmark = pytest.mark.tensorflow

EXAMPLES, BATCH = 56, 8
NUMBERS = range(int(os.environ.get("MODELSPEC_RESUMES", "0"))) or (22,)
"""22 has gradients that are accumulated, running means that are swapped in, weights of examples and
of classes, a plateau, early stopping, dropout, and weights to go back to.
"""


class Killed(BaseException):
    """What ends a run in the middle of it."""


class Until(Watcher):
    """Stops a run once so many steps are done, by an exception or by a signal."""

    wants_steps = True

    def __init__(self, steps: int, per_epoch: int, act: Callable[[], None]) -> None:
        self.left: int | None = steps
        self.per_epoch, self.act = per_epoch, act

    def step(self, epoch: int, step: int, logs: Any) -> None:
        if self.left is not None and (epoch - 1) * self.per_epoch + step >= self.left:
            self.left = None
            self.act()


def die() -> None:
    raise Killed


def hang_up() -> None:
    os.kill(os.getpid(), signal.SIGHUP)


def some(draw: random.Random, choices: list[Any], chance: float = 0.5) -> list[Any]:
    return [one for one in choices if draw.random() < chance]


def drawn_body(draw: random.Random) -> list[Any]:
    """Layers up to `inner`, some of which draw numbers or keep statistics."""
    kind = draw.choice(["dense", "conv", "recurrent"])
    start: list[Any] = {
        "dense": ["Flatten", {"Dense": {"units": 9, "activation": "tanh"}}],
        "conv": [{"Reshape": [4, 4, 1]}, {"Conv2D": {"filters": 3, "kernel_size": 2}}],
        "recurrent": [
            {"GRU": {"units": 5, "dropout": 0.2, "recurrent_dropout": draw.choice([0, 0.2])}}
        ],
    }[kind]
    noise: list[Any] = [
        {"Dropout": 0.3},
        {"GaussianNoise": 0.1},
        {"GaussianDropout": 0.2},
        {"AlphaDropout": 0.1},
        {"BatchNormalization": {"momentum": 0.8}},
        "LayerNormalization",
        {"Dense": {"units": 6, "activation": "relu", "kernel_regularizer": {"L2": 0.01}}},
    ]
    middle = some(draw, noise, 0.4)
    draw.shuffle(middle)
    before = some(draw, [{"GaussianNoise": 0.2}])
    return [
        *before,
        *start,
        *middle,
        "Flatten",
        {"Dense": {"units": 7, "activation": "selu", "name": "inner"}},
    ]


def drawn_optimizer(draw: random.Random) -> Any:
    rate: Any = draw.choice(
        [0.01, {"CosineDecay": {"initial_learning_rate": 0.02, "decay_steps": 30}}]
    )
    settings: dict[str, Any] = {"learning_rate": rate}
    if draw.random() < 0.4:
        settings["gradient_accumulation_steps"] = draw.choice([2, 3])
    if draw.random() < 0.4:
        settings |= {
            "use_ema": True,
            "ema_momentum": 0.9,
            "ema_overwrite_frequency": draw.choice([None, 4]),
        }
    if draw.random() < 0.3:
        settings["global_clipnorm"] = 1.0
    kind = draw.choice(
        ["SGD", "Adam", "AdamW", "RMSprop", "Nadam", "Lion", "Adafactor", "Ftrl", "Lamb"]
    )
    if kind == "SGD":
        settings |= {"momentum": 0.9, "nesterov": draw.random() < 0.5}
    return {kind: settings}


def drawn_callbacks(draw: random.Random, optimizer: Any) -> list[Any]:
    (settings,) = optimizer.values()
    found: list[Any] = some(
        draw,
        [
            {
                "EarlyStopping": {
                    "monitor": "val_loss",
                    "patience": draw.randrange(1, 3),
                    "restore_best_weights": draw.random() < 0.5,
                }
            },
            {"CSVLogger": "log.csv"},
            "TerminateOnNaN",
            {"TensorBoard": {"log_dir": "tb", "histogram_freq": 1}},
            {
                "ModelCheckpoint": {
                    "filepath": "best.weights.h5",
                    "save_weights_only": True,
                    "save_best_only": True,
                }
            },
            {
                "ModelCheckpoint": {
                    "filepath": "often.weights.h5",
                    "save_weights_only": True,
                    "save_freq": 5,
                }
            },
        ],
    )
    if not isinstance(settings["learning_rate"], dict) and draw.random() < 0.5:
        found.append(
            {
                "ReduceLROnPlateau": {
                    "monitor": "val_loss",
                    "patience": 1,
                    "factor": 0.5,
                    "cooldown": 1,
                }
            }
        )
    if settings.get("use_ema") and draw.random() < 0.5:
        found.append({"SwapEMAWeights": {"swap_on_epoch": draw.random() < 0.5}})
    draw.shuffle(found)
    return [
        one for one in found if "TensorBoard" not in one or find_spec("tensorboard")
    ]  # it is no dependency


def drawn(draw: random.Random) -> dict[str, Any]:
    """A spec of a short training."""
    heads: list[Any] = [
        {"Dense": {"units": 3, "activation": "softmax", "name": "kind", "dtype": "float32"}}
    ]
    losses: dict[str, Any] = {"kind": "sparse_categorical_crossentropy"}
    two = draw.random() < 0.5
    if two:
        heads.append({"Dense": {"units": 1, "from": "inner", "name": "price", "dtype": "float32"}})
        losses["price"] = draw.choice(["mse", {"Huber": {"delta": 0.5}}])
    optimizer = drawn_optimizer(draw)
    training: dict[str, Any] = {
        "optimizer": optimizer,
        "loss": losses,
        "epochs": draw.randrange(3, 6),
        "batch_size": BATCH,
        "metrics": {"kind": ["accuracy", *some(draw, ["sparse_top_k_categorical_accuracy"])]},
        "checkpoint": draw.choice(["2 steps", "3 steps", "5 steps", "1 epoch", "1 hour"]),
        "callbacks": drawn_callbacks(draw, optimizer),
        "on_nan": draw.choice(["stop", "skip", "restore"]),
    }
    if draw.random() < 0.4:
        training["class_weight"] = {"kind": "balanced"}
    if two and draw.random() < 0.5:
        training["loss_weights"] = {"kind": 1.0, "price": 0.3}
    data: dict[str, Any] = {
        "source": {"npz": "d.npz"},
        "split": {"validation": 0.25},
        "inputs": {"x": "x"},
        "targets": {"kind": "kind", "price": "price"} if two else {"kind": "kind"},
    }
    if draw.random() < 0.4:
        data["weights"] = "weight"
    return {
        "seed": draw.randrange(1000),
        "data": data,
        "training": training,
        "model": {
            "inputs": {"x": [4, 4]},
            "layers": [*drawn_body(draw), *heads],
            "outputs": ["kind", "price"] if two else ["kind"],
        },
        "runtime": {
            "precision": draw.choice(["float32", "float32", "mixed_float16", "mixed_bfloat16"])
        },
    }


def write_data() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(EXAMPLES, 4, 4)).astype("float32")
    np.savez(
        "d.npz",
        x=x,
        kind=(x.mean((1, 2)) > 0).astype("int64") + (x[:, 0, 0] > 0),
        price=x.sum((1, 2)).astype("float32"),
        weight=rng.uniform(0.5, 2, EXAMPLES).astype("float32"),
    )


def events(run: Path) -> dict[str, list[tuple[str, int, bytes]]]:
    """What TensorBoard would read, by part of the data."""
    import tensorflow as tf

    found: dict[str, list[tuple[str, int, bytes]]] = {}
    for path in sorted(run.glob("tb/**/events.out.tfevents.*"), key=lambda path: path.name):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            found.setdefault(path.parent.name, []).extend(
                (
                    value.tag,
                    event.step,
                    value.tensor.tensor_content or value.tensor.SerializeToString(),
                )
                for value in event.summary.value
                if value.tag != "keras"
            )  # a model's text, with names that are counted
    return found


def assert_same(one: Run, other: Run) -> None:
    for mine, its in zip(
        (*one.model.variables, *one.model.optimizer.variables),
        (*other.model.variables, *other.model.optimizer.variables),
        strict=True,
    ):
        np.testing.assert_array_equal(mine.numpy(), its.numpy(), err_msg=mine.path)
    np.testing.assert_equal(one.history, other.history)
    assert one.by_part == other.by_part
    assert events(one.directory) == events(other.directory)
    logs = [run.directory / "log.csv" for run in (one, other)]
    assert [path.read_bytes() for path in logs if path.exists()][:1] == [
        path.read_bytes() for path in logs if path.exists()
    ][1:]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_training_that_is_stopped_anywhere_ends_as_it_would_have(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_data()
    draw = random.Random(number)
    spec = drawn(draw)
    Path("spec.json").write_text(json.dumps(spec))
    whole = train(ms.load_spec(spec), Path("whole"))
    per_epoch = -(-int(EXAMPLES * 0.75) // BATCH)
    done = len(whole.history["loss"]) * per_epoch
    begin: Callable[..., Run] = partial(train, ms.load_spec(spec), Path("run"))
    for stop in sorted(
        draw.sample(range(1, done - per_epoch), 2)
    ):  # a call of many steps may go past it
        with pytest.raises((Killed, Interrupted)):
            begin(watcher=Until(stop, per_epoch, draw.choice([die, hang_up])))
        begin = partial(resume, "run")
    assert_same(begin(), whole)
