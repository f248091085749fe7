"""Operations of TensorFlow and Keras in model files compute what the program that wrote them
computed.

`operations_of_keras.json` contains models of one operation each, with the outputs for inputs drawn
from seed 0: `tf` and `graph` of tf-keras 2.21 (`TFOpLambda`, `TensorFlowOpLayer`), `keras` of Keras
3.15.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelspec.importers.import_model import import_model

pytestmark = pytest.mark.tensorflow

RECORDS: dict[str, Any] = json.loads(
    Path(__file__).with_name("operations_of_keras.json").read_text("utf-8")
)


def drawn(inputs: list[Any]) -> list[Any]:
    import numpy as np

    random = np.random.default_rng(0)
    found = []
    for shape, dtype in inputs:
        sizes = (2, *shape)
        if "int" in dtype:
            found.append(random.integers(0, 3 if dtype == "int32" else 200, sizes).astype(dtype))
        else:
            found.append(random.uniform(-1, 1, sizes).astype(dtype))
    return found


@pytest.mark.parametrize("name", RECORDS)
def test_an_operation_computes_what_it_computed(name: str) -> None:
    import keras
    import numpy as np

    from modelspec.runtime.backend.imported_weights import built

    record = RECORDS[name]
    found = import_model(record["model"])
    assert found.value is not None, [str(one) for one in found.diagnostics]
    model = built(found.value)
    given = drawn(record["inputs"])
    result = model(given if len(given) > 1 else given[0])
    flat = list(result.values()) if isinstance(result, dict) else keras.tree.flatten(result)
    assert len(flat) == len(record["outputs"])
    for mine, theirs, dtype in zip(flat, record["outputs"], record["dtypes"], strict=True):
        expected = np.array(theirs, dtype)
        assert tuple(mine.shape) == expected.shape
        assert np.allclose(np.asarray(mine, "float64"), expected, rtol=1e-5, atol=1e-5)
