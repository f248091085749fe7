"""What numbers follow from beside the spec and the data: global state of the process.

Keras has a default dtype, an epsilon, a layout of images and limits of its own, which it reads from
`~/.keras/keras.json` and the environment, and any program can set them; NumPy has error states and
a way to print; and whoever seeds random numbers seeds those of the whole process. While modelspec
works all of it is as below, whatever the file or the program says. Afterwards it is as it was.
"""

from __future__ import annotations

import os
import random
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

FLOATX, EPSILON, IMAGE_DATA_FORMAT = "float32", 1e-7, "channels_last"
"""Keras's own defaults: `runtime.precision` and `data_format` of layers say what differs."""
_NUMPY_ERRORS: dict[str, Any] = {
    "divide": "warn",
    "over": "warn",
    "under": "ignore",
    "invalid": "warn",
}
_NUMPY_PRINTS: dict[str, Any] = {
    "precision": 8,
    "threshold": 1000,
    "edgeitems": 3,
    "linewidth": 75,
    "suppress": False,
    "nanstr": "nan",
    "infstr": "inf",
    "sign": "-",
    "formatter": None,
    "floatmode": "maxprec",
    "legacy": False,
}
_KERAS_GLOBALS = ("dtype_policy", "global_random_seed", "global_seed_generator")
"""Keras's names of what it keeps for the process and has no function to read as it is."""

_lock = threading.RLock()
_depth = 0
"""How many calls are at work, in all threads: what was there before is put back by the last."""
_back: dict[str, Callable[[], None]] = {}
"""What puts back each part of the state."""


@contextmanager
def own_state() -> Iterator[None]:
    """Keras's settings, NumPy's error and print state are modelspec's own in it; after it these and
    the state of every global random generator are what they were. Also a decorator.
    """
    import numpy as np

    global _depth
    with _lock:
        if not _depth:
            _back.update(random=_random_back(), tensorflow=_tensorflow_back())
        _depth += 1
        settle()
    try:
        with np.errstate(**_NUMPY_ERRORS), np.printoptions(**_NUMPY_PRINTS):
            yield
    finally:
        with _lock:
            _depth -= 1
            if not _depth:
                for put_back in _back.values():
                    put_back()
                _back.clear()


def import_keras() -> None:
    """Keras on TensorFlow, quietly, with modelspec's settings."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras  # noqa: F401  # importing it is all that is to be done

    settle()


def settle() -> None:
    """Keras's settings as modelspec has them, from here to the end of `own_state`; to be called
    once Keras is imported.
    """
    if not hasattr(sys.modules.get("keras"), "config"):
        return
    import keras

    with _lock:
        if _depth and "keras" not in _back:
            _back["keras"] = _keras_back()
        _set(FLOATX, EPSILON, IMAGE_DATA_FORMAT, None, None)
        keras.config.set_dtype_policy(FLOATX)


def _set(floatx: str, epsilon: float, images: str, epochs: int | None, steps: int | None) -> None:
    from keras import config

    config.set_floatx(floatx)
    config.set_epsilon(epsilon)
    config.set_image_data_format(images)
    config.set_max_epochs(epochs)  # a limit for debugging, which would end a training early
    config.set_max_steps_per_epoch(steps)


# What was there before ----------------------------------------------------------------------------


def _keras_back() -> Callable[[], None]:
    from keras import config
    from keras.src.backend.common import global_state

    names = (
        config.floatx(),
        config.epsilon(),
        config.image_data_format(),
        config.max_epochs(),
        config.max_steps_per_epoch(),
    )
    kept = {name: global_state.get_global_attribute(name) for name in _KERAS_GLOBALS}

    def put_back() -> None:
        _set(*names)
        for name, value in kept.items():
            global_state.set_global_attribute(name, value)

    return put_back


def _random_back() -> Callable[[], None]:
    import numpy as np

    of_python, of_numpy = random.getstate(), np.random.get_state(legacy=False)

    def put_back() -> None:
        random.setstate(of_python)
        np.random.set_state(of_numpy)

    return put_back


def _tensorflow_back() -> Callable[[], None]:
    """TensorFlow's global seed, and the generator of the seeds of its operations."""
    before = _context()
    seed, generator = getattr(before, "_seed", None), getattr(before, "_rng", None)
    state = generator.getstate() if generator is not None else None

    def put_back() -> None:
        context = _context()
        if context is None:
            return
        context._seed, context._rng = seed, generator
        if generator is not None:
            generator.setstate(state)

    return put_back


def _context() -> Any:
    """What TensorFlow keeps for the process; None where it is not loaded."""
    module = sys.modules.get("tensorflow.python.eager.context")
    return module.context() if module is not None else None
