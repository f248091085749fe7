"""Spellings of Keras 1 and 2: each means what today's spelling means, and `check --fix` writes that
one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import modelspec as ms
from modelspec.catalog.components import (
    CALLBACKS,
    CONSTRAINTS,
    LOSSES,
    METRICS,
    OPTIMIZERS,
    REGULARIZERS,
)
from modelspec.catalog.layers import LAYERS
from modelspec.cli import main
from modelspec.compiler.legacy import component_tables as components
from modelspec.compiler.legacy import layer_tables as layers
from modelspec.compiler.legacy import modernize
from modelspec.compiler.legacy.generate_words import WORDS, words_module
from modelspec.compiler.legacy.table_rows import Dropped, Renamed, Reworded, Split, Wrapped
from modelspec.compiler.legacy.text_edits import written
from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import Diagnostic
from modelspec.core.source import plain, read_text
from modelspec.views.fix import compile_text, fix_file, fix_text

OLD = {"MS220", "MS221", "MS222", "MS223"}


def compiled(text: str, name: str = "spec.yaml") -> tuple[Compiled, tuple[Diagnostic, ...]]:
    found = compile_text(text, name)
    assert found.ok and found.value is not None, "\n".join(map(str, found.diagnostics))
    return found.value, found.diagnostics


def meaning(spec: Compiled) -> Any:
    """The layers with all their settings, tensors and weights, and the training."""
    assert spec.graph is not None
    rows = [
        (call.name, call.call.callee, call.inputs, call.outputs, call.weights)
        for call in spec.graph.layers
    ]
    training = spec.training
    if training is None:
        return rows, dict(spec.graph.inputs)
    losses = {name: one.settings for name, one in training.losses.items()}
    metrics = {
        name: [one.settings for one in several] for name, several in training.metrics.items()
    }
    callbacks = [one.settings for one in training.callbacks]
    return (
        rows,
        dict(spec.graph.inputs),
        training.optimizer,
        losses,
        metrics,
        callbacks,
        training.epochs,
    )


def same(old: str, new: str, *, codes: set[str], name: str = "spec.yaml") -> None:
    """The old text means the new one, warns with the codes, and is fixed to a text that means the
    same in silence.
    """
    before, said = compiled(old, name)
    today, nothing = compiled(new, name)
    assert not [d for d in nothing if d.code in OLD]
    assert {d.code for d in said if d.code in OLD} == codes, "\n".join(map(str, said))
    assert all(d.severity == "warning" and d.help for d in said)
    assert meaning(before) == meaning(today)
    fixed = fix_text(old, name)
    assert fixed.refused is None
    after, left = compiled(fixed.after, name)
    assert not [d for d in left if d.code in OLD], fixed.after
    assert meaning(after) == meaning(today)


# Every row of the tables of layers ----------------------------------------------------------------

INPUTS: dict[str, Any] = {
    **dict.fromkeys(
        (
            "Dense",
            "Highway",
            "MaxoutDense",
            "Dropout",
            "GaussianDropout",
            "GaussianNoise",
            "ReLU",
            "LeakyReLU",
            "PReLU",
            "SReLU",
            "ParametricSoftplus",
            "BatchNormalization",
        ),
        (6,),
    ),
    **dict.fromkeys(
        (
            "Conv1D",
            "LocallyConnected1D",
            "SeparableConv1D",
            "DepthwiseConv1D",
            "MaxPooling1D",
            "AveragePooling1D",
            "UpSampling1D",
            "Conv1DTranspose",
            "GlobalAveragePooling1D",
            "GlobalMaxPooling1D",
            "SpatialDropout1D",
            "LSTM",
            "GRU",
            "SimpleRNN",
        ),
        (8, 4),
    ),
    **dict.fromkeys(
        (
            "Conv3D",
            "Conv3DTranspose",
            "MaxPooling3D",
            "AveragePooling3D",
            "GlobalMaxPooling3D",
            "GlobalAveragePooling3D",
            "UpSampling3D",
            "ZeroPadding3D",
            "Cropping3D",
            "SpatialDropout3D",
        ),
        (6, 6, 6, 3),
    ),
    "ConvLSTM2D": [3, 6, 6, 3],
    "ConvLSTM3D": [3, 6, 6, 6, 3],
    **dict.fromkeys(("RNN", "SimpleRNNCell", "GRUCell", "LSTMCell"), (6, 3)),
    "Embedding": {"shape": [5], "dtype": "int32"},
    "Discretization": [4],
    "CategoryEncoding": {"shape": [4], "dtype": "int32"},
    "TextVectorization": {"shape": [], "dtype": "string"},
    "StringLookup": {"shape": [3], "dtype": "string"},
    "IntegerLookup": {"shape": [3], "dtype": "int64"},
    "Attention": "pair",
    "AdditiveAttention": "pair",
    "Concatenate": "pair",
    "Dot": "pair",
    "Add": "pair",
    "Multiply": "pair",
    "Average": "pair",
    "Maximum": "pair",
}
NEEDED: dict[str, dict[str, Any]] = {
    "units": {"units": 4},
    "filters": {"filters": 4},
    "kernel_size": {"kernel_size": 3},
    "rate": {"rate": 0.5},
    "stddev": {"stddev": 0.5},
    "input_dim": {"input_dim": 9},
    "output_dim": {"output_dim": 4},
    "axes": {"axes": -1},
    "pool_size": {"pool_size": 2},
}
EXTRA: dict[str, dict[str, Any]] = {
    "Discretization": {"bin_boundaries": [0.5, 1.5]},
    "CategoryEncoding": {"num_tokens": 5},
    "TextVectorization": {"vocabulary": ["a", "b"]},
    "StringLookup": {"vocabulary": ["a", "b"]},
    "IntegerLookup": {"vocabulary": [3, 4]},
}
VALUES: dict[str, Any] = {
    "units": 5,
    "filters": 5,
    "kernel_size": 2,
    "strides": 1,
    "padding": "same",
    "dilation_rate": 1,
    "pool_size": 2,
    "rate": 0.25,
    "stddev": 0.25,
    "threshold": 0.5,
    "negative_slope": 0.2,
    "size": 2,
    "use_bias": False,
    "pieces": 3,
    "dropout": 0.2,
    "recurrent_dropout": 0.2,
    "activation": "relu",
    "recurrent_activation": "hard_sigmoid",
    "axis": 1,
    "axes": 1,
    "bin_boundaries": [0.5, 2.5],
    "num_tokens": 6,
    "max_tokens": 9,
    "num_oov_indices": 1,
    "mask_token": None,
    "oov_token": "[UNK]",
}


def value_for(kind: str, setting: str) -> Any:
    if kind == "IntegerLookup" and setting == "oov_token":
        return -1
    family = setting.rpartition("_")[2]
    by_family = {"initializer": "he_normal", "regularizer": "l2", "constraint": "non_neg"}
    return by_family.get(family, VALUES.get(setting))


def required(kind: str) -> dict[str, Any]:
    cls = LAYERS.find(kind)
    assert cls is not None
    found: dict[str, Any] = dict(EXTRA.get(kind, {}))
    for name, field in cls.model_fields.items():
        if field.is_required() and name in NEEDED:
            found.update(NEEDED[name])
    return found


def spec(kind: str, settings: dict[str, Any]) -> str:
    """A spec whose one layer of interest takes an input of the right shape."""
    today = layers.KINDS[kind].new if kind in layers.KINDS else LAYERS.aliases.get(kind, kind)
    shape = INPUTS.get(today, [8, 8, 3])
    if shape == "pair":
        inputs, settings = "{a: [4, 6], b: [4, 6]}", {**settings, "from": ["a", "b"]}
    else:
        inputs = f"{{a: {written(shape, False)}}}"
    if kind.endswith("Cell"):
        kind, settings = "RNN", {"cell": {kind: settings}}
    elif kind == "RNN":
        settings = {"cell": {"GRUCell": {"units": 3}}, **settings}
    return f"model:\n  inputs: {inputs}\n  layers:\n    - {kind}: {json.dumps(settings)}\n"


def rows() -> Iterator[tuple[str, str, Any]]:
    """Layer, old setting, row; not those of settings that are one list today, or without effect in
    some wrapper.
    """
    for kind, table in layers.SETTINGS.items():
        yield from (
            (kind, old, row) for old, row in table.items() if not getattr(row, "inside", None)
        )


@pytest.mark.parametrize(("kind", "old", "row"), list(rows()), ids=lambda value: str(value)[:20])
def test_an_old_setting_means_todays(kind: str, old: str, row: Any) -> None:
    others = required(kind)
    if isinstance(row, Dropped):
        cases = [(value, {}) for value in row.only or (2,)]
        code = "MS223"
    elif isinstance(row, Renamed):
        others.pop(row.new, None)
        values = (
            row.values or {value_for(kind, row.new): value_for(kind, row.new)}
            if not isinstance(value_for(kind, row.new), list)
            else {}
        )
        cases = [
            (
                value,
                {row.new: new} if isinstance(new, (str, int, float, bool)) or new is None else {},
            )
            for value, new in values.items()
        ] or [(value_for(kind, row.new), {row.new: value_for(kind, row.new)})]
        code = "MS221"
    elif isinstance(row, Split):
        cases, code = [("he_normal", dict.fromkeys(row.new, "he_normal"))], "MS221"
    elif isinstance(row, Wrapped):
        cases, code = [(0.3, {row.new: {row.component: 0.3}})], "MS221"
    else:
        assert isinstance(row, Reworded)
        cases, code = [(value, {old: new}) for value, new in row.values.items()], "MS222"
    for value, new in cases:
        if value == "tf-idf":
            others["idf_weights"] = [0.5, 0.5]
        if "channels_first" in new.values() and kind.startswith(("Locally", "ConvLSTM")):
            continue  # the sizes of the example would have to be others; the row is shared
        found = "MS223" if old == "dim_ordering" and value == "default" else code
        same(spec(kind, {**others, old: value}), spec(kind, {**others, **new}), codes={found})


@pytest.mark.parametrize("kind", layers.PACKED)
def test_numbers_become_one_list(kind: str) -> None:
    for packed in layers.PACKED[kind]:
        others = {key: value for key, value in required(kind).items() if key != packed.new}
        sizes = dict(zip(packed.old, (2, 3, 2), strict=False))
        old = spec(kind, {**others, **sizes})
        same(old, spec(kind, {**others, packed.new: list(sizes.values())}), codes={"MS221"})
        halved = compile_text(spec(kind, {**others, packed.old[0]: 2}), "spec.yaml")
        assert {d.code for d in halved.diagnostics if d.severity == "error"} <= {"MS202", "MS203"}
        assert not halved.ok


@pytest.mark.parametrize("old", layers.KINDS)
def test_an_old_layer_is_todays(old: str) -> None:
    kind = layers.KINDS[old]
    settings = required(kind.new)
    same(spec(old, settings), spec(kind.new, {**kind.adds, **settings}), codes=codes_of(old))


def codes_of(old: str) -> set[str]:
    return {"MS220", "MS221"} if layers.KINDS[old].adds else {"MS220"}


@pytest.mark.parametrize("old", sorted(LAYERS.aliases))
def test_an_alias_is_an_old_name(old: str) -> None:
    kind = LAYERS.aliases[old]
    same(spec(old, required(kind)), spec(kind, required(kind)), codes={"MS220"})


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (
            "Bidirectional: {LSTM: {units: 3, zero_output_for_mask: true}}",
            {"Bidirectional": {"LSTM": {"units": 3}}},
        ),
        (
            "LSTM: {units: 3, zero_output_for_mask: true}",
            {"LSTM": {"units": 3, "zero_output_for_mask": True}},
        ),
    ],
)
def test_what_a_wrapper_decides_itself_is_left_out_of_a_model_that_is_read(
    layer: str, expected: Any
) -> None:
    document = read_text(f"model: {{inputs: [5, 3], layers: [{{{layer}}}]}}", "a.yaml").value
    assert document is not None
    modern: Any = plain(modernize(document).value.root)
    assert modern["model"]["layers"] == (expected,)


def test_no_row_is_about_a_setting_of_today() -> None:
    """A row for a setting that a layer has today would change the meaning of a spec of today."""
    for kind, old, row in rows():
        cls = LAYERS.find(kind)
        assert cls is not None, kind
        assert (old in cls.model_fields) == isinstance(row, Reworded), (kind, old)
        for new in (
            getattr(row, "new", ()) if isinstance(row, Split) else [getattr(row, "new", None)]
        ):
            assert new is None or new in cls.model_fields, (kind, old)
    assert not [name for name in layers.KINDS if name in LAYERS]


@pytest.mark.parametrize("mode", layers.MODES)
def test_a_mode_of_merge_is_a_layer(mode: str) -> None:
    kind = layers.MODES[mode]
    today = spec(kind.new, dict(kind.adds))
    for settings in ({"mode": mode}, {"mode": mode, "output_shape": None}):
        old = spec("Add", settings).replace("- Add:", "- Merge:")
        same(old, today, codes={"MS220", "MS221"} | ({"MS223"} if len(settings) > 1 else set()))


@pytest.mark.parametrize("mode", layers.MODES)
def test_other_settings_of_merge(mode: str) -> None:
    kind = layers.MODES[mode]
    for old, row in layers.MERGE_SETTINGS[kind.new].items():
        new = {row.new: 1} if isinstance(row, Renamed) else {}
        text = spec("Add", {"mode": mode, old: 1}).replace("- Add:", "- Merge:")
        codes = {"MS220", "MS221"} | (set() if new else {"MS223"})
        same(text, spec(kind.new, {**kind.adds, **new}), codes=codes)


def test_merge_alone_is_a_sum_and_an_unknown_mode_is_told_once() -> None:
    head = "model:\n  inputs: {a: [4], b: [4]}\n  layers:\n    - "
    same(f"{head}Merge: {{from: [a, b]}}\n", f"{head}Add: {{from: [a, b]}}\n", codes={"MS220"})
    said = compile_text(f"{head}Merge: {{mode: median, from: [a, b]}}\n", "spec.yaml").diagnostics
    assert [(d.code, d.span.text if d.span else "") for d in said] == [("MS205", "median")]


THRESHOLDS = [
    ("- ThresholdedReLU", "- {ReLU: {threshold: 1.0}}"),
    ("- ThresholdedReLU:", "- ReLU: {threshold: 1.0}"),
    ("- ThresholdedReLU: 0.5", "- ReLU: {threshold: 0.5}"),
    ("- ThresholdedReLU: {}", "- ReLU: {threshold: 1.0}"),
    ("- ThresholdedReLU: {theta: 0.5}", "- ReLU: {threshold: 0.5}"),
    ("- ThresholdedReLU: {name: t}", "- ReLU: {threshold: 1.0, name: t}"),
    ("- ThresholdedReLU:\n        name: t", "- ReLU:\n        threshold: 1.0\n        name: t"),
]


@pytest.mark.parametrize(("old", "new"), THRESHOLDS)
def test_a_primary_setting_and_a_default_that_were_others(old: str, new: str) -> None:
    head = "model:\n  inputs: {x: [4]}\n  layers:\n    "
    assert (
        fix_text(f"{head}{old}\n    - Dense: 2\n", "spec.yaml").after
        == f"{head}{new}\n    - Dense: 2\n"
    )


# Inputs, wrappers, components, training -----------------------------------------------------------

FIRST = [
    ("Dense: {units: 2, input_dim: 6}", "[6]"),
    ("Dense: {units: 2, input_shape: [6]}", "[6]"),
    ("Dense: {units: 2, batch_input_shape: [null, 6]}", "[6]"),
    ("Dense: {units: 2, batch_input_shape: [3, 6]}", "{shape: [6], batch_size: 3}"),
    ("LSTM: {units: 2, input_dim: 6, input_length: 9}", "[9, 6]"),
    ("LSTM: {units: 2, input_dim: 6}", "[null, 6]"),
    ("Conv1D: {filters: 2, kernel_size: 3, input_shape: [9, 6]}", "[9, 6]"),
    ("Convolution1D: {filters: 2, kernel_size: 3, input_length: 9, input_dim: 6}", "[9, 6]"),
    ("Embedding: {input_dim: 9, output_dim: 2, input_length: 7}", "[7]"),
    (
        "Embedding: {input_dim: 9, output_dim: 2, input_length: 7, input_dtype: int32}",
        "{shape: [7], dtype: int32}",
    ),
]


@pytest.mark.parametrize("style", ["block", "json"])
@pytest.mark.parametrize(("layer", "inputs"), FIRST)
def test_the_first_layers_input_is_the_models(layer: str, inputs: str, style: str) -> None:
    kind, _, body = layer.partition(": ")
    from modelspec.core.source import plain, read_text

    root = read_text(f"a: {body}\nb: {inputs}", "x").value
    assert root is not None
    values: Any = plain(root.root)
    kept = {
        key: value
        for key, value in values["a"].items()
        if not key.startswith(("input_", "batch_")) or (kind == "Embedding" and key == "input_dim")
    }
    kind_today = LAYERS.aliases.get(kind, kind)
    if style == "json":
        old = json.dumps({"model": {"layers": [{kind: values["a"]}, "Flatten"]}}, indent=1)
        new = json.dumps(
            {"model": {"inputs": values["b"], "layers": [{kind_today: kept}, "Flatten"]}}
        )
    else:
        old = f"model:\n  layers:\n    - {kind}: {json.dumps(values['a'])}\n    - Flatten\n"
        new = (
            f"model:\n  inputs: {inputs}\n  layers:\n    - {kind_today}: {json.dumps(kept)}\n    -"
            " Flatten\n"
        )
    codes = {"MS221"} | ({"MS220"} if kind != kind_today else set())
    same(old, new, codes=codes, name="spec.json" if style == "json" else "spec.yaml")


def test_a_layer_that_contradicts_the_models_inputs_is_an_error() -> None:
    text = "model:\n  inputs: {x: [7]}\n  layers:\n    - Dense: {units: 2, input_shape: [6]}\n"
    said = compile_text(text, "spec.yaml").diagnostics
    assert [d.code for d in said] == ["MS208", "MS223"]
    agreeing = compile_text(text.replace("[7]", "[6]"), "spec.yaml").diagnostics
    assert [d.code for d in agreeing] == ["MS223"]


def test_old_and_new_together_are_an_error() -> None:
    head = "model:\n  inputs: {x: [7]}\n  layers:\n    - Dense: {units: 2, "
    for old in ("output_dim: 3}", "output_dim: 2}"):
        said = compile_text(head + old + "\n", "spec.yaml").diagnostics
        assert [(d.code, d.span.text if d.span else "") for d in said] == [("MS208", "output_dim")]


INNER = [
    ("Bidirectional: {LSTM: {output_dim: 3}}", "Bidirectional: {LSTM: {units: 3}}"),
    ("Bidirectional: {CuDNNGRU: 3, merge_mode: sum}", "Bidirectional: {GRU: 3, merge_mode: sum}"),
    (
        "Bidirectional: {layer: {CuDNNLSTM: {units: 3}}}",
        "Bidirectional: {layer: {LSTM: {units: 3}}}",
    ),
    (
        "TimeDistributed: {Dense: {output_dim: 3, init: he_normal}}",
        "TimeDistributed: {Dense: {units: 3, kernel_initializer: he_normal}}",
    ),
    ("TimeDistributed: ThresholdedReLU", "TimeDistributed: {ReLU: {threshold: 1.0}}"),
]


@pytest.mark.parametrize(("old", "new"), INNER)
def test_layers_inside_layers(old: str, new: str) -> None:
    head = "model:\n  inputs: {x: [7, 4]}\n  layers:\n    - "
    before, _ = compiled(f"{head}{old}\n")
    today, _ = compiled(f"{head}{new}\n")
    assert meaning(before) == meaning(today)
    fixed = fix_text(f"{head}{old}\n", "spec.yaml").after
    assert not compiled(fixed)[1] and meaning(compiled(fixed)[0]) == meaning(today)


def test_what_is_shared_is_no_old_layer() -> None:
    text = "model:\n  inputs: {x: [4]}\n  shared: {Merge: [{Dense: 3}]}\n  layers:\n    - Merge\n"
    assert not compiled(text)[1]


def training_spec(**training: Any) -> str:
    model = {"inputs": {"x": [4]}, "layers": [{"Dense": {"units": 3, "activation": "softmax"}}]}
    return json.dumps({"model": model, "training": {"loss": "mse", **training}}, indent=2)


@pytest.mark.parametrize("old", components.LOSSES)
def test_old_losses(old: str) -> None:
    new = components.LOSSES[old]
    assert new in LOSSES and old not in LOSSES
    same(training_spec(loss=old), training_spec(loss=new), codes={"MS222"}, name="a.json")
    same(
        training_spec(loss={"dense": old}),
        training_spec(loss={"dense": new}),
        codes={"MS222"},
        name="a.json",
    )


@pytest.mark.parametrize("old", components.METRICS)
def test_old_metrics(old: str) -> None:
    new = components.METRICS[old]
    assert new in METRICS and old not in METRICS
    for form in ([old, "mae"], {"dense": [old]}):
        today = json.loads(json.dumps(form).replace(old, new))
        same(
            training_spec(metrics=form),
            training_spec(metrics=today),
            codes={"MS222"},
            name="a.json",
        )


def test_an_output_that_is_called_as_an_old_loss_keeps_its_name() -> None:
    text = (
        "model:\n  inputs: {x: [4]}\n  layers: [{Dense: {units: 3, name: cosine}}]\n"
        "training: {loss: {cosine: mse}}\n"
    )
    assert not compiled(text)[1]


@pytest.mark.parametrize(
    ("family", "old", "new"),
    [
        *(("kernel_regularizer", old, new) for old, new in components.REGULARIZERS.items()),
        *(("kernel_constraint", old, new) for old, new in components.CONSTRAINTS.items()),
        *(("activation", old, new) for old, new in components.ACTIVATIONS.items()),
    ],
)
def test_old_components_of_layers(family: str, old: str, new: str) -> None:
    assert old not in REGULARIZERS and old not in CONSTRAINTS
    others = {"units": 3}
    same(
        spec("Dense", {**others, family: old}),
        spec("Dense", {**others, family: new}),
        codes={"MS222"},
    )


def test_settings_of_old_components() -> None:
    for setting, old, new, codes in (
        (
            "kernel_constraint",
            {"maxnorm": {"m": 2.0}},
            {"MaxNorm": {"max_value": 2.0}},
            {"MS221", "MS222"},
        ),
        (
            "kernel_regularizer",
            {"WeightRegularizer": {"l2": 0.1}},
            {"L1L2": {"l2": 0.1}},
            {"MS222"},
        ),
        ("kernel_regularizer", {"l2": {"l": 0.1}}, {"l2": {"l2": 0.1}}, {"MS221"}),
        ("kernel_regularizer", {"L1": {"l": 0.1}}, {"L1": {"l1": 0.1}}, {"MS221"}),
    ):
        same(
            spec("Dense", {"units": 2, setting: old}),
            spec("Dense", {"units": 2, setting: new}),
            codes=codes,
        )


@pytest.mark.parametrize("kind", sorted(OPTIMIZERS.kinds()))
def test_every_optimizer_had_another_word_for_its_learning_rate(kind: str) -> None:
    cls = OPTIMIZERS.find(kind)
    assert cls is not None
    if "learning_rate" not in cls.model_fields or [
        n for n, f in cls.model_fields.items() if f.is_required()
    ]:
        return
    old, new = {kind: {"lr": 0.25}}, {kind: {"learning_rate": 0.25}}
    same(training_spec(optimizer=old), training_spec(optimizer=new), codes={"MS221"}, name="a.json")


SCHEDULED = {
    "InverseTimeDecay": {"initial_learning_rate": 0.5, "decay_steps": 1, "decay_rate": 0.01}
}
OPTIMIZER_CASES = [
    ({"SGD": {"lr": 0.5, "decay": 0.01}}, {"SGD": {"learning_rate": SCHEDULED}}, {"MS221"}),
    (
        {"SGD": {"decay": 0.01, "learning_rate": 0.5}},
        {"SGD": {"learning_rate": SCHEDULED}},
        {"MS221"},
    ),
    ({"SGD": {"lr": 0.5, "decay": 0.0}}, {"SGD": {"learning_rate": 0.5}}, {"MS221", "MS223"}),
    (
        {"sgd": {"momentum": 0.5, "decay": 0.01}},
        {
            "sgd": {
                "momentum": 0.5,
                "learning_rate": {
                    "InverseTimeDecay": {
                        "initial_learning_rate": 0.01,
                        "decay_steps": 1,
                        "decay_rate": 0.01,
                    }
                },
            }
        },
        {"MS221"},
    ),
    ({"Nadam": {"schedule_decay": 0.004}}, {"Nadam": {}}, {"MS223"}),
    ({"RMSprop": {"epsilon": None}}, {"RMSprop": {}}, {"MS223"}),
]


@pytest.mark.parametrize(("old", "new", "codes"), OPTIMIZER_CASES)
def test_what_else_optimizers_had(old: Any, new: Any, codes: set[str]) -> None:
    same(training_spec(optimizer=old), training_spec(optimizer=new), codes=codes, name="a.json")


def test_a_value_that_would_lose_its_effect_is_an_error() -> None:
    for optimizer in ({"Nadam": {"schedule_decay": 0.1}}, {"SGD": {"decay": "fast"}}):
        assert not compile_text(training_spec(optimizer=optimizer), "a.json").ok
    for settings in ({"mode": 2}, {"fused": True, "virtual_batch_size": 8}):
        assert not compile_text(spec("BatchNormalization", settings), "a.yaml").ok


@pytest.mark.parametrize(
    ("kind", "old", "row"),
    [
        (kind, old, row)
        for kind, table in components.CALLBACK_SETTINGS.items()
        for old, row in table.items()
    ],
    ids=str,
)
def test_old_settings_of_callbacks(kind: str, old: str, row: Any) -> None:
    cls = CALLBACKS.find(kind)
    assert cls is not None and old not in cls.model_fields
    others = {"filepath": "a.keras"} if kind == "ModelCheckpoint" else {}
    number = "lr * 0.5" if old == "expression" else 0.5
    value = number if isinstance(row, Renamed) else (row.only or (8,))[0]
    new = {row.new: value} if isinstance(row, Renamed) else {}
    same(
        training_spec(callbacks=[{kind: {**others, old: value}}]),
        training_spec(callbacks=[{kind: {**others, **new}}]),
        codes={"MS221" if new else "MS223"},
        name="a.json",
    )


def test_epochs_had_another_name() -> None:
    same(training_spec(nb_epoch=7), training_spec(epochs=7), codes={"MS221"}, name="a.json")


# Old files ----------------------------------------------------------------------------------------


def test_a_spec_of_today_is_not_touched() -> None:
    """Every word that is old in one place and today's in another stays where it is today's."""
    text = (
        "model:\n  inputs: {x: {shape: [5], dtype: int32}}\n  layers:\n    - Embedding: {input_dim:"
        " 9, output_dim: 4}\n    - LSTM: {units: 4, dropout: 0.1}\n    - ELU: {alpha: 0.5}\n    -"
        " Dense: {units: 3, kernel_initializer: uniform, kernel_regularizer: l2}\ntraining: {loss:"
        " mse, metrics: [acc], batch_size: 8, optimizer: {adam: {epsilon: 0.1}}}\n"
    )
    assert not [d for d in compiled(text)[1] if d.code in OLD]
    assert not fix_text(text, "spec.yaml").changed


def test_the_words_are_those_of_the_tables() -> None:
    """Else run `python -m modelspec.compiler.legacy.generate_words`."""
    assert WORDS.read_text(encoding="utf-8") == words_module()


MODERN = """
modelspec: 1
model:
  inputs: {tokens: {shape: [8], dtype: int32, batch_size: 4}}
  layers:
    - Embedding: {input_dim: 50, output_dim: 16, name: lr}
    - LSTM: {units: 8, dropout: 0.1, return_sequences: true}
    - LayerNormalization: {epsilon: 1.0e-6}
    - MultiHeadAttention: {num_heads: 2, key_dim: 4, output_shape: 8, from: {query: lstm, value: lstm}}
    - DepthwiseConv1D: {kernel_size: 3, depthwise_initializer: he_normal, from: multi_head_attention}
    - Flatten
    - Dense: {units: 1, kernel_initializer: he_normal, activity_regularizer: l2, name: mode}
