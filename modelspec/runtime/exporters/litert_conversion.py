"""From a SavedModel to LiteRT: a function, and a program, since the converter may crash its
process.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np


def convert(
    folder: Path, signature: str, quantize: str | None, rows: Mapping[str, Any] | None = None
) -> bytes:
    """The LiteRT file of a SavedModel. `rows` calibrate the ranges of `int8`."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=[signature])
    kinds = tf.lite.OpsSet
    kept = [kinds.TFLITE_BUILTINS]
    if quantize is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantize == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if quantize == "int8":
        assert rows is not None
        kept = [kinds.TFLITE_BUILTINS_INT8, *kept]
        converter.representative_dataset = lambda: one_by_one(rows, len(next(iter(rows.values()))))
    converter.target_spec.supported_ops = kept
    return bytes(converter.convert())


def one_by_one(values: Mapping[str, Any], count: int) -> Iterator[dict[str, Any]]:
    """The first `count` rows, each as a separate batch."""
    for row in range(count):
        yield {name: one[row : row + 1] for name, one in values.items()}


def _main(folder: str, signature: str, rows: str, made: str) -> None:
    with np.load(rows) as kept:
        values = {name: kept[name] for name in kept.files}
    Path(made).write_bytes(convert(Path(folder), signature, "int8", values))


if __name__ == "__main__":
    _main(*sys.argv[1:])
