"""`modelspec resolve`: a resolved spec means the same, and resolves to itself; where its values
come from.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import modelspec as ms
from modelspec.cli import main
from modelspec.compiler.expand import expand
from modelspec.compiler.infer import TypedGraph
from modelspec.compiler.pipeline import Compiled, compile_document, compile_spec
from modelspec.core.diagnostics import Checked
from modelspec.core.settings import Context
from modelspec.core.source import plain, read_text
from modelspec.views.resolve import as_json, dump, resolved, resolved_text
from modelspec.views.resolve.origin import Origins, Wayward

from .drawing import specs
from .test_expand_properties import pairs

LARGE = ("inceptionresnetv2", "resnet50", "xception")
"""Architectures of hundreds of layers: `inceptionv3` is the one that is tested."""
CONFIGS = sorted(
    path
    for path in (Path(__file__).parent.parent / "configs").glob("*.yaml")
    if path.stem not in LARGE
)

BASE = """\
name: thing
vars: {width: 16, rate: 0.1}
training:
  optimizer: adam
  loss: mse
  epochs: 3
  callbacks: [{EarlyStopping: {patience: 3}}]
"""
NET = """\
extends: base.yaml
description: |
  costs US$$ 5
  a run of $width
vars: {width: 32}
blocks:
  residual:
    parameters: {filters: null, act: relu}
    primary: filters
    layers:
      - Dense: {units: $(2 * filters), activation: $act, kernel_regularizer: l2}
      - Dense: {units: $filters, name: out}
model:
  outputs: y
  layers:
    - Dense: 64
    - residual: $width
    - for: {stage: [{u: 4}, {u: 8}]}
      index: i
      do:
        - residual: {filters: $stage.u, name: "s$(i)"}
        - Dense: {units: $(stage.u * width), repeat: 2}
    - Dense: {from: s1, units: 1, name: y}
    - Dense: {name: unseen, units: 1, when: false}
  inputs: {x: [16]}
"""
RESOLVED = """\
modelspec: 1
name: thing

description: |
  costs US$$ 5
  a run of 32

model:
  inputs:
    x: [16]
  layers:
    - Dense: {units: 64, name: dense}
    - Dense: {units: 64, activation: relu, kernel_regularizer: l2, name: residual_dense}
    - Dense: {units: 32, name: residual_out}
    - Dense: {units: 8, activation: relu, kernel_regularizer: l2, name: s0_dense}
    - Dense: {units: 4, name: s0_out}
    - Dense: {units: 128, name: dense_1_1_1}
    - Dense: {units: 128, name: dense_1_1_2}
    - Dense: {units: 16, activation: relu, kernel_regularizer: l2, name: s1_dense}
    - Dense: {units: 8, name: s1_out}
    - Dense: {units: 256, name: dense_1_2_1}
    - Dense: {units: 256, name: dense_1_2_2}
    - Dense: {units: 1, name: "y", from: s1_out}
  outputs: "y"

training:
  optimizer: adam
  loss: mse
  epochs: 3
  callbacks:
    - EarlyStopping: {patience: 3}
"""


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A spec that extends another, in the working directory."""
    monkeypatch.chdir(tmp_path)
    Path("base.yaml").write_text(BASE)
    Path("net.yaml").write_text(NET)
    return "net.yaml"


def right(checked: Checked[Compiled | None]) -> Compiled:
    assert checked.ok and checked.value is not None, "\n".join(map(str, checked.diagnostics))
    return checked.value


def again(text: str) -> Compiled:
    """What a resolved text is compiled to."""
    document = read_text(text, "<again>", "auto")
    assert document.value is not None and not document.diagnostics, (text, document.diagnostics)
    expanded = expand(document.value, Context(), {})
    assert expanded.value is not None and not expanded.diagnostics, (text, expanded.diagnostics)
    return right(compile_document(expanded.value, Context()))


