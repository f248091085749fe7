"""Components without TensorFlow: written forms, nesting, faults and their places, names in logs,
what gets loaded.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from modelspec.catalog.components import (
    ACTIVATIONS,
    CALLBACKS,
    CONSTRAINTS,
    INITIALIZERS,
    LOSSES,
    METRICS,
    OPTIMIZERS,
    REGULARIZERS,
    SCHEDULES,
    Family,
    component,
    log_name,
    read_component,
)
from modelspec.catalog.components.run_paths import placeholders
from modelspec.catalog.components.setting_types import Component
from modelspec.core.diagnostics import Fault
from modelspec.core.settings import Context, Faults, Settings

FAMILIES: dict[str, Family] = {
    "initializer": INITIALIZERS,
    "regularizer": REGULARIZERS,
    "constraint": CONSTRAINTS,
    "activation": ACTIVATIONS,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "loss": LOSSES,
    "metric": METRICS,
    "callback": CALLBACKS,
}
KINDS = [(noun, kind) for noun, family in FAMILIES.items() for kind in family.kinds()]
FENCE = re.compile(r"```yaml\n(.*?)```", re.DOTALL)


def tuples(value: Any) -> Any:
    """A value as the readers of files give it: sequences are tuples."""
    if isinstance(value, dict):
        return {key: tuples(item) for key, item in value.items()}
    return tuple(tuples(item) for item in value) if isinstance(value, list) else value


def examples(cls: type[Settings]) -> Iterator[Any]:
    """The components in the class's manual page, as values."""
    for text in FENCE.findall(re.sub(r"(?m)^    ", "", cls.__doc__ or "")):
        for value in tuples(yaml.safe_load(text)).values():
            yield from value if isinstance(value, tuple) else (value,)


def settings_class(noun: str, kind: str) -> type[Settings]:
    found = FAMILIES[noun].find(kind)
    assert found is not None
    return found


def read(noun: str, value: Any) -> Settings | str:
    return read_component(FAMILIES[noun], value, Context())


def faults(noun: str, value: Any) -> list[Fault]:
    with pytest.raises(Faults) as caught:
        read(noun, value)
    return list(caught.value.faults)


# Manual pages -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("noun", "kind"), KINDS)
def test_the_example_of_every_page_is_of_its_own_class(noun: str, kind: str) -> None:
    cls = settings_class(noun, kind)
    shown = list(examples(cls))
    assert shown, "no example"
    made = [read(noun, value) for value in shown]
    assert any(one == kind or (isinstance(one, Settings) and one.kind() == kind) for one in made)


@pytest.mark.parametrize(("noun", "kind"), KINDS)
def test_every_page_begins_with_a_sentence_of_its_own(noun: str, kind: str) -> None:
    cls = settings_class(noun, kind)
    first = (cls.__doc__ or "").split("\n\n")[0]
    assert first.rstrip().endswith("."), first
    assert issubclass(cls, Component)
    assert cls.keras_module, cls


@pytest.mark.parametrize(("noun", "kind"), KINDS)
def test_every_class_has_a_json_schema(noun: str, kind: str) -> None:
    cls = settings_class(noun, kind)
    assert set(cls.model_json_schema().get("properties", {})) == set(cls.model_fields)


@pytest.mark.parametrize("noun", FAMILIES)
def test_no_name_is_both_taken_and_refused(noun: str) -> None:
    family = FAMILIES[noun]
    assert not set(family.names()) & set(family.refused)
    assert set(family.aliases.values()) <= set(family.kinds())
    assert not any(reason.endswith(".") for reason in family.refused.values())


