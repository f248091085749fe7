"""Environment variables and TensorFlow switches that influence results: modelspec does not change
them, but records them.
"""

from __future__ import annotations

from typing import Any

from ..history.machine import ONEDNN as ONEDNN
from ..history.machine import chosen_by_variables as chosen_by_variables

_UNSWITCHED: dict[str, Any] = {"eager": False, "jit": "", "tensor_float_32": True, "optimizer": {}}
_ON_BY_DEFAULT = (
    "arithmetic_optimization",
    "constant_folding",
    "dependency_optimization",
    "function_optimization",
    "implementation_selector",
    "layout_optimizer",
    "loop_optimization",
    "remapping",
    "shape_optimization",
)
_OFF_BY_DEFAULT = ("disable_meta_optimizer", "disable_model_pruning")
"""Options of the graph optimizer that change nothing with these values. Source: the comments
in TensorFlow's `rewriter_config.proto`.
"""


def switched() -> dict[str, Any]:
    """TensorFlow switches that the program has changed: only those that differ from the
    defaults.
    """
    import tensorflow as tf

    experiments = tf.config.optimizer.get_experimental_options()
    found = {
        "eager": tf.config.functions_run_eagerly(),
        "jit": str(tf.config.optimizer.get_jit() or ""),
        "tensor_float_32": tf.config.experimental.tensor_float_32_execution_enabled(),
        "optimizer": {
            name: bool(value)
            for name, value in sorted(experiments.items())
            if name not in (_ON_BY_DEFAULT if value else _OFF_BY_DEFAULT)
        },
    }
    return {name: value for name, value in found.items() if value != _UNSWITCHED[name]}
