"""Everything that a call may leave changed for the rest of the process, to be compared before and
after it.

`of_python` needs nothing but the standard library; `of_libraries` looks at those that are loaded.
Values that cannot be compared are represented by their identity.
"""

from __future__ import annotations

import decimal
import faulthandler
import gc
import locale
import logging
import multiprocessing
import os
import random
import resource
import signal
import socket
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import Any

_LIMITS = ("RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_STACK")


def changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What differs, with both values; of mappings, their entries that do."""
    found: dict[str, tuple[Any, Any]] = {}
    for name in {**before, **after}:
        one, other = before.get(name), after.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            inner = changed(one, other).items()
            found |= {f"{name}: {key}": values for key, values in inner}
        elif one != other:
            found[name] = one, other
    return found


def of_process() -> dict[str, Any]:
    """All of it."""
    return {**of_python(), **of_libraries()}


def of_python() -> dict[str, Any]:
    """What the interpreter and the operating system keep for the process."""
    mask = os.umask(0)
    os.umask(mask)
    wakeup = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(wakeup)
    files = {}
    for file in Path("/proc/self/fd").iterdir():
        try:
            files[int(file.name)] = str(file.readlink())
        except OSError:  # the one that listed them
            continue
    return {
        "random": random.getstate(),
        "environment": dict(os.environ),
        "folder": Path.cwd(),
        "umask": mask,
        "files": files,
        "limits": [resource.getrlimit(getattr(resource, one)) for one in _LIMITS],
        "cores": os.sched_getaffinity(0),
        "signals": {one: signal.getsignal(one) for one in signal.valid_signals()},
        "wakeup": wakeup,
        "timers": [signal.getitimer(one) for one in (signal.ITIMER_REAL, signal.ITIMER_PROF)],
        "paths": list(sys.path),
        "arguments": list(sys.argv),
        "finders": [id(one) for one in sys.meta_path],
        "hooks": (sys.excepthook, sys.unraisablehook, threading.excepthook, sys.displayhook),
        "tracing": (sys.gettrace(), sys.getprofile(), faulthandler.is_enabled()),
        "streams": tuple(map(id, (sys.stdin, sys.stdout, sys.stderr))),
        "recursion": sys.getrecursionlimit(),
        "switching": sys.getswitchinterval(),
        # What the tests have frozen becomes less when some of it is freed.
        "garbage": (gc.isenabled(), gc.get_threshold(), gc.get_freeze_count() > 0),
        "collected": len(gc.callbacks),
        "threads": sorted(one.name for one in threading.enumerate()),
        "children": len(multiprocessing.active_children()),
        "starting": multiprocessing.get_start_method(allow_none=True),
        "locale": [locale.setlocale(one) for one in (locale.LC_CTYPE, locale.LC_NUMERIC)],
        "zone": time.tzname,
        "temporary": tempfile.gettempdir(),
        "sockets": socket.getdefaulttimeout(),
        "decimal": str(decimal.getcontext()),
        "warnings": list(warnings.filters),
        "showing warnings": (warnings.showwarning, warnings.formatwarning),
        **_logging(),
    }


def _logging() -> dict[str, Any]:
    def told(one: logging.Logger) -> tuple[Any, ...]:
        handlers = [(handler, handler.level, list(handler.filters)) for handler in one.handlers]
        return one.level, handlers, list(one.filters), one.propagate, one.disabled

    loggers = {
        name: told(one)
        for name, one in logging.root.manager.loggerDict.items()
        if isinstance(one, logging.Logger) and told(one) != (0, [], [], True, False)
    }
    last = logging.lastResort
    return {
        "root logger": told(logging.root),
        "loggers": loggers,
        "logging": (
            logging.root.manager.disable,
            last,
            last and list(last.filters),
            logging.getLoggerClass(),
            logging.getLogRecordFactory(),
        ),
    }


def of_libraries() -> dict[str, Any]:
    """What NumPy, Keras, TensorFlow, scikit-learn and pandas keep."""
    return {**_numpy(), **_keras(), **_tensorflow(), **_frames()}


def _numpy() -> dict[str, Any]:
    import numpy as np

    return {
        "NumPy random": str(np.random.get_state(legacy=False)),
        "NumPy errors": (np.geterr(), np.geterrcall(), np.getbufsize()),
        "NumPy printing": np.get_printoptions(),
    }


def _keras() -> dict[str, Any]:
    import keras
    from keras.src.backend.common import global_state

    config = keras.config
    kept = vars(global_state.GLOBAL_STATE_TRACKER)
    return {
        "Keras settings": {
            name: getattr(config, name)()
            for name in (
                "backend",
                "floatx",
                "epsilon",
                "image_data_format",
                "max_epochs",
                "max_steps_per_epoch",
                "is_traceback_filtering_enabled",
                "is_interactive_logging_enabled",
                "is_flash_attention_enabled",
            )
        },
        "Keras dtype policy": config.dtype_policy().name,
        "Keras names": dict(kept.get("object_name_uids") or {}),
        "Keras of the thread": {
            name: id(value)
            for name, value in kept.items()
            # not what is compared above, and what Keras looks up once for each class it saves
            if value
            and name not in ("object_name_uids", "dtype_policy")
            and not name.startswith("saving_attr_skipset")
        },
        "Keras classes": sorted(
            name for name in keras.saving.get_custom_objects() if not name.startswith("modelspec>")
        ),
        "Keras drawing": id(sys.modules["keras.src.random.seed_generator"].python_random),
    }


def _tensorflow() -> dict[str, Any]:
    import tensorflow as tf
    from tensorflow.python.eager import context
    from tensorflow.python.framework import config

    now = context.context()
    drawn = getattr(now, "_rng", None)
    return {
        "TensorFlow seed": (now._seed, drawn and drawn.getstate()),
        "TensorFlow determinism": config.is_op_determinism_enabled(),
        "TensorFlow threads": (
            tf.config.threading.get_intra_op_parallelism_threads(),
            tf.config.threading.get_inter_op_parallelism_threads(),
        ),
        "TensorFlow switches": (
            tf.config.functions_run_eagerly(),
            tf.config.optimizer.get_jit(),
            tf.config.optimizer.get_experimental_options(),
            tf.config.experimental.tensor_float_32_execution_enabled(),
            tf.config.get_soft_device_placement(),
        ),
        "TensorFlow devices": list(map(str, tf.config.list_logical_devices())),
        "TensorFlow graph": tf.executing_eagerly(),
        "TensorFlow strategy": tf.distribute.has_strategy(),
    }


def _frames() -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "sklearn" in sys.modules:
        import sklearn

        found["scikit-learn"] = sklearn.get_config()
    if "pandas" in sys.modules:
        import pandas as pd

        names = ("display.max_rows", "display.precision")
        found["pandas"] = [pd.get_option(name) for name in names]
    return found
