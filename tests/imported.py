"""A live Keras model against the spec that it becomes: the model built from the spec, with its
weights, gives the same.

`python -m tests.imported ResNet50 VGG16 ...` compares models of `keras.applications` and prints a
line for each.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from modelspec.importers.import_model import Imported, Options, import_model
from modelspec.importers.json_text import value_of
from modelspec.importers.spec_names import LayerNames
from modelspec.views.resolve.dump import dump


def imported(model: Any, options: Options | None = None) -> Imported:
    found = import_model(value_of(model.to_json()), None, options)
    assert found.value is not None, [str(one) for one in found.diagnostics]
    return found.value


def rebuilt(model: Any, found: Imported) -> Any:
    """The spec's model with the weights of the live one."""
    from modelspec.runtime.backend.imported_weights import built

    made = built(found)
    _copy(model, made, found.layers)
    return made


def _copy(live: Any, made: Any, names: LayerNames) -> None:
    for layer in live.layers:
        place = names.names.get(layer.name)
        if place is None or not layer.weights:
            continue
        own = made.get_layer(place)
        if layer.name in names.inside:
            _copy(layer, own, names.inside[layer.name])
        else:
            own.set_weights(layer.get_weights())


def shaken(model: Any, seed: int = 0) -> None:
    """Give every weight a value of its own, so that none can stand for another."""
    import numpy as np

    random = np.random.default_rng(seed)
    for weight in model.weights:
        if "int" in str(weight.dtype):
            continue
        near = 1.0 if any(word in weight.path for word in ("variance", "gamma")) else 0.0
        scale = 0.3 / max(1.0, float(np.prod(weight.shape[:-1]))) ** 0.5
        weight.assign(near + scale * random.uniform(-1, 1, tuple(weight.shape)))


def difference(model: Any, made: Any, seed: int = 0) -> tuple[float, float]:
    """The largest difference between the outputs of two models on random inputs, and the largest
    output.
    """
    import keras
    import numpy as np

    random = np.random.default_rng(seed)
    inputs = []
    for tensor in model.inputs:
        shape = tuple(size or 5 for size in (2, *tensor.shape[1:]))
        whole = "int" in str(tensor.dtype)
        inputs.append(
            random.integers(0, 5, shape)
            if whole
            else random.uniform(-1, 1, shape).astype("float32")
        )
    given = inputs if len(inputs) > 1 else inputs[0]
    if isinstance(made.input, dict):
        its: Any = dict(zip(made.input, inputs, strict=True))
    else:
        its = given
    if isinstance(getattr(model, "_inputs_struct", None), dict):
        given = dict(zip(model._inputs_struct, inputs, strict=True))
    mine, other = (
        keras.tree.flatten(one) for one in (model(given, training=False), made(its, training=False))
    )
    if isinstance(made.output, dict) and not isinstance(model.output, dict):
        other = list(made(its, training=False).values())
    assert len(mine) == len(other)
    pairs = [
        (np.asarray(a, "float64"), np.asarray(b, "float64"))
        for a, b in zip(mine, other, strict=True)
    ]
    assert all(a.shape == b.shape for a, b in pairs)
    return (
        max(float(np.max(np.abs(a - b))) for a, b in pairs),
        max(float(np.max(np.abs(a))) for a, _ in pairs),
    )


def application(name: str, **settings: Any) -> tuple[str, float]:
    """A line about a model of `keras.applications`, and the difference relative to its largest
    output.
    """
    import keras

    model = getattr(keras.applications, name)(weights=None, **settings)
    text = model.to_json()
    shaken(model)
    start = time.perf_counter()
    found = imported(model)
    took = time.perf_counter() - start
    largest, scale = difference(model, rebuilt(model, found))
    lines, json_lines = (
        dump(found.spec).count("\n"),
        json.dumps(json.loads(text), indent=2).count("\n") + 1,
    )
    line = (
        f"{name:20} {len(model.layers):5,} layers {lines:6,} lines of YAML {json_lines:8,} of JSON"
        f" {took:5.1f} s, difference {largest:.1e} of {scale:.1e}"
    )
    keras.utils.clear_session()
    return line, largest / max(scale, 1e-30)


if __name__ == "__main__":
    for chosen in sys.argv[1:]:
        print(application(chosen, input_shape=(96, 96, 3), classes=10)[0], flush=True)  # noqa: T201
