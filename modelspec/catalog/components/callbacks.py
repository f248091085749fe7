"""Callbacks: actions during training."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .setting_types import Component, NonNegative, Whole

Verbose = Annotated[int, Field(ge=0, le=1)]
"""1 prints a message when the callback acts."""
Mode = Literal["auto", "min", "max"]
"""Whether lower or higher values are better; `auto` infers it from the metric."""


class Callback(Component):
    keras_module: ClassVar[str] = "callbacks"
    paths: ClassVar[tuple[str, ...]] = ()
    """Settings that are paths in the run folder."""
    state: ClassVar[tuple[str, ...] | None] = None
    """Attributes of the Keras callback that change during training, for a checkpoint; None if
    unknown.
    """
    begins_again: ClassVar[bool] = False
    """Whether a run resumed within an epoch calls `on_epoch_begin` again, which only changes the
    callback.
    """
    sets_rate: ClassVar[bool] = False
    """Whether it sets the learning rate of each epoch with `rate`."""
    changes_rate: ClassVar[bool] = False
    """Whether it reads and sets the learning rate of the optimizer."""

    logs_rate: ClassVar[bool] = False
    """Whether it logs `learning_rate` at the end of an epoch, for itself and later callbacks."""
    tried: ClassVar[bool] = True
    """Whether training tests it before it begins, which takes about as long as the end of one
    epoch.
    """
    lowered: ClassVar[str] = ""
    """The module of a modelspec class that replaces Keras's."""
    needs_averages: ClassVar[bool] = False
    """Whether it uses the running means of the weights that an optimizer keeps."""

    def rate(self, epoch: int, rate: float) -> float:
        """The learning rate of an epoch (from 0), given the previous rate."""
        return rate


class EarlyStopping(Callback):
    """Stops training when a monitored value has stopped improving.

    ```yaml
    callbacks:
      - EarlyStopping: {monitor: val_loss, patience: 3, restore_best_weights: true}
    ```
    """

    state: ClassVar[tuple[str, ...] | None] = (
        "best",
        "best_epoch",
        "best_weights",
        "stopped_epoch",
        "wait",
    )

    monitor: str = "val_loss"
    min_delta: NonNegative = 0
    """The smallest change of the monitored value that counts as an improvement."""
    patience: Whole = 0
    """The number of epochs without improvement after which training stops."""
    verbose: Verbose = 0
    mode: Mode = "auto"
    baseline: float | None = None
    """The value that the monitored quantity must improve on for training to continue; `null` sets
    none.
    """
    restore_best_weights: bool = False
    """Whether to restore the weights of the best epoch at the end."""
    start_from_epoch: Whole = 0


class ReduceLROnPlateau(Callback):
    """Reduces the learning rate when a monitored value has stopped improving.

    ```yaml
    callbacks:
      - ReduceLROnPlateau: {factor: 0.5, patience: 5, min_lr: 0.00001}
    ```

    The optimizer's `learning_rate` must be a number: a schedule cannot be set.
    """

    state: ClassVar[tuple[str, ...] | None] = ("best", "cooldown_counter", "wait")
    changes_rate: ClassVar[bool] = True
    logs_rate: ClassVar[bool] = True

    monitor: str = "val_loss"
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """The factor that the learning rate is multiplied by at each reduction, below 1."""
    patience: Whole = 10
    """The number of epochs without improvement after which the learning rate is reduced."""
    verbose: Verbose = 0
    mode: Mode = "auto"
    min_delta: NonNegative = 0.0001
    """The smallest change of the monitored value that counts as an improvement."""
    cooldown: Whole = 0
    """The number of epochs to wait after a reduction before monitoring continues."""
    min_lr: NonNegative = 0.0


class TerminateOnNaN(Callback):
    """Stops training when the loss is no longer finite.

    ```yaml
    callbacks: [TerminateOnNaN]
    ```
    """

    state: ClassVar[tuple[str, ...] | None] = ()

    raise_error: bool = False
    """Whether the run fails with an error rather than stopping early."""


class SwapEMAWeights(Callback):
    """Evaluates and saves the running means of the weights that an optimizer with `use_ema: true`
    keeps.

    ```yaml
    callbacks:
      - SwapEMAWeights: {swap_on_epoch: true}
    ```
    """

    state: ClassVar[tuple[str, ...] | None] = ("_ema_weights_in_model",)
    needs_averages: ClassVar[bool] = True

    swap_on_epoch: bool = False
    """Whether to swap the weights at the end of each epoch too, for callbacks that save then."""
