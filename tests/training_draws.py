"""Random specs with a training.

A drawn spec is a call of a layer near one of its examples (as for the oracle of layers) or a small
graph of layers, heads, and for each output a loss, metrics and an optimizer with settings drawn from
the catalogue; also schedules, callbacks, class weights, precisions, and what layers set for their
weights.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from hypothesis import strategies as st

from modelspec.catalog.components import (
    INITIALIZERS,
    LOSSES,
    METRICS,
    OPTIMIZERS,
    SCHEDULES,
)
from modelspec.catalog.components.loss import Loss
from modelspec.catalog.layers.layer import NAMED
from modelspec.compiler.pipeline import compile_spec
from modelspec.core.dtypes import is_float
from modelspec.core.shapes import Tensor

from .drawing import specs
from .drawing_parts import as_input
from .oracle import forms, values
from .oracle.case import KINDS, Case, case_of, layer_class
from .oracle.strategies import cases, chances
from .training_steps import BATCH

PRECISIONS = ("float64", "float16", "bfloat16", "mixed_float16", "mixed_bfloat16")
ALONE = tuple(
    kind
    for kind in KINDS
    if not layer_class(kind).not_in_models and layer_class(kind).arguments != NAMED
)
"""Layers that a model may have by themselves."""
METRIC_SETTINGS: dict[str, dict[str, Any]] = {
    "FBetaScore": {"average": "macro"},
    "F1Score": {"average": "macro"},
    "IoU": {"num_classes": 3, "target_class_ids": [1], "sparse_y_pred": False},
    "MeanIoU": {"num_classes": 3, "sparse_y_pred": False},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": [1]},
    "OneHotMeanIoU": {"num_classes": 3},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
}
SCHEDULE_SETTINGS: dict[str, dict[str, Any]] = {
    "ExponentialDecay": {"initial_learning_rate": 0.01, "decay_steps": 10, "decay_rate": 0.9},
    "InverseTimeDecay": {"initial_learning_rate": 0.01, "decay_steps": 10, "decay_rate": 0.9},
    "PolynomialDecay": {"initial_learning_rate": 0.01, "decay_steps": 10},
    "CosineDecay": {"initial_learning_rate": 0.01, "decay_steps": 10},
    "CosineDecayRestarts": {"initial_learning_rate": 0.01, "first_decay_steps": 10},
    "PiecewiseConstantDecay": {"boundaries": [1], "values": [0.1, 0.01]},
}
CALLBACKS: tuple[Any, ...] = (
    "TerminateOnNaN",
    {"EarlyStopping": {"monitor": "loss", "restore_best_weights": True}},
    {"EarlyStopping": {"monitor": "val_loss", "mode": "min"}},
    {"ReduceLROnPlateau": {"monitor": "loss", "patience": 1}},
    {"ModelCheckpoint": {"filepath": "at-{epoch}-{loss:.2f}.keras", "monitor": "loss"}},
    {"ModelCheckpoint": {"filepath": "best.weights.h5", "save_weights_only": True}},
    {"CSVLogger": "rows.csv"},
    {"SwapEMAWeights": {"swap_on_epoch": True}},
    *(
        (
            {"TensorBoard": {"histogram_freq": 1}},
            {"TensorBoard": {"update_freq": "batch", "write_images": True, "histogram_freq": 1}},
        )
        if find_spec("tensorboard")
        else ()
    ),
)
NOT_DRAWN = ("Expression", "Circle", "MultiOptimizer", "LossScaleOptimizer")
FITS: dict[str, tuple[str, ...]] = {
    "indices": ("indices", "any"),
    "one_hot": ("one_hot", "numbers", "any"),
    "binary": ("binary", "numbers", "any"),
    "numbers": ("numbers", "any"),
}
"""The targets of metrics that go with those of a loss."""


def kinds(family: Any) -> list[str]:
    """The members of a family, by their class names."""
    found = (family.find(name) for name in family.names())
    return sorted({one.kind() for one in found if one is not None} - set(NOT_DRAWN))


# Specs --------------------------------------------------------------------------------------------


@st.composite
def trained_specs(draw: st.DrawFn, kind: str | None = None) -> dict[str, Any]:
    """A spec of one layer of the kind (of any kind), a head, and a training."""
    case = draw(cases(kind or draw(st.sampled_from(ALONE))))
    inputs: dict[str, Any] = {}
    layer = _entry(case, inputs)
    if draw(chances(15)):
        _start_weights_otherwise(draw, case.kind, layer[case.kind])
    layers, output = [layer], "drawn"
    loss = draw(_member(LOSSES))
    if draw(chances(75)):
        layers += draw(st.sampled_from([["Flatten"], ["Flatten"], [], [{"Dropout": 0.3}]]))
        layers.append({"Dense": {**draw(_head(loss)), "name": "head"}})
        output = "head"
    spec: dict[str, Any] = {
        "model": {"inputs": inputs, "layers": layers, "outputs": output},
        "training": draw(trainings({None: loss}, ["drawn"])),
    }
    if draw(chances(35)):
        spec["runtime"] = {"precision": draw(st.sampled_from(PRECISIONS))}
    return _masked(draw, spec) if draw(chances(10)) else spec


@st.composite
def trained_graphs(draw: st.DrawFn, most: int = 8) -> dict[str, Any]:
    """A spec of a small graph of layers with a head on nearly every output, and a training."""
    spec: dict[str, Any] = draw(specs(most, right=False))
    compiled = compile_spec(spec).value
    typed = compiled.graph if compiled is not None else None
    assert typed is not None
    losses: dict[str | None, Any] = {}
    outputs: dict[str, str] = {}
    for place, (name, ref) in enumerate(typed.graph.outputs.items()):
        text = ref.producer if ref.output is None else f"{ref.producer}.{ref.output}"
        loss = losses[name] = draw(_member(LOSSES))
        tensor = typed.outputs.get(name)
        if _takes_head(tensor) and draw(chances(90)):
            head = {**draw(_head(loss)), "name": f"head{place}", "from": text}
            spec["model"]["layers"].append({"Dense": head})
            text = f"head{place}"
        outputs[name] = text
    if len(outputs) == 1:
        losses = {None: next(iter(losses.values()))}
    spec["model"]["outputs"] = outputs
    layers = [layer.name for layer in typed.layers]
    spec["training"] = draw(trainings(losses, layers))
    spec["runtime"] = {"precision": draw(st.sampled_from(("float32", *PRECISIONS)))}
    return spec


def swept_spec(kind: str, place: int, precision: str, mask: str | None) -> dict[str, Any]:
    """A spec of one example of the layer with a head that is trained; its first input may come with
    a `mask`: of `steps`, by a `Masking`, or of `rows`, by an `Embedding`.
    """
    inputs: dict[str, Any] = {}
    case = case_of(layer_class(kind), layer_class(kind).examples[place])
    entry = _entry(case, inputs)
    head = [{"Dense": {"units": 3, "name": "head"}}] if mask else ["Flatten", {"Dense": 3}]
    spec: dict[str, Any] = {
        "model": {"inputs": inputs, "layers": [entry, *head]},
        "training": {"loss": "mse", "batch_size": BATCH},
        "runtime": {"precision": precision},
    }
    if mask == "steps":
        return _with_masking(spec, 0.5)
    return _with_embedding(spec) if mask == "rows" else spec


def _takes_head(tensor: Tensor | None) -> bool:
    last = tensor.shape[-1] if tensor is not None and tensor.rank > 1 else None
    return tensor is not None and isinstance(last, int) and tensor.dtype != "string"


@st.composite
def _head(draw: st.DrawFn, loss: Any) -> dict[str, Any]:
    """Settings of a last `Dense`, mostly such that the loss takes what it gives."""
    if draw(chances(20)):
        units = draw(st.sampled_from([1, 3]))
        activation = draw(st.sampled_from(["linear", "sigmoid", "softmax", "relu", "tanh"]))
        return {"units": units, "activation": activation}
    kind, settings = next(iter(loss.items())) if isinstance(loss, dict) else (loss, {})
    found = LOSSES.find(kind)
    targets = found.targets if found is not None and issubclass(found, Loss) else "numbers"
    binary = targets in ("binary", "numbers")
    activation = "sigmoid" if targets == "binary" else "softmax" if not binary else "linear"
    if settings.get("from_logits"):
        activation = "linear"
    units = draw(st.sampled_from([1, 3])) if binary else 3
    return {"units": units, "activation": activation}


def _entry(case: Case, inputs: dict[str, Any]) -> dict[str, Any]:
    """The call as a spec writes it; its tensors become inputs."""
    source = {}
    for argument, given in case.inputs.items():
        tensors = (given,) if isinstance(given, Tensor) else given
        names = []
        for tensor in tensors:
            names.append(f"x{len(inputs)}")
            inputs[names[-1]] = as_input(tensor)
        source[argument] = names[0] if isinstance(given, Tensor) else names
    first = next(iter(source.values()))
    taken = first if len(source) == 1 else source
    settings = {name: value for name, value in case.settings.items() if name != "name"}
    call = {"call": case.options} if case.options else {}
    return {case.kind: {**settings, "name": "drawn", "from": taken, **call}}


def _start_weights_otherwise(draw: st.DrawFn, kind: str, body: dict[str, Any]) -> None:
    """With an initializer that not every weight can have."""
    layer = layer_class(kind)
    names = [name for name in layer.model_fields if forms.field_family(layer, name) is INITIALIZERS]
    if names:
        drawn = st.sampled_from(["orthogonal", "identity", "glorot_normal", "truncated_normal"])
        body[draw(st.sampled_from(names))] = draw(drawn)


def _masked(draw: st.DrawFn, spec: dict[str, Any]) -> dict[str, Any]:
    return _with_masking(spec, draw(st.sampled_from([0.0, 0.5])))


def _with_embedding(spec: dict[str, Any]) -> dict[str, Any]:
    """The spec with an `Embedding` that makes its first input of whole numbers, where it can."""
    model = spec["model"]
    name, first = next(iter(model["inputs"].items()))
    body = next(iter(model["layers"][0].values()))
    *axes, last = first["shape"] or [None]
    if not isinstance(last, int) or not is_float(first["dtype"]) or body["from"] != name:
        return spec
    first |= {"shape": axes, "dtype": "int32"}
    embedding = {"input_dim": 2, "output_dim": last, "mask_zero": True, "from": name}
    body["from"] = "rows"
    model["layers"].insert(0, {"Embedding": {**embedding, "name": "rows"}})
    return spec


def _with_masking(spec: dict[str, Any], value: float) -> dict[str, Any]:
    """The spec with a `Masking` on its first input, where that has steps."""
    model = spec["model"]
    name, first = next(iter(model["inputs"].items()))
    entry = model["layers"][0]
    body = next(iter(entry.values()))
    if len(first["shape"]) < 2 or not is_float(first["dtype"]) or body["from"] != name:
        return spec
    body["from"] = "masked"
    masking = {"mask_value": value, "from": name, "name": "masked"}
    model["layers"].insert(0, {"Masking": masking})
    return spec


# Trainings ----------------------------------------------------------------------------------------


@st.composite
def trainings(draw: st.DrawFn, losses: dict[str | None, Any], layers: list[str]) -> dict[str, Any]:
    """For the outputs of a model; under None for its only one."""

    def by_output(found: dict[str | None, Any]) -> Any:
        return found.get(None, found)

    trained = losses
    if len(losses) > 1 and draw(chances(10)):
        untrained = draw(st.sampled_from(sorted(losses, key=str)))
        trained = {name: loss for name, loss in losses.items() if name != untrained}
    found: dict[str, Any] = {"loss": by_output(trained), "batch_size": BATCH}
    if draw(chances(60)):
        found["metrics"] = by_output({name: draw(_metrics(one)) for name, one in losses.items()})
    if draw(chances(20)):
        measured = {name: draw(_metrics(one))[:1] for name, one in losses.items()}
        found["weighted_metrics"] = by_output(measured)
    if draw(chances(60)):
        found["optimizer"] = draw(_optimizers())
    if None not in losses and draw(chances(30)):
        weight = st.sampled_from([0.0, 0.5, 1.0, 2.0])
        found["loss_weights"] = {name: draw(weight) for name in trained}
    if draw(chances(10)):
        found["class_weight"] = draw(_class_weights(trained))
    if draw(chances(10)):
        found["freeze"] = [draw(st.sampled_from(layers))] if layers else []
    if draw(chances(15)):
        found["callbacks"] = draw(
            st.lists(st.sampled_from(CALLBACKS), min_size=1, max_size=2, unique_by=str)
        )
    return found


@st.composite
def _metrics(draw: st.DrawFn, loss: Any) -> list[Any]:
    """One or two, mostly such that take the targets of the loss."""
    kind = next(iter(loss)) if isinstance(loss, dict) else loss
    found = LOSSES.find(kind)
    targets = found.targets if found is not None and issubclass(found, Loss) else "numbers"
    fitting = [
        name
        for name in kinds(METRICS)
        if getattr(METRICS.find(name), "targets", None) in FITS.get(targets, ())
    ]
    chosen = draw(
        st.lists(
            st.sampled_from([*fitting, *fitting, *kinds(METRICS), *["accuracy"] * 6]),
            min_size=1,
            max_size=2,
            unique=True,
        )
    )
    return [one if one == "accuracy" else draw(_settings(METRICS, one)) for one in chosen]


@st.composite
def _optimizers(draw: st.DrawFn) -> Any:
    optimizer = draw(_member(OPTIMIZERS))
    if draw(chances(20)):
        kind, settings = (
            next(iter(optimizer.items())) if isinstance(optimizer, dict) else (optimizer, {})
        )
        rate = draw(_settings(SCHEDULES, draw(st.sampled_from(sorted(SCHEDULE_SETTINGS)))))
        optimizer = {kind: {**settings, "learning_rate": rate}}
    if draw(chances(5)):
        return {"LossScaleOptimizer": {"inner_optimizer": optimizer}}
    if draw(chances(5)):
        paths = draw(st.sampled_from([{".*kernel": "sgd"}, {"head.*": {"Adam": 0.01}}]))
        held = {"default_optimizer": optimizer, "optimizer_map": paths}
        return {"MultiOptimizer": {"optimizer_map": held}}
    return optimizer


@st.composite
def _class_weights(draw: st.DrawFn, losses: dict[str | None, Any]) -> Any:
    name = draw(st.sampled_from(sorted(losses, key=str)))
    weights = {"0": 1.0, "1": draw(st.sampled_from([0.0, 2.0])), "2": 0.5}
    return weights if name is None else {name: weights}


@st.composite
def _member(draw: st.DrawFn, family: Any) -> Any:
    """A loss, a metric or an optimizer with some of its settings."""
    return draw(_settings(family, draw(st.sampled_from(kinds(family)))))


@st.composite
def _settings(draw: st.DrawFn, family: Any, kind: str) -> Any:
    settings = {**METRIC_SETTINGS, **SCHEDULE_SETTINGS}.get(kind, {})
    settings = draw(values.changed(family.find(kind), settings))
    return {kind: settings} if settings else kind