# Forms --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("noun", "value", "kind", "settings"),
    [
        ("initializer", "he_normal", "HeNormal", {}),
        ("initializer", {"HeNormal": 3}, "HeNormal", {"seed": 3}),
        ("initializer", {"RandomNormal": 0.5}, "RandomNormal", {"mean": 0.5}),
        ("initializer", {"VarianceScaling": 2}, "VarianceScaling", {"scale": 2.0}),
        ("regularizer", {"l2": 0.001}, "L2", {"l2": 0.001}),
        ("constraint", {"max_norm": {"axis": (0, 1)}}, "MaxNorm", {"axis": (0, 1)}),
        ("optimizer", "adam", "Adam", {}),
        ("optimizer", "ADAM", "Adam", {}),
        ("optimizer", "lamb", "Lamb", {}),
        ("optimizer", {"Adam": 1e-3}, "Adam", {"learning_rate": 0.001}),
        ("optimizer", {"sgd": 1}, "SGD", {"learning_rate": 1.0}),
        ("optimizer", {"SGD": None}, "SGD", {}),
        ("loss", {"Huber": 0.5}, "Huber", {"delta": 0.5}),
        ("loss", {"MeanSquaredError": "sum"}, "MeanSquaredError", {"reduction": "sum"}),
        ("loss", {"BinaryCrossentropy": True}, "BinaryCrossentropy", {"from_logits": True}),
        ("loss", {"Dice": "mean"}, "Dice", {"reduction": "mean"}),
        ("metric", {"AUC": 100}, "AUC", {"num_thresholds": 100, "name": "auc"}),
        ("metric", {"BinaryAccuracy": 0.7}, "BinaryAccuracy", {"threshold": 0.7}),
        ("metric", {"Accuracy": {}}, "Accuracy", {}),
        ("metric", {"Recall": (0.1, 0.5)}, "Recall", {"thresholds": (0.1, 0.5), "name": "recall"}),
        ("callback", {"EarlyStopping": "val_auc"}, "EarlyStopping", {"monitor": "val_auc"}),
        ("callback", "TerminateOnNaN", "TerminateOnNaN", {}),
    ],
)
def test_the_three_forms(noun: str, value: Any, kind: str, settings: dict[str, Any]) -> None:
    made = read(noun, value)
    assert isinstance(made, Settings)
    assert made.kind() == kind
    assert {name: getattr(made, name) for name in made.model_fields_set} == settings


@pytest.mark.parametrize(
    ("noun", "name", "kept"),
    [
        ("initializer", "he_normal", "he_normal"),
        ("initializer", "Zeros", "Zeros"),
        ("regularizer", "l2", "l2"),
        ("activation", "hard_swish", "hard_swish"),
    ],
)
def test_a_bare_name_of_a_layers_component_stays_a_name(noun: str, name: str, kept: str) -> None:
    assert read_component(FAMILIES[noun], name, Context(), built=False) == kept


@pytest.mark.parametrize(
    ("noun", "name", "kind"),
    [("regularizer", "l1_l2", "L1L2"), ("initializer", "constant", "Constant")],
)
def test_a_bare_name_that_keras_does_not_take_as_text_is_made_here(
    noun: str, name: str, kind: str
) -> None:
    made = read_component(FAMILIES[noun], name, Context(), built=False)
    assert isinstance(made, Settings)
    assert made.kind() == kind


@pytest.mark.parametrize(
    ("noun", "name"),
    [
        ("loss", "crossentropy"),
        ("loss", "CE"),
        ("metric", "acc"),
        ("metric", "Accuracy"),
        ("metric", "ACC"),
    ],
)
def test_a_name_whose_class_follows_from_the_shape_stays_a_name(noun: str, name: str) -> None:
    assert name in FAMILIES[noun]
    assert read(noun, name) == name


@pytest.mark.parametrize(
    ("targets", "outputs", "kind"),
    [
        ((None, 1), (None, 1), "BinaryAccuracy"),
        ((None,), (None, 1), "BinaryAccuracy"),
        ((None,), (None, 5), "SparseCategoricalAccuracy"),
        ((None, 1), (None, 5), "SparseCategoricalAccuracy"),
        ((None, 5), (None, 5), "CategoricalAccuracy"),
        ((None, "time"), (None, "time", 5), "SparseCategoricalAccuracy"),
        ((None, "time", 5), (None, "time", 5), "CategoricalAccuracy"),
    ],
)
def test_the_class_that_fits_the_shapes(targets: Any, outputs: Any, kind: str) -> None:
    assert METRICS.pick("ACC", targets, outputs) == kind
    assert LOSSES.pick("ce", targets, outputs) == kind.replace("Accuracy", "Crossentropy")


