"""The static estimate of training memory, compared with what TensorFlow allocates on a GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from modelspec.compiler.infer.memory import Memory, estimated_memory
from modelspec.compiler.pipeline import Compiled, compile_spec

pytestmark = pytest.mark.tensorflow

CONFIGS = Path(__file__).parent.parent / "configs"
MODELS = {"resnet50": 32, "unet": 64, "transformer": 256, "vit": 256, "lstm": 1024, "wavenet": 64}
"""Batch sizes at which activations are most of what is allocated."""
STEPS = 3


@pytest.mark.parametrize("name, batch_size", MODELS.items(), ids=list(MODELS))
def test_the_estimate_is_within_25_percent_of_the_peak_on_a_gpu(name: str, batch_size: int) -> None:
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        pytest.skip("there is no GPU: TensorFlow counts the memory that it allocates on GPUs alone")
    overrides = {"training.batch_size": batch_size, "runtime.deterministic": False}
    compiled = compile_spec(CONFIGS / f"{name}.yaml", overrides).value
    assert compiled is not None
    assert compiled.graph is not None and compiled.training is not None
    found = estimated_memory(compiled.graph, compiled.training)
    assert isinstance(found, Memory), found
    assert found.total == pytest.approx(_peak(compiled), rel=0.25)


def _peak(compiled: Compiled) -> int:
    """The most bytes that a few training steps of Keras allocate on the first GPU."""
    import gc

    import keras
    import numpy as np
    import tensorflow as tf

    from modelspec.runtime.backend import build

    from .test_memory_keras import _batch

    keras.backend.clear_session()
    gc.collect()
    tf.config.experimental.reset_memory_stats("GPU:0")
    model = build(compiled, pretrained=False)
    inputs, targets = _batch(compiled)

    def zeros(spec: Any) -> Any:
        return np.zeros(spec.shape, spec.dtype.as_numpy_dtype)

    for _ in range(STEPS):
        model.train_on_batch(
            tf.nest.map_structure(zeros, inputs), tf.nest.map_structure(zeros, targets)
        )
    return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])
