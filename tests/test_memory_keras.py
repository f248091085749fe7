"""What training takes of memory, compared with the tensors that a traced step of Keras keeps."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from modelspec.catalog.components import ACTIVATIONS, LOSSES, OPTIMIZERS
from modelspec.catalog.components.loss import Loss
from modelspec.catalog.layers.calls import output_of
from modelspec.catalog.layers.layer import Inputs, Layer
from modelspec.compiler.infer.activations import kept_activations
from modelspec.compiler.infer.memory import Memory, estimated_memory
from modelspec.compiler.infer.tensor_bytes import bytes_of
from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.core.dtypes import is_float
from modelspec.core.settings import Context
from modelspec.core.shapes import Tensor

from .oracle.case import KINDS, Case, case_of, layer_class

pytestmark = pytest.mark.tensorflow

CONFIGS = Path(__file__).parent.parent / "configs"
BATCH = 64
"""Examples of a call: enough that what does not grow with them is small."""
SMALL = 600
"""Bytes of counters and shapes that a graph has and the estimate leaves out."""
PREPARING = ("audio", "augmentation", "augmentation_color", "augmentation_mix", "image")
"""Modules of layers that come before anything is trained."""


# Models -------------------------------------------------------------------------------------------


def config(name: str, **overrides: Any) -> tuple[str, dict[str, Any]]:
    return name, {key.replace("__", "."): value for key, value in overrides.items()}


MODELS = [
    config("iris"),  # an MLP with a BatchNormalization
    config("digits"),  # convolutions, pooling, dropout
    config("resnet50", vars__depths=[1, 2, 1, 1]),  # residuals
    config("lstm"),  # both ways
    config("seq2seq"),  # states from one LSTM to another
    config("transformer"),
    config("transformer", runtime__precision="mixed_bfloat16"),
    config("unet"),
    config("autoencoder"),  # sub-models
    config("two_inputs_two_outputs"),
    config("wavenet"),  # dilated causal convolutions
    config("lstm", runtime__precision="mixed_bfloat16"),
    config("fine_tune_mobilenet"),  # depthwise convolutions, a frozen layer inside a sub-model
    config("vit", training__optimizer="adafactor"),
]


@pytest.mark.parametrize(
    "name, overrides",
    MODELS,
    ids=["-".join([name, *map(str, over.values())]) for name, over in MODELS],
)
def test_the_estimate_is_within_5_percent_of_a_traced_step(
    name: str, overrides: dict[str, Any]
) -> None:
    compiled = compile_spec(CONFIGS / f"{name}.yaml", overrides).value
    assert compiled is not None
    assert compiled.graph is not None and compiled.training is not None
    found = estimated_memory(compiled.graph, compiled.training)
    assert isinstance(found, Memory), found
    traced = _traced_step(compiled)
    assert found.weights == traced.weights
    assert found.gradients == traced.gradients
    assert found.slots == traced.slots
    assert found.activations == pytest.approx(traced.activations, rel=0.05)
    assert found.total == pytest.approx(traced.total, rel=0.05)


def _traced_step(compiled: Compiled) -> Any:
    from modelspec.runtime.backend import build

    from .memory_oracle import trace_training

    return trace_training(build(compiled, pretrained=False), *_batch(compiled))


def _batch(compiled: Compiled) -> tuple[Any, Any]:
    """The types of a batch's inputs and targets."""
    assert compiled.graph is not None and compiled.training is not None
    inputs = {name: _sized(one, compiled) for name, one in compiled.graph.inputs.items()}
    targets = {}
    for name, chosen in compiled.training.losses.items():
        output = _sized(compiled.graph.outputs[name], compiled)
        assert isinstance(chosen.settings, Loss)
        of_classes = chosen.settings.targets == "indices"
        targets[name] = (
            Tensor(output.shape[:-1], "int32") if of_classes else output._replace(dtype="float32")
        )
    return _specs(inputs), _specs(targets)


def _sized(tensor: Tensor, compiled: Compiled) -> Tensor:
    assert compiled.training is not None
    return tensor._replace(shape=(compiled.training.batch_size, *tensor.shape[1:]))


def _specs(tensors: Mapping[str, Tensor]) -> Any:
    import tensorflow as tf

    made = {name: tf.TensorSpec(one.shape, one.dtype) for name, one in tensors.items()}
    return next(iter(made.values())) if len(made) == 1 else made


# Layers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not layer_class(kind).not_in_models])
def test_a_layer_keeps_what_it_says(kind: str) -> None:
    """In the first of its examples, with a gradient of everything that it takes."""
    layer = layer_class(kind)
    if layer.__module__.rpartition(".")[2] in PREPARING:
        pytest.skip("it comes before anything is trained")
    case = case_of(layer, layer.examples[0]).map(_in_batch)
    assert _said(layer, case) == pytest.approx(_traced(case), rel=0.05, abs=SMALL)


