"""TensorFlow, loaded quietly and made to repeat itself; and what of it and of the machine a run
depends on.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from modelspec import __version__

from ..backend.process_state import settle
from ..data.errors import RunError
from .environment import ONEDNN, chosen_by_variables, switched

_PACKAGES = ("tensorflow", "keras", "numpy", "scikit-learn", "h5py")
seeding = threading.RLock()
"""Held from the seeding of the process to the last weight that follows from it: other threads seed
it, too.
"""
_loaded = False
"""Whether this process has loaded it: the chatter of libraries is over then."""
_is_deterministic = False
"""Of the whole process: TensorFlow does not say whether it is."""
_BYTES_IN_TRAINING = 8
"""A float32 weight and its gradient; most optimizers keep more."""


@dataclass(frozen=True)
class Pins:
    """What sums are split by, which decides how they round. Fixed before TensorFlow makes its first
    tensor.
    """

    intra_op_threads: int
    inter_op_threads: int
    onednn: str
    """What `TF_ENABLE_ONEDNN_OPTS` says; `default` where it is not set."""

    @classmethod
    def here(cls, before: Mapping[str, Any] | None = None) -> Pins:
        """As the environment says; else as they were `before` (a manifest's `backend`); else as the
        machine has cores.
        """
        earlier = before if isinstance(before, Mapping) else {}
        environ, count = os.environ, cores()
        return cls(
            _whole(environ.get("TF_NUM_INTRAOP_THREADS"))
            or _whole(earlier.get("intra_op_threads"))
            or count,
            _whole(environ.get("TF_NUM_INTEROP_THREADS"))
            or _whole(earlier.get("inter_op_threads"))
            or count,
            environ.get(ONEDNN) or str(earlier.get("onednn") or "default"),
        )


def load(seed: int, *, deterministic: bool, pins: Pins | None = None) -> None:
    """Load Keras on TensorFlow, with every random number of the process from `seed`, and with the
    settings of `own_state`.

    Threads and oneDNN are pinned, by default as `Pins.here` has them, unless this process has used
    TensorFlow already. `deterministic` holds for the rest of the process: TensorFlow cannot take it
    back. Raises `RunError` (MS707) where it cannot be loaded.
    """
    global _is_deterministic
    with seeding:
        if not _loaded:
            _load(pins or Pins.here())
        import keras
        import tensorflow as tf

        if keras.backend.backend() != "tensorflow":
            raise RunError.of(
                "MS707",
                f"Keras runs on {keras.backend.backend()} in this process, and modelspec on "
                "TensorFlow",
                help="set `KERAS_BACKEND=tensorflow` before Keras is imported",
            )
        tf.get_logger().setLevel("ERROR")
        settle()
        keras.utils.set_random_seed(seed)
        if deterministic:
            tf.config.experimental.enable_op_determinism()
            _is_deterministic = True


def _load(pins: Pins) -> None:
    """The first time in this process. Raises `RunError` (MS707)."""
    global _loaded
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if pins.onednn != "default" and "tensorflow" not in sys.modules:
        os.environ[ONEDNN] = pins.onednn
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "tensorflow"
    try:
        with _without_native_chatter():
            import tensorflow as tf

            with suppress(
                RuntimeError
            ):  # the process has used TensorFlow before: `backend` says with what
                tf.config.threading.set_intra_op_parallelism_threads(pins.intra_op_threads)
                tf.config.threading.set_inter_op_parallelism_threads(pins.inter_op_threads)
            tf.config.list_physical_devices()
            tf.zeros(())  # the first operation greets the devices
            import keras  # noqa: F401  # after TensorFlow: what it raises is of its own settings
    except ImportError as error:
        raise RunError.of(
            "MS707", f"TensorFlow cannot be loaded: {error}", help="`pip install tensorflow`"
        ) from error
    except (AssertionError, ValueError, TypeError, AttributeError) as error:
        raise _not_set_up(error) from error  # what Keras raises for its `keras.json`
    _loaded = True


def _not_set_up(error: Exception) -> RunError:
    file = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "keras.json"
    said = str(error) or type(error).__name__
    return RunError.of(
        "MS707",
        f"Keras cannot be loaded with the settings of its user: {said}",
        help=f"correct or remove `{file}`, and unset KERAS_MAX_EPOCHS and"
        " KERAS_MAX_STEPS_PER_EPOCH",
    )


@contextmanager
def _without_native_chatter() -> Iterator[None]:
    """Keeps what native libraries write to standard error while they load; shown where loading
    fails.
    """
    try:
        saved = os.dup(2)
    except OSError:  # standard error is closed
        yield
        return
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except Exception:
            kept.seek(0)
            os.write(saved, kept.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)


def versions() -> dict[str, str]:
    """What is installed, without importing it."""
    found = {"python": platform.python_version(), "modelspec": __version__}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """The machine, as far as results may depend on it."""
    return {
        "platform": platform.platform(),
        "cpu": _cpu(),
        "architecture": platform.machine(),
        "cores": cores(),
        "memory": memory(),
    }


def backend() -> dict[str, Any]:
    """What of TensorFlow's own state results depend on; it is loaded by now."""
    import tensorflow as tf

    return {
        # 0 is TensorFlow's word for one for each core
        "intra_op_threads": tf.config.threading.get_intra_op_parallelism_threads() or cores(),
        "inter_op_threads": tf.config.threading.get_inter_op_parallelism_threads() or cores(),
        "onednn": os.environ.get(ONEDNN, "default"),
        "devices": [_device(device) for device in tf.config.list_physical_devices()],
        "environment": chosen_by_variables(),
        "switches": switched(),
    }


def promise() -> dict[str, Any]:
    """Whether the same spec gives the same weights to the bit on this machine type, and why not
    where it does not.
    """
    if not _is_deterministic:
        return {"promised": False, "why": "`runtime.deterministic` is false"}
    return {
        "promised": True,
        "where": "the same versions, processor, devices, threads and oneDNN setting",
    }


def _device(device: Any) -> str:
    """`CPU`, or `GPU (NVIDIA H100)`."""
    import tensorflow as tf

    details = (
        tf.config.experimental.get_device_details(device) if device.device_type == "GPU" else {}
    )
    name = details.get("device_name")
    return f"{device.device_type} ({name})" if name else str(device.device_type)


def cores() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _whole(value: object) -> int:
    """A number of threads as written; 0 where it is none."""
    text = str(value)
    return int(text) if text.isdecimal() and len(text) < 5 else 0


def _cpu() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
            return next(
                (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
                "",
            )
    except OSError:
        return platform.processor()


def memory() -> int:
    """Bytes of memory that the machine has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def check_memory(parameters: int) -> None:
    """Raises `RunError` (MS715) where not even the weights and their gradients fit into memory.

    Asked before anything is built: TensorFlow would end the process, and without a word.
    """
    needed, there = _BYTES_IN_TRAINING * parameters, memory()
    if needed > there:
        raise RunError.of(
            "MS715",
            f"{parameters:,} parameters need at least {needed / 1e9:,.1f} GB to be trained, and "
            f"the machine has {there / 1e9:,.1f} GB",
            help="use fewer units, or more memory",
        )
