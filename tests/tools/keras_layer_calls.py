"""Records the calls of layers in Keras's own tests: `python -m tests.tools.keras_layer_calls CHECKOUT
FILE [WORD...]` writes a line of JSON for each.

The tests of `keras/src/layers` run with a `run_layer_test` that only writes down the layer, its
arguments and its inputs, and what Keras says about their shapes.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import sys
import types
import unittest
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_CUSTOM = "custom Python code"
_SPARSE = "sparse or ragged tensors"
_QUANTIZED = "a quantized dtype: a spec describes the model before it is quantized"
_OTHER_PACKAGES = ("grain", "conftest")
"""Modules that the tests import for parts that are not run here."""
_RANK_OF_EXAMPLE = {"MelSpectrogram": 1, "STFTSpectrogram": 1}
"""Layers that also take one example without a batch, and its number of axes; for images it is 3."""


class _Anything:
    """The result of an assertion: a context manager that ends a test where it expects an error."""

    def __enter__(self) -> _Anything:
        return self

    def __exit__(self, *_: object) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        return _Anything()


class _Package(types.ModuleType):
    """A module whose functions return decorators that change nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: lambda function: function


def _stub(base: type, record: Any) -> type:
    """Keras's `TestCase` whose assertions do nothing, and whose layer tests are recorded."""
    names = {name for name in dir(base) if name.startswith("assert")}
    found: dict[str, Any] = {name: lambda *_, **__: _Anything() for name in names}
    found["skipTest"] = lambda *_, **__: None  # a call is recorded, but not run
    return type("TestCase", (base,), {**found, "run_layer_test": record})


def record(checkout: Path, words: list[str]) -> Iterator[dict[str, Any]]:
    """Every call of `run_layer_test`, with Keras's answer."""
    import keras
    import pytest
    from keras.src import testing

    pytest.skip = lambda *_, **__: None
    for name in _OTHER_PACKAGES:
        sys.modules.setdefault(name, _Package(name))
    calls: list[dict[str, Any]] = []

    def run_layer_test(_: Any, layer_cls: Any, init_kwargs: Any, *rest: Any, **given: Any) -> None:
        call = dict(zip(("input_shape", "input_dtype"), rest, strict=False)) | given
        calls.append(_recorded(layer_cls, init_kwargs or {}, call))

    testing.TestCase = testing.test_case.TestCase = _stub(testing.TestCase, run_layer_test)
    for path in sorted((checkout / "keras" / "src" / "layers").rglob("*_test.py")):
        text = path.read_text(encoding="utf-8")
        if "run_layer_test" not in text or not all(word in str(path) for word in words):
            continue
        module = types.ModuleType(path.stem)
        exec(compile(text, path, "exec"), module.__dict__)  # Keras's own tests
        for test in _tests(module, text):
            keras.utils.clear_session(free_memory=False)
            keras.config.set_image_data_format("channels_last")
            with contextlib.suppress(Exception, unittest.SkipTest):
                test.setUp()
                getattr(test, test._testMethodName)()
            for call in calls:
                yield {"file": path.name, "test": test._testMethodName, **call}
            calls.clear()


def _tests(module: types.ModuleType, text: str) -> Iterator[Any]:
    """The tests of a file that call `run_layer_test`, also by another function of the file."""
    functions = [part for part in text.split("def ")[1:] if "run_layer_test(" in part]
    calls = ["run_layer_test(", *(f"{one.partition('(')[0]}(" for one in functions)]
    for kind in vars(module).values():
        if not isinstance(kind, type) or not issubclass(kind, unittest.TestCase):
            continue
        for name in unittest.defaultTestLoader.getTestCaseNames(kind):
            source = inspect.getsource(inspect.unwrap(getattr(kind, name)))
            if any(call in source for call in calls):
                yield kind(name)


def _recorded(layer: Any, settings: Mapping[str, Any], call: dict[str, Any]) -> dict[str, Any]:
    """A call in plain values, and what Keras says about it."""
    import keras

    public = (name for name, one in vars(keras.layers).items() if one is layer)
    found: dict[str, Any] = {"kind": next(public, layer.__name__)}
    try:
        if found["kind"] == "Lambda" or not _is_module_of_keras(layer.__module__):
            raise _NotPlain(_CUSTOM)
        found["settings"] = {key: _plain(value) for key, value in settings.items()}
        if "_from_" in str(found["settings"].get("dtype")):
            raise _NotPlain(_QUANTIZED)
        inputs = _inputs(call)
        if _is_one_example(layer, inputs):
            inputs = _Tensor((None, *inputs.shape), inputs.dtype)
        options = call.get("call_kwargs") or {}
        found["options"] = {key: _plain(value) for key, value in options.items()}
    except _NotPlain as reason:
        return {**found, "skipped": str(reason)}
    return {**found, **_answer(layer, settings, inputs, options)}


