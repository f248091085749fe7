"""The training loop against `fit`: the same batches give the same weights, the same history, the
same callbacks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelspec.runtime.backend.process_state import generator, own_state

pytestmark = pytest.mark.tensorflow

EPOCHS, STEPS, BATCH = 4, 7, 8
COUNT = STEPS * BATCH - 3
"""The last batch of an epoch is smaller."""


@pytest.fixture(scope="module", autouse=True)
def _framework() -> Iterator[None]:
    """Keras's models are made as any program makes them, with every operation deterministic."""
    from modelspec.runtime.run import framework

    with own_state():
        framework.load(1, deterministic=False)
    import tensorflow as tf
    from tensorflow.python.framework import config

    tf.config.experimental.enable_op_determinism()
    yield
    config.disable_op_determinism()


def data(seed: int, *, weights: bool = False) -> Any:
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(COUNT, 8, 8, 1)).astype("float32")
    kinds = (inputs.mean((1, 2, 3)) > 0).astype("int64") + (inputs[:, 0, 0, 0] > 0)
    found = (inputs, kinds)
    return (*found, rng.uniform(0.2, 2, COUNT).astype("float32")) if weights else found


def batches(arrays: Any, epochs: int) -> Any:
    """Every epoch in an order of its own."""
    import tensorflow as tf

    orders = [np.random.default_rng([5, epoch]).permutation(COUNT) for epoch in range(epochs)]
    parts = [tuple(np.asarray(one)[order] for one in arrays) for order in orders]
    sets = [tf.data.Dataset.from_tensor_slices(part).batch(BATCH) for part in parts]
    whole = sets[0]
    for one in sets[1:]:
        whole = whole.concatenate(one)
    return whole


def plain_cnn(optimizer: Any = "adam", **compiled: Any) -> Any:
    import keras

    keras.utils.set_random_seed(3)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.GaussianNoise(0.1),
            layers.Conv2D(4, 3, kernel_regularizer="l2", name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(3, activation="softmax", name="kind"),
        ],
        name="net",
    )
    settings = {
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["accuracy"],
        "jit_compile": False,
        **compiled,
    }
    model.compile(optimizer=optimizer, **settings)
    return model


def two_heads() -> Any:
    import keras

    keras.utils.set_random_seed(3)
    inputs = keras.Input((8, 8, 1))
    inner = keras.layers.Dense(6, "tanh")(keras.layers.Flatten()(inputs))
    outputs = {
        "kind": keras.layers.Dense(3, "softmax", name="kind")(inner),
        "price": keras.layers.Dense(1, name="price")(keras.layers.Dropout(0.2)(inner)),
    }
    model = keras.Model(inputs, outputs)
    model.compile(
        "rmsprop",
        {"kind": "sparse_categorical_crossentropy", "price": "mse"},
        loss_weights={"kind": 1.0, "price": 0.3},
        metrics={"kind": ["accuracy"], "price": ["mae"]},
        weighted_metrics={"kind": [keras.metrics.SparseCategoricalCrossentropy(name="crossed")]},
        jit_compile=False,
    )
    return model