def graph(typed: TypedGraph | None) -> list[Any]:
    """Everything of a graph that a model built from it has."""
    assert typed is not None
    return [
        [
            (
                one.name,
                one.kind,
                one.inputs,
                one.output_shape,
                one.output_dtype,
                one.weights,
                dict(one.call.use.options),
                graph(one.inside) if one.inside else None,
            )
            for one in typed.layers
        ],
        list(typed.inputs.items()),
        list(typed.outputs.items()),
    ]


def as_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: as_lists(item) for key, item in value.items()}
    return [as_lists(item) for item in value] if isinstance(value, tuple) else value


def check_both(compiled: Compiled) -> None:
    """A resolved spec, with and without defaults, as YAML and as JSON, is the same spec and
    resolves to itself.
    """
    for defaults in (False, True):
        text = resolved_text(compiled, defaults=defaults)
        found = again(text)
        assert graph(found.graph) == graph(compiled.graph), text
        assert found.file.seed == compiled.file.seed
        assert resolved_text(found, defaults=defaults) == text
        if not defaults:
            assert resolved_text(found, defaults=True) == resolved_text(compiled, defaults=True)
        values = resolved(compiled, defaults=defaults)
        assert yaml.load(text, Loader=yaml.CSafeLoader) == values  # a reader of YAML 1.1
        assert json.loads(as_json(values)) == values


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_configs(config: Path) -> None:
    compiled = right(compile_spec(str(config)))
    check_both(compiled)
    for defaults in (False, True):
        found = again(resolved_text(compiled, defaults=defaults))
        assert found.training is not None and compiled.training is not None
        assert found.training.epochs == compiled.training.epochs
        assert type(found.training.optimizer) is type(compiled.training.optimizer)
        assert found.training.optimizer.model_dump() == compiled.training.optimizer.model_dump()
        assert {key: one.settings for key, one in found.training.losses.items()} == {
            key: one.settings for key, one in compiled.training.losses.items()
        }
        assert {
            key: [one.settings for one in some] for key, some in found.training.metrics.items()
        } == {
            key: [one.settings for one in some] for key, some in compiled.training.metrics.items()
        }
        assert resolved(found)["data"].keys() == resolved(compiled)["data"].keys()


@settings(max_examples=40, deadline=None)
@given(specs(most=12))
def test_drawn_specs(spec: dict[str, Any]) -> None:
    checked = compile_spec(spec)
    if checked.ok and checked.value is not None:
        check_both(checked.value)


@settings(max_examples=60, deadline=None)
@given(pairs())
def test_specs_with_expansion(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    check_both(right(compile_spec(pair[0])))


def test_the_whole_text(net: str) -> None:
    compiled = right(compile_spec(net))
    assert resolved_text(compiled) == RESOLVED
    check_both(compiled)


def test_old_spellings_become_todays() -> None:
    compiled = right(
        compile_spec(
            {
                "model": {
                    "inputs": {"x": [8, 8, 1]},
                    "layers": [{"Convolution2D": {"filters": 3, "kernel_size": 2}}],
                }
            }
        )
    )
    assert resolved(compiled)["model"]["layers"] == [{"Conv2D": {"filters": 3, "kernel_size": 2}}]


def test_a_dollar_stays_one() -> None:
    spec = {
        "description": "US$$ 5 and $$name",
        "x-y": "$gone",
        "model": {"inputs": {"x": [3]}, "layers": [{"Dense": 2}]},
    }
    compiled = right(compile_spec(spec))
    assert compiled.file.description == "US$ 5 and $name"
    assert again(resolved_text(compiled)).file.description == "US$ 5 and $name"
    assert "x-y" not in resolved(compiled)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=60)
    | st.sampled_from(
        [
            "1e-3",
            "no",
            "0o17",
            "012",
            "1_000",
            "~",
            "",
            "a: b",
            "#",
            "<<",
            "=",
            "- a",
            "null",
            "y",
            "-",
            "a\nb",
            "a\n",
            "\na",
            " a\nb",
            "a\n\nb\n",
            "12:30",
            "2024-01-01",
            "a #b",
            "US$ 5",
            "🙂",
            "\u2028",
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5)
    ),
    max_leaves=30,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.text(max_size=8), VALUES, min_size=1, max_size=5))
