"""The facts that layers declare, against what Keras does: masks, values, training, adapting."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.layers.layer import Example, Layer
from modelspec.core.settings import Context
from modelspec.core.shapes import Tensor

from . import keras_side
from .case import KINDS, Case, case_of, layer_class

pytestmark = pytest.mark.tensorflow

Given = dict[str, Any]
ALONE = tuple(kind for kind in KINDS if not kind.endswith(("Cell", "Cells")))
"""Layers that Keras calls by themselves."""


def cases(kind: str) -> Iterator[Case]:
    """The examples of a layer that give no mask, and run on a CPU."""
    for example in layer_class(kind).examples:
        inputs = example.inputs
        if isinstance(inputs, Mapping) and any("mask" in name for name in inputs):
            continue
        if example.settings.get("data_format") != "channels_first":
            yield case_of(layer_class(kind), example)


def case(kind: str, settings: dict[str, Any], *shapes: Any, dtype: str = "float32") -> Case:
    return case_of(layer_class(kind), Example(settings, shapes, dtype))


def values(tensor: Tensor, seed: int = 0, batch: int = 3) -> Any:
    """Data of a type: numbers all over, indices that every example takes, or words."""
    import keras

    rng = np.random.default_rng(seed)
    shape = keras_side.with_numbers(tensor, 4, batch).shape
    if tensor.dtype == "string":
        return keras.ops.convert_to_tensor(rng.choice(np.array(["a", "b", "c"]), shape))
    if "int" in tensor.dtype:
        return keras.ops.cast(rng.integers(0, 2, shape), tensor.dtype)
    return keras.ops.cast(rng.uniform(0.1, 1, shape), tensor.dtype)


def given(one: Case, seed: int = 0, batch: int = 3) -> Given:
    return {
        name: (
            values(value, seed, batch)
            if isinstance(value, Tensor)
            else [values(tensor, seed + i, batch) for i, tensor in enumerate(value)]
        )
        for name, value in one.inputs.items()
    }


def built(one: Case) -> Any:
    import keras

    keras.utils.set_random_seed(1)
    return keras_side.build(LAYERS, {one.kind: one.settings})


def ours(one: Case) -> Layer:
    return layer_class(one.kind).build(one.settings, Context())


def call(layer: Any, arguments: Given, **options: Any) -> list[Any]:
    """What the layer gives, as a list."""
    import keras

    first, *rest = arguments.items()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return keras.tree.flatten(layer(first[1], **dict(rest), **options))


def has_training(layer: Any) -> bool:
    return "training" in inspect.signature(layer.call).parameters


def same(a: Any, b: Any, tolerance: float = 1e-5) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        return False
    return bool(np.array_equal(a, b) if a.dtype.kind in "OSU" else np.allclose(a, b, 0, tolerance))


def _uses_masks(kind: str) -> bool:
    one = next(cases(kind), None)
    return one is not None and ours(one).mask_rank(4) is not None


# Masks --------------------------------------------------------------------------------------------


def masked(x: Any, steps: int = 0) -> Any:
    """The tensor, its last steps marked as padding."""
    mask = np.ones(x.shape[:2], bool)
    mask[:, mask.shape[1] - steps :] = not steps
    x._keras_mask = keras_tensor(mask)
    return x


def keras_tensor(array: Any) -> Any:
    import keras

    return keras.ops.convert_to_tensor(array)


def mask_of(tensor: Any) -> bool:
    return getattr(tensor, "_keras_mask", None) is not None


@pytest.mark.parametrize("kind", ALONE)
def test_a_layer_supports_masks_where_keras_s_attribute_says_so(kind: str) -> None:
    """Or where a setting has it make one. One that holds a layer is asked below."""
    for one in cases(kind):
        layer = ours(one)
        if layer.supports_masking is not None:
            declared = layer.supports_masking or layer.makes_mask(one.options)
            assert built(one).supports_masking == declared, one


@pytest.mark.parametrize("kind", ALONE)
def test_a_mask_is_made_where_the_layer_says_so(kind: str) -> None:
    for one in cases(kind):
        outputs = call(built(one), given(one), **one.options)
        assert mask_of(outputs[0]) == ours(one).makes_mask(one.options), one


def sequences(kind: str) -> Iterator[Case]:
    """Examples that take sequences of vectors and give some."""
    for one in cases(kind):
        if all(tensor.rank == 3 and tensor.dtype != "string" for tensor in one.tensors):
            yield one


@pytest.mark.parametrize("kind", ALONE)
def test_a_mask_ends_where_the_layer_says_so(kind: str) -> None:
    """Whatever the attribute says: the mask that the result has in Keras."""
    for one in sequences(kind):
        declared = ours(one)
        if declared.supports_masking is None or declared.makes_mask(one.options):
            continue
        arguments = given(one)
        first = next(iter(arguments))
        if isinstance(arguments[first], list):
            arguments[first] = [masked(x) for x in arguments[first]]
        else:
            arguments[first] = masked(arguments[first])
        if declared.masks_entries:
            with pytest.raises(Exception, match=r"(?i)shape|broadcast|dimension"):
                call(built(one), arguments, **one.options)
            continue
        outputs = call(built(one), arguments, **one.options)
        if len(outputs[0].shape) == 3:
            kept = bool(declared.supports_masking) and declared.joins_masks != "none"
            assert mask_of(outputs[0]) == kept, one


@pytest.mark.parametrize("kind", [kind for kind in ALONE if _uses_masks(kind)])
def test_a_layer_runs_with_a_mask_of_the_axes_that_it_says(kind: str) -> None:
    """And fails with one of another number of axes, as `TimeDistributed` leaves behind."""
    one = next(cases(kind))
    rank = one.tensors[0].rank
    for axes in range(2, rank + 1):
        arguments = given(one)
        for value in arguments.values():
            for x in value if isinstance(value, list) else (value,):
                x._keras_mask = keras_tensor(np.ones(x.shape[:axes], bool))
        mask, first = one.tensors[0].shape[:axes], one.tensors[0]
        if axes == ours(one).mask_rank(rank) or ours(one).takes_mask(mask, first):
            call(built(one), arguments, **one.options)
        else:
            with pytest.raises(Exception, match=r"(?i)shape|broadcast|dimension|rank|axis|axes"):
                call(built(one), arguments, **one.options)


@pytest.mark.parametrize("kind", [kind for kind in ALONE if layer_class(kind).joins_masks])
def test_of_several_tensors_one_without_a_mask_counts_as_declared(kind: str) -> None:
    shapes = ((None, 4, 4), (None, 4, 4))
    settings: list[dict[str, Any]] = [{}]
    if kind == "Concatenate":
        settings = [{"axis": axis} for axis in (-1, 2, 1)]
    if kind == "Dot":
        settings = [{"axes": 1}]
    for one in (case(kind, each, *shapes) for each in settings):
        first, second = given(one)["inputs"]
        (result,) = call(built(one), {"inputs": [masked(first, 1), second]})
        along_steps = ours(one).joins_masks == "axis" and one.settings["axis"] == 1
        # Keras takes the other for unmasked: features that are joined have a mask without padding.
        marks = mask_of(result) and not np.all(np.asarray(result._keras_mask))
        assert marks == along_steps, one


@pytest.mark.parametrize(
    ("kind", "settings", "kept"),
    [
        ("SpectralNormalization", {"layer": {"Dense": 4}}, True),
        ("SpectralNormalization", {"layer": {"Conv1D": {"filters": 2, "kernel_size": 1}}}, False),
        ("Pipeline", {"layers": ("ReLU",)}, True),
        ("Pipeline", {"layers": ({"Reshape": (4, 4)},)}, False),
    ],
)
def test_a_layer_that_holds_others_leaves_the_mask_to_them(
    kind: str, settings: dict[str, Any], kept: bool
) -> None:
    one = case(kind, settings, (None, 4, 4))
    assert ours(one).supports_masking is None
    (result,) = call(built(one), {"inputs": masked(given(one)["inputs"])})
    assert mask_of(result) == kept


@pytest.mark.parametrize("kind", ALONE)
def test_a_layer_says_whether_keras_knows_the_shape_that_it_gives(kind: str) -> None:
    """`TimeDistributed` asks Keras for it, of a layer that was not called."""
    one = next(iter(cases(kind)), None)
    if (
        one is None
        or len(one.inputs) > 1
        or not isinstance(next(iter(one.inputs.values())), Tensor)
    ):
        return
    (tensor,) = one.inputs.values()
    try:
        built(one).compute_output_shape(tensor.shape)
    except NotImplementedError:
        known = False
    else:
        known = True
    assert layer_class(kind).shape_known_to_keras == known


USERS = {
    "SimpleRNN": {"units": 3},
    "GRU": {"units": 3},
    "LSTM": {"units": 3},
    "RNN": {"cell": {"LSTMCell": 3}},
    "Bidirectional": {"layer": {"GRU": 3}},
    "GlobalAveragePooling1D": {},
    "Attention": {},
    "AdditiveAttention": {},
    "MultiHeadAttention": {"num_heads": 2, "key_dim": 3},
    "GroupQueryAttention": {"head_dim": 4, "num_query_heads": 2, "num_key_value_heads": 1},
    "ConvLSTM1D": {"filters": 2, "kernel_size": 1},
    "ConvLSTM2D": {"filters": 2, "kernel_size": 1},
    "ConvLSTM3D": {"filters": 2, "kernel_size": 1},
}


def test_every_user_of_masks_is_tried() -> None:
    assert {kind for kind in ALONE if layer_class(kind).uses_mask_of} == set(USERS)


@pytest.mark.parametrize("kind", USERS)
def test_padding_is_left_out_where_the_layer_says_so(kind: str) -> None:
    """What stands in masked steps makes no difference to the result, and does without a mask; the
    mask of each tensor that is named will do.
    """
    cls = layer_class(kind)
    for name in cls.uses_mask_of:
        for marked in (True, False):
            results = [
                call(built(one), arguments)[0]
                for one, arguments in (_padded(kind, name, seed, marked) for seed in (0, 1))
            ]
            assert same(*results) == marked, (name, marked)


def _padded(kind: str, name: str, seed: int, marked: bool) -> tuple[Case, Given]:
    """A call whose last step along the named tensor follows from the seed."""
    axes = int(kind[8]) if kind.startswith("ConvLSTM") else 0
    tensor = Tensor((None, 4, *(3,) * axes, 4), "float32")
    first = layer_class(kind).arguments[0]
    names = first.items if first.many else ("query", "value", "key") if name != first.name else ()
    tensors = {each: values(tensor, i) for i, each in enumerate(names or (first.name,))}
    data = np.array(tensors[name])
    data[:, -1:] = np.asarray(values(tensor, 10 + seed))[:, -1:]
    tensors[name] = masked(keras_tensor(data), 1) if marked else keras_tensor(data)
    arguments = {first.name: list(tensors.values())} if first.many else tensors
    return Case(kind, dict(USERS[kind]), {}), arguments


# Values -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ALONE)
def test_a_layer_acts_in_training_only_where_it_says_so(kind: str) -> None:
    """In inference it gives what it takes; and every layer that does, but not in training, says
    so.
    """
    for one in cases(kind):
        layer = built(one)
        if kind in ("RandomCrop", "RandomResizedCrop"):  # to the size that the images have
            one = case(kind, {"height": 9, "width": 8}, (None, 9, 8, 3))
            layer = built(one)
        arguments = given(one)
        first = next(iter(arguments.values()))
        if not has_training(layer) or isinstance(first, list) or one.options:
            assert not layer_class(kind).training_only, one
            continue
        quiet = same(call(layer, arguments, training=False)[0], first, 0)
        loud = same(call(layer, arguments, training=True)[0], first, 0)
        if layer_class(kind).training_only:
            assert quiet, one
        else:
            assert not quiet or loud, one


def test_what_drops_values_has_a_rate_of_them() -> None:
    for kind in ALONE:
        parameters = inspect.signature(keras_side.class_of(layer_class(kind))).parameters
        drops = "rate" in parameters and layer_class(kind).training_only
        assert layer_class(kind).drops_values == drops, kind


@pytest.mark.parametrize("kind", [kind for kind in ALONE if layer_class(kind).keeps_values])
def test_values_are_kept_where_the_layer_says_so(kind: str) -> None:
    for one in cases(kind):
        arguments = given(one)
        layer = built(one)
        options = {"training": False} if has_training(layer) else {}
        before = set(np.ravel(np.asarray(next(iter(arguments.values())))).tolist())
        after = set(np.ravel(np.asarray(call(layer, arguments, **options)[0])).tolist())
        assert before == after if layer_class(kind).keeps_values == "all" else after <= before, one


@pytest.mark.parametrize("kind", ALONE)
def test_a_bias_is_one_number_for_each_channel_where_the_layer_says_so(kind: str) -> None:
    """Last of all: the result with it is the result without it and the number of the channel."""
    cls = layer_class(kind)
    if "use_bias" not in cls.model_fields:
        assert not cls.channel_bias
        return
    for one in cases(kind):
        layer = built(one)
        if not getattr(layer, "use_bias", True) or one.settings.get("activation"):
            continue
        arguments = given(one)
        without = np.asarray(call(layer, arguments)[0])
        biases = [weight for weight in layer.weights if weight.name == "bias"]
        for bias in biases:
            bias.assign(np.arange(np.prod(bias.shape)).reshape(bias.shape))
        added = np.asarray(call(layer, arguments)[0]) - without
        shape = tuple(biases[0].shape) if len(biases) == 1 else ()
        plain = shape == added.shape[-1:] and same(
            added, np.broadcast_to(np.asarray(biases[0]), added.shape), 1e-4
        )
        assert plain == cls.channel_bias, one


@pytest.mark.parametrize("kind", [kind for kind in ALONE if layer_class(kind).removes_channel_mean])
def test_the_mean_of_a_channel_has_no_effect_where_the_layer_says_so(kind: str) -> None:
    """In training; but for what renormalization takes from the steps before."""
    for one in cases(kind):
        if one.settings.get("renorm"):
            continue
        x = np.asarray(given(one)["inputs"])
        axis = one.settings.get("axis", -1)
        added = np.moveaxis(np.moveaxis(x, axis, -1) + np.arange(x.shape[axis]), -1, axis)
        before, after = (
            call(built(one), {"inputs": keras_tensor(each.astype("float32"))}, training=True)[0]
            for each in (x, added)
        )
        assert same(before, after, 1e-3), one


def test_a_layer_that_is_an_activation_computes_it() -> None:
    import keras

    for kind in ALONE:
        name = layer_class(kind).activation_function
        if name is not None:
            x = values(Tensor((None, 5), "float32"))
            assert same(
                call(built(case(kind, {}, (None, 5))), {"x": x})[0],
                getattr(keras.activations, name)(x),
            ), kind


@pytest.mark.parametrize("kind", ALONE)
def test_a_layer_looks_up_in_as_many_rows_as_it_says(kind: str) -> None:
    for one in cases(kind):
        rows = ours(one).looks_up(one.options)
        if rows is not None:
            layer = built(one)
            call(layer, given(one), **one.options)
            assert layer.weights[0].shape[0] == rows, one
            assert "int" in one.tensors[0].dtype, one


AFFINE = [
    ("Rescaling", {"scale": 0.1, "offset": -1.0}),
    ("Rescaling", {"scale": [0.1, 0.2, 0.3]}),
    ("Normalization", {"mean": [0.1, 0.2, 0.3], "variance": [1.0, 2.0, 3.0]}),
    ("Normalization", {"mean": 0.5, "variance": 2.0, "axis": None}),
    ("Normalization", {"mean": [0.1, 0.2, 0.3], "variance": [1.0, 0.0, 3.0], "invert": True}),
]


@pytest.mark.parametrize(("kind", "settings"), AFFINE)
def test_an_affine_layer_multiplies_and_adds(kind: str, settings: dict[str, Any]) -> None:
    one = case(kind, settings, (None, 3))
    affine = ours(one).affine()
    assert affine is not None
    x = np.asarray(given(one)["inputs"])
    scale, offset = np.asarray(affine.scale), np.asarray(affine.offset)
    expected = (x - offset) / scale if affine.divides else x * scale + offset
    assert same(call(built(one), {"inputs": keras_tensor(x)})[0], expected)


# Preparing data -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ALONE)
def test_a_layer_adapts_where_keras_s_has_the_method(kind: str) -> None:
    cls = layer_class(kind)
    assert bool(cls.adapts) == hasattr(keras_side.class_of(cls), "adapt")
    assert set(cls.adapts) <= cls.model_fields.keys()
    assert not cls.adapts_weights or cls.adapts


@pytest.mark.parametrize(
    ("kind", "settings", "runs"),
    [
        ("Normalization", {}, True),
        ("Discretization", {"num_bins": 3}, False),
        ("IntegerLookup", {}, False),
        ("StringLookup", {}, False),
        ("TextVectorization", {}, False),
    ],
)
def test_without_its_data_a_layer_runs_where_they_are_weights(
    kind: str, settings: dict[str, Any], runs: bool
) -> None:
    cls = layer_class(kind)
    assert cls.adapts_weights == runs
    dtype = cls.build(settings, Context()).column_types()[0]
    one = case(kind, settings, (None, 1), dtype=dtype)
    if runs:
        layer = built(one)
        call(layer, given(one))
        assert {weight.name for weight in layer.weights} >= set(cls.adapts)
    else:
        with pytest.raises(Exception, match=r"(?i)adapt|vocabulary|initialize"):
            call(built(one), given(one))


PREPARING = [kind for kind in ALONE if layer_class(kind).prepares_data]


def columns(kind: str) -> Iterator[Case]:
    """Examples of a layer that take one tensor, as a column gives it."""
    for one in cases(kind):
        if len(one.tensors) == 1:
            yield one


@pytest.mark.parametrize("kind", PREPARING)
def test_what_prepares_data_sees_one_example_alone(kind: str) -> None:
    """The same of each example in a batch and by itself, at every time, whatever a layer drew when
    it was made.
    """
    for one in columns(kind):
        if kind == "MelSpectrogram":
            # Decibels are relative to the loudest sound of the batch: Keras looks at the others.
            one = case(kind, {**one.settings, "power_to_db": False}, one.tensors[0].shape)
        layer, other = built(one), keras_side.build(LAYERS, {kind: one.settings})
        arguments = given(one)
        ((name, x),) = arguments.items()
        together = call(layer, arguments)[0]
        assert same(together, call(other, arguments)[0]), one
        if has_training(layer):
            assert same(together, call(layer, arguments, training=False)[0]), one
        apart = [np.asarray(call(layer, {name: x[i : i + 1]})[0]) for i in range(len(x))]
        assert same(together, np.concatenate(apart)), one


@pytest.mark.parametrize("kind", PREPARING)
def test_what_prepares_data_takes_the_columns_that_it_says(kind: str) -> None:
    for one in columns(kind):
        if "mask_value" in one.settings:  # a value of one type
            continue
        types = ours(one).column_types()
        assert one.tensors[0].dtype == "string" or types != ("string",), one
        for dtype in types:
            taken = one.map(lambda tensor, dtype=dtype: tensor._replace(dtype=dtype))
            call(built(taken), given(taken))