def _is_one_example(layer: Any, inputs: Any) -> bool:
    """Whether a layer is called with one example instead of a batch, which a model never is."""
    rank = _RANK_OF_EXAMPLE.get(layer.__name__)
    if "image_preprocessing" in layer.__module__:
        rank = 3
    return isinstance(inputs, _Tensor) and len(inputs.shape) == rank


def _is_module_of_keras(module: str) -> bool:
    """Whether a module is Keras's, and none of its tests."""
    return module.partition(".")[0] in ("keras", "builtins") and not module.endswith("_test")


class _NotPlain(Exception):
    """A value that no spec contains."""


def _plain(value: Any) -> Any:
    """A value as plain data; objects of Keras as Keras serializes them."""
    import keras
    import numpy as np

    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if hasattr(value, "shape") and not callable(value):
        return keras.ops.convert_to_numpy(value).tolist()
    serialized = keras.saving.serialize_keras_object(value)
    if not _is_of_keras(serialized):
        raise _NotPlain(_CUSTOM)
    return serialized


def _is_of_keras(value: Any) -> bool:
    """Whether every class in a serialized object is Keras's."""
    if isinstance(value, (list, tuple)):
        return all(map(_is_of_keras, value))
    if not isinstance(value, dict):
        return not callable(value)
    if value.get("class_name") in ("__lambda__", "Lambda"):
        return False
    if value.get("registered_name") not in (None, value.get("config"), value.get("class_name")):
        return False
    is_ours = _is_module_of_keras(str(value.get("module") or "keras"))
    return is_ours and all(map(_is_of_keras, value.values()))


def _inputs(call: Mapping[str, Any]) -> Any:
    """The shape and dtype of each tensor, in the structure that the layer is called with."""
    import keras
    import numpy as np
    from keras.src import tree
    from keras.src.testing.test_case import map_shape_dtype_structure

    if call.get("input_sparse") or call.get("input_ragged"):
        raise _NotPlain(_SPARSE)
    data, shape = call.get("input_data"), call.get("input_shape")
    if shape is not None:
        kind = call.get("input_dtype") or tree.map_shape_structure(lambda _: "float32", shape)
        found = map_shape_dtype_structure(lambda one, dtype: _Tensor(one, str(dtype)), shape, kind)
        is_named = isinstance(found, dict)
        return {k.removesuffix("_shape"): v for k, v in found.items()} if is_named else found

    def of(value: Any) -> _Tensor:
        if type(value).__name__ in ("SparseTensor", "RaggedTensor"):
            raise _NotPlain(_SPARSE)
        dtype = getattr(value, "dtype", None)
        if dtype is None or np.dtype(type(None)) == dtype:
            value = np.array(value)
            dtype = value.dtype
        word = "string" if "str" in str(dtype).lower() or "object" in str(dtype) else None
        return _Tensor(tuple(value.shape), word or keras.backend.standardize_dtype(dtype))

    if data is None:
        return None
    if isinstance(data, list) and data and not hasattr(data[0], "shape"):
        return of(np.array(data))
    return keras.tree.map_structure(of, data)


class _Tensor:
    """A type, which is a leaf in the structures of Keras."""

    def __init__(self, shape: tuple[int | None, ...], dtype: str) -> None:
        self.shape, self.dtype = shape, dtype

    def as_plain(self) -> dict[str, Any]:
        return {"shape": list(self.shape), "dtype": self.dtype}


def _answer(layer: Any, settings: Mapping[str, Any], inputs: Any, options: Any) -> dict[str, Any]:
    """The shapes of the outputs for a batch of unknown size, or the reason for which Keras refuses
    the call.
    """
    import keras

    def symbolic(one: _Tensor) -> Any:
        return keras.Input(one.shape[1:], dtype=one.dtype)

    plain = keras.tree.map_structure(lambda one: one.as_plain(), inputs)
    try:
        made = layer(**settings)
        if inputs is None:
            return {"inputs": None}
        given = keras.tree.map_structure(symbolic, inputs)
        by_name = isinstance(given, dict)
        outputs = made(**given, **options) if by_name else made(given, **options)
        keras.Model(given, outputs)  # a few layers cannot be in a model
    except Exception as error:  # noqa: BLE001  # whatever Keras raises is its refusal
        reason = f"{type(error).__name__}: {error}".partition("\n")[0][:200]
        return {"inputs": plain, "refused": reason}
    tensors = [one for one in keras.tree.flatten(outputs) if one is not None]
    shapes = [list(getattr(one, "shape", ())) for one in tensors]
    return {"inputs": plain, "outputs": shapes}


def main() -> None:
    checkout, place, *words = sys.argv[1:]
    with Path(place).open("w", encoding="utf-8") as file:
        for call in record(Path(checkout), words):
            file.write(json.dumps(call) + "\n")


if __name__ == "__main__":
    main()
