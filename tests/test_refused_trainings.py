"""What rules about trainings refuse, Keras cannot train: the bad examples of their pages are built and
trained all the same.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from modelspec.compiler import rules
from modelspec.compiler.pipeline import compile_spec

from .test_pages import EXAMPLES
from .training_steps import NOT_FINITE, failure

pytestmark = pytest.mark.tensorflow

FOLDER = Path(rules.__file__).parent
SAID = {
    "MS212": "must have rank 2",
    "MS413": "Identity matrix initializer",
    "MS414": "incompatible with the layer",
    "MS415": "SparseTensor",
    "MS416": "Incompatible type conversion",
    "MS417": "Invalid reduction dimension",
    "MS586": NOT_FINITE,
    "MS588": "Shapes must be equal rank",
    "MS589": "float32",
    "MS590": "rank 2",
    "MS591": "Multiple optimizers",
    "MS592": "SwapEMAWeights",
    "MS593": NOT_FINITE,
    "MS595": "Dimensions must be equal",
    "MS596": "Input matrix is not invertible",
    "MS597": "does not match type",
}
"""By code: a part of what Keras, TensorFlow or the run says."""


@pytest.mark.parametrize("code", sorted(SAID))
def test_what_is_refused_does_not_train(code: str) -> None:
    page = (FOLDER / f"{code}.md").read_text("utf-8")
    spec = next(yaml.safe_load(text) for which, _, text in EXAMPLES.findall(page) if which == "Bad")
    spec["training"] = {"loss": "mse", "batch_size": 4, **spec.get("training", {})}
    checked = compile_spec(spec)
    assert [one.code for one in checked.diagnostics if one.severity == "error"] == [code]
    assert SAID[code] in failure(checked.value)
