"""The comparison of `tests/tools/keras_layer_tests.py`: which calls differ from Keras."""

from __future__ import annotations

from typing import Any

import pytest

from .tools.keras_layer_tests import compared

RANDOM = {
    "module": "keras.initializers",
    "class_name": "RandomNormal",
    "config": {"mean": 0.0, "stddev": 0.5, "seed": 1},
    "registered_name": None,
}
CELL = {"module": "keras.layers", "class_name": "LSTMCell", "config": {"units": 3, "name": "cell"}}


def tensor(*shape: int | None, dtype: str = "float32") -> dict[str, Any]:
    return {"shape": list(shape), "dtype": dtype}


def call(kind: str, inputs: Any, **settings: Any) -> dict[str, Any]:
    return {"kind": kind, "settings": settings, "inputs": inputs, "options": {}}


@pytest.mark.parametrize(
    ("given", "outputs"),
    [
        (call("Dense", tensor(2, 5), units=3, kernel_initializer=RANDOM), [[None, 3]]),
        (call("RNN", tensor(2, 4, 5), cell=[CELL], return_state=True), [[None, 3]] * 3),
        (call("Dot", [tensor(2, 4, 5), tensor(2, 5, 6)], axes=[2, 1]), [[None, 4, 6]]),
        (
            call(
                "Attention",
                [tensor(2, 4, 5), tensor(2, 6, 5)],
            ),
            [[None, 4, 5]],
        ),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_a_call_with_the_shapes_of_keras_does_not_differ(
    given: dict[str, Any], outputs: list[Any]
) -> None:
    assert compared({**given, "outputs": outputs}) == ""
    other = [[None, 99], *outputs[1:]]
    assert "but Keras: [[None, 99]" in compared({**given, "outputs": other})


def test_a_refusal_must_be_one_of_both() -> None:
    good, bad = call("Dense", tensor(2, 5), units=3), call("Dense", tensor(2, 5), units=-1)
    assert compared({**bad, "refused": "ValueError: units"}) == ""
    assert "accepted, but Keras: ValueError" in compared({**good, "refused": "ValueError: no"})
    assert "`units` of `Dense`" in compared({**bad, "outputs": [[None, 3]]})
