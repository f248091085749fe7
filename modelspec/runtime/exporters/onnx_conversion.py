"""A Keras model to ONNX, by tf2onnx."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from .captured_output import quiet
from .job import Job, Written
from .serving_model import predicted, serving_model, tensors


def write_onnx(job: Job, path: Path, inside: bool) -> Written:
    """The file, run once with onnxruntime; `inside` says whether it prepares its inputs."""
    model = serving_model(_with_constants(job)) if inside else job.model
    values = job.raw() if inside else dict(job.samples.inputs)
    predicted(model, values)  # Keras exports what was called
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.export(str(path), format="onnx", verbose=False)
    _mend(path)
    return Written(job.by_name(_run(path, values, job)), inside, (), tuple(values))


def _with_constants(job: Job) -> Job:
    """The converter does not follow the numbers that `Normalization` keeps: they are written into
    the graph.
    """
    job.preparing.inputs(tensors(job.raw()))  # builds the layers
    features = {
        name: replace(one, layers=tuple(map(_constant, one.layers)))
        for name, one in job.preparing.features.items()
    }
    return replace(job, served=replace(job.preparing, features=features))


def _constant(layer: Any) -> Any:
    if not isinstance(layer, keras.layers.Normalization):
        return layer
    mean, deviation = np.asarray(layer.mean), np.maximum(np.sqrt(np.asarray(layer.variance)), 1e-7)
    if layer.invert:
        return lambda x: x * deviation + mean
    return lambda x: (x - mean) / deviation


def _mend(path: Path) -> None:
    """`Erfc`, which `gelu` is computed with, is none of ONNX's operations: it becomes `1 - Erf`."""
    import onnx
    from onnx import TensorProto, helper

    held = onnx.load(str(path))
    graph = held.graph
    if not any(node.op_type == "Erfc" for node in graph.node):
        return
    one = "modelspec_one"
    graph.initializer.append(helper.make_tensor(one, TensorProto.FLOAT, [], [1.0]))
    nodes = []
    for node in graph.node:
        if node.op_type == "Erfc":
            inner = f"{node.output[0]}_erf"
            nodes += [
                helper.make_node("Erf", list(node.input), [inner]),
                helper.make_node("Sub", [one, inner], list(node.output)),
            ]
        else:
            nodes.append(node)
    kept = [
        type(node).FromString(node.SerializeToString()) for node in nodes
    ]  # the graph's own go with its list
    del graph.node[:]
    graph.node.extend(kept)
    onnx.save(held, str(path))


def _run(path: Path, values: dict[str, Any], job: Job) -> dict[str, Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_outputs()]
    inputs = session.get_inputs()
    given = (
        {inputs[0].name: next(iter(values.values()))}
        if len(inputs) == 1
        else {one.name: values[one.name.split(":")[0]] for one in inputs}
    )
    found = session.run(names, {name: np.ascontiguousarray(one) for name, one in given.items()})
    named = dict(zip(names, found, strict=True))
    return named if len(job.outputs) > 1 or job.outputs[0] in named else {job.outputs[0]: found[0]}
