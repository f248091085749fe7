"""Loads TensorFlow without output and makes it deterministic; and records its state and the machine
that a run depends on.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..backend.native_output import loading_quietly
from ..backend.process_state import generator, importing, settle
from ..backend.tensorflow_state import is_deterministic, make_deterministic, refuse_a_fork
from ..data.errors import RunError
from ..distributed.replica_count import ALONE, replicas_of
from ..history.machine import Pins as Pins
from ..history.machine import cores as cores
from ..history.machine import machine as machine
from ..history.machine import memory as memory
from ..history.machine import versions as versions
from .environment import ONEDNN, chosen_by_variables, switched

_loading = threading.RLock()
"""Held while TensorFlow is loaded: one thread sets its options, the others wait."""
_loaded = False
"""Whether this process has loaded it: then libraries print no more startup messages."""
_onednn: str | None = None
"""The value of `TF_ENABLE_ONEDNN_OPTS` when TensorFlow was loaded."""
_replicas = ALONE
"""The replicas of the run that this process trains."""
_BYTES_IN_TRAINING = 8
"""Bytes of a float32 weight and its gradient; most optimizers need more."""


def load(
    seed: int,
    *,
    deterministic: bool,
    pins: Pins | None = None,
    choose_devices: Callable[[], None] = lambda: None,
) -> None:
    """Load Keras on TensorFlow, with the settings of `own_state`; layers of this thread without a
    seed draw one from a generator with `seed`. Must be called inside `own_state`.

    Threads and oneDNN are fixed, by default to `Pins.here`, unless this process has already used
    TensorFlow. Raises `RunError`: MS707 if it cannot be loaded, MS728 in a process that was forked
    from one that used it. `choose_devices` is called when TensorFlow has been imported, in a new
    process before it creates its devices.
    """
    refuse_a_fork()
    with _loading:
        if _loaded:
            choose_devices()
        else:
            _load(pins or Pins.here(), choose_devices)
    import keras

    if keras.backend.backend() != "tensorflow":
        raise RunError.of(
            "MS707",
            f"Keras uses the backend {keras.backend.backend()} in this process, but modelspec"
            " requires TensorFlow",
            help="set `KERAS_BACKEND=tensorflow` before Keras is imported",
        )
    settle()
    generator().seed(seed)
    if deterministic:
        make_deterministic()


def _load(pins: Pins, choose_devices: Callable[[], None]) -> None:
    """Loads it for the first time in this process. Raises `RunError` (MS707)."""
    global _loaded, _onednn
    pinned = {}
    if pins.onednn != "default" and "tensorflow" not in sys.modules:
        pinned[ONEDNN] = pins.onednn
    try:
        with loading_quietly(), importing(**pinned):
            import tensorflow as tf

            with suppress(
                RuntimeError
            ):  # the process has used TensorFlow before: `backend` has the settings
                tf.config.threading.set_intra_op_parallelism_threads(pins.intra_op_threads)
                tf.config.threading.set_inter_op_parallelism_threads(pins.inter_op_threads)
            tf.config.list_physical_devices()
            choose_devices()
            tf.zeros(())  # the first operation prints messages about devices
            import keras  # noqa: F401  # after TensorFlow: what it raises is of its own settings

            _onednn = os.environ.get(ONEDNN)
    except ImportError as error:
        raise RunError.of(
            "MS707", f"TensorFlow cannot be loaded: {error}", help="`pip install tensorflow`"
        ) from error
    except (AssertionError, ValueError, TypeError, AttributeError) as error:
        raise _not_set_up(error) from error  # the errors of Keras for its `keras.json`
    _loaded = True


def _not_set_up(error: Exception) -> RunError:
    file = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "keras.json"
    reason = str(error) or type(error).__name__
    return RunError.of(
        "MS707",
        f"Keras cannot be loaded with the user's settings: {reason}",
        help=f"correct or remove `{file}`, and unset KERAS_MAX_EPOCHS and"
        " KERAS_MAX_STEPS_PER_EPOCH",
    )


def trains_on(workers: int, devices: int) -> None:
    """Record the number of processes of the run, and that of the devices of each."""
    global _replicas
    _replicas = replicas_of(workers, devices)


def backend() -> dict[str, Any]:
    """The state of TensorFlow that results depend on; it is already loaded."""
    import tensorflow as tf

    return {
        # 0 means one per core in TensorFlow
        "intra_op_threads": tf.config.threading.get_intra_op_parallelism_threads() or cores(),
        "inter_op_threads": tf.config.threading.get_inter_op_parallelism_threads() or cores(),
        "onednn": _onednn or os.environ.get(ONEDNN, "default"),
        "devices": [_device(device) for device in tf.config.list_physical_devices()],
        "replicas": _replicas,
        "environment": chosen_by_variables(),
        "switches": switched(),
    }


def promise() -> dict[str, Any]:
    """Whether the same spec gives the same weights to the bit on this machine type, and the reason
    if it does not.
    """
    if not is_deterministic():
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


def check_memory(parameters: int) -> None:
    """Raises `RunError` (MS715) if not even the weights and their gradients fit into memory.

    Called before the model is built: otherwise TensorFlow would end the process without a message.
    """
    needed, there = _BYTES_IN_TRAINING * parameters, memory()
    if needed > there:
        raise RunError.of(
            "MS715",
            f"training {parameters:,} parameters requires at least {needed / 1e9:,.1f} GB of"
            f" memory, but the machine has {there / 1e9:,.1f} GB",
            help="use fewer units, or a machine with more memory",
        )
