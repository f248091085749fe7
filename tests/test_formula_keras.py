"""Formulas against Keras: types on symbolic and real tensors, values against NumPy, saved models,
losses, schedules.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, note, settings
from hypothesis import strategies as st

import modelspec as ms
from modelspec.catalog.formula import Inferred, infer, parse
from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Tensor

from .formulas.draw import Case, cases, formulas, tensors
from .formulas.keras_types import (
    BATCH,
    OF_VALUES,
    lowered,
    ours,
    real,
    stricter,
    symbolic,
    type_of,
)

pytestmark = pytest.mark.tensorflow


@settings(max_examples=300)
@given(case=cases())
def test_a_formula_has_the_type_that_keras_gives_it(case: Case) -> None:
    """Symbolic and real tensors have the inferred shape and dtype; what is refused does not run, or
    loses the batch.
    """
    formula, found = ours(case)
    if formula is None or not formula.names:
        return
    used = {name: case.tensors[name] for name in formula.arguments}
    dtypes = found.dtypes if isinstance(found, Inferred) else {}
    foretold = lowered(formula, {name: symbolic(x) for name, x in used.items()}, dtypes)
    ran = lowered(formula, {name: real(x) for name, x in used.items()}, dtypes)
    note(
        f"{case}\nours: {found!r}\nsymbolic: {foretold!r}\nreal: {type(ran)}"
        f" {getattr(ran, 'shape', ran)}"
    )
    if isinstance(found, Fault):
        assert (
            isinstance(foretold, Exception)
            or isinstance(ran, Exception)
            or stricter(found, foretold, ran)
        )
        return
    assume(not any(value in str(ran) for value in OF_VALUES))
    assert not isinstance(foretold, Exception) and not isinstance(ran, Exception)
    shape, dtype = type_of(foretold)
    assert dtype == found.result.dtype
    assert len(shape) == found.result.rank
    assert all(a == b or None in (a, b) for a, b in zip(shape, found.result.shape, strict=True))
    shape, dtype = type_of(ran)
    assert dtype == found.result.dtype
    assert all(a in (b, None) for a, b in zip(found.result.shape, shape, strict=True))
    assert shape[0] == BATCH


@given(data=st.data())
def test_a_known_batch_size_gives_the_same_types(data: st.DataObject) -> None:
    case = data.draw(cases())
    formula, found = ours(case)
    assume(formula is not None and isinstance(found, Inferred))
    assert formula is not None and isinstance(found, Inferred)
    used = {name: case.tensors[name] for name in formula.arguments}
    again = infer(
        formula, {name: Tensor((BATCH, *x.shape[1:]), x.dtype) for name, x in used.items()}
    )
    assert again.result.dtype == found.result.dtype and again.result.shape[0] == BATCH
    assert all(
        a in (b, None) for a, b in zip(found.result.shape[1:], again.result.shape[1:], strict=True)
    )


SAME_IN_NUMPY = (
    "abs",
    "sign",
    "square",
    "sqrt",
    "exp",
    "expm1",
    "log",
    "log1p",
    "sin",
    "cos",
    "tanh",
    "floor",
    "ceil",
    "maximum",
    "minimum",
    "where",
    "sum",
    "mean",
    "prod",
    "max",
    "min",
    "any",
    "all",
    "var",
    "std",
    "argmax",
    "argmin",
    "cumsum",
    "flip",
    "concatenate",
    "stack",
    "reshape",
    "transpose",
    "swapaxes",
    "expand_dims",
    "squeeze",
    "repeat",
    "einsum",
    "tril",
    "triu",
    "isfinite",
    "clip",
    "power",
    "matmul",
    "logical_and",
    "logical_or",
    "logical_not",
    "roll",
)


STEPS = ("//", "%", "<", ">", "==", "!=", "floor", "ceil", "sign(", "argm", "cast(")
"""Where a number that is rounded differently in its last bit makes a whole step."""


@settings(max_examples=150)
@given(text=formulas(), given_tensors=tensors(("float32",)))
def test_a_formula_has_numpys_values(text: str, given_tensors: dict[str, Tensor]) -> None:
    """The text is Python: NumPy's functions of the same names give the same numbers."""
    import numpy as np

    formula, found = ours(Case(text, given_tensors))
    assume(formula is not None and isinstance(found, Inferred))
    assert formula is not None and isinstance(found, Inferred)
    assume(
        " and " not in text and " or " not in text and "not " not in text
    )  # NumPy's arrays have no truth
    assume(not any(step in text for step in STEPS))
    values = {name: np.asarray(real(given_tensors[name])) for name in formula.arguments}
    names = {name: getattr(np, name) for name in SAME_IN_NUMPY}
    try:
        with np.errstate(all="ignore"):
            expected = eval(text, {"__builtins__": {}, **names}, dict(values))
    except Exception:  # noqa: BLE001  # what NumPy does not have is no oracle
        assume(False)
    result = np.asarray(
        lowered(
            formula, {name: real(given_tensors[name]) for name in formula.arguments}, found.dtypes
        )
    )
    mine, theirs = result.astype("float64"), np.asarray(expected, "float64")
    assert np.allclose(mine, theirs, rtol=1e-3, atol=1e-4, equal_nan=True), text


