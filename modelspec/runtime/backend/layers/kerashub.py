"""A backbone of KerasHub as a layer. KerasHub is imported when a layer is created."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
from keras import ops

from modelspec.catalog.layers.backbones.backbone import MASK, SEGMENTS
from modelspec.catalog.layers.backbones.config import allowed, config_of, made
from modelspec.catalog.layers.backbones.inner import is_below, matching, paths_of

from ..preset_files import keras_hub_for
from .base import own_layer

ONLY = "output"
"""The name of the only output of a backbone."""


def made_backbone(kind: str, settings: Mapping[str, Any], dtype: Any) -> Any:
    """A backbone with random weights. Raises `Fault` (MS749) for other classes than backbones of
    KerasHub.
    """
    keras_hub = keras_hub_for(f"`{kind}`")
    checked = made(allowed(kind, kind), settings, "the settings", kind)
    cls = getattr(keras_hub.models, kind, None)
    if cls is None:
        raise ValueError(f"this version of KerasHub ({keras_hub.__version__}) has no `{kind}`")
    return cls.from_config({**checked.settings, "dtype": dtype})


def inputs_of(backbone: Any) -> dict[str, Any]:
    """The symbolic inputs of a backbone by name."""
    given = backbone.input
    if isinstance(given, dict):
        return dict(given)
    if isinstance(given, (list, tuple)):
        return {str(index): one for index, one in enumerate(given)}
    return {"images" if len(given.shape) == 4 else "inputs": given}


def given_to(backbone: Any, tensors: Mapping[str, Any]) -> Any:
    """Tensors by name in the form that a backbone takes."""
    form = backbone.input
    if isinstance(form, dict):
        return {name: tensors[name] for name in form}
    several = [tensors[name] for name in inputs_of(backbone)]
    return several if isinstance(form, (list, tuple)) else several[0]


def tensors_of(backbone: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The symbolic outputs of a backbone by name, and those of the layers inside it."""
    made = backbone.output
    if isinstance(made, (list, tuple)):
        outputs = {str(index): one for index, one in enumerate(made)}
    else:
        outputs = dict(made) if isinstance(made, dict) else {ONLY: made}
    hidden = dict(getattr(backbone, "pyramid_outputs", None) or {})
    for layer in backbone.layers:
        if not isinstance(layer, keras.layers.InputLayer) and layer.name not in hidden:
            found = _output_of(layer)
            if isinstance(found, keras.KerasTensor):
                hidden[layer.name] = found
    return outputs, hidden


def _output_of(layer: Any) -> Any:
    """The output of a layer that is called once; for others, that of the last call."""
    nodes = layer._inbound_nodes
    outputs = nodes[-1].output_tensors if nodes else []
    return outputs[0] if len(outputs) == 1 else None


@own_layer
class KerasHub(keras.layers.Layer):
    """A backbone of KerasHub, which takes a mapping of tensors.

    `backbone` contains the class and its settings. A saved layer contains them instead of the path
    of a preset, so that it can be loaded elsewhere.
    """

    def __init__(
        self,
        preset: Any = None,
        backbone: Any = None,
        outputs: Any = None,
        load_weights: Any = True,  # the layer begins with random ones: modelspec reads those
        padding_id: Any = None,
        freeze: Any = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if backbone is None:
            found = config_of(Path(preset), str(preset))
            backbone = {found.kind: found.settings}
        ((kind, settings),) = dict(backbone).items()
        with keras.name_scope(self.name):
            self.backbone = made_backbone(kind, settings, self.dtype_policy)
        self.described = {kind: dict(settings)}
        self.selected = None if outputs is None else list(outputs)
        self.padding_id = padding_id
        self.frozen = list(freeze)
        # As an attribute, the model would be saved as another owner of the same weights.
        self.__dict__["_chosen"] = _Chosen(self.backbone, self.selected)
        self.freeze_inner(self.frozen)
        self.built = True

    def freeze_inner(self, patterns: Any) -> None:
        """Freezes the layers inside the backbone that a pattern matches, by the paths of their
        weights: the path of a layer may be another one.
        """
        chosen = matching(patterns, paths_of(self._names()))
        for layer in self.backbone._flatten_layers(include_self=False):
            own = (*layer._trainable_variables, *layer._non_trainable_variables)
            if any(is_below(self._name(one), chosen) for one in own):
                layer.trainable = True  # setting the same value again changes nothing inside
                layer.trainable = False

    def _name(self, weight: Any) -> str:
        """The path of a weight in the backbone."""
        return str(weight.path).removeprefix(f"{self.name}/")

    def _names(self) -> list[str]:
        return [self._name(one) for one in self.backbone.weights]

    def call(self, inputs: Any, training: Any = None) -> Any:
        return self._chosen(self._complete(inputs), training)

    def _complete(self, inputs: Any) -> dict[str, Any]:
        """The tensors of a call, with those that follow from the tokens."""
        expected = inputs_of(self.backbone)
        given = dict(inputs) if isinstance(inputs, dict) else {next(iter(expected)): inputs}
        tokens = given.get(next(iter(expected)))
        if "token_ids" in given:
            tokens = given["token_ids"]
        for name, one in expected.items():
            if name not in given and name == MASK:
                given[name] = ops.not_equal(tokens, self.padding_id or 0)
            elif name not in given and name == SEGMENTS:
                given[name] = ops.zeros_like(tokens)
            if one.dtype == "int32":
                given[name] = ops.cast(given[name], "int32")
        return given

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "backbone": self.described,
            "outputs": self.selected,
            "padding_id": self.padding_id,
            "freeze": self.frozen,
        }


class _Chosen:
    """Calls a backbone, and gives the chosen outputs in order."""

    def __init__(self, backbone: Any, names: list[str] | None) -> None:
        self._backbone = backbone
        outputs, hidden = tensors_of(backbone)
        self._names = list(outputs) if names is None else names
        every = {**hidden, **outputs}
        self._model = backbone
        if any(name not in outputs for name in self._names):
            self._model = keras.Model(backbone.input, {name: every[name] for name in self._names})

    def __call__(self, given: Mapping[str, Any], training: Any) -> Any:
        made = self._model(given_to(self._backbone, given), training=training)
        if isinstance(made, (list, tuple)):
            made = {str(index): one for index, one in enumerate(made)}
        found = made if isinstance(made, dict) else {ONLY: made}
        several = [found[name] for name in self._names]
        return several if len(several) > 1 else several[0]