# Nesting ------------------------------------------------------------------------------------------


COSINE = {"initial_learning_rate": 0.1, "decay_steps": 100}


@pytest.mark.parametrize(
    "value",
    [
        {"Adam": {"learning_rate": {"CosineDecay": COSINE}}},
        {"Adam": {"CosineDecay": COSINE}},
        {"LossScaleOptimizer": {"SGD": {"learning_rate": {"CosineDecay": COSINE}}}},
    ],
)
def test_a_schedule_stands_in_an_optimizer(value: Any) -> None:
    made: Any = read("optimizer", value)
    rate = getattr(made, "inner_optimizer", made).learning_rate
    assert (rate.kind(), rate.decay_steps) == ("CosineDecay", 100)


@pytest.mark.parametrize(
    "body", [{"default_optimizer": "adam", "optimizer_map": {"a/.*": {"SGD": 0.1}}}]
)
def test_a_map_of_optimizers_has_two_spellings(body: Any) -> None:
    plain: Any = read("optimizer", {"MultiOptimizer": {"optimizer_map": body}})
    named: Any = read("optimizer", {"MultiOptimizer": {"optimizer_map": {"OptimizerMap": body}}})
    assert plain == named
    assert plain.optimizer_map.optimizer_map["a/.*"].learning_rate == 0.1


@pytest.mark.parametrize("depth", [2, 95])
def test_optimizers_that_hold_others_do_not_hold_each_other(depth: int) -> None:
    value: Any = "adam"
    for _ in range(depth):
        value = {"LossScaleOptimizer": value}
    (fault,) = faults("optimizer", value)
    assert fault.code == "MS208"
    assert fault.path == ("LossScaleOptimizer", "inner_optimizer", "LossScaleOptimizer")


class Holder(Settings):
    loss: Annotated[Any, component(LOSSES, built=True)]


def test_an_instance_is_taken_where_it_is_of_the_family() -> None:
    adam = read("optimizer", "adam")
    made: Any = settings_class("optimizer", "LossScaleOptimizer").build(
        {"inner_optimizer": adam}, Context()
    )
    assert made.inner_optimizer is adam
    with pytest.raises(Faults, match="is not a valid loss"):
        Holder.build({"loss": adam}, Context())


# Faults -------------------------------------------------------------------------------------------