def _in_batch(tensor: Tensor) -> Tensor:
    first, *rest = tensor.shape
    sizes = tuple(size if isinstance(size, int) else 11 for size in rest)
    return tensor._replace(shape=(first if isinstance(first, int) else BATCH, *sizes))


def _said(cls: type[Layer], case: Case) -> int:
    layer = cls.from_body(dict(case.settings), Context())
    inputs = Inputs(case.inputs, case.options)
    made = output_of(layer, inputs)
    outputs = (made,) if isinstance(made, Tensor) else made
    saved = layer.saved(inputs, outputs)
    trained = any(weight.trainable for weight in layer.weights(inputs))
    kept = [*saved.own, *(saved.own_for_weights if trained else ())]
    if saved.inputs or (saved.for_weights and trained):
        floats = [one for one in case.tensors if is_float(one.dtype)]
        kept += [one for at, one in enumerate(floats) if saved.places is None or at in saved.places]
    if saved.outputs:
        kept.append(outputs[0])
    return sum(bytes_of(one, cls.kind()).fixed for one in kept)


def _traced(case: Case) -> int:
    import tensorflow as tf

    from .memory_oracle import kept_by
    from .oracle import keras_side

    layer, _ = keras_side._symbolic(case)
    names = list(case.inputs)[1:]
    options = dict(case.options)
    if "training" in inspect.signature(layer.call).parameters:
        options["training"] = True

    def compute(first: Any, *rest: Any) -> Any:
        made = layer(first, **dict(zip(names, rest, strict=True)), **options)
        return made, layer.losses

    def spec(value: Any) -> Any:
        if isinstance(value, Tensor):
            return tf.TensorSpec(value.shape, value.dtype)
        return [spec(one) for one in value]

    given = [spec(value) for value in case.inputs.values()]
    return sum(kept_by(compute, layer.trainable_variables, *given).values())


@pytest.mark.parametrize("name", list(ACTIVATIONS.kinds()))
def test_an_activation_keeps_what_it_says(name: str) -> None:
    case = Case("Activation", {"activation": name}, {"inputs": Tensor((BATCH, 40), "float32")})
    assert _said(layer_class("Activation"), case) == pytest.approx(
        _traced(case), rel=0.05, abs=SMALL
    )


# Losses and optimizers ----------------------------------------------------------------------------

OTHER_TARGETS = ("CTC", "Circle", "Expression")
"""Losses whose targets or outputs are not those of the model here."""
HEADS = [
    (kind, activation)
    for kind in LOSSES.kinds()
    if kind not in OTHER_TARGETS
    for activation in dict.fromkeys((None, getattr(LOSSES.find(kind), "takes_scores_of", None)))
]


@pytest.mark.parametrize("kind, activation", HEADS)
def test_a_loss_keeps_what_it_says(kind: str, activation: str | None) -> None:
    """Beside an output that a metric reads as well."""
    head = {"Dense": {"units": 60, "activation": activation, "name": "y"}}
    found = LOSSES.find(kind)
    assert found is not None and issubclass(found, Loss)
    metric = "accuracy" if found.targets == "indices" else "mse"
    compiled = _trained({"x": [1]}, [head], loss=kind, metrics=[metric])
    assert compiled.graph is not None and compiled.training is not None
    said = kept_activations(compiled.graph, compiled.training).total.at(BATCH)
    traced = _traced_step(compiled).activations
    assert said == pytest.approx(traced, rel=0.1, abs=SMALL)


@pytest.mark.parametrize("kind", [*OPTIMIZERS.kinds()])
def test_an_optimizer_keeps_what_it_says(kind: str) -> None:
    """For a table, matrices, a kernel of four axes and vectors."""
    settings = {"LossScaleOptimizer": {"inner_optimizer": "adam"}}
    if kind == "MultiOptimizer":
        pytest.skip("it holds others: see test_memory.py")
    optimizer = {kind: settings.get(kind, {})} if kind in settings else kind
    layers = [
        {"Embedding": {"input_dim": 50, "output_dim": 6}},
        {"Reshape": [2, 2, 9]},
        {"Conv2D": {"filters": 4, "kernel_size": 2}},
        "Flatten",
        {"Dense": {"units": 3, "name": "y"}},
    ]
    compiled = _trained({"x": {"shape": [6], "dtype": "int32"}}, layers, optimizer=optimizer)
    assert compiled.graph is not None and compiled.training is not None
    found = estimated_memory(compiled.graph, compiled.training)
    assert isinstance(found, Memory)
    assert found.slots == _traced_step(compiled).slots


def _trained(inputs: dict[str, Any], layers: list[Any], **training: Any) -> Compiled:
    section = {"optimizer": "SGD", "loss": "mse", "batch_size": BATCH, **training}
    compiled = compile_spec({"model": {"inputs": inputs, "layers": layers}, "training": section})
    assert compiled.value is not None and compiled.value.training is not None
    return compiled.value