def test_every_text_is_read_back_by_both_versions(values: dict[str, Any]) -> None:
    text = dump(values)
    found = read_text(text, "t.yaml")
    assert not found.diagnostics, (text, found.diagnostics)
    assert found.value is not None
    assert as_lists(plain(found.value.root)) == values
    assert yaml.load(text, Loader=yaml.CSafeLoader) == values
    assert json.loads(as_json(values)) == values


def test_lines_are_not_longer_than_they_need_be(net: str) -> None:
    for config in CONFIGS:
        for defaults in (False, True):
            for line in resolved_text(
                right(compile_spec(str(config))), defaults=defaults
            ).splitlines():
                alone = re.fullmatch(r'\s*(- )?\w+: "[^"]*"', line)  # one string, on its own line
                assert alone or len(line) <= 120, line


def test_defaults_are_keras_names_and_values() -> None:
    compiled = right(
        compile_spec(
            {
                "model": {"inputs": {"x": [8]}, "layers": [{"Dense": 3}, {"Dropout": 0.5}]},
                "training": {"loss": "mse", "optimizer": "sgd", "metrics": ["mae"]},
            }
        )
    )
    found = resolved(compiled, defaults=True)
    assert found["model"]["layers"][0]["Dense"] == {
        "units": 3,
        "activation": None,
        "use_bias": True,
        "kernel_initializer": "glorot_uniform",
        "bias_initializer": "zeros",
        "kernel_regularizer": None,
        "bias_regularizer": None,
        "activity_regularizer": None,
        "kernel_constraint": None,
        "bias_constraint": None,
        "lora_rank": None,
        "lora_alpha": None,
        "trainable": True,
        "dtype": "float32",
        "name": "dense",
    }
    assert found["model"]["layers"][1]["Dropout"]["seed"] is None
    assert found["training"]["optimizer"]["SGD"]["momentum"] == 0.0
    assert found["training"]["loss"]["MeanSquaredError"]["name"] == "mse"
    assert (found["training"]["epochs"], found["training"]["batch_size"], found["seed"]) == (
        1,
        32,
        0,
    )
    assert found["model"]["inputs"] == {"x": {"shape": [8], "dtype": "float32", "optional": False}}
    assert found["runtime"]["precision"] == "float32"


def test_wrappers_and_components_are_filled_in_too() -> None:
    compiled = right(
        compile_spec(
            {
                "model": {
                    "inputs": {"x": [5, 8]},
                    "layers": [
                        {
                            "Bidirectional": {
                                "LSTM": {"units": 3, "kernel_regularizer": "l2"},
                                "merge_mode": "sum",
                            }
                        },
                        {"Dense": {"units": 2, "kernel_initializer": {"RandomNormal": 0.5}}},
                    ],
                }
            }
        )
    )
    wrapper, dense = (
        next(iter(one.values())) for one in resolved(compiled, defaults=True)["model"]["layers"]
    )
    assert wrapper["layer"]["LSTM"]["recurrent_activation"] == "sigmoid"
    assert wrapper["layer"]["LSTM"]["kernel_regularizer"] == {"L2": {"l2": 0.01}}
    assert wrapper["merge_mode"] == "sum"
    assert dense["kernel_initializer"] == {
        "RandomNormal": {"mean": 0.5, "stddev": 0.05, "seed": None}
    }


# On the command line ------------------------------------------------------------------------------


def run(*arguments: str, text: str | None = None) -> Any:
    return CliRunner().invoke(main, ["resolve", *arguments], input=text)