training:
  optimizer: {Adam: {learning_rate: 0.01, epsilon: 1.0e-6}}
  loss: mse
  batch_size: 4
  callbacks: [{EarlyStopping: {monitor: loss, mode: min}}]
"""


@pytest.mark.parametrize(
    ("text", "loads"),
    [
        (MODERN, False),
        (MODERN.replace("units: 8", "unitz: 8"), False),
        (MODERN.replace("learning_rate: 0.01", "lr: 0.01"), True),
    ],
    ids=["right", "with a fault", "with an old word"],
)
def test_only_a_spec_with_an_old_word_loads_the_tables(
    text: str, loads: bool, tmp_path: Path
) -> None:
    (tmp_path / "spec.yaml").write_text(text, encoding="utf-8")
    code = (
        "import modelspec, sys; print(modelspec.check('spec.yaml').ok,"
        " any('legacy.layer_tables' in name for name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str("unitz" not in text), str(loads)]


def test_did_you_mean_offers_names_of_today() -> None:
    slips = {
        "Convolution2d": "Conv2D",
        "MaxPool2d": "MaxPooling2D",
        "GlobalAvgPol1D": "GlobalAveragePooling1D",
    }
    for slip, meant in slips.items():
        said = compile_text(
            spec("Dense", {"units": 3}).replace("- Dense", f"- {slip}"), "a.yaml"
        ).diagnostics
        assert [(d.code, d.suggestion) for d in said][:1] == [("MS301", meant)]


# The rewritten text -------------------------------------------------------------------------------

OLD_FILE = """\
# a network of 2016
model:
  layers:
    # the first one
    - Convolution2D:      # sees edges
        nb_filter: 8      # few
        nb_row: 3
        nb_col: 5         # wide
        border_mode: 'same'

        input_shape: [28, 28, 1]   # grey
        init: "he_normal"
    - MaxPool2D
    - Dropout: {p: 0.5}   # half
    - Flatten: {input_shape: [14, 14, 8]}
    - Dense: {output_dim: 10, batch_size: null, activation: softmax}
