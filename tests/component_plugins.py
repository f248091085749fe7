"""A plugin that adds one component of every kind, for `plugin_projects.Project`."""

from __future__ import annotations

PARTS = '''
"""Components of our laboratory."""

from typing import ClassVar, Literal

import modelspec as ms


class Quantile(ms.Loss):
    """The pinball loss, whose minimum is a quantile."""

    q: float = 0.5
    """The quantile, from 0 to 1."""

    takes = "numbers"
    keras: ClassVar[str] = "LAB.keras_layers:Quantile"


class Within(ms.Metric):
    """The share of predictions within a distance of the target."""

    distance: float = 1.0

    takes = "numbers"
    direction = "up"
    keras: ClassVar[str] = "LAB.keras_layers:Within"


class Tempered(ms.Component, kind="activation"):
    """A tanh of the argument divided by a temperature."""

    temperature: float = 2.0
    keras: ClassVar[str] = "LAB.keras_layers:Tempered"


class cubed(ms.Component, kind="activation"):
    """The third power."""

    keras: ClassVar[str] = "LAB.keras_layers:cubed"


class Striped(ms.Component, kind="initializer"):
    """Alternates between two values."""

    value: float
    keras: ClassVar[str] = "LAB.keras_layers:Striped"


class Cauchy(ms.Component, kind="regularizer"):
    """Adds `scale * sum(log(1 + x ** 2))`."""

    scale: float = 0.01
    keras: ClassVar[str] = "LAB.keras_layers:Cauchy"


class Clipped(ms.Component, kind="constraint"):
    """Clips weights."""

    limit: float = 1.0
    keras: ClassVar[str] = "LAB.keras_layers:Clipped"


class SignDescent(ms.Component, kind="optimizer"):
    """Moves weights by the sign of a running mean of the gradient."""

    learning_rate: float = 0.01
    keep: float = 0.9
    means = 1
    keras: ClassVar[str] = "LAB.keras_layers:SignDescent"


class Sawtooth(ms.Component, kind="schedule"):
    """Starts again every few steps."""

    rate: float
    period: int = 4
    keras: ClassVar[str] = "LAB.keras_layers:Sawtooth"


class StopAbove(ms.Component, kind="callback"):
    """Stops the training when the loss is above a limit."""

    limit: float = 1e6
    state = ("seen",)
    keras: ClassVar[str] = "LAB.keras_layers:StopAbove"
'''
KERAS = """
import keras
from keras import ops


class Quantile(keras.losses.Loss):
    def __init__(self, q=0.9, name="quantile", reduction="sum_over_batch_size", dtype=None):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.q = q

    def call(self, y_true, y_pred):
        off = y_true - y_pred
        return ops.mean(ops.maximum(self.q * off, (self.q - 1) * off), axis=-1)

    def get_config(self):
        return {**super().get_config(), "q": self.q}


class Within(keras.metrics.Mean):
    def __init__(self, distance=5.0, **kwargs):
        super().__init__(**kwargs)
        self.distance = distance

    def update_state(self, y_true, y_pred, sample_weight=None):
        near = ops.cast(ops.abs(y_true - y_pred) <= self.distance, self.dtype)
        return super().update_state(near, sample_weight)

    def get_config(self):
        return {**super().get_config(), "distance": self.distance}


class Tempered:
    def __init__(self, temperature=1.0):
        self.temperature = temperature

    def __call__(self, x):
        return ops.tanh(x / self.temperature)

    def get_config(self):
        return {"temperature": self.temperature}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def cubed(x):
    return x**3


class Striped(keras.initializers.Initializer):
    def __init__(self, value):
        self.value = value

    def __call__(self, shape, dtype=None):
        count = 1
        for size in shape:
            count *= size
        signs = ops.cast(ops.arange(count) % 2, dtype or "float32") * 2 - 1
        return self.value * ops.reshape(signs, shape)

    def get_config(self):
        return {"value": self.value}


class Cauchy(keras.regularizers.Regularizer):
    def __init__(self, scale):
        self.scale = scale

    def __call__(self, x):
        return self.scale * ops.sum(ops.log(1 + ops.square(x)))

    def get_config(self):
        return {"scale": self.scale}


class Clipped(keras.constraints.Constraint):
    def __init__(self, limit):
        self.limit = limit

    def __call__(self, w):
        return ops.clip(w, -self.limit, self.limit)

    def get_config(self):
        return {"limit": self.limit}


class SignDescent(keras.optimizers.Optimizer):
    def __init__(self, learning_rate=0.5, keep=0.5, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.keep = keep

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.means = self.add_optimizer_variables(variables, "mean")

    def update_step(self, gradient, variable, learning_rate):
        mean = self.means[self._get_variable_index(variable)]
        self.assign(mean, self.keep * mean + (1 - self.keep) * gradient)
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * ops.sign(mean))

    def get_config(self):
        return {**super().get_config(), "keep": self.keep}


class Sawtooth(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, rate, period=10):
        self.rate, self.period = rate, period

    def __call__(self, step):
        place = ops.cast(step, "float32") % self.period
        return self.rate * (1 - place / self.period)

    def get_config(self):
        return {"rate": self.rate, "period": self.period}


class StopAbove(keras.callbacks.Callback):
    def __init__(self, limit=1.0):
        super().__init__()
        self.limit, self.seen = limit, 0.0

    def on_epoch_end(self, epoch, logs=None):
        self.seen = float((logs or {}).get("loss", 0.0))
        if self.seen > self.limit:
            self.model.stop_training = True
"""
SPEC = """\
model:
  inputs: {x: [4]}
  layers:
    - Dense:
        {units: 5, activation: {Tempered: 0.5}, kernel_initializer: {Striped: 0.3}, name: a}
    - Dense:
        {units: 3, activation: cubed, kernel_initializer: {Striped: 0.2}, kernel_regularizer: Cauchy,
         kernel_constraint: {Clipped: {limit: 0.1}}, name: b}
    - Dense: {units: 1, kernel_initializer: {Striped: {value: 0.5}}, name: y}
training:
  loss: {Quantile: 0.8}
  metrics: [{Within: {distance: 0.5}}, mae]
  optimizer: {SignDescent: {learning_rate: {Sawtooth: 0.02}}}
  callbacks: [{StopAbove: {limit: 100}}]
  epochs: 3
  batch_size: 32
"""