FAULTS: list[tuple[str, Any, str, tuple[str | int, ...]]] = [
    ("initializer", "he_norml", "MS206", ()),
    ("initializer", "Initializer", "MS211", ()),
    ("initializer", {"HeNormal": {"sed": 1}}, "MS202", ("HeNormal", "sed")),
    ("initializer", {"HeNormal": {"seed": 1.5}}, "MS204", ("HeNormal", "seed")),
    ("initializer", {"HeNormal": {"seed": True}}, "MS204", ("HeNormal", "seed")),
    ("initializer", {"Constant": float("nan")}, "MS204", ("Constant", "value")),
    ("initializer", {"Zeros": 0}, "MS204", ("Zeros",)),
    ("initializer", {"VarianceScaling": {"scale": 0}}, "MS205", ("VarianceScaling", "scale")),
    ("initializer", {"VarianceScaling": {"mode": "fan"}}, "MS205", ("VarianceScaling", "mode")),
    ("initializer", {"RandomNormal": {"stddev": -1}}, "MS205", ("RandomNormal", "stddev")),
    ("initializer", {"RandomUniform": {"minval": 1}}, "MS208", ("RandomUniform", "minval")),
    ("initializer", {"HeNormal": {"input_axes": (0,)}}, "MS208", ("HeNormal", "input_axes")),
    ("initializer", {"HeNormal": {"output_axes": (0,)}}, "MS208", ("HeNormal", "output_axes")),
    (
        "initializer",
        {"HeNormal": {"input_axes": 0, "output_axes": (1,)}},
        "MS204",
        ("HeNormal", "input_axes"),
    ),
    ("initializer", {"STFT": {"window": "kaiser"}}, "MS205", ("STFT", "window")),
    ("regularizer", {"L2": -0.1}, "MS205", ("L2", "l2")),
    ("regularizer", {"L2": float("inf")}, "MS204", ("L2", "l2")),
    ("regularizer", {"L1": 1, "L2": 2}, "MS207", ()),
    ("regularizer", 0.01, "MS207", ()),
    ("constraint", {"MaxNorm": 0}, "MS205", ("MaxNorm", "max_value")),
    ("constraint", {"MaxNorm": {"axis": ()}}, "MS204", ("MaxNorm", "axis")),
    ("constraint", {"MaxNorm": {"axis": (0, 0)}}, "MS205", ("MaxNorm", "axis")),
    ("constraint", {"MinMaxNorm": {"min_value": 2}}, "MS208", ("MinMaxNorm", "min_value")),
    ("activation", {"relu": {"negative_slope": 0.1}}, "MS204", ("relu",)),
    ("activation", {"rellu": 1}, "MS206", ("rellu",)),
    ("activation", "glu", "MS211", ()),
    ("optimizer", "adm", "MS206", ()),
    ("optimizer", "optimizermap", "MS211", ()),
    ("optimizer", {"Adam": -1}, "MS205", ("Adam", "learning_rate")),
    ("optimizer", {"Adam": "1e-3"}, "MS204", ("Adam", "learning_rate")),
    ("optimizer", {"Adam": True}, "MS204", ("Adam", "learning_rate")),
    ("optimizer", {"Adam": {"learning_rate": None}}, "MS204", ("Adam", "learning_rate")),
    ("optimizer", {"Adam": {"beta_1": 1}}, "MS205", ("Adam", "beta_1")),
    ("optimizer", {"Adam": {"clipnorm": 1, "clipvalue": 1}}, "MS208", ("Adam", "clipvalue")),
    (
        "optimizer",
        {"Adam": {"gradient_accumulation_steps": 1}},
        "MS205",
        ("Adam", "gradient_accumulation_steps"),
    ),
    ("optimizer", {"Adam": {"name": "a/b"}}, "MS306", ("Adam", "name")),
    ("optimizer", {"AdamW": {"weight_decay": None}}, "MS204", ("AdamW", "weight_decay")),
    ("optimizer", {"SGD": {"momentum": 1.5}}, "MS205", ("SGD", "momentum")),
    ("optimizer", {"Muon": {"exclude_layers": ("((",)}}, "MS205", ("Muon", "exclude_layers", 0)),
    ("optimizer", {"Adam": {"learning_rate": "CosineDecay"}}, "MS203", ("Adam", "learning_rate")),
    (
        "optimizer",
        {
            "Adam": {
                "learning_rate": {"CosineDecay": {"decay_steps": 0, "initial_learning_rate": 1}}
            }
        },
        "MS205",
        ("Adam", "learning_rate", "CosineDecay", "decay_steps"),
    ),
    (
        "optimizer",
        {"LossScaleOptimizer": {"Adam": {"beta_1": 2}}},
        "MS205",
        ("LossScaleOptimizer", "inner_optimizer", "Adam", "beta_1"),
    ),
    ("optimizer", "LossScaleOptimizer", "MS203", ()),
    ("optimizer", {"MultiOptimizer": 3}, "MS204", ("MultiOptimizer", "optimizer_map")),
    (
        "optimizer",
        {
            "MultiOptimizer": {
                "optimizer_map": {"default_optimizer": "adam", "optimizer_map": {"((": "sgd"}}
            }
        },
        "MS205",
        ("MultiOptimizer", "optimizer_map", "optimizer_map", "(("),
    ),
    (
        "optimizer",
        {"MultiOptimizer": {"optimizer_map": {"OptimizerMap": {"default_optimizer": {"SGD": -1}}}}},
        "MS205",
        (
            "MultiOptimizer",
            "optimizer_map",
            "OptimizerMap",
            "default_optimizer",
            "SGD",
            "learning_rate",
        ),
    ),
    (
        "schedule",
        {"CosineDecay": {**COSINE, "warmup_steps": 5}},
        "MS208",
        ("CosineDecay", "warmup_steps"),
    ),
    (
        "schedule",
        {"CosineDecay": {**COSINE, "warmup_target": 0.1}},
        "MS208",
        ("CosineDecay", "warmup_target"),
    ),
    (
        "schedule",
        {"PiecewiseConstantDecay": {"boundaries": (1, 2), "values": (0.1, 0.2)}},
        "MS208",
        ("PiecewiseConstantDecay", "values"),
    ),
    (
        "schedule",
        {"PiecewiseConstantDecay": {"boundaries": (2, 1), "values": (1, 2, 3)}},
        "MS205",
        ("PiecewiseConstantDecay", "boundaries", 1),
    ),
    ("loss", "msee", "MS206", ()),
    ("loss", "Loss", "MS211", ()),
    ("loss", {"ce": {"from_logits": True}}, "MS204", ("ce",)),
    (
        "loss",
        {"BinaryCrossentropy": {"label_smoothing": 1.5}},
        "MS205",
        ("BinaryCrossentropy", "label_smoothing"),
    ),
    (
        "loss",
        {"CategoricalGeneralizedCrossEntropy": 1},
        "MS205",
        ("CategoricalGeneralizedCrossEntropy", "q"),
    ),
    ("loss", {"mse": {"dtype": "int32"}}, "MS205", ("mse", "dtype")),
    ("metric", "acuracy", "MS206", ()),
    ("metric", "Mean", "MS211", ()),
    ("metric", "huber", "MS211", ()),
    ("metric", {"accuracy": {"name": "a"}}, "MS204", ("accuracy",)),
    ("metric", {"AUC": {"num_labels": 3}}, "MS208", ("AUC", "num_labels")),
    ("metric", {"AUC": 1}, "MS205", ("AUC", "num_thresholds")),
    ("metric", {"Precision": {"thresholds": (0.5, 2)}}, "MS205", ("Precision", "thresholds", 1)),
    ("metric", {"Precision": {"thresholds": ()}}, "MS204", ("Precision", "thresholds")),
    (
        "metric",
        {"IoU": {"num_classes": 2, "target_class_ids": (0, 2)}},
        "MS205",
        ("IoU", "target_class_ids", 1),
    ),
    (
        "metric",
        {"BinaryIoU": {"target_class_ids": (2,)}},
        "MS205",
        ("BinaryIoU", "target_class_ids", 0),
    ),
    (
        "metric",
        {"BinaryIoU": {"target_class_ids": (-1,)}},
        "MS205",
        ("BinaryIoU", "target_class_ids", 0),
    ),
    ("callback", {"EarlyStopping": {"patience": -5}}, "MS205", ("EarlyStopping", "patience")),
    ("callback", {"EarlyStopping": {"mode": "mx"}}, "MS205", ("EarlyStopping", "mode")),
    ("callback", {"ReduceLROnPlateau": {"factor": 1}}, "MS205", ("ReduceLROnPlateau", "factor")),
    ("callback", {"ModelCheckpoint": "a.txt"}, "MS205", ("ModelCheckpoint", "filepath")),
    (
        "callback",
        {"ModelCheckpoint": {"filepath": "a.keras", "save_weights_only": True}},
        "MS208",
        ("ModelCheckpoint", "filepath"),
    ),
    (
        "callback",
        {"ModelCheckpoint": {"filepath": "a.keras", "save_freq": 0}},
        "MS205",
        ("ModelCheckpoint", "save_freq"),
    ),
    (
        "callback",
        {"CSVLogger": {"filename": "a", "separator": "::"}},
        "MS205",
        ("CSVLogger", "separator"),
    ),
    (
        "callback",
        {"TensorBoard": {"profile_batch": (4, 2)}},
        "MS205",
        ("TensorBoard", "profile_batch"),
    ),
    (
        "callback",
        {"TensorBoard": {"embeddings_metadata": {"e": "/etc/passwd"}}},
        "MS210",
        ("TensorBoard", "embeddings_metadata"),
    ),
    ("callback", "BackupAndRestore", "MS211", ()),
    ("callback", "LearningRateScheduler", "MS203", ()),
    ("callback", {"LambdaCallback": {}}, "MS211", ("LambdaCallback",)),
]