def test_parameters_are_keras_parameters() -> None:
    """By Keras's names, in its order and with its defaults; what is required here may have a
    default there.
    """
    import inspect

    from keras import ops

    from modelspec.catalog.formula.function_table import FUNCTIONS, REQUIRED
    from modelspec.runtime.backend.formula_functions import COMPOSED

    wrong = []
    for name, function in FUNCTIONS.items():
        if function.objective or name in COMPOSED:
            continue
        theirs = [
            p
            for p in inspect.signature(getattr(ops, name)).parameters.values()
            if p.kind != p.VAR_KEYWORD
        ]
        for mine, other in zip(function.parameters, theirs, strict=False):
            if mine.name != other.name or (
                mine.default is not REQUIRED and mine.default != other.default
            ):
                wrong.append(f"{name}: {mine.name} {other}")
        if len(function.parameters) > len(theirs):
            wrong.append(name)
    assert not wrong


# Models -------------------------------------------------------------------------------------------

SPEC = """
seed: 1
model:
  inputs: {x: [6, 4], flags: {shape: [6], dtype: bool}}
  shared: {halve: {Expression: "x[..., :2] / 2"}}
  layers:
    - Dense: {units: 4, from: x, name: value}
    - Dense: {units: 4, from: x, name: add}
    - Expression: {formula: "tanh(a) * sigmoid(b) + a", from: {a: value, b: add}, name: gate}
    - Expression:
        formula: sum(x * cast(m, 'float32')[..., None], axis=1) / 6
        from: {x: gate, m: flags}
    - halve
    - Expression: "concatenate([y, where(y > 0, y, 0.1 * y), square(y) % 3], axis=-1)"
    - Expression:
        formula: logsumexp(q @ transpose(k, [0, 2, 1]) / sqrt(64), axis=-1)
        from: [gate, value]
        name: looked
    - Concatenate: {from: [expression_1, looked]}
    - Dense: {units: 1, name: out}
"""


def build(text: str) -> Any:
    import yaml

    return ms.load_spec(yaml.safe_load(text)).build()


LOAD = """
import sys, numpy as np, keras
assert not any(name.startswith("modelspec") for name in sys.modules)
model = keras.models.load_model(sys.argv[1], safe_mode=True)
given = np.load(sys.argv[2])
names = [one.name for one in model.inputs]
result = model.predict({name: given[name] for name in names} if len(names) > 1 else given[names[0]], verbose=0)
assert not any(name.startswith("modelspec") for name in sys.modules)
np.save(sys.argv[3], result)
"""


