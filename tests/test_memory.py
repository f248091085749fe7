"""What training takes of memory, without a framework: small models whose bytes are counted by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import modelspec as ms
from modelspec.cli import main
from modelspec.compiler.infer.memory import (
    Memory,
    NotKnown,
    estimated_memory,
    training_memory,
)
from modelspec.compiler.pipeline import compile_spec

TRAINING: dict[str, Any] = {"optimizer": "SGD", "loss": "mse", "batch_size": 10}
DENSE = {"inputs": {"x": [4]}, "layers": [{"Dense": {"units": 3, "name": "y"}}]}


def memory(model: dict[str, Any], **training: Any) -> Memory:
    found = estimated(model, **training)
    assert isinstance(found, Memory), found
    return found


def estimated(model: dict[str, Any], **training: Any) -> Memory | NotKnown:
    spec: dict[str, Any] = {"model": model, "training": {**TRAINING, **training}}
    if "precision" in training:
        spec["runtime"] = {"precision": spec["training"].pop("precision")}
    compiled = compile_spec(spec).value
    assert compiled is not None and compiled.graph is not None
    assert compiled.training is not None
    return estimated_memory(compiled.graph, compiled.training)


# Weights, gradients, optimizer --------------------------------------------------------------------


def test_one_dense_layer_is_counted_by_hand() -> None:
    """15 weights; the batch, the output, the targets and their difference are 10 x (4 + 3 + 3 + 3)."""
    found = memory(DENSE)
    assert (found.weights, found.gradients, found.slots) == (15 * 4, 15 * 4, 0)
    assert found.activations == 10 * (4 + 3 + 3 + 3) * 4
    assert found.total == 2 * 15 * 4 + 520
    assert found.largest == (("y", 360), ("x", 160))


@pytest.mark.parametrize(
    "optimizer, numbers",
    [
        ("SGD", 0),
        ({"SGD": {"momentum": 0.9}}, 15),
        ("RMSprop", 15),
        ({"RMSprop": {"momentum": 0.9, "centered": True}}, 45),
        ("Adam", 30),
        ({"Adam": {"amsgrad": True}}, 45),
        ({"Adam": {"use_ema": True}}, 45),
        ({"Adam": {"gradient_accumulation_steps": 4}}, 45),
        ("Adafactor", 15 + 4 + 3),
        ("Lion", 15),
        ("Lamb", 30),
        ("Muon", 12 + 2 * 3),
        ({"LossScaleOptimizer": {"inner_optimizer": "adam"}}, 30),
        (
            {
                "MultiOptimizer": {
                    "optimizer_map": {
                        "default_optimizer": "adam",
                        "optimizer_map": {"y/bias": "SGD"},
                    }
                }
            },
            24,
        ),
    ],
)
def test_an_optimizer_keeps_so_many_numbers_for_15_weights(optimizer: Any, numbers: int) -> None:
    """A kernel of 4 x 3 and a bias of 3."""
    assert memory(DENSE, optimizer=optimizer).slots == numbers * 4


def test_frozen_layers_have_no_gradients_and_keep_nothing_below() -> None:
    """The first layer is frozen, so that its input is not needed."""
    layers = [
        {"Dense": {"units": 5, "name": "below"}},
        {"Dense": {"units": 3, "name": "y"}},
    ]
    whole = memory({"inputs": {"x": [4]}, "layers": layers}, optimizer="Adam")
    part = memory({"inputs": {"x": [4]}, "layers": layers}, optimizer="Adam", freeze=["below"])
    assert part.weights == whole.weights == (25 + 18) * 4
    assert part.gradients == 18 * 4 and part.slots == 2 * 18 * 4
    assert part.activations == whole.activations  # the input of `y`, and the batch

    relu = [{"Dense": {"units": 5, "name": "below", "activation": "sigmoid"}}, "ReLU", *layers[1:]]
    frozen = memory({"inputs": {"x": [4]}, "layers": relu}, freeze=["below"])
    # Of the frozen part nothing but what `y` takes: the result of the ReLU.
    assert dict(frozen.largest) == {"x": 160, "re_lu": 200, "y": 360}


def test_all_precisions_have_their_bytes() -> None:
    """Mixed precision keeps weights in 4 bytes and activations in 2."""
    single, double = memory(DENSE), memory(DENSE, precision="float64")
    assert (double.weights, double.gradients) == (2 * single.weights, 2 * single.gradients)
    mixed = memory(DENSE, precision="mixed_bfloat16")
    assert (mixed.weights, mixed.gradients) == (single.weights, single.gradients)
    # The batch in 4 bytes; its copy and the output in 2; in 4 again the output for the loss, the
    # targets, and their difference.
    assert mixed.activations == 10 * (4 * 4 + 2 * (4 + 3) + 4 * (3 + 3 + 3))


# Activations --------------------------------------------------------------------------------------


def kept(layers: list[Any], *, inputs: dict[str, Any] | None = None) -> dict[str, int]:
    """Numbers that the layers keep for one example, in units of 4 bytes, after a first trained
    one named `first`.
    """
    first = {"Dense": {"units": 8, "name": "first", "use_bias": False}}
    model = {"inputs": inputs or {"x": [6, 8]}, "layers": [first, *layers]}
    found = memory(model, loss={"mse": {"reduction": "sum"}}, batch_size=1)
    return {name: size // 4 for name, size in found.largest}


def test_layers_that_move_values_keep_nothing() -> None:
    found = kept(
        ["Flatten", {"Reshape": [8, 6]}, {"Permute": [2, 1]}, {"Dense": {"units": 2, "name": "y"}}]
    )
    assert found == {"x": 48, "permute": 48, "y": 3 * 12}


def test_a_tensor_that_two_layers_keep_counts_once() -> None:
    """The result of the ReLU is what both dense layers take."""
    found = kept(
        [
            {"ReLU": {"name": "r"}},
            {"Dense": {"units": 2, "name": "a", "from": "r"}},
            {"Dense": {"units": 2, "name": "b", "from": "r"}},
            {"Add": {"from": ["a", "b"], "name": "y"}},
        ]
    )
    assert found == {"x": 48, "r": 48, "y": 3 * 12}


def test_dropout_keeps_a_boolean_for_each_entry_and_none_where_it_does_nothing() -> None:
    assert kept([{"Dropout": {"rate": 0.5, "name": "d"}}, "GlobalAveragePooling1D"])["d"] == 12
    assert "d" not in kept([{"Dropout": {"rate": 0.0, "name": "d"}}, "GlobalAveragePooling1D"])


def test_a_shared_layer_keeps_its_input_at_every_call_and_has_one_weight() -> None:
    model = {
        "inputs": {"a": [4], "b": [4]},
        "shared": {"tower": {"Dense": {"units": 3, "activation": "relu"}}},
        "layers": [
            {"tower": {"from": "a", "name": "left"}},
            {"tower": {"from": "b", "name": "right"}},
            {"Add": {"from": ["left", "right"], "name": "y"}},
        ],
    }
    found = memory(model, batch_size=1)
    assert found.weights == found.gradients == 15 * 4
    assert dict(found.largest) == {"a": 16, "b": 16, "left": 12, "right": 12, "y": 36}


def test_what_only_outputs_without_a_loss_need_is_not_kept() -> None:
    model = {
        "inputs": {"x": [4]},
        "layers": [
            {"Dense": {"units": 3, "name": "y"}},
            {"Dense": {"units": 500, "activation": "relu", "from": "x", "name": "other"}},
        ],
        "outputs": ["y", "other"],
    }
    found = memory(model, loss={"y": "mse"}, batch_size=1)
    assert dict(found.largest) == {"other": 2000, "y": 36, "x": 16}  # `other` as a result alone


def test_a_sub_model_at_every_step_keeps_its_tensors_at_every_step() -> None:
    model = {
        "inputs": {"x": [5, 4]},
        "shared": {"inner": [{"Dense": {"units": 3, "activation": "relu", "name": "d"}}]},
        "layers": [
            {"TimeDistributed": {"layer": "inner", "name": "t"}},
            {"Flatten": {"name": "y"}},
        ],
    }
    found = dict(memory(model, batch_size=1).largest)
    assert found["t"] == (5 * 4 + 15) * 4  # a copy of each step; what they are put together to
    assert found["t/d"] == 5 * 3 * 4


# Batches ------------------------------------------------------------------------------------------


def test_activations_grow_with_the_batch_and_the_largest_batch_is_the_last_that_fits() -> None:
    found = memory(DENSE)
    assert found.at(20).activations == 2 * found.activations
    count = found.largest_batch(10_000)
    assert count is not None
    assert found.at(count).total <= 10_000 < found.at(count + 1).total
    assert found.largest_batch(100) == 0


def test_a_model_with_a_fixed_batch_has_no_largest_one() -> None:
    model = {"inputs": {"x": {"shape": [4], "batch_size": 10}}, "layers": [{"Dense": 3}]}
    found = memory(model)
    assert found.largest_batch(10**9) is None
    assert found.at(99).total == found.total


@pytest.mark.parametrize(
    "inputs, layers, reason",
    [
        ({"x": ["time", 4]}, [{"LSTM": 3}], "a batch of `x` depends on `time`, which is not known"),
        ({"x": [None, 4]}, [{"LSTM": 3}], "a batch of `x` depends on a size that is not known"),
        (
            {"x": ["auto"]},
            [{"Dense": {"units": 3, "name": "d"}}],
            "the weight `kernel` of `d` depends on a size that follows from the data",
        ),
    ],
)
def test_a_size_that_is_not_known_is_named(
    inputs: dict[str, Any], layers: list[Any], reason: str
) -> None:
    found = estimated({"inputs": inputs, "layers": layers})
    assert found == NotKnown(reason)
    graph = compile_spec({"model": {"inputs": inputs, "layers": layers}}).value
    assert graph is not None and graph.graph is not None
    assert training_memory(graph.graph, None) is None


def test_a_spec_without_training_takes_weights_and_one_example() -> None:
    graph = ms.load_spec({"model": DENSE}).graph
    found = training_memory(graph, None)
    assert found is not None and not found.trained
    assert (found.batch_size, found.gradients, found.slots) == (1, 0, 0)
    assert found.weights == 60 and found.activations == (4 + 3) * 4


# The command --------------------------------------------------------------------------------------

SPEC = """\
model: {inputs: {x: [4]}, layers: [{Dense: {units: 3, name: y}}]}
training: {optimizer: SGD, loss: mse, batch_size: 10}
"""


def show(tmp_path: Path, text: str, *options: str) -> Any:
    (tmp_path / "spec.yaml").write_text(text, encoding="utf-8")
    return CliRunner().invoke(main, ["show", str(tmp_path / "spec.yaml"), *options])


def line(output: str, name: str) -> str:
    return next(one for one in output.splitlines() if one.startswith(f"{name}  "))


def test_show_prints_the_memory_and_the_largest_batch(tmp_path: Path) -> None:
    output = show(tmp_path, SPEC, "--fit", "10kB").output
    assert line(output, "memory").split(maxsplit=1)[1] == (
        "640 bytes at batch size 10: weights 60 bytes, gradients 60 bytes, optimizer 0 bytes,"
        " activations 520 bytes"
    )
    assert line(output, "batch size").split("  ")[-1].strip() == (
        "at most 190 in 10.0 kB: weights 60 bytes, gradients 60 bytes, optimizer 0 bytes,"
        " activations 9.9 kB"
    )
    assert "batch size 1 does not fit into 100 bytes" in show(tmp_path, SPEC, "--fit", "100").output


def test_show_says_one_example_without_training_and_why_nothing_is_known(tmp_path: Path) -> None:
    alone = SPEC.partition("training")[0]
    assert "88 bytes for one example: weights" in show(tmp_path, alone).output
    output = show(tmp_path, alone.replace("[4]", "[auto]")).output
    assert line(output, "memory").split(maxsplit=1)[1] == (
        "not known: the weight `kernel` of `y` depends on a size that follows from the data"
    )


def test_the_record_has_sizes_in_bytes(tmp_path: Path) -> None:
    record = json.loads(show(tmp_path, SPEC, "--format", "json", "--fit", "10 kB").output)
    found = record["memory"]
    assert found["total"] == 640 and found["optimizer"] == 0
    assert found["largest"] == [{"layer": "y", "bytes": 360}, {"layer": "x", "bytes": 160}]
    assert found["fit"]["limit"] == 10_000
    assert found["fit"]["largest_batch"]["batch_size"] == 190
    assert found["fit"]["largest_batch"]["total"] == 120 + 190 * 52


@pytest.mark.parametrize(
    "given, size",
    [("24GB", 24_000_000_000), ("512 MB", 512_000_000), ("1.5g", 1_500_000_000), ("64", 64)],
)
def test_a_size_has_units_of_powers_of_1000(tmp_path: Path, given: str, size: int) -> None:
    record = json.loads(show(tmp_path, SPEC, "--format", "json", "--fit", given).output)
    assert record["memory"]["fit"]["limit"] == size


@pytest.mark.parametrize(
    "given, said",
    [
        ("much", "`much` is not a size, e.g. `24GB`"),
        ("1GiB", "instead of `1GiB` write `1.074GB`"),
        ("0", "`0` must be at least one byte"),
    ],
)
def test_a_text_that_is_not_a_size_is_refused(tmp_path: Path, given: str, said: str) -> None:
    result = show(tmp_path, SPEC, "--fit", given)
    assert result.exit_code == 2 and said in " ".join(result.output.split())


def test_a_batch_fits_a_training_alone(tmp_path: Path) -> None:
    result = show(tmp_path, SPEC.partition("training")[0], "--fit", "1GB")
    said = " ".join(result.output.split())
    assert result.exit_code == 2 and "requires a `training` section" in said


def test_a_check_does_not_work_out_the_memory() -> None:
    """Only `show` and expectations ask for it."""
    code = (
        "import sys, modelspec as ms\n"
        f"ms.check({{'model': {DENSE!r}, 'training': {TRAINING!r}}})\n"
        "print('modelspec.compiler.infer.memory' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
