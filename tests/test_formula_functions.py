"""Functions of formulas that sort, select, transform signals and work on images: types against
Keras, values against NumPy in float64.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, note, settings

from modelspec.catalog.formula import TENSORS, Inferred, infer, parse
from modelspec.catalog.formula.array_functions import ARRAYS
from modelspec.catalog.formula.function import REQUIRED
from modelspec.catalog.formula.function_table import FUNCTIONS, OTHER_NAMES, SIGNS
from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import PENDING, Shape, Tensor

from .formulas.draw import Case
from .formulas.draw_functions import CALLS
from .formulas.keras_types import lowered, ours, real, stricter, symbolic, type_of

KERAS = pytest.mark.tensorflow


# Types --------------------------------------------------------------------------------------------


@KERAS
@settings(max_examples=100)
@given(case=CALLS)
def test_a_call_has_the_type_that_keras_gives_it(case: Case) -> None:
    """Shape and dtype are those of symbolic and real tensors; what is refused fails in Keras."""
    formula, found = ours(case)
    if formula is None or not formula.names:
        return
    used = {name: case.tensors[name] for name in formula.arguments}
    dtypes = found.dtypes if isinstance(found, Inferred) else {}
    foretold = lowered(formula, {name: symbolic(x) for name, x in used.items()}, dtypes)
    ran = lowered(formula, {name: real(x) for name, x in used.items()}, dtypes)
    note(f"{case}\nours: {found!r}\nsymbolic: {foretold!r}\nreal: {ran!r}")
    if isinstance(found, Fault):
        failed = isinstance(foretold, Exception) or isinstance(ran, Exception)
        assert failed or stricter(found, foretold, ran) or stricter_here(found)
        return
    assert not isinstance(foretold, Exception) and not isinstance(ran, Exception)
    shape, dtype = type_of(ran)
    assert (shape[1:], dtype) == (found.result.shape[1:], found.result.dtype)
    foreseen, dtype = type_of(foretold)
    assert dtype == found.result.dtype and len(foreseen) == len(shape)
    assert all(a in (b, None) for a, b in zip(foreseen[1:], shape[1:], strict=True))


def stricter_here(fault: Fault) -> bool:
    """What Keras computes, but not as a formula should: images without a batch axis, a result
    without elements, a constant that has no effect.
    """
    reasons = (
        "has no elements",
        "takes images",
        "cannot be taken",
        "no effect",
        "twice",
        "0 largest",
    )
    return any(reason in fault.message for reason in reasons)


@pytest.mark.parametrize(
    ("text", "shape", "expected"),
    [
        ("top_k(x, 2)[0]", ("time",), (None, 2)),
        ("sort(x, axis=1)", ("time", 3), (None, "time", 3)),
        ("pad(x, [[0, 0], [1, 2], [0, 0]])", ("time", 3), (None, "time + 3", 3)),
        ("rfft(x)[0]", ("time",), (None, "time // 2 + 1")),
        ("irfft(rfft(x), 16)", ("time",), (None, 16)),
        ("stft(x, 4, 4, 4, center=False)[0]", ("time",), (None, "time // 4", 3)),
        ("space_to_depth(x, 2)", ("h", "w", 3), (None, "h // 2", "w // 2", 12)),
        ("resize(x, [4, 5])", ("h", None, 3), (None, 4, 5, 3)),
        ("patches(x, 2)", ("h", 8, 3), (None, "h // 2", 4, 12)),
        ("ssim(x, x, 1.0)", (None, None, 3), (None,)),
        ("pad(x, [[0, 0], [1, 1]])", (PENDING,), (None, PENDING)),
    ],
)
def test_unknown_sizes_keep_their_names(text: str, shape: Shape, expected: Shape) -> None:
    found = infer(parse(text, TENSORS), {"x": Tensor((None, *shape), "float32")})
    assert found.result.shape == expected


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        ("top_k(x, 2)", "MS890", "top_k(x, 2)"),
        ("top_k(x, 2) + 1", "MS890", "top_k(x, 2)"),
        ("top_k(x, 2)[2]", "MS890", "2"),
        ("top_k(x, 2)[0, 1]", "MS890", "0, 1"),
        ("irfft(top_k(x, 2))", "MS143", "top_k(x, 2)"),
        ("irfft([x])", "MS143", "[x]"),
        ("pad(x, [1, 1])", "MS143", "[1, 1]"),
        ("pad(x, [[0, 0], [1, 1]], mode='reflct')", "MS143", "'reflct'"),
        ("top_k(x, 9)[0]", "MS407", "9"),
        ("roll(x, [1, 2], axis=1)", "MS143", "[1, 2]"),
        ("resize(x, [2, 2])", "MS401", "x"),
    ],
)
def test_a_fault_is_at_its_own_characters(text: str, code: str, part: str) -> None:
    with pytest.raises(Fault) as caught:
        infer(parse(text, TENSORS), {"x": Tensor((None, 4), "float32")})
    place = caught.value.part
    assert caught.value.code == code and place is not None and text[slice(*place)] == part


def test_an_unknown_function_names_the_nearest() -> None:
    """Not the whole list; names of other libraries have their equivalent."""
    found = {}
    for name in ("tok_k", "reduce_mean", "pixel_shuffle", "qqqqqq"):
        with pytest.raises(Fault) as caught:
            parse(f"{name}(x)", TENSORS)
        found[name] = caught.value
    assert found["tok_k"].suggestion == "top_k"
    assert found["reduce_mean"].suggestion == "mean"
    assert found["pixel_shuffle"].suggestion == "depth_to_space"
    assert found["qqqqqq"].suggestion is None
    assert found["qqqqqq"].help == "`modelspec explain Expression` lists the functions"


def test_keras_names_are_accepted() -> None:
    for other, name in OTHER_NAMES.items():
        with pytest.raises(Fault) as caught:
            parse(f"{other}()", TENSORS)
        assert f"`{name}` requires" in caught.value.message


def test_complex_numbers_are_not_computed_twice_for_each_level() -> None:
    """The nodes of a tree are counted once, so that nested transforms have a linear cost."""
    text = "x"
    for _ in range(14):
        text = f"irfft(rfft({text}), 8)"
    assert infer(parse(text, TENSORS), {"x": Tensor((None, 8), "float32")}).result.shape == (
        None,
        8,
    )


@KERAS
def test_parameters_are_those_of_keras() -> None:
    """By name, order and default; functions of images omit the format, which is channels last."""
    import keras
    import tensorflow as tf

    theirs = {
        "resize": keras.ops.image.resize,
        "patches": keras.ops.image.extract_patches,
        "convolve": keras.ops.conv,
        "ssim": tf.image.ssim,
    }
    for function in ARRAYS:
        known = inspect.signature(
            theirs.get(function.name) or getattr(keras.ops, function.name)
        ).parameters
        names = [one.name for one in function.parameters]
        assert names == [name for name in known if name in names], function.name
        for one in function.parameters:
            given = known[one.name].default
            assert one.default is REQUIRED or one.default == given, (function.name, one.name)


def test_every_function_is_documented() -> None:
    from modelspec.catalog.layers.expression import Expression

    words = {*(Expression.__doc__ or "").replace("`", " ").split(), *SIGNS}
    known = {name for name, one in FUNCTIONS.items() if not one.objective}
    assert not known - words


# Values -------------------------------------------------------------------------------------------


def signal(*shape: int) -> Any:
    import numpy as np

    return np.random.default_rng(0).normal(size=shape)


def frames_of(x: Any, length: int, stride: int) -> Any:
    import numpy as np

    return np.lib.stride_tricks.sliding_window_view(x, length, axis=-1)[..., ::stride, :]


def hann(length: int, whole: int) -> Any:
    """The periodic window, in the middle of a longer transform."""
    import numpy as np

    before = (whole - length) // 2
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    return np.pad(window, (before, whole - length - before))


def stft(x: Any, length: int, stride: int, whole: int) -> Any:
    import numpy as np

    mirrored = np.pad(x, ((0, 0), (whole // 2, whole // 2)), mode="reflect")
    return np.fft.rfft(frames_of(mirrored, whole, stride) * hann(length, whole))


def istft(z: Any, length: int, stride: int, whole: int) -> Any:
    """The sum of the overlapping parts, each with a window whose squares add up to 1."""
    import numpy as np

    window = hann(length, whole)
    shifts = range(-whole // stride * stride, whole + 1, stride)
    total = sum(np.roll(np.pad(window**2, whole), s)[whole : 2 * whole] for s in shifts)
    parts = np.fft.irfft(z, whole) * window / total
    found = np.zeros((z.shape[0], (z.shape[1] - 1) * stride + whole))
    for place in range(z.shape[1]):
        found[:, place * stride : place * stride + whole] += parts[:, place]
    return found[:, whole // 2 : -(whole // 2)]


def windows(x: Any, height: int, width: int) -> Any:
    import numpy as np

    found = np.lib.stride_tricks.sliding_window_view(x, (height, width), axis=(1, 2))
    return found.transpose(0, 1, 2, 4, 5, 3)


def bilinear(x: Any, height: int, width: int) -> Any:
    """Interpolated between the centers of pixels, along one axis after the other."""
    import numpy as np

    for axis, size in ((1, height), (2, width)):
        places = (np.arange(size) + 0.5) * x.shape[axis] / size - 0.5
        low = np.floor(places).astype(int)
        share = (places - low).reshape([-1 if one == axis else 1 for one in range(4)])
        first, second = (np.clip(one, 0, x.shape[axis] - 1) for one in (low, low + 1))
        x = np.take(x, first, axis) * (1 - share) + np.take(x, second, axis) * share
    return x


def similarity(a: Any, b: Any, size: int, sigma: float, max_val: float) -> Any:
    import numpy as np

    places = np.arange(size) - (size - 1) / 2
    weights = np.exp(-0.5 * (places[:, None] ** 2 + places[None, :] ** 2) / sigma**2)
    weights = (weights / weights.sum())[..., None]
    means = [np.sum(windows(one, size, size) * weights, axis=(3, 4)) for one in (a, b)]
    squares = [np.sum(windows(one, size, size) * weights, axis=(3, 4)) for one in (a * a, b * b)]
    crossed = np.sum(windows(a * b, size, size) * weights, axis=(3, 4)) - means[0] * means[1]
    spread = sum(squares) - means[0] ** 2 - means[1] ** 2
    c1, c2 = (0.01 * max_val) ** 2, (0.03 * max_val) ** 2
    found = (2 * means[0] * means[1] + c1) / (means[0] ** 2 + means[1] ** 2 + c1)
    return (found * (2 * crossed + c2) / (spread + c2)).mean(axis=(1, 2, 3))


def grouped(x: Any, ids: Any, count: int) -> Any:
    import numpy as np

    found = np.zeros((count, *x.shape[1:]))
    np.add.at(found, ids, x)
    return found[ids]


def _values() -> dict[str, tuple[dict[str, Any], Callable[..., Any]]]:
    """For each formula the tensors, and what NumPy computes from them."""
    import numpy as np

    x, image, sound = signal(3, 4, 5), signal(2, 6, 8, 3), signal(2, 40)
    other, kernel, ids = signal(2, 6, 8, 3), signal(2, 2, 3, 3, 4), np.array([2, 0, 2])
    steps = [[0, 0], [1, 2], [2, 0]]
    along = np.array([[[1], [0], [3], [1]], [[0], [0], [4], [1]], [[2], [1], [3], [3]]])
    return {
        "sort(x, axis=1)": ({"x": x}, lambda x: np.sort(x, axis=1)),
        "argsort(x)": ({"x": x}, lambda x: np.argsort(x, axis=-1)),
        "top_k(x, 2)[0]": ({"x": x}, lambda x: np.sort(x)[..., ::-1][..., :2]),
        "top_k(x, 2)[1]": ({"x": x}, lambda x: np.argsort(-x)[..., :2]),
        "take_along_axis(x, i, axis=-1)": (
            {"x": x, "i": along},
            lambda x, i: np.take_along_axis(x, i, axis=-1),
        ),
        "gather(segment_sum(x, i, 4), i)": (
            {"x": x, "i": ids},
            lambda x, i: grouped(x, i, 4),
        ),
        "gather(segment_max(x, i, 4), i)": (
            {"x": x, "i": ids},
            lambda x, i: np.stack([x[i == one].max(axis=0) for one in i]),
        ),
        "rfft(x)[0]": ({"x": x}, lambda x: np.fft.rfft(x).real),
        "rfft(x, 8)[1]": ({"x": x}, lambda x: np.fft.rfft(x, 8).imag),
        "irfft([x, 2 * x], 7)": ({"x": x}, lambda x: np.fft.irfft(x + 2j * x, 7)),
        "irfft(rfft(x))": ({"x": sound}, lambda x: x),
        "stft(x, 6, 3, 8)[0]": ({"x": sound}, lambda x: stft(x, 6, 3, 8).real),
        "stft(x, 6, 3, 8)[1]": ({"x": sound}, lambda x: stft(x, 6, 3, 8).imag),
        "istft(stft(x, 8, 2, 8), 8, 2, 8)": (
            {"x": sound},
            lambda x: istft(stft(x, 8, 2, 8), 8, 2, 8),
        ),
        "space_to_depth(x, 2)": (
            {"x": image},
            lambda x: x.reshape(2, 3, 2, 4, 2, 3).transpose(0, 1, 3, 2, 4, 5).reshape(2, 3, 4, 12),
        ),
        "depth_to_space(space_to_depth(x, 2), 2)": ({"x": image}, lambda x: x),
        f"pad(x, {steps}, mode='reflect')": (
            {"x": x},
            lambda x: np.pad(x, steps, mode="reflect"),
        ),
        f"pad(x, {steps}, mode='symmetric')": (
            {"x": x},
            lambda x: np.pad(x, steps, mode="symmetric"),
        ),
        f"pad(x, {steps}, constant_values=3)": (
            {"x": x},
            lambda x: np.pad(x, steps, constant_values=3),
        ),
        "roll(x, [1, -2], axis=[1, 2])": ({"x": x}, lambda x: np.roll(x, (1, -2), (1, 2))),
        "resize(x, [4, 11])": ({"x": image}, lambda x: bilinear(x, 4, 11)),
        "resize(x, [3, 4], interpolation='nearest')": (
            {"x": image},
            lambda x: x[:, 1::2, 1::2],
        ),
        "patches(x, [2, 3], strides=1)": (
            {"x": image},
            lambda x: windows(x, 2, 3).reshape(2, 5, 6, 18),
        ),
        "convolve(x, k[0])": (
            {"x": image, "k": kernel},
            lambda x, k: np.tensordot(windows(x, 2, 3), k[0], 3),
        ),
        "ssim(x, y, 2.0, 5, 1.2)": (
            {"x": image, "y": other},
            lambda x, y: similarity(x, y, 5, 1.2, 2.0),
        ),
    }


@KERAS
def test_values_are_those_of_numpy() -> None:
    import numpy as np

    for text, (arrays, expected) in _values().items():
        formula = parse(text, TENSORS)
        typed = {
            name: Tensor((None, *one.shape[1:]), str(one.dtype)) for name, one in arrays.items()
        }
        types = infer(formula, typed)
        found = lowered(formula, {name: tensor(one) for name, one in arrays.items()}, types.dtypes)
        assert not isinstance(found, Exception), (text, found)
        error = 1e-6 if "resize" in text else 1e-10  # TensorFlow resizes in float32
        assert np.allclose(np.asarray(found), expected(**arrays), rtol=0, atol=error), text


def tensor(array: Any) -> Any:
    import keras

    return keras.ops.convert_to_tensor(array)


@KERAS
def test_similarity_is_that_of_tensorflow() -> None:
    import numpy as np
    import tensorflow as tf

    from modelspec.runtime.backend.formula_functions import structural_similarity

    a, b = (np.random.default_rng(seed).random((2, 14, 12, 3), "float32") for seed in (1, 2))
    b[1] = a[1]
    found = structural_similarity(a, b, 1.0, 11, 1.5, 0.01, 0.03)
    assert np.allclose(found, tf.image.ssim(a, b, 1.0), atol=1e-6)


# Models -------------------------------------------------------------------------------------------

MODEL: dict[str, Any] = {
    "model": {
        "inputs": {"x": [8, 8, 2], "s": [16]},
        "layers": [
            {"Expression": {"formula": "irfft(rfft(s), 16) + istft(stft(s, 4, 2, 4), 4, 2, 4)",
                            "from": {"s": "s"}, "name": "sound"}},
            {"Expression": {"formula": "top_k(s, 3)[0] + cast(top_k(s, 3)[1], 'float32')",
                            "from": {"s": "sound"}, "name": "most"}},
            {"Expression": {"formula": "patches(pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]), 2)",
                            "from": {"x": "x"}, "name": "parts"}},
            {"Expression": {"formula": "resize(sort(a, axis=1), [3, 3])", "from": {"a": "parts"}}},
            "Flatten",
            {"Expression": {"formula": "ssim(x, x * 0.5, 1.0, 3)", "from": {"x": "x"},
                            "name": "like"}},
            {"Expression": {"formula": "concatenate([a, f, l[:, None]], axis=-1)",
                            "from": {"a": "most", "f": "flatten", "l": "like"}, "name": "out"}},
        ],
    }
}  # fmt: skip


@KERAS
def test_a_model_is_saved_without_modelspec(tmp_path: Any) -> None:
    """The saved file loads in safe mode, with equal predictions and no layer of modelspec."""
    import keras
    import numpy as np

    import modelspec as ms

    model = ms.load_spec(MODEL).build()
    given = {"x": signal(3, 8, 8, 2).astype("float32"), "s": signal(3, 16).astype("float32")}
    expected = np.asarray(model(given))
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras", safe_mode=True)
    assert np.array_equal(np.asarray(loaded(given)), expected)
    text = loaded.to_json()
    assert "modelspec" not in text and expected.shape == (3, 3 + 3 * 3 * 8 + 1)
