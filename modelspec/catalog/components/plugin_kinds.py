"""The kinds of components that a plugin may add: the family, the base class of the settings, and
the base class in Keras.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final, NamedTuple

from modelspec.core.diagnostics import nearest
from modelspec.core.registry import Registry

from . import layer_families as layer
from . import training_families as training
from .family import PACKAGE


class Kind(NamedTuple):
    """One kind of component."""

    family: Registry
    module: str
    """The module of the base class of its settings, imported when a plugin adds one."""
    base: str
    keras: str
    """The base class in Keras, below `keras`; empty for any callable."""
    in_model: bool = True
    """Whether its objects are settings of layers, so that saved models contain them."""
    facts: Mapping[str, Any] = {}
    """Facts of the base class that do not apply to components of plugins."""

    @property
    def settings(self) -> type[Any]:
        """The base class of its settings."""
        found: type[Any] = getattr(import_module(f"{PACKAGE}.{self.module}"), self.base)
        return found


_NOT_TRIED: Final = {"tried": False}
"""A callback of a plugin may have effects outside of the run, so that it runs only in training."""
_UNKNOWN_RATE: Final = {"settled": None, "common": ()}
"""The rate of a schedule of a plugin is only known to Keras; it need not have a name."""
_OF_EVERY_OPTIMIZER: Final = {
    "common": (
        "weight_decay",
        "clipnorm",
        "clipvalue",
        "global_clipnorm",
        "use_ema",
        "ema_momentum",
        "ema_overwrite_frequency",
        "loss_scale_factor",
        "gradient_accumulation_steps",
        "name",
    )
}

KINDS: Final[Mapping[str, Kind]] = {
    one.family.noun: one
    for one in (
        Kind(layer.ACTIVATIONS, "activations", "Activation", ""),
        Kind(layer.INITIALIZERS, "initializers", "Initializer", "initializers.Initializer"),
        Kind(layer.REGULARIZERS, "regularizers", "Regularizer", "regularizers.Regularizer"),
        Kind(layer.CONSTRAINTS, "constraints", "Constraint", "constraints.Constraint"),
        Kind(
            training.OPTIMIZERS,
            "optimizer",
            "Gradient",
            "optimizers.Optimizer",
            False,
            _OF_EVERY_OPTIMIZER,
        ),
        Kind(
            training.SCHEDULES,
            "schedules",
            "Schedule",
            "optimizers.schedules.LearningRateSchedule",
            False,
            _UNKNOWN_RATE,
        ),
        Kind(training.CALLBACKS, "callbacks", "Callback", "callbacks.Callback", False, _NOT_TRIED),
    )
}
"""The kinds by their noun, as in `modelspec.register("schedule", ...)`."""


def unknown_kind(name: object) -> str:
    """The end of a sentence about a kind that does not exist."""
    near = nearest(name, KINDS) if isinstance(name, str) else None
    known = ", ".join(f"`{one}`" for one in KINDS)
    return f"the kind {name!r}; " + (f"did you mean `{near}`?" if near else f"it is one of {known}")