def test_the_command(net: str) -> None:
    assert run(net).stdout == RESOLVED
    assert run(net, "-o", "out.yaml").stdout == ""
    assert Path("out.yaml").read_text() == RESOLVED
    assert run("out.yaml").stdout == RESOLVED
    assert run(net, "-o", "out.json").exit_code == 0
    assert json.loads(Path("out.json").read_text()) == json.loads(
        run(net, "--format", "json").stdout
    )
    assert "epochs: 9" in run(net, "--set", "training.epochs=9").output
    assert "use_bias: true" in run(net, "--defaults").output
    assert "- Dense: 7" in run("-", text="model: {inputs: {x: [3]}, layers: [{Dense: 7}]}").output


def test_a_spec_with_errors_is_told_as_check_tells_it(net: str) -> None:
    Path("net.yaml").write_text(NET.replace("units: 1, name: y", "unit: 1, name: y"))
    told, checked = run(net), CliRunner().invoke(main, ["check", net])
    assert (told.exit_code, checked.exit_code) == (1, 1)
    assert told.stderr == checked.output
    assert told.stdout == ""


def test_wrong_uses_of_options(net: str) -> None:
    def usage(*arguments: str) -> bool:
        found = run(*arguments)
        return found.exit_code == 2 or (
            isinstance(found.exception, SystemExit) and found.exception.code == 2
        )

    assert usage(net, "--format", "text")
    assert usage(net, "--explain", "name", "--format", "yaml")
    assert usage(net, "--explain", "name", "--defaults")


# Where values come from ---------------------------------------------------------------------------


def way(path: str, overrides: dict[str, Any] | None = None) -> list[str]:
    """The steps of a value of the spec, each as `place message (path)`."""
    found = Origins(right(compile_spec("net.yaml", overrides))).of(path)
    return [f"{one.span or 'nowhere'} {one.message} ({one.path})" for one in found.steps]


def test_through_a_block_a_loop_and_an_expression(net: str) -> None:
    assert way("model.layers.s0_dense.units") == [
        "net.yaml:11:24 written here, as `$(2 * filters)` (blocks.residual.layers[0].Dense.units)",
        "net.yaml:21:31 `filters` is `4` (model.layers[2].do[0].residual.filters)",
        (
            "net.yaml:18:21 in the loop, where `stage` is a mapping (u) and `i` is `0`"
            " (model.layers[2].for.stage[0])"
        ),
        "net.yaml:21:11 in block `residual`, used here (model.layers[2].do[0].residual)",
    ]


def test_through_a_variable(net: str) -> None:
    assert way("model.layers[2].Dense.units")[:3] == [
        "net.yaml:12:24 written here, as `$filters` (blocks.residual.layers[1].Dense.units)",
        "net.yaml:17:17 `filters` is `32` (model.layers[1].residual)",
        "net.yaml:5:15 `width` is `32` (vars.width)",
    ]


def test_from_an_extended_file_and_from_a_flag(net: str) -> None:
    assert way("training.epochs") == [
        "base.yaml:6:11 written here, as `3` (training.epochs)",
        "net.yaml:1:10 `base.yaml` is extended here (None)",
    ]
    assert way("training.epochs", {"training.epochs": 7}) == [
        "--set training.epochs:1:17 set on the command line, or from Python (None)"
    ]
    assert way("model.layers.dense_1_1_1.units", {"vars.width": 3})[1:3] == [
        "--set vars.width:1:12 `width` is `3` (None)",
        "net.yaml:22:46 in round 1 of 2 (model.layers[2].do[1].Dense.repeat)",
    ]