def loaded_elsewhere(model: Any, given: dict[str, Any], folder: Path) -> Any:
    """What the saved model predicts in a process that knows Keras alone."""
    import numpy as np

    model.save(folder / "m.keras")
    np.savez(folder / "given.npz", **given)
    paths = [str(folder / name) for name in ("m.keras", "given.npz", "result.npy")]
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *paths],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return np.load(folder / "result.npy")


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_a_model_with_formulas_loads_in_plain_keras(precision: str, tmp_path: Path) -> None:
    """In safe mode, in a fresh process without modelspec, with equal predictions."""
    import numpy as np

    model = build(SPEC + f"runtime: {{precision: {precision}}}\n")
    rng = np.random.default_rng(0)
    given = {"x": rng.normal(size=(7, 6, 4)).astype("float32"), "flags": rng.random((7, 6)) > 0.5}
    expected = model.predict(given, verbose=0)
    assert np.array_equal(loaded_elsewhere(model, given, tmp_path), expected)
    assert model.get_layer("gate").output.shape == (None, 6, 4)


def test_a_formula_computes_what_it_says() -> None:
    import numpy as np

    model = build("""
model:
  inputs: {a: [3], b: [3]}
  layers:
    - Expression: {formula: "tanh(a) * 2 ** b - 1 / 4", from: {a: a, b: b}}
""")
    a, b = np.array([[0.5, -1.0, 2.0]], "float32"), np.array([[1.0, 0.0, -2.0]], "float32")
    assert np.allclose(model.predict({"a": a, "b": b}, verbose=0), np.tanh(a) * 2**b - 0.25)


TRAINED = """
seed: 1
model:
  inputs: {x: [4]}
  layers: [{Dense: {units: 1, name: out}}]
training:
  optimizer: {SGD: 0.1}
  loss: LOSS
  metrics: METRICS
  callbacks:
    - LearningRateScheduler: {formula: "lr * 0.5 if epoch >= 2 else lr"}
"""


def trained(loss: str, metrics: str, targets: Any) -> tuple[Any, Any]:
    import numpy as np
    import yaml

    from modelspec.runtime.backend.compile_model import callbacks

    spec = ms.load_spec(yaml.safe_load(TRAINED.replace("LOSS", loss).replace("METRICS", metrics)))
    import keras

    keras.utils.set_random_seed(1)
    model = spec.build()
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    history = model.fit(
        x,
        targets(x),
        epochs=4,
        verbose=0,
        shuffle=False,
        callbacks=callbacks(spec.compiled.training),
    )
    return model, history.history


@pytest.mark.parametrize(
    "column", [True, False], ids=["targets with a last axis of 1", "targets without it"]
)
def test_a_loss_by_formula_trains_as_keras_own(column: bool) -> None:
    """`mean_squared_error` and `mean_absolute_error` written out, the same numbers in every
    epoch.
    """
    import numpy as np

    def targets(x: Any) -> Any:
        return x.sum(axis=-1, keepdims=column)

    formula = '{formula: "mean(square(y_true - y_pred), axis=-1)"}'
    _, one = trained(formula, '[{formula: "abs(y_true - y_pred)", name: d}]', targets)
    _, other = trained("mse", "[mae]", targets)
    assert np.allclose(one["loss"], other["loss"], rtol=1e-5)
    assert np.allclose(one["d"], other["mae"], rtol=1e-5)
    assert one["loss"][-1] < one["loss"][0]
    assert np.allclose(one["learning_rate"], [0.1, 0.1, 0.05, 0.025])


def test_a_model_trained_by_formula_loads_in_plain_keras(tmp_path: Path) -> None:
    import numpy as np

    model, _ = trained('{formula: "abs(y_true - y_pred)"}', "[mae]", lambda x: x.sum(axis=-1))
    x = np.ones((3, 4), "float32")
    assert np.array_equal(loaded_elsewhere(model, {"x": x}, tmp_path), model.predict(x, verbose=0))


def test_a_learning_rate_below_zero_is_told() -> None:
    from modelspec.catalog.formula import NUMBERS
    from modelspec.runtime.backend.formulas import rate

    schedule = rate(parse("lr - epoch", NUMBERS))
    assert schedule(0, 1.0) == 1.0
    with pytest.raises(ValueError, match="must be at least 0"):
        schedule(2, 1.0)
