"""The process that asks Keras about bare layers and components of plugins. It reads questions and
writes answers, one JSON value a line.

    {"task": "signature", "path": ..., "base": ...}   the parameters of the constructor
    {"task": "call", "path": ..., "base": ..., ...}   the outputs and weights of a call of a layer

`base` is the base class in Keras; an empty one allows any callable.

An answer with `refused` is the error of Keras for this call, one with `fault` an error of the
plugin.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any, Final

from modelspec.core.plugins.guard import as_failure

_COMMON: Final = ("self", "name", "trainable", "dtype")
_PLAIN: Final = (int, float, bool, str)


class _Fault(Exception):
    """The class cannot be used; `place` is the line of the plugin that raised."""

    def __init__(self, what: str, place: str = "") -> None:
        super().__init__(what)
        self.place = place


def main() -> None:
    """Answers until the input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what plugins print is not an answer
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), file=answers, flush=True)


def _answer(question: dict[str, Any]) -> dict[str, Any]:
    sys.path += [one for one in question["places"] if one not in sys.path]
    try:
        cls = _class_of(question["path"], question["base"])
        return _signature(cls) if question["task"] == "signature" else _call(cls, question)
    except _Fault as fault:
        return {"fault": str(fault), "place": fault.place}


def _class_of(path: str, base: str) -> Any:
    from .keras_kinds import unsuitable

    module, _, name = path.partition(":")
    try:
        found = getattr(import_module(module), name, None)
    except (Exception, SystemExit) as error:  # a plugin may raise anything
        failure = as_failure(error)
        raise _Fault(f"the import of `{module}` {failure.what}", failure.place) from error
    if found is None:
        raise _Fault(f"the module `{module}` has no class `{name}`")
    if reason := unsuitable(found, base):
        raise _Fault(f"it {reason}")
    return found


# The constructor ----------------------------------------------------------------------------------


def _signature(cls: Any) -> dict[str, Any]:
    import keras

    is_function = not inspect.isclass(cls)
    doc = cls.__doc__ if is_function or "__doc__" in vars(cls) else None
    found = {"doc": inspect.cleandoc(doc or ""), "parameters": list(_parameters(cls))}
    if is_function:
        return found
    if issubclass(cls, keras.layers.Layer):
        own = cls.compute_output_shape is not keras.layers.Layer.compute_output_shape
        return {**found, "has_shape": own}
    if issubclass(cls, keras.optimizers.Optimizer):
        return {**found, **_slots(cls)}
    return found


def _slots(cls: Any) -> dict[str, int]:
    """The number of tensors that an optimizer keeps for a weight, if it can be counted."""
    import keras

    weight = keras.Variable(keras.ops.zeros((2, 3)))
    try:
        made = cls()
        made.build([weight])
    except Exception:  # noqa: BLE001  # it may require settings
        return {}
    return {"slots": sum(tuple(one.shape) == (2, 3) for one in made.variables)}


def _parameters(cls: Any) -> Iterator[dict[str, Any]]:
    """The parameters that are settings; a function, e.g. an activation, has none."""
    is_function = not inspect.isclass(cls)
    if is_function:
        return
    for one in inspect.signature(cls.__init__).parameters.values():
        if one.name in _COMMON or one.kind in (one.VAR_KEYWORD, one.VAR_POSITIONAL):
            continue
        if one.kind is one.POSITIONAL_ONLY:
            raise _Fault(f"its parameter `{one.name}` has no name that a setting could have")
        required = one.default is one.empty
        kind = _plain_type(one.annotation, None if required else one.default)
        found: dict[str, Any] = {"name": one.name, "required": required, "type": kind}
        if not required and _is_plain(one.default):
            found["default"] = one.default
        yield found


def _plain_type(annotation: Any, default: Any) -> str | None:
    """`int`, `float`, `bool` or `str`, from the annotation or the default; None if any value may be
    allowed.
    """
    names = {one.__name__ for one in _PLAIN}
    written = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    if written in names:
        return str(written)
    if annotation is not inspect.Parameter.empty or type(default) not in _PLAIN:
        return None
    # Keras itself writes `rate=0` and `axis=-1`: only the types of flags and words are certain.
    return type(default).__name__ if isinstance(default, (bool, str)) else None


def _is_plain(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return all(map(_is_plain, value))
    return value is None or type(value) in _PLAIN


# A call -------------------------------------------------------------------------------------------


def _call(cls: Any, question: dict[str, Any]) -> dict[str, Any]:
    import keras

    keras.utils.clear_session(free_memory=False)
    tensors = [keras.KerasTensor(tuple(shape), dtype=dtype) for shape, dtype in question["inputs"]]
    try:
        layer = cls(**{name: _as_tuple(value) for name, value in question["settings"].items()})
        made = layer(tensors if len(tensors) > 1 else tensors[0], **question["options"])
    except Exception as error:  # noqa: BLE001  # whatever it raises is its refusal
        return {"refused": as_failure(error).what}
    trained = {id(one) for one in layer.trainable_weights}
    return {
        "outputs": [_type(one) for one in keras.tree.flatten(made)],
        "weights": [
            [one.path.removeprefix(f"{layer.name}/"), *_type(one), id(one) in trained]
            for one in layer.weights
        ],
        "supports_masking": bool(layer.supports_masking),
    }


def _type(tensor: Any) -> list[Any]:
    import keras

    return [list(tensor.shape), keras.backend.standardize_dtype(tensor.dtype)]


def _as_tuple(value: Any) -> Any:
    """Lists are tuples in specs."""
    if isinstance(value, list):
        return tuple(map(_as_tuple, value))
    return {key: _as_tuple(one) for key, one in value.items()} if isinstance(value, dict) else value


if __name__ == "__main__":
    main()
