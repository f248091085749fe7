"""Global state of TensorFlow that modelspec changes temporarily: op determinism, the seed that it
then requires, and the level of its logger.
"""

from __future__ import annotations

import logging
import os
import random
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from modelspec.core import forked
from modelspec.errors import RunError


def refuse_a_fork() -> None:
    """Raises `RunError` (MS728) if TensorFlow would wait for threads that do not exist."""
    if forked.tensorflow_was_at_work():
        raise RunError.of(
            "MS728",
            "this process was forked from one that had used TensorFlow; TensorFlow does not work"
            " in such a child",
            help="start processes with `multiprocessing.get_context('spawn')`, or use TensorFlow"
            " only in the children",
        )


def tensorflow_back() -> Callable[[], None]:
    """Restores the current state, or the initial state of TensorFlow if it is not loaded yet.

    The seed and the generator are restored only if they are still those of `make_deterministic`:
    values that another thread of the program has set since then are kept.
    """
    context = _context()
    kept = (getattr(context, "_seed", None), getattr(context, "_rng", None))
    logger = logging.getLogger("tensorflow")
    deterministic, level = is_deterministic(), logger.level

    def put_back() -> None:
        logger.setLevel(level)
        if is_deterministic() != deterministic:
            _switch().enable(deterministic)
        now = _context()
        if isinstance(getattr(now, "_rng", None), _Guard):
            now._seed, now._rng = kept

    return put_back


def quiet_logger() -> None:
    """TensorFlow's Python code logs only errors until the end of `own_state`."""
    logging.getLogger("tensorflow").setLevel("ERROR")


class _Guard(random.Random):
    """The generator of seeds if none is set: its seed differs each time."""


def make_deterministic() -> None:
    """Makes all operations deterministic until the end of `own_state`.

    TensorFlow then rejects random operations without a seed. modelspec has none; those of other
    threads get a seed, which only prevents the rejection. A seed that the program has set is kept.
    """
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    context = _context()
    if context._seed is None:
        # Not by `set_seed`, which also resets the position of operations with their own seed.
        seed = int.from_bytes(os.urandom(4), "little")
        context._seed, context._rng = seed, _Guard(seed)


def is_deterministic() -> bool:
    """Whether operations are deterministic; false if TensorFlow is not loaded."""
    return "tensorflow" in sys.modules and bool(_switch().is_enabled())


def _switch() -> Any:
    """TensorFlow's own functions can only enable it."""
    return import_module("tensorflow.python.util._pywrap_determinism")


def _context() -> Any:
    """TensorFlow's state of the process; None if it is not loaded."""
    module = sys.modules.get("tensorflow.python.eager.context")
    return module.context() if module is not None else None
