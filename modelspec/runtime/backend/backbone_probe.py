"""The process that asks KerasHub about backbones. It reads questions and writes answers, one JSON
value a line.

    {"task": "describe", "kind": ..., "settings": ...}    its inputs, outputs and weights
    {"task": "call", "inputs": ..., "outputs": ..., ...}  the types of outputs for tensors
    {"task": "file", "preset": ..., "file": ...}          the path of a file, downloaded

An answer with `refused` is the error of KerasHub for these settings, one with `fault` an error that
may not occur again. No weights are allocated: a backbone may be larger than the memory.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from modelspec.core.plugins.guard import as_failure


def main() -> None:
    """Answers until the input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what KerasHub prints is not an answer
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), file=answers, flush=True)


def _answer(question: dict[str, Any]) -> dict[str, Any]:
    if question["task"] == "file":
        from .preset_files import downloaded

        try:
            return {"path": str(downloaded(question["preset"], question["file"]))}
        except Exception as error:  # noqa: BLE001  # networks and hubs raise many types
            return {"fault": as_failure(error).what}
    try:
        return _described(question) if question["task"] == "describe" else _called(question)
    except Exception as error:  # noqa: BLE001  # whatever it raises is its refusal
        return {"refused": as_failure(error).what}


def _made(question: dict[str, Any]) -> Any:
    import keras

    from .layers.kerashub import made_backbone

    keras.utils.clear_session(free_memory=False)
    dtype = question.get("dtype", "float32")
    with keras.StatelessScope(initialize_variables=False):
        return made_backbone(question["kind"], question["settings"], dtype)


def _described(question: dict[str, Any]) -> dict[str, Any]:
    from .layers.kerashub import inputs_of, tensors_of

    backbone = _made(question)
    outputs, hidden = tensors_of(backbone)
    trained = {id(one) for one in backbone.trainable_weights}
    adaptable = {
        id(weight)
        for layer in backbone._flatten_layers()
        if hasattr(layer, "enable_lora")
        for weight in layer.weights
        if weight.path.endswith("/kernel")
    }
    return {
        "inputs": [[name, *_type(one)] for name, one in inputs_of(backbone).items()],
        "outputs": list(outputs),
        "hidden": list(hidden),
        "weights": [
            [one.path, *_type(one), id(one) in trained, id(one) in adaptable]
            for one in backbone.weights
        ],
    }


def _called(question: dict[str, Any]) -> dict[str, Any]:
    import keras

    from .layers.kerashub import given_to, inputs_of, tensors_of

    backbone = _made(question)
    outputs, hidden = tensors_of(backbone)
    every = {**hidden, **outputs}
    given = {
        name: keras.KerasTensor(tuple(question["inputs"][name][0]), dtype=one.dtype)
        for name, one in inputs_of(backbone).items()
    }
    with keras.StatelessScope(initialize_variables=False):
        model = keras.Model(backbone.input, {name: every[name] for name in question["outputs"]})
        made = model(given_to(backbone, given))
    return {"outputs": {name: _type(one) for name, one in made.items()}}


def _type(tensor: Any) -> list[Any]:
    import keras

    return [list(tensor.shape), keras.backend.standardize_dtype(tensor.dtype)]


if __name__ == "__main__":
    main()
