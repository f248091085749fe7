"""Names and defaults of settings, and the call's arguments, against Keras's signatures; and no
layer forgotten.
"""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from pydantic import TypeAdapter

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.layers.layer import Layer
from modelspec.core.settings import Context

from .case import KINDS, layer_class
from .keras_side import class_of

pytestmark = pytest.mark.tensorflow


NOT_YET: frozenset[str] = frozenset()
"""Layers of Keras that modelspec is to have and does not yet; a name leaves with the change that
brings its layer.
"""

SETTINGS_LEFT_OUT = {
    ("Constant", "shape"): "of the numbers: a saved layer has no others until its weights are read",
    ("Constant", "numbers"): "the dtype of the numbers, which follows from the settings",
    (
        "Bidirectional",
        "weights",
    ): "arrays of numbers: a spec gives weights by a file, for the model as a whole",
    (
        "Embedding",
        "weights",
    ): "arrays of numbers: a spec gives weights by a file, for the model as a whole",
}
"""Constructor parameters of Keras that are no settings, each with its reason."""

_SEQUENCES = ("SimpleRNN", "GRU", "LSTM", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
PASSED_ON: dict[tuple[str, str], Any] = {
    **{(kind, "zero_output_for_mask"): True for kind in _SEQUENCES},
    **{(kind, "unroll"): True for kind in _SEQUENCES if kind.startswith("Conv")},
    **{
        (kind, "data_format"): "channels_first"
        for kind in (
            "AutoContrast",
            "MaxNumBoundingBoxes",
            "RandomBrightness",
            "RandomContrast",
            "Solarization",
        )
    },
    ("AdditiveAttention", "seed"): 7,
    ("LayerNormalization", "rms_scaling"): True,
    **{(f"Conv{rank}D", "lora_rank"): 2 for rank in (1, 2, 3)},
    **{(f"Conv{rank}D", "lora_alpha"): 3.0 for rank in (1, 2, 3)},
}
"""Settings that Keras's constructor takes among `**kwargs` and passes on to the class it extends,
with a value that is not the default.
"""

CALL_ARGUMENTS_LEFT_OUT: dict[tuple[str, str], str] = {}
"""Call arguments of Keras that a spec cannot give, each with its reason."""


def parameters(function: Any) -> dict[str, inspect.Parameter]:
    """The parameters that a caller names, in order; `self` and `**kwargs` are none."""
    found = inspect.signature(function).parameters.values()
    return {
        p.name: p
        for p in found
        if p.name != "self" and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    }


def keras_class(kind: str) -> Any:
    return class_of(layer_class(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_settings_are_keras_constructor_parameters(kind: str) -> None:
    """All of them; the order is free but for the first one, which is what `- Kind: value` sets."""
    cls = layer_class(kind)
    left_out = {name for named, name in SETTINGS_LEFT_OUT if named == kind}
    theirs = [name for name in parameters(keras_class(kind).__init__) if name not in cls.common]
    passed_on = {name for named, name in PASSED_ON if named == kind}
    assert {name for name in cls.model_fields if name not in cls.common} == {
        *theirs,
        *passed_on,
    } - left_out
    assert not passed_on & set(theirs)
    assert left_out <= set(theirs)
    assert cls.primary() == (theirs[0] if theirs else None)


@pytest.mark.parametrize(("kind", "name"), PASSED_ON)
def test_what_keras_passes_on_has_an_effect_and_the_same_default(kind: str, name: str) -> None:
    from modelspec.runtime.backend.convert import to_keras

    cls, value = layer_class(kind), PASSED_ON[kind, name]
    usual = dict(cls.examples[0].settings)
    default = getattr(to_keras(cls.build(usual, Context())), name)
    assert default == getattr(keras_class(kind)(**usual), name)
    changed = getattr(to_keras(cls.build({**usual, name: value}, Context())), name)
    assert changed == getattr(keras_class(kind)(**usual, **{name: value}), name) == value != default


@pytest.mark.parametrize("kind", KINDS)
def test_defaults_are_keras_defaults(kind: str) -> None:
    cls = layer_class(kind)
    theirs = parameters(keras_class(kind).__init__)
    found = [
        f"{name}: {difference}"
        for name, parameter in theirs.items()
        if name in cls.model_fields
        and name not in cls.common
        and (difference := _other_default(cls, name, parameter.default))
    ]
    assert not found


def _other_default(cls: type[Layer], name: str, theirs: Any) -> str | None:
    """Defaults are compared as the setting's type normalizes them: 1 and (1, 1) are one stride."""
    field = cls.model_fields[name]
    if theirs is inspect.Parameter.empty:
        return None if field.is_required() else f"required by Keras, {field.default!r} here"
    if field.is_required():
        return f"required here, {theirs!r} in Keras"
    if type(field.default) is type(theirs) and field.default == theirs:
        return None
    ours, normalized = (_normalized(cls, name, value) for value in (field.default, theirs))
    return None if ours == normalized else f"{field.default!r}, in Keras {theirs!r}"


def _normalized(cls: type[Layer], name: str, value: Any) -> Any:
    adapter = TypeAdapter(cls.model_fields[name].rebuild_annotation())
    return adapter.validate_python(value, context=Context(), strict=False)


@pytest.mark.parametrize("kind", KINDS)
def test_call_arguments_are_keras_call_arguments(kind: str) -> None:
    """Tensors and options of a call by Keras's names; tensors in Keras's order. `training` every
    layer takes.
    """
    cls, theirs = layer_class(kind), list(parameters(keras_class(kind).call))
    tensors = [argument.name for argument in cls.arguments]
    left_out = {name for named, name in CALL_ARGUMENTS_LEFT_OUT if named == kind}
    assert [name for name in theirs if name in tensors] == tensors
    assert set(theirs) - {"training"} - left_out == {*tensors, *cls.options}


@pytest.mark.parametrize("kind", KINDS)
def test_an_argument_that_keras_requires_is_required(kind: str) -> None:
    cls, theirs = layer_class(kind), parameters(keras_class(kind).call)
    for argument in cls.arguments:
        assert argument.required == (theirs[argument.name].default is inspect.Parameter.empty), (
            argument.name
        )


# Nothing forgotten --------------------------------------------------------------------------------


def public_names() -> dict[str, Any]:
    """Every public class of `keras.layers` by each of its names."""
    import keras

    return {name: value for name, value in vars(keras.layers).items() if isinstance(value, type)}


def test_every_layer_of_keras_is_in_the_catalogue_or_refused() -> None:
    missing = {name for name in public_names() if name not in LAYERS and name not in LAYERS.refused}
    assert missing == NOT_YET


def test_what_is_not_there_yet_exists_in_keras() -> None:
    assert public_names().keys() >= NOT_YET


def test_what_is_refused_is_not_also_taken_and_has_a_reason() -> None:
    assert not [name for name in LAYERS.refused if name in LAYERS]
    assert all(reason.strip() for reason in LAYERS.refused.values())


def test_the_catalogue_names_nothing_that_keras_does_not_have() -> None:
    public = public_names()
    assert not [
        kind for kind in KINDS if layer_class(kind).keras_module == "layers" and kind not in public
    ]
    assert not [name for name in LAYERS.refused if name not in public and name != "Input"]


def test_an_alias_is_keras_alias() -> None:
    public = public_names()
    wrong = {
        name: kind for name, kind in LAYERS.aliases.items() if public.get(name) is not public[kind]
    }
    assert not wrong
