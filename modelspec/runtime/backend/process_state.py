"""Isolates the global state of the process that influences results, besides the spec and the data.

Keras has a default dtype, an epsilon, an image layout and limits, which it reads from
`~/.keras/keras.json` and the environment, and which any program can change; NumPy has error and
print settings; and layers without a seed draw one from Python's generator. While modelspec runs,
all of these have the values below. Afterwards they are restored.

Random numbers come from generators of modelspec, one for each working thread: the global generators
are neither seeded nor used, so that other threads of the program draw the same numbers as without
modelspec.
"""

from __future__ import annotations

import os
import random
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from modelspec.core.quick_import import quick_import

from .native_output import loading_quietly
from .tensorflow_state import quiet_logger, refuse_a_fork, tensorflow_back

FLOATX, EPSILON, IMAGE_DATA_FORMAT = "float32", 1e-7, "channels_last"
"""Keras's own defaults: `runtime.precision` and `data_format` of layers override them."""
_CONFIG: dict[str, Any] = {
    "floatx": FLOATX,
    "epsilon": EPSILON,
    "image_data_format": IMAGE_DATA_FORMAT,
    "max_epochs": None,  # a debugging limit, which would end a training early
    "max_steps_per_epoch": None,
}
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
_KERAS_GLOBALS = (
    "dtype_policy",
    "global_random_seed",
    "global_seed_generator",
    "object_name_uids",
)
"""Keras's names of its thread-local settings that have no function to read them unchanged."""


class _OfThread(threading.local):
    """The state of one thread."""

    depth = 0
    """The number of nested calls."""
    drawn: random.Random | None = None
    """The generator of seeds inside such a call."""
    back: Callable[[], None] | None = None
    """Restores Keras's thread-local settings."""


_here = _OfThread()
_lock = threading.RLock()
_depth = 0
"""The number of active calls in all threads: the last one restores the previous state."""
_back: list[Callable[[], None]] = []
"""Restores the state that all threads share."""


@contextmanager
def own_state() -> Iterator[None]:
    """Inside this context, Keras's settings and NumPy's error and print settings are those of
    modelspec, and seeds are drawn from a generator of this thread; afterwards the previous state is
    restored. Also a decorator.
    """
    import numpy as np

    _enter()
    try:
        settle()
        with np.errstate(**_NUMPY_ERRORS), np.printoptions(**_NUMPY_PRINTS):
            yield
    finally:
        _leave()


def _enter() -> None:
    global _depth
    with _lock:
        _depth += 1
    if not _here.depth:
        _here.drawn = random.Random(0)  # noqa: S311  # nothing secret is drawn
    _here.depth += 1


def _leave() -> None:
    global _depth
    _here.depth -= 1
    if not _here.depth:
        _here.drawn = None
        if _here.back is not None:
            _here.back()
            _here.back = None
    with _lock:
        _depth -= 1
        while not _depth and _back:
            _back.pop()()


def generator() -> random.Random:
    """The generator for layers without a seed, in this thread and inside `own_state`."""
    assert _here.drawn is not None, "only inside `own_state`"
    return _here.drawn


@contextmanager
def importing(**variables: str) -> Iterator[None]:
    """Sets environment variables that libraries read while they are imported; child processes of
    the program do not get them. Random numbers that libraries draw during the import do not change
    the global generators. The import is as quick as `quick_import` makes it.
    """
    wanted = {"TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "3"), **variables}
    if "keras" not in sys.modules:  # which reads it once
        wanted["KERAS_BACKEND"] = "tensorflow"
    before, drawn = {name: os.environ.get(name) for name in wanted}, random.getstate()
    os.environ.update(wanted)
    try:
        with quick_import():
            yield
    finally:
        random.setstate(drawn)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def import_keras() -> None:
    """Imports Keras on TensorFlow, without output, with modelspec's settings. Raises `RunError`
    (MS728).
    """
    refuse_a_fork()
    if "keras" not in sys.modules:
        with loading_quietly(), importing():
            import keras  # noqa: F401  # importing it is all that is to be done

    settle()


def settle() -> None:
    """Applies modelspec's settings of Keras until the end of `own_state`; must be called after
    Keras was imported.
    """
    if not hasattr(sys.modules.get("keras"), "config"):
        return
    import keras
    from keras.src.backend.common import global_state

    with _lock:
        if _depth and not _back:
            _back.extend((tensorflow_back(), _keras_back(), _drawing_back()))
        _set(_CONFIG)
        quiet_logger()
    if not _here.depth:
        return
    if _here.back is None:
        _here.back = _thread_back()
        global_state.set_global_attribute("object_name_uids", defaultdict(int))
    keras.config.set_dtype_policy(FLOATX)


def _set(values: Mapping[str, Any]) -> None:
    from keras import config

    for name, value in values.items():
        if getattr(config, name)() != value:
            getattr(config, f"set_{name}")(value)


# Previous state -----------------------------------------------------------------------------------


def _keras_back() -> Callable[[], None]:
    from keras import config

    before = {name: getattr(config, name)() for name in _CONFIG}

    def put_back() -> None:
        # Values that another thread of the program has set since then are kept.
        ours = {name for name, value in _CONFIG.items() if getattr(config, name)() == value}
        _set({name: was for name, was in before.items() if name in ours})

    return put_back


def _thread_back() -> Callable[[], None]:
    from keras.src.backend.common import global_state

    kept = {name: global_state.get_global_attribute(name) for name in _KERAS_GLOBALS}

    def put_back() -> None:
        for name, value in kept.items():
            global_state.set_global_attribute(name, value)

    return put_back


class _Drawing:
    """Replaces Python's module `random` where Keras draws seeds."""

    def randint(self, first: int, last: int) -> int:
        """As `random.randint`: from the generator of a thread in which modelspec works."""
        return (_here.drawn or random).randint(first, last)


def _drawing_back() -> Callable[[], None]:
    from keras.src.random import seed_generator

    seed_generator.python_random = _Drawing()

    def put_back() -> None:
        seed_generator.python_random = random

    return put_back


def _after_fork() -> None:
    """The child has only the thread that forked, and no lock is held by another thread."""
    global _lock, _depth
    _lock = threading.RLock()
    _depth = _here.depth


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