def words() -> Any:
    import keras

    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Flatten(),
            keras.layers.Lambda(lambda x: keras.ops.cast(keras.ops.abs(x) * 4, "int32") % 10),
            keras.layers.Embedding(10, 4),
            keras.layers.LSTM(4, recurrent_dropout=0.1),
            keras.layers.Dense(3),
        ]
    )
    model.compile(
        keras.optimizers.SGD(0.1, momentum=0.9, clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    return model


def mixed() -> Any:
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        return plain_cnn(
            keras.optimizers.LossScaleOptimizer(
                keras.optimizers.AdamW(0.01), initial_scale=2.0**17, dynamic_growth_steps=3
            )
        )
    finally:
        keras.config.set_dtype_policy(before)


def averaged() -> Any:
    import keras

    return plain_cnn(
        keras.optimizers.AdamW(0.01, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=5)
    )


def accumulated() -> Any:
    import keras

    schedule = keras.optimizers.schedules.CosineDecay(0.05, 12)
    return plain_cnn(keras.optimizers.Adam(schedule, gradient_accumulation_steps=3))


def callbacks(folder: Path) -> list[Any]:
    from keras.callbacks import (
        CSVLogger,
        EarlyStopping,
        LearningRateScheduler,
        ModelCheckpoint,
        ReduceLROnPlateau,
    )

    return [
        LearningRateScheduler(lambda epoch, rate: rate * 0.9),
        CSVLogger(str(folder / "log.csv")),
        ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=0.5),
        ModelCheckpoint(
            str(folder / "{epoch}-{batch}.weights.h5"), save_weights_only=True, save_freq=5
        ),
        EarlyStopping("val_loss", patience=1, restore_best_weights=True, min_delta=0.05),
    ]


def ours(model: Any, arrays: Any, validation: Any, chosen: list[Any], epochs: int = EPOCHS) -> Any:
    from modelspec.runtime.run.epoch_callbacks import History
    from modelspec.runtime.run.events import Watcher
    from modelspec.runtime.run.training_loop import Fitting, Task
    from modelspec.runtime.run.training_state import KeptCallback

    task = Task(
        epochs,
        STEPS,
        lambda epoch, step: batches(arrays, epochs).skip(epoch * STEPS + step),
        batches(validation, 1),
        STEPS,
    )
    fitting = Fitting(
        model,
        task,
        history=History(None, Watcher(), COUNT),
        callbacks=[KeptCallback(one, None) for one in chosen],
    )
    with own_state():
        fitting.run()
    return model.history.history


def kerass(model: Any, arrays: Any, validation: Any, chosen: list[Any]) -> Any:
    return model.fit(
        batches(arrays, EPOCHS),
        epochs=EPOCHS,
        steps_per_epoch=STEPS,
        verbose=0,
        callbacks=chosen,
        validation_data=batches(validation, 1),
    ).history


def assert_equal(one: Any, other: Any) -> None:
    for mine, keras_own in zip(
        [*one.variables, *one.optimizer.variables],
        [*other.variables, *other.optimizer.variables],
        strict=True,
    ):
        np.testing.assert_array_equal(mine.numpy(), keras_own.numpy(), err_msg=mine.path)


@pytest.mark.parametrize(
    ("make", "weights"),
    [
        (plain_cnn, True),
        (words, False),
        (mixed, False),
        (averaged, True),
        (accumulated, False),
    ],
)
def test_the_same_batches_give_what_fit_gives(make: Callable[[], Any], weights: bool) -> None:
    mine, other = make(), make()
    extra = []
    if make is averaged:
        import keras

        extra = [
            keras.callbacks.SwapEMAWeights(swap_on_epoch=True),
            keras.callbacks.SwapEMAWeights(swap_on_epoch=True),
        ]
    arrays, validation = data(1, weights=weights), data(2)
    history = ours(mine, arrays, validation, extra[:1])
    assert history == kerass(other, arrays, validation, extra[1:])
    assert len(history["val_loss"]) == EPOCHS
    assert_equal(mine, other)


def test_several_outputs_with_weights_of_their_own() -> None:
    def named(found: Any) -> Any:
        import tensorflow as tf

        return found.map(
            lambda x, y, w: (
                x,
                {"kind": y, "price": tf.reduce_mean(x, (1, 2))},
                {"kind": w, "price": w},
            )
        )

    from modelspec.runtime.run.epoch_callbacks import History
    from modelspec.runtime.run.events import Watcher
    from modelspec.runtime.run.training_loop import Fitting, Task

    arrays, validation = data(1, weights=True), data(2, weights=True)
    mine, other = two_heads(), two_heads()
    task = Task(
        EPOCHS,
        STEPS,
        lambda epoch, step: named(batches(arrays, EPOCHS)),
        named(batches(validation, 1)),
        STEPS,
    )
    Fitting(mine, task, history=History(None, Watcher(), COUNT)).run()
    theirs = other.fit(
        named(batches(arrays, EPOCHS)),
        epochs=EPOCHS,
        steps_per_epoch=STEPS,
        verbose=0,
        validation_data=named(batches(validation, 1)),
    ).history
    found = mine.history.history
    # Keras's parts of the loss count batches, ours count examples (tests/test_measures.py).
    parts = {name for name in theirs if name.endswith(("kind_loss", "price_loss"))}
    assert set(found) == set(theirs) and len(parts) == 4
    assert [found[name] for name in theirs if name not in parts] == [
        theirs[name] for name in theirs if name not in parts
    ]
    assert {"loss", "kind_loss", "kind_crossed", "val_price_mae"} <= set(theirs)
    assert_equal(mine, other)


def test_callbacks_act_as_they_do_in_fit(tmp_path: Path) -> None:
    left, right = tmp_path / "mine", tmp_path / "keras"
    left.mkdir()
    right.mkdir()
    mine, other = plain_cnn(), plain_cnn()
    arrays, validation = data(1), data(2)
    history = ours(mine, arrays, validation, callbacks(left))
    assert history == kerass(other, arrays, validation, callbacks(right))
    assert len(history["loss"]) < EPOCHS, "it should stop early"
    assert_equal(mine, other)
    assert sorted(one.name for one in left.iterdir()) == sorted(one.name for one in right.iterdir())
    assert "1-5.weights.h5" in {one.name for one in left.iterdir()}
    assert (left / "log.csv").read_bytes() == (right / "log.csv").read_bytes()


def test_hooks_come_in_the_order_of_fit() -> None:
    import keras

    class Heard(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.calls: list[Any] = []

        def __getattribute__(self, name: str) -> Any:
            found = super().__getattribute__(name)
            if not name.startswith("on_"):
                return found

            def hook(*args: Any, logs: Any = None) -> Any:
                self.calls.append(
                    (name, *(arg for arg in args if isinstance(arg, int)), sorted(logs or ()))
                )
                return found(*args)

            return hook

    mine, other = Heard(), Heard()
    arrays, validation = data(1), data(2)
    ours(plain_cnn(), arrays, validation, [mine])
    kerass(plain_cnn(), arrays, validation, [other])
    assert mine.calls == other.calls
    assert ("on_train_batch_end", STEPS - 1, ["accuracy", "loss"]) in mine.calls


def test_a_callback_that_stops_the_training_stops_it() -> None:
    import keras

    def chosen(model: Any) -> list[Any]:
        def stop(batch: int, logs: Any) -> None:
            model.stop_training = batch == 3

        return [keras.callbacks.LambdaCallback(on_train_batch_end=stop)]

    mine, other = plain_cnn(), plain_cnn()
    arrays, validation = data(1), data(2)
    history = ours(mine, arrays, validation, chosen(mine))
    assert history == kerass(other, arrays, validation, chosen(other))
    assert len(history["loss"]) == 1
    assert_equal(mine, other)


# State --------------------------------------------------------------------------------------------


def test_every_callback_of_the_language_says_what_of_it_is_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import modelspec as ms
    from modelspec.catalog.components import CALLBACKS
    from modelspec.runtime.backend.compile_model import callbacks

    monkeypatch.chdir(tmp_path)
    needed = {
        "ModelCheckpoint": {"filepath": "m.keras"},
        "CSVLogger": {"filename": "log.csv"},
        "LearningRateScheduler": {"schedule": "lr"},
    }
    spec = ms.load_spec(
        {
            "model": {"inputs": [2], "layers": [{"Dense": 1}]},
            "training": {
                "loss": "mse",
                "optimizer": {"SGD": {"use_ema": True}},
                "callbacks": [{name: needed.get(name, {})} for name in CALLBACKS.kinds()],
            },
        },
        allow_hosts=["localhost:9000"],
    )
    assert spec.compiled.training is not None
    model = plain_cnn()
    for chosen, callback in zip(
        spec.compiled.training.callbacks, callbacks(spec.compiled.training), strict=True
    ):
        state = type(chosen.settings).state  # type: ignore[union-attr]
        assert state is not None, chosen.written
        callback.set_model(model)
        callback.on_train_begin()
        callback.on_epoch_begin(0)
        assert [one for one in state if not hasattr(callback, one)] == [], chosen.written


@own_state()
def test_what_was_captured_is_restored_with_its_types(tmp_path: Path) -> None:
    import keras

    from modelspec.runtime.run.checkpoints import Store
    from modelspec.runtime.run.training_state import KeptCallback, State

    def made() -> tuple[Any, State]:
        model = plain_cnn(keras.optimizers.AdamW(0.01))
        model.optimizer.build(model.trainable_variables)
        stopping = keras.callbacks.EarlyStopping()
        stopping.set_model(model)
        stopping.on_train_begin()
        return model, State(model, [KeptCallback(stopping, ("best", "best_weights", "wait"))])

    one, state = made()
    for variable in (*one.variables, *one.optimizer.variables):
        values = np.random.default_rng(0).uniform(size=variable.shape)
        variable.assign(
            values.astype("float32")
            if "float" in variable.dtype
            else (9 * values).astype(variable.dtype)
        )
    kept = state.callbacks[0].callback
    kept.best, kept.best_weights, kept.wait = float("inf"), one.get_weights(), 3
    Store(tmp_path).write(5, *state.capture())
    drawn = [generator().random() for _ in range(3)]

    other, again = made()
    found = Store(tmp_path).latest()
    assert found is not None
    again.restore(found.tensors(), found.state)
    assert_equal(one, other)
    restored = again.callbacks[0].callback
    assert (restored.best, restored.wait) == (float("inf"), 3)
    assert all(
        (a == b).all() for a, b in zip(restored.best_weights, one.get_weights(), strict=True)
    )
    assert [generator().random() for _ in range(3)] == drawn


@own_state()
def test_a_callback_that_nothing_is_known_of_keeps_a_run_from_going_on_exactly() -> None:
    import keras

    from modelspec.runtime.run import drift
    from modelspec.runtime.run.saver import Snapshot
    from modelspec.runtime.run.training_state import KeptCallback, State

    model = plain_cnn()
    model.optimizer.build(model.trainable_variables)
    _, state = State(model, [KeptCallback(keras.callbacks.LambdaCallback(), None)]).capture()
    assert [(one.what, one.harmless) for one in drift.of_callbacks(Snapshot(0, {}, state))] == [
        ("callback LambdaCallback", False)
    ]


def test_steps_are_taken_one_by_one_only_for_those_who_must_see_each() -> None:
    from keras.callbacks import (
        CSVLogger,
        EarlyStopping,
        LambdaCallback,
        ModelCheckpoint,
        TensorBoard,
        TerminateOnNaN,
    )

    from modelspec.runtime.run.epoch_callbacks import needs_each_batch

    some = [
        EarlyStopping(),
        CSVLogger("x"),
        TerminateOnNaN(),
        ModelCheckpoint("x.keras"),
        TensorBoard(),
        LambdaCallback(on_epoch_end=print),
    ]
    every = [
        ModelCheckpoint("x.keras", save_freq=3),
        TensorBoard(update_freq=5),
        TensorBoard(profile_batch=2),
        LambdaCallback(on_train_batch_end=print),
    ]
    assert not any(map(needs_each_batch, some))
    assert all(map(needs_each_batch, every))


def test_calls_of_many_steps_grow_to_what_a_tenth_of_a_second_holds() -> None:
    from modelspec.compiler.spec.checkpoint import Every
    from modelspec.runtime.run.pacing import Due, Pace

    pace = Pace(one_by_one=False)
    counts = []
    for _ in range(8):
        counts.append(pace.count)
        pace.took(pace.count, 0.001 * pace.count)
    assert counts[0] == 1
    assert sorted(counts) == counts
    assert counts[-1] == 100
    pace.took(100, 1000.0)
    assert pace.count == 1
    due = Due(Every(steps=7), 9)
    assert [due.within(position) for position in (0, 1, 6, 7)] == [7, 6, 1, 7]
    assert [due.now(position) for position in (7, 8, 14)] == [True, False, True]
    assert Due(Every(epochs=2), 9).within(9) == 9
    assert Due(Every(seconds=10**9), 9).within(3) is None


def test_the_logs_of_tensorboard_go_back_to_a_checkpoint_or_to_nothing(tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    from modelspec.runtime.run.callback_logs import extent, rewind
    from modelspec.runtime.run.saver import Snapshot

    model = plain_cnn()

    def made() -> Any:
        return keras.callbacks.TensorBoard(str(tmp_path))

    def read() -> list[int]:
        records = (
            record
            for path in sorted(tmp_path.glob("train/events*"))
            for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
        )
        events = map(tf.compat.v1.Event.FromString, records)
        return [
            event.step for event in events for value in event.summary.value if value.tag == "loss"
        ]

    def log(callback: Any, *steps: int) -> None:
        callback.write_graph = False
        if not hasattr(callback, "_train_dir"):
            callback.set_model(model)
        with callback._train_writer.as_default():
            for step in steps:
                tf.summary.write("loss", 1.0, step=step)
        callback._train_writer.flush()

    def at(files: dict[str, int], name: str = "TensorBoard") -> Snapshot:
        return Snapshot(2, {}, {"epoch": 0, "callbacks": [{"name": name, "files": files}]})

    first = made()
    log(first, 0, 1)
    files = extent(first)
    log(first, 2, 3)
    rewind([made()], at(files, "EarlyStopping"))  # the run had none there: these are not its logs
    assert read() == [0, 1, 2, 3]
    second = made()
    rewind([second], at(files))
    assert not second.write_graph
    log(second, 2)
    assert read() == [0, 1, 2]
    rewind([second], at(files))
    assert read() == [0, 1]
    rewind([made()], None)
    assert read() == []
    assert extent(keras.callbacks.EarlyStopping()) == {}