@pytest.mark.parametrize(("noun", "value", "code", "path"), FAULTS)
def test_a_fault_and_its_place(
    noun: str, value: Any, code: str, path: tuple[str | int, ...]
) -> None:
    (fault,) = faults(noun, value)
    assert (fault.code, fault.path) == (code, path)
    assert not fault.message[0].isupper(), fault.message
    # pydantic's own sentences would show through here.
    assert not re.search(
        r"Input should|Tuple should|String should|\[key\]|Value error", fault.message
    )


@pytest.mark.parametrize(
    ("noun", "value", "help"),
    [
        ("optimizer", "adm", "did you mean `Adam`?"),
        ("optimizer", {"Adam": {"learning_rate": "1e-3"}}, "write `1e-3` without quotes"),
        (
            "activation",
            {"leaky_relu": 0.1},
            "to set them, write the layer as a separate entry: `- LeakyReLU: {...}`",
        ),
        ("activation", {"gelu": {"approximate": True}}, "write `gelu` without settings"),
        (
            "metric",
            {"accuracy": {"name": "a"}},
            (
                "use `BinaryAccuracy`, `SparseCategoricalAccuracy` or"
                " `CategoricalAccuracy` with settings, or `accuracy` without"
            ),
        ),
        (
            "loss",
            "sparse_categorical_crosentropy",
            "did you mean `sparse_categorical_crossentropy`?",
        ),
    ],
)
def test_a_fault_has_an_edit_that_mends_it(noun: str, value: Any, help: str) -> None:
    (fault,) = faults(noun, value)
    assert fault.help == help