def test_through_files_that_extend_one_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    Path("net.yaml").write_text(
        "extends: [sub/middle.yaml]\nname: n\nmodel: {inputs: {x: [2]}, layers: [ReLU]}\n"
    )
    Path("sub/middle.yaml").write_text("extends: ../low.yaml\n")
    Path("low.yaml").write_text("seed: 7\n")
    assert way("seed") == [
        "low.yaml:1:7 written here, as `7` (seed)",
        "sub/middle.yaml:1:10 `low.yaml` is extended here (None)",
        "net.yaml:1:11 `middle.yaml` is extended here (None)",
    ]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("model.layers.dense.use_bias", True, "Keras's default of `Dense.use_bias`"),
        (
            "model.layers[0].Dense.dtype",
            "float32",
            "the default of `Dense.dtype`: it follows `runtime.precision`",
        ),
        ("training.optimizer.adam.beta_1", 0.9, "Keras's default of `Adam.beta_1`"),
        (
            "training.callbacks[-1].EarlyStopping.mode",
            "auto",
            "Keras's default of `EarlyStopping.mode`",
        ),
        ("training.batch_size", 32, "the default of `training.batch_size`"),
        ("runtime.jit", "auto", "the default of `runtime.jit`"),
        ("seed", 0, "the default of `seed`"),
    ],
)
def test_defaults_are_said_to_be_some(net: str, path: str, value: Any, message: str) -> None:
    found = Origins(right(compile_spec(net))).of(path)
    assert (found.value, found.default, found.steps[0].message) == (value, True, message)
    assert found.steps[0].span is None


@pytest.mark.parametrize(
    ("path", "code", "place", "suggestion"),
    [
        ("model.layers[0].Dense.unts", "MS148", "unts", "units"),
        ("model.layers.s0_dens.units", "MS148", "s0_dens", "s0_dense"),
        ("trainig.epochs", "MS148", "trainig", "training"),
        ("model.layers[99]", "MS148", "[99]", None),
        ("model.layers.Dense.units", "MS148", "Dense", None),
        ("training.epochs.x", "MS148", "x", None),
        ("training[0]", "MS148", "[0]", None),
        ("vars.width", "MS148", "vars", None),
        ("a..b", "MS130", "a..b", None),
    ],
)
def test_a_path_that_leads_nowhere(
    net: str, path: str, code: str, place: str, suggestion: str | None
) -> None:
    with pytest.raises(Wayward) as raised:
        Origins(right(compile_spec(net))).of(path)
    assert (raised.value.fault.code, raised.value.span.text) == (code, place)
    assert raised.value.fault.suggestion == suggestion


def test_explaining_on_the_command_line(net: str) -> None:
    found = run(net, "--explain", "model.layers[s0_dense].Dense.units", "--explain", "seed")
    assert found.exit_code == 0
    assert found.stdout.startswith(
        "model.layers[s0_dense].Dense.units: 8\n  net.yaml:11:24  written here, as "
    )
    assert found.stdout.endswith("\nseed: 0\n  the default of `seed`\n")
    told = json.loads(run(net, "--explain", "training.epochs", "--format", "json").stdout)
    assert told[0]["steps"][0] == {
        "message": "written here, as `3`",
        "file": "base.yaml",
        "line": 6,
        "column": 11,
        "path": "training.epochs",
    }
    lost = run(net, "--explain", "trainin", "--explain", "seed")
    assert (lost.exit_code, "MS148" in lost.stderr, lost.stdout) == (
        1,
        True,
        "seed: 0\n  the default of `seed`\n",
    )


def test_every_value_has_an_origin(net: str) -> None:
    """No value of the resolved spec, and none of its defaults, is without a word about where it
    comes from.
    """
    compiled = right(compile_spec(net, {"model.layers[0].Dense.activation": "tanh"}))
    origins = Origins(compiled)

    def paths(value: Any, path: str) -> Any:
        yield path
        for key, item in (
            value.items()
            if isinstance(value, dict)
            else enumerate(value)
            if isinstance(value, list)
            else ()
        ):
            yield from paths(item, f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}")

    values = resolved(compiled, defaults=True)
    every = [path for key, value in values.items() for path in paths(value, key)]
    assert len(every) > 200
    for path in every:
        assert origins.of(path).steps[0].message
    assert ms.load_spec(values).graph.parameters == compiled.graph.parameters  # type: ignore[union-attr]