training:
  nb_epoch: 3   # enough
  loss: kullback_leibler_divergence
"""
NEW_FILE = """\
# a network of 2016
model:
  inputs: [28, 28, 1]
  layers:
    # the first one
    - Conv2D:      # sees edges
        filters: 8      # few
        kernel_size: [3, 5]
        # wide
        padding: 'same'

        # grey
        kernel_initializer: "he_normal"
    - MaxPooling2D
    - Dropout: {rate: 0.5}   # half
    - Flatten: {}
    - Dense: {units: 10, activation: softmax}
training:
  epochs: 3   # enough
  loss: kl_divergence
"""


def test_comments_and_layout_stay() -> None:
    fixed = fix_text(OLD_FILE, "spec.yaml")
    assert fixed.after == NEW_FILE
    assert fix_text(NEW_FILE, "spec.yaml").after == NEW_FILE


@pytest.mark.parametrize(
    ("before", "breaks"), [("", "\n"), ("\ufeff", "\n"), ("", "\r\n"), ("\ufeff", "\r\n")]
)
def test_a_file_keeps_its_mode_its_line_breaks_and_its_mark(
    before: str, breaks: str, tmp_path: Path
) -> None:
    path, link = tmp_path / "spec.yaml", tmp_path / "link.yaml"
    path.write_bytes((before + OLD_FILE.replace("\n", breaks)).encode())
    path.chmod(0o640)
    link.symlink_to(path)
    assert fix_file(link).changed
    assert path.read_bytes() == (before + NEW_FILE.replace("\n", breaks)).encode()
    assert path.stat().st_mode & 0o777 == 0o640
    assert link.is_symlink() and sorted(p.name for p in tmp_path.iterdir()) == [
        "link.yaml",
        "spec.yaml",
    ]


def test_the_command_shows_what_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(OLD_FILE)
    result = CliRunner().invoke(main, ["check", "--fix", str(path)])
    assert result.exit_code == 0, result.output
    assert path.read_text() == NEW_FILE
    assert "\n-    - MaxPool2D\n" in result.output and "\n+    - MaxPooling2D\n" in result.output
    assert "no faults" in result.output
    again = CliRunner().invoke(main, ["check", "--fix", str(path)])
    assert "---" not in again.output and path.read_text() == NEW_FILE


def test_a_guess_is_never_written_and_streams_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("model:\n  inputs: {x: [4]}\n  layers:\n    - Dense: {unit: 3}\n")
    before = path.read_text()
    assert CliRunner().invoke(main, ["check", "--fix", str(path)]).exit_code == 1
    assert path.read_text() == before
    assert CliRunner().invoke(main, ["check", "--fix", "-"]).exit_code == 2
    assert CliRunner().invoke(main, ["check", "--fix", "--set", "seed=1", str(path)]).exit_code == 2
    assert CliRunner().invoke(main, ["check", "--fix", str(tmp_path / "none.yaml")]).exit_code == 2


def test_what_is_written_by_an_anchor_is_fixed_where_it_stands() -> None:
    text = (
        "x-same: &same {border_mode: same, dim_ordering: tf}\nmodel:\n  inputs: {x: [8, 8, 3]}\n "
        " layers:\n    - Conv2D: {filters: 3, kernel_size: 3, <<: *same}\n    - MaxPooling2D: {<<:"
        " *same}\n"
    )
    assert fix_text(text, "spec.yaml").after == text.replace(
        "{border_mode: same, dim_ordering: tf}", "{padding: same, data_format: channels_last}"
    )


def test_an_anchor_that_means_two_things_is_left_alone() -> None:
    """`input_dim` is a setting of `Embedding` and none of `Dense`: what is merged into both cannot
    lose it.
    """
    text = (
        "x-both: &both {input_dim: 9, trainable: false}\nmodel:\n  inputs: {x: {shape: [5], dtype:"
        " int32}}\n  layers:\n    - Embedding: {output_dim: 4, <<: *both}\n    - Dense: {units: 3,"
        " <<: *both}\n"
    )
    fixed = fix_text(text, "spec.yaml")
    assert fixed.after == text
    assert [d.code for d in compiled(text)[1]] == ["MS223"]


# Any layout ---------------------------------------------------------------------------------------

PIECES = [
    (
        "Dense",
        {
            "output_dim": 4,
            "init": "he_normal",
            "bias": False,
            "batch_size": None,
            "activation": "relu",
            "W_regularizer": {"WeightRegularizer": {"l2": 0.5}},
            "W_constraint": "nonneg",
            "input_shape": [6],
        },
    ),
    ("Dropout", {"p": 0.25, "seed": 3, "input_shape": [6]}),
    ("Highway", {"transform_bias": -2.0, "activation": "tanh", "b_regularizer": "l2"}),
    ("MaxoutDense", {"output_dim": 5, "nb_feature": 2, "bias": True}),
    ("ThresholdedReLU", {"theta": 0.5, "trainable": True}),
    ("BatchNormalization", {"mode": 0, "beta_init": "ones", "gamma_init": "zeros", "fused": None}),
]
NEEDS = {"Dense": "output_dim", "Dropout": "p", "MaxoutDense": "output_dim"}


@st.composite
def old_texts(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A spec in some layout with old spellings, and the comments in it."""
    comments: list[str] = []

    def comment() -> str:
        if not draw(st.booleans()):
            return ""
        comments.append(f"# remark {len(comments)}")
        return f"  {comments[-1]}"

    lines = ["model:", "  inputs: [6]" + comment(), "  layers:"]
    for _ in range(draw(st.integers(1, 4))):
        kind, settings = draw(st.sampled_from(PIECES))
        chosen = draw(st.permutations(sorted(settings)))[: draw(st.integers(1, len(settings)))]
        keys = list(dict.fromkeys([*chosen, *([NEEDS[kind]] if kind in NEEDS else [])]))
        keys = [key for key in keys if key != "input_shape" or len(lines) == 3]
        pairs = [f"{key}: {written(settings[key], False)}" for key in keys]
        style = draw(st.sampled_from(["flow", "block", "lines"]))
        if style == "flow":
            lines.append(f"    - {kind}: {{{', '.join(pairs)}}}" + comment())
        elif style == "block":
            lines.append(f"    - {kind}:" + comment())
            lines += [f"        {pair}" + comment() for pair in pairs]
        else:
            lines.append(f"    - {kind}: {{" + comment())
            lines += [f"        {pair}," + comment() for pair in pairs]
            lines.append("      }")
    return "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n"])), comments


@given(old_texts())
def test_any_layout_is_fixed_once_and_for_all(drawn: tuple[str, list[str]]) -> None:
    text, comments = drawn
    before, said = compiled(text)
    fixed = fix_text(text, "spec.yaml")
    assert fixed.refused is None
    after, left = compiled(fixed.after)
    assert not [d for d in left if d.code in OLD], fixed.after
    assert meaning(before) == meaning(after)
    assert fix_text(fixed.after, "spec.yaml").after == fixed.after
    assert all(remark in fixed.after for remark in comments), fixed.after
    assert fixed.changed == bool({d.code for d in said} & OLD)


def test_api_reports_them() -> None:
    report = ms.check({"model": {"inputs": {"x": [4]}, "layers": [{"Dense": {"output_dim": 3}}]}})
    assert report.ok and [(d.code, d.suggestion) for d in report.diagnostics] == [
        ("MS221", "units")
    ]