# Values that Keras takes and that cannot be meant: each is outside the range that its setting has
# here.
NONSENSE: list[tuple[str, str, str, Any]] = [
    ("constraint", "MaxNorm", "max_value", -1),
    ("constraint", "MinMaxNorm", "rate", 2),
    ("optimizer", "Adam", "weight_decay", -0.1),
    ("optimizer", "Adam", "clipnorm", 0),
    ("optimizer", "Adam", "clipvalue", -1),
    ("optimizer", "Adam", "beta_2", 1.0),
    ("optimizer", "Adam", "epsilon", -1e-7),
    ("optimizer", "Adam", "ema_overwrite_frequency", 0),
    ("optimizer", "Adam", "loss_scale_factor", 0),
    ("optimizer", "Adam", "gradient_accumulation_steps", 0),
    ("optimizer", "SGD", "ema_momentum", 1.5),
    ("optimizer", "RMSprop", "rho", 1),
    ("optimizer", "Adagrad", "initial_accumulator_value", -1),
    ("optimizer", "Adafactor", "clip_threshold", 0),
    ("optimizer", "Adafactor", "beta_2_decay", 0.5),
    ("optimizer", "ScheduleFreeAdamW", "beta_1", 0),
    ("optimizer", "ScheduleFreeAdamW", "warmup_steps", -1),
    ("optimizer", "Muon", "ns_steps", 0),
    ("schedule", "CosineDecayRestarts", "t_mul", 0.5),
    ("schedule", "CosineDecayRestarts", "m_mul", -1),
    ("schedule", "CosineDecay", "alpha", 2),
    ("schedule", "CosineDecay", "initial_learning_rate", -0.1),
    ("schedule", "ExponentialDecay", "decay_rate", -0.5),
    ("schedule", "InverseTimeDecay", "decay_rate", -1),
    ("schedule", "PolynomialDecay", "power", 0),
    ("loss", "Huber", "delta", -1),
    ("loss", "BinaryFocalCrossentropy", "gamma", -1),
    ("loss", "CategoricalFocalCrossentropy", "alpha", -0.1),
    ("loss", "Tversky", "alpha", -1),
    ("loss", "Circle", "margin", 2),
    ("metric", "BinaryAccuracy", "threshold", 2),
    ("metric", "TopKCategoricalAccuracy", "k", 0),
    ("metric", "BinaryCrossentropy", "label_smoothing", -0.1),
    ("metric", "Precision", "class_id", -1),
    ("metric", "R2Score", "num_regressors", -1),
    ("callback", "EarlyStopping", "min_delta", -0.1),
    ("callback", "EarlyStopping", "start_from_epoch", -1),
    ("callback", "EarlyStopping", "verbose", 2),
    ("callback", "ReduceLROnPlateau", "factor", 0),
    ("callback", "ReduceLROnPlateau", "cooldown", -1),
    ("callback", "ReduceLROnPlateau", "min_lr", -1),
    ("callback", "TensorBoard", "histogram_freq", -1),
]
NEEDED = {
    "ExponentialDecay": {**COSINE, "decay_rate": 0.9},
    "InverseTimeDecay": {**COSINE, "decay_rate": 0.9},
    "PolynomialDecay": COSINE,
    "CosineDecay": COSINE,
    "CosineDecayRestarts": {"initial_learning_rate": 0.1, "first_decay_steps": 100},
}


