"""Compares the model of an imported spec with the one that Keras builds from the same file: equal
weights, random inputs, the largest difference of the outputs.

Run as a module, this is the process that does it: a line of JSON for each line `[path, options]`
that it reads. Keras's own loader runs only on a file whose classes all belong to Keras.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from modelspec.importers.architecture import Unreadable
from modelspec.importers.import_model import Imported, Options, import_model
from modelspec.importers.model_files import ModelFile, read_model
from modelspec.importers.saved_model import is_saved_model
from modelspec.importers.value_forms import is_foreign

from ..data.errors import RunError

CLOSE = 1e-5
"""The difference that rounding explains, relative to the largest output, or to 1 if that is
larger.
"""
_UNKNOWN = 5
"""The size of an axis that a model leaves open."""
_EXAMPLES = 2
_MOST_NUMBERS = 50_000_000
"""Numbers in all inputs."""


class NotCompared(Exception):
    """Why the outputs cannot be compared."""


def compared(path: Path, options: Options) -> dict[str, Any]:
    """`{"difference": x, "largest": y}`, or `{"reason": text}` if nothing can be compared."""
    try:
        if is_saved_model(path):
            # Its program can write files, and Keras runs it while it loads the model.
            raise NotCompared("it is a SavedModel, whose program Keras would run")
        file = read_model(path)
        found = import_model(file.model, None, options).value
        if found is None:
            raise NotCompared("it cannot be imported")
        return _difference(path, file, found)
    except (NotCompared, Unreadable) as error:
        return {"reason": str(error)}
    except RunError as error:
        return {"reason": error.diagnostics[0].message}


def _difference(path: Path, file: ModelFile, found: Imported) -> dict[str, Any]:
    from .imported_weights import built, load_into
    from .process_state import import_keras
    from .weights.count_numbers import require_numbers

    if file.has_weights:
        require_numbers(found, path)
    _require_keras_classes(file.model)
    library = _library(found.architecture.writer)
    import_keras()
    original = _original(path, file, library)
    made = built(found)
    if file.has_weights:
        load_into(made, found, path)
    else:
        _shake(original)
        _copy(original, made, found.layers)
    return _of_outputs(original, made)


def _require_keras_classes(value: Any) -> None:
    """Raises `NotCompared` for a class or a module that is not of Keras, anywhere in a file, which
    Keras's loader would import.
    """
    queue = [value]
    while queue:
        one = queue.pop()
        if isinstance(one, dict):
            kind, module = str(one.get("class_name")), str(one.get("module") or "")
            if kind in ("Lambda", "__lambda__") or is_foreign(module):
                raise NotCompared(f"it contains `{kind[:60]}`, which is not of Keras")
            queue.extend(one.values())
        elif isinstance(one, list):
            queue.extend(one)


def _library(writer: str) -> str:
    """The package that computes what the version that wrote a file did."""
    generation = writer.partition(".")[0]
    if generation == "2" and find_spec("tf_keras") is not None:
        return "tf_keras"
    if generation == "3":
        return "keras"
    needs = "; tf-keras is required to compare it" if generation == "2" else ""
    raise NotCompared(f"it was written by Keras {writer}{needs}")


def _original(path: Path, file: ModelFile, library: str) -> Any:
    """Keras's own model of the file. Raises `NotCompared`."""
    from importlib import import_module

    models = import_module(library).models
    try:
        if file.has_weights:
            return models.load_model(path, compile=False)
        return models.model_from_json(json.dumps(file.model))
    except Exception as error:  # noqa: BLE001  # whatever the loader of another version raises
        reason = f"{type(error).__name__}: {error}".partition("\n")[0][:200]
        raise NotCompared(f"{library} cannot build it ({reason})") from None


def _shake(model: Any) -> None:
    """Give every weight numbers of its own, so that none can be mistaken for another."""
    import numpy as np

    random = np.random.default_rng(0)
    for weight in model.weights:
        if "float" not in str(weight.dtype):
            continue
        name = getattr(weight, "path", weight.name)
        near = 1.0 if any(word in name for word in ("variance", "gamma")) else 0.0
        scale = 0.3 / max(1.0, float(np.prod(weight.shape[:-1]))) ** 0.5
        weight.assign(near + scale * random.uniform(-1, 1, tuple(weight.shape)))


def _copy(original: Any, made: Any, names: Any) -> None:
    """The weights of Keras's model in that of the spec, layer by layer."""
    for layer in original.layers:
        place = names.names.get(layer.name)
        if place is None or not layer.weights:
            continue
        own = made.get_layer(place)
        if layer.name in names.inside and hasattr(layer, "layers"):
            _copy(layer, own, names.inside[layer.name])
        else:
            own.set_weights(layer.get_weights())


def _of_outputs(original: Any, made: Any) -> dict[str, Any]:
    import numpy as np

    inputs = _inputs(original)
    theirs = _arrays(original(_as_given(original, inputs), training=False))
    ours = _arrays(made(_as_given(made, inputs), training=False))
    if [one.shape for one in theirs] != [one.shape for one in ours]:
        raise NotCompared("the outputs have other shapes")
    pairs = list(zip(theirs, ours, strict=True))
    return {
        "difference": max(float(np.max(np.abs(one - other), initial=0)) for one, other in pairs),
        "largest": max(float(np.max(np.abs(one), initial=0)) for one, _ in pairs),
    }


def _inputs(model: Any) -> list[Any]:
    """Random numbers for each input. Raises `NotCompared` for strings, and for large inputs."""
    import numpy as np

    random = np.random.default_rng(0)
    found = []
    left = _MOST_NUMBERS
    for tensor in model.inputs:
        kind = str(getattr(tensor.dtype, "name", tensor.dtype))
        shape = tuple(size or _UNKNOWN for size in (_EXAMPLES, *tuple(tensor.shape)[1:]))
        left -= int(np.prod(shape, dtype="float64"))
        if "string" in kind or left < 0:
            raise NotCompared("its inputs are strings" if left >= 0 else "its inputs are too large")
        is_whole = "int" in kind or "bool" in kind
        drawn = random.integers(0, 2, shape) if is_whole else random.uniform(-1, 1, shape)
        found.append(drawn.astype(kind))
    return found


def _as_given(model: Any, inputs: Sequence[Any]) -> Any:
    """The inputs in the structure that a model takes."""
    names = getattr(model, "_inputs_struct", None)
    if isinstance(names, Mapping):
        return dict(zip(names, inputs, strict=True))
    return inputs[0] if len(inputs) == 1 else list(inputs)


def _arrays(outputs: Any) -> list[Any]:
    import numpy as np

    return [np.asarray(one, "float64") for one in _flat(outputs)]


def _flat(outputs: Any) -> Iterator[Any]:
    if isinstance(outputs, Mapping):
        outputs = list(outputs.values())
    if not isinstance(outputs, (list, tuple)):
        yield outputs
        return
    for one in outputs:
        yield from _flat(one)


def main() -> None:
    """Answers each line; the original standard output is only for answers."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        path, options = json.loads(line)
        try:
            answer = compared(Path(path), Options(**options))
        except Exception as error:  # noqa: BLE001  # of a framework; the next file is compared
            answer = {"reason": f"{type(error).__name__}: {error}".partition("\n")[0][:200]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
