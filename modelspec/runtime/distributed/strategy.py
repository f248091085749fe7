"""The devices of this process, and the strategy of TensorFlow that connects them.

    one device        none: the process does not use `tf.distribute`
    several devices   MirroredStrategy

The strategy runs a function on each replica, and sums tensors over them. Variables are not created
in its scope: each device has a separate model, and `replicas.py` keeps the models equal. So a
replica is an ordinary Keras model, a checkpoint does not depend on the number of replicas, and
callbacks, optimizers and metrics work as on one device.

Several processes are connected by `channel.py`. `MultiWorkerMirroredStrategy` would start a server
of TensorFlow, which listens on every interface without authentication.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from ..data.errors import RunError

if TYPE_CHECKING:
    from .channel import Channel
    from .cluster import Cluster
    from .replicas import Group

Devices = str | int | tuple[int, ...]
"""`runtime.devices`."""


class ChosenDevices:
    """The devices of this process."""

    def __init__(self, wanted: Devices, cluster: Cluster | None) -> None:
        own = cluster.devices if cluster is not None else None
        self._wanted = wanted if own is None else own
        self._alone = cluster is None
        self._found: list[str] = []

    def choose(self) -> None:
        """Configure TensorFlow, which is imported. Raises `RunError`: MS930 for devices that do not
        exist, MS931 if the process has used TensorFlow with other devices.
        """
        self._found = _found(self._wanted, alone=self._alone)

    def try_to_choose(self) -> None:
        """The same while the data is prepared; an error is reported when the model is built."""
        with suppress(RunError):
            self.choose()

    @property
    def names(self) -> tuple[str | None, ...]:
        """The name of each device; None for a single one: TensorFlow's default."""
        return tuple(self._found) if len(self._found) > 1 else (None,)

    def group(self, models: Sequence[Any], channel: Channel | None) -> Group | None:
        """The replicas with these models, one for each device; None if there is only one in the
        whole run.
        """
        if len(models) == 1 and channel is None:
            return None
        import tensorflow as tf

        from .replicas import Group

        strategy = tf.distribute.MirroredStrategy(self._found) if len(models) > 1 else None
        return Group(models, self.names, strategy, channel)


def _found(wanted: Devices, *, alone: bool) -> list[str]:
    """The names of the devices that this process uses: GPUs if the host has any."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if wanted == "auto":
        return [f"GPU:{index}" for index in range(len(gpus))]
    numbers = _numbers(wanted)
    if not gpus and isinstance(wanted, int):
        return _processors(wanted)
    lacking = [one for one in numbers if one >= len(gpus)]
    if lacking:
        raise _too_many(wanted, len(gpus), alone)
    if len(numbers) < len(gpus):
        with _configuring(wanted):
            tf.config.set_visible_devices([gpus[one] for one in numbers], "GPU")
    return [f"GPU:{index}" for index in range(len(numbers))]


def _numbers(wanted: Devices) -> tuple[int, ...]:
    assert not isinstance(wanted, str)
    return tuple(range(wanted)) if isinstance(wanted, int) else wanted


def _too_many(wanted: Devices, gpus: int, alone: bool) -> RunError:
    has = f"{gpus} GPU{'' if gpus == 1 else 's'}" if gpus else "no GPU"
    help_ = (
        "without a GPU, `devices: 2` runs on 2 logical devices of the processor, to try it out"
        if alone and not gpus
        else "`devices: auto` uses those of the host"
    )
    shown = list(wanted) if isinstance(wanted, tuple) else wanted
    where = "this host" if alone else "the host of this process"
    return RunError.of("MS930", f"`runtime.devices` is {shown}, but {where} has {has}", help=help_)


def _processors(count: int) -> list[str]:
    """The processor as several logical devices, which share its cores."""
    import tensorflow as tf

    if count == 1:
        return ["CPU:0"]
    [processor] = tf.config.list_physical_devices("CPU")[:1]
    now = tf.config.get_logical_device_configuration(processor)
    if now is None or len(now) < count:
        with _configuring(count):
            made = [tf.config.LogicalDeviceConfiguration() for _ in range(count)]
            tf.config.set_logical_device_configuration(processor, made)
    return [f"CPU:{index}" for index in range(count)]


@contextmanager
def _configuring(wanted: Devices) -> Iterator[None]:
    """Raises `RunError` (MS931) if it is too late to choose devices."""
    try:
        yield
    except RuntimeError as error:
        shown = list(wanted) if isinstance(wanted, tuple) else wanted
        raise RunError.of(
            "MS931",
            f"`runtime.devices` is {shown}, but TensorFlow is already in use in this process with"
            " other devices",
            help="train in a new process, or before anything else uses TensorFlow",
        ) from error