@pytest.mark.parametrize(("noun", "kind", "setting", "value"), NONSENSE)
def test_a_value_that_cannot_be_meant_is_refused(
    noun: str, kind: str, setting: str, value: Any
) -> None:
    (fault,) = faults(noun, {kind: {**NEEDED.get(kind, {}), setting: value}})
    assert (fault.code, fault.path) == ("MS205", (kind, setting))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_learning_rate_is_a_finite_number(value: float) -> None:
    (fault,) = faults("optimizer", {"Adam": value})
    assert (fault.code, fault.path) == ("MS204", ("Adam", "learning_rate"))


def test_several_faults_come_together() -> None:
    found = faults("optimizer", {"Adam": {"learning_rate": -1, "beta_1": 2, "epsilonn": 0}})
    assert [(fault.code, fault.path[-1]) for fault in found] == [
        ("MS205", "learning_rate"),
        ("MS205", "beta_1"),
        ("MS202", "epsilonn"),
    ]


# Paths --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../a",
        "a/../../b",
        "..",
        ".",
        "",
        "a//b",
        "a/",
        "~/a",
        "~root",
        "file:///a",
        "gs://b/c",
        "C:a",
        "a\\b",
        "a\0b",
        "a\nb",
        "a:stream",
        "a" * 201,
    ],
)
@pytest.mark.parametrize("kind", ["CSVLogger", "TensorBoard", "ModelCheckpoint"])
def test_a_callback_writes_nowhere_but_in_the_run_folder(kind: str, path: str) -> None:
    value = (
        path + ".keras" if kind == "ModelCheckpoint" and path[-1:] not in ("/", ".", "") else path
    )
    (fault,) = faults("callback", {kind: value})
    assert fault.code == "MS210", fault


@pytest.mark.parametrize(
    "path", ["log.csv", "a/b.csv", "a b.csv", "..a", "a..b", "-a", "größe.csv"]
)
def test_a_plain_name_is_a_path_in_the_run_folder(path: str) -> None:
    made: Any = read("callback", {"CSVLogger": path})
    assert made.filename == path


@pytest.mark.parametrize(
    "path",
    [
        "{epoch.real}.keras",
        "{epoch[0]}.keras",
        "{}.keras",
        "{0}.keras",
        "{epoch!r}.keras",
        "{epoch:99999999}.keras",
        "{epoch:{batch}}.keras",
        "{epoch.keras",
        "epoch}.keras",
        "{val_loss:02d}.keras",
        "{epoch:>10}.keras",
        "{__class__.__init__}.keras",
    ],
)
def test_braces_in_a_path_reach_nothing_but_logs(path: str) -> None:
    (fault,) = faults("callback", {"ModelCheckpoint": path})
    assert (fault.code, fault.path) == ("MS205", ("ModelCheckpoint", "filepath"))


@pytest.mark.parametrize("name", ["manifest.json", "Logged-Ours.jsonl", "checkpoints/a.csv"])
def test_a_callback_does_not_write_a_file_of_the_run(name: str) -> None:
    assert faults("callback", {"CSVLogger": name})[0].code == "MS210"
    assert read("callback", {"CSVLogger": f"own/{name}"})


