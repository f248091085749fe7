"""The Keras classes, imported when a model is built."""

import keras
from keras import ops


class Snake(keras.layers.Layer):
    def __init__(self, frequency=1.0, **kwargs):
        super().__init__(**kwargs)
        self.start = frequency

    def build(self, shape):
        start = keras.initializers.Constant(self.start)
        self.frequency = self.add_weight(name="frequency", shape=(shape[-1],), initializer=start)

    def call(self, x):
        return x + ops.square(ops.sin(self.frequency * x)) / self.frequency

    def compute_output_shape(self, shape):
        return shape

    def get_config(self):
        return {**super().get_config(), "frequency": self.start}


class Pinball(keras.losses.Loss):
    def __init__(self, q=0.5, **kwargs):
        super().__init__(**kwargs)
        self.q = q

    def call(self, y_true, y_pred):
        off = y_true - y_pred
        return ops.mean(ops.maximum(self.q * off, (self.q - 1) * off), axis=-1)

    def get_config(self):
        return {**super().get_config(), "q": self.q}


class Coverage(keras.metrics.Mean):
    def update_state(self, y_true, y_pred, sample_weight=None):
        return super().update_state(ops.cast(y_true <= y_pred, self.dtype), sample_weight)
