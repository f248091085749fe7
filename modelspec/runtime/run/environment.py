"""What of the environment, and of what a program has switched before, decides how TensorFlow
computes: what modelspec leaves as it is, and keeps on record.
"""

from __future__ import annotations

import os
from typing import Any

ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
_CHOOSING = (
    "BLIS_",
    "CUBLAS_",
    "CUDNN_",
    "DNNL_",
    "MKL_",
    "NPY_",
    "NVIDIA_TF32_",
    "OMP_",
    "ONEDNN_",
    "OPENBLAS_",
    "TF_CUBLAS",
    "TF_CUDNN_",
    "TF_DETERMINISTIC_",
    "TF_DISABLE_",
    "TF_ENABLE_",
    "TF_USE_",
    "TF_XLA_",
    "XLA_FLAGS",
)
"""How the names begin of variables of the environment that choose between ways to compute."""
_UNSWITCHED: dict[str, Any] = {"eager": False, "jit": "", "tensor_float_32": True, "optimizer": {}}
_OPTIMIZER = (("disable_meta_optimizer", False), ("disable_model_pruning", False))
"""Options of TensorFlow's optimizer of graphs that it lists when nobody has set any."""


def chosen_by_variables() -> dict[str, str]:
    """The variables of the environment by which TensorFlow and the libraries below it choose how to
    compute, where they are set. Threads and oneDNN have entries of their own in `backend`.
    """
    return {
        name: value
        for name, value in sorted(os.environ.items())
        if name.startswith(_CHOOSING) and name != ONEDNN
    }


def switched() -> dict[str, Any]:
    """What the program has switched in TensorFlow before: only what is not as TensorFlow has it."""
    import tensorflow as tf

    experiments = tf.config.optimizer.get_experimental_options()
    found = {
        "eager": tf.config.functions_run_eagerly(),
        "jit": str(tf.config.optimizer.get_jit() or ""),
        "tensor_float_32": tf.config.experimental.tensor_float_32_execution_enabled(),
        "optimizer": {
            name: bool(value)
            for name, value in sorted(experiments.items())
            if (name, value) not in _OPTIMIZER
        },
    }
    return {name: value for name, value in found.items() if value != _UNSWITCHED[name]}