def test_braces_in_a_path_cannot_lead_out_of_the_run_folder() -> None:
    assert faults("callback", {"ModelCheckpoint": "{epoch}/../../a.keras"})[0].code == "MS210"


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("a.keras", ()),
        ("{epoch:02d}.keras", ("epoch",)),
        ("{{a}}.keras", ()),
        ("m/{epoch}-{val_loss:.2f}-{val_acc:.0%}.keras", ("epoch", "val_loss", "val_acc")),
    ],
)
def test_the_logs_that_a_path_names(path: str, names: tuple[str, ...]) -> None:
    made: Any = read("callback", {"ModelCheckpoint": path})
    assert placeholders(made.filepath) == names
    made.filepath.format(epoch=3, val_loss=0.5, val_acc=0.25)


# Names in logs ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "logged"),
    [
        ("mse", "mse"),
        ("MSE", "MSE"),
        ("mean_squared_error", "mean_squared_error"),
        ("MeanSquaredError", "mean_squared_error"),
        ({"mse": {}}, "mse"),
        ({"mse": {"name": "error"}}, "error"),
        ("AUC", "auc"),
        ("auc", "auc"),
        ({"AUC": 100}, "auc"),
        ({"AUC": {"name": "area"}}, "area"),
        ({"AUC": {"name": None}}, "auc"),
        ("acc", "acc"),
        ("Accuracy", "Accuracy"),
        ({"Accuracy": {}}, "accuracy"),
        ("LogCoshError", "logcosh"),
        ("log_cosh_error", "log_cosh_error"),
        ({"MeanIoU": 3}, "mean_io_u"),
        ("FBetaScore", "fbeta_score"),
        ("f_beta_score", "f_beta_score"),
        ("R2Score", "r2_score"),
    ],
)
def test_the_name_of_a_metric_in_logs(value: Any, logged: str) -> None:
    metric: Any = read("metric", value)
    assert log_name(metric) == logged


@pytest.mark.parametrize(
    ("value", "takes"),
    [
        ("F1Score", "one_hot"),
        ({"F1Score": {"threshold": 0.5}}, "binary"),
        ({"MeanIoU": 3}, "indices"),
        ({"MeanIoU": {"num_classes": 3, "sparse_y_true": False}}, "one_hot"),
        ("AUC", "binary"),
        ("mse", "numbers"),
    ],
)
def test_what_a_metric_takes_follows_from_its_settings(value: Any, takes: str) -> None:
    metric: Any = read("metric", value)
    assert metric.takes == takes


# What must not happen -----------------------------------------------------------------------------


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        ["adam", "LossScaleOptimizer", "CosineDecay", "mse", "accuracy", "relu", "a/b", "{epoch}"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.sampled_from(sorted(FAMILIES)), JSON)
def test_a_value_of_any_kind_is_a_component_or_has_faults(noun: str, value: Any) -> None:
    try:
        assert isinstance(read(noun, value), Settings | str)
    except Faults as error:
        assert all(isinstance(fault, Fault) for fault in error.faults)


@given(st.data())
def test_settings_of_any_kind_are_taken_or_have_faults(data: st.DataObject) -> None:
    noun, kind = data.draw(st.sampled_from([pair for pair in KINDS if pair[0] != "activation"]))
    fields = sorted(settings_class(noun, kind).model_fields)
    body = data.draw(st.dictionaries(st.sampled_from(fields), JSON, max_size=4)) if fields else {}
    try:
        assert read(noun, {kind: body})
    except Faults as error:
        assert all(not fault.path or fault.path[0] == kind for fault in error.faults)


def test_a_bare_name_loads_no_class_and_no_framework() -> None:
    code = """
import sys
from modelspec.catalog.components import INITIALIZERS, OPTIMIZERS, read_component
from modelspec.core.settings import Context
read_component(INITIALIZERS, "he_normal", Context(), built=False)
print(sorted(m for m in sys.modules if m.startswith("modelspec.catalog.components.")))
read_component(OPTIMIZERS, "adam", Context())
print(sorted(m for m in sys.modules if m.startswith("modelspec.catalog.components.") and m.endswith("optimizers")))
print([m for m in ("tensorflow", "keras", "numpy") if m in sys.modules])
"""
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert out.splitlines() == [
        "['modelspec.catalog.components.family', 'modelspec.catalog.components.layer_families', "
        "'modelspec.catalog.components.training_families']",
        "['modelspec.catalog.components.adaptive_optimizers']",
        "[]",
    ]
